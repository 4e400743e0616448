/* SPDX-License-Identifier: MIT */
/* A spin lock that gives up the CPU while it waits. 0: free. */
#pragma once
#include <l4/sys/thread.h>
#include <l4/util/atomic.h>

typedef l4_uint32_t l4util_simple_lock_t;

/* 1 when the lock was free and is ours now, else 0. */
L4_INLINE int l4_simple_try_lock(l4util_simple_lock_t *lock) { return l4util_xchg32(lock, 1) == 0; }
L4_INLINE void l4_simple_unlock(l4util_simple_lock_t *lock) { __atomic_store_n(lock, 0, __ATOMIC_SEQ_CST); }
L4_INLINE int l4_simple_lock_locked(l4util_simple_lock_t *lock) { return __atomic_load_n(lock, __ATOMIC_SEQ_CST) != 0; }
/* Waits for the lock. */
L4_INLINE void l4_simple_lock_solid(l4util_simple_lock_t *p)
{
    while (!l4_simple_try_lock(p))
        l4_thread_yield();
}
L4_INLINE void l4_simple_lock(l4util_simple_lock_t *lock) { l4_simple_lock_solid(lock); }
