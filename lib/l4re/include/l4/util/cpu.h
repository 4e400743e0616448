/* SPDX-License-Identifier: MIT */
/* The CPU: identification, pause. */
#pragma once
#include <l4/sys/compiler.h>

L4_INLINE int l4util_cpu_has_cpuid(void) { return 1; }
/* cpuid leaf mode. */
L4_INLINE void l4util_cpu_cpuid(unsigned long mode, unsigned long *eax, unsigned long *ebx, unsigned long *ecx,
                                unsigned long *edx)
{
    unsigned a = (unsigned)mode, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    *eax = a;
    *ebx = b;
    *ecx = c;
    *edx = d;
}
/* Feature bits: edx of leaf 1. */
L4_INLINE unsigned int l4util_cpu_capabilities_nocheck(void)
{
    unsigned long a, b, c, d;

    l4util_cpu_cpuid(1, &a, &b, &c, &d);
    return (unsigned)d;
}
L4_INLINE unsigned int l4util_cpu_capabilities(void) { return l4util_cpu_capabilities_nocheck(); }
/* In spin loops. */
L4_INLINE void l4util_cpu_pause(void) { __asm__ volatile("pause" : : : "memory"); }
