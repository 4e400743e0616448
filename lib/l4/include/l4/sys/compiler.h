/* SPDX-License-Identifier: MIT */
/*
 * What every header of libl4 needs from the compiler: linkage for C++, inline functions, barriers.
 */
#pragma once

#ifdef __cplusplus
#define EXTERN_C_BEGIN extern "C" {
#define EXTERN_C_END }
#define EXTERN_C extern "C"
#define L4_DEFAULT_PARAM(x) = x
#define _Static_assert static_assert /* the contract's headers are C11 */
#else
#define EXTERN_C_BEGIN
#define EXTERN_C_END
#define EXTERN_C
#define L4_DEFAULT_PARAM(x)
#endif

#define L4_INLINE static inline
#define L4_CV
#define L4_EXPORT
#define L4_NORETURN __attribute__((noreturn))
#define L4_NOTHROW
#define L4_LIKELY(x) __builtin_expect(!!(x), 1)
#define L4_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define L4_STICKY(x) __attribute__((used)) x
#define L4_DEPRECATED(text) __attribute__((deprecated(text)))
#define l4_offsetof(type, member) __builtin_offsetof(type, member)

/* Keeps the compiler from moving memory accesses across. No instruction. */
L4_INLINE void l4_barrier(void) { __asm__ volatile("" : : : "memory"); }

/* Full memory barrier: every access before is visible to other CPUs and devices before any access after. */
L4_INLINE void l4_mb(void) { __sync_synchronize(); }

/* Write barrier: stores before are visible before stores after. */
L4_INLINE void l4_wmb(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }

/* Never returns; burns the time slice. l4_sleep_forever() waits instead. */
L4_NORETURN L4_INLINE void l4_infinite_loop(void)
{
    for (;;)
        l4_barrier();
}

/* The stack pointer that a C function expects at its first instruction when nothing has called it: 16-byte aligned,
 * minus the return address. stack: end of the stack memory (exclusive). */
L4_INLINE unsigned long l4_align_stack_for_direct_fncall(unsigned long stack) { return (stack & ~15ul) - 8; }
