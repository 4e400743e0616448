/* SPDX-License-Identifier: MIT */
/*
 * Fixed priorities, round robin within one. See cpu.h for the invariants C1 and C2.
 *
 * Where a thread is put within its priority: at the front, except when its quantum is used up or it slept in a receive
 * from itself (THREAD_TO_BACK). A thread that becomes ready preempts unless the running context is strictly more
 * important; then the running thread goes to the front, behind nobody but the one that took its place.
 */
#include "cpu.h"
#include "smp.h"
#include "ipc.h"
#include "thread.h"

struct cpu boot_cpu;
struct cpu *cpus[CPU_MAX] = {&boot_cpu};

void sched_init(struct cpu *c)
{
    for (unsigned p = 0; p < 256; p++)
        list_init(&c->ready[p]);
    list_init(&c->inbox);
    list_init(&c->guests);
}

void sched_dequeue(struct thread *t)
{
    struct cpu *c = t->home;

    kassert(cpu_claimed(c));
    if (t->ready)
        sched_unqueue(c, t);
}

void sched_requeue(struct thread *t)
{
    bool back = (t->flags & THREAD_TO_BACK) != 0;

    t->flags &= ~(uint32_t)THREAD_TO_BACK;
    kassert(!t->ready && t != t->home->idle && cpu_claimed(t->home));
    sched_queue(t->home, t, !back);
}

void sched_wake(struct thread *t)
{
    struct cpu *c = t->home;

    if (c == NULL || t->ready || t == c->current || !thread_alive(t))
        return;
    sched_requeue(t);
    if (t->prio >= c->context->prio)
        c->reschedule = true;
}

struct thread *sched_pick(struct thread *self)
{
    struct cpu *c = cpu_self();
    struct thread *next;

    if (unlikely(self != c->current)) /* a guest */
        return c->current;
    next = sched_first(c);
    c->reschedule = false;
    if (next != NULL)
        sched_unqueue(c, next);
    else
        next = c->idle;
    c->current = c->context = next;
    return next;
}

struct thread *sched_exit(struct thread *self)
{
    struct cpu *c = cpu_self();
    struct thread *next;

    kassert(self == c->current && c->reschedule);
    if (unlikely(self->home != c)) /* it has lost this CPU and stops here */
        return sched_pick(self);
    c->reschedule = false;
    next = sched_first(c);
    if (next == NULL || next->prio < c->context->prio) {
        self->flags &= ~(uint32_t)THREAD_TO_BACK;
        return self;
    }
    if (self->prio > next->prio && self != c->idle) { /* only the slice it was lent is less important */
        c->context = self;
        return self;
    }
    sched_unqueue(c, next);
    if (self != c->idle)
        sched_requeue(self);
    c->current = c->context = next;
    return next;
}

struct thread *sched_switch(struct thread *self, struct thread *to)
{
    struct cpu *c = cpu_self();

    kassert(self == c->current && to->home == c && to != self);
    sched_dequeue(to);
    to->flags &= ~(uint32_t)THREAD_TO_BACK;
    if (self->ipc_state == IPC_IDLE && self != c->idle)
        sched_requeue(self);
    c->current = to;
    return to;
}

static cold_path void timeout_move(struct thread *t, struct cpu *home)
{
    uint64_t deadline = t->timeout.deadline_us;

    timeout_disarm(thread_timeouts(t), &t->timeout);
    t->home = home;
    wait_arm(t, deadline);
}

/* t, which is on no ready queue, leaves its CPU for another one or none. */
static void migrate(struct thread *t, struct cpu *home)
{
    struct cpu *old = t->home;

    if (unlikely(t->flags & THREAD_TIMED))
        timeout_move(t, home);
    else
        t->home = home;
    if (old == NULL)
        return;
    if (old == cpu_self())
        arch_thread_unload(t); /* a claimed CPU has nothing loaded */
    if (old->current == t) {
        old->reschedule = true; /* this CPU: sched_exit leaves it; else it goes on as if idle */
        if (old != cpu_self())
            old->current = old->context = old->idle;
    }
    if (old->context == t) { /* its slice was lent: who runs on it is only as important as itself now */
        old->context = old->current;
        old->reschedule = true;
    }
}

void sched_set(struct thread *t, struct cpu *home, unsigned prio, int32_t quantum_us)
{
    struct cpu *old = t->home;
    bool runs;

    kassert(cpu_claimed(old));
    runs = t->ready || (old != NULL && old != home && old->current == t);
    if (t->ready)
        sched_dequeue(t);
    if (old != home) {
        cpu_claim(home); /* on the short path a thread of its own does not appear from nowhere, half moved */
        migrate(t, home);
    }
    t->prio = (uint8_t)prio;
    t->quantum_us = t->left_us = quantum_us != 0 ? quantum_us : SCHED_QUANTUM_US;
    if (home == NULL)
        return;
    t->had_cpu = true;
    if (runs || (old == NULL && thread_alive(t) && (t->ipc_state == IPC_IDLE || t->resume != NULL)))
        if (!cpu_post(t))
            sched_wake(t);
    if (t == home->current || t == home->context) {
        const struct thread *first = sched_first(home);

        if (first != NULL && first->prio > t->prio) /* an equal one does not preempt: t is put at the front */
            home->reschedule = true;
    }
}

bool sched_tick(struct thread *self)
{
    struct cpu *c = cpu_self();
    uint64_t now = arch_clock_us();
    uint64_t passed = now - c->last_tick_us;
    struct timeout *due;

    kassert(self == c->current);
    c->last_tick_us = now;
    if (self == c->idle) {
        c->idle_us += passed;
    } else {
        struct thread *context = c->context;

        self->consumed_us += passed;
        context->left_us -= passed > INT32_MAX ? INT32_MAX : (int32_t)passed;
        if (context->left_us <= 0) {
            context->left_us = context->quantum_us;
            if (context == self)
                self->flags |= THREAD_TO_BACK;
            c->context = self; /* a donated slice ends here */
            c->reschedule = true;
        }
    }
    while ((due = timeout_first(&c->timeouts)) != NULL && due->deadline_us <= now) {
        ipc_timeout(container_of(due, struct thread, timeout));
        if (!work_done(15))
            return false;
    }
    return true;
}

void sched_check(const struct cpu *c)
{
    kassert(!c->current->ready); /* cpu.h C1 */
    for (unsigned p = 0; p < 256; p++) {
        bool bit = (c->ready_map[p / 64] >> p % 64 & 1) != 0;

        kassert(bit == !list_empty(&c->ready[p]) && (!bit || p <= c->ready_bound));
        for (const struct list *l = c->ready[p].next; l != &c->ready[p]; l = l->next) {
            const struct thread *t = container_of(l, struct thread, ready_link);

            kassert(t->ready && t->prio == p && t->home == c && !(t->flags & THREAD_UNSTARTED));
            kassert(t->ipc_state == IPC_IDLE || t->resume != NULL || (t->flags & THREAD_DYING));
        }
    }
    timeout_check(&c->timeouts);
}
