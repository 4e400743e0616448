/* SPDX-License-Identifier: MIT */
/* timeout.c: the queue of deadlines against a plain array, in an order that is random and the same every time. */
#include "tap.h"
#include "machine.h"
#include <stdlib.h>

#define COUNT 200u

static struct timeout all[COUNT];
static struct timeout_queue queue = {.random = 1};
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

/* ---- the shape ---- */

#define MANY 10000u

static struct timeout many[MANY];
static unsigned order[MANY]; /* deadlines */
static uint32_t weight[MANY];

static unsigned depth(const struct timeout *t)
{
    unsigned left, right;

    if (t == NULL)
        return 0;
    left = depth(t->left);
    right = depth(t->right);
    return 1 + (left > right ? left : right);
}

static int by_weight(const void *a, const void *b)
{
    const uint32_t x = weight[*(const unsigned *)a], y = weight[*(const unsigned *)b];

    return (x > y) - (x < y);
}

/* Arms all of them and returns how deep the tree is, and disarms them in the same order. */
static unsigned depth_of_all(void)
{
    unsigned deep;

    for (unsigned i = 0; i < MANY; i++)
        timeout_arm(&queue, &many[i], 1000 + order[i]);
    timeout_check(&queue);
    deep = depth(queue.root);
    for (unsigned i = 0; i < MANY; i++) {
        weight[i] = many[i].weight;
        timeout_disarm(&queue, &many[i]);
        if (i % 1000 == 0)
            timeout_check(&queue);
    }
    return deep;
}

/* Whatever deadlines a program chooses, and in which order: a path has 64 steps at most. */
static void test_depth(void)
{
    static unsigned heavy[MANY];

    for (unsigned i = 0; i < MANY; i++)
        order[i] = i;
    ok(depth_of_all() <= 64, "10000 deadlines, ascending");
    for (unsigned i = 0; i < MANY; i++)
        order[i] = MANY - i;
    ok(depth_of_all() <= 64, "descending");
    for (unsigned i = 0; i < MANY; i++)
        order[i] = i % 2 == 0 ? i : 2 * MANY - i;
    ok(depth_of_all() <= 64, "from both ends");
    for (unsigned i = 0; i < MANY; i++)
        order[i] = 0;
    ok(depth_of_all() <= 64, "all the same");
    for (unsigned i = 0; i < MANY; i++)
        heavy[i] = i;
    for (unsigned times = 0; times < 3; times++) {
        qsort(heavy, MANY, sizeof heavy[0], by_weight);
        for (unsigned i = 0; i < MANY; i++)
            order[heavy[i]] = i;
        ok(depth_of_all() <= 64, "in the order of the weights that they have had before");
    }
    ok(queue.root == NULL, "all are gone");
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
    test_depth();
    return tap_done();
}
