/* SPDX-License-Identifier: MIT */
/*
 * A CPU that makes one system call after the other does not keep another one out of the kernel.
 * labe-run: --cpus 2 --timeout 120
 */
#include "smp_agents.h"

#define CALLS 100000u
#define BOUND 400u /* calls of the other CPU meanwhile; far less where both CPUs run all the time */

/* Long ones, all of them under the kernel's lock. */
static void work_call(struct agent *a)
{
    while (!a->stop) {
        cpu_map();
        a->count++;
    }
}

static int test_main(void)
{
    struct agent *greedy;
    word_t late = 0, longest = 0;

    agents_setup();
    is(cpus, 2, "two CPUs");
    greedy = agent_make(0, 1, PRIO_LOW);
    agent_do(greedy, work_call);
    while (greedy->count == 0)
        sleep_us(100);
    for (unsigned i = 0; i < CALLS; i++) {
        word_t before = greedy->count, meanwhile;

        cpu_map();
        meanwhile = greedy->count - before;
        late += meanwhile > BOUND;
        if (meanwhile > longest)
            longest = meanwhile;
    }
    root_printf("# the other CPU made at most %lu calls during one of ours, more than %u during %lu of %u\n", longest,
                BOUND, late, CALLS);
    ok(late < CALLS / 20, "system calls beside a CPU that makes them all the time");
    ok(greedy->count > CALLS / 20, "  which goes on, too");
    greedy->stop = 1;
    ok(agent_finished(greedy), "  and ends");
    return tap_done();
}
