/* SPDX-License-Identifier: MIT */
/* From a faulting address to a page: looks up the region and asks whoever has the memory. */
#include "rm.h"

static int missing_rights(const struct region *r, unsigned access)
{
    unsigned wanted = (access & ACCESS_WRITE) != 0 ? REGION_W : (access & ACCESS_FETCH) != 0 ? REGION_X : REGION_R;

    return (r->flags & wanted) == 0;
}

static long resolve_dataspace(const struct region *r, const struct source *s, l4_addr_t addr, unsigned access)
{
    unsigned rights = r->flags & (REGION_RIGHTS | REGION_CACHE_MASK);
    unsigned order;

    if (s->cow != 0)
        return cow_resolve(s->cow, r, s->slot, addr, access);
    if ((access & ACCESS_WRITE) == 0)
        rights &= ~REGION_W; /* a server may want to know who writes */
    addr = l4_trunc_page(addr);
    long e = ds_map(s->slot, r->offset + (addr - r->start), addr, r->start, r->end, rights, &order);
    return e < 0 ? -L4_ENOMEM : 0;
}

long fault_resolve(l4_addr_t addr, unsigned access, l4_addr_t ip)
{
    const struct region *r = region_find(&space, addr, addr);

    if (r == 0)
        return -L4_ENOMEM;
    if ((r->flags & (REGION_KERNEL | REGION_RESERVED)) != 0)
        return -L4_ENODEV;
    if (missing_rights(r, access))
        return -L4_EACCESS;
    if (r->object != 0)
        return resolve_dataspace(r, r->object, addr, access);
    return outer_fault((addr & ~7ul) | (access & 7u), ip);
}

/* Why fault_resolve() fails, for people. */
const char *fault_reason(l4_addr_t addr, unsigned access)
{
    const struct region *r = region_find(&space, addr, addr);

    if (addr > space.max)
        return "no program can have memory there";
    if (r == 0)
        return "nothing is attached there";
    if ((r->flags & REGION_KERNEL) != 0)
        return "this range belongs to the kernel";
    if ((r->flags & REGION_RESERVED) != 0)
        return "this range is reserved to stay empty";
    if (missing_rights(r, access))
        return (access & ACCESS_WRITE) != 0 ? "the memory there is not writable"
             : (access & ACCESS_FETCH) != 0 ? "the memory there is not executable"
                                            : "the memory there is not readable";
    return "no memory was supplied there: the quota is used up, or the object ends before";
}

/* ---- memory of the application, touched by us ---- */

/* Kernel-user memory is always there; everything else is brought in, page by page, before we touch it. */
static int touch(l4_addr_t addr, unsigned access)
{
    const struct region *r = region_find(&space, addr, addr);

    return r != 0 && (r->flags & REGION_KERNEL) != 0 ? 0 : (int)fault_resolve(addr, access, 0);
}

static int range_touch(l4_addr_t start, size_t size, unsigned access)
{
    l4_addr_t last = start + size - 1;

    if (size == 0)
        return 0;
    if (last < start)
        return -L4_ENOMEM;
    for (l4_addr_t at = l4_trunc_page(start);; at += L4_PAGESIZE) {
        int e = touch(at, access);
        if (e < 0)
            return e;
        if (last - at < L4_PAGESIZE)
            return 0;
    }
}

int user_read(void *to, l4_addr_t from, size_t size)
{
    int e = range_touch(from, size, 0);

    if (e == 0)
        memcpy(to, (const void *)from, size);
    return e;
}

int user_write(l4_addr_t to, const void *from, size_t size)
{
    int e = range_touch(to, size, ACCESS_WRITE);

    if (e == 0)
        memcpy((void *)to, from, size);
    return e;
}
