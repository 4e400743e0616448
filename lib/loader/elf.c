/* SPDX-License-Identifier: MIT */
/* ELF program files; the contract and the invariants E1-E3 are in loader/elf.h. Makes no system call. */
#include <l4/errors.h>
#include <loader/elf.h>
#include <string.h>

struct elf_header {
    unsigned char ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, headers, sections;
    uint32_t flags;
    uint16_t size, header_size, header_count, section_size, section_count, names;
};
struct elf_program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, file_size, memory_size, align;
};
_Static_assert(sizeof(struct elf_header) == 64 && sizeof(struct elf_program_header) == 56, "ELF-64 layout");

#define CLASS_64 2
#define DATA_LITTLE 1
#define MACHINE_X86_64 62
#define TYPE_DYN 3
#define PT_LOAD 1u
#define PT_INTERP 3u
#define PT_PHDR 6u
#define PT_L4_RECORDS 0x60000014u
#define SEGMENT_RIGHTS 7u
#define HEADERS_MAX 64u /* E3 is checked pair by pair */

static int fail(struct elf_problem *p, enum elf_fault fault, unsigned segment, word_t need, word_t have)
{
    *p = (struct elf_problem){fault, segment, need, have};
    return -L4_ERR_INVAL;
}

static struct elf_program_header header_get(const struct elf_image *e, unsigned i)
{
    struct elf_program_header h;

    memcpy(&h, e->file + e->headers + (word_t)i * e->header_size, sizeof h);
    return h;
}

static word_t page_of(word_t address) { return address >> L4_PAGE_SHIFT; }

static bool is_load(const struct elf_program_header *h) { return h->type == PT_LOAD && h->memory_size != 0; }

static int load_check(const struct elf_image *e, unsigned i, const struct elf_program_header *h, struct elf_problem *p)
{
    if (h->file_size > e->size || h->offset > e->size - h->file_size)
        return fail(p, ELF_TRUNCATED, i, h->offset + h->file_size, e->size);
    if (h->file_size > h->memory_size || h->paddr + h->memory_size - 1 < h->paddr ||
        h->paddr + h->memory_size - 1 >= L4_USER_END)
        return fail(p, ELF_BAD_SEGMENT, i, h->paddr, h->memory_size);
    if (((h->offset ^ h->paddr) & (L4_PAGE_SIZE - 1)) != 0)
        return fail(p, ELF_MISALIGNED, i, h->paddr, h->offset);
    for (unsigned k = 0; k < i; k++) {
        struct elf_program_header o = header_get(e, k);
        if (is_load(&o) && page_of(o.paddr) <= page_of(h->paddr + h->memory_size - 1) &&
            page_of(h->paddr) <= page_of(o.paddr + o.memory_size - 1))
            return fail(p, ELF_OVERLAP, i, k, h->paddr);
    }
    return 0;
}

/* Type 0 ends the list, as does the end of the program header. */
static int records_check(struct elf_image *e, unsigned i, const struct elf_program_header *h, struct elf_problem *p)
{
    word_t at = 0;

    if (h->file_size > e->size || h->offset > e->size - h->file_size)
        return fail(p, ELF_TRUNCATED, i, h->offset + h->file_size, e->size);
    e->records = e->file + h->offset;
    while (h->file_size - at >= 16) {
        uint64_t r[2];
        memcpy(r, e->records + at, sizeof r);
        if (r[0] == 0)
            break;
        word_t least = r[0] == ELF_RECORD_RESERVED ? 32 : 24;
        if (r[1] < least || r[1] > h->file_size - at || r[1] % 8 != 0)
            return fail(p, ELF_BAD_RECORDS, i, at, r[1]);
        at += r[1];
    }
    e->records_size = at;
    return 0;
}

static int interpreter_check(struct elf_image *e, unsigned i, const struct elf_program_header *h, struct elf_problem *p)
{
    if (h->file_size > e->size || h->offset > e->size - h->file_size)
        return fail(p, ELF_TRUNCATED, i, h->offset + h->file_size, e->size);
    const char *path = (const char *)e->file + h->offset;
    if (h->file_size == 0 || memchr(path, 0, h->file_size) == NULL)
        return fail(p, ELF_BAD_SEGMENT, i, h->offset, h->file_size);
    e->interpreter = path;
    return 0;
}

static int headers_check(struct elf_image *e, struct elf_problem *p)
{
    bool any = false;

    for (unsigned i = 0; i < e->header_count; i++) {
        struct elf_program_header h = header_get(e, i);
        int r = 0;
        if (is_load(&h)) {
            r = load_check(e, i, &h, p);
            word_t first = h.paddr & ~(L4_PAGE_SIZE - 1), last = (h.paddr + h.memory_size - 1) | (L4_PAGE_SIZE - 1);
            e->low = !any || first < e->low ? first : e->low;
            e->high = !any || last > e->high ? last : e->high;
            any = true;
        } else if (h.type == PT_L4_RECORDS) {
            r = records_check(e, i, &h, p);
        } else if (h.type == PT_INTERP) {
            r = interpreter_check(e, i, &h, p);
        } else if (h.type == PT_PHDR) {
            e->has_header_address = true;
            e->header_address = h.paddr;
        }
        if (r < 0)
            return r;
    }
    return any ? 0 : fail(p, ELF_NO_SEGMENTS, 0, 0, 0);
}

int elf_open(const void *file, word_t size, struct elf_image *image, struct elf_problem *problem)
{
    struct elf_header h;

    memset(image, 0, sizeof *image);
    *problem = (struct elf_problem){ELF_FINE, 0, 0, 0};
    if (size < 4 || memcmp(file, "\177ELF", 4) != 0)
        return fail(problem, ELF_NOT_ELF, 0, 0, 0);
    if (size < sizeof h)
        return fail(problem, ELF_TRUNCATED, ~0u, sizeof h, size);
    memcpy(&h, file, sizeof h);
    if (h.ident[4] != CLASS_64 || h.ident[5] != DATA_LITTLE)
        return fail(problem, ELF_WRONG_CLASS, 0, CLASS_64, h.ident[4]);
    if (h.machine != MACHINE_X86_64)
        return fail(problem, ELF_WRONG_MACHINE, 0, MACHINE_X86_64, h.machine);
    if (h.header_count == 0)
        return fail(problem, ELF_NO_SEGMENTS, 0, 0, 0);
    if (h.header_size != sizeof(struct elf_program_header) || h.header_count > HEADERS_MAX)
        return fail(problem, ELF_BAD_HEADERS, 0, h.header_size, h.header_count);
    word_t headers_size = (word_t)h.header_count * h.header_size;
    if (h.headers > size || headers_size > size - h.headers)
        return fail(problem, ELF_TRUNCATED, ~0u, h.headers + headers_size, size);

    image->file = file;
    image->size = size;
    image->entry = h.entry;
    image->relocatable = h.type == TYPE_DYN;
    image->headers = h.headers;
    image->header_count = h.header_count;
    image->header_size = h.header_size;
    return headers_check(image, problem);
}

bool elf_segment_next(const struct elf_image *image, unsigned *cursor, struct elf_segment *segment)
{
    while (*cursor < image->header_count) {
        unsigned i = (*cursor)++;
        struct elf_program_header h = header_get(image, i);
        if (!is_load(&h))
            continue;
        *segment = (struct elf_segment){i, h.offset, h.paddr, h.file_size, h.memory_size, h.flags & SEGMENT_RIGHTS};
        return true;
    }
    return false;
}

/* The record at *cursor, or false at the end; *cursor moves on. */
static bool record_next(const struct elf_image *image, word_t *cursor, uint64_t *type, word_t *payload)
{
    uint64_t r[2];

    if (*cursor >= image->records_size)
        return false;
    memcpy(r, image->records + *cursor, sizeof r);
    *type = r[0];
    *payload = *cursor + sizeof r;
    *cursor += r[1];
    return true;
}

bool elf_record_find(const struct elf_image *image, enum elf_record kind, word_t *value)
{
    word_t cursor = 0, payload;
    uint64_t type;

    while (record_next(image, &cursor, &type, &payload)) {
        if (type == (uint64_t)kind) {
            memcpy(value, image->records + payload, sizeof *value);
            return true;
        }
    }
    return false;
}

bool elf_reserved_next(const struct elf_image *image, word_t *cursor, word_t *start, word_t *end)
{
    uint64_t type;
    word_t payload;

    while (record_next(image, cursor, &type, &payload)) {
        if (type == ELF_RECORD_RESERVED) {
            memcpy(start, image->records + payload, sizeof *start);
            memcpy(end, image->records + payload + 8, sizeof *end);
            return true;
        }
    }
    return false;
}

void elf_problem_text(const struct elf_problem *problem, struct text *text)
{
    const struct elf_problem *p = problem;

    switch (p->fault) {
    case ELF_FINE:
        text_add(text, "no problem");
        break;
    case ELF_NOT_ELF:
        text_add(text, "not an ELF file");
        break;
    case ELF_TRUNCATED:
        if (p->segment == ~0u)
            text_add(text, "truncated: the headers end at %lx, the file has %lx bytes", p->need, p->have);
        else
            text_add(text, "truncated: segment %u ends at %lx, the file has %lx bytes", p->segment, p->need, p->have);
        break;
    case ELF_WRONG_CLASS:
        text_add(text, "wrong ELF class %lu: not a 64-bit little-endian file", p->have);
        break;
    case ELF_WRONG_MACHINE:
        text_add(text, "wrong architecture: machine number %lu, not %lu (x86-64)", p->have, p->need);
        break;
    case ELF_BAD_HEADERS:
        text_add(text, "bad program headers: %lu of %lu bytes each", p->have, p->need);
        break;
    case ELF_NO_SEGMENTS:
        text_add(text, "nothing to load: no loadable segment");
        break;
    case ELF_BAD_SEGMENT:
        text_add(text, "bad segment %u at %lx, size %lx", p->segment, p->need, p->have);
        break;
    case ELF_MISALIGNED:
        text_add(text, "segment %u: address %lx and file offset %lx do not agree modulo the page size", p->segment,
                 p->need, p->have);
        break;
    case ELF_OVERLAP:
        text_add(text, "segment %u at %lx overlaps segment %lu", p->segment, p->have, p->need);
        break;
    case ELF_BAD_RECORDS:
        text_add(text, "bad L4 record at offset %lx of segment %u, length %lx", p->need, p->segment, p->have);
        break;
    }
}
