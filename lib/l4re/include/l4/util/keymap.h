/* SPDX-License-Identifier: MIT */
/* From keys (codes of L4RE_EV_KEY events) to characters of the US keyboard. */
#pragma once
#include <l4/sys/compiler.h>

EXTERN_C_BEGIN
/* The character of key value, with the shift key or without; 0 for a key that has none. */
int l4util_map_event_to_keymap(unsigned value, unsigned shift);
EXTERN_C_END
