/* SPDX-License-Identifier: MIT */
/*
 * A kernel that only looks: checks what the boot stage handed over, prints it on the first serial line, and ends QEMU.
 * Lines are "name: value"; the scripts of this folder compare them. Exit value 0x10 (QEMU status 33): it got to the
 * end.
 *
 * Built several times with other values of the macros below: each makes an image that is wrong in one way.
 */
#include <stddef.h>
#include <l4/kip.h>

#ifndef KIP_MAGIC
#define KIP_MAGIC L4_KIP_MAGIC
#endif
#ifndef KIP_VERSION
#define KIP_VERSION L4_KIP_VERSION
#endif
#ifndef OPTIONS_MAGIC
#define OPTIONS_MAGIC L4_OPTIONS_MAGIC
#endif
#ifndef OPTIONS_VERSION
#define OPTIONS_VERSION 6
#endif

#define COM1        0x3f8
#define QEMU_EXIT   0xf4

__attribute__((section(".kip"), aligned(4096))) struct l4_kip kip = {
    .magic = KIP_MAGIC, .version = KIP_VERSION, .strings_offset = L4_KIP_STRINGS / 16,
    .mem_offset = L4_KIP_MEM_OFFSET, .mem_count = L4_KIP_MEM_SLOTS,
};
__attribute__((section(".opt"))) struct l4_options options = { OPTIONS_MAGIC, OPTIONS_VERSION, .node = 0 };

static char zeros[20000];
static int filled = 42;

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void put(char c)
{
    while (!(in8(COM1 + 5) & 0x20))
        ;
    out8(COM1, (uint8_t)c);
}

static void text(const char *s)
{
    while (*s)
        put(*s++);
}

static void hex(uint64_t v)
{
    unsigned shift = 60;
    while (shift > 0 && !(v >> shift))
        shift -= 4;
    for (;; shift -= 4) {
        put("0123456789abcdef"[v >> shift & 15]);
        if (shift == 0)
            return;
    }
}

static void line(const char *name, uint64_t value)
{
    text(name);
    text(": ");
    hex(value);
    put('\n');
}

static uint64_t read_cr0(void) { uint64_t v; __asm__ volatile("mov %%cr0, %0" : "=r"(v)); return v; }
static uint64_t read_cr3(void) { uint64_t v; __asm__ volatile("mov %%cr3, %0" : "=r"(v)); return v; }
static uint64_t read_cr4(void) { uint64_t v; __asm__ volatile("mov %%cr4, %0" : "=r"(v)); return v; }
static uint64_t read_flags(void) { uint64_t v; __asm__ volatile("pushfq; pop %0" : "=r"(v)); return v; }

/* Is everything below 4 GiB mapped where it is? Walks the tables as the processor does. */
static int map_is_identity(void)
{
    const uint64_t *pml4 = (const uint64_t *)(read_cr3() & ~0xffful);
    const uint64_t *pdpt = (const uint64_t *)(pml4[0] & ~0xffful);
    for (uint64_t a = 0; a < 4ul << 30; a += 2ul << 20) {
        const uint64_t *pd = (const uint64_t *)(pdpt[a >> 30] & ~0xffful);
        if ((pd[a >> 21 & 511] & ~0x1ffful) != a || (pd[a >> 21 & 511] & 0x83) != 0x83)
            return 0;
    }
    return 1;
}

static void state_print(void)
{
    uint64_t bad = 0;
    uint16_t cs;
    __asm__ volatile("mov %%cs, %0" : "=r"(cs));
    for (unsigned i = 0; i < sizeof(zeros); i++)
        bad += zeros[i] != 0;
    line("bss-nonzero", bad);
    line("data", (uint64_t)filled);
    line("paging", read_cr0() >> 31);
    line("identity", (uint64_t)map_is_identity());
    line("interrupts", read_flags() >> 9 & 1);
    line("osfxsr", read_cr4() >> 9 & 1);
    line("cs-set", cs != 0);
}

static void kip_print(void)
{
    line("sigma0-ip", kip.sigma0_ip);
    line("root-ip", kip.root_ip);
    line("device-tree", kip.device_tree);
    text("platform: ");
    text(kip.platform);
    put('\n');
    const char *rsdp = (const char *)kip.acpi_rsdp;
    text("rsdp: ");
    for (unsigned i = 0; rsdp != NULL && i < 7; i++)
        put(rsdp[i]);
    put('\n');
    for (unsigned i = 0; i < kip.mem_count; i++) {
        struct l4_mem_desc d = kip.mem[i];
        if (l4_mem_desc_type(d) == 0)
            continue;
        text("desc ");
        hex(l4_mem_desc_type(d));
        put('.');
        hex(l4_mem_desc_sub(d));
        put(' ');
        hex(l4_mem_desc_start(d));
        put(' ');
        hex(l4_mem_desc_end(d));
        put('\n');
    }
}

/* One number over all bytes of a module: says that the content arrived. */
static uint64_t sum(const uint8_t *from, const uint8_t *to)
{
    uint64_t s = 0;
    for (; from < to; from++)
        s = s * 31 + *from;
    return s;
}

static int is_covered(uint64_t start, uint64_t end, unsigned type, unsigned sub)
{
    for (unsigned i = 0; i < kip.mem_count; i++) {
        struct l4_mem_desc d = kip.mem[i];
        if (l4_mem_desc_type(d) == type && l4_mem_desc_sub(d) == sub && l4_mem_desc_start(d) <= start &&
            l4_mem_desc_end(d) >= end - 1)
            return 1;
    }
    return 0;
}

static void modules_print(void)
{
    const struct l4_module_info *info = (const struct l4_module_info *)kip.user_ptr;
    const struct l4_module *m = (const struct l4_module *)info->modules;
    line("info-covered", (uint64_t)is_covered(kip.user_ptr, kip.user_ptr + sizeof(*info), L4_MEM_BOOTLOADER, 7));
    text("loader: ");
    text(info->cmdline != 0 ? (const char *)info->cmdline : "(none)");
    put('\n');
    line("modules", info->count);
    for (unsigned i = 0; i < info->count; i++) {
        text("module ");
        hex(m[i].flags & 7);
        put(' ');
        hex(m[i].end - m[i].start);
        put(' ');
        hex(sum((const uint8_t *)m[i].start, (const uint8_t *)m[i].end));
        text(m[i].start & 0xfff ? " unaligned " : " aligned ");
        text((m[i].flags & 7) != 0 || m[i].start == m[i].end ||
             is_covered(m[i].start, m[i].end, L4_MEM_BOOTLOADER, 7) ? "covered " : "uncovered ");
        text((const char *)m[i].cmdline);
        put('\n');
    }
}

static void options_print(void)
{
    /* In version 5 everything behind the kernel memory size lies 4 bytes lower. */
    const char *o = (const char *)&options - (OPTIONS_VERSION == 5 ? 4 : 0);
    line("opt-flags", options.flags);
    line("opt-kmem", options.kmem_kib);
    line("opt-uart-base", *(const uint64_t *)(o + offsetof(struct l4_options, uart_base)));
    line("opt-uart-irq", *(const uint16_t *)(o + offsetof(struct l4_options, uart_irq)));
    line("opt-uart-access", *(const uint8_t *)(o + offsetof(struct l4_options, uart_access)));
    line("opt-tbuf", *(const uint32_t *)(o + offsetof(struct l4_options, tbuf_entries)));
    text("opt-jdb: ");
    text(o + offsetof(struct l4_options, jdb_cmd));
    put('\n');
}

/* What is behind the first word of sigma0's and the root task's code: their own number (see program.S). */
static void images_print(void)
{
    if (kip.sigma0_ip != 0 && kip.root_ip != 0) {
        line("sigma0-code", *(const uint32_t *)kip.sigma0_ip);
        line("root-code", *(const uint32_t *)kip.root_ip);
    }
}

__attribute__((section(".text.start"))) void start(void)
{
    text("KIP ok\n");
    state_print();
    kip_print();
    modules_print();
    options_print();
    images_print();
    text("end\n");
    out8(QEMU_EXIT, 0x10);
    for (;;)
        __asm__ volatile("cli; hlt");
}
