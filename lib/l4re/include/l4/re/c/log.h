/* SPDX-License-Identifier: MIT */
/* Text to a log. Longer texts are split into messages of 488 bytes. Errors are ignored: there is nobody to tell. */
#pragma once
#include <l4/re/env.h>

EXTERN_C_BEGIN
void l4re_log_print_srv(const l4_cap_idx_t logcap, char const *string);
void l4re_log_printn_srv(const l4_cap_idx_t logcap, char const *string, int len);
EXTERN_C_END
L4_INLINE void l4re_log_print(char const *string) { l4re_log_print_srv(l4re_env()->log, string); }
L4_INLINE void l4re_log_printn(char const *string, int len) { l4re_log_printn_srv(l4re_env()->log, string, len); }
