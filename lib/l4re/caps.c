/* SPDX-License-Identifier: MIT */
/*
 * Capability slots with reference counts. A counter moves only by compare-and-swap, so any thread may call at any time.
 *
 *  C1  0: the slot is free and empty. BUSY: its last user empties it; nobody may take or allocate it meanwhile.
 */
#include <l4/re/caps.h>
#include <l4/re/consts.h>
#include <l4/sys/task.h>

#define BUSY 0xffffu

void l4re_caps_init(struct l4re_caps *c, unsigned long first, l4_uint16_t *refs, unsigned count)
{
    c->first = first;
    c->count = count;
    c->hint = 0;
    c->refs = refs;
}

static l4_uint16_t *counter(struct l4re_caps const *c, l4_cap_idx_t cap)
{
    unsigned long slot = cap >> L4_CAP_SHIFT;

    if (l4_is_invalid_cap(cap) || slot < c->first || slot - c->first >= c->count)
        return NULL;
    return &c->refs[slot - c->first];
}

static int change(l4_uint16_t *ref, l4_uint16_t from, l4_uint16_t to)
{
    return __atomic_compare_exchange_n(ref, &from, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

l4_cap_idx_t l4re_caps_alloc(struct l4re_caps *c)
{
    unsigned start = __atomic_load_n(&c->hint, __ATOMIC_RELAXED);

    for (unsigned n = 0; n < c->count; n++) {
        unsigned i = (start + n) % c->count;

        if (__atomic_load_n(&c->refs[i], __ATOMIC_RELAXED) == 0 && change(&c->refs[i], 0, 1)) {
            __atomic_store_n(&c->hint, (i + 1) % c->count, __ATOMIC_RELAXED);
            return (c->first + i) << L4_CAP_SHIFT;
        }
    }
    return L4_INVALID_CAP;
}

void l4re_caps_take(struct l4re_caps *c, l4_cap_idx_t cap)
{
    l4_uint16_t *ref = counter(c, cap);
    l4_uint16_t n;

    if (!ref)
        return;
    do {
        n = __atomic_load_n(ref, __ATOMIC_RELAXED);
        if (n == 0 || n >= BUSY - 1)
            return;
    } while (!change(ref, n, (l4_uint16_t)(n + 1)));
}

unsigned l4re_caps_drop(struct l4re_caps *c, l4_cap_idx_t cap)
{
    l4_uint16_t *ref = counter(c, cap);
    l4_uint16_t n;

    if (!ref)
        return ~0u;
    do {
        n = __atomic_load_n(ref, __ATOMIC_RELAXED);
        if (n == 0 || n == BUSY)
            return ~0u;
    } while (!change(ref, n, n == 1 ? (l4_uint16_t)BUSY : (l4_uint16_t)(n - 1)));
    if (n > 1)
        return n - 1u;
    l4_task_release_cap(L4RE_THIS_TASK_CAP, cap);
    l4re_caps_free(c, cap);
    return 0;
}

void l4re_caps_free(struct l4re_caps *c, l4_cap_idx_t cap)
{
    l4_uint16_t *ref = counter(c, cap);

    if (!ref)
        return;
    __atomic_store_n(ref, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&c->hint, (unsigned)(ref - c->refs), __ATOMIC_RELAXED); /* freed slots are used again first */
}

unsigned l4re_caps_refs(struct l4re_caps const *c, l4_cap_idx_t cap)
{
    l4_uint16_t *ref = counter(c, cap);
    unsigned n = ref ? __atomic_load_n(ref, __ATOMIC_RELAXED) : 0;

    return n == BUSY ? 0 : n;
}
