/* SPDX-License-Identifier: MIT */
/*
 * Operations on what belongs to another CPU go there, as messages. A thread whose system call (or fault) turns out to
 * need it, before anything was changed, becomes IPC_AWAY and is put into the guest box of that CPU, which makes the
 * system call for it, from its start: everything is looked up again, so nothing has to be kept alive on the way. Then
 * the guest goes home, by the inbox of its own CPU, or waits, as any other thread of that CPU does. IRQs travel, too.
 *
 *   E1  IPC_AWAY <=> in the guest box of exactly one CPU; its system call has not begun. Nobody but a cancel and its
 *       end touches it. Who ends is taken out; who is canceled finds out when it would have to wait.
 *   E2  A CPU that has guests has been interrupted, or will be. It serves one of them per interrupt, and no more
 *       than GUESTS_MAX between two ticks while threads of its own could run; with all that these had loaded put back
 *       to memory, so what is done to them is done as from elsewhere.
 *   E3  Of a guest's own, its home CPU goes on using the queue of its senders, without the lock. So a guest neither
 *       looks at it nor begins to wait for anybody: its receive phase is at home (ipc_receive). It may wait for one
 *       thread of the CPU where it is.
 *   E4  A guest is not on a CPU: it neither is switched to nor from (sched_pick), and its time-outs are armed at home.
 *
 * Only CPUs that are awake have guests: what belongs to a sleeping one may be touched at once (smp.h, parked). vCPUs do
 * not travel: a message may reach them at any time.
 */
#include "cpu.h"
#include "ipc.h"
#include "objects.h"
#include "smp.h"

static void guest_post(struct cpu *c, struct sender *s)
{
    bool first = list_empty(&c->guests);

    s->group.next = NULL; /* on no ring: sender_dequeue */
    list_push_back(&c->guests, &s->link);
    if (first)
        arch_ipi(c);
}

cold_path bool guest_leaves(struct invoke *in, struct cpu *c)
{
    struct thread *self = in->self;

    if (cpu_claimed(c))
        return false;
    if (is_guest(self) && c == self->home) {
        self->resume = preempt_again;
        return true;
    }
    if (self->options != 0 || cpu_quiet(c)) {
        cpu_claim(c);
        return false;
    }
    if (!is_guest(self))
        arch_thread_unload(self);
    self->ipc_state = IPC_AWAY;
    guest_post(c, &self->snd);
    return true;
}

cold_path bool irq_travels(struct irq *irq, struct cpu *c)
{
    if (cpu_quiet(c)) {
        cpu_claim(c);
        return false;
    }
    irq->snd.receiver = irq->thread;
    guest_post(c, &irq->snd);
    return true;
}

static void guest_run(struct thread *self)
{
    self->ipc_state = IPC_IDLE;
    if (self->flags & THREAD_DYING) /* it is ready, to end */
        return;
    if (self->home == NULL) { /* it has lost its CPU: when it has one again */
        self->resume = preempt_again;
        return;
    }
    preempt_again(self);
    if (self->ipc_state == IPC_IDLE)
        ipc_wake(self);
}

static bool guest_may(const struct cpu *c)
{
    return !list_empty(&c->guests) && (c->guests_served < GUESTS_MAX || c->current == c->idle);
}

void guest_tick(struct cpu *c)
{
    c->guests_served = 0;
    if (unlikely(!list_empty(&c->guests)))
        arch_ipi(c);
}

cold_path void guest_serve(struct cpu *c)
{
    struct sender *s;

    if (!guest_may(c))
        return;
    s = list_first(&c->guests, struct sender, link);
    arch_cpu_unload();
    list_remove(&s->link);
    if (s->is_irq) {
        s->receiver = NULL;
        irq_trigger(container_of(s, struct irq, snd));
    } else {
        guest_run(container_of(s, struct thread, snd));
    }
    c->guests_served++;
    if (c->reschedule) /* who runs may have lost this CPU */
        sched_exit(c->current);
    if (guest_may(c)) {
        arch_ipi(c);
        kernel_window();
    }
}
