/* SPDX-License-Identifier: MIT */
/* DMA spaces (0x4008) and their manager (protocol 0); what they are is in dma.h. */
#include "dma.h"
#include "ds.h"
#include <l4/re/protocols.h>

struct dma {
    struct object object;
    bool is_associated;
    word_t min, max; /* addresses the devices of this space can reach */
};

struct object dma_manager;

/* ---- a space ---- */

static long op_map(struct l4re_obj *obj, struct l4re_msg *m)
{
    const struct dma *dma = (const struct dma *)obj;
    word_t offset = l4re_rd_u64(&m->in), size = l4re_rd_u64(&m->in);
    l4re_rd_u8(&m->in);  /* alignment and attributes choose an address: here the memory has one */
    l4re_rd_u32(&m->in);
    l4re_rd_u64(&m->in);
    word_t max = l4re_rd_u64(&m->in);
    if (m->in.err != 0)
        return m->in.err;
    struct l4re_item item = l4re_msg_item(m, NULL);
    const struct ds *d = (const struct ds *)object_of(&item, &ds_type);
    if (!dma->is_associated || d == NULL || d->kind == DS_LAZY)
        return -L4_EINVAL;
    word_t bytes = d->pages * L4_PAGE_SIZE;
    if (offset >= bytes)
        return -L4_ERANGE;
    size = size < bytes - offset ? size : bytes - offset;
    word_t address = d->address + offset, last = address + (size > 0 ? size - 1 : 0);
    if (last > max || last > dma->max || address < dma->min)
        return -L4_EADDRNOTAVAIL;
    l4re_wr_u64(&m->out, size);
    l4re_wr_u64(&m->out, address);
    return 0;
}

/* Device addresses are not taken away by unmapping: there is nothing between device and memory. */
static long op_unmap(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    l4re_rd_u64(&m->in);
    l4re_rd_u64(&m->in);
    l4re_rd_u32(&m->in);
    return m->in.err;
}

long dma_create(struct factory *f, struct object **out)
{
    struct dma *dma = factory_take(f, sizeof *dma);

    if (dma == NULL)
        return -L4_ENOMEM;
    object_init(&dma->object, &dma_type, f);
    dma->max = ~0ul;
    *out = &dma->object;
    return 0;
}

static void dma_free(struct object *o)
{
    object_remove(o);
    factory_give(o->owner, o, sizeof(struct dma));
}

/* ---- the manager ---- */

/* The space that comes with the request: 0, -1001 without an item, -2 when it is no space. */
static long space_of(struct l4re_msg *m, struct dma **dma)
{
    *dma = NULL;
    if (m->in.err != 0)
        return m->in.err;
    if (l4_msgtag_items(m->tag) == 0)
        return -L4_EMSGTOOSHORT;
    struct l4re_item item = l4re_msg_item(m, NULL);
    *dma = (struct dma *)object_of(&item, &dma_type);
    return *dma == NULL ? -L4_ENOENT : 0;
}

static long associate(struct l4re_msg *m)
{
    unsigned attributes = l4re_rd_u32(&m->in);
    struct dma *dma;
    long r = space_of(m, &dma);

    if (r < 0)
        return r;
    if (dma->is_associated)
        return -L4_EBUSY;
    if (attributes != 0) /* an identity mapping needs an IOMMU */
        return -L4_EINVAL;
    dma->is_associated = true;
    return 0;
}

static long op_associate(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    return associate(m);
}

static long op_disassociate(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct dma *dma;
    long r = space_of(m, &dma);

    (void)obj;
    if (r < 0)
        return r;
    dma->is_associated = false;
    return 0;
}

static long op_set_limits(struct l4re_obj *obj, struct l4re_msg *m)
{
    word_t min = l4re_rd_u64(&m->in), max = l4re_rd_u64(&m->in);
    struct dma *dma;
    long r = space_of(m, &dma);

    (void)obj;
    if (r < 0)
        return r;
    if (min > max)
        return -L4_EINVAL;
    dma->min = min;
    dma->max = max;
    return 0;
}

static const struct l4re_op space_ops[] = {{.code = 0, .fn = op_map}, {.code = 1, .fn = op_unmap}};
static const struct l4re_proto space_protos[] = {
    {L4RE_PROTO_DMA_SPACE, "N4L4Re9Dma_spaceE", L4RE_CODE_INT, L4RE_OPS(space_ops)},
};
const struct object_type dma_type = {
    .iface = {L4RE_IFACE(space_protos), .gone = object_gate_gone},
    .unused = dma_free,
    .destroy = dma_free,
};

static const struct l4re_op manager_ops[] = {
    {.code = 0, .fn = op_associate},
    {.code = 1, .fn = op_associate},
    {.code = 2, .fn = op_disassociate},
    {.code = 4, .fn = op_set_limits},
};
static const struct l4re_proto manager_protos[] = {
    {0, "N4L4Re13Dma_space_mgrE", L4RE_CODE_INT, L4RE_OPS(manager_ops)},
};
static const struct object_type manager_type = {.iface = {L4RE_IFACE(manager_protos)}};

void dma_init(void)
{
    dma_manager = (struct object){.type = &manager_type, .is_fixed = true};
    dma_manager.obj.cap = L4_INVALID_CAP;
}
