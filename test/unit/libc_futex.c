/* SPDX-License-Identifier: MIT */
/* lib/c/futex_table.h: fixed cases, then random waits, wakes and moves against plain lists. */
#include "../../lib/c/futex_table.h"
#include <stdlib.h>
#include <string.h>
#include <tap.h>

#define WAITERS 200u
#define ADDRESSES 12u

static struct futex_table table;
static struct futex_waiter waiter[WAITERS];

/* The model: per address, the numbers of its waiters in the order in which they came. */
static unsigned model[ADDRESSES][WAITERS], model_count[ADDRESSES];

static uintptr_t address(unsigned a)
{
    return 0x1000u + 4u * (uintptr_t)a * (a % 3u == 0 ? 1u : 1024u);
}

static void model_remove(unsigned a, unsigned at)
{
    memmove(&model[a][at], &model[a][at + 1], (model_count[a] - at - 1) * sizeof model[a][0]);
    model_count[a]--;
}

static int model_take(unsigned a)
{
    if (model_count[a] == 0)
        return -1;
    unsigned n = model[a][0];
    model_remove(a, 0);
    return (int)n;
}

static int number_of(const struct futex_waiter *w)
{
    return w == NULL ? -1 : (int)(w - waiter);
}

static int links_agree(void)
{
    unsigned count = 0, want = 0;

    for (unsigned q = 0; q < FUTEX_BUCKETS; q++) {
        const struct futex_waiter *before = NULL;
        for (const struct futex_waiter *w = table.queue[q].first; w != NULL; before = w, w = w->next) {
            if (w->previous != before || !w->queued || futex_queue_of(&table, w->address) != &table.queue[q])
                return 0;
            count++;
        }
        if (table.queue[q].last != before)
            return 0;
    }
    for (unsigned a = 0; a < ADDRESSES; a++)
        want += model_count[a];
    return count == want;
}

static int random_step(void)
{
    unsigned a = (unsigned)rand() % ADDRESSES, b = (unsigned)rand() % ADDRESSES, n = (unsigned)rand() % WAITERS;

    switch (rand() % 4) {
    case 0:
    case 1:
        if (!waiter[n].queued) {
            futex_enqueue(&table, &waiter[n], address(a));
            model[a][model_count[a]++] = n;
        } else { /* its time is over */
            futex_dequeue(&table, &waiter[n]);
            for (a = 0; a < ADDRESSES; a++)
                for (unsigned i = 0; i < model_count[a]; i++)
                    if (model[a][i] == n)
                        model_remove(a, i);
        }
        return 1;
    case 2:
        return number_of(futex_take(&table, address(a))) == model_take(a);
    default: { /* moved, as for a condition variable */
        struct futex_waiter *w = futex_take(&table, address(a));
        int expected = model_take(a);
        if (w != NULL && expected >= 0) {
            futex_enqueue(&table, w, address(b));
            model[b][model_count[b]++] = (unsigned)expected;
        }
        return number_of(w) == expected;
    }
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1u, step = 0;

    is(number_of(futex_take(&table, 0x1000)), -1, "nobody waits in an empty table");
    futex_enqueue(&table, &waiter[0], 0x1000);
    futex_enqueue(&table, &waiter[1], 0x1000);
    futex_enqueue(&table, &waiter[2], 0x1004);
    is(number_of(futex_take(&table, 0x1000)), 0, "the first comes first");
    futex_dequeue(&table, &waiter[1]);
    is(number_of(futex_take(&table, 0x1000)), -1, "one that left is not woken");
    is(number_of(futex_take(&table, 0x1004)), 2, "another address has its own queue");
    ok(!waiter[0].queued && !waiter[1].queued && !waiter[2].queued, "they know it");

    srand(seed);
    while (step < 200000 && random_step() && (step % 64 != 0 || links_agree()))
        step++;
    if (!is(step, 200000, "random waits, wakes and moves agree with plain lists"))
        tap_printf("# replay: libc_futex %u\n", seed);
    ok(links_agree(), "and so do the links at the end");
    return tap_done();
}
