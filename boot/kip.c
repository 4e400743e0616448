/* SPDX-License-Identifier: MIT */
/*
 * Fills what the kernel reads: its interface page and its options area, both inside the loaded kernel image.
 *
 * K1  Memory descriptors: RAM first, then everything that is more than RAM; ranges of one kind that touch are one.
 * K2  At least KERNEL_SLOTS slots stay free for the kernel's own entries.
 */
#include "boot.h"
#include <l4/kip.h>

#define KERNEL_SLOTS    12u
#define GRANULE         1024ul
#define DESCS_MAX       256u
#define RIGHTS_RWX      7u
#define SUB_ACPI_TABLES 3u
#define SUB_ACPI_NVS    4u

struct desc {
    struct range r;
    unsigned     type, sub;
};

static struct desc desc[DESCS_MAX];
static unsigned desc_count;

static struct l4_kip *kip_of(const struct elf_image *kernel)
{
    return (struct l4_kip *)kernel->kip;
}

static struct l4_options *options_of(const struct elf_image *kernel)
{
    return (struct l4_options *)(kernel->options != 0 ? kernel->options : kernel->kip + PAGE_SIZE);
}

static bool range_has(struct range r, uint64_t start, uint64_t size)
{
    return r.start <= start && start <= r.end && size <= r.end - start;
}

/* Is it inside what the image loads? */
static bool in_image(const struct elf_image *image, uint64_t start, uint64_t size)
{
    for (unsigned i = 0; i < image->segment_count; i++)
        if (range_has(image->segment[i].mem, start, size))
            return true;
    return false;
}

/* Before anything is loaded: are the places there? */
static void places_check(const struct elf_image *kernel, const char *name, int length)
{
    if (kernel->kip == 0)
        boot_fail("kernel '%.*s' has no kernel interface page (program header of type 0x%x)", length, name,
                  L4_KIP_PHDR);
    if ((kernel->kip & (PAGE_SIZE - 1)) != 0 || !in_image(kernel, kernel->kip, PAGE_SIZE))
        boot_fail("kernel '%.*s': the kernel interface page at 0x%lx is not a page of the image", length, name,
                  kernel->kip);
    if (!in_image(kernel, (uint64_t)options_of(kernel), sizeof(struct l4_options)))
        boot_fail("kernel '%.*s': the options area at 0x%lx is outside of the image", length, name,
                  (uint64_t)options_of(kernel));
}

/* Copies from the file: the image need not be loaded. What the file does not hold reads as zero. */
static void image_bytes(const struct elf_image *image, uint64_t at, void *to, uint64_t size)
{
    memset(to, 0, size);
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct segment *s = &image->segment[i];
        if (range_has((struct range){ s->mem.start, s->mem.start + s->file_size }, at, size))
            memcpy(to, (const void *)(image->module->file.start + s->offset + (at - s->mem.start)), size);
    }
}

static void options_check(const struct elf_image *kernel, const char *name, int length)
{
    struct { uint32_t magic, version; } opt;

    image_bytes(kernel, (uint64_t)options_of(kernel), &opt, sizeof(opt));
    if (opt.magic != L4_OPTIONS_MAGIC)
        boot_fail("kernel '%.*s': wrong magic number in the options area (0x%x instead of 0x%x)", length, name,
                  opt.magic, L4_OPTIONS_MAGIC);
    if (opt.version != 5 && opt.version != 6)
        boot_fail("kernel '%.*s': options area has version %u, this stage knows 5 and 6", length, name, opt.version);
}

void kip_check_image(const struct elf_image *kernel)
{
    struct l4_kip kip;
    unsigned length;
    const char *name = name_of(kernel->module->cmdline, &length);

    places_check(kernel, name, (int)length);
    image_bytes(kernel, kernel->kip, &kip, sizeof(kip));
    if (kip.magic != L4_KIP_MAGIC)
        boot_fail("kernel '%.*s': wrong magic number in the kernel interface page (0x%x instead of 0x%x)",
                  (int)length, name, kip.magic, L4_KIP_MAGIC);
    if ((kip.version & L4_KIP_VERSION_MASK) != L4_KIP_VERSION_WANTED)
        boot_fail("kernel '%.*s': wrong version of the kernel interface page (0x%x, 0x%x is needed)", (int)length,
                  name, kip.version, L4_KIP_VERSION_WANTED);
    if (kip.mem_offset % 8 != 0 || kip.mem_offset >= PAGE_SIZE || kip.mem_count <= KERNEL_SLOTS ||
        kip.mem_count > (PAGE_SIZE - kip.mem_offset) / sizeof(struct l4_mem_desc))
        boot_fail("kernel '%.*s': no room for memory descriptors in the kernel interface page (%u at 0x%x)",
                  (int)length, name, kip.mem_count, kip.mem_offset);
    options_check(kernel, name, (int)length);
}

/* ---- memory descriptors ---- */

static void desc_add(uint64_t start, uint64_t end, unsigned type, unsigned sub)
{
    if (start >= end)
        return;
    if (desc_count == DESCS_MAX)
        boot_fail("more than %u memory descriptors", DESCS_MAX);
    desc[desc_count++] = (struct desc){ { start, end }, type, sub };
}

static bool desc_same_kind(const struct desc *a, const struct desc *b)
{
    return a->type == b->type && a->sub == b->sub;
}

/* Joins neighbours (K1); the order of what stays does not change. */
static void desc_merge(void)
{
    for (unsigned i = 0; i < desc_count; i++) {
        for (unsigned k = i + 1; k < desc_count; k++) {
            struct range *a = &desc[i].r, *b = &desc[k].r;
            if (!desc_same_kind(&desc[i], &desc[k]) || a->end < b->start || b->end < a->start)
                continue;
            a->start = a->start < b->start ? a->start : b->start;
            a->end = a->end > b->end ? a->end : b->end;
            desc_count--;
            memmove(&desc[k], &desc[k + 1], (desc_count - k) * sizeof(desc[0]));
            k = i;                      /* the range grew: what did not touch before may touch now */
        }
    }
}

static void desc_add_image(const struct elf_image *image, unsigned type, bool rights)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct segment *s = &image->segment[i];
        desc_add(align_down(s->mem.start, GRANULE), align_up(s->mem.end, GRANULE), type, rights ? s->flags : 0);
    }
}

static void desc_collect(const struct kip_input *in)
{
    const struct boot_info *info = in->info;
    unsigned type;

    for (unsigned i = 0; i < mem_region_count(); i++) {
        struct range r = mem_region(i, &type);
        if (type == MEM_RAM)
            desc_add(align_up(r.start, GRANULE), align_down(r.end, GRANULE), L4_MEM_CONVENTIONAL, 0);
    }
    desc_add_image(in->kernel, L4_MEM_RESERVED, false);
    desc_add_image(in->sigma0, L4_MEM_DEDICATED, false);
    desc_add_image(in->root, L4_MEM_BOOTLOADER, true);
    desc_add(in->module_info.start, in->module_info.end, L4_MEM_BOOTLOADER, RIGHTS_RWX);
    for (unsigned i = 0; i < info->module_count; i++) {
        struct range r = info->module[i].file;
        if (info->module[i].kind == MODULE_FILE)
            desc_add(align_down(r.start, PAGE_SIZE), align_up(r.end, PAGE_SIZE), L4_MEM_BOOTLOADER, RIGHTS_RWX);
    }
    for (unsigned i = 0; i < mem_region_count(); i++) {
        struct range r = mem_region(i, &type);
        if (type == MEM_ACPI || type == MEM_NVS)
            desc_add(align_down(r.start, GRANULE), align_up(r.end, GRANULE), L4_MEM_ARCH,
                     type == MEM_ACPI ? SUB_ACPI_TABLES : SUB_ACPI_NVS);
    }
    if (info->rsdp != 0)
        desc_add(align_down(info->rsdp, GRANULE), align_up(info->rsdp + 36, GRANULE), L4_MEM_INFO, 0);
}

/* Too many ranges: the smallest piece of RAM is the one that is missed least. */
static void desc_drop_smallest_ram(void)
{
    unsigned smallest = desc_count;

    for (unsigned i = 0; i < desc_count; i++)
        if (desc[i].type == L4_MEM_CONVENTIONAL &&
            (smallest == desc_count ||
             desc[i].r.end - desc[i].r.start < desc[smallest].r.end - desc[smallest].r.start))
            smallest = i;
    if (smallest == desc_count)
        boot_fail("the kernel interface page has too few memory descriptors");
    console_print("boot: no descriptor left for the RAM 0x%lx-0x%lx: it stays unused\n", desc[smallest].r.start,
                  desc[smallest].r.end);
    desc_count--;
    memmove(&desc[smallest], &desc[smallest + 1], (desc_count - smallest) * sizeof(desc[0]));
}

void kip_fill(const struct kip_input *in)
{
    static const char platform[] = "x86_pc";
    struct l4_kip *kip = kip_of(in->kernel);
    struct l4_mem_desc *slot = (struct l4_mem_desc *)((char *)kip + kip->mem_offset);

    kip->sigma0_ip = in->sigma0->entry;
    kip->root_ip = in->root->entry;
    kip->acpi_rsdp = in->info->rsdp;
    kip->device_tree = 0;
    kip->user_ptr = in->module_info.start;
    memcpy(kip->platform, platform, sizeof(platform));

    desc_collect(in);
    desc_merge();
    while (desc_count > kip->mem_count - KERNEL_SLOTS)
        desc_drop_smallest_ram();
    for (unsigned i = 0; i < desc_count; i++)
        slot[i] = l4_mem_desc_make(desc[i].r.start, desc[i].r.end - 1, desc[i].type, desc[i].sub, 0);
}

/* ---- options area ---- */

struct flag_option {
    char     name[20];
    uint32_t flag;
};

static uint32_t flags_parse(const char *cmdline)
{
    static const struct flag_option table[] = {
        { "wait", L4_OPT_WAIT },
        { "serial_esc", L4_OPT_SERIAL_ESC },
        { "serial_input", L4_OPT_SERIAL_INPUT },
        { "noserial", L4_OPT_NOSERIAL },
        { "noscreen", L4_OPT_NOSCREEN },
        { "esc", L4_OPT_ESC },
        { "nojdb", L4_OPT_NOJDB },
        { "nohlt", L4_OPT_NOHLT },
        { "apic", L4_OPT_APIC },
        { "loadcnt", L4_OPT_LOADCNT },
        { "watchdog", L4_OPT_WATCHDOG },
        { "irq0", L4_OPT_IRQ0 },
        { "nosfn", L4_OPT_NOSFN },
        { "jdb_never_stop", L4_OPT_JDB_NEVER_STOP },
        { "oneshot-timer", L4_OPT_ONESHOT },
    };
    uint32_t flags = 0;

    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (option_find(cmdline, table[i].name) != NULL)
            flags |= table[i].flag;
    return flags;
}

/* "=value" or " value": the number, and flag joins *flags; 0 when the option is not there or no number follows. */
static uint32_t number_option(const char *cmdline, const char *name, uint32_t flag, uint32_t *flags)
{
    const char *at = option_find(cmdline, name);

    if (at == NULL || *at == 0 || at[1] < '0' || at[1] > '9')
        return 0;
    *flags |= flag;
    return (uint32_t)number_parse(at + 1, NULL);
}

static void jdb_cmd_parse(const char *cmdline, struct l4_options *opt)
{
    const char *at = option_find(cmdline, "jdb_cmd");
    unsigned n = 0;

    if (at == NULL || *at != '=')
        return;
    for (at++; at[n] != 0 && at[n] != ' ' && n + 1 < sizeof(opt->jdb_cmd); n++)
        opt->jdb_cmd[n] = at[n];
    opt->flags |= L4_OPT_JDB_CMD;
}

static void uart_fill(const char *boot_cmdline, struct l4_options *opt)
{
    uint32_t given = 0;

    if (console_serial_port() == 0) {
        opt->uart_irq = 0xffff;
        return;
    }
    uint32_t irq = number_option(boot_cmdline, "comirq", 1, &given);
    opt->uart_base_baud = 1843200;
    opt->uart_baud = 115200;
    opt->uart_base = console_serial_port();
    opt->uart_irq = (uint16_t)(given ? irq : 4);
    opt->uart_access = 1;               /* I/O port */
    opt->flags |= L4_OPT_UART_BAUD | L4_OPT_UART_BASE | L4_OPT_UART_IRQ;
}

/* Version 5 lacks the performance profile: everything behind the kernel memory size lies 4 bytes lower. */
static void options_write(struct l4_options *to, const struct l4_options *from)
{
    uint32_t version = to->version;

    if (version == 6) {
        *to = *from;
    } else {
        const char *profile = (const char *)&from->perf_profile;
        size_t head = (size_t)(profile - (const char *)from);
        memcpy(to, from, head);
        memcpy((char *)to + head, profile + 4, sizeof(*from) - head - 4);
        to->flags &= ~L4_OPT_PERF_PROFILE;
    }
    to->version = version;
}

void options_fill(const struct elf_image *kernel, const char *cmdline, const char *boot_cmdline)
{
    uint32_t flags = flags_parse(cmdline);
    struct l4_options opt;

    memset(&opt, 0, sizeof(opt));
    opt.magic = L4_OPTIONS_MAGIC;
    opt.kmem_kib = number_option(cmdline, "kmemsize", L4_OPT_KMEMSIZE, &flags);
    opt.tbuf_entries = number_option(cmdline, "tbuf_entries", L4_OPT_TBUF_ENTRIES, &flags);
    opt.out_buf = number_option(cmdline, "out_buf", L4_OPT_OUT_BUF, &flags);
    opt.perf_profile = number_option(cmdline, "perf_profile", L4_OPT_PERF_PROFILE, &flags);
    opt.flags = flags;
    jdb_cmd_parse(cmdline, &opt);
    uart_fill(boot_cmdline, &opt);
    options_write(options_of(kernel), &opt);
}
