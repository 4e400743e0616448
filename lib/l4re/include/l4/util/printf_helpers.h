/* SPDX-License-Identifier: MIT */
/* Numbers for people. */
#pragma once
#include <stddef.h>
#include <l4/sys/compiler.h>

EXTERN_C_BEGIN
/* bytes as a text like "12.5 MiB" in outstr (outsize bytes, always zero-terminated). Returns its length, -L4_EINVAL
 * when outsize is 0. */
int l4util_human_readable_size(char *outstr, size_t outsize, unsigned long long bytes);
EXTERN_C_END
