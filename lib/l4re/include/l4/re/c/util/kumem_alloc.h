/* SPDX-License-Identifier: MIT */
/* Kernel-user memory: for UTCBs of more threads, vCPU states, page-fault trampolines. */
#pragma once
#include <l4/sys/types.h>

EXTERN_C_BEGIN
/* Finds an address range for 2^pages_order pages (0..5) in the region map rm, reserves it and has task make it
 * kernel-user memory. *mem: address. It stays until the task ends. 0 or a negated error; then nothing is reserved. */
int l4re_util_kumem_alloc(l4_addr_t *mem, unsigned pages_order, l4_cap_idx_t task, l4_cap_idx_t rm);
EXTERN_C_END
