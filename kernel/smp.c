/* SPDX-License-Identifier: MIT */
/*
 * The lock of the general path and claims: see smp.h. cpu.claim is the only word through which two CPUs speak:
 *
 *   FREE      -> REQUESTED  the holder of the lock wants c and interrupts it
 *   REQUESTED -> STOPPED    c has put back what it had loaded
 *   PARKED    -> STOPPED    the holder; c sleeps on
 *   STOPPED   -> FREE       the holder gives c back (and wakes it, if it sleeps and has something to do)
 *   STOPPED   -> PARKED     the holder gives back a sleeping c that has nothing to do
 *   FREE     <-> PARKED     c falls asleep, wakes up
 *
 * The lock goes to whoever finds it free, which is fastest, and right where virtual CPUs lose their processor while
 * they wait; but not while somebody is hungry (may_lock). From then on every other CPU gets it once at most before him,
 * and once more in PATIENCE turns of its own waiting. Hungry is also who has been stopped HUNGRY times since he had the
 * lock (every tick takes it): else one who claims him all the time would leave him no instruction of user code.
 */
#include "ipc.h"
#include "smp.h"
#include "thread.h"

unsigned cpu_count = 1;

static bool kernel_locked;
static uint64_t hungry_set; /* atomic: CPUs that have waited for the lock, or been stopped, HUNGRY times */
static unsigned fed;        /* the last of them that got it */
#define HUNGRY 64u
#define PATIENCE 256u
static uint64_t claimed_set, parked_set; /* bit per claimed CPU; of these: was asleep. The lock's holder owns them */

static uint32_t claim_state(const struct cpu *c) { return __atomic_load_n(&c->claim, __ATOMIC_ACQUIRE); }

static bool claim_change(struct cpu *c, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&c->claim, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

/* c, the executing CPU, is wanted, or sleeps: stops until it is given back. Returns whether it was claimed. */
static bool claim_answer(struct cpu *c)
{
    bool claimed = false;

    for (;;) {
        switch (claim_state(c)) {
        case CPU_FREE:
            return claimed;
        case CPU_PARKED:
            claim_change(c, CPU_PARKED, CPU_FREE);
            break;
        case CPU_REQUESTED:
            arch_cpu_unload();
            if (++c->stops == HUNGRY)
                __atomic_fetch_or(&hungry_set, 1ul << c->id, __ATOMIC_RELAXED);
            __atomic_store_n(&c->claim, CPU_STOPPED, __ATOMIC_RELEASE);
            claimed = true;
            break;
        default:
            claimed = true;
            arch_cpu_relax();
        }
    }
}

__attribute__((noinline)) struct timeout_queue *thread_timeouts(const struct thread *t)
{
    if (likely(t->home != NULL))
        return &t->home->timeouts;
    cpu_claim(&boot_cpu);
    return &boot_cpu.timeouts;
}

static cold_path void inbox_take(struct cpu *c)
{
    c->inbox_length = 0;
    work_left -= 40;
    while (!list_empty(&c->inbox)) {
        struct thread *t = list_first(&c->inbox, struct thread, ready_link);

        list_remove(&t->ready_link);
        timeout_disarm(thread_timeouts(t), &t->timeout);
        if (t->flags & THREAD_TIMED)
            timeout_arm(thread_timeouts(t), &t->timeout, t->deadline_us);
        if (t->ipc_state == IPC_IDLE || t->resume != NULL || (t->flags & THREAD_DYING))
            sched_wake(t);
    }
}

/* c is the executing CPU, which has the lock, or claimed. */
static inline void inbox_empty(struct cpu *c)
{
    if (unlikely(c->inbox_length != 0))
        inbox_take(c);
}

/* Is it this CPU's turn? Who has waited for long goes first, in a circle; the others let it, but not for ever: it may
 * be a virtual CPU that does not run now. */
static bool may_lock(const struct cpu *c, unsigned spins)
{
    uint64_t set = __atomic_load_n(&hungry_set, __ATOMIC_RELAXED), behind;

    if (likely(set == 0) || spins % PATIENCE == PATIENCE - 1)
        return true;
    behind = set & ~0ul << 1 << __atomic_load_n(&fed, __ATOMIC_RELAXED);
    return (unsigned)__builtin_ctzl(behind != 0 ? behind : set) == c->id;
}

bool kernel_enter_contended(struct thread *self, struct thread *(*again)(struct thread *))
{
    struct cpu *c = cpu_self();
    bool claimed = false;

    for (unsigned spins = 0;; spins++) {
        if (claim_state(c) != CPU_FREE) {
            if (again != NULL && !claimed) /* self is still here: only a claim can take it away */
                self->resume = again;
            claimed = claim_answer(c) || claimed;
        }
        if (!__atomic_load_n(&kernel_locked, __ATOMIC_RELAXED) && may_lock(c, spins) &&
            !__atomic_exchange_n(&kernel_locked, true, __ATOMIC_ACQUIRE))
            break;
        if (spins == HUNGRY)
            __atomic_fetch_or(&hungry_set, 1ul << c->id, __ATOMIC_RELAXED);
        arch_cpu_relax();
    }
    if (unlikely(hungry_set >> c->id & 1)) {
        __atomic_fetch_and(&hungry_set, ~(1ul << c->id), __ATOMIC_RELAXED);
        __atomic_store_n(&fed, c->id, __ATOMIC_RELAXED);
    }
    c->stops = 0;
    inbox_empty(c);
    return !claimed;
}

void kernel_unlock_contended(void)
{
    arch_flags_sync();
    limbo_pass();
    while (claimed_set != 0) {
        unsigned id = (unsigned)__builtin_ctzl(claimed_set);
        struct cpu *c = cpus[id];
        bool asleep = (parked_set >> id & 1) != 0;

        claimed_set &= claimed_set - 1;
        if (asleep && !c->reschedule) {
            __atomic_store_n(&c->claim, CPU_PARKED, __ATOMIC_RELEASE);
            continue;
        }
        __atomic_store_n(&c->claim, CPU_FREE, __ATOMIC_RELEASE);
        if (asleep)
            arch_ipi(c);
    }
    parked_set = 0;
    __atomic_store_n(&kernel_locked, false, __ATOMIC_RELEASE);
}

void cpu_claim_other(struct cpu *c)
{
    kassert(!cpu_self()->lockless || c == cpu_self());
    if (c == NULL || c == cpu_self() || (claimed_set >> c->id & 1))
        return;
    claimed_set |= 1ul << c->id;
    while (claim_state(c) != CPU_STOPPED) {
        if (claim_change(c, CPU_PARKED, CPU_STOPPED))
            parked_set |= 1ul << c->id;
        else if (claim_change(c, CPU_FREE, CPU_REQUESTED))
            arch_ipi(c);
        else
            arch_cpu_relax();
    }
    inbox_empty(c);
}

void cpu_claim_all_others(void)
{
    /* Interrupted first, waited for second: they stop at the same time. */
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i] != cpu_self() && !(claimed_set >> i & 1) && claim_change(cpus[i], CPU_FREE, CPU_REQUESTED))
            arch_ipi(cpus[i]);
    for (unsigned i = 0; i < cpu_count; i++)
        cpu_claim_other(cpus[i]);
}

bool cpu_claimed(const struct cpu *c)
{
    return c == NULL || c == cpu_self() || (claimed_set >> c->id & 1);
}

bool cpu_quiet(const struct cpu *c) { return cpu_claimed(c) || claim_state(c) == CPU_PARKED; }

bool cpu_has_inbox(const struct cpu *c) { return !cpu_quiet(c) && c->inbox_length < INBOX_MAX; }

cold_path bool cpu_post_other(struct thread *t)
{
    struct cpu *c = t->home;

    if (cpu_claimed(c))
        return false;
    if (!list_empty(&t->ready_link)) /* it lies there */
        return true;
    if (!cpu_has_inbox(c)) {
        cpu_claim(c);
        return false;
    }
    list_push_back(&c->inbox, &t->ready_link);
    if (c->inbox_length++ == 0)
        arch_ipi(c);
    return true;
}

void cpu_park(void)
{
    if (cpu_count == 1)
        return;
    arch_cpu_unload();
    if (!list_empty(&cpu_self()->guests)) /* now there is time for them */
        arch_ipi(cpu_self());
    claim_change(cpu_self(), CPU_FREE, CPU_PARKED); /* fails when it is wanted: the interrupt is on its way */
}

/* Anything that a claim, or another CPU's wake-up, has left to do here? */
static bool leave_has_work(const struct cpu *c)
{
    const struct thread *t = c->current;

    return c->reschedule || c->inbox_length != 0 || !list_empty(&c->guests) || t->resume != NULL ||
           (t->flags & THREAD_LEAVE_FLAGS);
}

struct thread *kernel_ipi(struct thread *self)
{
    struct cpu *c = cpu_self();

    claim_answer(c);
    if (!leave_has_work(c))
        return c->current;
    kernel_enter(self, NULL);
    guest_serve(c);
    return kernel_leave(c->current);
}
