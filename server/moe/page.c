/* SPDX-License-Identifier: MIT */
/* Page frames; the contract and the invariants P1-P3 are in page.h. */
#include "page.h"
#include <string.h>

struct page {
    uint16_t refs;
    uint8_t order;
    uint8_t is_free; /* first page of a free block (P1) */
};

struct free_block { /* in the first bytes of the block itself */
    struct free_block *next, **link;
};

static struct page *table;
static word_t table_start, table_end; /* addresses the table covers */
static struct free_block *free_list[PAGE_ORDER_MAX + 1];
static word_t pages_total, pages_free;

#define REFS_MAX 0xffffu

static bool is_managed(word_t address) { return address >= table_start && address < table_end; }
static struct page *entry(word_t address) { return &table[(address - table_start) >> L4_PAGE_SHIFT]; }
static word_t size_of(unsigned order) { return L4_PAGE_SIZE << order; }

static void list_put(word_t address, unsigned order)
{
    struct free_block *b = (struct free_block *)address;

    b->next = free_list[order];
    b->link = &free_list[order];
    if (b->next != NULL)
        b->next->link = &b->next;
    free_list[order] = b;
    *entry(address) = (struct page){0, (uint8_t)order, 1};
}

static void list_take(word_t address)
{
    struct free_block *b = (struct free_block *)address;

    *b->link = b->next;
    if (b->next != NULL)
        b->next->link = b->link;
    entry(address)->is_free = 0;
}

static void block_free(word_t address, unsigned order)
{
    pages_free += 1ul << order;
    while (order < PAGE_ORDER_MAX) {
        word_t buddy = address ^ size_of(order);
        if (!is_managed(buddy) || !entry(buddy)->is_free || entry(buddy)->order != order)
            break;
        list_take(buddy);
        address &= ~size_of(order);
        order++;
    }
    list_put(address, order);
}

/* Frees [start, end) as the largest aligned blocks. */
static void range_free(word_t start, word_t end)
{
    while (start < end) {
        unsigned order = PAGE_ORDER_MAX;
        while ((start & (size_of(order) - 1)) != 0 || end - start < size_of(order))
            order--;
        block_free(start, order);
        start += size_of(order);
    }
}

bool page_init(const struct page_range *ranges, unsigned count)
{
    unsigned home = count;

    table_start = ~0ul;
    table_end = 0;
    for (unsigned i = 0; i < count; i++) {
        table_start = ranges[i].start < table_start ? ranges[i].start : table_start;
        table_end = ranges[i].end > table_end ? ranges[i].end : table_end;
    }
    if (count == 0)
        return false;
    word_t bytes = ((table_end - table_start) >> L4_PAGE_SHIFT) * sizeof *table;
    bytes = (bytes + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);
    for (unsigned i = 0; i < count; i++) /* the smallest range that is large enough: leave large blocks whole */
        if (ranges[i].end - ranges[i].start >= bytes &&
            (home == count || ranges[i].end - ranges[i].start < ranges[home].end - ranges[home].start))
            home = i;
    if (home == count)
        return false;
    table = (struct page *)ranges[home].start;
    memset(table, 0, bytes);
    memset(free_list, 0, sizeof free_list);
    pages_total = pages_free = 0;
    for (unsigned i = 0; i < count; i++) {
        pages_total += (ranges[i].end - ranges[i].start) >> L4_PAGE_SHIFT;
        range_free(ranges[i].start + (i == home ? bytes : 0), ranges[i].end);
    }
    return true;
}

word_t page_alloc(unsigned order)
{
    unsigned from = order;

    while (from <= PAGE_ORDER_MAX && free_list[from] == NULL)
        from++;
    if (from > PAGE_ORDER_MAX)
        return 0;
    word_t address = (word_t)free_list[from];
    list_take(address);
    while (from > order) {
        from--;
        list_put(address + size_of(from), from);
    }
    pages_free -= 1ul << order;
    entry(address)->refs = 1;
    return address;
}

void page_free(word_t address, unsigned order) { block_free(address, order); }

word_t page_range_alloc(word_t pages, unsigned align_order)
{
    unsigned order = align_order;

    while (order <= PAGE_ORDER_MAX && 1ul << order < pages)
        order++;
    if (pages == 0 || order > PAGE_ORDER_MAX)
        return 0;
    word_t address = page_alloc(order);
    if (address != 0)
        range_free(address + pages * L4_PAGE_SIZE, address + size_of(order));
    return address;
}

void page_range_free(word_t address, word_t pages) { range_free(address, address + pages * L4_PAGE_SIZE); }

bool page_share(word_t address)
{
    if (!is_managed(address))
        return true;
    if (entry(address)->refs == REFS_MAX)
        return false;
    entry(address)->refs++;
    return true;
}

void page_release(word_t address)
{
    if (is_managed(address) && --entry(address)->refs == 0)
        block_free(address, 0);
}

bool page_is_sole(word_t address) { return is_managed(address) && entry(address)->refs == 1; }

word_t page_total(void) { return pages_total; }
word_t page_available(void) { return pages_free; }

word_t page_largest(void)
{
    for (unsigned order = PAGE_ORDER_MAX + 1; order-- > 0;)
        if (free_list[order] != NULL)
            return 1ul << order;
    return 0;
}

void page_check(void)
{
    word_t seen = 0;

    for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) {
        for (struct free_block *b = free_list[order]; b != NULL; b = b->next) {
            word_t address = (word_t)b, buddy = address ^ size_of(order);
            if ((address & (size_of(order) - 1)) != 0 || !entry(address)->is_free || entry(address)->order != order)
                __builtin_trap(); /* P1 */
            if (order < PAGE_ORDER_MAX && is_managed(buddy) && entry(buddy)->is_free && entry(buddy)->order == order)
                __builtin_trap(); /* P2 */
            seen += 1ul << order;
        }
    }
    if (seen != pages_free)
        __builtin_trap();
}
