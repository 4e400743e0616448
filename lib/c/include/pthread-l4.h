/* SPDX-License-Identifier: MIT */
/* What lies beneath a POSIX thread. Not for threads that were joined, or that were detached and have ended. */
#pragma once
#include <pthread.h>
#include <l4/sys/types.h>
#include <l4/sys/utcb.h>

/* Scheduling policy: sched_priority is the kernel's own priority, 1..255. SCHED_OTHER is 2, SCHED_RR n is 2 + n. */
#define SCHED_L4 20

#ifdef __cplusplus
extern "C" {
#endif

/* The kernel thread; L4_INVALID_CAP when t is none of ours. */
l4_cap_idx_t pthread_l4_cap(pthread_t t);
/* Its UTCB, or NULL. */
l4_utcb_t *pthread_l4_utcb(pthread_t t);
/* Calls fn for every thread of the program; fn must not create or end threads. */
void pthread_l4_for_each_thread(void (*fn)(pthread_t));

#ifdef __cplusplus
}
#endif
