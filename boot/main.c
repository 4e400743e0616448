/* SPDX-License-Identifier: MIT */
/*
 * The boot stage, in the order in which things happen:
 *
 *   1  read what the loader left: memory map, modules, command lines          multiboot.c
 *   2  read the ELF files of kernel, sigma0, root task; check them            elf.c, kip.c
 *   3  find places: module information, modules, a new home for the stage     memory.c
 *   4  copy modules and stage there, go on in the new stage
 *   5  load the three images to where they are linked                         elf.c
 *   6  fill the kernel interface page and the options area, enter the kernel  kip.c
 *
 * Up to 4 nothing outside the stage is written. After 4 nothing the loader left is used: everything in use lies in
 * ranges that meet neither each other nor the images, so the images may be linked anywhere in RAM.
 */
#include "boot.h"
#include <l4/kip.h>

/* What kernel and user level need beyond images and modules to start the first programs. */
#define WORK_MEMORY     (8 * MIB)

enum { AT_KERNEL = 0, AT_SIGMA0 = 1, AT_ROOT = 2, MODULES_MIN = 3 };

static struct boot_info info;
static struct elf_image image[MODULES_MIN];
static struct range module_info;
static uint64_t new_home[MODULES_MAX];  /* of each module's file */

static void console_choose(const char *cmdline)
{
    static const uint16_t com_port[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    const char *port = option_find(cmdline, "comport");

    if (option_find(cmdline, "noserial") != NULL) {
        console_serial_off();
    } else if (port != NULL && *port == '=') {
        uint64_t n = number_parse(port + 1, NULL);
        if (n >= 1 && n <= 4)
            console_init_serial(com_port[n - 1]);
        else if (n >= 0x100 && n <= 0xfff8)
            console_init_serial((uint16_t)n);
        else
            boot_fail("-comport=%lu: 1 to 4 or a port address is needed", n);
    }
}

/* The memory a machine must have: everything that stays, and room to work; at least up to the highest image. */
static uint64_t memory_needed(void)
{
    uint64_t sum = MIB + WORK_MEMORY;
    uint64_t highest = 0;

    for (unsigned i = 0; i < MODULES_MIN; i++) {
        for (unsigned k = 0; k < image[i].segment_count; k++) {
            struct range r = image[i].segment[k].mem;
            sum += align_up(r.end, PAGE_SIZE) - align_down(r.start, PAGE_SIZE);
            highest = r.end > highest ? r.end : highest;
        }
    }
    for (unsigned i = MODULES_MIN; i < info.module_count; i++)
        sum += align_up(info.module[i].file.end - info.module[i].file.start, PAGE_SIZE);
    return sum > highest ? sum : highest;
}

/* Rounded up to whole MiB, with one more for what the firmware keeps. */
static _Noreturn void fail_memory(uint64_t needed)
{
    boot_fail("not enough memory: needs at least %lu KiB, has %lu KiB", align_up(needed + MIB, MIB) / KIB,
              mem_ram_total() / KIB);
}

static void images_read(void)
{
    static const char role[MODULES_MIN][12] = { "kernel", "sigma0", "root task" };

    for (unsigned i = 0; i < MODULES_MIN; i++)
        elf_read(&info.module[i], role[i], &image[i]);
    for (unsigned i = 0; i < MODULES_MIN; i++)
        for (unsigned k = i; k < MODULES_MIN; k++)
            elf_check_overlap(&image[i], &image[k]);
    kip_check_image(&image[AT_KERNEL]);
}

/* Memory first: an image beyond the end of a small RAM is a lack of memory, one in a hole is a wrong address. */
static void images_place(void)
{
    uint64_t needed = memory_needed();
    uint64_t top = 0;
    unsigned type;

    for (unsigned i = 0; i < mem_region_count(); i++) {
        struct range r = mem_region(i, &type);
        if (type == MEM_RAM && r.start < 4 * GIB)
            top = r.end;
    }
    if (mem_ram_total() < needed)
        fail_memory(needed);
    for (unsigned i = 0; i < MODULES_MIN; i++) {
        for (unsigned k = 0; k < image[i].segment_count; k++) {
            struct range r = image[i].segment[k].mem;
            unsigned length;
            const char *name = name_of(info.module[i].cmdline, &length);
            if (r.end > top)
                fail_memory(r.end > needed ? r.end : needed);
            if (!mem_is_ram(r))
                boot_fail("'%.*s' wants to be loaded to 0x%lx-0x%lx, where no RAM is", (int)length, name, r.start,
                          r.end);
            mem_reserve(align_down(r.start, PAGE_SIZE), align_up(r.end, PAGE_SIZE));
        }
    }
}

static uint64_t place(uint64_t size, uint64_t from)
{
    uint64_t at;

    if (size == 0)
        size = PAGE_SIZE;
    if (!mem_alloc(size, from, &at))
        fail_memory(2 * memory_needed());
    return at;
}

/* A module that finds no new place stays where it is, if that is page aligned and no image wants to be there. */
static uint64_t module_place(const struct module *m, uint64_t from)
{
    uint64_t at;
    bool may_stay = (m->file.start & (PAGE_SIZE - 1)) == 0;

    if (m->file.start == m->file.end)
        return m->file.start;
    if (mem_alloc(m->file.end - m->file.start, from, &at))
        return at;
    for (unsigned i = 0; i < MODULES_MIN; i++)
        may_stay = may_stay && !elf_overlaps(&image[i], m->file);
    if (!may_stay)
        fail_memory(2 * memory_needed());
    return m->file.start;
}

/* Copies text to *to without the path of its first word. */
static const char *text_copy(const char *text, char **to)
{
    unsigned length;
    const char *name = name_of(text, &length);
    size_t size = strlen(name) + 1;
    char *at = *to;

    memcpy(at, name, size);
    *to += size;
    return at;
}

static void module_info_place(void)
{
    uint64_t size = sizeof(struct l4_module_info) + info.module_count * sizeof(struct l4_module);

    size += strlen(info.cmdline) + 1;
    for (unsigned i = 0; i < info.module_count; i++)
        size += strlen(info.module[i].cmdline) + 1;
    module_info.start = place(size, 0);
    module_info.end = module_info.start + align_up(size, PAGE_SIZE);
}

/* The files of the three images are not kept: their entries say kind and command line, start and end are equal. */
static void module_info_fill(void)
{
    struct l4_module_info *mi = (struct l4_module_info *)module_info.start;
    struct l4_module *m = (struct l4_module *)(mi + 1);
    char *text = (char *)(m + info.module_count);

    memset(mi, 0, module_info.end - module_info.start);
    info.cmdline = text_copy(info.cmdline, &text);
    mi->cmdline = (uint64_t)info.cmdline;
    mi->modules = (uint64_t)m;
    mi->count = info.module_count;
    for (unsigned i = 0; i < info.module_count; i++) {
        info.module[i].cmdline = text_copy(info.module[i].cmdline, &text);
        m[i].cmdline = (uint64_t)info.module[i].cmdline;
        m[i].flags = info.module[i].kind;
        m[i].start = module_info.start;
        m[i].end = module_info.start;
        if (info.module[i].kind == MODULE_FILE) {
            m[i].start = info.module[i].file.start;
            m[i].end = info.module[i].file.end;
        }
    }
}

/* New homes do not meet any old place, so the order of copying does not matter. */
static void modules_move(void)
{
    for (unsigned i = 0; i < info.module_count; i++) {
        struct range *file = &info.module[i].file;
        uint64_t size = file->end - file->start;
        if (new_home[i] != file->start) {
            memcpy((void *)new_home[i], (const void *)file->start, size);
            memset((void *)(new_home[i] + size), 0, align_up(size, PAGE_SIZE) - size);
        }
        *file = (struct range){ new_home[i], new_home[i] + size };
    }
}

static void rsdp_move(uint64_t to)
{
    if (info.rsdp_size == 0)
        return;
    memset((void *)to, 0, PAGE_SIZE);
    memcpy((void *)to, (const void *)info.rsdp, info.rsdp_size);
    info.rsdp = to;
}

/* What lies where; a person who only wants to see the programs says -quiet. */
static void report(void)
{
    if (option_find(info.cmdline, "quiet") != NULL)
        return;
    for (unsigned i = MODULES_MIN; i < info.module_count; i++) {
        const struct module *m = &info.module[i];
        console_print("boot: module 0x%08lx-0x%08lx %s\n", m->file.start, m->file.end, m->cmdline);
    }
    for (unsigned i = 0; i < MODULES_MIN; i++) {
        for (unsigned k = 0; k < image[i].segment_count; k++) {
            const struct segment *s = &image[i].segment[k];
            unsigned length;
            const char *name = name_of(info.module[i].cmdline, &length);
            console_print("boot: image  0x%08lx-0x%08lx %c%c%c %.*s\n", s->mem.start, s->mem.end,
                          s->flags & 4 ? 'r' : '-', s->flags & 2 ? 'w' : '-', s->flags & 1 ? 'x' : '-', (int)length,
                          name);
        }
    }
}

/* Runs in the moved stage: the images may now overwrite everything that was there before. */
static void moved_main(void)
{
    for (unsigned i = 0; i < MODULES_MIN; i++) {
        image[i].module = &info.module[i];      /* pointed into the old stage */
        elf_load(&image[i]);
    }
    report();
    kip_fill(&(struct kip_input){ &info, &image[AT_KERNEL], &image[AT_SIGMA0], &image[AT_ROOT], module_info });
    options_fill(&image[AT_KERNEL], info.module[AT_KERNEL].cmdline, info.cmdline);
    console_print("boot: starting the kernel at 0x%lx\n", image[AT_KERNEL].entry);
    kernel_enter(image[AT_KERNEL].entry);
    boot_fail("the kernel returned");
}

static void identity_map(uint64_t *pml4, uint64_t *pdpt, uint64_t *pd)
{
    pml4[0] = (uint64_t)pdpt | 3;
    for (unsigned i = 0; i < 4; i++)
        pdpt[i] = ((uint64_t)pd + i * PAGE_SIZE) | 3;
    for (unsigned i = 0; i < 4 * 512; i++)
        pd[i] = i * 2 * MIB | 0x83;             /* present, writable, 2 MiB */
}

/* Copies the stage to another address and goes on there in moved_main, with an empty stack. */
static _Noreturn void stage_move(uint64_t to)
{
    uint64_t delta = to - (uint64_t)boot_start;
    struct gdt_pointer gdt = { 3 * 8 - 1, (uint64_t)boot_gdt + delta };

    memcpy((void *)to, boot_start, (size_t)(boot_end - boot_start));
    identity_map((uint64_t *)((uint64_t)boot_pml4 + delta), (uint64_t *)((uint64_t)boot_pdpt + delta),
                 (uint64_t *)((uint64_t)boot_pd + delta));
    boot_continue((void *)((uint64_t)boot_stack_top + delta), &gdt, (uint64_t)boot_pml4 + delta,
                  (void (*)(void))((uint64_t)moved_main + delta));
}

static uint64_t number_of_option(const char *name, uint64_t otherwise)
{
    const char *at = option_find(info.cmdline, name);
    return at != NULL && *at == '=' ? number_parse(at + 1, NULL) : otherwise;
}

/* Where modules shall start; 0: as high as possible. Nothing is placed below 1 MiB. */
static uint64_t module_address(void)
{
    uint64_t from = number_of_option("modaddr", 0);

    return from != 0 && from < MIB ? MIB : from;
}

void boot_main(uint32_t magic, uint64_t loader_info)
{
    console_init_serial(0x3f8);
    multiboot_read(magic, loader_info, &info);
    if (info.text_screen)
        console_init_screen();
    console_choose(info.cmdline);
    mem_finish(number_of_option("maxmem", ~0ul / MIB) * MIB);
    console_print("boot: Labe, %lu KiB RAM, %u modules\n", mem_ram_total() / KIB, info.module_count);
    if (mem_ram_total() == 0)
        boot_fail("no memory: the loader gave no map of it, or -maxmem is too small");
    if (info.module_count == 0)
        boot_fail("no modules: the kernel, sigma0 and a root task are needed, in this order");
    if (info.module_count < MODULES_MIN)
        boot_fail("only %u module(s): the kernel, sigma0 and a root task are needed, in this order",
                  info.module_count);

    images_read();
    images_place();
    module_info_place();
    for (unsigned n = 0; n < info.module_count; n++) {
        /* The three image files last: the pages that stay used lie side by side. */
        unsigned i = (n + MODULES_MIN) % info.module_count;
        new_home[i] = module_place(&info.module[i], i < MODULES_MIN ? 0 : module_address());
    }
    uint64_t rsdp_page = info.rsdp_size != 0 ? place(PAGE_SIZE, 0) : 0;
    uint64_t stage = place((uint64_t)(boot_end - boot_start), 0);

    modules_move();
    rsdp_move(rsdp_page);
    module_info_fill();
    stage_move(stage);
}
