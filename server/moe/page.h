/* SPDX-License-Identifier: MIT */
/*
 * Page frames of the root task: a buddy allocator over all memory that sigma0 gave, and a reference count per page for
 * pages that several dataspaces share. Addresses are physical = virtual; 0 is never handed out.
 *
 *   P1  A free block of order n is aligned to its size and lies on free list n; only its first page's entry says so.
 *   P2  A free block's buddy is never free with the same order (they would be one block).
 *   P3  refs counts the owners of a single page; page_release frees it with the last one.
 *
 * Memory the allocator does not manage (boot modules) may be shared and released like any other; nothing happens then.
 */
#pragma once
#include <l4/types.h>
#include <stdbool.h>

#define PAGE_ORDER_MAX 18u /* 1 GiB blocks */

struct page_range {
    word_t start, end; /* page aligned, end exclusive */
};

/* Takes over the ranges (in any order, disjoint); false when not even the table of entries fits into one of them. */
bool page_init(const struct page_range *ranges, unsigned count);

/* 2^order pages, aligned to their size; 0 when there is none. */
word_t page_alloc(unsigned order);
void page_free(word_t address, unsigned order);

/* Any number of contiguous pages aligned to 2^align_order pages; 0 when there is no such block. */
word_t page_range_alloc(word_t pages, unsigned align_order);
void page_range_free(word_t address, word_t pages);

/* Sharing of single pages. page_share fails when the counter is full: copy the page instead. */
bool page_share(word_t address);
void page_release(word_t address);
bool page_is_sole(word_t address); /* exactly one owner, and managed here */

word_t page_total(void);      /* pages */
word_t page_available(void);  /* free pages */
word_t page_largest(void);    /* pages of the largest free block */
void page_check(void);        /* P1 and P2 over all lists; stops the program when violated */
