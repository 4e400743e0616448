/* SPDX-License-Identifier: MIT */
/*
 * Kernel interface page: version, features, clock, memory map. Structure: struct l4_kip of the contract (abi/l4/kip.h).
 */
#pragma once
#include <l4/sys/types.h>
#include <l4/kip.h>

typedef struct l4_kip l4_kernel_info_t;

#define L4_KIP_VERSION_FIASCO 0x87004444u
#define L4_KIP_VERSION_FIASCO_MASK 0xff00ffffu
#define L4_KERNEL_INFO_MAGIC 0x4be6344cl
#define L4_KIP_OFFS_READ_US 0x900
#define L4_KIP_OFFS_READ_NS 0x980

EXTERN_C_BEGIN
/* The page as mapped in this task; set by the program's start code (l4re_start_init() or sigma0's and the root task's
 * own). */
extern l4_kernel_info_t const *l4_global_kip;
EXTERN_C_END

/* The kernel interface page; NULL before start code has set it. */
L4_INLINE l4_kernel_info_t const *l4_kip(void) { return l4_global_kip; }
/* Version word. */
L4_INLINE l4_umword_t l4_kip_version(l4_kernel_info_t const *kip) { return kip->version; }
/* Offset of the version and feature strings. */
L4_INLINE int l4_kernel_info_version_offset(l4_kernel_info_t const *kip) { return kip->strings_offset << 4; }
/* Version text; the feature strings follow it, an empty one ends them. */
L4_INLINE const char *l4_kip_version_string(l4_kernel_info_t const *kip)
{
    return (const char *)kip + l4_kernel_info_version_offset(kip);
}
/* Microseconds since boot, by the kernel's own reading function. */
L4_INLINE l4_cpu_time_t l4_kip_clock(l4_kernel_info_t const *kip)
{
    l4_cpu_time_t (*read_us)(void) = (l4_cpu_time_t (*)(void))((l4_addr_t)kip + L4_KIP_OFFS_READ_US);

    return read_us();
}
/* Low word of the clock; on amd64 all of it. */
L4_INLINE l4_umword_t l4_kip_clock_lw(l4_kernel_info_t const *kip) { return l4_kip_clock(kip); }
/* Nanoseconds since boot. */
L4_INLINE l4_uint64_t l4_kip_clock_ns(l4_kernel_info_t const *kip)
{
    l4_uint64_t (*read_ns)(void) = (l4_uint64_t (*)(void))((l4_addr_t)kip + L4_KIP_OFFS_READ_NS);

    return read_ns();
}

EXTERN_C_BEGIN
/* Nonzero when the feature string str is among the kernel's (e.g. "mapdb", "pf_tramp"). */
int l4_kip_kernel_has_feature(l4_kernel_info_t const *kip, char const *str);
EXTERN_C_END
