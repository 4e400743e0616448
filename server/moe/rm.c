/* SPDX-License-Identifier: MIT */
/* Region maps: attaching, detaching, faults, exceptions; the contract is in rm.h, the protocol in rm_proto.c. */
#include "rm_proto.h"
#include "moe.h"

/* ---- attachments and their dataspaces (M1) ---- */

static void link_ds(struct attachment *a, struct ds *d)
{
    a->ds = d;
    if (d == NULL)
        return;
    a->next = d->attached;
    a->link = &d->attached;
    if (a->next != NULL)
        a->next->link = &a->next;
    d->attached = a;
}

static void unlink_ds(struct attachment *a)
{
    if (a->ds == NULL)
        return;
    *a->link = a->next;
    if (a->next != NULL)
        a->next->link = a->link;
    a->ds = NULL;
}

void rm_attachment_void(struct attachment *a) { unlink_ds(a); }

static struct attachment *attachment_new(struct rm *rm)
{
    struct attachment *a = factory_take(rm->object.owner, sizeof *a);

    if (a != NULL)
        a->rm = rm;
    return a;
}

static void attachment_free(struct attachment *a)
{
    struct ds *d = a->ds;

    unlink_ds(a);
    factory_give(a->rm->object.owner, a, sizeof *a);
    if (d != NULL)
        ds_unattached(d);
}

/* ---- attach ---- */

/* The dataspace that will really be attached: the caller's, a private copy, fresh memory, or none. */
static long attach_source(struct rm *rm, const struct attach_request *a, word_t size, struct ds **out)
{
    *out = NULL;
    if ((a->flags & (REGION_RESERVED | REGION_KERNEL)) != 0)
        return 0;
    if ((a->flags & REGION_ANON) != 0)
        return ds_create(rm->object.owner, size, 0, 0, out);
    if (a->ds == NULL)
        return -L4_ENOENT;
    unsigned need = a->flags & REGION_RIGHTS;
    if ((a->flags & REGION_PRIVATE) != 0)
        need &= ~REGION_W;
    if ((need & ~a->ds_rights) != 0)
        return -L4_EPERM;
    if ((a->flags & REGION_PRIVATE) == 0) {
        *out = a->ds;
        return 0;
    }
    long r = ds_create(rm->object.owner, size, 0, 0, out);
    if (r < 0)
        return r;
    r = ds_copy(*out, 0, a->ds, a->offset, size);
    if (r < 0)
        object_doom(&(*out)->object);
    return r;
}

long rm_attach(struct rm *rm, struct attach_request *a)
{
    word_t size = region_page_up(a->size);
    struct ds *source;

    if ((a->flags & ~REGION_ATTACH_FLAGS) != 0 || (a->flags & REGION_PAGER) != 0)
        return -L4_EINVAL;
    long r = region_place(&rm->map, &a->start, a->size, a->flags, a->align);
    if (r < 0)
        return r;
    struct attachment *n = attachment_new(rm);
    if (n == NULL)
        return -L4_ENOMEM;
    r = attach_source(rm, a, size, &source);
    if (r < 0) {
        attachment_free(n);
        return r;
    }

    /* ---- commit: nothing below can fail ---- */
    bool own = source != a->ds; /* private or fresh memory begins with the region */
    n->region.start = a->start;
    n->region.end = a->start + size - 1;
    n->region.flags = a->flags & REGION_FLAGS;
    n->region.offset = own ? 0 : a->offset;
    n->region.backing = a->backing;
    n->region.client_ref = a->client_ref;
    region_name_set(&n->region, a->name, REGION_NAME_LEN);
    link_ds(n, source);
    region_insert(&rm->map, &n->region);
    return 0;
}

/* ---- detach ---- */

long rm_detach(struct rm *rm, word_t addr, word_t size, uint32_t flags, struct region_cut *cut, word_t *ref)
{
    struct attachment *spare = NULL;
    long r = region_cut_find(&rm->map, addr, size, flags, cut);

    if (r < 0)
        return r;
    struct attachment *a = (struct attachment *)cut->region;
    if ((cut->result & REGION_SPLIT) != 0 && (spare = attachment_new(rm)) == NULL)
        return -L4_ENOMEM;

    /* ---- commit: nothing below can fail ---- */
    *ref = (cut->result & REGION_KEPT) != 0 ? L4_INVALID_CAP : a->region.client_ref;
    region_cut(&rm->map, cut, spare == NULL ? NULL : &spare->region);
    if (spare != NULL)
        link_ds(spare, a->ds);
    if ((cut->result & (REGION_KEPT | REGION_SPLIT)) == 0)
        attachment_free(a);
    return cut->result;
}

/* ---- areas ---- */

long rm_reserve(struct rm *rm, word_t *start, word_t size, uint32_t flags, unsigned align)
{
    word_t asked = *start;
    long r = region_area_place(&rm->map, start, size, flags, align);

    if (r < 0)
        return r;
    struct attachment *n = attachment_new(rm);
    if (n == NULL)
        return -L4_ENOMEM;
    n->region.start = *start;
    n->region.end = *start + region_page_up(size) - 1;
    n->region.flags = flags & REGION_FLAGS;
    region_area_insert(&rm->map, &n->region);
    if ((flags & REGION_SEARCH) == 0)
        *start = asked; /* a fixed start comes back as it was given */
    return 0;
}

long rm_area_free(struct rm *rm, word_t addr)
{
    struct region *a = region_area_find(&rm->map, addr, addr);

    if (a == NULL)
        return -L4_ENOENT;
    region_area_remove(&rm->map, a);
    attachment_free((struct attachment *)a);
    return 0;
}

/* ---- faults ---- */

static struct rm *last_fault; /* the region map that answered a page fault last, while it exists */

long rm_page(struct rm *rm, word_t addr, unsigned need, l4_fpage_t *page)
{
    struct region *r = region_find(&rm->map, addr, addr);
    struct attachment *a = (struct attachment *)r;

    last_fault = rm;
    if (r == NULL || rm->no_tables)
        return -L4_ENOMEM;
    if ((r->flags & (REGION_RESERVED | REGION_KERNEL)) != 0)
        return -L4_ENODEV;
    if ((need & ~r->flags) != 0)
        return -L4_EACCESS;
    if (a->ds == NULL)
        return -L4_ENOMEM;
    long e = ds_fault(a->ds, addr - r->start + r->offset, need, r->flags & REGION_RIGHTS, addr, r->offset,
                      r->offset + (r->end - r->start), page);
    return e < 0 ? -L4_ENOMEM : 0; /* beyond its end, or no memory */
}

/* ---- rescue ranges ---- */

struct rescue {
    struct rescue *next;
    word_t start, end, to; /* end exclusive */
};

long rm_rescue_add(struct rm *rm, word_t start, word_t end, word_t to)
{
    if (start >= end)
        return -L4_EINVAL;
    for (struct rescue *r = rm->rescues; r != NULL; r = r->next)
        if (start < r->end && r->start < end)
            return -L4_EEXIST;
    struct rescue *n = factory_take(rm->object.owner, sizeof *n);
    if (n == NULL)
        return -L4_ENOMEM;
    *n = (struct rescue){rm->rescues, start, end, to};
    rm->rescues = n;
    return 0;
}

static struct rescue **rescue_find(struct rm *rm, word_t pc)
{
    struct rescue **at = &rm->rescues;

    while (*at != NULL && (pc < (*at)->start || pc >= (*at)->end))
        at = &(*at)->next;
    return at;
}

long rm_rescue_remove(struct rm *rm, word_t pc)
{
    struct rescue **at = rescue_find(rm, pc), *r = *at;

    if (r == NULL)
        return -L4_ENOENT;
    *at = r->next;
    factory_give(rm->object.owner, r, sizeof *r);
    return 0;
}

/* ---- exceptions of the task's service thread ---- */

/* The loader attaches the service's segments under the name of the program; "[stack]" and the like are no names. */
static const char *program_name(const struct rm *rm)
{
    const struct region *r = region_find(&rm->map, 0, ~0ul);

    while (r != NULL && (r->name[0] == 0 || r->name[0] == '['))
        r = r->end == ~0ul ? NULL : region_find(&rm->map, r->end + 1, ~0ul);
    return r == NULL ? "a program" : r->name;
}

void rm_fault_unmapped(const struct l4re_obj *obj)
{
    struct rm *rm = last_fault;

    if (rm == NULL || &rm->object.obj != obj || rm->no_tables)
        return;
    rm->no_tables = true;
    say("%s: no kernel memory for its page tables: the quota of its factory is used up", program_name(rm));
}

bool rm_exception(struct rm *rm, l4_exc_regs_t *regs)
{
    const struct rescue *rescue = *rescue_find(rm, regs->ip);
    const char *program = program_name(rm);

    if (rescue != NULL) {
        regs->ip = rescue->to;
        return true;
    }
    if (regs->trapno == 14)
        say("%s: its in-task service cannot %s address %lx (instruction %lx, stack %lx): stopped", program,
            (regs->err & 0x10) != 0 ? "execute" : (regs->err & 2) != 0 ? "write" : "read", regs->pfa, regs->ip,
            regs->sp);
    else
        say("%s: its in-task service raised exception %lu, error %lx (instruction %lx, stack %lx): stopped", program,
            regs->trapno, regs->err, regs->ip, regs->sp);
    return false;
}

/* ---- creation and end ---- */

long rm_create(struct factory *f, struct rm **out)
{
    struct rm *rm = factory_take(f, sizeof *rm);

    if (rm == NULL)
        return -L4_ENOMEM;
    object_init(&rm->object, &rm_type, f);
    rm->map.min = moe.user_low;
    rm->map.max = moe.user_high;
    *out = rm;
    return 0;
}

static void rm_free(struct object *o)
{
    struct rm *rm = (struct rm *)o;
    struct region *r;

    if (last_fault == rm)
        last_fault = NULL;
    while ((r = region_find(&rm->map, 0, ~0ul)) != NULL) {
        region_remove(&rm->map, r);
        attachment_free((struct attachment *)r);
    }
    while ((r = region_area_find(&rm->map, 0, ~0ul)) != NULL) {
        region_area_remove(&rm->map, r);
        attachment_free((struct attachment *)r);
    }
    while (rm->rescues != NULL)
        rm_rescue_remove(rm, rm->rescues->start);
    object_remove(o);
    factory_give(o->owner, rm, sizeof *rm);
}

const struct object_type rm_type = {
    .iface = {.protos = rm_protos, .proto_count = RM_PROTOS, .gone = object_gate_gone},
    .unused = rm_free,
    .destroy = rm_free,
};
