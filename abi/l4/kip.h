/* SPDX-License-Identifier: MIT */
/*
 * Kernel interface page, memory descriptors, kernel options area and module information (amd64).
 */
#pragma once
#include <l4/types.h>

#define L4_KIP_MAGIC 0x4BE6344Cu
#define L4_KIP_VERSION 0x87034444u
#define L4_KIP_VERSION_MASK 0xff00ffffu
#define L4_KIP_VERSION_WANTED 0x87004444u
#define L4_KIP_PHDR 0x10u     /* ELF program header type: where the KIP lies in the kernel image */
#define L4_OPTIONS_PHDR 0x11u /* the same for the options area */
#define L4_KIP_MEM_OFFSET 0x90u
#define L4_KIP_MEM_SLOTS 64u
#define L4_KIP_STRINGS 0x490u
#define L4_KIP_CLOCK_US 0x900u
#define L4_KIP_CLOCK_NS 0x980u
#define L4_KIP_SCALER_US 0x9f0u
#define L4_KIP_SCALER_NS 0x9f8u

enum l4_mem_type {
    L4_MEM_UNDEFINED = 0,
    L4_MEM_CONVENTIONAL = 1,
    L4_MEM_RESERVED = 2,
    L4_MEM_DEDICATED = 3,
    L4_MEM_SHARED = 4,
    L4_MEM_KERNEL_TMP = 7,
    L4_MEM_INFO = 0xd,
    L4_MEM_BOOTLOADER = 0xe,
    L4_MEM_ARCH = 0xf
};
#define L4_MEM_EAGER 0x100ul
#define L4_MEM_VIRTUAL 0x200ul

struct l4_mem_desc {
    word_t low;  /* type 0-3, sub type 4-7, eager 8, virtual 9, start 10-63 */
    word_t high; /* end, inclusive; low ten bits read as ones */
};
static inline unsigned l4_mem_desc_type(struct l4_mem_desc d) { return (unsigned)(d.low & 15u); }
static inline unsigned l4_mem_desc_sub(struct l4_mem_desc d) { return (unsigned)(d.low >> 4 & 15u); }
static inline word_t l4_mem_desc_start(struct l4_mem_desc d) { return d.low & ~0x3fful; }
static inline word_t l4_mem_desc_end(struct l4_mem_desc d) { return d.high | 0x3fful; }
static inline struct l4_mem_desc l4_mem_desc_make(word_t start, word_t last, unsigned type, unsigned sub, word_t flags)
{
    return (struct l4_mem_desc){(start & ~0x3fful) | flags | (word_t)(sub & 15u) << 4 | (type & 15u), last | 0x3fful};
}

struct l4_kip {
    uint32_t magic, version;
    uint8_t strings_offset; /* divided by 16 */
    uint8_t zero1[3];
    uint8_t kip_syscalls, node;
    uint8_t zero2[2];
    word_t sigma0_ip, root_ip;
    volatile word_t clock_us;
    word_t cpu_khz;
    word_t acpi_rsdp, device_tree, user_ptr, test_counter;
    uint32_t granularity_us, mem_offset, mem_count, reserved;
    uint8_t spare[16];
    char platform[16];
    uint32_t is_mp;
    uint8_t arch[12];
    struct l4_mem_desc mem[L4_KIP_MEM_SLOTS];
    char strings[0x900 - 0x490];
};
_Static_assert(__builtin_offsetof(struct l4_kip, mem) == L4_KIP_MEM_OFFSET, "memory descriptors");
_Static_assert(__builtin_offsetof(struct l4_kip, strings) == L4_KIP_STRINGS, "strings");

#define L4_OPTIONS_MAGIC 0x4C344B43u
#define L4_OPTIONS_VERSION 6u
struct l4_options { /* version 6; packed as the interface has it */
    uint32_t magic, version, flags, kmem_kib, perf_profile, uart_base_baud, uart_baud;
    uint16_t uart_irq;
    uint8_t uart_shift, uart_access;
    uint64_t uart_base;
    char uart_compat[32];
    uint64_t core_spin;
    char jdb_cmd[128];
    uint32_t tbuf_entries, out_buf, node;
} __attribute__((packed));
_Static_assert(sizeof(struct l4_options) == 220, "options area version 6");

#define L4_OPT_WAIT (1u << 0)
#define L4_OPT_SERIAL_ESC (1u << 1)
#define L4_OPT_NOSERIAL (1u << 2)
#define L4_OPT_NOSCREEN (1u << 3)
#define L4_OPT_ESC (1u << 4)
#define L4_OPT_NOJDB (1u << 5)
#define L4_OPT_NOHLT (1u << 7)
#define L4_OPT_APIC (1u << 8)
#define L4_OPT_LOADCNT (1u << 9)
#define L4_OPT_WATCHDOG (1u << 10)
#define L4_OPT_KEYMAP_DE (1u << 11)
#define L4_OPT_IRQ0 (1u << 13)
#define L4_OPT_NOSFN (1u << 15)
#define L4_OPT_JDB_NEVER_STOP (1u << 16)
#define L4_OPT_KMEMSIZE (1u << 17)
#define L4_OPT_TBUF_ENTRIES (1u << 18)
#define L4_OPT_OUT_BUF (1u << 19)
#define L4_OPT_UART_BAUD (1u << 20)
#define L4_OPT_UART_BASE (1u << 21)
#define L4_OPT_UART_IRQ (1u << 22)
#define L4_OPT_JDB_CMD (1u << 23)
#define L4_OPT_SERIAL_INPUT (1u << 24)
#define L4_OPT_ONESHOT (1u << 25)
#define L4_OPT_PERF_PROFILE (1u << 26)

struct l4_module {
    word_t flags; /* bits 0-2: 0 ordinary, 1 kernel, 2 sigma0, 3 root task */
    word_t start, end, cmdline;
};
struct l4_module_info {
    word_t flags, cmdline, modules;
    uint32_t count, pad;
    word_t vbe_ctrl, vbe_mode;
};
_Static_assert(sizeof(struct l4_module_info) == 48 && sizeof(struct l4_module) == 32, "module information");
