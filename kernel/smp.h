/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs: the lock of the general path, and claims. doc/locking.md tells the whole story.
 *
 *   L1  Whoever is in the kernel, but on the short message path (fastpath.c) or in local.c, holds the lock; it is given
 *       back by kernel_leave. Those two touch threads of their own CPU only.
 *   L2  Threads whose home is CPU c, and c's current, context and ready queues, are touched by c itself, or by the
 *       holder of the lock while c is claimed: stopped at a safe point, with all that it had loaded put back to memory.
 *   L3  Only the holder of the lock claims, and gives all claimed CPUs back before the lock. A CPU that waits for the
 *       lock answers claims while it waits: nobody waits for somebody who waits for him.
 *   L4  A CPU that has been claimed goes through kernel_leave before it runs user code, when there is something to do.
 *   L5  A thread that waits in a queue, or for an answer of a thread elsewhere, is touched by its own CPU c under the
 *       lock only, and has begun to wait under it (wait.c, thread_is_still). Its wait is ended without a claim; then it
 *       lies in c's inbox: c disarms its time-out, arms that of its next wait, makes it ready. The inbox is empty when
 *       c has the lock, or is claimed.
 *   L6  Without the lock a CPU lets threads send, receive, answer and wait that are at home there, for threads that are
 *       at home there; with time-outs, in the queues of its threads, through reply slots that are empty or name a
 *       thread of it (thread.h R2). A claim waits until it is done.
 *   L7  An operation on what belongs to a CPU that is awake is made by that CPU: the caller travels there (guest.c).
 *       Claims are for what cannot travel: doc/locking.md has the list.
 *
 * With one CPU all of this is one test of cpu_count.
 */
#pragma once
#include "cpu.h"
#include "memory.h"

/* How many CPUs run, 1..CPU_MAX; cpus[0..cpu_count-1] exist. Changes once, at boot. */
extern unsigned cpu_count;

enum cpu_claim_state {
    CPU_FREE,      /* runs; stops when it is interrupted or waits for the lock */
    CPU_PARKED,    /* idle, with nothing loaded: counts as stopped, but nobody has claimed it */
    CPU_REQUESTED, /* somebody waits for it to stop */
    CPU_STOPPED    /* claimed */
};

bool kernel_enter_contended(struct thread *self, struct thread *(*again)(struct thread *));
/* Takes the lock for a kernel entry of self, the running thread. False: the CPU has been claimed before it got the
 * lock; self may not even be here any more. Then the entry ends in kernel_leave(cpu_self()->current), and `again`
 * (NULL: the user instruction repeats by itself) has become the continuation of self. */
static inline bool kernel_enter(struct thread *self, struct thread *(*again)(struct thread *))
{
    return likely(cpu_count == 1) || kernel_enter_contended(self, again);
}

void kernel_unlock_contended(void);
/* Gives back all claimed CPUs and the lock. */
static inline void kernel_unlock(void)
{
    if (unlikely(cpu_count > 1))
        kernel_unlock_contended();
}

void cpu_claim_other(struct cpu *c);
/* Afterwards the caller, who holds the lock, may touch what belongs to c (L2). NULL, itself: nothing to do. */
static inline void cpu_claim(struct cpu *c)
{
    if (unlikely(cpu_count > 1))
        cpu_claim_other(c);
}

/* Where a thread's time-out is armed. Threads without a CPU keep theirs at the first, which is claimed here. */
struct timeout_queue *thread_timeouts(const struct thread *t);

void cpu_claim_all_others(void);
/* Every other CPU: nobody is on the short path with a pointer to something that is about to be freed or changed. */
static inline void cpu_claim_all(void)
{
    if (unlikely(cpu_count > 1))
        cpu_claim_all_others();
}

/* May the caller touch what belongs to c? */
bool cpu_claimed(const struct cpu *c);

/* Is c, which may be NULL, to be reached by its inbox? Not who is claimed, asleep, or has much in it. */
bool cpu_has_inbox(const struct cpu *c);
bool cpu_post_other(struct thread *t);
/* Is the rest (time-out, ready queue) left to the CPU of t, which does it when it is in the kernel next (L5)? False:
 * the caller may do it, the CPU is its own or claimed now. */
static inline bool cpu_post(struct thread *t)
{
    return unlikely(cpu_count > 1) && cpu_post_other(t);
}

/* ---- guest.c ---- */
struct invoke;
struct irq;
bool guest_leaves(struct invoke *in, struct cpu *c);
/* in->self is about to touch what belongs to c (NULL: nobody), and has changed nothing. True: it is on its way there
 * instead, and blocked. False: now it may. */
static inline bool travels(struct invoke *in, struct cpu *c)
{
    return unlikely(cpu_count > 1) && guest_leaves(in, c);
}
/* The same for an IRQ that has something for a thread of c. */
bool irq_travels(struct irq *irq, struct cpu *c);
/* Is self a guest, whose system call is made here for it? */
static inline bool is_guest(const struct thread *self)
{
    return unlikely(cpu_count > 1) && self != cpu_self()->current;
}
/* One guest of c, the executing CPU, which has been interrupted, perhaps for it. */
void guest_serve(struct cpu *c);
/* A tick of c: it has time for guests again. */
void guest_tick(struct cpu *c);

/* Not on the short path: claimed, asleep, or the caller. */
bool cpu_quiet(const struct cpu *c);

/* The idle CPU is about to sleep: it need not be woken by claims. What it has loaded goes back to memory. */
void cpu_park(void);

/* ---- limbo.c ---- */
void limbo_add(struct factory *payer, struct slab *s, size_t size, void *memory);
/* Memory that another CPU on the short path may still look at: quota is given back at once, the memory when no CPU can
 * be looking any more. Nothing leads to it now. */
static inline void charged_slab_retire(struct factory *payer, struct slab *s, void *object)
{
    if (likely(cpu_count == 1))
        charged_slab_free(payer, s, object);
    else
        limbo_add(payer, s, s->size, object);
}
static inline void charged_page_retire(struct factory *payer, void *page)
{
    if (likely(cpu_count == 1))
        charged_frame_free(payer, page, 0);
    else
        limbo_add(payer, NULL, L4_PAGE_SIZE, page);
}
/* The lock is about to be given back. */
void limbo_pass(void);
