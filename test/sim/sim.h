/* SPDX-License-Identifier: MIT */
/*
 * The simulator: the real kernel on the host machine, and somebody who plays all of its user programs at random.
 *
 *   sigma0   answers whoever asks it for memory or ports.
 *   manager  the root task: builds a world of tasks, threads and objects, changes it all the time, and tears it down at
 *            the end of every round. It runs above everybody else, so a step of its is never interrupted.
 *   worker   every other thread: does anything at all with the capabilities and the memory it happens to have.
 *
 * All choices of an event come from one word, the words of a history from one seed (history.c). With several CPUs an
 * event also chooses the CPU on which it happens; one that another CPU has interrupted notices when it is chosen next.
 */
#pragma once
#include "arch/host/host.h"
#include "task.h"

struct sim {
    uint64_t seed, step, steps;
    uint64_t check_every;   /* events between two checks of everything */
    unsigned cpus;
    uint64_t slice;         /* units of work between two windows, in which something happens; 0: nothing does */
    bool trace;             /* every event is printed */
    bool inject;            /* allocations fail at random */
    bool compare;           /* with and without the short message path */
    uint64_t shrink_seconds; /* how long a failing history is made smaller */
    const char *save;       /* where it is written then */
    uint64_t random;
    struct thread *sigma0, *root;
    uint64_t counts[8];     /* what happened, for the summary */
};
extern struct sim sim;
enum { COUNT_SYSCALL, COUNT_FAULT, COUNT_EXCEPTION, COUNT_IRQ, COUNT_TICK, COUNT_ROUND, COUNT_CREATED, COUNT_MESSAGE };

/* ---- sim.c ---- */
uint64_t random_word(void);
unsigned random_below(unsigned n);
static inline bool one_in(unsigned n) { return random_below(n) == 0; }
/* A set of CPUs, not all of which need to exist. */
word_t random_cpus(void);
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One system call of the current thread. */
void sim_syscall(word_t dest, l4_tag tag, word_t label, word_t timeout);
/* The other kernel entries, like those of host.h. */
void *sim_touch(word_t va, unsigned access);
void sim_exception(word_t trapno);
bool sim_port(unsigned port);
void sim_tick(unsigned us);
void sim_set_cpu(unsigned id);

/* Data that mean nothing from one event to the next: search.c does not put them back. */
#define SCRATCH __attribute__((section("scratch"), aligned(64))) /* whole lines */

/* Is this the build with sanitizers? */
bool sim_sanitized(void);

/* ---- history.c ---- */
#define ROUND_STEPS 4000u /* events from one set-up to the comparison with the start */
struct history {
    uint64_t *event;
    size_t count;
};
/* Shared by the processes that run one history. */
enum { PATHS = 3 };
struct progress {
    volatile uint64_t step[PATHS]; /* the event that is running, by path */
    uint64_t *seen[PATHS];         /* observe() after each event */
};
extern struct progress *progress;
void history_init(size_t events);
void history_generate(struct history *h, uint64_t seed, size_t steps);
/* Runs it; does not return when something is wrong. Path 1: without the short message path. Path 2: an interrupt of
 * another CPU may come later than what its CPU does next. */
void history_run(const struct history *h, unsigned path);
/* Does it fail? In processes of its own. *at: at which event. */
bool history_judge(const struct history *h, bool quiet, size_t *at);
void history_shrink(struct history *h);
bool history_write(const struct history *h, const char *name);
void history_read(struct history *h, const char *name);

/* ---- observe.c ---- */
/* everything: all threads, capabilities and mappings, not only who runs. */
uint64_t observe(bool everything);

/* ---- manager.c ---- */
void manager_setup(void);
void manager_act(void);
/* Destroys everything that was made since the set-up. Events go on until the last thread is gone. */
void manager_teardown(void);
/* The round is over and nothing may be left: compares memory, quota and objects with the start. */
void manager_compare(void);
void sigma0_act(struct thread *t);

/* ---- worker.c ---- */
void worker_act(struct thread *t);

/* ---- world.c ---- */
/* Remembers a task that has just been created in this slot of the table of `owner` (which may be gone by now). */
void world_watch(struct task *owner, word_t slot);
struct task *world_task(unsigned i); /* NULL: none there */
#define WORLD_TASKS 160u
#define WATCH_FIRST 0x60u /* slots of the manager's table */
void world_check(void);

/* ---- audit.c ---- */
/* Every factory has been charged exactly what is in use of it. Nothing may be in limbo. */
void audit(void);

/* Places in the life of every simulated task. */
#define WINDOW 0x5000000000ul  /* where memory is mapped to */
#define WINDOW_PAGES 48u
#define UTCBS 0x7000000000ul   /* kernel-user memory, two pages */
#define SLOTS 64u              /* capability slots that are used */
#define NEVER_PAIR 0ul
#define ZERO_PAIR ((word_t)L4_TIMEOUT_ZERO << 16 | L4_TIMEOUT_ZERO)
#define OP_CALL (L4_OP_SEND | L4_OP_RECV)
static inline word_t selector(word_t slot) { return slot << L4_SEL_SHIFT; }
static inline word_t obj_page(word_t slot, unsigned order, unsigned rights)
{
    return l4_fpage_make(L4_FPAGE_OBJ, slot, order, rights).raw;
}
static inline word_t mem_page(word_t addr, unsigned order, unsigned rights)
{
    return l4_fpage_make(L4_FPAGE_MEM, addr >> L4_PAGE_SHIFT, order, rights).raw;
}
static inline word_t io_page(unsigned port, unsigned order, unsigned rights)
{
    return l4_fpage_make(L4_FPAGE_IO, port, order, rights).raw;
}
