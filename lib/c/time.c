/* SPDX-License-Identifier: MIT */
/*
 * Time: the kernel clock (nanoseconds since boot, read by the code in the kernel info page) is every clock there is, so
 * the calendar starts with the boot. Sleeping is receiving from nobody until a point in time; in a program with several
 * threads it is waiting at the own semaphore instead, where a cancellation request cannot be lost.
 */
#include "layer.h"
#include <errno.h>
#include <sys/time.h>
#include <sys/times.h>
#include <l4/sys/ipc.h>
#include <l4/sys/kip.h>
#include <l4/sys/semaphore.h>
#include <l4/sys/thread.h>

#define TIMEOUT_BR (L4_UTCB_GENERIC_BUFFERS_SIZE - 1)

uint64_t labe_clock_us(void)
{
    return l4_kip_clock(l4_kip());
}

static uint64_t microseconds(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * 1000000u + (uint64_t)(t->tv_nsec + 999) / 1000u;
}

int labe_deadline(const struct timespec *relative, uint64_t *deadline_us)
{
    if (relative->tv_sec < 0 || (unsigned long)relative->tv_nsec >= 1000000000ul)
        return 0;
    if ((uint64_t)relative->tv_sec >= LABE_NEVER / 2000000u)
        *deadline_us = LABE_NEVER;
    else
        *deadline_us = labe_clock_us() + microseconds(relative);
    return 1;
}

l4_timeout_t labe_timeout(uint64_t deadline_us)
{
    if (deadline_us == LABE_NEVER)
        return L4_IPC_NEVER;
    return l4_timeout(L4_IPC_TIMEOUT_NEVER, l4_timeout_abs(deadline_us, TIMEOUT_BR));
}

static uint64_t thread_time_us(l4_cap_idx_t thread)
{
    l4_kernel_clock_t us;

    if (l4_error(l4_thread_stats_time(thread, &us)) < 0)
        return labe_clock_us();
    return us;
}

static int clock_read(long clock, struct timespec *out)
{
    uint64_t ns;

    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
        ns = l4_kip_clock_ns(l4_kip());
        break;
    case CLOCK_PROCESS_CPUTIME_ID:
        ns = labe_process_time_us() * 1000u;
        break;
    case CLOCK_THREAD_CPUTIME_ID:
        ns = thread_time_us(L4_INVALID_CAP) * 1000u;
        break;
    default:
        return -EINVAL;
    }
    out->tv_sec = (time_t)(ns / 1000000000u);
    out->tv_nsec = (long)(ns % 1000000000u);
    return 0;
}

long labe_sys_clock_gettime(const long *a)
{
    return clock_read(a[0], (struct timespec *)a[1]);
}

long labe_sys_clock_getres(const long *a)
{
    struct timespec now, *out = (struct timespec *)a[1];

    if (clock_read(a[0], &now) < 0)
        return -EINVAL;
    if (out != NULL)
        *out = (struct timespec){0, 1};
    return 0;
}

long labe_sys_gettimeofday(const long *a)
{
    struct timeval *out = (struct timeval *)a[0];
    uint64_t us = labe_clock_us();

    if (out != NULL)
        *out = (struct timeval){(time_t)(us / 1000000u), (suseconds_t)(us % 1000000u)};
    return 0;
}

long labe_sys_times(const long *a)
{
    struct tms *out = (struct tms *)a[0];
    uint64_t us = labe_clock_us();

    if (out != NULL)
        *out = (struct tms){.tms_utime = (clock_t)(us / 10000u)};
    return (long)(us / 10000u);
}

/* -EINTR when cancellation was asked for, else 0 once the deadline is over. */
static long sleep_until(uint64_t deadline_us)
{
    struct labe_thread *self = labe_threaded() ? labe_thread_self() : NULL;

    while (labe_clock_us() < deadline_us) {
        if (self == NULL) {
            l4_ipc_sleep(labe_timeout(deadline_us));
            continue;
        }
        if (atomic_exchange(&self->interrupted, 0))
            return -EINTR;
        l4_semaphore_down(self->semaphore, labe_timeout(deadline_us));
    }
    return 0;
}

static void time_left(uint64_t deadline_us, struct timespec *left)
{
    uint64_t now = labe_clock_us();
    uint64_t us = deadline_us > now ? deadline_us - now : 0;

    if (left != NULL)
        *left = (struct timespec){(time_t)(us / 1000000u), (long)(us % 1000000u) * 1000};
}

static long sleep_for(const struct timespec *t, struct timespec *left)
{
    uint64_t deadline_us;

    if (!labe_deadline(t, &deadline_us))
        return -EINVAL;
    long result = sleep_until(deadline_us);
    if (result < 0)
        time_left(deadline_us, left);
    return result;
}

long labe_sys_nanosleep(const long *a)
{
    return sleep_for((const struct timespec *)a[0], (struct timespec *)a[1]);
}

long labe_sys_clock_nanosleep(const long *a)
{
    const struct timespec *t = (const struct timespec *)a[2];
    struct timespec now;

    if (a[0] == CLOCK_PROCESS_CPUTIME_ID || a[0] == CLOCK_THREAD_CPUTIME_ID)
        return -EOPNOTSUPP;
    if (clock_read(a[0], &now) < 0)
        return -EINVAL;
    if (!(a[1] & TIMER_ABSTIME))
        return sleep_for(t, (struct timespec *)a[3]);
    if (t->tv_sec < 0 || (unsigned long)t->tv_nsec >= 1000000000ul)
        return -EINVAL;
    return sleep_until((uint64_t)t->tv_sec >= LABE_NEVER / 2000000u ? LABE_NEVER : microseconds(t));
}

uint64_t labe_process_time_us(void)
{
    uint64_t sum = 0;

    for (unsigned n = 0;; n++) {
        l4_cap_idx_t thread = labe_thread_nth(n);
        if (l4_is_invalid_cap(thread))
            return sum;
        sum += thread_time_us(thread);
    }
}
