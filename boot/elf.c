/* SPDX-License-Identifier: MIT */
/*
 * Reads and loads the ELF files of the kernel, sigma0 and the root task: ELF64, x86-64, at their physical addresses.
 * Nothing in the file is trusted: elf_read checks every number against the size of the file before anything uses it.
 */
#include "boot.h"
#include <l4/kip.h>

#define ELF_EXEC        2u
#define MACHINE_X86_64  62u
#define PHDR_LOAD       1u

struct elf_header {
    uint8_t  ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phdrs, sections;
    uint32_t flags;
    uint16_t size, phdr_size, phdr_count, section_size, section_count, names;
};

struct elf_phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, file_size, mem_size, align;
};

#define NAME(m) (int)name_length(m), name_start(m)

static unsigned name_length(const struct module *m)
{
    unsigned length;
    name_of(m->cmdline, &length);
    return length;
}

static const char *name_start(const struct module *m)
{
    unsigned length;
    return name_of(m->cmdline, &length);
}

static void header_check(const struct module *m, const char *role, const struct elf_header *h, uint64_t size)
{
    static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };

    if (size < sizeof(magic) || memcmp(h->ident, magic, sizeof(magic)) != 0)
        boot_fail("%s '%.*s' is not an ELF file", role, NAME(m));
    if (size < sizeof(*h))
        boot_fail("%s '%.*s' is truncated: %lu bytes, the ELF header alone has %lu", role, NAME(m),
                  size, sizeof(*h));
    if (h->ident[4] != 2)
        boot_fail("%s '%.*s' is an ELF file for 32 bits, 64 are needed", role, NAME(m));
    if (h->machine != MACHINE_X86_64)
        boot_fail("%s '%.*s' is an ELF file for machine %u, not for x86-64 (%u)", role, NAME(m), h->machine,
                  MACHINE_X86_64);
    if (h->type != ELF_EXEC)
        boot_fail("%s '%.*s' is an ELF file of type %u, not an executable with fixed addresses (%u)", role, NAME(m),
                  h->type, ELF_EXEC);
    if (h->phdr_size != sizeof(struct elf_phdr) || h->phdr_count == 0 || h->phdrs % 8 != 0)
        boot_fail("%s '%.*s' has no usable program headers", role, NAME(m));
    if (h->phdrs > size || (uint64_t)h->phdr_count * sizeof(struct elf_phdr) > size - h->phdrs)
        boot_fail("%s '%.*s' is truncated: the program headers end at byte %lu, the file has %lu", role, NAME(m),
                  (h->phdrs + (uint64_t)h->phdr_count * sizeof(struct elf_phdr)), size);
}

static void segment_add(const struct module *m, const char *role, const struct elf_phdr *p, uint64_t size,
                        struct elf_image *out)
{
    if (p->offset > size || p->file_size > size - p->offset)
        boot_fail("%s '%.*s' is truncated: a segment ends at byte %lu, the file has %lu", role, NAME(m),
                  (p->offset + p->file_size), size);
    if (p->file_size > p->mem_size || p->paddr + p->mem_size < p->paddr || p->paddr + p->mem_size > 4 * GIB)
        boot_fail("%s '%.*s' has a segment with impossible addresses (0x%lx, %lu bytes)", role, NAME(m), p->paddr,
                  p->mem_size);
    if (out->segment_count == SEGMENTS_MAX)
        boot_fail("%s '%.*s' has more than %u segments", role, NAME(m), SEGMENTS_MAX);
    out->segment[out->segment_count++] = (struct segment){
        .mem = { p->paddr, p->paddr + p->mem_size },
        .offset = p->offset,
        .file_size = p->file_size,
        .flags = p->flags & 7,
    };
}

/* Physical address of a virtual one, by the loadable segments; the value itself when no segment has it. */
static uint64_t to_physical(const struct elf_phdr *p, unsigned count, uint64_t vaddr)
{
    for (unsigned i = 0; i < count; i++)
        if (p[i].type == PHDR_LOAD && vaddr >= p[i].vaddr && vaddr - p[i].vaddr < p[i].mem_size)
            return vaddr - p[i].vaddr + p[i].paddr;
    return vaddr;
}

void elf_read(const struct module *m, const char *role, struct elf_image *out)
{
    const struct elf_header *h = (const struct elf_header *)m->file.start;
    uint64_t size = m->file.end - m->file.start;

    header_check(m, role, h, size);
    out->module = m;
    const struct elf_phdr *p = (const struct elf_phdr *)(m->file.start + h->phdrs);
    for (unsigned i = 0; i < h->phdr_count; i++) {
        if (p[i].type == PHDR_LOAD && p[i].mem_size > 0)
            segment_add(m, role, &p[i], size, out);
        else if (p[i].type == L4_KIP_PHDR)
            out->kip = p[i].paddr;
        else if (p[i].type == L4_OPTIONS_PHDR)
            out->options = p[i].paddr;
    }
    if (out->segment_count == 0)
        boot_fail("%s '%.*s' has nothing to load", role, NAME(m));
    out->entry = to_physical(p, h->phdr_count, h->entry);
    for (unsigned i = 0; i < out->segment_count; i++)
        if (h->entry != 0 && out->entry >= out->segment[i].mem.start && out->entry < out->segment[i].mem.end)
            return;
    boot_fail("%s '%.*s' has its entry point 0x%lx outside of its segments", role, NAME(m), h->entry);
}

bool elf_overlaps(const struct elf_image *image, struct range r)
{
    for (unsigned i = 0; i < image->segment_count; i++)
        if (image->segment[i].mem.start < r.end && r.start < image->segment[i].mem.end)
            return true;
    return false;
}

void elf_check_overlap(const struct elf_image *a, const struct elf_image *b)
{
    for (unsigned i = 0; i < b->segment_count; i++) {
        struct range r = b->segment[i].mem;
        for (unsigned k = 0; k < a->segment_count; k++) {
            struct range s = a->segment[k].mem;
            if (&a->segment[k] == &b->segment[i] || s.start >= r.end || r.start >= s.end)
                continue;
            boot_fail("images overlap: '%.*s' 0x%lx-0x%lx and '%.*s' 0x%lx-0x%lx", NAME(a->module), s.start, s.end,
                      NAME(b->module), r.start, r.end);
        }
    }
}

void elf_load(const struct elf_image *image)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct segment *s = &image->segment[i];
        memcpy((void *)s->mem.start, (const void *)(image->module->file.start + s->offset), s->file_size);
        memset((void *)(s->mem.start + s->file_size), 0, s->mem.end - s->mem.start - s->file_size);
    }
}
