/* SPDX-License-Identifier: MIT */
/*
 * Who pays for what. A quota is a number of bytes taken from its parent as one block; an arena is the small-object
 * memory of one factory, in whole pages that its quota pays.
 *
 *   A1  used <= limit, always. used counts every page of the arena, every page of dataspaces, every sub-quota's limit.
 *   A2  An arena page lies on its class's list exactly while it has a free cell; an empty page is given back at once.
 */
#pragma once
#include <l4/types.h>
#include <stdbool.h>

struct quota {
    word_t limit, used; /* bytes */
};

static inline bool quota_take(struct quota *q, word_t bytes)
{
    if (bytes > q->limit - q->used)
        return false;
    q->used += bytes;
    return true;
}
static inline void quota_give(struct quota *q, word_t bytes) { q->used -= bytes; }

#define ARENA_CLASSES 8u
#define ARENA_CELL_MAX 2016u /* larger things take whole pages */

struct slab;
struct arena {
    struct quota *quota;
    struct slab *slabs[ARENA_CLASSES];
};

void arena_init(struct arena *a, struct quota *quota);

/* Zeroed memory, or a null pointer when quota or memory is exhausted. Large sizes are rounded up to 2^n pages. */
void *arena_take(struct arena *a, word_t size);
void arena_give(struct arena *a, void *p, word_t size);

/* A single page, zeroed or not, that counts against the quota; 0 when exhausted. */
word_t arena_page_take(struct arena *a);
