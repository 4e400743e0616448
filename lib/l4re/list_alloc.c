/* SPDX-License-Identifier: MIT */
/*
 * Free memory as a list ordered by address.
 *
 *  A1  A block's address and size are multiples of its header's size; no two blocks touch.
 */
#include <l4/sys/kdebug.h>
#include <l4/util/list_alloc.h>

#define UNIT sizeof(l4la_free_t)

static l4_addr_t round_up(l4_addr_t value, l4_addr_t unit) { return (value + unit - 1) & ~(unit - 1); }

void l4la_init(l4la_free_t **first) { *first = NULL; }

/* Puts [start, end) before *link, whose block lies behind it, and joins them when they touch. */
static l4la_free_t *insert(l4la_free_t **link, l4_addr_t start, l4_addr_t end)
{
    l4la_free_t *b = (l4la_free_t *)start, *next = *link;

    b->next = next;
    b->size = end - start;
    if (next && end == (l4_addr_t)next) {
        b->next = next->next;
        b->size += next->size;
    }
    *link = b;
    return b;
}

void l4la_free(l4la_free_t **first, void *block, l4_size_t size)
{
    l4_addr_t start = round_up((l4_addr_t)block, UNIT), end;
    l4la_free_t *before = NULL, **link = first;

    /* What was allocated was rounded up; of new memory that is not aligned the ends are left out. */
    end = start == (l4_addr_t)block ? start + round_up(size, UNIT) : ((l4_addr_t)block + size) & ~(UNIT - 1);
    if (!block || end <= start)
        return;
    while (*link && (l4_addr_t)*link < start) {
        before = *link;
        link = &before->next;
    }
    insert(link, start, end);
    if (before && (l4_addr_t)before + before->size == start) {
        before->size += (*link)->size;
        before->next = (*link)->next;
    }
}

void *l4la_alloc(l4la_free_t **first, l4_size_t size, unsigned align)
{
    l4_addr_t const unit = align > UNIT ? align : UNIT;

    if (!size || size > ~0ul - UNIT || unit & (unit - 1))
        return NULL;
    size = round_up(size, UNIT);
    for (l4la_free_t **link = first; *link; link = &(*link)->next) {
        l4_addr_t begin = (l4_addr_t)*link, end = begin + (*link)->size, start = round_up(begin, unit);

        if (start < begin || start > end || end - start < size)
            continue;
        *link = (*link)->next;
        if (start + size < end)
            insert(link, start + size, end);
        if (begin < start)
            insert(link, begin, start);
        return (void *)start;
    }
    return NULL;
}

l4_size_t l4la_avail(l4la_free_t **first)
{
    l4_size_t sum = 0;

    for (l4la_free_t *b = *first; b; b = b->next)
        sum += b->size;
    return sum;
}

void l4la_dump(l4la_free_t **first)
{
    for (l4la_free_t *b = *first; b; b = b->next) {
        l4_kd_outhex64((l4_addr_t)b);
        l4_kd_outstring(" ");
        l4_kd_outdec((l4_mword_t)b->size);
        l4_kd_outstring(" bytes\n");
    }
}
