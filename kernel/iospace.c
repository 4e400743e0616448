/* SPDX-License-Identifier: MIT */
/*
 * I/O ports: who has which ports from whom. Ports are mapped one to one, so what a task has is a set, and the mapping
 * tree of every single port is given by sets on edges: an edge (from, to) carries the ports that `to` has from `from`.
 *
 * A set is a bitmap of 8 KiB. The set of a task is kept inverted, as the permission bitmap of the processor (bit set =
 * denied); it exists while the task has any port. sigma0 has all ports, from nobody.
 *
 *   I1  the sets of the edges into a task are disjoint, and their union is the set of the task (sigma0: all ports).
 *   I2  the set of an edge is contained in the set of its origin, unless its origin is on the work list.
 *   I3  an edge with an empty set, and a space without ports and without edges, do not exist; nor does a space with
 *       edges from more than ORIGINS_MAX others: for one more there is no memory.
 *
 * Every operation goes through its ports a chunk at a time. Taking ports away needs no memory and no recursion: they
 * vanish from a task's set, and the task goes on the work list until I2 holds on its outgoing edges, one after the
 * other, which takes ports from other tasks. Interrupts are let in between any two edges (preempt.h); whoever does
 * something with ports next finishes first what is on the list, so there is never more on it than one chunk of one
 * operation. Memory of an edge and of a task's set is charged to the task that receives.
 */
#include "map.h"
#include "memory.h"
#include "task.h"

#define SET_WORDS (ARCH_IO_PORTS / 64u)
#define SET_ORDER 1u /* 8 KiB */
_Static_assert(ARCH_IO_PORTS / 8 == L4_PAGE_SIZE << SET_ORDER, "a set is one block");

/* Ports [first, end), at least one. */
struct port_range {
    unsigned first, end;
};

#define CHUNK 1024u    /* ports */
#define ORIGINS_MAX 16u

/* The work list, and what is done to the ports of a chunk. */
static struct io_work {
    struct io_space *first;
    struct port_range r;
    struct io_space *taker;        /* its edges lose them, though it has them */
    struct io_space *giver, *heir; /* what has gone from giver is on edges of heir now: it was granted */
    bool failed;                   /* for such an edge there was no memory */
} work;

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

/* The chunk that begins with port first, as far as it lies in the range. */
static struct port_range chunk_at(struct port_range r, unsigned first)
{
    unsigned end = (first | (CHUNK - 1)) + 1;

    return (struct port_range){first, end < r.end ? end : r.end};
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
    work_left -= 60;
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
    work_left -= 25;
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

    if (e != NULL || to->in_count == ORIGINS_MAX)
        return e;
    e = charged_slab_alloc(to->task->obj.payer, &edge_slab);
    if (e == NULL)
        return NULL;
    e->set = charged_frame_alloc(to->task->obj.payer, SET_ORDER);
    if (e->set == NULL) {
        charged_slab_free(to->task->obj.payer, &edge_slab, e);
        return NULL;
    }
    work_left -= 80;
    e->from = from;
    e->to = to;
    from->out_count++;
    to->in_count++;
    list_push_back(&from->out, &e->out_link); /* behind those that may be to be looked at */
    list_push_front(&to->in, &e->in_link);
    return e;
}

static void edge_free(struct io_edge *e)
{
    struct factory *payer = e->to->task->obj.payer;

    work_left -= 25;
    e->from->out_count--;
    e->to->in_count--;
    list_remove(&e->out_link);
    list_remove(&e->in_link);
    charged_frame_free(payer, e->set, SET_ORDER);
    charged_slab_free(payer, &edge_slab, e);
}

/* ---- sets and the work list ---- */

static void edge_set(struct io_edge *e, unsigned w, word_t now)
{
    e->words = e->words + (now != 0) - (e->set[w] != 0);
    e->set[w] = now;
}

static void work_add(struct io_space *s)
{
    s->todo = s->out_count;
    if (s->working)
        return;
    s->working = true;
    s->work_next = work.first;
    work.first = s;
}

/* Takes the bits `gone` of word w from the edge and from the task behind it. */
static void edge_take(struct io_edge *e, unsigned w, word_t gone)
{
    if (gone == 0)
        return;
    work_left -= 3;
    edge_set(e, w, e->set[w] & ~gone);
    e->to->denied[w] |= gone;
    work_add(e->to);
}

/* Restores I2 on an edge of s. */
static void edge_adapt(struct io_space *s, struct io_edge *e)
{
    struct io_edge *other = NULL;

    for_words(w, work.r) {
        word_t gone = e->set[w] & (s->denied[w] | (s == work.taker ? range_mask(work.r, w) : 0));

        if (s == work.giver && gone & ~work.heir->denied[w]) {
            if (other == NULL)
                other = edge_get(work.heir, e->to);
            if (other == NULL) {
                work.failed = true;
            } else {
                edge_set(other, w, other->set[w] | gone);
                edge_set(e, w, e->set[w] & ~gone);
                gone = 0;
                work_left -= 6;
            }
        }
        edge_take(e, w, gone);
    }
    if (e->words == 0)
        edge_free(e);
}

/* A window's worth of the work list. True: it is empty. */
static bool work_run(void)
{
    while (work.first != NULL) {
        struct io_space *s = work.first;

        if (s->todo > 0 && !list_empty(&s->out)) {
            struct io_edge *e = list_first(&s->out, struct io_edge, out_link);

            s->todo--;
            list_remove(&e->out_link);
            list_push_back(&s->out, &e->out_link);
            edge_adapt(s, e);
        } else {
            work.first = s->work_next;
            s->working = false;
            arch_io_changed(&s->task->space);
            space_put(s);
        }
        if (!work_done(25))
            return work.first == NULL;
    }
    return true;
}

/* Takes ports of the range from the task: those that `like` has (NULL: all) and that are not from `keep`. True: it had
 * some, and there is work. */
static bool space_take(struct io_space *s, struct port_range r, const struct io_space *like,
                       const struct io_space *keep)
{
    work = (struct io_work){.r = r};
    for (struct list *l = s->in.next, *next; l != &s->in; l = next) {
        struct io_edge *e = container_of(l, struct io_edge, in_link);

        next = l->next;
        work_left -= 8;
        if (e->from == keep)
            continue;
        for_words(w, r)
            edge_take(e, w, e->set[w] & range_mask(r, w) & (like == NULL ? ~0ul : ~like->denied[w]));
        if (e->words == 0)
            edge_free(e);
    }
    return work.first != NULL;
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

/* The map of one chunk. MAP_AGAIN: once more, when the work is done; the tasks may have lost their ports then. */

/* `to` gets the ports of the chunk that `from` has, as its child. */
static int derive(struct task *from, struct task *to, struct port_range r)
{
    if (to->io != NULL && space_take(to->io, r, from->io, from->io))
        return MAP_AGAIN;

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
        edge_set(e, w, e->set[w] | new);
        s->denied[w] &= ~new;
    }
    arch_io_changed(&to->space);
    return MAP_DONE;
}

/* `to` takes the place of `from` for the ports of the chunk that it has from one origin. */
static int grant(struct task *from, struct task *to, struct port_range r)
{
    struct io_space *a = from->io, *b;
    struct io_edge *e, *moved;
    word_t any = 0;

    if (to->io != NULL && space_take(to->io, r, a, NULL))
        return MAP_AGAIN;
    for (struct list *l = a->in.next; any == 0; l = l->next) { /* one of them has some: I1 */
        e = container_of(l, struct io_edge, in_link);
        for_words(w, r)
            any |= e->set[w] & range_mask(r, w);
    }
    b = space_get(to);
    if (b == NULL)
        return MAP_FAILED;
    moved = edge_get(e->from, b);
    if (moved == NULL) {
        space_put(b);
        return MAP_FAILED;
    }
    work = (struct io_work){.r = r, .giver = a, .heir = b};
    for_words(w, r) {
        word_t bits = e->set[w] & range_mask(r, w);
        edge_set(e, w, e->set[w] & ~bits);
        edge_set(moved, w, moved->set[w] | bits);
        a->denied[w] |= bits;
        b->denied[w] &= ~bits;
    }
    if (e->words == 0)
        edge_free(e);
    work_add(a);
    arch_io_changed(&to->space);
    return MAP_AGAIN;
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

/* The first port that is left to do. */
static unsigned port_next(struct port_range r, const struct op_progress *p)
{
    return p->at <= r.first ? r.first : p->at < r.end ? (unsigned)p->at : r.end;
}

/* The ports of the range, which lie in both windows. */
static int map_ports(const struct map_request *rq, struct port_range r)
{
    struct op_progress *p = rq->progress;

    for (;;) {
        int st = MAP_DONE;

        p->at = port_next(r, p);
        if (!work_run())
            return MAP_AGAIN;
        if (unlikely(work.failed)) {
            work.failed = false;
            if (p->found)
                return MAP_FAILED;
        }
        if (p->at == r.end)
            return p->found ? MAP_DONE : MAP_NOTHING;
        struct port_range chunk = chunk_at(r, (unsigned)p->at);
        if (space_has(rq->from->io, chunk)) {
            p->found = true;
            if (rq->from == rq->to) /* onto itself: lost */
                st = space_take(rq->from->io, chunk, NULL, NULL) ? MAP_AGAIN : MAP_DONE;
            else
                st = (rq->item & L4_ITEM_GRANT && !rq->from->is_sigma0 ? grant : derive)(rq->from, rq->to, chunk);
        }
        if (st < 0)
            return st;
        if (st == MAP_DONE)
            p->at = chunk.end;
        if (!work_done(50))
            return MAP_AGAIN;
    }
}

cold_path int map_io(const struct map_request *rq)
{
    struct port_range r, window = all_ports;
    bool everything = map_window_is_all(rq->window);

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
    int st = map_ports(rq, r);
    if (st != MAP_AGAIN)
        rq->progress->at = rq->progress->found = 0; /* W2 */
    return st;
}

/* ---- unmap ---- */

cold_path bool unmap_io(struct task *task, l4_fpage fp, bool self, struct op_progress *p)
{
    struct port_range r;

    if (task->io == NULL || l4_fpage_rights(fp) == 0 || !fpage_ports(fp, &r))
        return true;
    for (;;) {
        p->at = port_next(r, p);
        if (!work_run())
            return false;
        struct io_space *s = task->io;
        if (s == NULL || p->at == r.end) {
            p->at = 0; /* W2 */
            return true;
        }
        struct port_range chunk = chunk_at(r, (unsigned)p->at);
        if (self && !task->is_sigma0) {
            space_take(s, chunk, NULL, NULL);
        } else {
            work = (struct io_work){.r = chunk, .taker = s};
            work_add(s);
        }
        p->at = chunk.end;
        if (!work_done(20))
            return false;
    }
}

void io_check(const struct task *task)
{
    const struct io_space *s = task->io;

    if (s == NULL) {
        kassert(task->space.io_bitmap == NULL);
        return;
    }
    kassert(s->task == task && task->space.io_bitmap == (void *)s->denied && (!s->working || work.first != NULL));
    kassert(task->is_sigma0 || s->working || !list_empty(&s->in)); /* I3 */
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
            kassert((e->set[w] & s->denied[w]) == 0 || s->working); /* I2 */
        }
    }
    unsigned edges = 0;
    for (const struct list *l = s->in.next; l != &s->in; l = l->next, edges++) {
        const struct io_edge *e = container_of(l, const struct io_edge, in_link);
        unsigned words = 0;
        for_words(w, all_ports)
            words += e->set[w] != 0;
        kassert(words == e->words && words != 0); /* I3 */
    }
    kassert(edges == s->in_count && edges <= ORIGINS_MAX);
}
