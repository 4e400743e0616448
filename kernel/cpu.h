/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU block: who runs, who is ready, what time-outs are armed. Only the CPU itself touches its block, and who has
 * claimed it (smp.h).
 *   C1  the running thread (current) is on no ready queue; every other ready thread with this home is on its queue.
 *   C2  context is the thread whose priority and quantum are being used; context != current while a time slice is
 *       donated.
 */
#pragma once
#include "arch/arch.h"
#include "thread.h"
#include "timeout.h"

struct thread;
struct mapping;
struct op_progress;

/* Where a walk through the mappings below `top` stopped. at: there it goes on, NULL: nowhere. */
struct map_walk {
    struct mapping *top, *at;
    const struct op_progress *of;
    bool up; /* what lies below `at` is done */
};

#define CPU_MAX 64u

struct cpu {
    struct arch_cpu arch __attribute__((aligned(64))); /* first: assembler knows its offsets */
    struct thread *current;
    struct thread *context;  /* scheduling context in use */
    struct thread *idle;
    unsigned id;
    uint32_t claim;          /* enum cpu_claim_state; atomic, smp.c */
    union {
        struct {
            bool reschedule; /* a thread that should run instead has become ready */
            bool work;       /* the list of kobj.c has been added to */
        };
        uint16_t attention;  /* either: the way out is kernel_leave */
    };
    bool lockless;           /* it is in local.c: a message is on its way without the lock */
    uint8_t ready_bound;     /* no ready thread is more important than this */
    struct map_walk walk;    /* mapdb.c */
    struct list inbox;       /* threads of this CPU whose waits others have changed, by ready_link; under the lock */
    struct list guests;      /* threads of other CPUs, IRQs: what they want is done here, guest.c; under the lock */
    unsigned guests_served;  /* since the last tick */
#define GUESTS_MAX 256u      /* from then on its own threads run until the next one */
    unsigned stops;          /* by claims since it had the lock: smp.c */
    unsigned inbox_length;
#define INBOX_MAX 16u        /* who has one more claims the CPU: interrupts are off while it is emptied */
    uint64_t ready_map[4];   /* bit per priority with a non-empty queue */
    struct list ready[256];
    struct timeout_queue timeouts;
    uint64_t idle_us;
    uint64_t last_tick_us;
    struct thread idle_thread; /* what idle points to */
};
extern struct cpu boot_cpu;
extern struct cpu *cpus[CPU_MAX]; /* cpus[0] == &boot_cpu; see cpu_count in smp.h */

/* ---- sched.c ---- */
boot_code void sched_init(struct cpu *c);
/* The head of the most important non-empty queue, or NULL. */
static inline struct thread *sched_first(struct cpu *c)
{
    for (int w = 3; w >= 0; w--)
        if (c->ready_map[w] != 0) {
            unsigned prio = (unsigned)(w * 64 + 63 - __builtin_clzl(c->ready_map[w]));

            c->ready_bound = (uint8_t)prio;
            return list_first(&c->ready[prio], struct thread, ready_link);
        }
    c->ready_bound = 0;
    return NULL;
}
/* Is a thread ready that is more important than prio? */
static inline bool sched_ready_above(struct cpu *c, unsigned prio)
{
    const struct thread *first;

    if (likely(c->ready_bound <= prio))
        return false;
    first = sched_first(c);
    return first != NULL && first->prio > prio;
}
/* t, which is on no queue, becomes ready at c. */
static inline void sched_queue(struct cpu *c, struct thread *t, bool front)
{
    struct list *queue = &c->ready[t->prio];

    list_insert_after(front ? queue : queue->prev, &t->ready_link);
    t->ready = true;
    c->ready_map[t->prio / 64] |= 1ul << t->prio % 64;
    if (t->prio > c->ready_bound)
        c->ready_bound = t->prio;
}
/* t, which is on a queue of c, leaves it. */
static inline void sched_unqueue(struct cpu *c, struct thread *t)
{
    list_remove(&t->ready_link);
    t->ready = false;
    if (list_empty(&c->ready[t->prio]))
        c->ready_map[t->prio / 64] &= ~(1ul << t->prio % 64);
}
/* t has become able to run. Puts it on its ready queue (front, or back with THREAD_TO_BACK) and notes a preemption
 * when its priority is at least that of the running context. No effect without a CPU. */
void sched_wake(struct thread *t);
/* A thread that could go on but does not: to the front of its priority, or the back with THREAD_TO_BACK. */
void sched_requeue(struct thread *t);
/* t, ready or not, must not be on a queue any more. */
void sched_dequeue(struct thread *t);
/* A reschedule is due: who runs after this kernel entry, self or another. */
struct thread *sched_exit(struct thread *self);
/* self has just blocked: picks the most important ready thread (or idle). */
struct thread *sched_pick(struct thread *self);
/* Runs `to` (ready, home here) at once on the context of the running thread; self has blocked or is made ready. */
struct thread *sched_switch(struct thread *self, struct thread *to);
/* Changes priority, quantum (µs, 0 default) and CPU; the thread is re-queued. */
void sched_set(struct thread *t, struct cpu *home, unsigned prio, int32_t quantum_us);
#define SCHED_QUANTUM_US 10000
#define TICK_US 1000
/* One tick on this CPU; fires time-outs, a window's worth of them. False: more are due. */
bool sched_tick(struct thread *self);
void sched_check(const struct cpu *c);
