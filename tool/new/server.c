/* SPDX-License-Identifier: MIT */
/*
 * The server: binds the channel "square" to its main thread, then answers one request after the other.
 */
#include "square.h"

#include <l4/re/env.h>
#include <l4/sys/err.h>
#include <l4/sys/ipc.h>
#include <l4/sys/rcv_endpoint.h>
#include <l4/sys/utcb.h>
#include <stdio.h>

int main(void)
{
    l4_utcb_t *utcb = l4_utcb();
    l4_msg_regs_t *message = l4_utcb_mr_u(utcb);
    l4_cap_idx_t channel = l4re_env_get_cap("square");
    l4_umword_t label;
    int stop = 0;

    if (l4_is_invalid_cap(channel)) {
        printf("the script gave me no capability named square\n");
        return 1;
    }
    /* Messages through this channel arrive here from now on, with this label. */
    long error = l4_error(l4_rcv_ep_bind_thread(channel, l4re_env()->main_thread, 0x10));
    if (error < 0) {
        printf("cannot bind the channel: %ld\n", error);
        return 1;
    }

    l4_msgtag_t tag = l4_ipc_wait(utcb, &label, L4_IPC_NEVER);
    while (!l4_ipc_error(tag, utcb)) {
        l4_msgtag_t reply = l4_msgtag(-L4_ENOSYS, 0, 0, 0);
        if (l4_msgtag_words(tag) < 2) {
            reply = l4_msgtag(-L4_EINVAL, 0, 0, 0);
        } else if (message->mr[0] == SQUARE_OF) {
            message->mr[0] = message->mr[1] * message->mr[1];
            reply = l4_msgtag(0, 1, 0, 0);
        } else if (message->mr[0] == SQUARE_STOP) {
            reply = l4_msgtag(0, 0, 0, 0);
            stop = 1;
        }
        if (stop) {
            l4_ipc_send(L4_INVALID_CAP | L4_SYSF_REPLY, utcb, reply, L4_IPC_SEND_TIMEOUT_0);
            printf("no more squares\n");
            return 0;
        }
        tag = l4_ipc_reply_and_wait(utcb, reply, &label, L4_IPC_SEND_TIMEOUT_0);
    }
    printf("the wait failed: %lu\n", (unsigned long)l4_ipc_error(tag, utcb));
    return 1;
}
