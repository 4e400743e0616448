/* SPDX-License-Identifier: MIT */
/*
 * Limbo: memory of which nothing can be found any more, but at which another CPU on the short message path may still
 * look (objects, pages of capabilities, roots of page tables). It waits until every other CPU has been in a quiescent
 * state: has given the lock back, is claimed, or sleeps. None of these holds what it has found on the short path.
 *   D1  Who puts memory here has made it unreachable before. The words the short path reads stay as they are: links
 *       lie where an object has its payer and its references, and a slot the links of its list.
 *   D2  waiting: the CPUs that have not been quiescent since `aging` was complete. 0: it may be freed.
 *   D3  Quota is given back at once, memory later; an allocation that would fail makes it now (limbo_force).
 *   D4  No more than LENGTH_MAX pieces wait, so that is never much: who adds one more stops all CPUs and frees one.
 * Touched under the lock only. With one CPU nothing ever comes here.
 */
#include "factory.h"
#include "kobj.h"
#include "preempt.h"
#include "smp.h"

struct limbo {
    word_t kept;
    struct limbo *next;
    word_t kept_too;
    struct slab *slab; /* NULL: a page */
};
_Static_assert(offsetof(struct limbo, next) == offsetof(struct kobj, payer), "D1");
_Static_assert(offsetof(struct limbo, slab) == offsetof(struct kobj, refs), "D1");
_Static_assert(offsetof(struct limbo, next) == offsetof(struct cap, next), "D1");
_Static_assert(offsetof(struct limbo, slab) == sizeof(struct cap) + offsetof(struct cap, next), "D1");

#define LENGTH_MAX 32u
#define PASS_UNITS 150 /* when the lock is given back; a unit of work as in preempt.h */

static struct limbo *fresh, *aging;
static unsigned length; /* of both */
static uint64_t waiting;

/* One of the first that came; nobody looks at it. */
static void free_one(void)
{
    size_t before = frame_free_bytes();
    struct limbo *l;

    if (aging == NULL) {
        aging = fresh;
        fresh = NULL;
    }
    l = aging;
    aging = l->next;
    length--;
    if (l->slab == NULL) {
        frame_free(l, 0);
    } else {
        l->slab->used++; /* as slab_free expects it */
        slab_free(l->slab, l);
    }
    work_left -= frame_free_bytes() != before ? 15 : 4; /* a frame may have many buddies */
}

/* Nobody is on the short path until the lock is given back. */
static void stop_all(void)
{
    cpu_claim_all();
    waiting = 0;
}

void limbo_add(struct factory *payer, struct slab *s, size_t size, void *memory)
{
    struct limbo *l = memory;

    quota_give(payer, size);
    if (s != NULL)
        s->used--;
    l->slab = s;
    l->next = fresh;
    fresh = l;
    if (++length > LENGTH_MAX) { /* D4 */
        stop_all();
        free_one();
    }
}

/* Of these CPUs, those that may be on the short path now. */
static uint64_t busy_among(uint64_t set)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpu_quiet(cpus[i]))
            set &= ~(1ul << i);
    return set & ~0ul >> (64 - cpu_count);
}

void limbo_pass(void)
{
    int end = work_left - PASS_UNITS;

    if (likely(length == 0))
        return;
    if (waiting != 0) {
        waiting = busy_among(waiting);
    } else if (aging == NULL) {
        aging = fresh;
        fresh = NULL;
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* unreachable first (D1), then: who sleeps? */
        waiting = busy_among(~0ul);
    }
    while (waiting == 0 && aging != NULL && work_left > end)
        free_one();
}

bool limbo_force(unsigned order)
{
    if (length == 0)
        return false;
    stop_all();
    while (length != 0 && !frame_fits(order))
        free_one();
    return frame_fits(order);
}

void limbo_empty(void)
{
    waiting = 0;
    while (length != 0)
        free_one();
}
