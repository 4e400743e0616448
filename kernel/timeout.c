/* SPDX-License-Identifier: MIT */
/*
 * A treap: search tree by (deadline, address), heap by weight. The weight is a hash of the address, so the shape does
 * not depend on the order of arming and nothing random is read.
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

/* Lifts t above its parent; the key order stays. */
static void rotate_up(struct timeout_queue *q, struct timeout *t)
{
    struct timeout *p = t->up, **top = link_to(q, p), *moved;

    if (p->left == t) {
        moved = t->right;
        p->left = moved;
        t->right = p;
    } else {
        moved = t->left;
        p->right = moved;
        t->left = p;
    }
    if (moved != NULL)
        moved->up = p;
    t->up = p->up;
    p->up = t;
    *top = t;
}

void timeout_arm(struct timeout_queue *q, struct timeout *t, uint64_t deadline_us)
{
    struct timeout **at = &q->root, *up = NULL;

    kassert(!t->armed);
    t->deadline_us = deadline_us;
    t->weight = (uint32_t)(((uint64_t)(uintptr_t)t * 0x9e3779b97f4a7c15ul) >> 32);
    while (*at != NULL) {
        up = *at;
        at = key_less(t, up) ? &up->left : &up->right;
    }
    t->left = t->right = NULL;
    t->up = up;
    t->armed = true;
    *at = t;
    while (t->up != NULL && t->up->weight < t->weight)
        rotate_up(q, t);
}

void timeout_disarm(struct timeout_queue *q, struct timeout *t)
{
    if (!t->armed)
        return;
    t->armed = false;
    while (t->left != NULL && t->right != NULL)
        rotate_up(q, t->left->weight > t->right->weight ? t->left : t->right);

    struct timeout *rest = t->left != NULL ? t->left : t->right;

    if (rest != NULL)
        rest->up = t->up;
    *link_to(q, t) = rest;
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
