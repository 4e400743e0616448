/* SPDX-License-Identifier: MIT */
/* Signals to whoever started this program. */
#pragma once
#include <l4/re/env.h>

EXTERN_C_BEGIN
/* Signal 0: this program ends, val is its exit status; the call does not return when the parent deletes the program. */
long l4re_parent_signal(l4_cap_idx_t parent, unsigned long sig, unsigned long val);
EXTERN_C_END
