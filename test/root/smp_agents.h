/* SPDX-License-Identifier: MIT */
/*
 * Threads for tests of several CPUs: each agent executes what it is told, on the CPU where it is put. Commands and
 * results go through its struct agent; it polls for a command while it sleeps, so that it is in no message then.
 */
#pragma once
#include "root.h"
#include "tap.h"

#define AGENTS 12
#define SLOT_AGENT 0x40          /* + number */
#define UTCB_AREA 0x7e00000000ul /* kernel-user memory for the agents */
#define PRIO_MAIN 100
#define PRIO_HIGH 120
#define PRIO_LOW 80
#define OP_SLEEP (L4_SEL_INVALID | L4_OP_RECV)
#define SND(t) ((unsigned)(t) << 16)

struct agent {
    word_t slot;
    struct l4_utcb *utcb;
    void (*work)(struct agent *a);
    volatile word_t command, entered, done;
    word_t dest, tag, label, word; /* of the message */
    unsigned timeout;
    volatile word_t got_tag, got_error, got_label, got_word;
    volatile word_t count, stop, bad; /* for other work */
    struct agent *partner;
    char stack[4096] __attribute__((aligned(16)));
};
static struct agent agents[AGENTS];
static unsigned cpus; /* present; cpu n is n */

static unsigned timeout_us(word_t us)
{
    unsigned e = 0;

    for (; us > 1023; us >>= 1)
        e++;
    return (unsigned)us | e << 10;
}

static void sleep_us(word_t us) { invoke(OP_SLEEP, (l4_tag){0}, NULL, timeout_us(us)); }

static inline word_t tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
    return (word_t)high << 32 | low;
}

/* A fingerprint of the CPU that we run on: its initial APIC id. */
static inline word_t here(void)
{
    uint32_t a = 1, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return b >> 24;
}

static long run_on(word_t thread, unsigned cpu, word_t prio)
{
    struct l4_utcb *u = utcb();

    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = 0;
    u->mr[2] = 1ul << cpu;
    u->mr[3] = prio;
    u->mr[4] = 0;
    put_cap_item(5, thread, 15);
    return call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
}

static word_t cpu_map(void)
{
    utcb()->mr[0] = L4_OP_SCHED_INFO;
    utcb()->mr[1] = 0;
    if (call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 2, 0) < 0)
        return 0;
    return utcb()->mr[0];
}

static inline long delete_slot(word_t slot)
{
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = L4_UNMAP_SELF | L4_UNMAP_DELETE;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw;
    return call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
}

/* ---- what an agent does ---- */

static void work_message(struct agent *a)
{
    word_t label = a->label;
    struct l4_utcb *u = utcb();

    u->mr[0] = a->word;
    u->error = 0;
    l4_tag t = invoke(a->dest, (l4_tag){a->tag}, &label, a->timeout);
    a->got_tag = t.raw;
    a->got_error = l4_tag_error(t) ? u->error : 0;
    a->got_label = label;
    a->got_word = u->mr[0];
}

static inline void work_compute(struct agent *a)
{
    while (!a->stop)
        a->count++;
}

__attribute__((used)) static void agent_main(struct agent *a)
{
    for (;;) {
        while (__atomic_load_n(&a->command, __ATOMIC_ACQUIRE) == a->done)
            sleep_us(300);
        a->entered = a->command;
        a->work(a);
        __atomic_store_n(&a->done, a->entered, __ATOMIC_RELEASE);
    }
}
void agent_entry(void);
__asm__(".text\nagent_entry:\n    popq %rdi\n    call agent_main\n");

static void agent_start(struct agent *a)
{
    word_t *sp = (word_t *)(a->stack + sizeof a->stack) - 1;

    *sp = (word_t)a;
    a->command = a->entered = a->done = a->stop = a->count = a->bad = 0;
    thread_ex_regs(a->slot, (word_t)agent_entry, (word_t)sp, 0);
}

/* Agent n, new, on that CPU. */
static struct agent *agent_make(unsigned n, unsigned cpu, word_t prio)
{
    struct agent *a = &agents[n];

    a->slot = SLOT_AGENT + n;
    a->utcb = (struct l4_utcb *)(UTCB_AREA + n * L4_UTCB_SIZE);
    if (thread_make(a->slot, a->utcb, L4_SLOT_THREAD) < 0)
        return NULL;
    agent_start(a);
    run_on(a->slot, cpu, prio);
    return a;
}

static void agent_do(struct agent *a, void (*work)(struct agent *))
{
    a->work = work;
    __atomic_store_n(&a->command, a->command + 1, __ATOMIC_RELEASE);
}

static inline void agent_message(struct agent *a, word_t dest, l4_tag tag, unsigned timeout)
{
    a->dest = dest;
    a->tag = tag.raw;
    a->timeout = timeout;
    agent_do(a, work_message);
}

static int agent_wait(struct agent *a, word_t ms, int entered)
{
    for (word_t i = 0; i < ms * 2; i++) {
        if ((entered ? a->entered : __atomic_load_n(&a->done, __ATOMIC_ACQUIRE)) == a->command)
            return 1;
        sleep_us(500);
    }
    return 0;
}

static int agent_finished(struct agent *a) { return agent_wait(a, 5000, 0); }

/* The agent has begun its command, and has had some milliseconds to block. */
static inline void agent_settle(struct agent *a)
{
    agent_wait(a, 5000, 1);
    sleep_us(2500);
}

/* Whatever it does: it ends, and the agent waits for a command again. */
static inline int agent_stop(struct agent *a)
{
    a->stop = 1;
    for (unsigned i = 0; i < 50; i++) {
        if (a->done == a->command)
            break;
        thread_ex_regs(a->slot, ~0ul, ~0ul, L4_EXREGS_CANCEL);
        sleep_us(1000);
    }
    int ended = a->done == a->command;
    a->stop = 0;
    return ended;
}

static void agents_setup(void)
{
    word_t map = cpu_map();

    while (cpus < 64 && (map >> cpus & 1))
        cpus++;
    utcb()->mr[0] = L4_OP_TASK_ADD_KU_MEM;
    utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, UTCB_AREA >> 12, 14, 7).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 2, 0);
    run_on(L4_SLOT_THREAD, 0, PRIO_MAIN);
}
