/* SPDX-License-Identifier: MIT */
/*
 * Object life: see kobj.h. Destruction and freeing go through one work list, so that a chain of objects that own one
 * another (a task that holds the last capability to a task that holds …) needs no kernel stack.
 *   K1  An object is on the work list at most once: first to be destroyed, later to be freed.
 *   K2  Memory that the short message path may look at (objects, pages of capabilities) goes through limbo.c.
 */
#include "kobj.h"
#include "factory.h"
#include "cpu.h"
#include "ipc.h"

struct kobj *kobj_work;

static void work_add(struct kobj *obj)
{
    obj->work = kobj_work;
    kobj_work = obj;
    cpu_self()->work = true;
}

static cold_path void last_object_gone(struct factory *f)
{
    kassert(f->obj.destroyed);
    work_add(&f->obj);
}

void kobj_work_run(void)
{
    while (kobj_work != NULL) {
        struct kobj *obj = kobj_work;
        struct factory *payer = obj->payer;

        kobj_work = obj->work;
        if (!obj->destroyed) {
            obj->destroyed = true;
            obj->ops->destroy(obj);
            if (--obj->refs != 0)
                continue;
        }
        obj->ops->free(obj);
        if (payer != NULL && unlikely(--payer->obj.refs == 0))
            last_object_gone(payer);
    }
    cpu_self()->work = false;
}

void kobj_init(struct kobj *obj, const struct kobj_ops *ops, enum kobj_type type, struct factory *payer)
{
    obj->ops = ops; /* field by field: shorter than clearing all first */
    obj->payer = payer;
    obj->counted = 0;
    obj->refs = 1;
    obj->slots = 0;
    obj->type = (uint8_t)type;
    obj->dead = obj->destroyed = obj->boot = false;
    if (payer != NULL)
        kobj_ref(&payer->obj);
}

void kobj_unref(struct kobj *obj)
{
    kassert(obj->refs > 0);
    if (--obj->refs == 0) {
        kassert(obj->destroyed);
        work_add(obj);
    }
}

void kobj_destroy(struct kobj *obj)
{
    if (obj->dead)
        return;
    obj->dead = true;
    while (obj->slots != 0) { /* O1 */
        struct cap *slot = heap_pointer(obj->slots);

        obj->slots = slot->next;
        *slot = (struct cap){0};
    }
    work_add(obj);
}

struct thread *kobj_invoke(struct kobj *obj, struct invoke *in)
{
    struct kobj *from = obj->type == KOBJ_IRQ ? obj : NULL;
    l4_tag answer;

    if (!(in->op & L4_OP_SEND))
        return in->op & L4_OP_RECV ? ipc_receive(in, from) : ipc_done(in, in->tag);
    answer = obj->ops->operate(obj, in);
    if (answer.raw == TAG_NO_REPLY.raw)
        return in->op & L4_OP_RECV ? ipc_receive(in, from) : ipc_done(in, in->tag);
    if (unlikely(answer.raw == TAG_RESUMED.raw))
        return in->self;
    if (!(in->op & L4_OP_RECV) && !l4_tag_error(answer))
        answer = in->tag;
    return ipc_done(in, answer);
}
