/* SPDX-License-Identifier: MIT */
/*
 * A thread waits for a semaphore with a time-out, over and over, and is let go from another CPU at the moment at which
 * its own falls asleep: its time-out is over with the wait, and nothing of it comes later.
 * labe-run: --cpus 2 --timeout 120
 */
#include "smp_agents.h"

#define SLOT_SEM 0x21
#define ROUNDS 20000u
#define PATIENCE_US 2000000u

static struct agent *waiter;

static l4_tag sem_down(unsigned timeout)
{
    utcb()->mr[0] = L4_OP_SEM_DOWN;
    return invoke(SEL(SLOT_SEM) | OP_CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0), NULL, timeout);
}

static void sem_up(void)
{
    utcb()->mr[0] = L4_OP_SEM_UP;
    invoke(SEL(SLOT_SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0), NULL, NEVER);
}

static void work_down(struct agent *a)
{
    unsigned patience = timeout_us(PATIENCE_US);

    while (!a->stop) {
        l4_tag t = sem_down(patience);

        if (l4_tag_error(t))
            a->bad++;
        a->count++;
    }
}

/* Waits for ever: what is left of an old time-out would end it. */
static void work_forever(struct agent *a)
{
    l4_tag t = sem_down(NEVER);

    a->bad += l4_tag_error(t) != 0;
    a->count++;
}

static int test_main(void)
{
    word_t late = 0;

    agents_setup();
    is(cpus, 2, "two CPUs");
    create(SLOT_SEM, L4_PROTO_SEMAPHORE);
    waiter = agent_make(0, 1, PRIO_HIGH);
    agent_do(waiter, work_down);
    for (unsigned i = 0; i < ROUNDS && waiter->bad == 0; i++) {
        word_t seen = waiter->count;

        for (unsigned k = i % 64; k > 0; k--)
            __asm__ volatile("pause");
        sem_up();
        for (word_t n = 0; waiter->count == seen && n < 100000000ul; n++)
            __asm__ volatile("pause");
        late += waiter->count == seen;
        if (late)
            break;
    }
    root_printf("# the waiter has waited %lu times\n", waiter->count);
    is(late, 0, "whoever is let go goes on");
    waiter->stop = 1;
    sem_up();
    ok(agent_finished(waiter), "the waiter is through");
    is(waiter->bad, 0, "  no wait ended by time");
    waiter->count = waiter->stop = 0;
    agent_do(waiter, work_forever);
    sleep_us(2 * PATIENCE_US);
    is(waiter->count, 0, "a wait without a time-out goes on");
    sem_up();
    ok(agent_finished(waiter), "  until it is ended");
    is(waiter->bad, 0, "  without an error");
    return tap_done();
}
