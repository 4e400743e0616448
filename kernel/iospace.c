/* SPDX-License-Identifier: MIT */
/*
 * I/O ports: who has which ports from whom. Ports are mapped one to one, so what a task has is a set, and the mapping
 * tree of every single port is given by sets on edges: an edge (from, to) carries the ports that `to` has from `from`.
 *
 * A set is a bitmap of 8 KiB. The set of a task is kept inverted, as the permission bitmap of the processor (bit set =
 * denied); it exists while the task has any port. sigma0 has all ports, from nobody.
 *
 *   I1  the sets of the edges into a task are disjoint, and their union is the set of the task (sigma0: all ports).
 *   I2  the set of an edge is contained in the set of its origin.
 *   I3  an edge with an empty set, and a space without ports and without edges, do not exist.
 *
 * Taking ports away needs no memory and no recursion: the ports vanish from a task's set, I2 is restored on its
 * outgoing edges, which takes ports from other tasks, and these wait on a list for the same. Memory of an edge and of a
 * task's set is charged to the task that receives.
 */
#include "map.h"
#include "memory.h"
#include "task.h"

#define SET_WORDS (ARCH_IO_PORTS / 64u)
#define SET_ORDER 1u /* 8 KiB */
_Static_assert(ARCH_IO_PORTS / 8 == L4_PAGE_SIZE << SET_ORDER, "a set is one block");

struct io_edge {
    struct io_space *from, *to;
    struct list out_link, in_link;
    word_t *set; /* bit set = has the port */
};

struct io_space {
    struct task *task;
    word_t *denied; /* also task->space.io_bitmap */
    struct list out, in;
    struct io_space *work_next;
    bool working;
};

/* Ports [first, end), at least one. */
struct port_range {
    unsigned first, end;
};

static struct slab edge_slab, space_slab;

void io_init(void)
{
    slab_init(&edge_slab, "io_edge", sizeof(struct io_edge));
    slab_init(&space_slab, "io_space", sizeof(struct io_space));
}

/* Bits of word w that belong to the range. */
static word_t range_mask(struct port_range r, unsigned w)
{
    word_t mask = ~0ul;

    if (w == r.first / 64)
        mask &= ~0ul << r.first % 64;
    if (w == (r.end - 1) / 64)
        mask &= ~0ul >> (63 - (r.end - 1) % 64);
    return mask;
}
#define for_words(w, r) for (unsigned w = (r).first / 64, w##_last = ((r).end - 1) / 64; w <= w##_last; w++)
static const struct port_range all_ports = {0, ARCH_IO_PORTS};

static bool set_empty(const word_t *set)
{
    for_words(w, all_ports)
        if (set[w] != 0)
            return false;
    return true;
}

/* ---- spaces and edges ---- */

static struct io_space *space_get(struct task *task)
{
    if (task->io != NULL)
        return task->io;
    struct io_space *s = charged_slab_alloc(task->obj.payer, &space_slab);
    if (s == NULL)
        return NULL;
    s->denied = charged_frame_alloc_raw(task->obj.payer, SET_ORDER);
    if (s->denied == NULL) {
        charged_slab_free(task->obj.payer, &space_slab, s);
        return NULL;
    }
    memset(s->denied, task->is_sigma0 ? 0 : 0xff, ARCH_IO_PORTS / 8);
    s->task = task;
    list_init(&s->out);
    list_init(&s->in);
    task->io = s;
    task->space.io_bitmap = (void *)s->denied;
    arch_io_changed(&task->space);
    return s;
}

static void space_put(struct io_space *s)
{
    struct task *task = s->task;

    if (task->is_sigma0 || !list_empty(&s->in))
        return;
    kassert(list_empty(&s->out)); /* I2 */
    task->io = NULL;
    task->space.io_bitmap = NULL;
    arch_io_changed(&task->space);
    charged_frame_free(task->obj.payer, s->denied, SET_ORDER);
    charged_slab_free(task->obj.payer, &space_slab, s);
}

static struct io_edge *edge_find(struct io_space *from, struct io_space *to)
{
    for (struct list *l = to->in.next; l != &to->in; l = l->next) {
        struct io_edge *e = container_of(l, struct io_edge, in_link);
        if (e->from == from)
            return e;
    }
    return NULL;
}

static struct io_edge *edge_get(struct io_space *from, struct io_space *to)
{
    struct io_edge *e = edge_find(from, to);

    if (e != NULL)
        return e;
    e = charged_slab_alloc(to->task->obj.payer, &edge_slab);
    if (e == NULL)
        return NULL;
    e->set = charged_frame_alloc(to->task->obj.payer, SET_ORDER);
    if (e->set == NULL) {
        charged_slab_free(to->task->obj.payer, &edge_slab, e);
        return NULL;
    }
    e->from = from;
    e->to = to;
    list_push_front(&from->out, &e->out_link);
    list_push_front(&to->in, &e->in_link);
    return e;
}

static void edge_free(struct io_edge *e)
{
    struct factory *payer = e->to->task->obj.payer;

    list_remove(&e->out_link);
    list_remove(&e->in_link);
    charged_frame_free(payer, e->set, SET_ORDER);
    charged_slab_free(payer, &edge_slab, e);
}

/* ---- taking ports away ---- */

struct worklist {
    struct io_space *first;
};

static void work_add(struct worklist *work, struct io_space *s)
{
    if (s->working)
        return;
    s->working = true;
    s->work_next = work->first;
    work->first = s;
}

/* Takes the bits `gone` of word w from the edge and from the task behind it. */
static void edge_take(struct io_edge *e, unsigned w, word_t gone, struct worklist *work)
{
    if (gone == 0)
        return;
    e->set[w] &= ~gone;
    e->to->denied[w] |= gone;
    work_add(work, e->to);
}

/* Restores I2 everywhere, then I3. */
static void work_finish(struct worklist *work, struct port_range r)
{
    struct io_space *done = NULL;

    while (work->first != NULL) {
        struct io_space *s = work->first;
        work->first = s->work_next;
        s->working = false;
        for (struct list *l = s->out.next; l != &s->out; l = l->next) {
            struct io_edge *e = container_of(l, struct io_edge, out_link);
            for_words(w, r)
                edge_take(e, w, e->set[w] & s->denied[w], work);
        }
        arch_io_changed(&s->task->space);
        for (struct list *l = s->in.next, *next; l != &s->in; l = next) {
            struct io_edge *e = container_of(l, struct io_edge, in_link);
            next = l->next;
            if (set_empty(e->set))
                edge_free(e);
        }
        /* A space leaves only after its last outgoing edge, whose other end may still be on the list. */
        if (list_empty(&s->in) && !list_empty(&s->out)) {
            s->work_next = done;
            done = s;
            s->working = true;
        } else {
            space_put(s);
        }
    }
    while (done != NULL) {
        struct io_space *s = done;
        done = s->work_next;
        s->working = false;
        space_put(s);
    }
}

/* Takes ports from the task and from all who have them from it. */
static void space_take(struct io_space *s, struct port_range r)
{
    struct worklist work = {NULL};

    for (struct list *l = s->in.next; l != &s->in; l = l->next) {
        struct io_edge *e = container_of(l, struct io_edge, in_link);
        for_words(w, r)
            edge_take(e, w, e->set[w] & range_mask(r, w), &work);
    }
    work_finish(&work, r);
}

/* Takes ports from all who have them from the task. */
static void space_take_derived(struct io_space *s, struct port_range r)
{
    struct worklist work = {NULL};

    for (struct list *l = s->out.next; l != &s->out; l = l->next) {
        struct io_edge *e = container_of(l, struct io_edge, out_link);
        for_words(w, r)
            edge_take(e, w, e->set[w] & range_mask(r, w), &work);
    }
    work_finish(&work, r);
}

/* ---- map ---- */

static bool space_has(const struct io_space *s, struct port_range r)
{
    if (s == NULL)
        return false;
    for_words(w, r)
        if (~s->denied[w] & range_mask(r, w))
            return true;
    return false;
}

/* Takes from `to` the ports of the range that `from` has; with `keep` those stay that it has from there already. May
 * end both spaces (one may have its ports from the other). */
static void destination_clear(struct task *from, struct task *to, struct port_range r, bool keep)
{
    struct worklist work = {NULL};

    if (to->io == NULL)
        return;
    for (struct list *l = to->io->in.next; l != &to->io->in; l = l->next) {
        struct io_edge *e = container_of(l, struct io_edge, in_link);
        if (!keep || e->from != from->io)
            for_words(w, r)
                edge_take(e, w, e->set[w] & ~from->io->denied[w] & range_mask(r, w), &work);
    }
    work_finish(&work, r);
}

/* `to` gets the ports of the range that `from` has, as its child. */
static int derive(struct task *from, struct task *to, struct port_range r)
{
    destination_clear(from, to, r, true);
    if (!space_has(from->io, r)) /* was derived from what has just gone */
        return MAP_DONE;

    struct io_space *s = space_get(to);
    if (s == NULL)
        return MAP_FAILED;
    struct io_edge *e = edge_get(from->io, s);
    if (e == NULL) {
        space_put(s);
        return MAP_FAILED;
    }
    for_words(w, r) {
        word_t new = ~from->io->denied[w] & range_mask(r, w);
        e->set[w] |= new;
        s->denied[w] &= ~new;
    }
    arch_io_changed(&to->space);
    return MAP_DONE;
}

/* Makes, or with commit uses, the edge that replaces `old` between two other ends for the ports of the range. */
static bool edge_move(struct io_edge *old, struct io_space *from, struct io_space *to, struct port_range r, bool commit)
{
    bool any = false;

    for_words(w, r)
        any |= (old->set[w] & range_mask(r, w)) != 0;
    if (!any)
        return true;
    struct io_edge *e = edge_get(from, to);
    if (e == NULL)
        return false;
    if (commit)
        for_words(w, r) {
            word_t moved = old->set[w] & range_mask(r, w);
            old->set[w] &= ~moved;
            e->set[w] |= moved;
        }
    return true;
}

/* All edges of `from` for the range go over to `to`; without commit they are only made. */
static bool edges_move(struct io_space *from, struct io_space *to, struct port_range r, bool commit)
{
    for (struct list *l = from->in.next, *next; l != &from->in; l = next) {
        next = l->next;
        struct io_edge *e = container_of(l, struct io_edge, in_link);
        if (!edge_move(e, e->from, to, r, commit))
            return false;
    }
    for (struct list *l = from->out.next, *next; l != &from->out; l = next) {
        next = l->next;
        struct io_edge *e = container_of(l, struct io_edge, out_link);
        if (e->to != to && !edge_move(e, to, e->to, r, commit))
            return false;
    }
    return true;
}

/* Drops edges without ports (I3) around a space. */
static void edges_sweep(struct io_space *s)
{
    for (struct list *l = s->in.next, *next; l != &s->in; l = next) {
        struct io_edge *e = container_of(l, struct io_edge, in_link);
        next = l->next;
        if (set_empty(e->set))
            edge_free(e);
    }
    for (struct list *l = s->out.next, *next; l != &s->out; l = next) {
        struct io_edge *e = container_of(l, struct io_edge, out_link);
        next = l->next;
        if (set_empty(e->set))
            edge_free(e);
    }
    space_put(s);
}

/* `to` takes the place of `from` for the ports of the range. */
static int grant(struct task *from, struct task *to, struct port_range r)
{
    destination_clear(from, to, r, false);
    if (!space_has(from->io, r))
        return MAP_DONE;

    struct io_space *a = from->io, *b = space_get(to);
    if (b == NULL)
        return MAP_FAILED;
    bool made = edges_move(a, b, r, false);
    if (made) {
        /* ---- commit: all edges exist ---- */
        edges_move(a, b, r, true);
        for_words(w, r) {
            word_t moved = ~a->denied[w] & range_mask(r, w);
            a->denied[w] |= moved;
            b->denied[w] &= ~moved;
        }
        arch_io_changed(&from->space);
        arch_io_changed(&to->space);
    }
    edges_sweep(b);
    if (from->io != NULL)
        edges_sweep(a);
    return made ? MAP_DONE : MAP_FAILED;
}

/* First port and end of a flexpage, clipped; false: no port. */
static bool fpage_ports(l4_fpage fp, struct port_range *r)
{
    unsigned order = l4_fpage_order(fp);
    word_t first = l4_fpage_start(fp);

    if (order >= 16) {
        *r = all_ports;
        return true;
    }
    first &= ~((1ul << order) - 1);
    if (first >= ARCH_IO_PORTS)
        return false;
    *r = (struct port_range){(unsigned)first, (unsigned)first + (1u << order)};
    return true;
}

int map_io(const struct map_request *rq)
{
    struct port_range r, window = all_ports;
    bool everything = rq->window.raw == L4_FPAGE_ALL;

    if ((!everything && l4_fpage_type(rq->window) != L4_FPAGE_IO) || rq->to->is_sigma0)
        return MAP_DONE;
    if (l4_fpage_rights(rq->send) == 0 || !fpage_ports(rq->send, &r))
        return MAP_NOTHING;
    if (!everything && !fpage_ports(rq->window, &window))
        return MAP_DONE;
    r.first = r.first > window.first ? r.first : window.first;
    r.end = r.end < window.end ? r.end : window.end;
    if (r.first >= r.end)
        return MAP_DONE;
    if (rq->from->is_sigma0 && space_get(rq->from) == NULL)
        return MAP_FAILED;
    if (!space_has(rq->from->io, r))
        return MAP_NOTHING;
    if (rq->from == rq->to) { /* onto itself: lost */
        space_take(rq->from->io, r);
        return MAP_DONE;
    }
    return rq->item & L4_ITEM_GRANT && !rq->from->is_sigma0 ? grant(rq->from, rq->to, r) : derive(rq->from, rq->to, r);
}

/* ---- unmap ---- */

void unmap_io(struct task *task, l4_fpage fp, bool self)
{
    struct port_range r;

    if (task->io == NULL || l4_fpage_rights(fp) == 0 || !fpage_ports(fp, &r))
        return;
    if (self && !task->is_sigma0)
        space_take(task->io, r);
    else
        space_take_derived(task->io, r);
}

void unmap_io_all(struct task *task)
{
    unmap_io(task, l4_fpage_make(L4_FPAGE_IO, 0, 16, L4_MEM_RIGHTS), true);
}

void io_check(const struct task *task)
{
    const struct io_space *s = task->io;

    if (s == NULL) {
        kassert(task->space.io_bitmap == NULL);
        return;
    }
    kassert(s->task == task && task->space.io_bitmap == (void *)s->denied && !s->working);
    kassert(task->is_sigma0 || !list_empty(&s->in)); /* I3 */
    for_words(w, all_ports) {
        word_t have = 0;
        for (const struct list *l = s->in.next; l != &s->in; l = l->next) {
            const struct io_edge *e = container_of(l, const struct io_edge, in_link);
            kassert((have & e->set[w]) == 0); /* I1 */
            have |= e->set[w];
        }
        kassert(have == ~s->denied[w] || task->is_sigma0);
        for (const struct list *l = s->out.next; l != &s->out; l = l->next) {
            const struct io_edge *e = container_of(l, const struct io_edge, out_link);
            kassert((e->set[w] & s->denied[w]) == 0); /* I2 */
        }
    }
    for (const struct list *l = s->in.next; l != &s->in; l = l->next)
        kassert(!set_empty(container_of(l, const struct io_edge, in_link)->set)); /* I3 */
}
