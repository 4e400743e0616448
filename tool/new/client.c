/* SPDX-License-Identifier: MIT */
/*
 * The client: asks the server behind the capability "square" for some squares, then tells it to stop.
 * A call blocks until the server has bound the channel and answered.
 */
#include "square.h"

#include <l4/re/env.h>
#include <l4/sys/ipc.h>
#include <l4/sys/utcb.h>
#include <stdio.h>

/* One request and its answer; returns the label of the answer, or a negative error. */
static long square_call(l4_cap_idx_t server, l4_umword_t operation, l4_umword_t number, l4_umword_t *answer)
{
    l4_utcb_t *utcb = l4_utcb();
    l4_msg_regs_t *message = l4_utcb_mr_u(utcb);

    message->mr[0] = operation;
    message->mr[1] = number;
    l4_msgtag_t tag = l4_ipc_call(server, utcb, l4_msgtag(0, 2, 0, 0), L4_IPC_NEVER);
    if (l4_ipc_error(tag, utcb))
        return -(long)l4_ipc_error(tag, utcb);
    *answer = message->mr[0];
    return l4_msgtag_label(tag);
}

int main(void)
{
    l4_cap_idx_t server = l4re_env_get_cap("square");
    l4_umword_t answer = 0;

    if (l4_is_invalid_cap(server)) {
        printf("the script gave me no capability named square\n");
        return 1;
    }
    for (l4_umword_t number = 1; number <= 3; number++) {
        long error = square_call(server, SQUARE_OF, number, &answer);
        if (error < 0) {
            printf("the call failed: %ld\n", error);
            return 1;
        }
        printf("%lu squared is %lu\n", number, answer);
    }
    return square_call(server, SQUARE_STOP, 0, &answer) == 0 ? 0 : 1;
}
