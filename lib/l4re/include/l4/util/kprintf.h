/* SPDX-License-Identifier: MIT */
/* printf to where l4_kd_outstring() writes, for programs without streams. */
#pragma once
#include <l4/sys/compiler.h>

EXTERN_C_BEGIN
/* Prints at most 1023 characters, the rest is lost; returns how many it would have been. */
int l4_kprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
EXTERN_C_END
