/* SPDX-License-Identifier: MIT */
/* Ranges as naturally aligned blocks of 2^n bytes. */
#pragma once
#include <l4/sys/types.h>

EXTERN_C_BEGIN
/* Calls handler(first, last address, log2 of the size) for each block of [start, end] (end inclusive), until one
 * returns nonzero: that is returned. */
long l4util_splitlog2_hdl(l4_addr_t start, l4_addr_t end, long (*handler)(l4_addr_t s, l4_addr_t e, int log2size));
/* log2 of the first block of [start, end]. */
l4_addr_t l4util_splitlog2_size(l4_addr_t start, l4_addr_t end);
EXTERN_C_END
