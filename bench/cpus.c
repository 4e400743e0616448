/* SPDX-License-Identifier: MIT */
/*
 * What needs more than one CPU: the round trip from one to another, and whether two pairs of threads that have nothing
 * to do with each other run twice as fast on two CPUs as one pair on one. Without a second CPU nothing is printed.
 */
#include "bench.h"

#define PAIR_ROUNDS 20000u

static volatile struct {
    uint64_t begin, end; /* end 0: still running */
} pairs[2];

static unsigned cpu_count(void)
{
    l4_sched_cpu_set_t set = l4_sched_cpu_set(0, 0, 0);
    unsigned n = 0;

    must("CPUs", l4_scheduler_info(L4_BASE_SCHEDULER_CAP, NULL, &set));
    for (; set.map != 0; set.map &= set.map - 1)
        n++;
    return n;
}

/* 10 ms, for threads on the other CPU to come to where they wait. */
static void rest(void) { l4_ipc_sleep(l4_ipc_timeout(0, 0, 625, 4)); }

static void across(void)
{
    worker_start_on(1, SLOT_SERVER, OTHER_TASK, server_echo, PRIO);
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(SLOT_GATE), slot(SLOT_SERVER), 0x1230));
    rest();
    round_trips("round-trip-across-cpus", 0);
    server_stop();
    rest();
}

static void pair_calls(unsigned n, unsigned gate)
{
    pairs[n].begin = ticks();
    for (unsigned i = 0; i < PAIR_ROUNDS; i++)
        l4_ipc_call(slot(gate), l4_utcb(), l4_msgtag(1, 0, 0, 0), L4_IPC_NEVER);
    pairs[n].end = ticks();
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}
static void first_caller(void) { pair_calls(0, SLOT_GATE); }
static void second_caller(void) { pair_calls(1, SLOT_GATE2); }

/* One caller and one server on that CPU; the server waits already. */
static void pair_start(unsigned cpu)
{
    pairs[cpu].end = 0;
    worker_start_on(cpu, cpu == 0 ? SLOT_WORKER : SLOT_WORKER2, OWN_TASK, cpu == 0 ? first_caller : second_caller,
                    PRIO + 10);
}

static void pair_end(unsigned cpu)
{
    while (pairs[cpu].end == 0)
        rest();
    worker_stop(cpu == 0 ? SLOT_WORKER : SLOT_WORKER2);
    rest();
}

/* Rounds per time of two pairs at once, in percent of one pair alone. */
static void two_pairs(void)
{
    uint64_t alone, together, begin, end;

    server_start(server_echo, OTHER_TASK, PRIO + 10);
    worker_start_on(1, SLOT_SERVER2, OTHER_TASK, server_echo, PRIO + 10);
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(SLOT_GATE2), slot(SLOT_SERVER2), 0x1240));
    rest();
    for (unsigned i = 0; i < 5; i++) { /* the first is for warming up */
        pair_start(0);
        pair_end(0);
        alone = pairs[0].end - pairs[0].begin;
        pair_start(1);
        pair_start(0);
        pair_end(1);
        pair_end(0);
        begin = pairs[0].begin < pairs[1].begin ? pairs[0].begin : pairs[1].begin;
        end = pairs[0].end > pairs[1].end ? pairs[0].end : pairs[1].end;
        together = end - begin;
        if (i > 0)
            value(200 * alone / together);
    }
    report("two-pairs-percent");
    server_stop();
}

void several_cpus(void)
{
    if (cpu_count() < 2)
        return;
    across();
    if (!only_across)
        two_pairs();
}
