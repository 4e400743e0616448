/* SPDX-License-Identifier: MIT */
/* Asks for the first ten Fibonacci numbers: one call, that is send and receive in one step, for each. */
#include "fibonacci.h"

#include <l4/re/env.h>
#include <l4/sys/ipc.h>
#include <stdio.h>

int main(void)
{
    l4_cap_idx_t server = l4re_env_get_cap("fib");
    l4_msgtag_t tag;

    if (l4_is_invalid_cap(server)) {
        printf("the script gave me no capability named fib\n");
        return 1;
    }
    for (unsigned n = 1; n <= 10; n++) {
        l4_utcb_mr()->mr[0] = n;
        tag = l4_ipc_call(server, l4_utcb(), l4_msgtag(FIBONACCI_NUMBER, 1, 0, 0), L4_IPC_NEVER);
        if (l4_error(tag) < 0) {
            printf("the call failed: %ld\n", l4_error(tag));
            return 1;
        }
        printf("fibonacci(%u) = %lu\n", n, l4_utcb_mr()->mr[0]);
    }
    tag = l4_ipc_call(server, l4_utcb(), l4_msgtag(FIBONACCI_STOP, 0, 0, 0), L4_IPC_NEVER);
    return l4_error(tag) < 0;
}
