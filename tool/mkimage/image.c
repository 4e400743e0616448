/* SPDX-License-Identifier: MIT */
/*
 * Writes one bootable ELF file: the boot stage as it is, and behind it one more segment with all modules. The layout
 * of that segment is boot/image.h; the stage learns where it is through its image_slot.
 */
#include "mkimage.h"
#include "../../boot/image.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE        4096ull
#define IMAGE_MAX   (1ull << 30)

static uint64_t page_up(uint64_t value)
{
    return (value + PAGE - 1) & ~(PAGE - 1);
}

/* The directory segment; addresses in it are offsets, so it does not matter where it will lie. */
static struct bytes directory_make(const struct setup *s)
{
    struct bytes *file = allocate(s->count * sizeof(*file));
    uint64_t head = sizeof(struct image_dir) + s->count * sizeof(struct image_entry);
    uint64_t text = head + strlen(s->boot.cmdline) + 1, size;

    for (unsigned i = 0; i < s->count; i++)
        text += strlen(s->module[i].cmdline) + 1;
    size = page_up(text);
    for (unsigned i = 0; i < s->count; i++) {
        file[i] = module_read(&s->module[i]);
        size += page_up(file[i].size);
        if (size > IMAGE_MAX)
            fail_at(s->module[i].at, "the image is larger than %llu MiB with '%s'", IMAGE_MAX >> 20,
                    s->module[i].name);
    }

    struct bytes out = { allocate(size), size };
    struct image_dir *dir = (struct image_dir *)out.data;
    uint64_t text_at = head, file_at = page_up(text);
    dir->magic = IMAGE_DIR_MAGIC;
    dir->count = s->count;
    dir->size = size;
    dir->cmdline = (uint32_t)text_at;
    strcpy((char *)out.data + text_at, s->boot.cmdline);
    text_at += strlen(s->boot.cmdline) + 1;
    for (unsigned i = 0; i < s->count; i++) {
        const char *cmdline = s->module[i].cmdline;
        dir->entry[i] = (struct image_entry){ (uint32_t)file_at, (uint32_t)(file_at + file[i].size),
                                              (uint32_t)text_at, 0 };
        strcpy((char *)out.data + text_at, cmdline);
        text_at += strlen(cmdline) + 1;
        memcpy(out.data + file_at, file[i].data, file[i].size);
        file_at += page_up(file[i].size);
        free(file[i].data);
    }
    return out;
}

static const Elf32_Ehdr *stage_check(const struct module *boot, struct bytes b)
{
    const Elf32_Ehdr *h = (const Elf32_Ehdr *)b.data;

    if (b.size < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS32 ||
        h->e_machine != EM_386 || h->e_type != ET_EXEC || h->e_phentsize != sizeof(Elf32_Phdr))
        fail("'%s' is no boot stage: not an executable 32-bit ELF file", boot->path);
    if (h->e_phnum == 0 || h->e_phoff > b.size || h->e_phnum * sizeof(Elf32_Phdr) > b.size - h->e_phoff)
        fail("'%s' is no boot stage: truncated", boot->path);
    return h;
}

/* Where in the file the slot is. */
static size_t slot_find(const struct module *boot, struct bytes b)
{
    size_t found = 0;

    for (size_t i = 0; i + sizeof(struct image_slot) <= b.size; i += 8)
        if (memcmp(b.data + i, IMAGE_SLOT_MAGIC, sizeof(IMAGE_SLOT_MAGIC)) == 0)
            found = i;
    if (found == 0)
        fail("'%s' is no boot stage: it has no place for modules", boot->path);
    return found;
}

static void part_write(FILE *f, const char *path, uint64_t at, const void *data, size_t size)
{
    if (fseek(f, (long)at, SEEK_SET) != 0 || fwrite(data, 1, size, f) != size)
        fail("cannot write '%s': %s", path, strerror(errno));
}

void image_write(const struct setup *s, const char *path)
{
    struct bytes stage = file_read(s->boot.path);
    Elf32_Ehdr h = *stage_check(&s->boot, stage);
    size_t slot = slot_find(&s->boot, stage);
    struct bytes dir = directory_make(s);
    Elf32_Phdr *p = allocate((h.e_phnum + 1u) * sizeof(*p));
    uint64_t mem_end = 0, file_end = 0, heads = sizeof(h) + (h.e_phnum + 1u) * sizeof(*p);

    memcpy(p, stage.data + h.e_phoff, h.e_phnum * sizeof(*p));
    for (unsigned i = 0; i < h.e_phnum; i++) {
        if (p[i].p_type != PT_LOAD)
            continue;
        if (p[i].p_offset < heads || p[i].p_offset > stage.size || p[i].p_filesz > stage.size - p[i].p_offset)
            fail("'%s' is no boot stage: a segment lies in the headers or outside of the file", s->boot.path);
        mem_end = p[i].p_paddr + (uint64_t)p[i].p_memsz > mem_end ? p[i].p_paddr + (uint64_t)p[i].p_memsz : mem_end;
        file_end = p[i].p_offset + (uint64_t)p[i].p_filesz > file_end ? p[i].p_offset + (uint64_t)p[i].p_filesz
                                                                      : file_end;
    }
    p[h.e_phnum] = (Elf32_Phdr){
        .p_type = PT_LOAD, .p_offset = (Elf32_Off)page_up(file_end), .p_vaddr = (Elf32_Addr)page_up(mem_end),
        .p_paddr = (Elf32_Addr)page_up(mem_end), .p_filesz = (Elf32_Word)dir.size, .p_memsz = (Elf32_Word)dir.size,
        .p_flags = PF_R | PF_W, .p_align = PAGE,
    };
    uint64_t dir_addr = page_up(mem_end);
    memcpy(stage.data + slot + offsetof(struct image_slot, dir_addr), &dir_addr, sizeof(dir_addr));
    h.e_phoff = sizeof(h);
    h.e_phnum++;
    h.e_shoff = 0;
    h.e_shnum = 0;
    h.e_shstrndx = 0;

    FILE *f = fopen(path, "wb");
    if (f == NULL)
        fail("cannot write '%s': %s", path, strerror(errno));
    output_started(path);
    part_write(f, path, 0, &h, sizeof(h));
    part_write(f, path, sizeof(h), p, h.e_phnum * sizeof(*p));
    for (unsigned i = 0; i + 1u < h.e_phnum; i++)
        if (p[i].p_type == PT_LOAD)
            part_write(f, path, p[i].p_offset, stage.data + p[i].p_offset, p[i].p_filesz);
    part_write(f, path, page_up(file_end), dir.data, dir.size);
    if (fclose(f) != 0)
        fail("cannot write '%s': %s", path, strerror(errno));
    output_started(NULL);
    chmod(path, 0755);
}
