/* SPDX-License-Identifier: MIT */
/*
 * The pages of an on-demand dataspace: a radix tree from page number to entry, so that a huge and empty dataspace costs
 * nothing. Tables come from the dataspace's arena.
 *
 * An entry is a page address with flags in its low bits; 0 = no page.
 */
#pragma once
#include "arena.h"

#define PAGE_COW 1ul    /* shared with another dataspace or read-only: copy before writing */
#define PAGE_MAPPED 2ul /* somebody may have it mapped: unmap before it changes its owner or content */
#define PAGE_FLAGS (L4_PAGE_SIZE - 1)

struct pagemap {
    word_t pages;   /* number of pages the map covers */
    word_t root;    /* height 0: the one entry; else address of the top table */
    unsigned height;
};

void pagemap_init(struct pagemap *m, word_t pages);

/* The entry of a page; a null pointer when it is absent, or (create) when memory is exhausted. */
word_t *pagemap_entry(struct pagemap *m, word_t index, struct arena *create);

/* The next present entry at or after *index and at most `last`; *index becomes its page number. */
word_t *pagemap_next(struct pagemap *m, word_t *index, word_t last);

/* Gives all tables back; the caller has released the pages. */
void pagemap_destroy(struct pagemap *m, struct arena *a);
