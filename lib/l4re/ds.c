/* SPDX-License-Identifier: MIT */
/* Client of dataspaces; wire format: protocols section 3. */
#include <l4/re/c/dataspace.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>

enum { OP_MAP, OP_CLEAR, OP_INFO, OP_COPY_IN, OP_ALLOCATE, OP_MAP_INFO };

static long ds_call(struct l4re_call *c, l4re_ds_t ds) { return l4re_call(c, ds, L4RE_PROTO_DATASPACE, L4_IPC_NEVER); }

l4_ret_t l4re_ds_map_task(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_flags_t flags, l4re_ds_map_addr_t local_addr,
                          l4re_ds_map_addr_t min_addr, l4re_ds_map_addr_t max_addr, l4_cap_idx_t task, unsigned *order)
{
    struct l4re_call c;
    struct l4re_item it;
    l4_addr_t base;
    unsigned ask;
    long r;

    local_addr = l4_trunc_page(local_addr);
    ask = l4_fpage_max_order(L4_PAGESHIFT, local_addr, l4_trunc_page(min_addr), l4_round_page(max_addr) - 1, 0);
    base = l4_trunc_size(local_addr, (unsigned char)ask);
    l4re_call_start(&c, OP_MAP);
    l4re_wr_u64(&c.out, offset);
    l4re_wr_u64(&c.out, local_addr - base);
    l4re_wr_u64(&c.out, flags);
    l4re_call_rcv_fpage(&c, l4_fpage(base, ask, 0), task);
    r = ds_call(&c, ds);
    if (r < 0)
        return r;
    it = l4re_rd_item(&c.in);
    if (order)
        *order = it.kind != L4RE_ITEM_MAPPED ? 0 : it.order < ask ? it.order : ask;
    return r;
}

l4_ret_t l4re_ds_map(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_flags_t flags, l4re_ds_map_addr_t local_addr,
                     l4re_ds_map_addr_t min_addr, l4re_ds_map_addr_t max_addr)
{
    return l4re_ds_map_task(ds, offset, flags, local_addr, min_addr, max_addr, L4_INVALID_CAP, NULL);
}

l4_ret_t l4re_ds_map_region(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_flags_t flags, l4re_ds_map_addr_t min_addr,
                            l4re_ds_map_addr_t max_addr)
{
    l4re_ds_map_addr_t addr = l4_trunc_page(min_addr);

    offset = l4_trunc_page(offset);
    max_addr = l4_round_page(max_addr);
    while (addr < max_addr) {
        unsigned order = 0;
        l4re_ds_map_addr_t next;
        long r = l4re_ds_map_task(ds, offset, flags, addr, min_addr, max_addr, L4_INVALID_CAP, &order);

        if (r < 0)
            return r;
        if (order < L4_PAGESHIFT)
            return -L4_EINVAL; /* the server has mapped nothing: going on would not end */
        next = l4_trunc_size(addr, (unsigned char)order) + (1ul << order);
        offset += next - addr;
        addr = next;
    }
    return 0;
}

static long ds_range(l4re_ds_t ds, l4_int32_t op, l4re_ds_offset_t offset, l4re_ds_size_t size)
{
    struct l4re_call c;

    l4re_call_start(&c, op);
    l4re_wr_u64(&c.out, offset);
    l4re_wr_u64(&c.out, size);
    return ds_call(&c, ds);
}

l4_ret_t l4re_ds_clear(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_size_t size)
{
    return ds_range(ds, OP_CLEAR, offset, size);
}

l4_ret_t l4re_ds_allocate(l4re_ds_t ds, l4re_ds_offset_t offset, l4re_ds_size_t size)
{
    return ds_range(ds, OP_ALLOCATE, offset, size);
}

l4_ret_t l4re_ds_copy_in(l4re_ds_t ds, l4re_ds_offset_t dst_offs, l4re_ds_t src, l4re_ds_offset_t src_offs,
                         l4re_ds_size_t size)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_COPY_IN);
    l4re_wr_u64(&c.out, dst_offs);
    l4re_wr_u64(&c.out, src_offs);
    l4re_wr_u64(&c.out, size);
    l4re_wr_cap(&c.out, src, L4_CAP_FPAGE_RO);
    return ds_call(&c, ds);
}

l4_ret_t l4re_ds_info(l4re_ds_t ds, l4re_ds_stats_t *stats)
{
    struct l4re_call c;
    long r;

    l4re_call_start(&c, OP_INFO);
    r = ds_call(&c, ds);
    if (r < 0)
        return r;
    stats->size = l4re_rd_u64(&c.in);
    stats->flags = l4re_rd_u64(&c.in);
    return c.in.err ? c.in.err : r;
}

l4re_ds_size_t l4re_ds_size(l4re_ds_t ds)
{
    l4re_ds_stats_t s;

    return l4re_ds_info(ds, &s) < 0 ? 0 : s.size;
}

l4re_ds_flags_t l4re_ds_flags(l4re_ds_t ds)
{
    l4re_ds_stats_t s;

    return l4re_ds_info(ds, &s) < 0 ? 0 : s.flags;
}

l4_ret_t l4re_ds_map_info(l4re_ds_t ds, l4_addr_t *start_addr, l4_addr_t *end_addr)
{
    struct l4re_call c;
    long r;

    l4re_call_start(&c, OP_MAP_INFO);
    r = ds_call(&c, ds);
    if (r <= 0)
        return r;
    *start_addr = l4re_rd_u64(&c.in);
    *end_addr = l4re_rd_u64(&c.in);
    return c.in.err ? c.in.err : r;
}
