/* SPDX-License-Identifier: MIT */
/*
 * Frames: a buddy allocator over one contiguous heap. It owns every page of the heap, and its own metadata (one byte
 * per page) lies in the first pages of the heap itself.
 *
 *   F1  state[i] == FREE | order  <=>  page i begins a free block of that order, which is on list[order].
 *   F2  state[i] == USED | order  <=>  page i begins a block that frame_alloc gave out with that order.
 *   F3  every page lies in exactly one block; pages behind the first of a block have state INSIDE.
 *   F4  two free buddies of the same order below the largest never exist (they are merged).
 *   F5  bit o of available is set  <=>  list[o] is not empty.
 *
 * The largest blocks are aligned to their size, so blocks of every order are. Callers: slab.c, quota.c (charged
 * allocations), boot code. One CPU at a time.
 */
#include "memory.h"

enum { STATE_INSIDE = 0, STATE_FREE = 0x40, STATE_USED = 0x80, STATE_ORDER = 0x0f };

#define BLOCK_MAX (L4_PAGE_SIZE << FRAME_ORDER_MAX)

char *frame_base;
uint64_t frame_fail_countdown;

static uint8_t *state;      /* one byte per page from frame_base */
static size_t page_first, page_end; /* pages that may be given out */
static struct list free_list[FRAME_ORDER_MAX + 1];
static uint32_t available;
static size_t free_pages;

/* Freed memory becomes unreadable garbage in debug builds. arch/host tells the address sanitizer instead. */
#ifdef DEBUG
__attribute__((weak)) void memory_poison(void *p, size_t n) { memset(p, 0xd5, n); }
__attribute__((weak)) void memory_unpoison(void *p, size_t n)
{
    (void)p;
    (void)n;
}
#endif

static size_t page_index(const void *p) { return (size_t)((const char *)p - frame_base) / L4_PAGE_SIZE; }
static void *page_address(size_t i) { return frame_base + i * L4_PAGE_SIZE; }

static void block_put(size_t i, unsigned order)
{
    struct list *node = page_address(i);

    memory_unpoison(node, sizeof *node);
    list_push_front(&free_list[order], node);
    available |= 1u << order;
    state[i] = (uint8_t)(STATE_FREE | order);
}

static void block_take(size_t i, unsigned order)
{
    list_remove(page_address(i));
    if (list_empty(&free_list[order]))
        available &= ~(1u << order);
    state[i] = STATE_INSIDE;
}

/* Puts a block back and merges it with its buddy as long as that is free. */
static void block_merge(size_t i, unsigned order)
{
    while (order < FRAME_ORDER_MAX) {
        size_t buddy = i ^ ((size_t)1 << order);
        if (buddy < page_first || buddy >= page_end || state[buddy] != (STATE_FREE | order))
            break;
        block_take(buddy, order);
        memory_poison(page_address(buddy), sizeof(struct list));
        i &= ~((size_t)1 << order);
        order++;
    }
    block_put(i, order);
}

void frame_init(void *start, void *end)
{
    size_t base = (size_t)start & ~(BLOCK_MAX - 1);
    size_t pages = ((size_t)end - base) / L4_PAGE_SIZE;
    size_t meta = (pages + L4_PAGE_SIZE - 1) / L4_PAGE_SIZE;

    for (unsigned o = 0; o <= FRAME_ORDER_MAX; o++)
        list_init(&free_list[o]);
    available = 0;
    free_pages = 0;
    frame_base = (char *)base;
    state = start;
    memory_unpoison(start, (size_t)end - (size_t)start);
    memset(state, STATE_INSIDE, pages);
    page_first = page_index(start) + meta;
    page_end = pages;
    if (page_first >= page_end)
        kpanic("the kernel heap is too small", __FILE__, __LINE__);

    for (size_t i = page_first; i < page_end;) {
        unsigned order = 0;
        while (order < FRAME_ORDER_MAX && !(i & (((size_t)2 << order) - 1)) && i + ((size_t)2 << order) <= page_end)
            order++;
        memory_poison(page_address(i), L4_PAGE_SIZE << order);
        block_put(i, order);
        free_pages += (size_t)1 << order;
        i += (size_t)1 << order;
    }
}

bool frame_fits(unsigned order) { return (available & ~0u << order) != 0; }

void *frame_take(unsigned order)
{
    kassert(order <= FRAME_ORDER_MAX);
    uint32_t fits = available & ~0u << order;
    if (unlikely(fits == 0)) {
        if (!limbo_force(order))
            return NULL;
        fits = available & ~0u << order;
    }
    unsigned have = (unsigned)__builtin_ctz(fits);
    size_t i = page_index(free_list[have].next);
    block_take(i, have);
    while (have > order) {
        have--;
        block_put(i + ((size_t)1 << have), have);
    }
    state[i] = (uint8_t)(STATE_USED | order);
    free_pages -= (size_t)1 << order;
    memory_unpoison(page_address(i), L4_PAGE_SIZE << order);
    return page_address(i);
}

void *frame_alloc(unsigned order)
{
    return frame_fail_now() ? NULL : frame_take(order);
}

void frame_free(void *page, unsigned order)
{
    size_t i = page_index(page);

    kassert(((size_t)page & (L4_PAGE_SIZE - 1)) == 0 && i >= page_first && i < page_end);
    if (knever(state[i] != (STATE_USED | order))) /* freed twice or with another order: F2 */
        return;
    memory_poison(page, L4_PAGE_SIZE << order);
    state[i] = STATE_INSIDE;
    free_pages += (size_t)1 << order;
    block_merge(i, order);
}

size_t frame_free_bytes(void) { return free_pages * L4_PAGE_SIZE; }

void frame_range(word_t *first, word_t *last)
{
    *first = (word_t)state;
    *last = (word_t)page_address(page_end) - 1;
}

void frame_check(void)
{
    size_t seen = 0;

    for (size_t i = page_first; i < page_end;) { /* F1, F2, F3 */
        unsigned order = state[i] & STATE_ORDER;
        size_t n = (size_t)1 << order;
        kassert(state[i] & (STATE_FREE | STATE_USED));
        kassert(order <= FRAME_ORDER_MAX && !(i & (n - 1)) && i + n <= page_end);
        for (size_t k = 1; k < n; k++)
            kassert(state[i + k] == STATE_INSIDE);
        if (state[i] & STATE_FREE) {
            size_t buddy = i ^ n;
            seen += n;
            if (order < FRAME_ORDER_MAX && buddy >= page_first && buddy < page_end)
                kassert(state[buddy] != state[i]); /* F4 */
        }
        i += n;
    }
    kassert(seen == free_pages);

    size_t listed = 0;
    for (unsigned o = 0; o <= FRAME_ORDER_MAX; o++) {
        kassert(((available >> o & 1u) != 0) == !list_empty(&free_list[o])); /* F5 */
        for (struct list *l = free_list[o].next; l != &free_list[o]; l = l->next) {
            kassert(state[page_index(l)] == (STATE_FREE | o));
            listed += (size_t)1 << o;
        }
    }
    kassert(listed == free_pages);
}
