/* SPDX-License-Identifier: MIT */
/* The dataspace protocol (0x4000) on top of ds.c. */
#include "ds.h"
#include <l4/re/protocols.h>
#include <string.h>

#define PAGE_MASK (L4_PAGE_SIZE - 1)
#define CACHE_MASK 0x30u
#define CACHE_BUFFERED 0x10u
#define CACHE_NONE 0x20u

static bool is_writable(const struct ds *d, const struct l4re_msg *m)
{
    return (d->flags & DS_W) != 0 && (m->rights & L4_CAP_FPAGE_W) != 0;
}

static unsigned char caching_of(unsigned flags)
{
    switch (flags & CACHE_MASK) {
    case 0:
        return 0;
    case CACHE_BUFFERED:
        return L4_FPAGE_BUFFERABLE;
    default:
        return L4_FPAGE_UNCACHEABLE;
    }
}

static long op_map(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct ds *d = (struct ds *)obj;
    word_t offset = l4re_rd_u64(&m->in), spot = l4re_rd_u64(&m->in);
    unsigned flags = (unsigned)l4re_rd_u64(&m->in);
    l4_fpage_t page;

    if (m->in.err != 0)
        return m->in.err;
    if (((flags & DS_W) != 0 && !is_writable(d, m)) || ((flags & DS_X) != 0 && (d->flags & DS_X) == 0))
        return -L4_EPERM;
    long r = ds_block(d, offset, flags & DS_RIGHTS, spot, 0, ~0ul, &page);
    if (r >= 0)
        l4re_wr_item(&m->out, l4_map_control(spot, caching_of(flags), L4_MAP_ITEM_MAP), page);
    return r;
}

static void memory_clear(struct ds *d, word_t offset, word_t size)
{
    while (size > 0) {
        word_t n = L4_PAGE_SIZE - (offset & PAGE_MASK);
        n = n < size ? n : size;
        if (d->kind != DS_LAZY || ds_address(d, offset, false) != 0) {
            word_t at = ds_address(d, offset, true);
            if (at != 0)
                memset((void *)at, 0, n);
        }
        offset += n;
        size -= n;
    }
}

static long op_clear(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct ds *d = (struct ds *)obj;
    word_t offset = l4re_rd_u64(&m->in), size = l4re_rd_u64(&m->in), bytes = d->pages * L4_PAGE_SIZE;

    if (m->in.err != 0)
        return m->in.err;
    if (!is_writable(d, m))
        return -L4_EACCESS;
    if (offset >= bytes)
        return -L4_ERANGE;
    size = size < bytes - offset ? size : bytes - offset;
    word_t first = (offset + PAGE_MASK) >> L4_PAGE_SHIFT, end = (offset + size) >> L4_PAGE_SHIFT;
    if (d->kind == DS_LAZY && first < end) { /* whole pages go, the ends are written */
        ds_pages_drop(d, first, end - 1);
        memory_clear(d, offset, (first << L4_PAGE_SHIFT) - offset);
        size -= (end << L4_PAGE_SHIFT) - offset;
        offset = end << L4_PAGE_SHIFT;
    }
    memory_clear(d, offset, size);
    return 0;
}

static long op_info(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct ds *d = (struct ds *)obj;

    l4re_wr_u64(&m->out, d->size);
    l4re_wr_u64(&m->out, is_writable(d, m) ? d->flags : d->flags & ~DS_W);
    return 0;
}

static long op_copy_in(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct ds *d = (struct ds *)obj;
    word_t dst = l4re_rd_u64(&m->in), src = l4re_rd_u64(&m->in), size = l4re_rd_u64(&m->in);

    if (m->in.err != 0)
        return m->in.err;
    if (l4_msgtag_items(m->tag) == 0)
        return -L4_EMSGTOOSHORT;
    struct l4re_item item = l4re_msg_item(m, NULL);
    struct object *from = object_of(&item, &ds_type);
    if (!is_writable(d, m))
        return -L4_EACCESS;
    if (from == NULL)
        return -L4_EINVAL;
    return ds_copy(d, dst, (struct ds *)from, src, size);
}

static long op_allocate(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct ds *d = (struct ds *)obj;
    word_t offset = l4re_rd_u64(&m->in), size = l4re_rd_u64(&m->in), bytes = d->pages * L4_PAGE_SIZE;

    if (m->in.err != 0)
        return m->in.err;
    if (offset > bytes || size > bytes - offset)
        return -L4_ERANGE;
    if (d->kind != DS_LAZY || size == 0)
        return 0;
    for (word_t at = offset & ~PAGE_MASK; at < offset + size; at += L4_PAGE_SIZE)
        if (ds_address(d, at, false) == 0 && ds_address(d, at, true) == 0)
            return -L4_ENOMEM;
    return 0;
}

/* Addresses are fixed only on systems without an MMU. */
static long op_map_info(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    l4re_wr_u64(&m->out, 0);
    l4re_wr_u64(&m->out, 0);
    return 0;
}

static const struct l4re_op ops[] = {
    {.code = 0, .fn = op_map},     {.code = 1, .fn = op_clear},    {.code = 2, .fn = op_info},
    {.code = 3, .fn = op_copy_in}, {.code = 4, .fn = op_allocate}, {.code = 5, .fn = op_map_info},
};
const struct l4re_proto ds_protos[1] = {
    {L4RE_PROTO_DATASPACE, "N4L4Re9DataspaceE", L4RE_CODE_INT, L4RE_OPS(ops)},
};
