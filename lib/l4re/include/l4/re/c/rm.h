/* SPDX-License-Identifier: MIT */
/*
 * Region map: which dataspace lies where in the address space. The functions without _srv use the program's own
 * (l4re_env()->rm). Errors: -L4_EADDRNOTAVAIL (no room, overlap), -L4_EINVAL, -L4_EPERM, -L4_ENOENT, and -(2000 + IPC
 * error).
 */
#pragma once
#include <l4/re/c/dataspace.h>
#include <l4/re/env.h>

typedef l4_uint32_t l4re_rm_flags_t;
typedef l4re_ds_offset_t l4re_rm_offset_t;

enum l4re_rm_flags_values {
    L4RE_RM_F_X = 1,
    L4RE_RM_F_W = 2,
    L4RE_RM_F_R = 4,
    L4RE_RM_F_RX = 5,
    L4RE_RM_F_RW = 6,
    L4RE_RM_F_RWX = 7,
    L4RE_RM_CACHING_SHIFT = 4,
    L4RE_RM_F_CACHING = 0x30,
    L4RE_RM_F_CACHE_NORMAL = 0,
    L4RE_RM_F_CACHE_BUFFERED = 0x10,
    L4RE_RM_F_CACHE_UNCACHED = 0x20,
    L4RE_RM_F_KERNEL = 0x100,      /* kernel-user memory; faults are refused */
    L4RE_RM_F_DETACH_FREE = 0x200,
    L4RE_RM_F_PAGER = 0x400,       /* served by the outer region map */
    L4RE_RM_F_RESERVED = 0x800,    /* stays empty */
    L4RE_RM_F_PRIVATE = 0x1000,    /* copy on write */
    L4RE_RM_F_ANONYMOUS = 0x2000,  /* zero-filled memory without a dataspace */
    L4RE_RM_REGION_FLAGS = 0xffff,
    L4RE_RM_F_SEARCH_ADDR = 0x20000,
    L4RE_RM_F_IN_AREA = 0x40000,
    L4RE_RM_F_EAGER_MAP = 0x80000,
    L4RE_RM_F_NO_EAGER_MAP = 0x100000,
    L4RE_RM_F_ATTACH_FLAGS = 0x1f0000
};

/* Result bits of detach; flags of detach requests. */
enum l4re_rm_detach_values {
    L4RE_RM_DETACHED_DS = 0,    /* the region is gone */
    L4RE_RM_KEPT_DS = 1,        /* a part of it is kept */
    L4RE_RM_SPLIT_DS = 2,       /* kept at both ends */
    L4RE_RM_DETACH_RESULT_MASK = 3,
    L4RE_RM_DETACH_AGAIN = 4,   /* more regions overlap the range: call again */
    L4RE_RM_DETACH_UNMAPPED = 8, /* the server has unmapped the range already */
    L4RE_RM_DETACH_EXACT = 1,
    L4RE_RM_DETACH_OVERLAP = 2
};

/* Record of l4re_rm_get_regions_srv(). */
typedef struct l4re_rm_range_t {
    l4_uint64_t start;
    l4_uint64_t end; /* inclusive */
    l4_uint16_t flags;
    l4_uint16_t pad[3];
} l4re_rm_range_t;

EXTERN_C_BEGIN
int l4re_rm_reserve_area_srv(l4_cap_idx_t rm, l4_addr_t *start, unsigned long size, l4re_rm_flags_t flags,
                             unsigned char align);
int l4re_rm_free_area_srv(l4_cap_idx_t rm, l4_addr_t addr);
int l4re_rm_attach_srv(l4_cap_idx_t rm, void **start, unsigned long size, l4re_rm_flags_t flags, l4re_ds_t mem,
                       l4re_rm_offset_t offs, unsigned char align);
int l4re_rm_attach_w_info_srv(l4_cap_idx_t rm, void **start, unsigned long size, l4re_rm_flags_t flags, l4re_ds_t mem,
                              l4re_rm_offset_t offs, unsigned char align, char const *name,
                              l4re_ds_offset_t backing_offset);
int l4re_rm_detach_srv(l4_cap_idx_t rm, l4_addr_t addr, l4re_ds_t *ds, l4_cap_idx_t task);
/* Detaches [addr, addr + size) as flags (L4RE_RM_DETACH_*) say, one region per call; unmaps it in task (L4_INVALID_CAP:
 * not). *start, *len: what went (NULL: not wanted). */
int l4re_rm_detach_range_srv(l4_cap_idx_t rm, l4_addr_t addr, unsigned long size, unsigned flags, l4_addr_t *start,
                             unsigned long *len, l4re_ds_t *ds, l4_cap_idx_t task);
int l4re_rm_find_srv(l4_cap_idx_t rm, l4_addr_t *addr, unsigned long *size, l4re_rm_offset_t *offset,
                     l4re_rm_flags_t *flags, l4re_ds_t *m);
int l4re_rm_get_info_srv(l4_cap_idx_t rm, l4_addr_t addr, char *name, unsigned int len,
                         l4re_rm_offset_t *backing_offset);
/* Regions (areas) from address start on: fills at most max (<= 21) records, returns their number, 0 at the end. */
int l4re_rm_get_regions_srv(l4_cap_idx_t rm, l4_addr_t start, l4re_rm_range_t *out, unsigned max);
int l4re_rm_get_areas_srv(l4_cap_idx_t rm, l4_addr_t start, l4re_rm_range_t *out, unsigned max);
/* Makes the pages of [min, max] (page aligned, max inclusive) present with rights. */
int l4re_rm_page_in_srv(l4_cap_idx_t rm, l4_addr_t min, l4_addr_t max, unsigned rights);
/* Asks the region map to print its lists (debug interface). */
void l4re_rm_show_lists_srv(l4_cap_idx_t rm);
EXTERN_C_END

/* Reserves an address range: nobody attaches there without L4RE_RM_F_IN_AREA. *start: where, or from where to search
 * with L4RE_RM_F_SEARCH_ADDR; align: log2. */
L4_INLINE int l4re_rm_reserve_area(l4_addr_t *start, unsigned long size, l4re_rm_flags_t flags, unsigned char align)
{
    return l4re_rm_reserve_area_srv(l4re_env()->rm, start, size, flags, align);
}
/* Ends the reservation around addr; regions inside stay. */
L4_INLINE int l4re_rm_free_area(l4_addr_t addr) { return l4re_rm_free_area_srv(l4re_env()->rm, addr); }
/* Attaches size bytes of mem from offs on at *start (search: from there upward), with the rights in flags. *start:
 * where it lies. align: log2, at least 12. mem is ignored with L4RE_RM_F_RESERVED, _KERNEL, or without rights. */
L4_INLINE int l4re_rm_attach(void **start, unsigned long size, l4re_rm_flags_t flags, l4re_ds_t mem,
                             l4re_rm_offset_t offs, unsigned char align)
{
    return l4re_rm_attach_srv(l4re_env()->rm, start, size, flags, mem, offs, align);
}
/* The same with a name (40 characters are kept) and the offset in what backs the region, for l4re_rm_get_info(). */
L4_INLINE int l4re_rm_attach_w_info(void **start, unsigned long size, l4re_rm_flags_t flags, l4re_ds_t mem,
                                    l4re_rm_offset_t offs, unsigned char align, char const *name,
                                    l4re_ds_offset_t backing_offset)
{
    return l4re_rm_attach_w_info_srv(l4re_env()->rm, start, size, flags, mem, offs, align, name, backing_offset);
}
/* Detaches the region that contains addr and unmaps it. >= 0: L4RE_RM_DETACHED_DS and friends. */
L4_INLINE int l4re_rm_detach(void *addr)
{
    return l4re_rm_detach_srv(l4re_env()->rm, (l4_addr_t)addr, (l4re_ds_t *)0, L4RE_THIS_TASK_CAP);
}
/* The same; *ds: its dataspace. */
L4_INLINE int l4re_rm_detach_ds(void *addr, l4re_ds_t *ds)
{
    return l4re_rm_detach_srv(l4re_env()->rm, (l4_addr_t)addr, ds, L4RE_THIS_TASK_CAP);
}
/* The same, unmapping in task. */
L4_INLINE int l4re_rm_detach_unmap(l4_addr_t addr, l4_cap_idx_t task)
{
    return l4re_rm_detach_srv(l4re_env()->rm, addr, (l4re_ds_t *)0, task);
}
L4_INLINE int l4re_rm_detach_ds_unmap(void *addr, l4re_ds_t *ds, l4_cap_idx_t task)
{
    return l4re_rm_detach_srv(l4re_env()->rm, (l4_addr_t)addr, ds, task);
}
/* Lowest region that overlaps [*addr, *addr + *size): its start, size, offset, flags and dataspace (all but addr and
 * size may be NULL). -L4_ENOENT: none. An area without a region has L4RE_RM_F_IN_AREA in its flags. */
L4_INLINE int l4re_rm_find(l4_addr_t *addr, unsigned long *size, l4re_rm_offset_t *offset, l4re_rm_flags_t *flags,
                           l4re_ds_t *m)
{
    return l4re_rm_find_srv(l4re_env()->rm, addr, size, offset, flags, m);
}
/* Name (len bytes, zero-terminated) and backing offset of the region at addr. */
L4_INLINE int l4re_rm_get_info(l4_addr_t addr, char *name, unsigned int len, l4re_rm_offset_t *backing_offset)
{
    return l4re_rm_get_info_srv(l4re_env()->rm, addr, name, len, backing_offset);
}
L4_INLINE void l4re_rm_show_lists(void) { l4re_rm_show_lists_srv(l4re_env()->rm); }
