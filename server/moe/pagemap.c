/* SPDX-License-Identifier: MIT */
/* Radix tree of pages; the contract is in pagemap.h. */
#include "pagemap.h"
#include <stddef.h>

#define FANOUT_SHIFT 9u
#define FANOUT (1ul << FANOUT_SHIFT)

void pagemap_init(struct pagemap *m, word_t pages)
{
    *m = (struct pagemap){.pages = pages};
    for (word_t n = pages; n > 1; n = (n + FANOUT - 1) >> FANOUT_SHIFT)
        m->height++;
}

/* Number of entries of the top table: only what the size needs. */
static word_t top_entries(const struct pagemap *m)
{
    unsigned shift = FANOUT_SHIFT * (m->height - 1);

    return (m->pages + (1ul << shift) - 1) >> shift;
}

static word_t table_size(const struct pagemap *m, unsigned level)
{
    return sizeof(word_t) * (level == m->height ? top_entries(m) : FANOUT);
}

word_t *pagemap_entry(struct pagemap *m, word_t index, struct arena *create)
{
    word_t *at = &m->root;

    for (unsigned level = m->height; level > 0; level--) {
        if (*at == 0) {
            if (create == NULL)
                return NULL;
            *at = (word_t)arena_take(create, table_size(m, level));
            if (*at == 0)
                return NULL;
        }
        at = (word_t *)*at + (index >> FANOUT_SHIFT * (level - 1) & (FANOUT - 1));
    }
    return *at != 0 || create != NULL ? at : NULL;
}

word_t *pagemap_next(struct pagemap *m, word_t *index, word_t last)
{
    last = last < m->pages ? last : m->pages - 1;
    while (*index <= last) {
        word_t *at = &m->root;
        unsigned level = m->height;
        while (*at != 0 && level > 0) {
            level--;
            at = (word_t *)*at + (*index >> FANOUT_SHIFT * level & (FANOUT - 1));
        }
        if (level == 0 && m->height > 0) /* along the table of entries */
            while (*at == 0 && *index < last && (*index & (FANOUT - 1)) != FANOUT - 1) {
                at++;
                ++*index;
            }
        if (*at != 0)
            return at;
        word_t step = 1ul << FANOUT_SHIFT * level; /* nothing below: go to the next subtree of this level */
        word_t next = (*index | (step - 1)) + 1;
        if (next <= *index)
            break;
        *index = next;
    }
    return NULL;
}

static void tables_free(struct pagemap *m, word_t *at, unsigned level, struct arena *a)
{
    word_t entries = table_size(m, level) / sizeof(word_t);

    for (word_t i = 0; level > 1 && i < entries; i++)
        if (at[i] != 0)
            tables_free(m, (word_t *)at[i], level - 1, a);
    arena_give(a, at, table_size(m, level));
}

void pagemap_destroy(struct pagemap *m, struct arena *a)
{
    if (m->height > 0 && m->root != 0)
        tables_free(m, (word_t *)m->root, m->height, a);
    m->root = 0;
}
