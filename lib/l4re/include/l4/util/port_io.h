/* SPDX-License-Identifier: MIT */
/* I/O ports. The program needs the ports (an I/O flexpage); otherwise the access faults. out takes the value first. */
#pragma once
#include <l4/sys/compiler.h>
#include <l4/sys/types.h>

#define L4UTIL_PORT_(bits, suffix)                                                                                     \
    L4_INLINE l4_uint##bits##_t l4util_in##bits(l4_uint16_t port)                                                      \
    {                                                                                                                  \
        l4_uint##bits##_t v;                                                                                           \
        __asm__ volatile("in" suffix " %1, %0" : "=a"(v) : "Nd"(port));                                                \
        return v;                                                                                                      \
    }                                                                                                                  \
    L4_INLINE void l4util_out##bits(l4_uint##bits##_t value, l4_uint16_t port)                                         \
    {                                                                                                                  \
        __asm__ volatile("out" suffix " %0, %1" : : "a"(value), "Nd"(port));                                           \
    }                                                                                                                  \
    L4_INLINE void l4util_ins##bits(l4_uint16_t port, l4_umword_t addr, l4_umword_t count)                             \
    {                                                                                                                  \
        __asm__ volatile("rep ins" suffix : "+D"(addr), "+c"(count) : "d"(port) : "memory");                           \
    }                                                                                                                  \
    L4_INLINE void l4util_outs##bits(l4_uint16_t port, l4_umword_t addr, l4_umword_t count)                            \
    {                                                                                                                  \
        __asm__ volatile("rep outs" suffix : "+S"(addr), "+c"(count) : "d"(port) : "memory");                          \
    }

L4UTIL_PORT_(8, "b")
L4UTIL_PORT_(16, "w")
L4UTIL_PORT_(32, "l")

/* About a microsecond. */
L4_INLINE void l4util_iodelay(void) { l4util_out8(0, 0x80); }

EXTERN_C_BEGIN
/* Gets 2^log2size ports from port_start on from sigma0 (or another pager). 0 or a negated error. */
int l4util_ioport_map(l4_cap_idx_t sigma0id, unsigned port_start, unsigned log2size);
EXTERN_C_END
