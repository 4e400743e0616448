/* SPDX-License-Identifier: MIT */
/*
 * The interval timer of the program: one of the three that POSIX knows, that of real time. The message loop waits no
 * longer than until it is due (timer_timeout) and asks after every wait (timer_expired).
 */
#include "signal.h"
#include <l4/sys/kip.h>

#define WHICH_REAL 0u
#define WHICH_LAST 2u
#define US 1000000ul

/* Microseconds of the kernel's clock; due 0: not set. */
static uint64_t due, interval;

static uint64_t now(void) { return l4_kip_clock((const l4_kernel_info_t *)startup.kip); }

static struct timer_value value_of(uint64_t us) { return (struct timer_value){(int64_t)(us / US), (int64_t)(us % US)}; }

static int us_of(struct timer_value v, uint64_t *us)
{
    if (v.seconds < 0 || v.seconds > INT64_MAX / (int64_t)US - 1 || v.microseconds < 0 || v.microseconds >= (int64_t)US)
        return -L4_EINVAL;
    *us = (uint64_t)v.seconds * US + (uint64_t)v.microseconds;
    return 0;
}

static long which_check(unsigned which)
{
    return which == WHICH_REAL ? 0 : which <= WHICH_LAST ? -L4_ENOSYS : -L4_EINVAL;
}

long timer_get(unsigned which, struct timer_setting *s)
{
    uint64_t t = now();
    long r = which_check(which);

    if (r < 0)
        return r;
    s->interval = value_of(interval);
    s->value = value_of(due == 0 ? 0 : due > t ? due - t : 1); /* 0 would mean: not set */
    return 0;
}

long timer_set(unsigned which, const struct timer_setting *s, struct timer_setting *old)
{
    uint64_t first, again;
    long r = timer_get(which, old);

    if (r < 0)
        return r;
    if (us_of(s->value, &first) < 0 || us_of(s->interval, &again) < 0)
        return -L4_EINVAL;
    due = first == 0 ? 0 : now() + first;
    interval = first == 0 ? 0 : again;
    return 0;
}

l4_timeout_t timer_timeout(void)
{
    uint64_t t;

    if (due == 0)
        return L4_IPC_SEND_TIMEOUT_0;
    t = now();
    return l4_timeout(L4_IPC_TIMEOUT_0, due > t ? l4_timeout_from_us(due - t) : L4_IPC_TIMEOUT_0);
}

/* Times that have passed unnoticed count as one. */
bool timer_expired(void)
{
    uint64_t t;

    if (due == 0 || (t = now()) < due)
        return false;
    due = interval == 0 ? 0 : due + interval * ((t - due) / interval + 1);
    return true;
}
