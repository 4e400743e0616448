/* SPDX-License-Identifier: MIT */
/*
 * Object life: see kobj.h. Destruction and freeing go through one work list, so that a chain of objects that own one
 * another (a task that holds the last capability to a task that holds …) needs no kernel stack, and interrupts
 * wait for no more than a window's worth of it. What is left is done by the thread that caused it, before its call
 * is complete (THREAD_WORK), and when there is nothing else to do, by the idle thread.
 *   K1  An object is on the work list at most once: first to be destroyed, later to be freed.
 *   K2  Memory that the short message path may look at (objects, pages of capabilities) goes through limbo.c.
 */
#include "kobj.h"
#include "factory.h"
#include "cpu.h"
#include "ipc.h"

struct kobj *kobj_work;

static l4_tag dead_operate(struct kobj *obj, struct invoke *in)
{
    (void)obj;
    return ipc_error_tag(in->utcb, L4_IPC_NOT_EXISTENT);
}

/* O1, for the short path, which looks at no more than the slot: it may be still to be emptied. */
static const struct kobj_ops dead_ops = {.name = "dead", .answers = true, .operate = dead_operate};

/* ---- the work list ---- */

static inline void work_push(struct kobj *obj)
{
    if (unlikely(obj->listed))
        return;
    obj->listed = true;
    obj->work = kobj_work;
    kobj_work = obj;
    cpu_self()->work = true;
}

cold_path void kobj_work_add(struct kobj *obj) { work_push(obj); }

/* The object is on no slot list any more; it is taken off one window's worth at a time. */
static cold_path bool slots_empty(struct kobj *obj)
{
    while (obj->slots != 0) {
        struct cap *slot = heap_pointer(obj->slots);

        obj->slots = slot->next;
        if (obj->slots != 0) /* O3: the slot that was before it may be somebody else's soon */
            ((struct cap *)heap_pointer(obj->slots))->prev = 0;
        *slot = (struct cap){0};
        if (!work_done(1))
            return false;
    }
    return true;
}

/* A window's worth of what is to do for the object; true: all is done. */
__attribute__((always_inline)) static inline bool work_do(struct kobj *obj)
{
    struct factory *payer = obj->payer;

    if (obj->refs != 0) {
        if ((obj->slots != 0 && obj->dead && !slots_empty(obj)) || !obj->ends->destroy(obj))
            return false;
        if (!obj->dead || obj->destroyed)
            return true;
        obj->destroyed = true;
        if (--obj->refs != 0)
            return true;
    }
    if (!obj->ends->free(obj))
        return false;
    if (payer != NULL && unlikely(--payer->obj.refs == 0))
        kobj_work_add(&payer->obj);
    return true;
}

bool kobj_work_run(void)
{
    while (kobj_work != NULL) {
        struct kobj *obj = kobj_work;

        if (work_left <= 0)
            return false;
        kobj_work = obj->work;
        obj->listed = false;
        if (!work_do(obj))
            kobj_work_add(obj);
        work_left -= 5;
    }
    cpu_self()->work = false;
    return true;
}

/* ---- life ---- */

void kobj_init(struct kobj *obj, const struct kobj_ops *ops, enum kobj_type type, struct factory *payer)
{
    obj->ops = obj->ends = ops; /* field by field: shorter than clearing all first */
    obj->payer = payer;
    obj->counted = 0;
    obj->refs = 1;
    obj->slots = 0;
    obj->type = (uint8_t)type;
    obj->dead = obj->destroyed = obj->boot = obj->listed = false;
    if (payer != NULL)
        kobj_ref(&payer->obj);
}

void kobj_unref(struct kobj *obj)
{
    kassert(obj->refs > 0);
    if (--obj->refs == 0) {
        kassert(obj->destroyed);
        kobj_work_add(obj);
    }
}

void kobj_destroy(struct kobj *obj)
{
    if (obj->dead)
        return;
    obj->dead = true;
    obj->type |= KOBJ_DEAD; /* O1 */
    obj->ops = &dead_ops;
    work_push(obj);
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
    if (unlikely(answer.raw >= TAG_TRAVELS.raw))
        return answer.raw == TAG_RESUMED.raw ? in->self : answer.raw == TAG_AGAIN.raw ? preempt(in->self)
                                                                                       : sched_pick(in->self);
    if (!(in->op & L4_OP_RECV) && !l4_tag_error(answer))
        answer = in->tag;
    return ipc_done(in, answer);
}
