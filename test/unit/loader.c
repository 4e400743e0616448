/* SPDX-License-Identifier: MIT */
/* ELF files right and wrong in every way that has a name, the first stack of a program, lines of text. */
#include "../../lib/loader/elf.c"
#include "../../lib/loader/stack.c"
#include "../../lib/loader/text.c"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tap.h>

/* ---- a small well-formed file: text at 0x400000, data at 0x402000 with bss ---- */

#define FILE_SIZE 0x2100u

struct file {
    struct elf_header h;
    struct elf_program_header p[4];
    unsigned char rest[FILE_SIZE - sizeof(struct elf_header) - 4 * sizeof(struct elf_program_header)];
};

static void file_make(struct file *f)
{
    memset(f, 0, sizeof *f);
    memcpy(f->h.ident, "\177ELF\2\1\1", 7);
    f->h.type = 2;
    f->h.machine = 62;
    f->h.entry = 0x400123;
    f->h.headers = 64;
    f->h.header_size = 56;
    f->h.header_count = 2;
    f->p[0] = (struct elf_program_header){1, 5, 0, 0x400000, 0x400000, 0x1800, 0x1800, 0x1000};
    f->p[1] = (struct elf_program_header){1, 6, 0x2000, 0x402000, 0x402000, 0x100, 0x900, 0x1000};
}

/* A copy that ends where the file ends, so that the sanitizer sees any access beyond. */
static int open_copy(const struct file *f, word_t size, struct elf_image *e, struct elf_problem *p)
{
    void *copy = malloc(size == 0 ? 1 : size);
    memcpy(copy, f, size);
    int r = elf_open(copy, size, e, p);
    free(copy);
    return r;
}

static void expect(const struct file *f, word_t size, enum elf_fault fault, const char *words, const char *name)
{
    struct elf_image e;
    struct elf_problem p;
    char line[160];
    struct text t;

    int r = open_copy(f, size, &e, &p);
    text_start(&t, line, sizeof line);
    elf_problem_text(&p, &t);
    ok(r == (fault == ELF_FINE ? 0 : -22) && p.fault == fault && strstr(line, words) != NULL, name);
    if (p.fault != fault || strstr(line, words) == NULL)
        printf("# fault %d: %s\n", p.fault, line);
}

static void elf_good(void)
{
    struct file f;
    struct elf_image e;
    struct elf_problem p;
    struct elf_segment s;
    unsigned cursor = 0;

    file_make(&f);
    is(elf_open(&f, sizeof f, &e, &p), 0, "a well-formed file opens");
    is(e.entry, 0x400123, "entry");
    is(e.low, 0x400000, "lowest address");
    is(e.high, 0x402fff, "highest address");
    ok(elf_segment_next(&e, &cursor, &s) && s.address == 0x400000 && s.rights == 5, "first segment");
    ok(elf_segment_next(&e, &cursor, &s) && s.file_size == 0x100 && s.memory_size == 0x900 && s.rights == 6,
       "second segment");
    ok(!elf_segment_next(&e, &cursor, &s), "no third segment");
    ok(e.interpreter == NULL && !e.has_header_address && !e.relocatable, "nothing optional");
    word_t v;
    ok(!elf_record_find(&e, ELF_RECORD_STACK_SIZE, &v), "no record");
    expect(&f, sizeof f, ELF_FINE, "no problem", "and nothing to complain about");
}

static void elf_wrong(void)
{
    struct file f;

    file_make(&f);
    expect(&f, 0, ELF_NOT_ELF, "not an ELF", "empty file");
    expect(&f, 3, ELF_NOT_ELF, "not an ELF", "three bytes");
    expect(&f, 40, ELF_TRUNCATED, "headers end at 0x40, the file has 0x28", "cut inside the header");
    expect(&f, 100, ELF_TRUNCATED, "headers end at 0xb0", "cut inside the program headers");
    expect(&f, 0x1000, ELF_TRUNCATED, "segment 0 ends at 0x1800, the file has 0x1000", "cut inside the first segment");
    expect(&f, 0x20ff, ELF_TRUNCATED, "segment 1 ends at 0x2100", "cut by one byte");
    f.h.ident[1] = 'X';
    expect(&f, sizeof f, ELF_NOT_ELF, "not an ELF", "wrong magic");
    file_make(&f);
    f.h.ident[4] = 1;
    expect(&f, sizeof f, ELF_WRONG_CLASS, "class 1", "32-bit file");
    file_make(&f);
    f.h.machine = 183;
    expect(&f, sizeof f, ELF_WRONG_MACHINE, "machine number 183", "another architecture");
    file_make(&f);
    f.h.header_count = 0;
    expect(&f, sizeof f, ELF_NO_SEGMENTS, "nothing to load", "no program headers");
    file_make(&f);
    f.p[0].type = f.p[1].type = 4;
    expect(&f, sizeof f, ELF_NO_SEGMENTS, "nothing to load", "only notes");
    file_make(&f);
    f.h.header_size = 55;
    expect(&f, sizeof f, ELF_BAD_HEADERS, "bad program headers", "program headers of a strange size");
    file_make(&f);
    f.h.headers = ~0ul - 20;
    expect(&f, sizeof f, ELF_TRUNCATED, "truncated", "program headers far away");
    file_make(&f);
    f.p[1].offset = ~0ul - 0xfff;
    expect(&f, sizeof f, ELF_TRUNCATED, "segment 1", "segment offset that wraps around");
    file_make(&f);
    f.p[1].offset = 0x2010;
    expect(&f, sizeof f, ELF_TRUNCATED, "segment 1", "segment moved beyond the end");
    file_make(&f);
    f.p[1].paddr = 0x402010;
    expect(&f, sizeof f, ELF_MISALIGNED, "segment 1: address 0x402010 and file offset 0x2000", "offset and address");
    file_make(&f);
    f.p[1].paddr = 0x401000;
    expect(&f, sizeof f, ELF_OVERLAP, "segment 1 at 0x401000 overlaps segment 0", "overlap");
    file_make(&f);
    f.p[1].memory_size = 0x80;
    expect(&f, sizeof f, ELF_BAD_SEGMENT, "bad segment 1", "larger in the file than in memory");
    file_make(&f);
    f.p[1].memory_size = ~0ul;
    expect(&f, sizeof f, ELF_BAD_SEGMENT, "bad segment 1", "memory size that wraps around");
    f.p[1].memory_size = -f.p[1].paddr;
    expect(&f, sizeof f, ELF_BAD_SEGMENT, "bad segment 1", "memory up to the last address");
}

static void elf_extras(void)
{
    struct file f;
    struct elf_image e;
    struct elf_problem p;
    word_t v, start, end, cursor = 0;
    const uint64_t records[] = {1, 32, 0x50000000, 0x5000ffff, 2, 24, 0x8000, 3, 24, 0x90000000, 0, 16};

    file_make(&f);
    f.h.header_count = 4;
    f.p[2] = (struct elf_program_header){PT_L4_RECORDS, 4, 0x1000, 0, 0, sizeof records, sizeof records, 8};
    memcpy((char *)&f + 0x1000, records, sizeof records);
    f.p[3] = (struct elf_program_header){PT_INTERP, 4, 0x1100, 0, 0, 8, 8, 1};
    memcpy((char *)&f + 0x1100, "rom/ld", 7);
    is(elf_open(&f, sizeof f, &e, &p), 0, "records and interpreter open");
    ok(e.interpreter != NULL && strcmp(e.interpreter, "rom/ld") == 0, "interpreter");
    ok(elf_record_find(&e, ELF_RECORD_STACK_SIZE, &v) && v == 0x8000, "stack size");
    ok(elf_record_find(&e, ELF_RECORD_STACK_START, &v) && v == 0x90000000, "stack start");
    ok(!elf_record_find(&e, ELF_RECORD_KIP, &v), "no record for the KIP");
    ok(elf_reserved_next(&e, &cursor, &start, &end) && start == 0x50000000 && end == 0x5000ffff, "reserved range");
    ok(!elf_reserved_next(&e, &cursor, &start, &end), "only one");
    f.p[2].file_size = 40;
    expect(&f, sizeof f, ELF_FINE, "no problem", "a list may end with its program header");
    f.p[2].file_size = 50;
    expect(&f, sizeof f, ELF_BAD_RECORDS, "bad L4 record at offset 0x20", "record beyond the list");
    f.p[2].file_size = sizeof records;
    ((uint64_t *)((char *)&f + 0x1000))[1] = 0;
    expect(&f, sizeof f, ELF_BAD_RECORDS, "bad L4 record at offset 0x0", "record of length 0");
    memcpy((char *)&f + 0x1000, records, sizeof records);
    memset((char *)&f + 0x1100, 'x', 8);
    expect(&f, sizeof f, ELF_BAD_SEGMENT, "bad segment 3", "interpreter path without an end");
}

/* ---- the stack ---- */

#define TOP 0x71200000ul
static char memory[8192] __attribute__((aligned(16)));

static void *at(word_t address) { return memory + sizeof memory - (TOP - address); }

static word_t auxv_find(const word_t *a, word_t type)
{
    for (; a[0] != START_AT_NULL; a += 2)
        if (a[0] == type)
            return a[1];
    return 0x1234567;
}

static void stack_contents(void)
{
    const char *const args[] = {"rom/hello", "two words", ""};
    const char *const envs[] = {"KEY=value"};
    struct start_cap caps[] = {{0x16000, 0, "rom"}, {0x17000, 0, "sixteen-letters"}};
    memcpy(caps[1].name, "sixteen-letters1", 16);
    struct stack_plan p = {.arg_count = 3, .env_count = 1, .cap_count = 2, .args = args, .envs = envs, .caps = caps,
                           .env = {.parent = 0x13000, .first_free_cap = 0x18, .itas = ~0ul << 11},
                           .aux = {.kip_ds = 0x14000, .base = ~0ul}, .binary = args[0],
                           .elf = {~0ul, ~0ul, 0x70000040, 56, 4}, .kip = 0x6ffff000};
    word_t sp = stack_build(&p, memory, sizeof memory, TOP);

    ok(sp != 0 && sp % 16 == 0 && TOP - sp == stack_size(&p), "stack pointer");
    const word_t *w = at(sp);
    is(w[0], 3, "argc");
    ok(strcmp(at(w[1]), "rom/hello") == 0 && strcmp(at(w[2]), "two words") == 0 && strcmp(at(w[3]), "") == 0, "argv");
    ok(w[4] == 0 && strcmp(at(w[5]), "KEY=value") == 0 && w[6] == 0, "envp");
    const word_t *a = w + 7;
    is(a[0], START_AT_PHENT, "no AT_BASE, no AT_ENTRY without an interpreter");
    is(auxv_find(a, START_AT_PHNUM), 4, "AT_PHNUM");
    is(auxv_find(a, START_AT_PHDR), 0x70000040, "AT_PHDR");
    is(auxv_find(a, START_AT_PAGESZ), 4096, "AT_PAGESZ");
    is(auxv_find(a, START_AT_L4_KIP), 0x6ffff000, "AT_L4_KIP");
    is(auxv_find(a, START_AT_UID), 0, "AT_UID");
    const struct start_env *env = at(auxv_find(a, START_AT_L4_ENV));
    const struct start_aux *aux = at(auxv_find(a, START_AT_L4_AUX));
    ok(env->parent == 0x13000 && env->first_free_cap == 0x18 && env->itas == ~0ul << 11, "environment structure");
    const struct start_cap *c = at(env->caps);
    ok(c[0].cap == 0x16000 && strcmp(c[0].name, "rom") == 0, "first named capability");
    ok(memcmp(c[1].name, "sixteen-letters1", 16) == 0, "a name of sixteen letters");
    is(c[2].flags, ~0ul, "terminator");
    ok((const void *)aux == (const void *)(c + 3), "the L4 auxiliary structure follows");
    ok(strcmp(at(aux->binary), "rom/hello") == 0 && aux->kip_ds == 0x14000 && aux->base == ~0ul, "its contents");
}

static void stack_limits(void)
{
    const char *many[400];
    char *guarded = malloc(1024);

    for (unsigned i = 0; i < 400; i++)
        many[i] = "abcdefghijklmnop";
    struct stack_plan p = {.arg_count = 400, .args = many, .binary = "x", .elf = {~0ul, ~0ul, ~0ul, ~0ul, ~0ul}};
    is(stack_build(&p, memory, sizeof memory, TOP), 0, "too much for the stack");
    p.arg_count = 1;
    word_t need = stack_size(&p);
    ok(need <= 1024 && stack_build(&p, guarded, need, TOP) == TOP - need, "an exact fit");
    is(stack_build(&p, guarded, need - 16, TOP), 0, "sixteen bytes less do not fit");
    p.arg_count = 0;
    ok(stack_build(&p, guarded, 1024, TOP) != 0, "no arguments at all");
    free(guarded);
}

static void text_lines(void)
{
    char line[16];
    struct text t;

    text_start(&t, line, sizeof line);
    text_add(&t, "%s %c %d %lx%%", "a", 'b', -12, 0xfful);
    ok(strcmp(line, "a b -12 0xff%") == 0, "conversions");
    text_add(&t, "%lu", 123456ul);
    ok(strcmp(line, "a b -12 0xff%12") == 0, "what does not fit is cut");
    text_char(&t, 'x');
    is(strlen(line), 15, "and stays cut");
}

int main(void)
{
    elf_good();
    elf_wrong();
    elf_extras();
    stack_contents();
    stack_limits();
    text_lines();
    return tap_done();
}
