/* SPDX-License-Identifier: MIT */
/*
 * IRQ senders: an interrupt, or a trigger in software, becomes a message without words.
 *   Q1  snd.receiver != NULL  =>  thread == snd.receiver, and the message is on that thread's sender queue, or on its
 *       way there (guest.c): who receives from this IRQ takes it there, too.
 *   Q2  pending => no thread is bound.
 */
#include "factory.h"
#include "ipc.h"
#include "objects.h"
#include "operation.h"
#include "smp.h"

static struct slab irq_slab;

boot_code void irq_module_init(void)
{
    slab_init(&irq_slab, "irq", sizeof(struct irq));
}

static void irq_hit(struct irq_base *base)
{
    struct irq *irq = container_of(base, struct irq, base);
    bool level = base->source != NULL && base->source->level;

    if (level)
        irq_source_mask(base->source);
    if (irq->thread == NULL || (irq->thread->flags & THREAD_GONE)) {
        if (!level) {
            irq->pending = irq->thread == NULL;
            irq_source_mask(base->source);
        }
        return;
    }
    if (irq->snd.receiver != NULL) { /* one message at most: the edge is remembered as a mask until delivery */
        if (base->source != NULL && !base->source->masked) {
            irq_source_mask(base->source);
            base->held = true;
        }
        return;
    }
    ipc_irq_send(irq);
}

struct irq *irq_create(struct factory *payer)
{
    struct irq *irq = charged_slab_alloc(payer, &irq_slab);

    if (irq == NULL)
        return NULL;
    kobj_init(&irq->base.obj, &irq_ops, KOBJ_IRQ, payer);
    irq->base.hit = irq_hit;
    list_init(&irq->snd.link);
    irq->snd.id = sender_id_next();
    irq->snd.is_irq = true;
    irq->snd.prio = 255;
    return irq;
}

void irq_trigger(struct irq *irq) { irq_hit(&irq->base); }

void irq_delivered(struct irq *irq)
{
    if (irq->base.held && irq->base.source != NULL && !irq->base.source->level)
        irq_source_unmask(irq->base.source);
}

static bool irq_unqueue(struct irq *irq)
{
    if (irq->snd.receiver == NULL)
        return false;
    cpu_claim(irq->snd.receiver->home);
    sender_dequeue(&irq->snd);
    return true;
}

static void irq_unbind_thread(struct irq *irq)
{
    struct thread *t = irq->thread;

    irq_unqueue(irq);
    irq->thread = NULL;
    if (t != NULL)
        kobj_unref(&t->obj);
}

void irq_thread_gone(struct irq *irq)
{
    bool level = irq->base.source != NULL && irq->base.source->level;

    irq_unbind_thread(irq);
    irq->pending = !level;
}

static cold_path bool irq_destroy(struct kobj *obj)
{
    struct irq *irq = irq_of(obj);

    irq_unbind_source(&irq->base);
    irq_unbind_thread(irq);
    return true;
}

static bool irq_free(struct kobj *obj)
{
    charged_slab_retire(obj->payer, &irq_slab, irq_of(obj));
    return true;
}

static l4_tag irq_bind(struct irq *irq, struct invoke *in)
{
    struct kobj *obj;
    struct thread *t;
    unsigned rights;
    bool queued;
    int st;

    st = cap_arg(in, KOBJ_THREAD, &obj, &rights);
    if (st != OK)
        return cap_arg_tag(in, st);
    if (!(rights & L4_RIGHT_S))
        return tag_label(-L4_ERR_PERM);

    /* ---- commit: nothing below can fail ---- */
    t = thread_of(obj);
    irq->snd.label = in->utcb->mr[1];
    if (irq->thread == t)
        return tag_label(0);
    kobj_ref(obj);
    queued = irq->snd.receiver != NULL || irq->pending;
    irq_unbind_thread(irq);
    irq->thread = t;
    irq->pending = false;
    if (queued)
        ipc_irq_send(irq);
    return tag_label(0);
}

static l4_tag irq_detach(struct irq *irq, struct invoke *in)
{
    bool queued;

    (void)in;
    if (irq->thread == NULL)
        return tag_label(-L4_ERR_NOENT);
    queued = irq_unqueue(irq);
    irq_unbind_thread(irq);
    irq_source_mask(irq->base.source);
    return tag_label(queued);
}

static l4_tag irq_hit_now(struct irq *irq, struct invoke *in)
{
    (void)in;
    irq_trigger(irq);
    return TAG_NO_REPLY;
}

static l4_tag irq_eoi(struct irq *irq, struct invoke *in)
{
    (void)in;
    if (irq->snd.receiver == NULL)
        irq_source_unmask(irq->base.source);
    return TAG_NO_REPLY;
}

#define OPERATIONS_OF_IRQ OPERATIONS_MINE
#define OPERATION(handler) irq_##handler(irq, in)

static l4_tag irq_operate(struct kobj *obj, struct invoke *in)
{
    struct irq *irq = irq_of(obj);
    long label = l4_tag_label(in->tag);

    if (label != L4_PROTO_IRQ && label != L4_PROTO_KOBJECT && label != L4_PROTO_IRQ_SENDER)
        return tag_label(-L4_ERR_BADPROTO);
    if (l4_tag_words(in->tag) == 0)
        return label == L4_PROTO_IRQ ? irq_hit_now(irq, in) : tag_label(-L4_ERR_INVAL);
    switch (operation_key(label, in->utcb->mr[0] & 0xffffu)) {
#include <l4/ops.def>
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

static void irq_check(const struct kobj *obj)
{
    const struct irq *irq = irq_of((struct kobj *)obj);

    kassert(irq->snd.receiver == NULL || irq->snd.receiver == irq->thread);           /* Q1 */
    kassert((irq->snd.receiver == NULL) == list_empty(&irq->snd.link));               /* Q1 */
    kassert(!irq->pending || irq->thread == NULL);                                    /* Q2 */
    kassert(irq->base.source == NULL || irq->base.source->irq == &irq->base);         /* icu.c U1 */
}

const struct kobj_ops irq_ops = {
    .name = "irq",
    .answers = true,
    .invoke = kobj_invoke,
    .operate = irq_operate,
    .destroy = irq_destroy,
    .free = irq_free,
    .check = irq_check,
};
