/* SPDX-License-Identifier: MIT */
/*
 * Private regions: pages are shared read-only with the original until the first write, then copied into a dataspace of
 * our own. One struct cow serves all pieces into which a region may be cut.
 *
 *   C1  Bit n of `copied` is set exactly when page n of the copy is the page to use.
 *   C2  The copy is created with the first page that needs it.
 */
#include "rm.h"

struct cow {
    l4_umword_t offset; /* in the original, of page 0 */
    l4_umword_t pages;
    l4_cap_idx_t copy;
    uint64_t *copied;
};

static size_t bitmap_size(const struct cow *c) { return (c->pages + 63) / 64 * sizeof(uint64_t); }

struct cow *cow_create(l4_umword_t offset, l4_umword_t size)
{
    struct cow *c = pool_take(sizeof *c);

    if (c == 0)
        return 0;
    c->offset = l4_trunc_page(offset);
    c->pages = size >> L4_PAGESHIFT;
    c->copy = CAP_NONE;
    c->copied = pool_take(bitmap_size(c));
    if (c->copied == 0) {
        pool_give(c, sizeof *c);
        return 0;
    }
    return c;
}

void cow_destroy(struct cow *c)
{
    if (c == 0)
        return;
    slot_give(c->copy);
    pool_give(c->copied, bitmap_size(c));
    pool_give(c, sizeof *c);
}

static long copy_create(struct cow *c)
{
    if (l4_is_valid_cap(c->copy))
        return 0;
    l4_cap_idx_t slot = slot_take();
    if (l4_is_invalid_cap(slot))
        return -L4_ENOMEM;
    long e = ds_create(slot, c->pages << L4_PAGESHIFT, 0);
    if (e < 0) {
        slot_give(slot);
        return e;
    }
    c->copy = slot;
    return 0;
}

/* For an original of another server: both pages into a window, and the bytes by hand. */
static long copy_by_hand(struct cow *c, l4_umword_t at, l4_cap_idx_t original)
{
    l4_addr_t window = PRIVATE_RANGE;
    unsigned order;
    long e = region_place(&space, &window, 2 * L4_PAGESIZE, REGION_SEARCH, L4_PAGESHIFT);

    if (e < 0)
        return e;
    l4_addr_t from = window, to = window + L4_PAGESIZE;
    e = ds_map(original, c->offset + at, from, from, from + L4_PAGESIZE - 1, REGION_R, &order);
    if (e == 0)
        e = ds_map(c->copy, at, to, to, to + L4_PAGESIZE - 1, REGION_R | REGION_W, &order);
    if (e == 0)
        memcpy((void *)to, (const void *)from, L4_PAGESIZE);
    range_unmap(window, window + 2 * L4_PAGESIZE - 1);
    return e;
}

static long page_copy(struct cow *c, l4_umword_t page, l4_cap_idx_t original)
{
    l4_umword_t at = page << L4_PAGESHIFT;
    long e = copy_create(c);

    if (e < 0)
        return e;
    e = ds_copy_in(c->copy, at, original, c->offset + at, L4_PAGESIZE);
    if (e < 0)
        e = copy_by_hand(c, at, original);
    if (e >= 0)
        c->copied[page / 64] |= 1ul << page % 64;
    return e;
}

long cow_resolve(struct cow *c, const struct region *r, l4_cap_idx_t original, l4_addr_t addr, unsigned access)
{
    l4_addr_t at = l4_trunc_page(addr);
    l4_umword_t offset = r->offset + (at - r->start);
    l4_umword_t page = (offset - c->offset) >> L4_PAGESHIFT;
    unsigned rights = r->flags & REGION_RIGHTS, order;
    int copied = (int)(c->copied[page / 64] >> page % 64 & 1);

    if (!copied && (access & ACCESS_WRITE) != 0) {
        if (page_copy(c, page, original) < 0)
            return -L4_ENOMEM;
        copied = 1;
    }
    /* One page at a time: its neighbours may be in the other state. */
    long e = copied ? ds_map(c->copy, page << L4_PAGESHIFT, at, at, at + L4_PAGESIZE - 1, rights, &order)
                    : ds_map(original, offset, at, at, at + L4_PAGESIZE - 1, rights & ~REGION_W, &order);
    return e < 0 ? -L4_ENOMEM : 0;
}
