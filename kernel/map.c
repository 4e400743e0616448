/* SPDX-License-Identifier: MIT */
/*
 * Map, grant and unmap of memory: from flexpages to page tables (arch_pt_*) and to the mapping database (mapdb.c).
 *
 * A map goes page by page through the source window. Each step leaves everything consistent; a step that finds no
 * memory ends the map, and what was mapped before stays. sigma0 is special: it has every valid physical page, one to
 * one, whether its page table knows it already or not; its leaves and root mappings are made here on demand, and
 * nothing can be mapped into it or taken from it.
 */
#include "map.h"
#include "memory.h"
#include "task.h"

#define MEM_ORDER_MIN L4_PAGE_SHIFT

static word_t order_mask(unsigned order) { return (1ul << order) - 1; }

void map_module_init(void)
{
    mapdb_init();
    io_init();
    ku_mem_init();
}

struct map_window map_window_combine(word_t snd, unsigned snd_order, word_t rcv, unsigned rcv_order, word_t hot)
{
    struct map_window w;

    snd &= ~order_mask(snd_order);
    rcv &= ~order_mask(rcv_order);
    if (rcv_order >= snd_order) {
        w.src = snd;
        w.dst = rcv + (hot & order_mask(rcv_order) & ~order_mask(snd_order));
        w.order = snd_order;
    } else {
        w.src = snd + (hot & order_mask(snd_order) & ~order_mask(rcv_order));
        w.dst = rcv;
        w.order = rcv_order;
    }
    return w;
}

int map_fpage(const struct map_request *rq)
{
    if (unlikely(rq->to->obj.dead)) /* what its threads got now would be left when it is freed */
        return MAP_FAILED;
    if (l4_fpage_type(rq->send) == L4_FPAGE_MEM)
        return map_memory(rq);
    if (l4_fpage_type(rq->send) == L4_FPAGE_OBJ)
        return map_caps(rq);
    return l4_fpage_type(rq->send) == L4_FPAGE_IO ? map_io(rq) : MAP_DONE;
}

/* ---- sigma0's memory ---- */

enum ram_kind { RAM_NONE, RAM_ALL, RAM_MIXED };

/* Is the block described as memory (not device memory), entirely, in part, or not at all? */
static enum ram_kind ram_kind(word_t pa, unsigned order)
{
    enum ram_kind kind = RAM_NONE;
    unsigned count = kip.mem_count < L4_KIP_MEM_SLOTS ? kip.mem_count : L4_KIP_MEM_SLOTS;

    work_left -= (int)count / 2;

    for (unsigned i = 0; i < count; i++) {
        struct l4_mem_desc d = kip.mem[i];
        unsigned type = l4_mem_desc_type(d);
        if ((d.low & L4_MEM_VIRTUAL) || type == L4_MEM_UNDEFINED || type == L4_MEM_SHARED || type == L4_MEM_ARCH)
            continue;
        if (l4_mem_desc_start(d) <= pa && l4_mem_desc_end(d) >= pa + order_mask(order))
            return RAM_ALL;
        if (l4_mem_desc_start(d) <= pa + order_mask(order) && l4_mem_desc_end(d) >= pa)
            kind = RAM_MIXED;
    }
    return kind;
}

/* Gives sigma0 the largest page around va that is valid and of one kind. */
static cold_path status_t sigma0_leaf_make(struct task *sigma0, word_t va, struct pt_entry *e)
{
    const unsigned *orders;
    unsigned n = arch_page_orders(&orders);
    unsigned limit = arch_pt_order_at(&sigma0->space, va, orders[n - 1]);

    while (n-- > 0) {
        unsigned order = orders[n];
        word_t start = va & ~order_mask(order);
        if (order > limit || !arch_phys_valid(start, order))
            continue;
        enum ram_kind kind = ram_kind(start, order);
        if (kind == RAM_MIXED && order > MEM_ORDER_MIN)
            continue;
        *e = (struct pt_entry){.va = start, .pa = start, .order = order, .rights = L4_MEM_RIGHTS,
                               .cache = kind == RAM_NONE ? L4_ITEM_UNCACHED : L4_ITEM_CACHED};
        e->leaf = arch_pt_place(&sigma0->space, sigma0->obj.payer, start, order);
        if (e->leaf == NULL)
            return -L4_ERR_NOMEM;
        arch_leaf_set(e->leaf, e);
        return OK;
    }
    return -L4_ERR_INVAL;
}

bool map_sigma0_fault(struct task *sigma0, word_t addr)
{
    struct pt_entry e;

    if (addr >= L4_USER_END || !arch_phys_valid(addr & ~order_mask(MEM_ORDER_MIN), MEM_ORDER_MIN))
        return false;
    if (arch_pt_lookup(&sigma0->space, addr, &e))
        return !e.ku;
    return sigma0_leaf_make(sigma0, addr, &e) == OK;
}

/* The next page that sigma0 has, or could have, in [va, end); makes its leaf. 1: found, 0: none before e->va, or
 * -NOMEM. */
static cold_path int sigma0_next(struct task *sigma0, word_t va, word_t end, struct pt_entry *e)
{
    word_t limit = L4_USER_END;

    while (limit > L4_PAGE_SIZE && !arch_phys_valid(limit - L4_PAGE_SIZE, MEM_ORDER_MIN))
        limit >>= 1;
    for (; va < end && va < limit; va += L4_PAGE_SIZE) {
        if (arch_pt_lookup(&sigma0->space, va, e))
            return 1;
        status_t st = sigma0_leaf_make(sigma0, va, e);
        if (st == OK)
            return 1;
        if (st == -L4_ERR_NOMEM)
            return st;
        if (!work_done(10)) {
            e->va = va + L4_PAGE_SIZE;
            return 0;
        }
    }
    e->va = end;
    return 0;
}

/* The same for any task. */
hot_path int source_next(struct task *from, word_t va, word_t end, struct pt_entry *e)
{
    return likely(!from->is_sigma0) ? arch_pt_search(&from->space, va, end, e) : sigma0_next(from, va, end, e);
}

/* ---- map ---- */

struct map_job {
    struct task *from, *to;
    struct op_progress *progress;
    unsigned rights;
    unsigned cache; /* 0: as the source */
    bool grant;
};

static unsigned item_cache(word_t item)
{
    if (!(item & L4_ITEM_CACHE_SET))
        return 0;
    word_t kind = item & L4_ITEM_CACHE_MASK;
    return kind == L4_ITEM_BUFFERED || kind == L4_ITEM_UNCACHED ? (unsigned)kind : L4_ITEM_CACHED;
}

/* Makes room for the piece `new` derived from the source page. 1: insert it. 0: nothing is to be inserted (rights were
 * added to the same page, kernel-user memory is in the way, or the source was lost). Or MAP_AGAIN. */
static cold_path int destination_clear(const struct map_job *job, const struct pt_entry *source,
                                        const struct pt_entry *new)
{
    struct arch_space *space = &job->to->space;
    word_t end = new->va + order_mask(new->order) + 1;
    struct pt_entry old;

    if (!arch_pt_next(space, new->va, end, &old))
        return 1;
    if (old.ku)
        return 0;
    if (!job->grant && old.mapping->parent == source->mapping && old.va == new->va && old.pa == new->pa &&
        old.order == new->order) {
        old.rights |= new->rights;
        arch_pt_update(space, &old);
        return 0;
    }
    do
        if (!mapping_revoke(old.mapping, 0, ~0ul, L4_MEM_RIGHTS, true, job->progress))
            return MAP_AGAIN;
    while (arch_pt_next(space, new->va, end, &old) && !old.ku);
    job->progress->status = 0; /* nobody asks for it */

    struct pt_entry now; /* was the source derived from what has just gone? */
    return arch_pt_lookup(&job->from->space, source->va, &now) && now.mapping == source->mapping &&
           !arch_pt_next(space, new->va, end, &old);
}

/* The destination takes the place of the source page in the tree. */
static cold_path status_t piece_grant(const struct map_job *job, const struct pt_entry *source, struct pt_entry *new)
{
    unsigned gone = L4_MEM_RIGHTS & ~new->rights;

    new->mapping = source->mapping;
    if (gone != 0 && !mapping_revoke(new->mapping, 0, ~0ul, gone, false, job->progress))
        return MAP_AGAIN;
    job->progress->status = 0;
    if (!mapping_move(new->mapping, job->to, new))
        return -L4_ERR_NOMEM;

    /* ---- commit: nothing below can fail ---- */
    arch_leaf_set(new->leaf, new);
    new->mapping->pa_flags |= arch_leaf_remove(&job->from->space, source->leaf, source->va);
    return OK;
}

static status_t piece_derive(const struct map_job *job, struct pt_entry *source, struct pt_entry *new)
{
    if (source->mapping == NULL) { /* a leaf of sigma0 becomes a root */
        source->mapping = mapping_create(job->from, NULL, source);
        if (source->mapping == NULL)
            return -L4_ERR_NOMEM;
        arch_pt_update(&job->from->space, source);
    }
    new->mapping = mapping_create(job->to, source->mapping, new);
    if (new->mapping == NULL)
        return -L4_ERR_NOMEM;
    arch_leaf_set(new->leaf, new);
    return OK;
}

/* The free entry for the new page, after whatever was in its place has gone. 1: it is new->leaf; 0: nothing is to be
 * inserted; MAP_AGAIN; or -NOMEM. */
hot_path int destination_place(const struct map_job *job, const struct pt_entry *source, struct pt_entry *new)
{
    struct arch_space *space = &job->to->space;

    if (new->order == MEM_ORDER_MIN) {
        new->leaf = arch_pt_place(space, job->to->obj.payer, new->va, new->order);
        if (new->leaf == NULL)
            return -L4_ERR_NOMEM;
        if (likely(*new->leaf == 0))
            return 1;
    }
    int clear = destination_clear(job, source, new);
    if (clear != 1)
        return clear;
    new->leaf = arch_pt_place(space, job->to->obj.payer, new->va, new->order);
    return new->leaf != NULL ? 1 : -L4_ERR_NOMEM;
}

/* Maps the part of a source page that begins at src, 2^order bytes, to dst. OK, MAP_AGAIN, or -NOMEM. */
hot_path status_t piece_map(const struct map_job *job, struct pt_entry *source, word_t src, word_t dst, unsigned order)
{
    unsigned rights = job->rights & source->rights;
    struct pt_entry new = {.va = dst, .pa = source->pa + (src - source->va), .order = order,
                           .rights = rights | L4_MEM_R, .cache = job->cache ? job->cache : source->cache};

    if (rights == 0)
        return OK;
    if (unlikely(dst + order_mask(order) == L4_USER_END - 1))
        new.rights &= ~L4_MEM_X; /* no system call at the very end: its return address would be none (sysret) */
    int placed = destination_place(job, source, &new);
    if (placed != 1)
        return placed;
    if (job->grant && order == source->order && !job->from->is_sigma0)
        return piece_grant(job, source, &new);
    return piece_derive(job, source, &new);
}

/* Largest page that fits: aligned at both ends, inside the source page, not longer than len, and insertable at dst. */
static unsigned piece_order(const struct map_job *job, const struct pt_entry *source, word_t src, word_t dst,
                            word_t len)
{
    const unsigned *orders;
    unsigned n, limit;

    if (source->order == MEM_ORDER_MIN || len < L4_PAGE_SIZE << 9)
        return MEM_ORDER_MIN;
    n = arch_page_orders(&orders);
    limit = arch_pt_order_at(&job->to->space, dst, source->order);
    while (--n > 0)
        if (orders[n] <= limit && !((src | dst) & order_mask(orders[n])) && len >> orders[n] != 0)
            break;
    return orders[n];
}

static cold_path int map_again(const struct map_job *job, word_t at, int result)
{
    job->progress->at = at;
    job->progress->found = result == MAP_DONE;
    return MAP_AGAIN;
}

int map_memory(const struct map_request *rq)
{
    unsigned send_order = l4_fpage_order(rq->send), window_order = l4_fpage_order(rq->window);

    if ((!map_window_is_all(rq->window) && l4_fpage_type(rq->window) != L4_FPAGE_MEM) || send_order < MEM_ORDER_MIN ||
        window_order < MEM_ORDER_MIN || rq->to->is_sigma0)
        return MAP_DONE;

    struct map_job job = {.from = rq->from, .to = rq->to, .rights = l4_fpage_rights(rq->send) & L4_MEM_RIGHTS,
                          .cache = item_cache(rq->item), .grant = (rq->item & L4_ITEM_GRANT) != 0,
                          .progress = rq->progress};
    struct map_window w =
        map_window_combine(l4_fpage_start(rq->send) << L4_PAGE_SHIFT, send_order,
                           l4_fpage_start(rq->window) << L4_PAGE_SHIFT, window_order, /* of everything: 0 */
                           rq->item & ~order_mask(MEM_ORDER_MIN));
    if (job.rights == 0 || w.src >= L4_USER_END || w.dst >= L4_USER_END)
        return MAP_NOTHING;

    word_t size = order_mask(w.order) + 1; /* both starts are aligned to it: larger than all means from 0 */
    if (size > L4_USER_END)
        size = L4_USER_END;

    int result = job.progress->found ? MAP_DONE : MAP_NOTHING;
    struct pt_entry e;
    /* It may have been a request of another kind when it was stopped: `at` is a hint, and no part of a page. */
    word_t src = w.src + (job.progress->at & ~order_mask(MEM_ORDER_MIN));
    for (word_t end = w.src + size; src < end && src >= w.src;) {
        int found = source_next(job.from, src, end, &e);
        if (unlikely(found <= 0)) {
            if (found == 0 && e.va < end)
                return map_again(&job, e.va - w.src, result);
            return found < 0 ? MAP_FAILED : result;
        }
        result = MAP_DONE;
        word_t page_end = e.va + order_mask(e.order) + 1;
        if (e.va > src)
            src = e.va;
        if (e.ku) {
            src = page_end;
            continue;
        }
        word_t len = (page_end < end ? page_end : end) - src;
        word_t dst = w.dst + (src - w.src);
        unsigned order = piece_order(&job, &e, src, dst, len);
        status_t st = piece_map(&job, &e, src, dst, order);
        if (unlikely(st != OK))
            return st == MAP_AGAIN ? map_again(&job, src - w.src, result) : MAP_FAILED;
        src += order_mask(order) + 1;
        if (src < end && !work_done(job.grant ? 30 : 20))
            return map_again(&job, src - w.src, result);
    }
    return result;
}

/* ---- unmap ---- */

__attribute__((noinline)) bool unmap_memory(struct task *task, l4_fpage fp, bool self, struct op_progress *p)
{
    unsigned order = l4_fpage_order(fp), rights = l4_fpage_rights(fp) & L4_MEM_RIGHTS;

    if (order < MEM_ORDER_MIN)
        return true;
    word_t size = 1ul << order, first = (l4_fpage_start(fp) << L4_PAGE_SHIFT) & -size;
    if (first >= L4_USER_END)
        return true;
    word_t end = size < L4_USER_END - first ? first + size : L4_USER_END;

    bool own = self && (!task->is_sigma0 || task->obj.dead); /* the whole page, also when only a part was named */
    struct pt_entry e;
    for (word_t va = p->at > first ? p->at : first; va < end;) {
        if (!arch_pt_search(&task->space, va, end, &e)) {
            p->at = va = e.va;
            if (va < end)
                return false;
            break;
        }
        word_t lo = e.va < first ? first : e.va;
        word_t page_end = e.va + order_mask(e.order) + 1;
        word_t hi = page_end < end ? page_end : end;
        p->at = va; /* not before the page is done */
        if (!e.ku && e.mapping != NULL && /* else a page of sigma0 that nobody has */
            !mapping_revoke(e.mapping, own ? 0 : e.pa + (lo - e.va), own ? ~0ul : e.pa + (hi - 1 - e.va), rights, own,
                            p))
            return false;
        p->at = va = page_end;
        if (va < end && !work_done(12))
            return false;
    }
    return true;
}

cold_path bool unmap_all(struct task *task)
{
    struct op_progress *p = &task->progress;

    if (p->item == 0 && !unmap_memory(task, l4_fpage_make(L4_FPAGE_MEM, 0, 63, L4_MEM_RIGHTS), true, p))
        return false;
    if (likely(task->io == NULL))
        return true;
    if (p->item == 0)
        *p = (struct op_progress){.item = 1};
    return unmap_io(task, l4_fpage_make(L4_FPAGE_IO, 0, 16, L4_MEM_RIGHTS), true, p);
}

void mapping_check(const struct task *task)
{
    struct pt_entry e;

    for (word_t va = 0; arch_pt_next(&task->space, va, L4_USER_END, &e);) {
        va = e.va + order_mask(e.order) + 1;
        if (e.ku || e.mapping == NULL) {
            kassert(e.ku || task->is_sigma0); /* P1 */
            continue;
        }
        kassert(!e.ku && e.mapping->task == task);
        mapping_check_node(e.mapping, &e);
    }
}
