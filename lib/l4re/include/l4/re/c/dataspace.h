/* SPDX-License-Identifier: MIT */
/*
 * Dataspace: memory as an object. Sizes and offsets in bytes. Functions return >= 0 or a negated error: -2009 (no
 * receive window), -L4_EPERM, -L4_EACCESS, -L4_ERANGE, -L4_ENOMEM, and -(2000 + IPC error).
 */
#pragma once
#include <l4/sys/types.h>

typedef l4_cap_idx_t l4re_ds_t;
typedef l4_uint64_t l4re_ds_size_t;
typedef l4_uint64_t l4re_ds_offset_t;
typedef l4_uint64_t l4re_ds_map_addr_t;
typedef unsigned long l4re_ds_flags_t;

enum l4re_ds_map_flags {
    L4RE_DS_F_R = 4,
    L4RE_DS_F_W = 2,
    L4RE_DS_F_X = 1,
    L4RE_DS_F_RW = 6,
    L4RE_DS_F_RX = 5,
    L4RE_DS_F_RWX = 7,
    L4RE_DS_F_RIGHTS_MASK = 0xf,
    L4RE_DS_F_NORMAL = 0,
    L4RE_DS_F_CACHEABLE = 0,
    L4RE_DS_F_BUFFERABLE = 0x10,
    L4RE_DS_F_UNCACHEABLE = 0x20,
    L4RE_DS_F_CACHING_MASK = 0x30,
    L4RE_DS_F_CACHING_SHIFT = 4
};

typedef struct l4re_ds_stats_t {
    l4re_ds_size_t size;
    l4re_ds_flags_t flags;
} l4re_ds_stats_t;

EXTERN_C_BEGIN
/* Maps what lies at offset to local_addr with rights flags (L4RE_DS_F_*): the largest block around local_addr inside
 * [min_addr, max_addr) that the dataspace gives. */
l4_ret_t l4re_ds_map(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_flags_t flags, l4re_ds_map_addr_t local_addr,
                     l4re_ds_map_addr_t min_addr, l4re_ds_map_addr_t max_addr);
/* The same into another task (selector; L4_INVALID_CAP: the own). *order: log2 of what was mapped, 0 if nothing (NULL:
 * not wanted). */
l4_ret_t l4re_ds_map_task(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_flags_t flags, l4re_ds_map_addr_t local_addr,
                          l4re_ds_map_addr_t min_addr, l4re_ds_map_addr_t max_addr, l4_cap_idx_t task, unsigned *order);
/* Maps the dataspace from offset on into all of [min_addr, max_addr). */
l4_ret_t l4re_ds_map_region(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_flags_t flags, l4re_ds_map_addr_t min_addr,
                            l4re_ds_map_addr_t max_addr);
/* Zeroes; size is clipped to the end. */
l4_ret_t l4re_ds_clear(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_size_t size);
/* Allocates the pages of a range now. */
l4_ret_t l4re_ds_allocate(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_size_t size);
/* Copies from another dataspace of the same server (else -L4_EINVAL). */
l4_ret_t l4re_ds_copy_in(l4re_ds_t ds, l4re_ds_offset_t dst_offs, l4re_ds_t src, l4re_ds_offset_t src_offs,
                         l4re_ds_size_t size);
/* Size; 0 on error. */
l4re_ds_size_t l4re_ds_size(l4re_ds_t ds);
/* Flags; 0 on error. W only if the capability may write. */
l4re_ds_flags_t l4re_ds_flags(l4re_ds_t ds);
l4_ret_t l4re_ds_info(l4re_ds_t ds, l4re_ds_stats_t *stats);
/* > 0: fixed address range (systems without MMU); 0 otherwise. */
l4_ret_t l4re_ds_map_info(l4re_ds_t ds, l4_addr_t *start_addr, l4_addr_t *end_addr);
EXTERN_C_END
