/* SPDX-License-Identifier: MIT */
/* The thread pointer of the calling thread. A file of its own: programs without an environment need nothing else. */
#include <l4/sys/ipc.h>
#include <l4/sys/thread.h>

int labe_thread_pointer_set(void *p);

/* The base of fs; 0 in the upper half of the operation's word names that register. */
int labe_thread_pointer_set(void *p)
{
    l4_utcb_t *utcb = l4_utcb();

    l4_utcb_mr_u(utcb)->mr[0] = L4_THREAD_AMD64_SET_SEGMENT_BASE_OP;
    l4_utcb_mr_u(utcb)->mr[1] = (l4_umword_t)p;
    return l4_error(l4_ipc_call(L4_INVALID_CAP, utcb, l4_msgtag(L4_PROTO_THREAD, 2, 0, 0), L4_IPC_NEVER)) < 0 ? -1 : 0;
}
