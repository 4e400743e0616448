/* SPDX-License-Identifier: MIT */
/* The region-map protocol (0x4005) and the pager and exception protocols on top of rm.c. */
#include "moe.h"
#include "rm_proto.h"
#include <l4/re/protocols.h>
#include <string.h>

#define LIST_MAX 21u
#define FAULT_WRITE 2ul
#define FAULT_FETCH 4ul

struct record {
    l4_uint64_t start, end;
    l4_uint16_t flags, pad[3];
};
_Static_assert(sizeof(struct record) == 24, "binary interface");

static long op_attach(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct attach_request a = {.ds = NULL};

    a.start = l4re_rd_u64(&m->in);
    a.size = l4re_rd_u64(&m->in);
    a.flags = l4re_rd_u32(&m->in);
    a.offset = l4re_rd_u64(&m->in);
    a.align = l4re_rd_u8(&m->in);
    a.client_ref = l4re_rd_u64(&m->in);
    a.name = l4re_rd_string(&m->in);
    a.backing = l4re_rd_u64(&m->in);
    if (m->in.err != 0)
        return m->in.err;
    struct l4re_item item = l4re_msg_item(m, NULL);
    a.ds = (struct ds *)object_of(&item, &ds_type);
    if (a.ds != NULL)
        a.ds_rights = a.ds->flags & ((item.data & L4_CAP_FPAGE_W) != 0 ? DS_RIGHTS : DS_R | DS_X);
    long r = rm_attach((struct rm *)obj, &a);
    if (r >= 0)
        l4re_wr_u64(&m->out, a.start);
    return r;
}

static long op_detach(struct l4re_obj *obj, struct l4re_msg *m)
{
    word_t addr = l4re_rd_u64(&m->in), size = l4re_rd_u64(&m->in), ref;
    unsigned flags = l4re_rd_u32(&m->in);
    struct region_cut cut;

    if (m->in.err != 0)
        return m->in.err;
    long r = rm_detach((struct rm *)obj, addr, size, flags, &cut, &ref);
    if (r < 0)
        return r;
    l4re_wr_u64(&m->out, cut.start);
    l4re_wr_u64(&m->out, cut.end - cut.start + 1);
    l4re_wr_u64(&m->out, ref);
    return r;
}

/* The in-task map knows more than this one: only it answers. */
static long op_find(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    l4re_rd_u64(&m->in);
    l4re_rd_u64(&m->in);
    return m->in.err != 0 ? m->in.err : -L4_EPERM;
}

static long op_reserve(struct l4re_obj *obj, struct l4re_msg *m)
{
    word_t start = l4re_rd_u64(&m->in), size = l4re_rd_u64(&m->in);
    unsigned flags = l4re_rd_u32(&m->in), align = l4re_rd_u8(&m->in);

    if (m->in.err != 0)
        return m->in.err;
    long r = rm_reserve((struct rm *)obj, &start, size, flags, align);
    if (r >= 0)
        l4re_wr_u64(&m->out, start);
    return r;
}

static long op_free_area(struct l4re_obj *obj, struct l4re_msg *m)
{
    word_t addr = l4re_rd_u64(&m->in);

    return m->in.err != 0 ? m->in.err : rm_area_free((struct rm *)obj, addr);
}

typedef struct region *find_function(const struct region_map *map, word_t start, word_t last);

/* Up to 21 records from an address on; the result is their number. */
static long list(struct l4re_obj *obj, struct l4re_msg *m, find_function *find)
{
    struct rm *rm = (struct rm *)obj;
    word_t start = l4re_rd_u64(&m->in);
    const struct region *r;
    long n = 0;

    if (m->in.err != 0)
        return m->in.err;
    while (n < (long)LIST_MAX && (r = find(&rm->map, start, ~0ul)) != NULL) {
        struct record record = {r->start, r->end, (l4_uint16_t)r->flags, {0, 0, 0}};
        l4re_wr_data(&m->out, &record, sizeof record, 8);
        n++;
        if (r->end == ~0ul)
            break;
        start = r->end + 1;
    }
    return n;
}

static long op_regions(struct l4re_obj *obj, struct l4re_msg *m) { return list(obj, m, region_find); }
static long op_areas(struct l4re_obj *obj, struct l4re_msg *m) { return list(obj, m, region_area_find); }

static long op_info(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct rm *rm = (struct rm *)obj;
    word_t addr = l4re_rd_u64(&m->in);

    if (m->in.err != 0)
        return m->in.err;
    const struct region *r = region_find(&rm->map, addr, addr);
    if (r == NULL)
        return -L4_ENOENT;
    l4re_wr_string(&m->out, r->name);
    l4re_wr_u64(&m->out, r->backing);
    return 0;
}

static long op_rescue_add(struct l4re_obj *obj, struct l4re_msg *m)
{
    word_t start = l4re_rd_u64(&m->in), end = l4re_rd_u64(&m->in), to = l4re_rd_u64(&m->in);

    return m->in.err != 0 ? m->in.err : rm_rescue_add((struct rm *)obj, start, end, to);
}

static long op_rescue_remove(struct l4re_obj *obj, struct l4re_msg *m)
{
    word_t pc = l4re_rd_u64(&m->in);

    return m->in.err != 0 ? m->in.err : rm_rescue_remove((struct rm *)obj, pc);
}

static void reply_page(struct l4re_msg *m, word_t addr, l4_fpage_t page)
{
    l4re_wr_item(&m->out, l4_map_control(addr, 0, L4_MAP_ITEM_MAP), page);
}

static long op_page_in(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct rm *rm = (struct rm *)obj;
    word_t min = l4re_rd_u64(&m->in), max = l4re_rd_u64(&m->in);
    unsigned rights = l4re_rd_u16(&m->in) & REGION_RIGHTS;
    l4_fpage_t page;

    if (m->in.err != 0)
        return m->in.err;
    if ((min & (L4_PAGE_SIZE - 1)) != 0 || (max & (L4_PAGE_SIZE - 1)) != L4_PAGE_SIZE - 1 || max < min)
        return -L4_EINVAL;
    if (region_find(&rm->map, min, min) == NULL)
        return -L4_ENOENT;
    long r = rm_page(rm, min, rights, &page);
    if (r < 0)
        return r;
    l4re_wr_u64(&m->out, 0);
    reply_page(m, min, page);
    return 0;
}

static long page_fault(struct l4re_obj *obj, struct l4re_msg *m)
{
    word_t addr = l4re_rd_u64(&m->in), ip = l4re_rd_u64(&m->in);
    unsigned need = (addr & FAULT_FETCH) != 0 ? REGION_X : (addr & FAULT_WRITE) != 0 ? REGION_W : REGION_R;
    l4_fpage_t page;

    if (m->in.err != 0)
        return m->in.err;
    addr &= ~7ul;
    long r = rm_page((struct rm *)obj, addr, need, &page);
    if (r < 0) {
        debug(DEBUG_EXCEPTIONS, "page fault at %lx (instruction %lx) refused: %ld", addr, ip, r);
        return r;
    }
    reply_page(m, addr, page);
    return 0;
}

static long io_page_fault(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    debug(DEBUG_EXCEPTIONS, "access to I/O port %lx refused", l4re_rd_u64(&m->in) >> L4_PAGE_SHIFT);
    return -L4_ENOMEM;
}

static long exception(struct l4re_obj *obj, struct l4re_msg *m)
{
    l4_exc_regs_t *regs = l4re_rd_data(&m->in, sizeof *regs, 8);

    if (m->in.err != 0)
        return m->in.err;
    if (!rm_exception((struct rm *)obj, regs))
        return -L4_ENOREPLY;
    l4re_wr_data(&m->out, regs, sizeof *regs, 8);
    return 0;
}

static const struct l4re_op rm_ops[] = {
    {.code = 0, .fn = op_attach},     {.code = 1, .fn = op_detach},        {.code = 2, .fn = op_find},
    {.code = 3, .fn = op_reserve},    {.code = 4, .fn = op_free_area},     {.code = 5, .fn = op_regions},
    {.code = 6, .fn = op_areas},      {.code = 7, .fn = op_info},          {.code = 8, .fn = op_rescue_add},
    {.code = 9, .fn = op_rescue_remove}, {.code = 10, .fn = op_page_in},
};
static const struct l4re_op page_fault_ops[] = {{.fn = page_fault}};
static const struct l4re_op io_ops[] = {{.fn = io_page_fault}};
static const struct l4re_op exception_ops[] = {{.fn = exception}};

const struct l4re_proto rm_protos[RM_PROTOS] = {
    {0, "v", L4RE_CODE_NONE, NULL, 0},
    {L4RE_PROTO_RM, "N4L4Re2RmE", L4RE_CODE_INT, L4RE_OPS(rm_ops)},
    {L4_PROTO_PAGE_FAULT, "N2L45PagerE", L4RE_CODE_NONE, L4RE_OPS(page_fault_ops)},
    {L4_PROTO_IO_PAGE_FAULT, "N2L48Io_pagerE", L4RE_CODE_NONE, L4RE_OPS(io_ops)},
    {L4_PROTO_EXCEPTION, "N2L49ExceptionE", L4RE_CODE_NONE, L4RE_OPS(exception_ops)},
};
