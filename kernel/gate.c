/* SPDX-License-Identifier: MIT */
/*
 * IPC gates: a label and a thread. Who sends through a gate that is bound to no thread waits at the gate.
 *   G1  waiting is empty while the gate is bound; but for those who are yet to go on, when it is on the work list.
 *   G2  The short path reads thread, then label, without the lock. So thread is NULL until the label is there, and a
 *       gate that is bound gets another thread or label while every other CPU is claimed: not one change after the
 *       other, either, of which a CPU that stands between two loads would see half of each.
 */
#include "cpu.h"
#include "factory.h"
#include "ipc.h"
#include "objects.h"
#include "operation.h"
#include "smp.h"
#include "task.h"

static struct slab gate_slab;

boot_code void gate_module_init(void)
{
    slab_init(&gate_slab, "gate", sizeof(struct gate));
}

struct gate *gate_create(struct factory *payer, struct thread *thread, word_t label)
{
    struct gate *g = charged_slab_alloc_raw(payer, &gate_slab);

    if (g == NULL)
        return NULL;
    kobj_init(&g->obj, &gate_ops, KOBJ_GATE, payer);
    list_init(&g->waiting);
    g->label = label;
    g->thread = thread;
    if (thread != NULL)
        kobj_ref(&thread->obj);
    return g;
}

void gate_dequeue(struct thread *t)
{
    sender_unqueue(&t->snd);
}

/* All who wait make their call again. */
static cold_path bool gate_release(struct gate *g)
{
    while (!list_empty(&g->waiting)) {
        struct thread *t = container_of(list_first(&g->waiting, struct sender, link), struct thread, snd);

        ipc_claim(t, false);
        if (t->resume == NULL) /* not canceled */
            t->resume = ipc_restart_resume;
        if (t->resume == ipc_restart_resume)
            ipc_unblock(t);
        else
            sender_unqueue(&t->snd);
        ipc_wake(t);
        if (!work_done(10))
            return list_empty(&g->waiting);
    }
    return true;
}

/* Of a gate that lives: it has been bound. */
static bool gate_destroy(struct kobj *obj)
{
    struct gate *g = gate_of(obj);

    if (unlikely(!list_empty(&g->waiting)) &&
        !(obj->dead ? senders_abort(&g->waiting, L4_IPC_NOT_EXISTENT) : gate_release(g)))
        return false;
    if (unlikely(g->thread != NULL && g->thread->delete_irq != NULL && obj->dead))
        irq_trigger(g->thread->delete_irq);
    return true;
}

static bool gate_free(struct kobj *obj)
{
    struct gate *g = gate_of(obj);

    if (g->thread != NULL)
        kobj_unref(&g->thread->obj);
    charged_slab_retire(obj->payer, &gate_slab, g);
    return true;
}

static cold_path l4_tag gate_bind(struct gate *g, struct invoke *in)
{
    struct kobj *thread;
    struct thread *old = g->thread;
    word_t label = in->utcb->mr[1]; /* read once: another CPU may write it meanwhile */
    unsigned rights;
    int st;

    if (label & 3u)
        return tag_label(-L4_ERR_INVAL);
    st = cap_arg(in, KOBJ_THREAD, &thread, &rights);
    if (st != OK)
        return cap_arg_tag(in, st);
    if (!(rights & L4_RIGHT_S))
        return tag_label(-L4_ERR_PERM);

    /* ---- commit: nothing below can fail ---- */
    if (old != NULL)
        cpu_claim_all(); /* G2 */
    kobj_ref(thread);
    g->label = label;
    __atomic_store_n(&g->thread, thread_of(thread), __ATOMIC_RELEASE);
    if (old != NULL)
        kobj_unref(&old->obj);
    if (!list_empty(&g->waiting))
        kobj_work_add(&g->obj);
    return tag_label(0);
}

static l4_tag gate_dec_refcnt(struct gate *g, struct invoke *in)
{
    g->obj.counted = (int64_t)((uint64_t)g->obj.counted - in->utcb->mr[1]);
    in->utcb->mr[0] = (word_t)g->obj.counted;
    return tag_words(0, 1);
}

static l4_tag gate_info(const struct gate *g, struct invoke *in)
{
    in->utcb->mr[0] = g->label;
    return tag_words(0, 1);
}

#define OPERATIONS_OF_GATE OPERATIONS_MINE
#define OPERATION(handler) gate_##handler(g, in)

static l4_tag gate_operate(struct kobj *obj, struct invoke *in)
{
    struct gate *g = gate_of(obj);

    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_INVAL);
    switch (operation_key(L4_PROTO_KOBJECT, in->utcb->mr[0])) {
#include <l4/ops.def>
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

static struct thread *gate_block(struct gate *g, struct invoke *in)
{
    struct thread *self = in->self;
    word_t code = ipc_block(self, IPC_GATE, l4_timeout_snd(in->timeout));

    if (code != 0)
        return ipc_fail(in, code);
    self->snd.prio = self->prio;
    sender_enqueue(&g->waiting, &self->snd);
    return sched_pick(self);
}

static struct thread *gate_invoke(struct kobj *obj, struct invoke *in)
{
    struct gate *g = gate_of(obj);

    if (unlikely(l4_tag_label(in->tag) == L4_PROTO_KOBJECT) && (in->rights & L4_OBJ_SERVER) && (in->op & L4_OP_SEND))
        return kobj_invoke(obj, in);
    if (unlikely((in->op & L4_OP_MASK) == 0))
        return ipc_fail(in, L4_IPC_NOT_EXISTENT);
    if (unlikely((in->op & L4_OP_OPEN_WAIT) && !(in->op & L4_OP_SEND)))
        return ipc_receive(in, NULL);
    if (unlikely(g->thread == NULL))
        return gate_block(g, in);
    in->label = g->label | (in->rights & (L4_RIGHT_W | L4_RIGHT_S));
    return ipc_run(in, g->thread, &g->thread->obj);
}

static void gate_check(const struct kobj *obj)
{
    const struct gate *g = gate_of((struct kobj *)obj);

    kassert(g->thread == NULL || list_empty(&g->waiting) || g->obj.listed); /* G1 */
}

const struct kobj_ops gate_ops = {
    .name = "gate",
    .invoke = gate_invoke,
    .operate = gate_operate,
    .destroy = gate_destroy,
    .free = gate_free,
    .check = gate_check,
};
