/* SPDX-License-Identifier: MIT */
/*
 * A clock that runs backwards between CPUs: kernel/arch/x86_64/clock_sync.h with counters of our own. Two threads play
 * the boot CPU and a new one, whose counter is off by some amount; every look at a counter takes time. Afterwards they
 * hand each other what they read, many times: nobody may read less than he was handed.
 */
#include "tap.h"
#include "base.h"
#include <pthread.h>
#include <sched.h>

static uint64_t passed;           /* the time itself: it goes on when somebody looks */
static word_t offset[2];          /* of each CPU's counter */
static uint64_t write_cost;       /* time that setting a counter takes */
static __thread unsigned cpu;

static word_t counter(void) { return __atomic_add_fetch(&passed, 3, __ATOMIC_SEQ_CST) + offset[cpu]; }
static void counter_set(uint32_t msr, word_t value)
{
    (void)msr;
    __atomic_add_fetch(&passed, write_cost, __ATOMIC_SEQ_CST);
    offset[cpu] += value - counter();
}

#define rdtsc counter
#define rdtsc_ordered counter
#define wrmsr counter_set
#define arch_cpu_relax sched_yield
#include "../../kernel/arch/x86_64/clock_sync.h"

#define TURNS 4000u
static uint32_t turn;
static word_t handed;
static unsigned backwards;

static void exchange(void)
{
    for (uint32_t n = cpu; n < 2 * TURNS; n += 2) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != n)
            sched_yield();
        word_t now = counter();
        backwards += now < handed;
        handed = counter();
        __atomic_store_n(&turn, n + 1, __ATOMIC_RELEASE);
    }
}

static void *new_cpu(void *aligns)
{
    cpu = 1;
    if (aligns != NULL)
        clock_sync_new_cpu();
    exchange();
    return NULL;
}

/* How often the clock went backwards, with the new CPU's counter off by so much. */
static unsigned run(word_t off, bool aligns)
{
    pthread_t other;

    offset[0] = 1000000000;
    offset[1] = offset[0] + off;
    turn = 0;
    handed = 0;
    backwards = 0;
    clock_sync_begin();
    if (pthread_create(&other, NULL, new_cpu, aligns ? &turn : NULL) != 0)
        return ~0u;
    cpu = 0;
    if (aligns)
        clock_sync_boot_cpu();
    exchange();
    pthread_join(other, NULL);
    return backwards;
}

int main(void)
{
    static const unsigned costs[] = {0, 5, 200};
    static const long offs[] = {0, 1, -1, 7, -7, 100, -100, 1000000, -1000000, 1l << 40, -900000000};

    ok(run((word_t)-1000, false) > 0, "a counter that is behind is seen to go backwards");
    ok(run(1000, false) > 0, "so is one that is ahead");
    for (unsigned i = 0; i < 3 * sizeof offs / sizeof *offs; i++) {
        write_cost = costs[i % 3];
        unsigned seen = run((word_t)offs[i / 3], true);
        long left = (long)(offset[1] - offset[0]);

        is(seen, 0, "aligned, the clock never goes backwards between two CPUs");
        ok(left > -64 && left < 64, "  and they differ by less than a few looks at it");
    }
    return tap_done();
}
