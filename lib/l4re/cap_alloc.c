/* SPDX-License-Identifier: MIT */
/*
 * The program's default slot allocator. It takes its 4096 slots from the environment at first use, by one atomic
 * addition, so that whoever took slots before (start code, the in-task service) keeps them.
 */
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/env.h>
#include <l4/sys/task.h>

#define SLOTS 4096u

static struct l4re_caps caps;
static l4_uint16_t refs[SLOTS];
static int ready; /* 0 no, 1 somebody is at it, 2 yes */

struct l4re_caps *l4re_util_caps(void)
{
    int expected = 0;

    if (L4_LIKELY(__atomic_load_n(&ready, __ATOMIC_ACQUIRE) == 2))
        return &caps;
    if (__atomic_compare_exchange_n(&ready, &expected, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        l4re_caps_init(&caps, __atomic_fetch_add(&l4re_env()->first_free_cap, SLOTS, __ATOMIC_RELAXED), refs, SLOTS);
        __atomic_store_n(&ready, 2, __ATOMIC_RELEASE);
    }
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != 2)
        __builtin_ia32_pause();
    return &caps;
}

l4_cap_idx_t l4re_util_cap_alloc(void) { return l4re_caps_alloc(l4re_util_caps()); }
void l4re_util_cap_free(l4_cap_idx_t cap) { l4re_caps_free(l4re_util_caps(), cap); }

void l4re_util_cap_free_um(l4_cap_idx_t cap)
{
    l4_task_release_cap(L4RE_THIS_TASK_CAP, cap); /* before anybody else may get the slot */
    l4re_caps_free(l4re_util_caps(), cap);
}

long l4re_util_cap_last(void)
{
    struct l4re_caps *c = l4re_util_caps();

    return (long)(c->first + c->count - 1);
}
