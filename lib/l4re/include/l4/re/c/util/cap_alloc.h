/* SPDX-License-Identifier: MIT */
/*
 * The program's capability slots: 4096 of them from the environment's first_free_cap on, which is advanced when the
 * allocator is first used. Counted, safe for several threads.
 */
#pragma once
#include <l4/sys/types.h>
#include <l4/re/caps.h>

EXTERN_C_BEGIN
/* A free slot, or L4_INVALID_CAP. */
l4_cap_idx_t l4re_util_cap_alloc(void);
/* Gives the slot back without emptying it. */
void l4re_util_cap_free(l4_cap_idx_t cap);
/* Empties the slot (the object goes if this was its last counted capability) and gives it back. */
void l4re_util_cap_free_um(l4_cap_idx_t cap);
/* Number of the highest slot managed. */
long l4re_util_cap_last(void);
/* The allocator itself, for l4re_srv_init() and counted use. */
struct l4re_caps *l4re_util_caps(void);
EXTERN_C_END
