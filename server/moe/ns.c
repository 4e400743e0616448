/* SPDX-License-Identifier: MIT */
/* Name spaces and their protocol (0x4001); the contract and the invariant N1 are in ns.h. */
#include "ns.h"
#include <l4/re/protocols.h>
#include <l4/sys/task.h>
#include <string.h>

#define REGISTER_OVERWRITE 0x200u
#define QUERY_PARTIAL 0x20
#define NAME_MAX 480u

/* ---- entries ---- */

static void entry_set_object(struct ns_entry *e, struct object *o)
{
    e->object = o;
    e->object_next = o->entries;
    e->object_link = &o->entries;
    if (e->object_next != NULL)
        e->object_next->object_link = &e->object_next;
    o->entries = e;
}

static void entry_unlink_object(struct ns_entry *e)
{
    *e->object_link = e->object_next;
    if (e->object_next != NULL)
        e->object_next->object_link = e->object_link;
    e->object = NULL;
}

/* Makes it a placeholder. */
static void entry_clear(struct ns_entry *e)
{
    struct object *o = e->object;

    if (o != NULL) {
        entry_unlink_object(e);
        if (!e->is_static)
            object_drop(o);
    }
    if (l4_is_valid_cap(e->cap))
        l4re_caps_drop(server.caps, e->cap);
    e->cap = L4_INVALID_CAP;
}

/* Is something there? Finds out that a foreign object has ended. */
static bool entry_is_live(struct ns_entry *e)
{
    if (l4_is_valid_cap(e->cap) && l4_msgtag_label(l4_task_cap_valid(L4_BASE_TASK_CAP, e->cap)) != 1)
        entry_clear(e);
    return e->object != NULL || l4_is_valid_cap(e->cap);
}

void ns_object_gone(struct object *o)
{
    while (o->entries != NULL)
        entry_unlink_object(o->entries);
}

struct ns_entry *ns_find(struct ns *ns, const char *name, unsigned length)
{
    struct ns_entry *e = ns->entries;

    while (e != NULL && (e->length != length || memcmp(e->name, name, length) != 0))
        e = e->next;
    return e;
}

static struct ns_entry *entry_new(struct ns *ns, const char *name, unsigned length)
{
    struct ns_entry *e = factory_take(ns->object.owner, sizeof *e + length);

    if (e == NULL)
        return NULL;
    e->cap = L4_INVALID_CAP;
    e->length = length;
    memcpy(e->name, name, length);
    e->next = ns->entries;
    ns->entries = e;
    return e;
}

static void entry_free(struct ns *ns, struct ns_entry *e)
{
    struct ns_entry **at = &ns->entries;

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    entry_clear(e);
    factory_give(ns->object.owner, e, sizeof *e + e->length);
}

/* ---- protocol ---- */

static long op_query(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct ns *ns = (struct ns *)obj;
    unsigned length, first = 0;
    const char *name = l4re_rd_name(&m->in, &length);

    if (m->in.err != 0)
        return m->in.err;
    while (first < length && name[first] != '/')
        first++;
    struct ns_entry *e = first > 0 ? ns_find(ns, name, first) : NULL;
    if (e == NULL)
        return -L4_ENOENT;
    if (!entry_is_live(e))
        return -L4_EAGAIN;
    unsigned rest = first < length ? first + 1 : length;
    l4re_wr_i32(&m->out, 0);
    l4re_wr_name(&m->out, name + rest, length - rest);
    if (e->object == NULL)
        l4re_wr_cap(&m->out, e->cap, e->rights);
    else {
        long r = object_reply(e->object, m, e->rights);
        if (r < 0)
            return r;
    }
    return first < length ? QUERY_PARTIAL : 0;
}

/* What a query may hand out: never more than the flags say and the registered reference carries. */
static unsigned rights_of(unsigned flags, unsigned reference)
{
    unsigned rights = L4_CAP_FPAGE_RO;

    if ((flags & L4_CAP_FPAGE_RW) == L4_CAP_FPAGE_RW)
        rights |= L4_CAP_FPAGE_W;
    rights |= flags & L4_CAP_FPAGE_S;
    return rights & (reference | L4_CAP_FPAGE_RO);
}

/* Fills a placeholder from the request's item. */
static long entry_fill(struct ns_entry *e, unsigned flags, const struct l4re_item *item, l4_cap_idx_t cap,
                       struct l4re_msg *m)
{
    if (item->kind == L4RE_ITEM_LABEL) {
        struct object *o = (struct object *)(item->data & ~3ul);
        e->rights = rights_of(flags, (unsigned)item->data & 3u);
        entry_set_object(e, o);
        object_hold(o);
    } else if (item->kind == L4RE_ITEM_MAPPED) {
        if (l4re_msg_take(m, cap) < 0)
            return -L4_ENOMEM;
        e->rights = rights_of(flags, L4_CAP_FPAGE_RWS); /* the slot itself has no more than it got */
        e->cap = cap;
    } else {
        e->rights = rights_of(flags, L4_CAP_FPAGE_RWS);
    }
    return 0;
}

static long op_register(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct ns *ns = (struct ns *)obj;
    unsigned flags = l4re_rd_u32(&m->in), length;
    const char *name = l4re_rd_name(&m->in, &length);
    l4_cap_idx_t cap = L4_INVALID_CAP;

    if (m->in.err != 0)
        return m->in.err;
    struct l4re_item item = l4re_msg_item(m, &cap);
    if (length == 0 || length > NAME_MAX || memchr(name, '/', length) != NULL || item.kind == L4RE_ITEM_EMPTY)
        return -L4_EINVAL;
    struct ns_entry *e = ns_find(ns, name, length);
    if (e != NULL && e->is_static)
        return -L4_EACCESS;
    if (e != NULL && (flags & REGISTER_OVERWRITE) == 0 && entry_is_live(e))
        return -L4_EEXIST;
    if (e == NULL && (e = entry_new(ns, name, length)) == NULL)
        return -L4_ENOMEM;
    entry_clear(e);
    return entry_fill(e, flags, &item, cap, m);
}

static long op_unlink(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct ns *ns = (struct ns *)obj;
    unsigned length;
    const char *name = l4re_rd_name(&m->in, &length);

    if (m->in.err != 0)
        return m->in.err;
    struct ns_entry *e = ns_find(ns, name, length);
    if (e == NULL)
        return -L4_ENOENT;
    if (e->is_static)
        return -L4_EACCESS;
    entry_free(ns, e);
    return 0;
}

/* ---- creation and end ---- */

long ns_create(struct factory *f, struct ns **out)
{
    struct ns *ns = factory_take(f, sizeof *ns);

    if (ns == NULL)
        return -L4_ENOMEM;
    object_init(&ns->object, &ns_type, f);
    *out = ns;
    return 0;
}

long ns_add(struct ns *ns, const char *name, unsigned length, struct object *o, unsigned rights)
{
    if (ns_find(ns, name, length) != NULL)
        return -L4_EEXIST;
    struct ns_entry *e = entry_new(ns, name, length);
    if (e == NULL)
        return -L4_ENOMEM;
    e->is_static = true;
    e->rights = rights;
    entry_set_object(e, o);
    return 0;
}

static void ns_free(struct object *o)
{
    struct ns *ns = (struct ns *)o;

    while (ns->entries != NULL)
        entry_free(ns, ns->entries);
    object_remove(o);
    factory_give(o->owner, ns, sizeof *ns);
}

static const struct l4re_op ops[] = {
    {.code = 0, .fn = op_query},
    {.code = 1, .rights = L4_CAP_FPAGE_W, .fn = op_register},
    {.code = 3, .rights = L4_CAP_FPAGE_W, .fn = op_unlink},
};
static const struct l4re_proto protos[] = {
    {L4RE_PROTO_NAMESPACE, "N4L4Re9NamespaceE", L4RE_CODE_INT, L4RE_OPS(ops)},
};
const struct object_type ns_type = {
    .iface = {L4RE_IFACE(protos), .gone = object_gate_gone},
    .unused = ns_free,
    .destroy = ns_free,
};
