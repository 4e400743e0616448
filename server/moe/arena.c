/* SPDX-License-Identifier: MIT */
/* Quota and small objects; the contract and the invariants A1, A2 are in arena.h. */
#include "arena.h"
#include "page.h"
#include <string.h>

struct slab { /* at the start of its page; the cells follow */
    struct slab *next, **link;
    void *free; /* list of free cells, linked through their first word */
    uint16_t used;
    uint16_t class;
};

#define CELLS_OFFSET 64u
static const uint16_t class_size[ARENA_CLASSES] = {32, 64, 128, 192, 256, 448, 1008, ARENA_CELL_MAX};

static unsigned class_of(word_t size)
{
    unsigned c = 0;

    while (class_size[c] < size)
        c++;
    return c;
}

static unsigned order_of(word_t size)
{
    unsigned order = 0;

    while (order < PAGE_ORDER_MAX + 1 && L4_PAGE_SIZE << order < size)
        order++;
    return order;
}

void arena_init(struct arena *a, struct quota *quota)
{
    memset(a, 0, sizeof *a);
    a->quota = quota;
}

static void slab_link(struct arena *a, struct slab *s)
{
    s->next = a->slabs[s->class];
    s->link = &a->slabs[s->class];
    if (s->next != NULL)
        s->next->link = &s->next;
    a->slabs[s->class] = s;
}

static void slab_unlink(struct slab *s)
{
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
}

static word_t pages_take(struct arena *a, unsigned order)
{
    if (!quota_take(a->quota, L4_PAGE_SIZE << order))
        return 0;
    word_t address = page_alloc(order);
    if (address == 0)
        quota_give(a->quota, L4_PAGE_SIZE << order);
    return address;
}

word_t arena_page_take(struct arena *a) { return pages_take(a, 0); }

static struct slab *slab_create(struct arena *a, unsigned class)
{
    word_t address = pages_take(a, 0);

    if (address == 0)
        return NULL;
    struct slab *s = (struct slab *)address;
    *s = (struct slab){.class = (uint16_t)class};
    for (word_t at = CELLS_OFFSET; at + class_size[class] <= L4_PAGE_SIZE; at += class_size[class]) {
        void **cell = (void **)(address + at);
        *cell = s->free;
        s->free = cell;
    }
    slab_link(a, s);
    return s;
}

void *arena_take(struct arena *a, word_t size)
{
    if (size > ARENA_CELL_MAX) {
        unsigned order = order_of(size);
        if (order > PAGE_ORDER_MAX)
            return NULL;
        void *p = (void *)pages_take(a, order);
        return p == NULL ? NULL : memset(p, 0, L4_PAGE_SIZE << order);
    }
    unsigned class = class_of(size);
    struct slab *s = a->slabs[class];
    if (s == NULL && (s = slab_create(a, class)) == NULL)
        return NULL;
    void *cell = s->free;
    s->free = *(void **)cell;
    s->used++;
    if (s->free == NULL)
        slab_unlink(s); /* A2 */
    return memset(cell, 0, class_size[class]);
}

void arena_give(struct arena *a, void *p, word_t size)
{
    if (size > ARENA_CELL_MAX) {
        unsigned order = order_of(size);
        page_free((word_t)p, order);
        quota_give(a->quota, L4_PAGE_SIZE << order);
        return;
    }
    struct slab *s = (struct slab *)((word_t)p & ~(L4_PAGE_SIZE - 1));
    if (s->free == NULL)
        slab_link(a, s);
    *(void **)p = s->free;
    s->free = p;
    if (--s->used == 0) {
        slab_unlink(s);
        page_free((word_t)s, 0);
        quota_give(a->quota, L4_PAGE_SIZE);
    }
}
