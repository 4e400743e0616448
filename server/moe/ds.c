/* SPDX-License-Identifier: MIT */
/* Dataspaces: pages, sharing, mapping; the contract and the invariants D1-D4 are in ds.h, the protocol in
 * ds_proto.c. */
#include "ds.h"
#include "page.h"
#include "rm.h"
#include <l4/sys/task.h>
#include <string.h>

#define PAGE_MASK (L4_PAGE_SIZE - 1)
#define UNMAP_BATCH 60u

/* ---- taking mappings back from clients ---- */

struct unmapper {
    unsigned count;
    l4_fpage_t list[UNMAP_BATCH];
};

static void unmap_commit(struct unmapper *u)
{
    if (u->count > 0)
        l4_task_unmap_batch(L4_BASE_TASK_CAP, u->list, u->count, L4_FP_OTHER_SPACES);
    u->count = 0;
}

static void unmap_add(struct unmapper *u, word_t address, unsigned order, unsigned rights)
{
    u->list[u->count++] = l4_fpage(address, order + L4_PAGE_SHIFT, (unsigned char)rights);
    if (u->count == UNMAP_BATCH)
        unmap_commit(u);
}

static void unmap_page(word_t address, unsigned rights)
{
    struct unmapper u = {.count = 0};

    unmap_add(&u, address, 0, rights);
    unmap_commit(&u);
}

static void unmap_range(word_t start, word_t pages)
{
    struct unmapper u = {.count = 0};
    word_t end = start + pages * L4_PAGE_SIZE;

    while (start < end) {
        unsigned order = 0;
        while ((start & ((L4_PAGE_SIZE << (order + 1)) - 1)) == 0 && end - start >= L4_PAGE_SIZE << (order + 1))
            order++;
        unmap_add(&u, start, order, L4_FPAGE_RWX);
        start += L4_PAGE_SIZE << order;
    }
    unmap_commit(&u);
}

/* ---- pages of a lazy dataspace ---- */

static void page_zero(word_t address)
{
    word_t n = L4_PAGE_SIZE / 8;

    __asm__ volatile("rep stosq" : "+D"(address), "+c"(n) : "a"(0ul) : "memory");
}

static void page_copy(word_t to, word_t from)
{
    word_t n = L4_PAGE_SIZE / 8;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static struct arena *arena_of(struct ds *d) { return &d->object.owner->arena; }
static struct quota *quota_of(struct ds *d) { return &d->object.owner->quota; }

/* A zeroed page in place of none. 0 or -12. */
static long page_fill(struct ds *d, word_t *entry)
{
    word_t address = arena_page_take(arena_of(d));

    if (address == 0)
        return -L4_ENOMEM;
    page_zero(address);
    *entry = address;
    return 0;
}

/* Makes a shared page the dataspace's own. 0 or -12. */
static long page_own(word_t *entry)
{
    word_t old = *entry & ~PAGE_FLAGS;

    if ((*entry & PAGE_COW) == 0)
        return 0;
    if (!page_is_sole(old)) {
        word_t fresh = page_alloc(0); /* D1: paid already */
        if (fresh == 0)
            return -L4_ENOMEM;
        page_copy(fresh, old);
        if ((*entry & PAGE_MAPPED) != 0)
            unmap_page(old, L4_FPAGE_RWX); /* D3: readers of this dataspace must see the new page */
        page_release(old);
        *entry = fresh;
    }
    *entry &= ~PAGE_COW;
    return 0;
}

static void page_drop(struct ds *d, word_t *entry)
{
    word_t address = *entry & ~PAGE_FLAGS;

    if (address == 0)
        return;
    if ((*entry & PAGE_MAPPED) != 0)
        unmap_page(address, L4_FPAGE_RWX); /* D3 */
    *entry = 0;
    page_release(address);
    quota_give(quota_of(d), L4_PAGE_SIZE);
}

void ds_pages_drop(struct ds *d, word_t first, word_t last)
{
    struct unmapper u = {.count = 0};

    for (word_t at = first, *e; (e = pagemap_next(&d->map, &at, last)) != NULL; at++) /* D3 */
        if ((*e & PAGE_MAPPED) != 0) {
            unmap_add(&u, *e & ~PAGE_FLAGS, 0, L4_FPAGE_RWX);
            *e &= ~PAGE_MAPPED;
        }
    unmap_commit(&u);
    for (word_t at = first, *e; (e = pagemap_next(&d->map, &at, last)) != NULL; at++)
        page_drop(d, e);
}

word_t ds_address(struct ds *d, word_t offset, bool write)
{
    if (d->kind != DS_LAZY)
        return d->address + offset;
    word_t *e = pagemap_entry(&d->map, offset >> L4_PAGE_SHIFT, write ? arena_of(d) : NULL);
    if (e == NULL || (*e == 0 && !write))
        return 0;
    if (write && (*e == 0 ? page_fill(d, e) : page_own(e)) < 0)
        return 0;
    return (*e & ~PAGE_FLAGS) + (offset & PAGE_MASK);
}

/* ---- creation and end ---- */

static long ds_new(struct factory *f, word_t size, unsigned flags, struct ds **out)
{
    struct ds *d = factory_take(f, sizeof *d);

    if (d == NULL)
        return -L4_ENOMEM;
    object_init(&d->object, &ds_type, f);
    d->flags = flags;
    d->size = size;
    d->pages = (size >> L4_PAGE_SHIFT) + ((size & PAGE_MASK) != 0);
    *out = d;
    return 0;
}

static void ds_struct_free(struct ds *d)
{
    object_remove(&d->object);
    factory_give(d->object.owner, d, sizeof *d);
}

static long block_take(struct ds *d, unsigned align_order)
{
    word_t bytes = d->pages * L4_PAGE_SIZE;

    if (d->pages > page_total() || !quota_take(quota_of(d), bytes))
        return -L4_ENOMEM;
    d->address = page_range_alloc(d->pages, align_order);
    if (d->address == 0) {
        quota_give(quota_of(d), bytes);
        return -L4_ENOMEM;
    }
    memset((void *)d->address, 0, bytes);
    return 0;
}

long ds_create(struct factory *f, word_t size, unsigned create_flags, unsigned align, struct ds **out)
{
    bool block = (create_flags & (DS_CREATE_CONTINUOUS | DS_CREATE_PINNED)) != 0;
    long r = ds_new(f, size, DS_RIGHTS | (block ? 0 : DS_COW), out);

    if (r < 0)
        return r;
    if (!block) {
        pagemap_init(&(*out)->map, (*out)->pages);
        return 0;
    }
    (*out)->kind = DS_BLOCK;
    if ((create_flags & DS_CREATE_SUPER) != 0 && align < L4_SUPERPAGESHIFT)
        align = L4_SUPERPAGESHIFT;
    unsigned order = align <= L4_PAGE_SHIFT ? 0 : align - L4_PAGE_SHIFT;
    r = order > PAGE_ORDER_MAX ? -L4_ENOMEM : block_take(*out, order);
    if (r < 0)
        ds_struct_free(*out);
    return r;
}

long ds_create_static(struct factory *f, word_t address, word_t size, unsigned flags, struct ds **out)
{
    long r = ds_new(f, size, flags, out);

    if (r < 0)
        return r;
    (*out)->kind = DS_STATIC;
    (*out)->address = address;
    (*out)->object.is_fixed = true;
    return 0;
}

static void ds_free(struct ds *d)
{
    if (d->kind == DS_LAZY) {
        ds_pages_drop(d, 0, ~0ul);
        pagemap_destroy(&d->map, arena_of(d));
    } else if (d->kind == DS_BLOCK) {
        unmap_range(d->address, d->pages);
        page_range_free(d->address, d->pages);
        quota_give(quota_of(d), d->pages * L4_PAGE_SIZE);
    }
    ds_struct_free(d);
}

static void ds_unused(struct object *o)
{
    struct ds *d = (struct ds *)o;

    if (d->attached == NULL)
        ds_free(d); /* D4 */
}

void ds_unattached(struct ds *d)
{
    if (d->attached == NULL && !object_has_gate(&d->object) && !d->object.is_fixed)
        object_doom(&d->object);
}

static void ds_destroy(struct object *o)
{
    struct ds *d = (struct ds *)o;

    while (d->attached != NULL)
        rm_attachment_void(d->attached);
    ds_free(d);
}

/* ---- mapping ---- */

/* A lazy page for these rights: its address, entry marked as mapped. 0 or -12. */
static long lazy_page(struct ds *d, word_t offset, unsigned need, unsigned *rights, word_t *address)
{
    word_t *e = pagemap_entry(&d->map, offset >> L4_PAGE_SHIFT, arena_of(d));

    if (e == NULL)
        return -L4_ENOMEM;
    long r = *e == 0 ? page_fill(d, e) : (need & DS_W) != 0 ? page_own(e) : 0;
    if (r < 0)
        return r;
    if ((*e & PAGE_COW) != 0)
        *rights &= ~DS_W; /* D2 */
    *e |= PAGE_MAPPED;
    *address = *e & ~PAGE_FLAGS;
    return 0;
}

long ds_fault(struct ds *d, word_t offset, unsigned need, unsigned rights, word_t spot, word_t low, word_t high,
              l4_fpage_t *out)
{
    unsigned order = L4_PAGE_SHIFT;
    word_t address;

    if (offset >> L4_PAGE_SHIFT >= d->pages)
        return -L4_ERANGE;
    offset &= ~PAGE_MASK;
    if (d->kind == DS_LAZY) {
        long r = lazy_page(d, offset, need, &rights, &address);
        if (r < 0)
            return r;
    } else {
        word_t end = d->pages * L4_PAGE_SIZE - 1;
        high = high < end ? high : end;
        address = d->address + offset;
        for (;;) { /* the same place modulo the size in memory and at the client, wholly inside */
            word_t mask = (1ul << (order + 1)) - 1;
            word_t before = address & mask;
            if (((address ^ spot) & mask & ~PAGE_MASK) != 0 || before > offset - low || offset < low ||
                offset - before + mask > high)
                break;
            order++;
        }
        address &= ~((1ul << order) - 1);
    }
    *out = l4_fpage(address, order, (unsigned char)rights);
    return 0;
}

long ds_block(struct ds *d, word_t offset, unsigned rights, word_t spot, word_t low, word_t high, l4_fpage_t *out)
{
    return ds_fault(d, offset, rights, rights, spot, low, high, out);
}

/* ---- copying ---- */

/* May pages of the source be shared? Its content must never change in place without a copy: that of the kernel info
 * page, which nobody may write, does. */
static bool is_shareable(const struct ds *src) { return (src->flags & DS_COW) != 0; }

/* A whole page by sharing. 0, -12, or 1 when it has to be copied. */
static long page_share_into(struct ds *dst, word_t dst_page, struct ds *src, word_t src_page)
{
    word_t *s = NULL, address;

    if (src->kind == DS_LAZY) {
        s = pagemap_entry(&src->map, src_page, NULL);
        address = s == NULL ? 0 : *s & ~PAGE_FLAGS;
    } else {
        address = src->address + src_page * L4_PAGE_SIZE;
    }
    word_t *d = pagemap_entry(&dst->map, dst_page, address != 0 ? arena_of(dst) : NULL);
    if (address == 0) {
        if (d != NULL)
            page_drop(dst, d);
        return 0;
    }
    if (d == NULL)
        return -L4_ENOMEM;
    if (d == s)
        return 0;
    if (!page_share(address))
        return 1;
    page_drop(dst, d);
    if (!quota_take(quota_of(dst), L4_PAGE_SIZE)) {
        page_release(address);
        return -L4_ENOMEM;
    }
    if (s != NULL && (*s & PAGE_COW) == 0) { /* D2 */
        if ((*s & PAGE_MAPPED) != 0)
            unmap_page(address, L4_FPAGE_W);
        *s |= PAGE_COW;
    }
    *d = address | PAGE_COW;
    return 0;
}

static long piece_copy(struct ds *dst, word_t dst_offset, struct ds *src, word_t src_offset, word_t size)
{
    word_t to = ds_address(dst, dst_offset, true);
    word_t from = ds_address(src, src_offset, false);

    if (to == 0)
        return -L4_ENOMEM;
    if (from == 0)
        memset((void *)to, 0, size);
    else
        memmove((void *)to, (const void *)from, size);
    return 0;
}

/* Pages from src_page on that the source does not have, at most `max`: the copy does not have them either. */
static word_t hole_copy(struct ds *dst, word_t dst_page, struct ds *src, word_t src_page, word_t max)
{
    word_t next = src_page;

    if (max == 0 || src->kind != DS_LAZY)
        return 0;
    if (pagemap_next(&src->map, &next, src_page + max - 1) == NULL)
        next = src_page + max;
    if (next > src_page)
        ds_pages_drop(dst, dst_page, dst_page + (next - src_page) - 1);
    return next - src_page;
}

long ds_copy(struct ds *dst, word_t dst_offset, struct ds *src, word_t src_offset, word_t size)
{
    word_t dst_end = dst->pages * L4_PAGE_SIZE, src_end = src->pages * L4_PAGE_SIZE;

    if (dst_offset >= dst_end || src_offset >= src_end)
        return 0;
    size = size < dst_end - dst_offset ? size : dst_end - dst_offset;
    size = size < src_end - src_offset ? size : src_end - src_offset;
    if (dst == src && dst_offset < src_offset + size && src_offset < dst_offset + size)
        return dst_offset == src_offset ? 0 : -L4_EINVAL; /* pages are shared one by one, in no good order */
    while (size > 0) {
        word_t n = L4_PAGE_SIZE - (dst_offset & PAGE_MASK);
        long r = 1;
        if (n > L4_PAGE_SIZE - (src_offset & PAGE_MASK))
            n = L4_PAGE_SIZE - (src_offset & PAGE_MASK);
        n = n < size ? n : size;
        if (n == L4_PAGE_SIZE && dst->kind == DS_LAZY && is_shareable(src)) {
            word_t to = dst_offset >> L4_PAGE_SHIFT, from = src_offset >> L4_PAGE_SHIFT;
            word_t hole = hole_copy(dst, to, src, from, size >> L4_PAGE_SHIFT);
            n = hole > 0 ? hole * L4_PAGE_SIZE : n;
            r = hole > 0 ? 0 : page_share_into(dst, to, src, from);
        }
        if (r == 1)
            r = piece_copy(dst, dst_offset, src, src_offset, n);
        if (r < 0)
            return r;
        dst_offset += n;
        src_offset += n;
        size -= n;
    }
    return 0;
}

const struct object_type ds_type = {
    .iface = {L4RE_IFACE(ds_protos), .gone = object_gate_gone},
    .unused = ds_unused,
    .destroy = ds_destroy,
};
