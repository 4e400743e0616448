/* SPDX-License-Identifier: MIT */
/* A thread in one call. */
#pragma once
#include <l4/sys/scheduler.h>
#include <l4/sys/thread.h>

EXTERN_C_BEGIN
/* Creates a thread in slot id, binds it to task and to the UTCB, pager = exception handler = pager, starts it at pc
 * with stack sp and the parameters scp. 0 or a negated error; then nothing is left. */
long l4util_create_thread(l4_cap_idx_t id, l4_utcb_t *thread_utcb, l4_cap_idx_t factory, l4_umword_t pc, l4_umword_t sp,
                          l4_cap_idx_t pager, l4_cap_idx_t task, l4_cap_idx_t scheduler, l4_sched_param_t scp);
EXTERN_C_END
