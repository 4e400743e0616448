/* SPDX-License-Identifier: MIT */
/*
 * Error numbers. Functions return them negated; texts by l4sys_errtostr(). The numbers are those of abi/l4/errors.def;
 * IPC errors live in the same space as -(2000 + code).
 */
#pragma once
#include <l4/sys/compiler.h>

enum l4_error_code_t {
    L4_EOK = 0,
    L4_EPERM = 1,
    L4_ENOENT = 2,
    L4_EIO = 5,
    L4_ENXIO = 6,
    L4_E2BIG = 7,
    L4_EAGAIN = 11,
    L4_ENOMEM = 12,
    L4_EACCESS = 13,
    L4_EFAULT = 14,
    L4_EBUSY = 16,
    L4_EEXIST = 17,
    L4_ENODEV = 19,
    L4_ENOTDIR = 20,
    L4_EINVAL = 22,
    L4_ENOSPC = 28,
    L4_ERANGE = 34,
    L4_ENAMETOOLONG = 36,
    L4_ENOSYS = 38,
    L4_EBADPROTO = 39,
    L4_EADDRNOTAVAIL = 99,
    L4_ERRNOMAX = 100,
    L4_ENOREPLY = 1000,     /* server loop: send no reply */
    L4_EMSGTOOSHORT = 1001, /* the message lacks words that the operation needs */
    L4_EMSGTOOLONG = 1002,
    L4_EMSGMISSARG = 1003,  /* a capability argument is missing or invalid */
    L4_EMSGERRRANGE = 1004, /* result does not fit the label */
    L4_EDROPREPLY = 1005,
    L4_EIPC_LO = 2000,      /* -(2000 + IPC error) */
    L4_EIPC_HI = 2000 + 0x1f
};

EXTERN_C_BEGIN
/* Text of an error number, negated or not, classic, marshalling or IPC. Never NULL; unknown numbers read
 * "unknown error". The text is constant and belongs to the library. */
char const *l4sys_errtostr(long err);
EXTERN_C_END
