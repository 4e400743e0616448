/* SPDX-License-Identifier: MIT */
/* Kernel features and binary interface version. */
#pragma once
#include <l4/sys/kip.h>

L4_INLINE int l4util_kip_kernel_has_feature(l4_kernel_info_t const *k, char const *str)
{
    return l4_kip_kernel_has_feature(k, str);
}
EXTERN_C_BEGIN
/* Number in the feature string "abiver:N"; 0 when there is none. */
unsigned long l4util_kip_kernel_abi_version(l4_kernel_info_t const *k);
EXTERN_C_END
