/* SPDX-License-Identifier: MIT */
/* Debug hook of servers. */
#pragma once
#include <l4/sys/types.h>

EXTERN_C_BEGIN
/* Calls the debug function number function of an object; -L4_EBADPROTO where there is none. */
l4_ret_t l4re_debug_obj_debug(l4_cap_idx_t srv, unsigned long function);
EXTERN_C_END
