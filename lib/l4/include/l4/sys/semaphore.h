/* SPDX-License-Identifier: MIT */
/* Counting semaphore in the kernel, initial count 0. Create: l4_factory_create(factory, L4_PROTO_SEMAPHORE, target). */
#pragma once
#include <l4/sys/irq.h>

enum L4_semaphore_op { L4_SEMAPHORE_OP_DOWN = 0 };

L4_INLINE l4_msgtag_t l4_semaphore_up_u(l4_cap_idx_t sem, l4_utcb_t *u) { return l4_irq_trigger_u(sem, u); }
/* Wakes the waiter of highest priority, or counts up. No right is needed; does not block. */
L4_INLINE l4_msgtag_t l4_semaphore_up(l4_cap_idx_t sem) { return l4_semaphore_up_u(sem, l4_utcb()); }
L4_INLINE l4_msgtag_t l4_semaphore_down_u(l4_cap_idx_t sem, l4_timeout_t timeout, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_SEMAPHORE_OP_DOWN;
    return l4_ipc_call(sem, u, l4_msgtag(L4_PROTO_SEMAPHORE, 1, 0, 0), timeout);
}
/* Counts down, blocking at 0 for the receive half of timeout. Needs S. Errors: -L4_EPERM; IPC errors L4_IPC_RETIMEOUT,
 * L4_IPC_RECANCELED, 4 when the semaphore is destroyed meanwhile. */
L4_INLINE l4_msgtag_t l4_semaphore_down(l4_cap_idx_t sem, l4_timeout_t timeout)
{
    return l4_semaphore_down_u(sem, timeout, l4_utcb());
}
