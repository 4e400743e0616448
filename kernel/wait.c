/* SPDX-License-Identifier: MIT */
/*
 * What a wait hangs on, and how it ends: sender queues, time-outs, reply capabilities. Who begins it, and why it ends,
 * is ipc.c. The invariants stand there, too.
 */
#include "cpu.h"
#include "ipc.h"
#include "objects.h"
#include "smp.h"

/* ---- queues ---- */

cold_path void sender_enqueue(struct list *queue, struct sender *s)
{
    struct sender *first, *last;

    list_init(&s->group);
    if (list_empty(queue)) {
        list_push_front(queue, &s->link);
        return;
    }
    first = list_first(queue, struct sender, link);
    last = container_of(first->group.prev, struct sender, group); /* of the least important there */
    if (last->prio >= s->prio) {
        list_push_back(queue, &s->link);
        if (last->prio == s->prio)
            s->group.next = NULL;
        else
            list_push_back(&first->group, &s->group);
        return;
    }
    while (last != first && container_of(last->group.prev, struct sender, group)->prio < s->prio) {
        last = container_of(last->group.prev, struct sender, group);
        if (!cpu_self()->lockless) /* work is counted by the holder of the lock */
            work_left--;
    }
    /* In front of `last`, the first who is less important. */
    list_push_back(&last->link, &s->link);
    if (last != first && container_of(last->group.prev, struct sender, group)->prio == s->prio)
        s->group.next = NULL;
    else
        list_push_back(&last->group, &s->group);
}

cold_path void sender_unqueue(struct sender *s)
{
    if (s->group.next != NULL) {
        struct sender *follow = container_of(s->group.next, struct sender, group);
        struct list *end = follow->prio < s->prio ? &follow->link : follow->link.prev; /* or the head */

        if (s->link.next != end) /* the next becomes the first */
            list_insert_after(&s->group, &container_of(s->link.next, struct sender, link)->group);
        list_remove(&s->group);
    }
    list_remove(&s->link);
}

__attribute__((noinline)) void sender_dequeue(struct sender *s)
{
    struct thread *r = s->receiver;

    s->receiver = NULL;
    kassert(s->is_irq || cpu_claimed(r->home));
    if (unlikely(r->options & THREAD_OPT_MODIFY) && r->modify_at == &s->link)
        r->modify_at = s->link.next;
    if (likely(s->link.next == s->link.prev)) /* the only one */
        list_remove(&s->link);
    else
        sender_unqueue(s);
    if (unlikely(r->options & THREAD_OPT_VCPU) && list_empty(&r->senders))
        vcpu_senders_gone(r);
}

/* ---- the end of a wait ---- */

/* The caller's receive phase is over: no reply capability may name it any more (R1). */
static inline void held_by_clear(struct thread *t)
{
    if (t->held_by != NULL) {
        t->held_by->raw = 0;
        t->held_by = NULL;
    }
}

/* Does its own CPU look at t under the lock only (smp.h L5)? So it looks at whom only this CPU's running thread
 * answers, and at who waits in a queue. Whom t waits for is written before its state, and read after it. */
static bool thread_is_still(const struct thread *t, bool queued)
{
    uint64_t state = __atomic_load_n(&t->state_word, __ATOMIC_ACQUIRE);
    const struct thread *self = cpu_self()->current;

    state &= ~((uint64_t)(THREAD_TIMED | THREAD_IN_FAULT | THREAD_PARTLY) << 32);
    if (state == THREAD_STATE_RECEIVING)
        return t->partner == self->snd.id && (t->held_by == NULL || t->held_by == &self->reply);
    return queued && (state == IPC_SEM || state == IPC_GATE ||
                      (state == IPC_SENDING && !(t->ipc.op & L4_OP_OPEN_WAIT)));
}

cold_path bool wait_is_still(const struct thread *t, bool queued, bool fpu)
{
    return !fpu && t->options == 0 && cpu_has_inbox(t->home) && thread_is_still(t, queued);
}

cold_path void ipc_claim_other(struct thread *t, bool fpu)
{
    if (!wait_is_still(t, true, fpu))
        cpu_claim(t->home);
}

__attribute__((noinline)) void ipc_wake(struct thread *t)
{
    if (!cpu_post(t))
        sched_wake(t);
}

__attribute__((noinline)) static void wait_disarm(struct thread *t)
{
    if (!cpu_post(t))
        timeout_disarm(thread_timeouts(t), &t->timeout);
}

void wait_arm(struct thread *t, uint64_t deadline_us)
{
    t->flags |= THREAD_TIMED;
    t->deadline_us = deadline_us;
    if (!cpu_post(t))
        timeout_arm(thread_timeouts(t), &t->timeout, deadline_us);
}

void ipc_unblock(struct thread *t)
{
    kassert(cpu_claimed(t->home) || t->ipc_state == IPC_IDLE || thread_is_still(t, true));
    switch (t->ipc_state) {
    case IPC_SENDING:
        cpu_claim(t->snd.receiver->home);
        sender_dequeue(&t->snd);
        break;
    case IPC_AWAY:
        list_remove(&t->snd.link);
        break;
    case IPC_GATE:
        gate_dequeue(t);
        break;
    case IPC_SEM:
        sem_dequeue(t);
        break;
    default:
        break;
    }
    if (t->flags & THREAD_TIMED)
        wait_disarm(t);
    held_by_clear(t);
    t->flags &= ~(uint32_t)(THREAD_TIMED | THREAD_SLOT_SHARED | THREAD_PARTLY);
    t->ipc_state = IPC_IDLE;
}

/* ---- reply capabilities ---- */

cold_path bool reply_slot_claim(const struct reply_slot *slot, const struct thread *caller)
{
    if (cpu_self()->lockless)
        return false;
    cpu_claim(caller->home);
    return reply_slot_caller(slot) == caller;
}

void reply_slot_clear(struct reply_slot *slot)
{
    struct thread *caller = reply_slot_caller(slot);

    if (caller == NULL || (unlikely(cpu_count > 1) && caller->home != cpu_self() && !reply_slot_claim(slot, caller)))
        return;
    caller->held_by = NULL;
    slot->raw = 0;
}

/* ---- the end of a thread ---- */

cold_path bool senders_abort(struct list *queue, word_t code)
{
    while (!list_empty(queue)) {
        struct sender *s = list_first(queue, struct sender, link);

        if (s->is_irq)
            irq_thread_gone(container_of(s, struct irq, snd));
        else
            ipc_abort(container_of(s, struct thread, snd), code);
        if (!work_done(12))
            return list_empty(queue);
    }
    return true;
}

bool ipc_thread_gone(struct thread *t)
{
    ipc_unblock(t);
    reply_slot_clear(&t->reply);
    if (unlikely(!list_empty(&t->senders)))
        return senders_abort(&t->senders, L4_IPC_SEND_CANCELED);
    return true;
}
