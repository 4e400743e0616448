/* SPDX-License-Identifier: MIT */
/*
 * Semaphores: a counter and a queue of threads by priority. Also the target of an ICU pin: each interrupt is an up.
 *   S1  waiting is not empty => count is 0.
 */
#include "cpu.h"
#include "factory.h"
#include "ipc.h"
#include "objects.h"
#include "operation.h"
#include "smp.h"

static struct slab sem_slab;

boot_code void sem_module_init(void)
{
    slab_init(&sem_slab, "semaphore", sizeof(struct sem));
}

static void sem_give(struct sem *s)
{
    struct thread *t;

    if (list_empty(&s->waiting)) {
        if (s->count < INT64_MAX)
            s->count++;
        return;
    }
    t = container_of(list_first(&s->waiting, struct sender, link), struct thread, snd);
    ipc_claim(t, false);
    ipc_unblock(t);
    if (frame_dest(&t->arch.frame) & L4_OP_RECV) /* else it keeps its own tag, as after any send */
        frame_set_tag(&t->arch.frame, tag_label(0).raw);
    ipc_wake(t);
}

static void sem_hit(struct irq_base *base)
{
    irq_source_mask(base->source); /* unmasked when somebody has taken it */
    sem_give(container_of(base, struct sem, base));
}

struct sem *sem_create(struct factory *payer)
{
    struct sem *s = charged_slab_alloc(payer, &sem_slab);

    if (s == NULL)
        return NULL;
    kobj_init(&s->base.obj, &sem_ops, KOBJ_SEM, payer);
    s->base.hit = sem_hit;
    list_init(&s->waiting);
    return s;
}

void sem_dequeue(struct thread *t)
{
    sender_unqueue(&t->snd);
}

static bool sem_destroy(struct kobj *obj)
{
    struct sem *s = sem_of(obj);

    irq_unbind_source(&s->base);
    return senders_abort(&s->waiting, L4_IPC_NOT_EXISTENT);
}

static bool sem_free(struct kobj *obj)
{
    charged_slab_retire(obj->payer, &sem_slab, sem_of(obj));
    return true;
}

static void sem_unmask_edge(struct sem *s)
{
    if (s->base.source != NULL && !s->base.source->level)
        irq_source_unmask(s->base.source);
}

/* Without waiting. */
static l4_tag sem_down(struct sem *s, struct invoke *in)
{
    (void)in;
    if (s->count <= 0)
        return TAG_MUST_WAIT;
    if (s->count-- <= 2)
        sem_unmask_edge(s);
    return tag_label(0);
}

static l4_tag sem_up(struct sem *s, struct invoke *in)
{
    (void)in;
    sem_give(s);
    return TAG_NO_REPLY;
}

static l4_tag sem_eoi(struct sem *s, struct invoke *in)
{
    (void)in;
    if (s->count < 1)
        irq_source_unmask(s->base.source);
    return TAG_NO_REPLY;
}

#define OPERATIONS_OF_SEM OPERATIONS_MINE
#define OPERATION(handler) sem_##handler(s, in)

static l4_tag sem_operate(struct kobj *obj, struct invoke *in)
{
    struct sem *s = sem_of(obj);
    long label = l4_tag_label(in->tag);

    if (label != L4_PROTO_SEMAPHORE && label != L4_PROTO_IRQ)
        return tag_label(-L4_ERR_BADPROTO);
    if (l4_tag_words(in->tag) == 0)
        return label == L4_PROTO_IRQ ? sem_up(s, in) : tag_label(-L4_ERR_INVAL);
    switch (operation_key(label, in->utcb->mr[0] & 0xffffu)) {
#include <l4/ops.def>
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

static struct thread *sem_wait(struct sem *s, struct invoke *in)
{
    struct thread *self = in->self;
    word_t code;

    sem_unmask_edge(s);
    if (s->count > 0) /* the source had kept an interrupt: it counts now */
        return kobj_invoke(&s->base.obj, in);
    code = ipc_block(self, IPC_SEM, l4_timeout_rcv(in->timeout));
    if (code != 0)
        return ipc_fail(in, code);
    self->snd.prio = self->prio;
    sender_enqueue(&s->waiting, &self->snd);
    return sched_pick(self);
}

static struct thread *sem_invoke(struct kobj *obj, struct invoke *in)
{
    bool down = l4_tag_label(in->tag) == L4_PROTO_SEMAPHORE && (in->op & L4_OP_SEND) && l4_tag_words(in->tag) > 0 &&
                (in->utcb->mr[0] & 0xffffu) == L4_OP_SEM_DOWN;

    if (down && (in->rights & L4_RIGHT_S) && sem_of(obj)->count <= 0)
        return sem_wait(sem_of(obj), in);
    return kobj_invoke(obj, in);
}

static void sem_check(const struct kobj *obj)
{
    const struct sem *s = sem_of((struct kobj *)obj);

    kassert(list_empty(&s->waiting) || s->count == 0);                        /* S1 */
    kassert(s->base.source == NULL || s->base.source->irq == &s->base);       /* icu.c U1 */
}

const struct kobj_ops sem_ops = {
    .name = "semaphore",
    .answers = true,
    .invoke = sem_invoke,
    .operate = sem_operate,
    .destroy = sem_destroy,
    .free = sem_free,
    .check = sem_check,
};
