/* SPDX-License-Identifier: MIT */
/* What a multiboot loader tells the program it starts (version 1), and numbers of version 2. */
#pragma once
#include <l4/sys/compiler.h>
#include <l4/sys/l4int.h>

/* Which fields of l4util_mb_info_t are valid. */
#define L4UTIL_MB_MEMORY 0x1
#define L4UTIL_MB_BOOTDEV 0x2
#define L4UTIL_MB_CMDLINE 0x4
#define L4UTIL_MB_MODS 0x8
#define L4UTIL_MB_AOUT_SYMS 0x10
#define L4UTIL_MB_ELF_SHDR 0x20
#define L4UTIL_MB_MEM_MAP 0x40
#define L4UTIL_MB_DRIVE_INFO 0x80
#define L4UTIL_MB_CONFIG_TABLE 0x100
#define L4UTIL_MB_BOOT_LOADER_NAME 0x200
#define L4UTIL_MB_APM_TABLE 0x400
#define L4UTIL_MB_VIDEO_INFO 0x800
#define L4UTIL_MB_VALID 0x2badb002ul
#define L4UTIL_MB_VALID_ASM 0x2badb002

#define L4UTIL_MB2_MAGIC 0xe85250d6
#define L4UTIL_MB2_ARCH_I386 0
#define L4UTIL_MB2_TERMINATOR_HEADER_TAG 0
#define L4UTIL_MB2_INFO_REQUEST_HEADER_TAG 1
#define L4UTIL_MB2_ENTRY_ADDRESS_HEADER_TAG 3
#define L4UTIL_MB2_FRAMEBUFFER_HEADER_TAG 5
#define L4UTIL_MB2_RELOCATABLE_HEADER_TAG 10
#define L4UTIL_MB2_TAG_FLAG_REQUIRED 0
#define L4UTIL_MB2_TAG_ALIGN_SHIFT 3
#define L4UTIL_MB2_TAG_ALIGN 8
#define L4UTIL_MB2_TERMINATOR_INFO_TAG 0
#define L4UTIL_MB2_BOOT_CMDLINE_INFO_TAG 1
#define L4UTIL_MB2_MODULE_INFO_TAG 3
#define L4UTIL_MB2_MEMORY_MAP_INFO_TAG 6
#define L4UTIL_MB2_FRAMEBUFFER_INFO_TAG 8
#define L4UTIL_MB2_RSDP_OLD_INFO_TAG 14
#define L4UTIL_MB2_RSDP_NEW_INFO_TAG 15
#define L4UTIL_MB2_IMAGE_LOAD_BASE_PHYS_INFO_TAG 21
#define L4UTIL_MB2_RELO_PREFERED_NONE 0
#define L4UTIL_MB2_RELO_PREFERED_MIN 1
#define L4UTIL_MB2_RELO_PREFERED_MAX 2

typedef struct l4util_mb_mod_t {
    l4_uint32_t mod_start;
    l4_uint32_t mod_end; /* exclusive */
    l4_uint32_t cmdline;
    l4_uint32_t pad;
} l4util_mb_mod_t;

/* A range of the memory map. struct_size does not count itself. */
typedef struct __attribute__((packed)) l4util_mb_addr_range_t {
    l4_uint32_t struct_size;
    l4_uint64_t addr;
    l4_uint64_t size;
    l4_uint32_t type; /* 1: usable */
} l4util_mb_addr_range_t;

typedef struct l4util_mb_info_t {
    l4_uint32_t flags;
    l4_uint32_t mem_lower, mem_upper; /* KiB */
    l4_uint32_t boot_device;
    l4_uint32_t cmdline;
    l4_uint32_t mods_count, mods_addr;
    union {
        struct {
            l4_uint32_t tabsize, strsize, addr, pad;
        } a;
        struct {
            l4_uint32_t num, size, addr, shndx;
        } e;
    } syms;
    l4_uint32_t mmap_length, mmap_addr;
    l4_uint32_t drives_length, drives_addr;
    l4_uint32_t config_table;
    l4_uint32_t boot_loader_name;
    l4_uint32_t apm_table;
    l4_uint32_t vbe_ctrl_info, vbe_mode_info;
    l4_uint16_t vbe_mode, vbe_interface_seg, vbe_interface_off, vbe_interface_len;
} l4util_mb_info_t;

/* The memory map: its first range, and the one behind e. It ends mmap_length bytes behind the first. */
L4_INLINE l4util_mb_addr_range_t *l4util_mb_first_mmap_entry(l4util_mb_info_t *mbi)
{
    return (l4util_mb_addr_range_t *)(l4_addr_t)mbi->mmap_addr;
}
L4_INLINE l4util_mb_addr_range_t *l4util_mb_next_mmap_entry(l4util_mb_addr_range_t *e)
{
    return (l4util_mb_addr_range_t *)((l4_addr_t)e + sizeof e->struct_size + e->struct_size);
}
