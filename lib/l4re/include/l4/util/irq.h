/* SPDX-License-Identifier: MIT */
/* The interrupt flag. User programs may not change it: cli and sti raise an exception. */
#pragma once
#include <l4/sys/types.h>

L4_INLINE void l4util_cli(void) { __asm__ volatile("cli" : : : "memory"); }
L4_INLINE void l4util_sti(void) { __asm__ volatile("sti" : : : "memory"); }
L4_INLINE void l4util_flags_save(l4_umword_t *flags)
{
    __asm__ volatile("pushfq; popq %0" : "=r"(*flags) : : "memory");
}
L4_INLINE void l4util_flags_restore(l4_umword_t *flags)
{
    __asm__ volatile("pushq %0; popfq" : : "r"(*flags) : "memory", "cc");
}
