/* SPDX-License-Identifier: MIT */
/*
 * The calculator. The label that the gate delivers with each message is the address of the object that serves it (its
 * two low bits tell the rights of the sender's capability), so one loop serves any number of objects.
 */
#include "calculator.h"

#include <l4/re/env.h>
#include <l4/sys/err.h>
#include <l4/sys/ipc.h>
#include <l4/sys/rcv_endpoint.h>
#include <stdio.h>

#define LABEL_RIGHTS 3ul /* bits that the kernel sets in a label */

struct calculator {
    unsigned answered;
    int finished;
};

_Static_assert(_Alignof(struct calculator) > LABEL_RIGHTS, "a pointer to it has room for the rights");

/* Answers the request in the message registers; the result is the tag to reply with. */
static l4_msgtag_t calculator_dispatch(struct calculator *c, l4_msgtag_t tag)
{
    l4_msg_regs_t *message = l4_utcb_mr();
    unsigned operands = l4_msgtag_words(tag) - 1;

    if (l4_msgtag_label(tag) != CALCULATOR_PROTOCOL)
        return l4_msgtag(-L4_EBADPROTO, 0, 0, 0);
    if (l4_msgtag_words(tag) == 0)
        return l4_msgtag(-L4_EMSGTOOSHORT, 0, 0, 0);

    switch (message->mr[0]) {
    case CALCULATOR_SUB:
        if (operands < 2)
            return l4_msgtag(-L4_EMSGTOOSHORT, 0, 0, 0);
        message->mr[0] = message->mr[1] - message->mr[2];
        break;
    case CALCULATOR_NEG:
        if (operands < 1)
            return l4_msgtag(-L4_EMSGTOOSHORT, 0, 0, 0);
        message->mr[0] = -message->mr[1];
        break;
    case CALCULATOR_BYE:
        c->finished = 1;
        return l4_msgtag(0, 0, 0, 0);
    default:
        return l4_msgtag(-L4_ENOSYS, 0, 0, 0);
    }
    c->answered++;
    return l4_msgtag(0, 1, 0, 0);
}

int main(void)
{
    static struct calculator calculator;
    l4_cap_idx_t gate = l4re_env_get_cap("calc_server");
    l4_umword_t label;

    if (l4_is_invalid_cap(gate)) {
        printf("the script gave me no capability named calc_server\n");
        return 1;
    }
    long error = l4_error(l4_rcv_ep_bind_thread(gate, l4re_env()->main_thread, (l4_umword_t)&calculator));
    if (error < 0) {
        printf("cannot receive through calc_server: %s\n", l4sys_errtostr(error));
        return 1;
    }
    printf("Welcome to the calculator server! It subtracts and negates.\n");

    l4_msgtag_t tag = l4_ipc_wait(l4_utcb(), &label, L4_IPC_NEVER);
    while (!l4_msgtag_has_error(tag)) {
        struct calculator *c = (struct calculator *)(label & ~LABEL_RIGHTS);
        l4_msgtag_t answer = calculator_dispatch(c, tag);
        if (c->finished) {
            l4_ipc_reply(L4_INVALID_REPLY_CAP, l4_utcb(), answer, L4_IPC_SEND_TIMEOUT_0);
            printf("%u questions answered\n", c->answered);
            return 0;
        }
        tag = l4_ipc_reply_and_wait(l4_utcb(), answer, &label, L4_IPC_SEND_TIMEOUT_0);
    }
    printf("waiting failed: IPC error %lu\n", l4_ipc_error(tag, l4_utcb()));
    return 1;
}
