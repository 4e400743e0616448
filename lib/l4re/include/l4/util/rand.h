/* SPDX-License-Identifier: MIT */
/* Pseudo-random numbers: one sequence per program, the same for the same seed. Not for secrets. */
#pragma once
#include <l4/sys/l4int.h>
#include <l4/sys/compiler.h>

EXTERN_C_BEGIN
l4_uint32_t l4util_rand(void);
void l4util_srand(l4_uint32_t seed);
EXTERN_C_END
