/* SPDX-License-Identifier: MIT */
/*
 * futex: the one blocking primitive beneath musl's mutexes, conditions, semaphores, barriers and joins, made of a table
 * of waiters (futex_table.h) and one kernel semaphore per thread.
 *
 * I1  The table changes only under `lock`; so does `queued` of every waiter.
 * I2  Whoever takes a waiter off the table posts its semaphore before giving the lock back; the waiter looks at
 *     `queued` under the lock before its stack frame goes. So nobody touches a waiter that is gone.
 * I3  The value is compared under the lock: a wake that follows a change of the value finds the waiter.
 */
#include "layer.h"
#include "futex_table.h"
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <l4/sys/ipc.h>
#include <l4/sys/semaphore.h>
#include <l4/sys/thread.h>

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_PRIVATE 128
#define FUTEX_CLOCK_REALTIME 256

struct sleeper {
    struct futex_waiter waiter; /* first: a waiter of the table is a sleeper */
    struct labe_thread *thread;
};

static struct futex_table table;
static struct labe_lock lock;

long labe_futex_start(void)
{
    return labe_lock_create(&lock);
}

static long wake_locked(uintptr_t address, unsigned count)
{
    struct futex_waiter *w;
    long woken = 0;

    while (count-- > 0 && (w = futex_take(&table, address)) != NULL) {
        l4_semaphore_up(((struct sleeper *)w)->thread->semaphore);
        woken++;
    }
    return woken;
}

long labe_futex_wake(const volatile int *address, unsigned count)
{
    labe_lock_take(&lock);
    long woken = wake_locked((uintptr_t)address, count);
    labe_lock_give(&lock);
    return woken;
}

static long futex_wait(const volatile int *address, int value, uint64_t deadline_us)
{
    struct labe_thread *self = labe_thread_self();
    struct sleeper s = {.thread = self};
    long result = 0;

    labe_lock_take(&lock);
    if (*address != value) {
        labe_lock_give(&lock);
        return -EAGAIN;
    }
    if (self == NULL || l4_is_invalid_cap(self->semaphore)) {
        /* Alone, or no thread of ours: nobody can post. Time may pass all the same. */
        labe_lock_give(&lock);
        if (deadline_us == LABE_NEVER && self == NULL)
            l4_thread_yield();
        else
            l4_ipc_sleep(labe_timeout(deadline_us));
        return *address != value ? 0 : deadline_us == LABE_NEVER ? -EAGAIN : -ETIMEDOUT;
    }
    futex_enqueue(&table, &s.waiter, (uintptr_t)address);
    while (s.waiter.queued && result == 0) {
        labe_lock_give(&lock);
        l4_semaphore_down(self->semaphore, labe_timeout(deadline_us));
        labe_lock_take(&lock);
        if (!s.waiter.queued)
            break;
        if (atomic_exchange(&self->interrupted, 0))
            result = -EINTR;
        else if (deadline_us != LABE_NEVER && labe_clock_us() >= deadline_us)
            result = -ETIMEDOUT;
    }
    if (s.waiter.queued)
        futex_dequeue(&table, &s.waiter);
    else
        result = 0;
    labe_lock_give(&lock);
    return result;
}

/* Wakes some, moves others to a second address, where a later wake finds them. */
static long futex_requeue(uintptr_t from, unsigned wake, unsigned move, uintptr_t to)
{
    struct futex_waiter *w;

    labe_lock_take(&lock);
    long moved = wake_locked(from, wake);
    while (move-- > 0 && from != to && (w = futex_take(&table, from)) != NULL) {
        futex_enqueue(&table, w, to);
        moved++;
    }
    labe_lock_give(&lock);
    return moved;
}

long labe_sys_futex(const long *a)
{
    const volatile int *address = (const volatile int *)a[0];
    const struct timespec *timeout = (const struct timespec *)a[3];
    uint64_t deadline_us = LABE_NEVER;
    unsigned count = a[2] < 0 || a[2] > INT_MAX ? INT_MAX : (unsigned)a[2];

    if ((uintptr_t)address % sizeof *address != 0)
        return -EINVAL;
    switch (a[1] & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME)) {
    case FUTEX_WAIT:
        if (timeout != NULL && !labe_deadline(timeout, &deadline_us))
            return -EINVAL;
        return futex_wait(address, (int)a[2], deadline_us);
    case FUTEX_WAKE:
        return labe_futex_wake(address, count);
    case FUTEX_REQUEUE:
        return futex_requeue((uintptr_t)address, count, (unsigned)a[3], (uintptr_t)a[4]);
    default:
        return -ENOSYS;
    }
}
