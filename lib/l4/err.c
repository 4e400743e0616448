/* SPDX-License-Identifier: MIT */
/*
 * Texts of error numbers. The table is the contract's (abi/l4/errors.def); the numbers that only user level knows
 * follow it.
 */
#include <l4/sys/err.h>
#include <l4/sys/ipc.h>

struct error_text {
    int code;
    char const *text;
};

static struct error_text const errors[] = {
    {0, "ok"},
#define L4_ERROR(name, code, text) {(code), text},
#include <l4/errors.def>
    {L4_EDROPREPLY, "the server dropped the reply"},
};

static struct error_text const ipc_errors[] = {
#define L4_IPC_ERROR(name, code, text) {(code), "IPC: " text},
#include <l4/errors.def>
    {L4_IPC_SESNDPFTO, "IPC: page-fault timeout at the sender"},
    {L4_IPC_RESNDPFTO, "IPC: page-fault timeout at the sender"},
    {L4_IPC_SERCVPFTO, "IPC: page-fault timeout at the receiver"},
    {L4_IPC_RERCVPFTO, "IPC: page-fault timeout at the receiver"},
    {L4_IPC_SEABORTED, "IPC: send aborted"},
    {L4_IPC_REABORTED, "IPC: receive aborted"},
};

static char const *find(struct error_text const *table, unsigned count, long code)
{
    for (unsigned i = 0; i < count; i++)
        if (table[i].code == code)
            return table[i].text;
    return 0;
}

char const *l4sys_errtostr(long err)
{
    char const *text = 0;

    if (err < 0 && err >= -L4_EIPC_HI)
        err = -err;
    if (err >= L4_EIPC_LO && err <= L4_EIPC_HI)
        text = find(ipc_errors, sizeof ipc_errors / sizeof ipc_errors[0], err - L4_EIPC_LO);
    else if (err >= 0)
        text = find(errors, sizeof errors / sizeof errors[0], err);
    return text ? text : "unknown error";
}
