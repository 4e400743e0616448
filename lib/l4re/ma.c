/* SPDX-License-Identifier: MIT */
/* Client of dataspace allocators; wire format: protocols section 5. */
#include <l4/re/c/mem_alloc.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <l4/sys/factory.h>

l4_ret_t l4re_ma_alloc_align_srv(l4_cap_idx_t srv, long size, l4re_ds_t const mem, unsigned long flags,
                                 unsigned long align)
{
    l4_utcb_t *u = l4_utcb();
    l4_msgtag_t tag;

    if (l4_is_invalid_cap(srv)) /* it would name the calling thread */
        return l4_ipc_to_errno(L4_IPC_ENOT_EXISTENT);
    if (l4_is_invalid_cap(mem)) /* the memory would be made, and nobody could hold it */
        return -L4_EINVAL;
    tag = l4_factory_create_start_u(L4RE_PROTO_DATASPACE, mem, u);
    l4_factory_create_add_int_u(size, &tag, u);
    l4_factory_create_add_uint_u(flags, &tag, u);
    l4_factory_create_add_uint_u(align, &tag, u);
    return l4_error_u(l4_factory_create_commit_u(srv, tag, u), u);
}

l4_ret_t l4re_ma_info_srv(l4_cap_idx_t srv, l4re_ma_stats_t *stats)
{
    struct l4re_call c;
    long r;

    l4re_call_start(&c, 0);
    r = l4re_call(&c, srv, L4RE_PROTO_MEM_ALLOC, L4_IPC_NEVER);
    if (r < 0)
        return r;
    stats->quota_limit = l4re_rd_u64(&c.in);
    stats->quota_used = l4re_rd_u64(&c.in);
    stats->mem_limit = l4re_rd_u64(&c.in);
    stats->mem_used = l4re_rd_u64(&c.in);
    stats->mem_free = l4re_rd_u64(&c.in);
    return c.in.err ? c.in.err : r;
}
