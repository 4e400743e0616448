/* SPDX-License-Identifier: MIT */
/* A registered thread of the application: what thread.c keeps and signal.c changes. */
#pragma once
#include "rm.h"

typedef uint64_t signal_set; /* bit n - 1 stands for signal n */

struct thread {
    struct thread *next;
    l4_cap_idx_t slot; /* the application's own slot of it: its name in requests */
    l4_cap_idx_t gate; /* its pager and exception handler; the label is our address */
    l4_addr_t utcb;
    signal_set blocked, pending;
    int triggered; /* we asked the kernel to raise an exception */
    struct {
        uint64_t start;
        int32_t flags, pad;
        uint64_t size;
    } stack; /* alternate signal stack, in the libc's layout */
};

#define STACK_OFF 2 /* stack.flags: none */

/* A thread that blocks none of these signals, else the first one. */
struct thread *thread_not_blocking(signal_set signals);

/* The first signal that may be delivered now, or 0. */
static inline int thread_deliverable(const struct thread *t)
{
    signal_set s = t->pending & ~t->blocked;

    return s != 0 ? __builtin_ctzl(s) + 1 : 0;
}
