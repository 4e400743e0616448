/* SPDX-License-Identifier: MIT */
/* timeout.c: the queue of deadlines against a plain array, in an order that is random and the same every time. */
#include "tap.h"
#include "machine.h"

#define COUNT 200u

static struct timeout all[COUNT];
static struct timeout_queue queue;
static uint64_t seed = 42;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* The earliest by looking at each. */
static const struct timeout *earliest(void)
{
    const struct timeout *best = NULL;

    for (unsigned i = 0; i < COUNT; i++)
        if (all[i].armed && (best == NULL || all[i].deadline_us < best->deadline_us))
            best = &all[i];
    return best;
}

int main(void)
{
    bool same = true;
    uint64_t last = 0;
    unsigned fired = 0;

    machine_start();
    ok(timeout_first(&queue) == NULL, "an empty queue has no first");
    timeout_disarm(&queue, &all[0]);
    ok(timeout_first(&queue) == NULL, "disarming what is not armed does nothing");
    timeout_arm(&queue, &all[1], 100);
    timeout_arm(&queue, &all[0], 100);
    ok(timeout_first(&queue) == &all[0], "equal deadlines are both kept");
    timeout_disarm(&queue, &all[0]);
    ok(timeout_first(&queue) == &all[1] && !all[0].armed, "one is taken out");
    timeout_disarm(&queue, &all[1]);
    ok(queue.root == NULL, "and the other");
    for (unsigned step = 0; step < 20000 && same; step++) {
        struct timeout *t = &all[next_random() % COUNT];

        if (t->armed)
            timeout_disarm(&queue, t);
        else
            timeout_arm(&queue, t, next_random() % 1000);
        const struct timeout *want = earliest(), *got = timeout_first(&queue);

        same = (want == NULL) == (got == NULL) && (want == NULL || want->deadline_us == got->deadline_us);
        if (step % 100 == 0)
            timeout_check(&queue);
    }
    ok(same, "after each of 20000 steps the first is the earliest");
    same = true;
    for (struct timeout *t; (t = timeout_first(&queue)) != NULL; fired++) {
        same = same && t->deadline_us >= last;
        last = t->deadline_us;
        timeout_disarm(&queue, t);
        timeout_check(&queue);
    }
    ok(fired > 0 && same, "all come out in their order");
    return tap_done();
}
