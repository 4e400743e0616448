/* SPDX-License-Identifier: MIT */
/*
 * A CPU that makes one system call after the other does not keep another one out of the kernel, nor, when it stops it
 * with each of them, from its user code.
 * labe-run: --cpus 2 --timeout 120
 */
#include "smp_agents.h"

#define CALLS 100000u
#define BUSY_CALLS 10000u
#define STOPS 100000u
#define BOUND 400u /* calls of the other CPU meanwhile; far less where both CPUs run all the time */

/* Long ones, all of them under the kernel's lock. */
static void work_call(struct agent *a)
{
    while (!a->stop) {
        cpu_map();
        a->count++;
    }
}

static void work_echo(struct agent *a)
{
    word_t label = 0;
    l4_tag t = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, NEVER);

    while (!a->stop && !l4_tag_error(t)) {
        utcb()->mr[0]++;
        t = invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(0, 1, 0, 0), &label, SND(L4_TIMEOUT_ZERO));
    }
}

/* Messages between two CPUs that have something else to do, too. */
static void test_busy(void)
{
    struct agent *here = agent_make(1, 0, PRIO_LOW), *there = agent_make(2, 1, PRIO_LOW);
    struct agent *server = agent_make(3, 1, PRIO_HIGH);
    word_t wrong = 0, begin;

    agent_do(server, work_echo);
    agent_do(here, work_compute);
    agent_do(there, work_compute);
    agent_settle(there);
    begin = tsc();
    for (word_t i = 0; i < BUSY_CALLS; i++) {
        utcb()->mr[0] = i;
        l4_tag t = invoke(SEL(server->slot) | OP_CALL, l4_tag_make(0, 1, 0, 0), NULL, NEVER);
        wrong += l4_tag_error(t) || utcb()->mr[0] != i + 1;
    }
    root_printf("# %lu ticks of the clock for a call\n", (tsc() - begin) / BUSY_CALLS);
    is(wrong, 0, "calls between CPUs that compute");
    ok(here->count > 0 && there->count > 0, "  and go on with it");
    ok(agent_stop(here) && agent_stop(there) && agent_stop(server), "  and end");
}

/* Each question about a thread of the other CPU stops that CPU. */
static void test_stopped(void)
{
    struct agent *there = agent_make(4, 1, PRIO_LOW);
    word_t before, least = ~0ul;

    agent_do(there, work_compute);
    agent_settle(there);
    for (unsigned i = 0; i < 20; i++) {
        before = there->count;
        for (unsigned k = 0; k < STOPS / 20; k++) {
            utcb()->mr[0] = L4_OP_THREAD_STATS;
            call(there->slot, L4_PROTO_THREAD, 1, 0);
        }
        if (there->count - before < least)
            least = there->count - before;
    }
    root_printf("# it counted to %lu at least while it was stopped %u times\n", least, STOPS / 20);
    ok(least > STOPS / 20, "a CPU that is stopped all the time goes on");
    ok(agent_stop(there), "  and ends");
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
    test_busy();
    test_stopped();
    return tap_done();
}
