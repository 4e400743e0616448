/* SPDX-License-Identifier: MIT */
/*
 * Timeouts: one armed deadline per thread, in a tree ordered by (deadline, address) per CPU; O(log n) each way, in
 * whatever order they come.
 */
#pragma once
#include "base.h"

struct timeout {
    struct timeout *left, *right, *up; /* treap; up of the root is NULL */
    uint64_t deadline_us;
    uint32_t weight;                   /* heap order */
    bool armed;
};
struct timeout_queue {
    struct timeout *root;
    uint64_t random; /* odd: of the weight that was given last */
};

void timeout_arm(struct timeout_queue *q, struct timeout *t, uint64_t deadline_us);
/* No effect when not armed. */
void timeout_disarm(struct timeout_queue *q, struct timeout *t);
/* The earliest, or NULL. */
struct timeout *timeout_first(const struct timeout_queue *q);
void timeout_check(const struct timeout_queue *q);
