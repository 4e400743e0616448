/* SPDX-License-Identifier: MIT */
/*
 * Asks the calculator behind the capability "calc_server" for a difference and a negative number. Started first, it
 * waits in its first call until the server is there.
 */
#include "calculator.h"

#include <l4/re/env.h>
#include <l4/sys/err.h>
#include <l4/sys/ipc.h>
#include <stdio.h>
#include <stdlib.h>

static l4_cap_idx_t server;

/* One question; ends the program when there is no answer. */
static long calculate(l4_umword_t operation, long a, long b, unsigned operands)
{
    l4_msg_regs_t *message = l4_utcb_mr();

    message->mr[0] = operation;
    message->mr[1] = (l4_umword_t)a;
    message->mr[2] = (l4_umword_t)b;
    l4_msgtag_t tag = l4_ipc_call(server, l4_utcb(), l4_msgtag(CALCULATOR_PROTOCOL, 1 + operands, 0, 0), L4_IPC_NEVER);
    if (l4_error(tag) < 0) {
        printf("the server says: %s\n", l4sys_errtostr(l4_error(tag)));
        exit(1);
    }
    return (long)message->mr[0];
}

int main(void)
{
    server = l4re_env_get_cap("calc_server");
    if (l4_is_invalid_cap(server)) {
        printf("the script gave me no capability named calc_server\n");
        return 1;
    }
    printf("Asking for 8 - 5\n");
    printf("Result of subtract call: %ld\n", calculate(CALCULATOR_SUB, 8, 5, 2));
    printf("Asking for -30\n");
    printf("Result of negate call: %ld\n", calculate(CALCULATOR_NEG, 30, 0, 1));
    calculate(CALCULATOR_BYE, 0, 0, 0);
    return 0;
}
