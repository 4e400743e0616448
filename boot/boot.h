/* SPDX-License-Identifier: MIT */
/*
 * What the files of the boot stage share. The stage runs once, on one CPU, interrupts off, memory identity mapped up
 * to 4 GiB; every error ends in boot_fail.
 *
 * B1  The stage may be copied to another address while it runs (main.c). So no datum points into the stage itself.
 * B2  Every byte that must survive until it is used lies in a range given to mem_reserve or returned by mem_alloc.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define PAGE_SIZE       4096ul
#define KIB             1024ul
#define MIB             (1024 * KIB)
#define GIB             (1024 * MIB)
#define MODULES_MAX     512u
#define SEGMENTS_MAX    16u

static inline uint64_t align_down(uint64_t value, uint64_t align)
{
    return value & ~(align - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* Half open: end is the first byte behind. */
struct range {
    uint64_t start;
    uint64_t end;
};

enum module_kind { MODULE_FILE = 0, MODULE_KERNEL = 1, MODULE_SIGMA0 = 2, MODULE_ROOT = 3 };

struct module {
    struct range     file;
    const char      *cmdline;       /* name first */
    enum module_kind kind;
};

/* What the loader told us, in our own form. */
struct boot_info {
    const char   *cmdline;          /* of the stage; never NULL */
    unsigned      module_count;
    bool          efi;              /* started by UEFI firmware */
    bool          text_screen;      /* VGA text mode is on */
    uint64_t      rsdp;             /* ACPI root pointer, 0: none */
    uint32_t      rsdp_size;        /* in bytes; 0 when the pointer is where the firmware put it */
    struct module module[MODULES_MAX];
};

/* string.c */
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
bool text_has_prefix(const char *s, const char *prefix);
const char *name_of(const char *cmdline, unsigned *length);
uint64_t number_parse(const char *s, const char **end);
const char *option_find(const char *cmdline, const char *name);

/* console.c */
void console_init_serial(uint16_t port);
void console_serial_off(void);
uint16_t console_serial_port(void);
void console_init_screen(void);
void console_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void boot_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* memory.c */
enum mem_type { MEM_RAM = 1, MEM_RESERVED = 2, MEM_ACPI = 3, MEM_NVS = 4 };
void mem_add(uint64_t start, uint64_t size, unsigned type);
void mem_finish(uint64_t max);
void mem_reserve(uint64_t start, uint64_t end);
bool mem_alloc(uint64_t size, uint64_t from, uint64_t *start);
bool mem_is_ram(struct range r);
uint64_t mem_ram_total(void);
unsigned mem_region_count(void);
struct range mem_region(unsigned i, unsigned *type);

/* multiboot.c */
void multiboot_read(uint32_t magic, uint64_t info, struct boot_info *out);

/* acpi.c */
uint64_t acpi_rsdp_scan(void);

/* elf.c */
struct segment {
    struct range mem;
    uint64_t     offset;            /* in the file */
    uint64_t     file_size;
    unsigned     flags;             /* X 1, W 2, R 4 */
};

struct elf_image {
    const struct module *module;
    uint64_t       entry;
    uint64_t       kip;             /* 0: no such program header */
    uint64_t       options;         /* 0: no such program header */
    unsigned       segment_count;
    struct segment segment[SEGMENTS_MAX];
};

void elf_read(const struct module *m, const char *role, struct elf_image *out);
void elf_check_overlap(const struct elf_image *a, const struct elf_image *b);
bool elf_overlaps(const struct elf_image *image, struct range r);
void elf_load(const struct elf_image *image);

/* kip.c */
struct kip_input {
    const struct boot_info *info;
    const struct elf_image *kernel, *sigma0, *root;
    struct range            module_info;    /* of the structure, array and strings */
};
void kip_check_image(const struct elf_image *kernel);
void kip_fill(const struct kip_input *in);
void options_fill(const struct elf_image *kernel, const char *cmdline, const char *boot_cmdline);

/* entry.S */
struct __attribute__((packed)) gdt_pointer {
    uint16_t limit;
    uint64_t base;
};
extern char boot_start[], boot_end[], boot_stack_top[];
extern uint64_t boot_pml4[], boot_pdpt[], boot_pd[];
extern const uint64_t boot_gdt[3];
_Noreturn void boot_continue(void *stack_top, const struct gdt_pointer *gdt, uint64_t cr3, void (*entry)(void));
void kernel_enter(uint64_t entry);

/* main.c */
_Noreturn void boot_main(uint32_t magic, uint64_t info);

#endif
