/* SPDX-License-Identifier: MIT */
/*
 * One clock: the time stamp counter of a new CPU is set to that of the boot CPU, so that nobody sees the clock of the
 * other behind its own past. The two are compared in turns: who has the turn reads its counter, and the next one must
 * read more. If somebody reads less the counter is set: half the difference of what either one reads more, at least, is
 * how far it is off. Setting it takes time, which is lost: what is missing after the first try is that, and it is given
 * twice.
 *
 * Included by ap.c, after x86.h, and by a test, after counters of its own.
 */
#pragma once

#define SYNC_ROUNDS 16u
#define SYNC_TRIES 3u
#define MSR_TSC 0x10u

static uint32_t sync_turn;        /* odd: the new CPU's, even: the boot CPU's */
static word_t sync_mark;          /* the counter of who had the last turn */
static long sync_back;            /* how much more the boot CPU has read than the new one before it, at least */

/* By the boot CPU, before the new one runs. */
static inline void clock_sync_begin(void)
{
    __atomic_store_n(&sync_turn, 0, __ATOMIC_RELAXED);
    sync_back = INT64_MAX;
}

static inline void turn_wait(uint32_t turn)
{
    while (__atomic_load_n(&sync_turn, __ATOMIC_ACQUIRE) != turn)
        arch_cpu_relax();
}

static inline void turn_give(uint32_t turn)
{
    sync_mark = rdtsc_ordered();
    __atomic_store_n(&sync_turn, turn, __ATOMIC_RELEASE);
}

static inline void turn_read(long *least)
{
    long more = (long)(rdtsc_ordered() - sync_mark);

    if (more < *least)
        *least = more;
}

/* By both at once; both return. */
static inline void clock_sync_boot_cpu(void)
{
    for (uint32_t turn = 0; turn < 2 * SYNC_ROUNDS * SYNC_TRIES; turn += 2) {
        turn_give(turn + 1);
        turn_wait(turn + 2);
        turn_read(&sync_back);
    }
}

static inline void clock_sync_new_cpu(void)
{
    long there = INT64_MAX;

    for (uint32_t turn = 0; turn < 2 * SYNC_ROUNDS * SYNC_TRIES; turn += 2) {
        turn_wait(turn + 1);
        turn_read(&there);
        if (turn / 2 % SYNC_ROUNDS == SYNC_ROUNDS - 1) {
            if (there < 0 || sync_back < 0)
                wrmsr(MSR_TSC, rdtsc() - (word_t)((there - sync_back) / (turn / 2 < SYNC_ROUNDS ? 2 : 1)));
            there = sync_back = INT64_MAX;
        }
        turn_give(turn + 2);
    }
}
