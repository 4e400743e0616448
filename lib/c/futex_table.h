/* SPDX-License-Identifier: MIT */
/*
 * Who waits at which address: a hash table of queues, first come first served. Pure data; the caller (futex.c) holds
 * the one lock and decides how a thread sleeps and wakes. Tested on the build machine (test/unit/libc_futex.c).
 *
 * I1  A waiter is in exactly one queue while `queued` is set, and in none otherwise.
 * I2  Waiters of one address leave in the order in which they came; moved ones queue behind those already there.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define FUTEX_BUCKETS 64u

struct futex_waiter {
    struct futex_waiter *next, *previous;
    uintptr_t address;
    int queued;
};

struct futex_queue {
    struct futex_waiter *first, *last;
};

struct futex_table {
    struct futex_queue queue[FUTEX_BUCKETS];
};

static inline struct futex_queue *futex_queue_of(struct futex_table *t, uintptr_t address)
{
    uint64_t mixed = (uint64_t)(address >> 2) * 0x9e3779b97f4a7c15u;
    return &t->queue[mixed >> 58];
}

static inline void futex_enqueue(struct futex_table *t, struct futex_waiter *w, uintptr_t address)
{
    struct futex_queue *q = futex_queue_of(t, address);

    w->address = address;
    w->next = NULL;
    w->previous = q->last;
    if (q->last != NULL)
        q->last->next = w;
    else
        q->first = w;
    q->last = w;
    w->queued = 1;
}

static inline void futex_dequeue(struct futex_table *t, struct futex_waiter *w)
{
    struct futex_queue *q = futex_queue_of(t, w->address);

    if (w->previous != NULL)
        w->previous->next = w->next;
    else
        q->first = w->next;
    if (w->next != NULL)
        w->next->previous = w->previous;
    else
        q->last = w->previous;
    w->next = w->previous = NULL;
    w->queued = 0;
}

/* Takes the longest waiting one off the address, or answers NULL. */
static inline struct futex_waiter *futex_take(struct futex_table *t, uintptr_t address)
{
    struct futex_waiter *w = futex_queue_of(t, address)->first;

    while (w != NULL && w->address != address)
        w = w->next;
    if (w != NULL)
        futex_dequeue(t, w);
    return w;
}
