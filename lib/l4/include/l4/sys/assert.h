/* SPDX-License-Identifier: MIT */
/* Assertions that need no C library: the message goes where l4_kd_outstring() writes, then the thread stops. */
#pragma once
#include <l4/sys/compiler.h>

EXTERN_C_BEGIN
L4_NORETURN void l4_assert_fail(char const *expr, char const *file, int line);
EXTERN_C_END

#define l4_assert(expr) ((void)(L4_LIKELY(expr) || (l4_assert_fail(#expr, __FILE__, __LINE__), 0)))
/* For expressions whose value is needed in every build. */
#define l4_check(expr) l4_assert(expr)
