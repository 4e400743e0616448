/* SPDX-License-Identifier: MIT */
/* Allocator of dataspaces, against the quota of the factory it belongs to. Protocol of creation: the factory's. */
#pragma once
#include <l4/re/c/dataspace.h>
#include <l4/re/env.h>

enum l4re_ma_flags {
    L4RE_MA_CONTINUOUS = 1,
    L4RE_MA_PINNED = 2,
    L4RE_MA_SUPER_PAGES = 4
};

typedef struct l4re_ma_stats_t {
    l4_uint64_t quota_limit, quota_used, mem_limit, mem_used, mem_free; /* bytes */
} l4re_ma_stats_t;

EXTERN_C_BEGIN
l4_ret_t l4re_ma_alloc_align_srv(l4_cap_idx_t srv, long size, l4re_ds_t const mem, unsigned long flags,
                                 unsigned long align);
/* What the allocator srv has and has given out. */
l4_ret_t l4re_ma_info_srv(l4_cap_idx_t srv, l4re_ma_stats_t *stats);
EXTERN_C_END

/* A dataspace of size bytes in the free slot mem. flags: L4RE_MA_*; align: log2, 0 for any. Errors: -L4_ENOMEM (quota),
 * -L4_ERANGE (size 0), -L4_EINVAL. */
L4_INLINE l4_ret_t l4re_ma_alloc_align(long size, l4re_ds_t const mem, unsigned long flags, unsigned long align)
{
    return l4re_ma_alloc_align_srv(l4re_env()->mem_alloc, size, mem, flags, align);
}
L4_INLINE l4_ret_t l4re_ma_alloc(long size, l4re_ds_t const mem, unsigned long flags)
{
    return l4re_ma_alloc_align(size, mem, flags, 0);
}
