/* SPDX-License-Identifier: MIT */
/* Return addresses on the stack. Only code compiled with frame pointers is seen. */
#pragma once
#include <l4/sys/compiler.h>

EXTERN_C_BEGIN
/* Fills at most max_len addresses, innermost first; returns their number. */
int l4util_backtrace(void **pc_array, int max_len);
EXTERN_C_END
