/* SPDX-License-Identifier: MIT */
/*
 * Memory descriptors in the kernel interface page: which physical (or virtual) ranges are what. Later, more special
 * types override conventional ones.
 */
#pragma once
#include <l4/sys/kip.h>

enum l4_mem_type_t {
    l4_mem_type_undefined = 0, /* unused slot */
    l4_mem_type_conventional = 1,
    l4_mem_type_reserved = 2,
    l4_mem_type_dedicated = 3,
    l4_mem_type_shared = 4,
    l4_mem_type_info = 0xd,
    l4_mem_type_bootloader = 0xe,
    l4_mem_type_archspecific = 0xf
};
enum l4_mem_sub_type_t {
    l4_mem_info_acpi_rsdp = 0,
    l4_mem_reserved_kernel = 0,
    l4_mem_reserved_heap = 1,
    l4_mem_reserved_mmio = 2,
    l4_mem_archspecific_acpi_tables = 3,
    l4_mem_archspecific_acpi_nvs = 4
};

typedef struct l4_kernel_info_mem_desc_t {
    l4_umword_t l; /* type 0-3, sub type 4-7, eager 8, virtual 9, start 10-63 */
    l4_umword_t h; /* end, inclusive; the low ten bits read as ones */
} l4_kernel_info_mem_desc_t;

/* First descriptor. */
L4_INLINE l4_kernel_info_mem_desc_t *l4_kernel_info_get_mem_descs(l4_kernel_info_t *kip)
{
    return (l4_kernel_info_mem_desc_t *)(void *)((char *)kip + kip->mem_offset);
}
/* Number of descriptor slots; skip those of type undefined. */
L4_INLINE unsigned l4_kernel_info_get_num_mem_descs(l4_kernel_info_t *kip) { return kip->mem_count; }
/* Fills a descriptor. start, end (inclusive): bytes, granules of 1 KiB. */
L4_INLINE void l4_kernel_info_set_mem_desc(l4_kernel_info_mem_desc_t *md, l4_addr_t start, l4_addr_t end, unsigned type,
                                           unsigned virt, unsigned sub_type)
{
    md->l = (start & ~0x3fful) | (virt ? 0x200u : 0u) | (sub_type & 15u) << 4 | (type & 15u);
    md->h = end;
}
/* First address. */
L4_INLINE l4_umword_t l4_kernel_info_get_mem_desc_start(l4_kernel_info_mem_desc_t *md) { return md->l & ~0x3fful; }
/* Last address. */
L4_INLINE l4_umword_t l4_kernel_info_get_mem_desc_end(l4_kernel_info_mem_desc_t *md) { return md->h | 0x3fful; }
/* l4_mem_type_t */
L4_INLINE l4_umword_t l4_kernel_info_get_mem_desc_type(l4_kernel_info_mem_desc_t *md) { return md->l & 15u; }
L4_INLINE l4_umword_t l4_kernel_info_get_mem_desc_subtype(l4_kernel_info_mem_desc_t *md) { return md->l >> 4 & 15u; }
/* Nonzero: a range of virtual addresses. */
L4_INLINE l4_umword_t l4_kernel_info_get_mem_desc_is_virtual(l4_kernel_info_mem_desc_t *md) { return md->l & 0x200u; }
