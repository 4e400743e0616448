/* SPDX-License-Identifier: MIT */
/* Client of region maps; wire format: protocols section 4. */
#include <l4/re/c/debug.h>
#include <l4/re/c/rm.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <l4/sys/task.h>
#include <string.h>

enum {
    OP_ATTACH,
    OP_DETACH,
    OP_FIND,
    OP_RESERVE_AREA,
    OP_FREE_AREA,
    OP_GET_REGIONS,
    OP_GET_AREAS,
    OP_GET_INFO,
    OP_ADD_RESCUE,
    OP_REMOVE_RESCUE,
    OP_PAGE_IN
};

#define RANGES_MAX 21u

static long rm_call(struct l4re_call *c, l4_cap_idx_t rm) { return l4re_call(c, rm, L4RE_PROTO_RM, L4_IPC_NEVER); }

int l4re_rm_reserve_area_srv(l4_cap_idx_t rm, l4_addr_t *start, unsigned long size, l4re_rm_flags_t flags,
                             unsigned char align)
{
    struct l4re_call c;
    long r;

    l4re_call_start(&c, OP_RESERVE_AREA);
    l4re_wr_u64(&c.out, *start);
    l4re_wr_u64(&c.out, size);
    l4re_wr_u32(&c.out, flags);
    l4re_wr_u8(&c.out, align);
    r = rm_call(&c, rm);
    if (r < 0)
        return (int)r;
    *start = l4re_rd_u64(&c.in);
    return (int)c.in.err;
}

int l4re_rm_free_area_srv(l4_cap_idx_t rm, l4_addr_t addr)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_FREE_AREA);
    l4re_wr_u64(&c.out, addr);
    return (int)rm_call(&c, rm);
}

int l4re_rm_attach_w_info_srv(l4_cap_idx_t rm, void **start, unsigned long size, l4re_rm_flags_t flags, l4re_ds_t mem,
                              l4re_rm_offset_t offs, unsigned char align, char const *name,
                              l4re_ds_offset_t backing_offset)
{
    struct l4re_call c;
    long r;

    if (!(flags & L4RE_RM_F_RWX) || (flags & (L4RE_RM_F_RESERVED | L4RE_RM_F_KERNEL)))
        mem = L4_INVALID_CAP; /* nothing will ever be mapped from it */
    l4re_call_start(&c, OP_ATTACH);
    l4re_wr_u64(&c.out, (l4_addr_t)*start);
    l4re_wr_u64(&c.out, size);
    l4re_wr_u32(&c.out, flags);
    l4re_wr_u64(&c.out, offs);
    l4re_wr_u8(&c.out, align);
    l4re_wr_u64(&c.out, mem);
    l4re_wr_string(&c.out, name ? name : "");
    l4re_wr_u64(&c.out, backing_offset);
    if (l4_is_valid_cap(mem)) {
        int write = (flags & L4RE_RM_F_W) && !(flags & L4RE_RM_F_PRIVATE);

        l4re_wr_cap(&c.out, mem, write ? L4_CAP_FPAGE_RW : L4_CAP_FPAGE_RO);
    }
    r = rm_call(&c, rm);
    if (r < 0)
        return (int)r;
    *start = (void *)l4re_rd_u64(&c.in);
    return (int)c.in.err;
}

int l4re_rm_attach_srv(l4_cap_idx_t rm, void **start, unsigned long size, l4re_rm_flags_t flags, l4re_ds_t mem,
                       l4re_rm_offset_t offs, unsigned char align)
{
    return l4re_rm_attach_w_info_srv(rm, start, size, flags, mem, offs, align, NULL, 0);
}

/* Unmaps [start, start + size) of task, in the largest aligned pieces. */
static void unmap_range(l4_cap_idx_t task, l4_addr_t start, unsigned long size)
{
    while (size >= L4_PAGESIZE) {
        unsigned order = l4_fpage_max_order(L4_PAGESHIFT, start, start, start + size - 1, 0);

        l4_task_unmap(task, l4_fpage(start, order, L4_FPAGE_RWX), L4_FP_ALL_SPACES);
        start += 1ul << order;
        size -= 1ul << order;
    }
}

int l4re_rm_detach_range_srv(l4_cap_idx_t rm, l4_addr_t addr, unsigned long size, unsigned flags, l4_addr_t *start,
                             unsigned long *len, l4re_ds_t *ds, l4_cap_idx_t task)
{
    struct l4re_call c;
    l4_addr_t gone;
    unsigned long gone_len;
    l4re_ds_t gone_ds;
    long r;

    l4re_call_start(&c, OP_DETACH);
    l4re_wr_u64(&c.out, addr);
    l4re_wr_u64(&c.out, size);
    l4re_wr_u32(&c.out, flags);
    r = rm_call(&c, rm);
    if (r < 0)
        return (int)r;
    gone = l4re_rd_u64(&c.in);
    gone_len = l4re_rd_u64(&c.in);
    gone_ds = l4re_rd_u64(&c.in);
    if (c.in.err)
        return (int)c.in.err;
    if (start)
        *start = gone;
    if (len)
        *len = gone_len;
    if (ds)
        *ds = gone_ds;
    if (!(r & L4RE_RM_DETACH_UNMAPPED) && l4_is_valid_cap(task))
        unmap_range(task, gone, gone_len);
    return (int)(r & ~(long)L4RE_RM_DETACH_UNMAPPED);
}

int l4re_rm_detach_srv(l4_cap_idx_t rm, l4_addr_t addr, l4re_ds_t *ds, l4_cap_idx_t task)
{
    return l4re_rm_detach_range_srv(rm, addr, 1, L4RE_RM_DETACH_OVERLAP, NULL, NULL, ds, task);
}

int l4re_rm_find_srv(l4_cap_idx_t rm, l4_addr_t *addr, unsigned long *size, l4re_rm_offset_t *offset,
                     l4re_rm_flags_t *flags, l4re_ds_t *m)
{
    struct l4re_call c;
    l4_addr_t start;
    unsigned long len;
    l4re_rm_flags_t f;
    l4re_rm_offset_t off;
    l4re_ds_t ds;
    long r;

    l4re_call_start(&c, OP_FIND);
    l4re_wr_u64(&c.out, *addr);
    l4re_wr_u64(&c.out, *size);
    r = rm_call(&c, rm);
    if (r < 0)
        return (int)r;
    start = l4re_rd_u64(&c.in);
    len = l4re_rd_u64(&c.in);
    f = l4re_rd_u32(&c.in);
    off = l4re_rd_u64(&c.in);
    ds = l4re_rd_u64(&c.in);
    if (c.in.err)
        return (int)c.in.err;
    *addr = start;
    *size = len;
    if (flags)
        *flags = f;
    if (offset)
        *offset = off;
    if (m)
        *m = ds;
    return (int)r;
}

int l4re_rm_get_info_srv(l4_cap_idx_t rm, l4_addr_t addr, char *name, unsigned int len,
                         l4re_rm_offset_t *backing_offset)
{
    struct l4re_call c;
    char const *text;
    l4_uint64_t backing;
    long r;

    l4re_call_start(&c, OP_GET_INFO);
    l4re_wr_u64(&c.out, addr);
    r = rm_call(&c, rm);
    if (r < 0)
        return (int)r;
    text = l4re_rd_string(&c.in);
    backing = l4re_rd_u64(&c.in);
    if (c.in.err)
        return (int)c.in.err;
    if (len) {
        unsigned n = (unsigned)strlen(text);

        n = n < len ? n : len - 1;
        memcpy(name, text, n);
        name[n] = 0;
    }
    if (backing_offset)
        *backing_offset = backing;
    return 0;
}

static int get_ranges(l4_cap_idx_t rm, l4_int32_t op, l4_addr_t start, l4re_rm_range_t *out, unsigned max)
{
    struct l4re_call c;
    void *p;
    long r;

    l4re_call_start(&c, op);
    l4re_wr_u64(&c.out, start);
    r = rm_call(&c, rm);
    if (r < 0)
        return (int)r;
    if (r > (long)RANGES_MAX)
        return -L4_EMSGTOOLONG;
    if ((unsigned)r > max)
        r = max;
    p = l4re_rd_data(&c.in, (unsigned)r * (unsigned)sizeof *out, 8);
    if (!p)
        return (int)c.in.err;
    memcpy(out, p, (unsigned)r * sizeof *out);
    return (int)r;
}

int l4re_rm_get_regions_srv(l4_cap_idx_t rm, l4_addr_t start, l4re_rm_range_t *out, unsigned max)
{
    return get_ranges(rm, OP_GET_REGIONS, start, out, max);
}

int l4re_rm_get_areas_srv(l4_cap_idx_t rm, l4_addr_t start, l4re_rm_range_t *out, unsigned max)
{
    return get_ranges(rm, OP_GET_AREAS, start, out, max);
}

/* The in-task map answers with a function of this task that does the work in the caller's own context; a map elsewhere
 * answers with one mapping per request. */
int l4re_rm_page_in_srv(l4_cap_idx_t rm, l4_addr_t min, l4_addr_t max, unsigned rights)
{
    while (min <= max) {
        struct l4re_call c;
        struct l4re_item it;
        int (*helper)(l4_addr_t, l4_addr_t, unsigned);
        l4_addr_t next;
        long r;

        l4re_call_start(&c, OP_PAGE_IN);
        l4re_wr_u64(&c.out, min);
        l4re_wr_u64(&c.out, max);
        l4re_wr_u16(&c.out, (l4_uint16_t)rights);
        l4re_call_rcv_fpage(&c, l4_fpage(0, L4_WHOLE_ADDRESS_SPACE, 0), L4_INVALID_CAP);
        r = rm_call(&c, rm);
        if (r < 0)
            return (int)r;
        helper = (int (*)(l4_addr_t, l4_addr_t, unsigned))l4re_rd_u64(&c.in);
        it = l4re_rd_item(&c.in);
        if (helper)
            return helper(min, max, rights);
        if (it.kind != L4RE_ITEM_MAPPED || it.order < L4_PAGESHIFT)
            return -L4_EINVAL;
        next = l4_trunc_size(min, (unsigned char)it.order) + (1ul << it.order);
        if (next <= min)
            break; /* the end of the address space */
        min = next;
    }
    return 0;
}

void l4re_rm_show_lists_srv(l4_cap_idx_t rm) { l4re_debug_obj_debug(rm, 0); }
