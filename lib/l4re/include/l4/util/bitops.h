/* SPDX-License-Identifier: MIT */
/*
 * Bits in words. b: bit number from the address on, counted through the words. The operations on memory are atomic.
 * l4util_bts, _btr and _btc return the old bit.
 */
#pragma once
#include <l4/sys/compiler.h>
#include <l4/sys/l4int.h>

L4_INLINE l4_umword_t l4util_bit_mask_(int b) { return 1ul << ((unsigned)b % L4_MWORD_BITS); }

L4_INLINE void l4util_set_bit(int b, volatile l4_umword_t *dest)
{
    __atomic_fetch_or(&dest[b / L4_MWORD_BITS], l4util_bit_mask_(b), __ATOMIC_SEQ_CST);
}
L4_INLINE void l4util_clear_bit(int b, volatile l4_umword_t *dest)
{
    __atomic_fetch_and(&dest[b / L4_MWORD_BITS], ~l4util_bit_mask_(b), __ATOMIC_SEQ_CST);
}
L4_INLINE void l4util_complement_bit(int b, volatile l4_umword_t *dest)
{
    __atomic_fetch_xor(&dest[b / L4_MWORD_BITS], l4util_bit_mask_(b), __ATOMIC_SEQ_CST);
}
L4_INLINE int l4util_test_bit(int b, const volatile l4_umword_t *dest)
{
    return (dest[b / L4_MWORD_BITS] & l4util_bit_mask_(b)) != 0;
}
L4_INLINE int l4util_bts(int b, volatile l4_umword_t *dest)
{
    l4_umword_t old = __atomic_fetch_or(&dest[b / L4_MWORD_BITS], l4util_bit_mask_(b), __ATOMIC_SEQ_CST);

    return (old & l4util_bit_mask_(b)) != 0;
}
L4_INLINE int l4util_btr(int b, volatile l4_umword_t *dest)
{
    l4_umword_t old = __atomic_fetch_and(&dest[b / L4_MWORD_BITS], ~l4util_bit_mask_(b), __ATOMIC_SEQ_CST);

    return (old & l4util_bit_mask_(b)) != 0;
}
L4_INLINE int l4util_btc(int b, volatile l4_umword_t *dest)
{
    l4_umword_t old = __atomic_fetch_xor(&dest[b / L4_MWORD_BITS], l4util_bit_mask_(b), __ATOMIC_SEQ_CST);

    return (old & l4util_bit_mask_(b)) != 0;
}
/* Index of the highest (bsr) and lowest (bsf) set bit; -1 for 0. */
L4_INLINE int l4util_bsr(l4_umword_t word) { return word ? L4_MWORD_BITS - 1 - __builtin_clzl(word) : -1; }
L4_INLINE int l4util_bsf(l4_umword_t word) { return word ? __builtin_ctzl(word) : -1; }
/* log2 rounded down; -1 for 0. */
L4_INLINE int l4util_log2(l4_umword_t word) { return l4util_bsr(word); }

EXTERN_C_BEGIN
/* First set (zero) bit in size bits at dest; size when there is none. */
int l4util_find_first_set_bit(const void *dest, l4_size_t size);
int l4util_find_first_zero_bit(const void *dest, l4_size_t size);
/* Smallest power of two that is not below val; 0 when it does not fit an int. */
int l4util_next_power2(unsigned long val);
EXTERN_C_END
