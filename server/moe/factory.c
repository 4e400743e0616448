/* SPDX-License-Identifier: MIT */
/* Factories and their protocols (-15 and 0x400b); the contract and the invariants F1, F2 are in factory.h. */
#include "dma.h"
#include "factory.h"
#include "log.h"
#include "ns.h"
#include "page.h"
#include "rm.h"
#include "sched.h"
#include <l4/re/protocols.h>
#include <string.h>

struct factory root_factory;

/* ---- arguments ---- */

/* An integer argument: 1 found, 0 the list has ended, -22 something else. */
static long arg_integer(struct l4re_msg *m, l4_mword_t *value)
{
    struct l4re_varg v;
    int r = l4re_rd_varg(&m->in, &v);

    if (r <= 0 || v.type == L4_VARG_TYPE_NIL)
        return r < 0 ? -L4_EINVAL : 0;
    if (v.type != L4_VARG_TYPE_UMWORD && v.type != L4_VARG_TYPE_MWORD)
        return -L4_EINVAL;
    *value = (l4_mword_t)v.value;
    return 1;
}

/* ---- what a factory creates: each leaves a new object in *out ---- */

typedef long create_function(struct factory *f, struct l4re_msg *m, struct object **out);

static long create_ds(struct factory *f, struct l4re_msg *m, struct object **out)
{
    l4_mword_t size, flags = 0, align = 0, more;
    struct ds *d;

    if (arg_integer(m, &size) <= 0)
        return -L4_EINVAL;
    if (arg_integer(m, &flags) < 0 || arg_integer(m, &align) < 0 || arg_integer(m, &more) != 0)
        return -L4_EINVAL;
    if (size < 0 && (flags & (DS_CREATE_CONTINUOUS | DS_CREATE_PINNED)) != 0)
        size += (l4_mword_t)(page_largest() * L4_PAGE_SIZE); /* the largest block but so much */
    if (size <= 0)
        return -L4_ERANGE;
    long r = ds_create(f, (word_t)size, (unsigned)flags, align < 64 && align >= 0 ? (unsigned)align : 64, &d);
    if (r >= 0)
        *out = &d->object;
    return r;
}

static long create_ns(struct factory *f, struct l4re_msg *m, struct object **out)
{
    struct ns *ns;
    long r = ns_create(f, &ns);

    (void)m;
    if (r >= 0)
        *out = &ns->object;
    return r;
}

static long create_rm(struct factory *f, struct l4re_msg *m, struct object **out)
{
    struct rm *rm;
    long r = rm_create(f, &rm);

    (void)m;
    if (r >= 0)
        *out = &rm->object;
    return r;
}

static long create_dma(struct factory *f, struct l4re_msg *m, struct object **out)
{
    (void)m;
    return dma_create(f, out);
}

static long create_log(struct factory *f, struct l4re_msg *m, struct object **out)
{
    struct l4re_varg tag, colour;

    if (l4re_rd_varg(&m->in, &tag) <= 0 || tag.type != L4_VARG_TYPE_STRING)
        return -L4_EINVAL;
    int r = l4re_rd_varg(&m->in, &colour);
    if (r < 0)
        return -L4_EINVAL;
    unsigned value = LINE_COLOUR_DEFAULT;
    if (r > 0 && colour.type == L4_VARG_TYPE_STRING)
        value = line_colour(colour.str);
    else if (r > 0 && colour.type != L4_VARG_TYPE_NIL)
        value = (unsigned)colour.value & 15u;
    return log_create(f, tag.str, strlen(tag.str), value, out);
}

static long create_sched(struct factory *f, struct l4re_msg *m, struct object **out)
{
    l4_mword_t limit, base, word;
    l4_umword_t mask[SCHED_MASK_WORDS];
    unsigned words = 0;
    long r;

    if (f != &root_factory)
        return -L4_ENODEV;
    if (arg_integer(m, &limit) <= 0 || arg_integer(m, &base) <= 0)
        return -L4_EINVAL;
    while ((r = arg_integer(m, &word)) > 0)
        if (words < SCHED_MASK_WORDS)
            mask[words++] = (l4_umword_t)word;
    if (r < 0)
        return r;
    if (limit < 0 || limit > 255 || base < 0 || base > 255)
        return -L4_ERANGE;
    if (limit <= base)
        return -L4_EINVAL;
    return sched_create(f, (unsigned)limit, (unsigned)base, mask, words, out);
}

static long create_factory(struct factory *f, struct l4re_msg *m, struct object **out)
{
    l4_mword_t limit;

    if (arg_integer(m, &limit) <= 0 || limit <= 0)
        return -L4_EINVAL;
    struct factory *n = factory_take(f, sizeof *n);
    if (n == NULL)
        return -L4_ENOMEM;
    if (!quota_take(&f->quota, (word_t)limit)) {
        factory_give(f, n, sizeof *n);
        return -L4_ENOMEM;
    }
    object_init(&n->object, &factory_type, f);
    n->parent = f;
    n->quota.limit = (word_t)limit;
    arena_init(&n->arena, &n->quota);
    n->next = f->children;
    n->link = &f->children;
    if (n->next != NULL)
        n->next->link = &n->next;
    f->children = n;
    *out = &n->object;
    return 0;
}

static const struct {
    long type;
    create_function *create;
} creators[] = {
    {L4RE_PROTO_DATASPACE, create_ds}, {L4RE_PROTO_NAMESPACE, create_ns}, {L4RE_PROTO_RM, create_rm},
    {L4RE_PROTO_DMA_SPACE, create_dma}, {L4_PROTO_LOG, create_log}, {L4_PROTO_SCHEDULER, create_sched},
    {L4_PROTO_FACTORY, create_factory},
};

static long op_create(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct factory *f = (struct factory *)obj;
    long type = (long)l4re_rd_i64(&m->in);
    struct object *o = NULL;

    if (m->in.err != 0)
        return m->in.err;
    for (unsigned i = 0; i < sizeof creators / sizeof *creators; i++) {
        if (creators[i].type != type)
            continue;
        long r = creators[i].create(f, m, &o);
        if (r >= 0 && (r = object_reply(o, m, L4_CAP_FPAGE_RWSD)) < 0)
            object_doom(o);
        return r;
    }
    return -L4_ENODEV;
}

/* ---- memory information ---- */

static long op_info(struct l4re_obj *obj, struct l4re_msg *m)
{
    const struct factory *f = (const struct factory *)obj;

    l4re_wr_u64(&m->out, f->quota.limit);
    l4re_wr_u64(&m->out, f->quota.used);
    l4re_wr_u64(&m->out, page_total() * L4_PAGE_SIZE);
    l4re_wr_u64(&m->out, (page_total() - page_available()) * L4_PAGE_SIZE);
    l4re_wr_u64(&m->out, page_available() * L4_PAGE_SIZE);
    return 0;
}

static long op_debug(struct l4re_obj *obj, struct l4re_msg *m)
{
    const struct factory *f = (const struct factory *)obj;
    unsigned objects = 0;

    l4re_rd_u64(&m->in);
    if (m->in.err != 0)
        return m->in.err;
    for (const struct object *o = f->objects; o != NULL; o = o->next)
        objects++;
    say("factory: %u objects, %lu of %lu bytes used; memory: %lu of %lu KiB free", objects, f->quota.used,
        f->quota.limit, page_available() * 4, page_total() * 4);
    return 0;
}

/* ---- the end ---- */

/* Everything the factory has created goes with it; sub-factories first, without recursion. */
static void factory_destroy(struct object *o)
{
    struct factory *top = (struct factory *)o, *f = top;

    for (;;) {
        while (f->children != NULL)
            f = f->children;
        while (f->objects != NULL)
            f->objects->type->destroy(f->objects);
        struct factory *parent = f->parent;
        *f->link = f->next;
        if (f->next != NULL)
            f->next->link = f->link;
        object_remove(&f->object);
        quota_give(&parent->quota, f->quota.limit);
        bool done = f == top;
        factory_give(parent, f, sizeof *f);
        if (done)
            break;
        f = parent;
    }
}

void factory_init_root(void)
{
    root_factory.object = (struct object){.type = &factory_type, .is_fixed = true};
    root_factory.object.obj.cap = L4_INVALID_CAP;
    root_factory.quota.limit = ~0ul;
    arena_init(&root_factory.arena, &root_factory.quota);
}

static const struct l4re_op info_ops[] = {{.code = 0, .fn = op_info}};
static const struct l4re_op create_ops[] = {{.rights = L4_CAP_FPAGE_S, .fn = op_create}};
static const struct l4re_op debug_ops[] = {{.fn = op_debug}};
static const struct l4re_proto protos[] = {
    {L4RE_PROTO_MEM_ALLOC, "N4L4Re9Mem_allocE", L4RE_CODE_INT, L4RE_OPS(info_ops)},
    {L4_PROTO_FACTORY, "N2L47FactoryE", L4RE_CODE_NONE, L4RE_OPS(create_ops)},
    {L4RE_PROTO_DEBUG, "N4L4Re9Debug_objE", L4RE_CODE_NONE, L4RE_OPS(debug_ops)},
};
const struct object_type factory_type = {
    .iface = {L4RE_IFACE(protos), .gone = object_gate_gone},
    .unused = factory_destroy,
    .destroy = factory_destroy,
};
