/* SPDX-License-Identifier: MIT */
/*
 * mmap and its relatives on the region map of the task:
 *   anonymous memory       attach with Anonymous + Private; the pages come with the first access
 *   PROT_NONE              a reserved area without regions: an address range that faults
 *   mprotect in such one   attach inside the area
 *   a file                 attach of its dataspace, Private when writing was asked for
 * The region map has no operation that changes the rights of a region: mprotect answers 0 when the rights are there
 * already or would only shrink, -EACCES when they would have to grow.
 */
#include "layer.h"
#include <errno.h>
#include <sys/mman.h>
#include <l4/re/c/rm.h>
#include <l4/re/consts.h>

static int pages_ok(unsigned long address, unsigned long size)
{
    return address % L4_PAGESIZE == 0 && size != 0 && size <= SIZE_MAX / 2 && address + size > address;
}

static l4re_rm_flags_t region_rights(long protection)
{
    return (protection & PROT_READ ? L4RE_RM_F_R : 0u) | (protection & PROT_WRITE ? L4RE_RM_F_R | L4RE_RM_F_W : 0u) |
           (protection & PROT_EXEC ? L4RE_RM_F_R | L4RE_RM_F_X : 0u);
}

/* Takes away everything in the range: parts of regions, too. */
static long range_detach(unsigned long address, unsigned long size)
{
    long result;

    do
        result = l4re_rm_detach_range_srv(l4re_env()->rm, address, size, L4RE_RM_DETACH_EXACT, NULL, NULL, NULL,
                                          L4RE_THIS_TASK_CAP);
    while (result >= 0 && (result & L4RE_RM_DETACH_AGAIN));
    return result < 0 && result != -L4_ENOENT ? labe_errno(result) : 0;
}

long labe_sys_munmap(const long *a)
{
    unsigned long address = (unsigned long)a[0], size = l4_round_page((unsigned long)a[1]);

    if (!pages_ok(address, size))
        return -EINVAL;
    long result = range_detach(address, size);
    if (result < 0)
        return result;

    /* What is left in the range are areas; one that lies inside it goes, too. */
    for (unsigned long at = address; at < address + size;) {
        l4_addr_t start = at;
        unsigned long length = address + size - at;
        l4re_rm_flags_t flags;

        if (l4re_rm_find(&start, &length, NULL, &flags, NULL) < 0 || !(flags & L4RE_RM_F_IN_AREA))
            break;
        if (start >= address && start + length <= address + size)
            l4re_rm_free_area(start);
        at = start + length;
    }
    return 0;
}

static long attach(unsigned long address, unsigned long size, l4re_rm_flags_t flags, l4re_ds_t ds, uint64_t offset)
{
    void *start = (void *)address;
    long result = l4re_rm_attach(&start, size, flags, ds, offset, L4_PAGESHIFT);

    return result < 0 ? labe_errno(result) : (long)start;
}

static long range_reserve(unsigned long address, unsigned long size, int fixed)
{
    l4_addr_t start = address;
    long result = l4re_rm_reserve_area(&start, size, fixed ? 0 : L4RE_RM_F_SEARCH_ADDR, L4_PAGESHIFT);

    return result < 0 ? labe_errno(result) : (long)start;
}

/* MAP_FIXED replaces what is there; a range inside an area stays inside it. */
static l4re_rm_flags_t place_flags(unsigned long address, unsigned long size)
{
    l4_addr_t start = address;
    unsigned long length = size;
    l4re_rm_flags_t flags;

    if (l4re_rm_find(&start, &length, NULL, &flags, NULL) < 0)
        return 0;
    return flags & L4RE_RM_F_IN_AREA;
}

/* The dataspace of a file that may be mapped like this. */
static long file_check(long fd, long protection, long kind, long offset, l4re_ds_t *ds)
{
    uint64_t bytes;
    long result = labe_file_dataspace(fd, ds, &bytes);

    if (result < 0)
        return result;
    if (offset < 0 || offset % (long)L4_PAGESIZE != 0)
        return -EINVAL;
    if ((uint64_t)offset >= bytes)
        return -ENXIO;
    return (protection & PROT_WRITE) && !(kind & MAP_PRIVATE) ? -EACCES : 0;
}

long labe_sys_mmap(const long *a)
{
    unsigned long address = (unsigned long)a[0], size = l4_round_page((unsigned long)a[1]);
    long protection = a[2], kind = a[3], result = 0;
    int fixed = (kind & MAP_FIXED) != 0;
    l4re_rm_flags_t place = L4RE_RM_F_SEARCH_ADDR;
    l4re_ds_t ds = L4_INVALID_CAP;

    if ((unsigned long)a[1] > SIZE_MAX / 2)
        return -ENOMEM;
    if (size == 0 || !(kind & (MAP_PRIVATE | MAP_SHARED)) || (fixed && !pages_ok(address, size)))
        return -EINVAL;
    if (!(kind & MAP_ANONYMOUS))
        result = file_check(a[4], protection, kind, a[5], &ds);
    if (result == 0 && fixed)
        result = range_detach(address, size);
    if (result < 0)
        return result;
    if (fixed)
        place = place_flags(address, size);
    else
        address = 0; /* a wish is not a promise */

    if (!(kind & MAP_ANONYMOUS))
        return attach(address, size,
                      place | region_rights(protection) | (protection & PROT_WRITE ? L4RE_RM_F_PRIVATE : 0u), ds,
                      (uint64_t)a[5]);
    if (region_rights(protection) == 0)
        return place & L4RE_RM_F_IN_AREA ? (long)address : range_reserve(address, size, fixed);
    return attach(address, size, place | region_rights(protection) | L4RE_RM_F_ANONYMOUS | L4RE_RM_F_PRIVATE,
                  L4_INVALID_CAP, 0);
}

long labe_memory_map(size_t size)
{
    return attach(0, l4_round_page(size),
                  L4RE_RM_F_SEARCH_ADDR | L4RE_RM_F_RW | L4RE_RM_F_ANONYMOUS | L4RE_RM_F_PRIVATE, L4_INVALID_CAP, 0);
}

long labe_memory_attach(l4_cap_idx_t ds, size_t size)
{
    return attach(0, l4_round_page(size), L4RE_RM_F_SEARCH_ADDR | L4RE_RM_F_R, ds, 0);
}

long labe_memory_unmap(long address, size_t size)
{
    return range_detach((unsigned long)address, l4_round_page(size));
}

long labe_sys_mprotect(const long *a)
{
    unsigned long at = (unsigned long)a[0], end = at + l4_round_page((unsigned long)a[1]);
    l4re_rm_flags_t rights = region_rights(a[2]);

    if (a[1] == 0)
        return 0;
    if (!pages_ok(at, end - at))
        return -EINVAL;
    while (at < end) {
        l4_addr_t start = at;
        unsigned long length = end - at;
        l4re_rm_flags_t flags;

        long result = l4re_rm_find(&start, &length, NULL, &flags, NULL);
        if (result >= 0 && start > at) { /* regions come first in the answer: is there an area before this one? */
            unsigned long gap_end = start;
            start = at;
            length = gap_end - at;
            result = l4re_rm_find(&start, &length, NULL, &flags, NULL);
            if (start + length > gap_end)
                length = gap_end - start;
        }
        if (result < 0 || start > at)
            return -ENOMEM;
        unsigned long stop = start + length < end ? start + length : end;
        if (flags & L4RE_RM_F_IN_AREA) {
            if (rights == 0)
                return 0;
            result = attach(at, stop - at, L4RE_RM_F_IN_AREA | rights | L4RE_RM_F_ANONYMOUS | L4RE_RM_F_PRIVATE,
                            L4_INVALID_CAP, 0);
            if (result < 0)
                return result;
        } else if ((rights & ~flags & L4RE_RM_F_RWX) != 0) {
            return -EACCES;
        }
        at = stop;
    }
    return 0;
}

long labe_sys_madvise(const long *a)
{
    /* Advice may be ignored, but MADV_DONTNEED promises zeroes. */
    return a[2] == MADV_DONTNEED ? -EINVAL : 0;
}

long labe_sys_msync(const long *a)
{
    (void)a;
    return 0;
}

long labe_sys_brk(const long *a)
{
    (void)a; /* no heap that grows at one end: the allocator uses mmap */
    return 0;
}
