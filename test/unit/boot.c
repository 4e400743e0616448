/* SPDX-License-Identifier: MIT */
/*
 * Boot stage: the parts that need no machine. ELF files with every kind of damage (a copy of exactly the file's size,
 * so that a byte read behind it is noticed), physical memory against a bitmap, options, memory descriptors.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tap.h>

/* The stage's own versions beside the ones of libc. */
#define memcpy boot_memcpy
#define memmove boot_memmove
#define memset boot_memset
#define memcmp boot_memcmp
#define strlen boot_strlen
#include "../../boot/boot.h"
#include "../../boot/string.c"
#include "../../boot/elf.c"
#include "../../boot/memory.c"
#include "../../boot/kip.c"

#define PAGES       4096u               /* of the memory model: 16 MiB from 0 */
#define HISTORIES   300u
#define DAMAGES     200000u

static jmp_buf failed;
static uint64_t chance = 0x9e3779b97f4a7c15ul;

static uint64_t draw(uint64_t below)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return chance % below;
}

void boot_fail(const char *format, ...)
{
    (void)format;
    longjmp(failed, 1);
}

void console_print(const char *format, ...)
{
    (void)format;
}

uint16_t console_serial_port(void)
{
    return 0x3f8;
}

/* ---- ELF files ---- */

struct file {
    struct elf_header h;
    struct elf_phdr   p[4];
    struct l4_kip     kip;
    struct l4_options opt;
};

static struct file good(void)
{
    struct file f = {
        .h = { .ident = { 0x7f, 'E', 'L', 'F', 2 }, .type = 2, .machine = 62, .entry = 0x400010,
               .phdrs = offsetof(struct file, p), .phdr_size = sizeof(struct elf_phdr), .phdr_count = 4 },
        .p = { { 1, 5, 0, 0x400000, 0x400000, sizeof(struct file), sizeof(struct file), 0x1000 },
               { 1, 6, offsetof(struct file, kip), 0x500000, 0x500000,
                 sizeof(struct file) - offsetof(struct file, kip), 0x10000, 0x1000 },
               { L4_KIP_PHDR, 6, offsetof(struct file, kip), 0x500000, 0x500000, 4096, 4096, 8 },
               { L4_OPTIONS_PHDR, 6, offsetof(struct file, opt), 0x500000 + sizeof(struct l4_kip),
                 0x500000 + sizeof(struct l4_kip), 220, 220, 8 } },
        .kip = { .magic = L4_KIP_MAGIC, .version = L4_KIP_VERSION, .mem_offset = 0x90, .mem_count = 64 },
        .opt = { .magic = L4_OPTIONS_MAGIC, .version = 6 },
    };
    return f;
}

/* 1 accepted, 0 refused, -1 accepted though it must not be. */
static int judge(const void *bytes, size_t size)
{
    char *copy = malloc(size + (size == 0));
    struct module m = { .cmdline = "path/kernel -x", .kind = MODULE_KERNEL };
    struct elf_image image = { 0 };
    volatile int verdict = 0;
    bool entry_inside = false;

    (memcpy)(copy, bytes, size);
    m.file = (struct range){ (uint64_t)copy, (uint64_t)copy + size };
    if (setjmp(failed) == 0) {
        elf_read(&m, "kernel", &image);
        elf_check_overlap(&image, &image);
        kip_check_image(&image);
        verdict = 1;
        for (unsigned i = 0; i < image.segment_count; i++) {
            const struct segment *s = &image.segment[i];
            if (s->offset + s->file_size < s->offset || s->offset + s->file_size > size ||
                s->file_size > s->mem.end - s->mem.start || s->mem.end <= s->mem.start || s->mem.end > 4 * GIB)
                verdict = -1;
            entry_inside = entry_inside || (s->mem.start <= image.entry && image.entry < s->mem.end);
        }
        if (!entry_inside)
            verdict = -1;
    }
    free(copy);
    return verdict;
}

static void elf_files(void)
{
    static const uint64_t odd[] = { 0, 1, 7, 8, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 0x100000000, ~0ul, ~7ul,
                                    0x8000000000000000ul, 4096, 4095 };
    struct file f = good();
    unsigned accepted = 0, refused = 0, wrong = 0;

    is(judge(&f, sizeof(f)), 1, "a good file is accepted");
    for (size_t size = 0; size < sizeof(f); size++)
        wrong += judge(&f, size) != 0;
    is(wrong, 0, "a file cut anywhere is refused");
    wrong = 0;
    for (unsigned n = 0; n < DAMAGES; n++) {
        size_t heads = offsetof(struct file, kip) + 0x60;
        f = good();
        for (uint64_t k = draw(3) + 1; k > 0; k--) {
            uint64_t value = draw(2) ? odd[draw(sizeof(odd) / sizeof(odd[0]))] : draw(~0ul);
            size_t width = (size_t)1 << draw(4);
            (memcpy)((char *)&f + draw(heads - 8), &value, width);
        }
        int verdict = judge(&f, sizeof(f));
        accepted += verdict == 1;
        refused += verdict == 0;
        wrong += verdict < 0;
    }
    is(wrong, 0, "nothing impossible is accepted");
    ok(accepted > 0 && refused > 0, "some damage matters, some does not");
    printf("# %u damaged files: %u accepted, %u refused\n", DAMAGES, accepted, refused);
}

/* ---- memory against a bitmap: one byte per page, 1 = free RAM ---- */

static unsigned char model[PAGES];

static void model_set(uint64_t start, uint64_t end, unsigned char value)
{
    for (uint64_t p = start / PAGE_SIZE; p < (end + PAGE_SIZE - 1) / PAGE_SIZE && p < PAGES; p++)
        model[p] = value;
}

static bool model_has_run(uint64_t pages, uint64_t from)
{
    uint64_t run = 0;

    for (uint64_t p = from / PAGE_SIZE; p < PAGES; p++) {
        run = model[p] ? run + 1 : 0;
        if (run >= pages)
            return true;
    }
    return false;
}

static void memory_reset(void)
{
    region_count = 0;
    reserved_count = 0;
    (memset)(model, 0, sizeof(model));
}

/* A random map with overlaps; the model applies RAM first, then the rest, as the stage promises. */
static void memory_draw(void)
{
    struct { uint64_t start, size; unsigned type; } e[12];
    unsigned count = (unsigned)draw(12) + 1;

    memory_reset();
    for (unsigned i = 0; i < count; i++) {
        e[i].start = draw(PAGES) * PAGE_SIZE;
        e[i].size = draw(PAGES / 2) * PAGE_SIZE;
        e[i].type = draw(3) != 0 ? MEM_RAM : (unsigned)draw(4) + 2;
        mem_add(e[i].start, e[i].size, e[i].type);
        if (e[i].type == MEM_RAM)
            model_set(e[i].start, e[i].start + e[i].size, 1);
    }
    for (unsigned i = 0; i < count; i++)
        if (e[i].type != MEM_RAM)
            model_set(e[i].start, e[i].start + e[i].size, 0);
    model[0] = 0;
    mem_finish(PAGES * PAGE_SIZE);
}

static void memory(void)
{
    unsigned total = 0, place = 0, refused = 0, allocated = 0;

    for (unsigned h = 0; h < HISTORIES; h++) {
        memory_draw();
        uint64_t pages = 0, start;
        for (unsigned p = 0; p < PAGES; p++)
            pages += model[p];
        total += mem_ram_total() != pages * PAGE_SIZE;
        for (unsigned n = 0; n < 10; n++) {
            uint64_t at = draw(PAGES * PAGE_SIZE), size = draw(64 * PAGE_SIZE);
            mem_reserve(at, at + size);
            if (size > 0)
                model_set(at, at + size, 0);
        }
        for (unsigned n = 0; n < 30; n++) {
            uint64_t size = draw(100 * PAGE_SIZE) + 1, from = draw(3) == 0 ? MIB + draw(8 * MIB) : 0;
            uint64_t need = align_up(size, PAGE_SIZE) / PAGE_SIZE;
            if (!mem_alloc(size, from, &start)) {
                refused += model_has_run(need, from != 0 ? align_up(from, PAGE_SIZE) : MIB);
                continue;
            }
            allocated++;
            place += start % PAGE_SIZE != 0 || start < (from != 0 ? from : MIB);
            for (uint64_t p = start / PAGE_SIZE; p < start / PAGE_SIZE + need; p++)
                place += p >= PAGES || !model[p];
            model_set(start, start + need * PAGE_SIZE, 0);
        }
    }
    is(total, 0, "RAM is what the map gives and nothing else takes");
    is(place, 0, "memory handed out is free, aligned, and where it was asked for");
    is(refused, 0, "nothing is refused that would fit");
    ok(allocated > HISTORIES, "most requests succeed");
}

/* ---- options ---- */

static void options(void)
{
    const char *line = "kernel -wait -kmemsize=0x10 -jdb_cmd=JS -tbuf_entries 012 -nohltx -esc=1";
    struct l4_options opt = { .version = 6 };
    uint32_t flags = 0;
    unsigned length;

    is(flags_parse(line), L4_OPT_WAIT | L4_OPT_ESC, "flags: whole words only");
    is(number_option(line, "kmemsize", 1, &flags), 16, "a number after =");
    is(number_option(line, "tbuf_entries", 2, &flags), 10, "a number after a blank, in C notation");
    is(number_option(line, "wait", 4, &flags), 0, "no number after it");
    is(flags, 3, "flags say what was given");
    jdb_cmd_parse(line, &opt);
    ok(strcmp(opt.jdb_cmd, "JS") == 0, "a text");
    char longer[400] = "kernel -jdb_cmd=";
    (memset)(longer + 16, 'x', 300);
    (memset)(&opt, 0, sizeof(opt));
    jdb_cmd_parse(longer, &opt);
    is(strlen(opt.jdb_cmd), 127, "a long text is cut");
    is(number_parse("0x", NULL), 0, "a number without digits");
    ok(option_find("-wait", "wait") == NULL, "an option stands behind a blank");
    ok(strncmp(name_of("a/b/moe rom/x", &length), "moe rom/x", 9) == 0 && length == 3, "a name without path");
    name_of("", &length);
    is(length, 0, "an empty command line");
}

/* ---- memory descriptors ---- */

static void descriptors(void)
{
    desc_count = 0;
    desc_add(0x1000, 0x2000, 1, 0);
    desc_add(0x3000, 0x4000, 1, 0);
    desc_add(0x2000, 0x3000, 2, 0);
    desc_add(0x2000, 0x3000, 1, 0);
    desc_add(0x4000, 0x5000, 14, 7);
    desc_add(0x5000, 0x5000, 14, 7);
    desc_add(0x4400, 0x6000, 14, 7);
    desc_add(0x6000, 0x7000, 14, 6);
    desc_merge();
    is(desc_count, 4, "touching ranges of one kind become one");
    ok(desc[0].r.start == 0x1000 && desc[0].r.end == 0x4000, "also when they meet late");
    ok(desc[2].r.start == 0x4000 && desc[2].r.end == 0x6000 && desc[2].sub == 7, "rights keep ranges apart");
    desc_count = 0;
    desc_add(0x10000, 0x90000, 1, 0);
    desc_add(0x100000, 0x100400, 1, 0);
    desc_add(0x200000, 0x201000, 2, 0);
    desc_drop_smallest_ram();
    ok(desc_count == 2 && desc[1].type == 2, "the smallest RAM is dropped first");
}

int main(void)
{
    elf_files();
    memory();
    options();
    descriptors();
    return tap_done();
}
