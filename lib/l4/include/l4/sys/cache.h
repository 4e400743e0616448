/* SPDX-License-Identifier: MIT */
/*
 * Cache maintenance. amd64 keeps its caches coherent with memory and devices: the functions only order memory accesses.
 * start, end: byte range, end exclusive. All return 0.
 */
#pragma once
#include <l4/sys/compiler.h>

L4_INLINE int l4_cache_clean_data(unsigned long start, unsigned long end)
{
    (void)start, (void)end;
    l4_mb();
    return 0;
}
L4_INLINE int l4_cache_flush_data(unsigned long start, unsigned long end) { return l4_cache_clean_data(start, end); }
L4_INLINE int l4_cache_inv_data(unsigned long start, unsigned long end) { return l4_cache_clean_data(start, end); }
L4_INLINE int l4_cache_coherent(unsigned long start, unsigned long end) { return l4_cache_clean_data(start, end); }
L4_INLINE int l4_cache_dma_coherent(unsigned long start, unsigned long end) { return l4_cache_clean_data(start, end); }
L4_INLINE int l4_cache_dma_coherent_full(void) { return l4_cache_clean_data(0, 0); }
