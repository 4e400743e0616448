/* SPDX-License-Identifier: MIT */
/*
 * Reading ELF program files (64 bit, little endian, x86-64) that lie whole in memory.
 *
 * elf_open checks everything once: header, program headers, segments, L4 records. After it succeeded no other function
 * here can run outside the file, whatever the file says.
 *
 *   E1  file offset + file size of every loadable segment lie inside the file.
 *   E2  offset and address of a loadable segment agree modulo the page size.
 *   E3  no two loadable segments share a page; none wraps around or leaves the user address space.
 *
 * Addresses are the *physical* ones of the program headers, as the interface has it.
 */
#pragma once
#include <l4/types.h>
#include <loader/text.h>
#include <stdbool.h>

enum elf_fault {
    ELF_FINE,
    ELF_NOT_ELF,       /* no ELF magic */
    ELF_TRUNCATED,     /* `need` bytes wanted, `have` there */
    ELF_WRONG_CLASS,   /* not 64 bit little endian; have = class */
    ELF_WRONG_MACHINE, /* have = machine number */
    ELF_BAD_HEADERS,   /* program headers of a wrong size, or too many of them */
    ELF_NO_SEGMENTS,   /* nothing to load */
    ELF_BAD_SEGMENT,   /* larger in the file than in memory, wraps, or outside the user address space */
    ELF_MISALIGNED,    /* E2 violated */
    ELF_OVERLAP,       /* E3 violated */
    ELF_BAD_RECORDS    /* L4 records that do not add up */
};

/* What is wrong and where: `segment` counts program headers from 0. */
struct elf_problem {
    enum elf_fault fault;
    unsigned segment;
    word_t need, have;
};

/* One loadable segment; memory_size > 0. Rights are the L4 ones: X 1, W 2, R 4. */
struct elf_segment {
    unsigned number; /* of its program header */
    word_t offset, address, file_size, memory_size;
    unsigned rights;
};

/* Kinds of L4 records (program header 0x60000014). */
enum elf_record {
    ELF_RECORD_RESERVED = 1,
    ELF_RECORD_STACK_SIZE = 2,
    ELF_RECORD_STACK_START = 3,
    ELF_RECORD_KIP = 4,
    ELF_RECORD_EX_REGS = 5
};

struct elf_image {
    const unsigned char *file;
    word_t size;
    word_t entry;
    bool relocatable;           /* position independent: addresses count from a base of the loader's choice */
    word_t headers;             /* file offset of the program headers */
    unsigned header_count, header_size;
    bool has_header_address;    /* a PT_PHDR exists */
    word_t header_address;
    word_t low, high;           /* first and last byte of all segments, page rounded */
    const char *interpreter;    /* path, or a null pointer */
    const unsigned char *records; /* L4 records, checked */
    word_t records_size;
};

/* 0, or -22 with *problem filled. */
int elf_open(const void *file, word_t size, struct elf_image *image, struct elf_problem *problem);

/* The next loadable segment: start with *cursor = 0; false when there is no further one. */
bool elf_segment_next(const struct elf_image *image, unsigned *cursor, struct elf_segment *segment);

/* First record of a kind with one payload word: true and *value. */
bool elf_record_find(const struct elf_image *image, enum elf_record kind, word_t *value);

/* The next reserved range (inclusive end): start with *cursor = 0. */
bool elf_reserved_next(const struct elf_image *image, word_t *cursor, word_t *start, word_t *end);

/* What is wrong, in words, appended to *text: "truncated: segment 1 ends at 0x3000, the file has 0x200 bytes". */
void elf_problem_text(const struct elf_problem *problem, struct text *text);
