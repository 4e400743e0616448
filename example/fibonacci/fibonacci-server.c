/* SPDX-License-Identifier: MIT */
/*
 * Answers requests for Fibonacci numbers. The loop is the lectures': wait for the first message, then answer and wait
 * for the next one in a single system call. Nobody has to tell the server who asks: the kernel remembers the caller.
 */
#include "fibonacci.h"

#include <l4/re/env.h>
#include <l4/sys/err.h>
#include <l4/sys/ipc.h>
#include <l4/sys/rcv_endpoint.h>
#include <stdio.h>

static unsigned long fibonacci(unsigned long n)
{
    unsigned long a = 0, b = 1;

    while (n-- > 0) {
        unsigned long next = a + b;
        a = b;
        b = next;
    }
    return a;
}

int main(void)
{
    l4_cap_idx_t gate = l4re_env_get_cap("fib");
    l4_umword_t label;
    l4_msgtag_t tag;

    if (l4_is_invalid_cap(gate)) {
        printf("the script gave me no capability named fib\n");
        return 1;
    }
    long error = l4_error(l4_rcv_ep_bind_thread(gate, l4re_env()->main_thread, 0));
    if (error < 0) {
        printf("cannot bind the gate: %ld\n", error);
        return 1;
    }

    tag = l4_ipc_wait(l4_utcb(), &label, L4_IPC_NEVER);
    while (!l4_msgtag_has_error(tag)) {
        if (l4_msgtag_label(tag) == FIBONACCI_NUMBER && l4_msgtag_words(tag) == 1) {
            l4_utcb_mr()->mr[0] = fibonacci(l4_utcb_mr()->mr[0]);
            tag = l4_msgtag(0, 1, 0, 0);
        } else if (l4_msgtag_label(tag) == FIBONACCI_STOP) {
            l4_ipc_reply(L4_INVALID_REPLY_CAP, l4_utcb(), l4_msgtag(0, 0, 0, 0), L4_IPC_SEND_TIMEOUT_0);
            return 0;
        } else {
            tag = l4_msgtag(-L4_ENOSYS, 0, 0, 0);
        }
        tag = l4_ipc_reply_and_wait(l4_utcb(), tag, &label, L4_IPC_SEND_TIMEOUT_0);
    }
    printf("waiting failed: IPC error %lu\n", l4_ipc_error(tag, l4_utcb()));
    return 1;
}
