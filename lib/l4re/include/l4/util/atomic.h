/* SPDX-License-Identifier: MIT */
/*
 * Atomic operations, sequentially consistent. Names: l4util_OPERATION BITS [_res]; those with _res return the new
 * value. cmpxchg returns nonzero when it has exchanged; xchg returns the old value.
 */
#pragma once
#include <l4/sys/compiler.h>
#include <l4/sys/l4int.h>

#define L4UTIL_ATOMIC_OP_(op, bits)                                                                                    \
    L4_INLINE void l4util_##op##bits(volatile l4_uint##bits##_t *dest, l4_uint##bits##_t val)                          \
    {                                                                                                                  \
        __atomic_fetch_##op(dest, val, __ATOMIC_SEQ_CST);                                                              \
    }                                                                                                                  \
    L4_INLINE l4_uint##bits##_t l4util_##op##bits##_res(volatile l4_uint##bits##_t *dest, l4_uint##bits##_t val)       \
    {                                                                                                                  \
        return __atomic_##op##_fetch(dest, val, __ATOMIC_SEQ_CST);                                                     \
    }
#define L4UTIL_ATOMIC_SIZE_(bits)                                                                                      \
    L4_INLINE int l4util_cmpxchg##bits(volatile l4_uint##bits##_t *dest, l4_uint##bits##_t cmp_val,                    \
                                       l4_uint##bits##_t new_val)                                                      \
    {                                                                                                                  \
        return __atomic_compare_exchange_n(dest, &cmp_val, new_val, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);            \
    }                                                                                                                  \
    L4_INLINE l4_uint##bits##_t l4util_xchg##bits(volatile l4_uint##bits##_t *dest, l4_uint##bits##_t val)             \
    {                                                                                                                  \
        return __atomic_exchange_n(dest, val, __ATOMIC_SEQ_CST);                                                       \
    }                                                                                                                  \
    L4UTIL_ATOMIC_OP_(add, bits)                                                                                       \
    L4UTIL_ATOMIC_OP_(sub, bits)                                                                                       \
    L4UTIL_ATOMIC_OP_(and, bits)                                                                                       \
    L4UTIL_ATOMIC_OP_(or, bits)                                                                                        \
    L4_INLINE void l4util_inc##bits(volatile l4_uint##bits##_t *dest) { l4util_add##bits(dest, 1); }                   \
    L4_INLINE void l4util_dec##bits(volatile l4_uint##bits##_t *dest) { l4util_sub##bits(dest, 1); }                   \
    L4_INLINE l4_uint##bits##_t l4util_inc##bits##_res(volatile l4_uint##bits##_t *dest)                               \
    {                                                                                                                  \
        return l4util_add##bits##_res(dest, 1);                                                                        \
    }                                                                                                                  \
    L4_INLINE l4_uint##bits##_t l4util_dec##bits##_res(volatile l4_uint##bits##_t *dest)                               \
    {                                                                                                                  \
        return l4util_sub##bits##_res(dest, 1);                                                                        \
    }

L4UTIL_ATOMIC_SIZE_(8)
L4UTIL_ATOMIC_SIZE_(16)
L4UTIL_ATOMIC_SIZE_(32)
L4UTIL_ATOMIC_SIZE_(64)

L4_INLINE int l4util_cmpxchg(volatile l4_umword_t *dest, l4_umword_t cmp_val, l4_umword_t new_val)
{
    return __atomic_compare_exchange_n(dest, &cmp_val, new_val, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
L4_INLINE l4_umword_t l4util_xchg(volatile l4_umword_t *dest, l4_umword_t val)
{
    return __atomic_exchange_n(dest, val, __ATOMIC_SEQ_CST);
}
L4_INLINE void l4util_atomic_add(volatile long *dest, long val) { __atomic_fetch_add(dest, val, __ATOMIC_SEQ_CST); }
L4_INLINE void l4util_atomic_inc(volatile long *dest) { l4util_atomic_add(dest, 1); }
L4_INLINE l4_umword_t l4util_dec_res(volatile l4_umword_t *dest)
{
    return __atomic_sub_fetch(dest, 1, __ATOMIC_SEQ_CST);
}
