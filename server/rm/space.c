/* SPDX-License-Identifier: MIT */
/*
 * The region map of this task. What region/region.h calls `object` is a struct source here:
 *
 *   S1  A region with a source is resolved by us: we ask its dataspace.
 *   S2  A region without one lies in the outer map with the same range and rights, and its faults are passed on there
 *       (unless it is Kernel or Reserved: then there is nothing to resolve).
 *
 * So a dataspace of the outer map's own server costs us no capability slot; the outer map holds the reference.
 */
#include "rm.h"
#include <l4/kip.h>

struct region_map space;
l4_addr_t signal_return_address;

static struct region *region_new(l4_addr_t start, l4_umword_t size, uint32_t flags)
{
    struct region *r = pool_take(sizeof *r);

    if (r == 0)
        return 0;
    r->start = start;
    r->end = start + size - 1;
    r->flags = flags & REGION_FLAGS;
    r->client_ref = CAP_NONE;
    return r;
}

/* ---- start-up ---- */

struct record {
    uint64_t start, end;
    uint16_t flags, pad[3];
};
_Static_assert(sizeof(struct record) == 24, "get_regions");

static void copy_from_outer(void)
{
    struct record rec[21];
    long n;

    for (l4_addr_t from = 0; (n = outer_list(5, from, rec)) > 0; from = rec[n - 1].end + 1) {
        for (long i = 0; i < n; i++) {
            uint32_t flags = rec[i].flags;
            if ((flags & (REGION_RESERVED | REGION_KERNEL)) == 0)
                flags |= REGION_PAGER;
            struct region *r = region_new(rec[i].start, rec[i].end + 1 - rec[i].start, flags);
            if (r == 0 || region_find(&space, rec[i].start, rec[i].end) != 0)
                die(EXIT_LOAD_FAILED, "cannot start '%s': the outer region map makes no sense", program_name());
            outer_name(rec[i].start, r->name);
            region_insert(&space, r);
        }
        if (rec[n - 1].end == ~0ul)
            break;
    }
    for (l4_addr_t from = 0; (n = outer_list(6, from, rec)) > 0; from = rec[n - 1].end + 1) {
        for (long i = 0; i < n; i++) {
            struct region *a = region_new(rec[i].start, rec[i].end + 1 - rec[i].start, rec[i].flags);
            if (a != 0)
                region_area_insert(&space, a);
        }
        if (rec[n - 1].end == ~0ul)
            break;
    }
}

void space_init(void)
{
    const struct l4_kip *kip = (const struct l4_kip *)startup.kip;

    space.min = 0;
    space.max = 0x7fffffffffff;
    for (unsigned i = 0; kip != 0 && i < kip->mem_count && i < L4_KIP_MEM_SLOTS; i++) {
        if (l4_mem_desc_type(kip->mem[i]) == L4_MEM_CONVENTIONAL && (kip->mem[i].low & L4_MEM_VIRTUAL) != 0) {
            space.min = l4_mem_desc_start(kip->mem[i]);
            space.max = l4_mem_desc_end(kip->mem[i]);
        }
    }
    if (space.min < L4_PAGESIZE)
        space.min = L4_PAGESIZE;
    copy_from_outer();

    l4_addr_t empty = PRIVATE_RANGE;
    struct region *r;
    if (region_place(&space, &empty, L4_PAGESIZE, REGION_SEARCH, L4_PAGESHIFT) == 0 &&
        (r = region_new(empty, L4_PAGESIZE, REGION_RESERVED)) != 0) {
        region_insert(&space, r);
        signal_return_address = empty;
    }
}

long space_chunk(l4_addr_t *start, l4_umword_t size)
{
    *start = PRIVATE_RANGE;
    long e = region_place(&space, start, size, REGION_SEARCH, L4_PAGESHIFT);
    if (e < 0)
        return e;
    struct region *r = region_new(*start, size, REGION_R | REGION_W | REGION_ANON);
    if (r == 0)
        return -L4_ENOMEM;
    e = outer_attach(*start, size, r->flags, CAP_NONE, 0);
    if (e < 0) {
        pool_give(r, sizeof *r);
        return e;
    }
    region_insert(&space, r);
    return 0;
}

/* ---- sources ---- */

/* Keeps a counted duplicate, so that the mapping outlives the slot that the application named. What lies in that slot
 * is not looked at: an empty one makes a region whose faults fail. */
static struct source *source_new(l4_cap_idx_t ds)
{
    struct source *s = pool_take(sizeof *s);
    l4_cap_idx_t slot = s != 0 ? slot_take() : CAP_NONE;

    if (l4_is_invalid_cap(slot)) {
        pool_give(s, sizeof *s);
        return 0;
    }
    l4_task_map(L4_BASE_TASK_CAP, L4_BASE_TASK_CAP, l4_obj_fpage(ds, 0, L4_CAP_FPAGE_RWS),
                l4_map_obj_control(slot, L4_MAP_ITEM_MAP | L4_FPAGE_C_OBJ_RIGHTS));
    s->references = 1;
    s->slot = slot;
    return s;
}

static void source_drop(struct source *s)
{
    if (s == 0 || --s->references > 0)
        return;
    cow_destroy(s->cow);
    slot_give(s->slot);
    pool_give(s, sizeof *s);
}

/* ---- attach ---- */

static int passed_on(const struct region *r)
{
    return r->object == 0 && (r->flags & (REGION_KERNEL | REGION_RESERVED)) == 0;
}

static long attach_private(struct region *r, const struct attach_request *a)
{
    struct source *s;

    if (gate_is_ours(a->ds))
        return -L4_ENOENT;
    s = source_new(a->ds);
    if (s == 0)
        return -L4_ENOMEM;
    s->cow = cow_create(a->offset, r->end + 1 - r->start);
    if (s->cow == 0) {
        source_drop(s);
        return -L4_ENOMEM;
    }
    r->object = s;
    return 0;
}

/* The outer map says -2 to a dataspace of another server: that one we resolve ourselves. */
static long attach_shared(struct region *r, const struct attach_request *a)
{
    uint32_t flags = r->flags & ~REGION_PAGER;
    long e = outer_attach(r->start, r->end + 1 - r->start, flags, a->ds, a->offset);

    if (e == -L4_ENOENT && !gate_is_ours(a->ds)) {
        r->object = source_new(a->ds);
        return r->object != 0 ? 0 : -L4_ENOMEM;
    }
    return e == -L4_EPERM ? -L4_EADDRNOTAVAIL : e;
}

static long attach_backing(struct region *r, const struct attach_request *a)
{
    if ((r->flags & (REGION_KERNEL | REGION_RESERVED)) != 0)
        return 0;
    if ((r->flags & REGION_ANON) != 0) {
        uint32_t flags = (r->flags & ~REGION_PAGER) & ~REGION_PRIVATE;
        return outer_attach(r->start, r->end + 1 - r->start, flags, CAP_NONE, 0);
    }
    return (r->flags & REGION_PRIVATE) != 0 ? attach_private(r, a) : attach_shared(r, a);
}

static long page_in_all(const struct region *r)
{
    unsigned access = (r->flags & REGION_W) != 0 ? ACCESS_WRITE : 0;

    for (l4_addr_t at = r->start; at < r->end; at += L4_PAGESIZE) {
        long e = fault_resolve(at, access, 0);
        if (e < 0)
            return e;
    }
    return 0;
}

long space_attach(struct attach_request *a)
{
    if ((a->flags & ~REGION_ATTACH_FLAGS) != 0)
        return -L4_EINVAL;
    long e = region_place(&space, &a->start, a->size, a->flags, a->align);
    if (e == -L4_EINVAL)
        return e;
    int needs_ds = (a->flags & (REGION_RESERVED | REGION_KERNEL | REGION_ANON)) == 0;
    if (needs_ds && l4_is_invalid_cap(a->ds))
        return -L4_ENOENT;
    if (e < 0)
        return e;
    struct region *r = region_new(a->start, region_page_up(a->size), a->flags);
    if (r == 0)
        return -L4_ENOMEM;
    e = attach_backing(r, a);
    if (e < 0) {
        pool_give(r, sizeof *r);
        return e;
    }
    r->offset = l4_trunc_page(a->offset);
    r->client_ref = a->client_ref;
    r->backing = a->backing;
    region_name_set(r, a->name, a->name_length);
    region_insert(&space, r);
    if ((a->flags & REGION_EAGER) != 0 && (r->flags & REGION_RIGHTS) != 0 &&
        (r->flags & (REGION_KERNEL | REGION_RESERVED)) == 0)
        page_in_all(r); /* what could not be supplied now is tried again at the access */
    return 0;
}

/* ---- detach ---- */

long space_detach(l4_addr_t addr, l4_umword_t size, uint32_t flags, l4_addr_t *start, l4_umword_t *length,
                  l4_umword_t *ref)
{
    struct region_cut cut;
    struct region *spare = 0;
    long e = region_cut_find(&space, addr, size, flags, &cut);

    if (e < 0)
        return e;
    int kind = cut.result & ~REGION_AGAIN;
    if (kind == REGION_SPLIT && (spare = pool_take(sizeof *spare)) == 0)
        return -L4_ENOMEM;
    struct region *r = cut.region;
    struct source *s = r->object;

    *start = cut.start;
    *length = cut.end + 1 - cut.start;
    *ref = kind == REGION_KEPT ? CAP_NONE : r->client_ref;
    if (passed_on(r))
        outer_detach(cut.start, *length);
    region_cut(&space, &cut, spare);
    if (s != 0 && kind == REGION_SPLIT)
        s->references++;
    range_unmap(cut.start, cut.end);
    if (kind == REGION_DETACHED) {
        source_drop(s);
        pool_give(r, sizeof *r);
    }
    return cut.result | REGION_UNMAPPED;
}

/* ---- areas ---- */

long space_reserve(l4_addr_t *start, l4_umword_t size, uint32_t flags, unsigned align)
{
    l4_addr_t at = *start;
    long e = region_area_place(&space, &at, size, flags, align);

    if (e < 0)
        return e;
    struct region *a = region_new(at, region_page_up(size), flags);
    if (a == 0)
        return -L4_ENOMEM;
    region_area_insert(&space, a);
    if ((flags & REGION_SEARCH) != 0)
        *start = at;
    return 0;
}

long space_free_area(l4_addr_t addr)
{
    struct region *a = region_area_find(&space, addr, addr);

    if (a == 0)
        return -L4_ENOENT;
    region_area_remove(&space, a);
    pool_give(a, sizeof *a);
    return 0;
}

/* ---- looking at it ---- */

static void dump_list(const char *what, struct region *(*find)(const struct region_map *, word_t, word_t))
{
    const struct region *r;

    for (l4_addr_t from = 0; (r = find(&space, from, ~0ul)) != 0; from = r->end + 1) {
        say("%s %lx-%lx flags %x %s", what, r->start, r->end, r->flags, r->name);
        if (r->end == ~0ul)
            break;
    }
}

void space_dump(void)
{
    say("%s: region map %lx-%lx", program_name(), space.min, space.max);
    dump_list("area", region_area_find);
    dump_list("region", region_find);
}
