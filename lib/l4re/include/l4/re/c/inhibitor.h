/* SPDX-License-Identifier: MIT */
/* Inhibitor: locks against suspend and shutdown. id: number of the lock, from 0 on. */
#pragma once
#include <l4/sys/types.h>

EXTERN_C_BEGIN
/* Takes lock id; reason: at most 20 characters for whoever asks. */
l4_ret_t l4re_inhibitor_acquire(l4_cap_idx_t cap, l4_umword_t id, char const *reason);
l4_ret_t l4re_inhibitor_release(l4_cap_idx_t cap, l4_umword_t id);
/* Name (len bytes, zero-terminated) and number of the lock behind current_id (-1: the first); -L4_ENODEV at the end. */
l4_ret_t l4re_inhibitor_next_lock_info(l4_cap_idx_t cap, char *name, unsigned len, l4_mword_t current_id);
EXTERN_C_END
