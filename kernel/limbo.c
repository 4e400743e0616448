/* SPDX-License-Identifier: MIT */
/*
 * Limbo: memory of which nothing can be found any more, but at which another CPU on the short message path may still
 * look (objects, pages of capabilities, roots of page tables). It waits until every other CPU has been in a quiescent
 * state: has given the lock back, is claimed, or sleeps. None of these holds what it has found on the short path.
 *   D1  Who puts memory here has made it unreachable before. The words the short path reads stay as they are: links
 *       lie where an object has its payer and its references, and a slot the links of its list.
 *   D2  waiting: the CPUs that have not been quiescent since `aging` was complete. 0: it may be freed.
 *   D3  Quota is given back at once, memory later; an allocation that would fail makes it now (limbo_force).
 * Touched under the lock only. With one CPU nothing ever comes here.
 */
#include "factory.h"
#include "kobj.h"
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

#define FREED_AT_ONCE 32u /* at most: interrupts are off */

static struct limbo *fresh, *aging;
static uint64_t waiting;

void limbo_add(struct factory *payer, struct slab *s, size_t size, void *memory)
{
    struct limbo *l = memory;

    quota_give(payer, size);
    if (s != NULL)
        s->used--;
    l->slab = s;
    l->next = fresh;
    fresh = l;
}

/* Of these CPUs, those that may be on the short path now. */
static uint64_t busy_among(uint64_t set)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpu_quiet(cpus[i]))
            set &= ~(1ul << i);
    return set & ~0ul >> (64 - cpu_count);
}

static void free_some(void)
{
    for (unsigned n = 0; n < FREED_AT_ONCE && aging != NULL; n++) {
        struct limbo *l = aging;

        aging = l->next;
        if (l->slab == NULL) {
            frame_free(l, 0);
            continue;
        }
        l->slab->used++; /* as slab_free expects it */
        slab_free(l->slab, l);
    }
}

static void age(void)
{
    aging = fresh;
    fresh = NULL;
}

void limbo_pass(void)
{
    if (likely(aging == NULL && fresh == NULL))
        return;
    if (waiting != 0) {
        waiting = busy_among(waiting);
    } else if (aging == NULL) {
        age();
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* unreachable first (D1), then: who sleeps? */
        waiting = busy_among(~0ul);
    }
    if (waiting == 0)
        free_some();
}

bool limbo_force(void)
{
    if (aging == NULL)
        age();
    if (aging == NULL)
        return false;
    cpu_claim_all();
    waiting = 0;
    free_some();
    return true;
}

void limbo_empty(void)
{
    while (aging != NULL || fresh != NULL) {
        if (aging == NULL)
            age();
        waiting = 0;
        free_some();
    }
}
