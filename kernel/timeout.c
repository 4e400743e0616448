/* SPDX-License-Identifier: MIT */
/*
 * A treap: search tree by (deadline, address), heap by weight. Weights are pseudo-random, from a seed of each boot and
 * CPU: with weights that depend on addresses a program could choose deadlines that make a list of the tree.
 *   T1  in-order is ascending by key.
 *   T2  a parent's weight is not below its children's.
 *   T3  up pointers match.
 */
#include "timeout.h"

static bool key_less(const struct timeout *a, const struct timeout *b)
{
    return a->deadline_us != b->deadline_us ? a->deadline_us < b->deadline_us : (uintptr_t)a < (uintptr_t)b;
}

static struct timeout **link_to(struct timeout_queue *q, struct timeout *t)
{
    if (t->up == NULL)
        return &q->root;
    return t->up->left == t ? &t->up->left : &t->up->right;
}

void timeout_arm(struct timeout_queue *q, struct timeout *t, uint64_t deadline_us)
{
    struct timeout **at = &q->root, *up = NULL, *rest;
    struct timeout **less = &t->left, **more = &t->right, *less_up = t, *more_up = t;

    kassert(!t->armed);
    q->random *= 0x9e3779b97f4a7c15ul;
    t->weight = (uint32_t)(q->random >> 32);
    t->deadline_us = deadline_us;
    t->armed = true;
    while (*at != NULL && (*at)->weight >= t->weight) { /* down to its place in the heap */
        up = *at;
        at = key_less(t, up) ? &up->left : &up->right;
    }
    rest = *at;
    *at = t;
    t->up = up;
    while (rest != NULL) /* what was there falls apart into what is less and what is more than t */
        if (key_less(t, rest)) {
            *more = rest;
            rest->up = more_up;
            more_up = rest;
            more = &rest->left;
            rest = *more;
        } else {
            *less = rest;
            rest->up = less_up;
            less_up = rest;
            less = &rest->right;
            rest = *less;
        }
    *less = *more = NULL;
}

void timeout_disarm(struct timeout_queue *q, struct timeout *t)
{
    struct timeout **at, *up = t->up, *less = t->left, *more = t->right, *heavier;

    if (!t->armed)
        return;
    t->armed = false;
    at = link_to(q, t);
    while (less != NULL && more != NULL) { /* the two become one in its place */
        if (less->weight > more->weight) {
            heavier = less;
            less = heavier->right;
            *at = heavier;
            at = &heavier->right;
        } else {
            heavier = more;
            more = heavier->left;
            *at = heavier;
            at = &heavier->left;
        }
        heavier->up = up;
        up = heavier;
    }
    if (less == NULL)
        less = more;
    *at = less;
    if (less != NULL)
        less->up = up;
}

struct timeout *timeout_first(const struct timeout_queue *q)
{
    struct timeout *t = q->root;

    while (t != NULL && t->left != NULL)
        t = t->left;
    return t;
}

void timeout_check(const struct timeout_queue *q)
{
    const struct timeout *t = timeout_first(q);

    while (t != NULL) {
        const struct timeout *next = t->right;

        kassert(t->armed); /* T1, T2, T3 */
        kassert(t->left == NULL || (t->left->up == t && key_less(t->left, t) && t->left->weight <= t->weight));
        kassert(t->right == NULL || (t->right->up == t && key_less(t, t->right) && t->right->weight <= t->weight));
        if (next != NULL) {
            while (next->left != NULL)
                next = next->left;
        } else {
            const struct timeout *from = t;

            next = t->up;
            while (next != NULL && next->right == from) {
                from = next;
                next = next->up;
            }
        }
        t = next;
    }
}
