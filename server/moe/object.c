/* SPDX-License-Identifier: MIT */
/* Objects and their life; the contract and the invariants O1-O4 are in object.h. */
#include "object.h"
#include "factory.h"
#include "ns.h"
#include <l4/sys/kernel_object.h>

static struct object *doomed;

void object_init(struct object *o, const struct object_type *type, struct factory *owner)
{
    *o = (struct object){.type = type, .owner = owner};
    o->obj.cap = L4_INVALID_CAP;
    o->next = owner->objects;
    o->link = &owner->objects;
    if (o->next != NULL)
        o->next->link = &o->next;
    owner->objects = o;
}

long object_gate(struct object *o)
{
    if (object_has_gate(o))
        return 0;
    long r = l4re_srv_register(&server, &o->obj, &o->type->iface);
    if (r < 0 || o->is_fixed)
        return r;
    r = l4re_srv_weaken(&server, &o->obj); /* the gate goes with the last client */
    if (r < 0)
        l4re_srv_unregister(&server, &o->obj);
    return r;
}

void object_remove(struct object *o)
{
    if (object_has_gate(o))
        l4re_srv_unregister(&server, &o->obj);
    ns_object_gone(o);
    *o->link = o->next;
    if (o->next != NULL)
        o->next->link = o->link;
    for (struct object **d = &doomed; o->is_doomed; d = &(*d)->doomed) {
        if (*d == o) {
            *d = o->doomed;
            break;
        }
    }
}

long object_reply(struct object *o, struct l4re_msg *m, unsigned rights)
{
    long r = object_gate(o);

    if (r >= 0)
        l4re_wr_cap(&m->out, o->obj.cap, rights);
    return r;
}

/* ---- references of our own (O2) ---- */

void object_hold(struct object *o)
{
    if (!o->is_fixed && object_has_gate(o))
        l4_kobject_dec_refcnt(o->obj.cap, -1);
}

/* When nobody else holds a counted reference the object ends: the kernel tells only of the last one unmapped. */
void object_drop(struct object *o)
{
    if (o->is_fixed || !object_has_gate(o))
        return;
    long r = l4_error(l4_kobject_dec_refcnt(o->obj.cap, 1));
    if (r < 0 || (l4_mword_t)l4_utcb_mr()->mr[0] <= 0)
        object_doom(o);
}

struct object *object_of(const struct l4re_item *item, const struct object_type *type)
{
    struct object *o = (struct object *)(item->data & ~3ul);

    return item->kind == L4RE_ITEM_LABEL && o->type == type ? o : NULL;
}

/* ---- the end (O4) ---- */

void object_doom(struct object *o)
{
    if (o->is_doomed)
        return;
    o->is_doomed = true;
    o->doomed = doomed;
    doomed = o;
}

void object_doomed_end(void)
{
    while (doomed != NULL) {
        struct object *o = doomed;
        doomed = o->doomed;
        o->is_doomed = false;
        if (object_has_gate(o))
            l4re_srv_unregister(&server, &o->obj);
        ns_object_gone(o);
        o->type->unused(o);
    }
}

void object_gate_gone(struct l4re_obj *obj, struct l4re_srv *srv)
{
    (void)srv;
    object_doom((struct object *)obj);
}
