/* SPDX-License-Identifier: MIT */
/*
 * Time-stamp and performance counters. The conversions need l4_calibrate_tsc() once; before it they return 0.
 */
#pragma once
#include <l4/sys/kip.h>

/* Time-stamp counter, in order with the instructions before. */
L4_INLINE l4_cpu_time_t l4_rdtsc(void)
{
    l4_uint32_t lo, hi;

    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (l4_cpu_time_t)hi << 32 | lo;
}
L4_INLINE l4_uint32_t l4_rdtsc_32(void) { return (l4_uint32_t)l4_rdtsc(); }
/* Performance counter number ecx; faults unless the kernel allows it (feature perf_cnt_user). */
L4_INLINE l4_uint64_t l4_rdpmc(int ecx)
{
    l4_uint32_t lo, hi;

    __asm__ volatile("rdpmc" : "=a"(lo), "=d"(hi) : "c"(ecx));
    return (l4_uint64_t)hi << 32 | lo;
}
L4_INLINE l4_uint32_t l4_rdpmc_32(int ecx) { return (l4_uint32_t)l4_rdpmc(ecx); }

EXTERN_C_BEGIN
/* Takes the factors from the kernel interface page. Returns the factor to microseconds, 0 when the page has none. */
l4_uint32_t l4_calibrate_tsc(l4_kernel_info_t const *kip);
l4_uint32_t l4_tsc_init(l4_kernel_info_t const *kip);
l4_uint64_t l4_tsc_to_ns(l4_cpu_time_t tsc);
l4_uint64_t l4_tsc_to_us(l4_cpu_time_t tsc);
/* tsc as *s seconds and *ns nanoseconds. */
void l4_tsc_to_s_and_ns(l4_cpu_time_t tsc, l4_uint32_t *s, l4_uint32_t *ns);
l4_cpu_time_t l4_ns_to_tsc(l4_uint64_t ns);
/* Spins; does not give up the CPU. */
void l4_busy_wait_ns(l4_uint64_t ns);
void l4_busy_wait_us(l4_uint64_t us);
/* CPU frequency in Hz, saturating. */
l4_uint32_t l4_get_hz(void);
EXTERN_C_END
