/* SPDX-License-Identifier: MIT */
/*
 * The reference model of mapping, made from the description of the interface.
 *
 * Capabilities are flat: what is mapped is a copy; what was in its place is removed with delete semantics. An object
 * ends with its last counted capability, or when one with the right to delete is removed so; then all are void.
 * Pages form trees: a page that is mapped onto its own child adds rights, onto anything else replaces it and all that
 * was made from it. Items go one after the other, a window from its beginning to its end.
 */
#include "model_map.h"
#include "model.h"
#include <l4/errors.h>
#include <l4/proto.h>
#include <l4/utcb.h>

#define WEAK 0x10u
#define SLOTS_END 65536ul

enum change { SLOT_SET, LIFE_ENDED, LEAF_MADE, LEAF_GONE, LEAF_RIGHTS, NODE_REMOVED };

/* ---- windows and buffers ---- */

struct model_window model_window(word_t send, unsigned send_order, word_t receive, unsigned receive_order, word_t hot)
{
    word_t send_mask = send_order >= 64 ? ~0ul : (1ul << send_order) - 1;
    word_t receive_mask = receive_order >= 64 ? ~0ul : (1ul << receive_order) - 1;
    struct model_window w;

    send &= ~send_mask;
    receive &= ~receive_mask;
    if (receive_order >= send_order) { /* all of it, at the hot spot */
        w.src = send;
        w.dst = receive + (hot & receive_mask & ~send_mask);
        w.order = send_order;
    } else { /* the part that the hot spot names */
        w.src = send + (hot & send_mask & ~receive_mask);
        w.dst = receive;
        w.order = receive_order;
    }
    return w;
}

bool model_buffer(const word_t *br, unsigned at, struct model_buffer *out)
{
    unsigned first = at;

    if (at >= L4_BR_COUNT || br[at] == 0)
        return false;
    *out = (struct model_buffer){.item = br[at++]};
    if (out->item & L4_RCV_SINGLE_CAP) {
        out->window = l4_fpage_make(L4_FPAGE_OBJ, out->item >> L4_SEL_SHIFT, 0, 0);
    } else {
        if (at >= L4_BR_COUNT)
            return false;
        out->window.raw = br[at++];
    }
    out->forward = (out->item & L4_RCV_FORWARD) != 0;
    if (out->forward && at >= L4_BR_COUNT)
        return false;
    out->task = out->forward ? br[at++] : 0;
    out->size = at - first;
    return true;
}

/* ---- the journal ---- */

static struct model_life *life_find(struct model_maps *m, uint64_t object)
{
    for (unsigned i = 0; i < m->life_count; i++)
        if (m->life[i].object == object)
            return &m->life[i];
    return NULL;
}

static void life_count(struct model_maps *m, const struct model_slot_of *s, int by)
{
    struct model_life *life = s->object == 0 ? NULL : life_find(m, s->object);

    if (life == NULL)
        return;
    life->slots += (unsigned)by;
    life->counted += s->rights & WEAK ? 0 : by;
}

static void apply(struct model_maps *m, const struct model_change *c)
{
    switch ((enum change)c->what) {
    case SLOT_SET:
        life_count(m, &m->slot[c->index], -1);
        m->slot[c->index].object = c->object;
        m->slot[c->index].rights = c->rights;
        life_count(m, &m->slot[c->index], 1);
        break;
    case LIFE_ENDED:
        m->life[c->index].ended = true;
        break;
    case LEAF_MADE:
        m->leaf[c->index].here = true;
        m->leaf[c->index].rights = c->rights;
        break;
    case LEAF_GONE:
        m->leaf[c->index].here = false;
        break;
    case LEAF_RIGHTS:
        m->leaf[c->index].rights = c->rights;
        break;
    case NODE_REMOVED:
        m->node[c->index].removed = true;
        break;
    }
}

static void change(struct model_maps *m, enum change what, unsigned index, uint64_t object, unsigned rights)
{
    struct model_change *c = &m->journal[m->changes];

    if (m->changes == MODEL_JOURNAL) {
        m->unsure = true;
        return;
    }
    m->changes++;
    *c = (struct model_change){(uint16_t)m->step, (uint8_t)what, (uint8_t)rights, index, object};
    apply(m, c);
}

/* Here memory could fail. */
static void step(struct model_maps *m)
{
    m->step++;
    m->unsure = m->unsure || m->step == UINT16_MAX;
}

void model_maps_begin(struct model_maps *m, const struct model_map_world *world)
{
    for (unsigned i = 0; i < m->slot_count; i++)
        m->slot[m->used[i]].known = false;
    for (unsigned i = 0; i < m->leaf_count; i++)
        m->leaf_at[m->leaf[i].bucket] = 0;
    for (unsigned i = 0; i < m->node_count; i++)
        m->node_at[m->node[i].bucket] = 0;
    m->world = world;
    m->made = 0;
    m->largest = L4_PAGE_SHIFT;
    m->unsure = m->elsewhere = false;
    m->slot_count = m->life_count = m->leaf_count = m->node_count = m->range_count = m->changes = m->step = 0;
    model_ports_begin(&m->ports);
}

static void tasks_end(struct model_maps *m);

void model_maps_at(struct model_maps *m, unsigned last)
{
    for (unsigned i = 0; i < m->life_count; i++) {
        struct model_life *l = &m->life[i];

        l->ended = false;
        l->counted = l->counted_first;
        l->slots = l->slots_first;
    }
    for (unsigned i = 0; i < m->slot_count; i++) {
        struct model_slot_of *s = &m->slot[m->used[i]];

        s->object = s->object_first;
        s->rights = s->rights_first;
    }
    for (unsigned i = 0; i < m->leaf_count; i++) {
        m->leaf[i].here = m->leaf[i].here_first;
        m->leaf[i].rights = m->leaf[i].rights_first;
    }
    for (unsigned i = 0; i < m->node_count; i++)
        m->node[i].removed = false;
    m->changes = m->base;
    for (unsigned i = 0; i < m->base && m->journal[i].step <= last; i++)
        apply(m, &m->journal[i]);
    tasks_end(m);
}

/* ---- capabilities ---- */

static struct model_life *life_of(struct model_maps *m, uint64_t object)
{
    struct model_life *life = life_find(m, object);

    if (life != NULL)
        return life;
    if (m->life_count == MODEL_LIVES) {
        m->unsure = true;
        return &m->life[0];
    }
    life = &m->life[m->life_count++];
    *life = (struct model_life){.object = object};
    m->world->life(life);
    life->counted_first = life->counted;
    life->slots_first = life->slots;
    return life;
}

static struct model_slot_of *slot_find(struct model_maps *m, uint64_t task, word_t at)
{
    unsigned i = (unsigned)(((task >> 4 ^ at << 20) * 0x9e3779b97f4a7c15ul >> 40)) % MODEL_CELLS;

    while (m->slot[i].known && (m->slot[i].task != task || m->slot[i].at != at))
        i = (i + 1) % MODEL_CELLS;
    return &m->slot[i];
}

/* The cell of a slot; of an object that has ended meanwhile the slot is void. */
static struct model_slot_of *slot_of(struct model_maps *m, uint64_t task, word_t at)
{
    struct model_slot_of *s = slot_find(m, task, at);
    unsigned i = (unsigned)(s - m->slot), rights = 0;

    if (s->known)
        return s;
    if (m->slot_count == MODEL_CELLS * 3 / 4) {
        m->unsure = true;
        return s;
    }
    m->used[m->slot_count++] = i;
    *s = (struct model_slot_of){.task = task, .at = (uint32_t)at, .known = true};
    s->object = s->object_first = m->world->slot(task, at, &rights);
    s->rights = s->rights_first = (uint8_t)rights;
    for (unsigned n = 0; s->object != 0 && n < m->life_count; n++)
        if (m->life[n].object == s->object && m->life[n].ended)
            change(m, SLOT_SET, i, 0, 0);
    return s;
}

static void slot_set(struct model_maps *m, struct model_slot_of *s, uint64_t object, unsigned rights)
{
    change(m, SLOT_SET, (unsigned)(s - m->slot), object, rights);
}

static void object_ends(struct model_maps *m, struct model_life *life)
{
    change(m, LIFE_ENDED, (unsigned)(life - m->life), 0, 0);
    for (unsigned i = 0; i < m->slot_count; i++)
        if (m->slot[m->used[i]].object == life->object)
            slot_set(m, &m->slot[m->used[i]], 0, 0);
}

/* Empties a slot. */
static void slot_remove(struct model_maps *m, struct model_slot_of *s, bool del)
{
    struct model_life *life;
    bool counted = !(s->rights & WEAK), deletes = del && (s->rights & L4_RIGHT_D), last;

    if (s->object == 0)
        return;
    life = life_of(m, s->object);
    last = (counted && life->counted <= 1) || life->slots <= 1;
    slot_set(m, s, 0, 0);
    if ((last && !life->kept) || deletes)
        object_ends(m, life);
}

static void slot_map(struct model_maps *m, struct model_slot_of *from, struct model_slot_of *to, word_t item,
                     unsigned passed)
{
    uint64_t object = from->object;
    unsigned rights = (from->rights & passed & 15u) | L4_RIGHT_R;

    rights |= (from->rights & (unsigned)item & 0xe0u) | ((from->rights | (unsigned)item) & WEAK);
    step(m);
    slot_remove(m, to, true);
    if (from->object != object) /* it was the same slot, or the object has ended */
        return;
    life_of(m, object); /* known before it has one more */
    slot_set(m, to, object, rights);
    if (item & L4_ITEM_GRANT)
        slot_remove(m, from, false);
}

/* Was there anything that could be passed on? */
static bool slots_map(struct model_maps *m, uint64_t from, uint64_t to, const word_t *item, l4_fpage window,
                      unsigned mask)
{
    bool all = window_is_all(window), some = false;
    l4_fpage fp = {item[1]};
    struct model_window w = model_window(l4_fpage_start(fp), l4_fpage_order(fp), all ? 0 : l4_fpage_start(window),
                                         all ? 63 : l4_fpage_order(window), item[0] >> L4_SEL_SHIFT);
    word_t count = w.order >= 16 ? SLOTS_END : 1ul << w.order;

    if (!all && l4_fpage_type(window) != L4_FPAGE_OBJ)
        return true; /* kinds do not match: nothing, and not marked so */
    for (word_t i = 0; i < count && w.src + i < SLOTS_END && w.dst + i < SLOTS_END && !m->unsure; i++) {
        word_t next = m->world->slot_next(from, w.src + i);
        struct model_slot_of *s;
        unsigned rights;

        if (next == ~0ul)
            break;
        i = next - w.src;
        if (i >= count || w.dst + i >= SLOTS_END)
            break;
        if (count > 64 && m->world->slot(from, w.src + i, &rights) == 0 && !slot_find(m, from, w.src + i)->known)
            continue; /* of so many only those that were not void */
        s = slot_of(m, from, w.src + i);
        slot_of(m, to, w.dst + i);
        if (s->object == 0 || !(s->rights & l4_fpage_rights(fp) & L4_RIGHT_R))
            continue;
        some = true;
        slot_map(m, s, slot_of(m, to, w.dst + i), item[0], l4_fpage_rights(fp) & mask);
    }
    return some;
}

static void slots_unmap(struct model_maps *m, uint64_t task, l4_fpage fp, bool del)
{
    unsigned order = l4_fpage_order(fp), rights = l4_fpage_rights(fp);
    word_t count = 1ul << order, start = l4_fpage_start(fp) & -count;

    for (word_t i = 0; i < count && !m->unsure; i++) {
        word_t at = m->world->slot_next(task, start + i);
        struct model_slot_of *s;

        if (at == ~0ul || at - start >= count)
            break;
        i = at - start;
        s = slot_of(m, task, at);
        if (s->object != 0 && (rights & L4_RIGHT_R))
            slot_remove(m, s, del);
        else if (s->object != 0)
            slot_set(m, s, s->object, s->rights & ~(rights & (L4_RIGHT_W | L4_RIGHT_S | L4_RIGHT_D)));
    }
}

/* ---- pages ---- */

static unsigned hash(uint64_t key) { return (unsigned)(key * 0x9e3779b97f4a7c15ul >> 52) % MODEL_HASH; }
static uint64_t leaf_key(uint64_t task, word_t va) { return task >> 4 ^ va; }

static int node_made(struct model_maps *m, uint64_t id, int parent)
{
    unsigned at = hash(id);

    if (m->node_count == MODEL_NODES) {
        m->unsure = true;
        return 0;
    }
    while (m->node_at[at] != 0)
        at = (at + 1) % MODEL_HASH;
    m->node[m->node_count] =
        (struct model_node){.id = id, .parent = (int16_t)parent, .bucket = (uint16_t)at};
    m->node_at[at] = (uint16_t)++m->node_count;
    return (int)m->node_count - 1;
}

static int node_of(struct model_maps *m, uint64_t id)
{
    if (id == 0)
        return NOBODY;
    for (unsigned at = hash(id); m->node_at[at] != 0; at = (at + 1) % MODEL_HASH)
        if (m->node[m->node_at[at] - 1].id == id)
            return m->node_at[at] - 1;
    return node_made(m, id, node_of(m, m->world->parent(id)));
}

/* Is it `above`, or made from it, over however many steps? */
static bool node_below(const struct model_maps *m, int node, int above)
{
    for (; node >= 0; node = m->node[node].parent)
        if (node == above)
            return true;
    return false;
}

static bool node_lost(const struct model_maps *m, int node)
{
    for (; node >= 0; node = m->node[node].parent)
        if (m->node[node].removed)
            return true;
    return false;
}

static struct model_leaf *leaf_new(struct model_maps *m, const struct model_leaf *leaf)
{
    struct model_leaf *l = &m->leaf[m->leaf_count];
    unsigned at = hash(leaf_key(leaf->task, leaf->va));

    if (m->leaf_count == MODEL_LEAVES) {
        m->unsure = true;
        return NULL;
    }
    while (m->leaf_at[at] != 0)
        at = (at + 1) % MODEL_HASH;
    m->leaf_at[at] = (uint16_t)++m->leaf_count;
    m->largest = leaf->order > m->largest ? leaf->order : m->largest;
    *l = *leaf;
    l->bucket = (uint16_t)at;
    return l;
}

static struct model_maps *loading; /* for leaf_add */

static void leaf_add(uint64_t node, const struct model_leaf *leaf)
{
    struct model_maps *m = loading;

    struct model_leaf *l;

    for (unsigned at = hash(leaf_key(leaf->task, leaf->va)); m->leaf_at[at] != 0; at = (at + 1) % MODEL_HASH) {
        l = &m->leaf[m->leaf_at[at] - 1];
        if (l->task == leaf->task && l->va == leaf->va && l->here_first)
            return;
    }
    l = leaf_new(m, leaf);
    if (l == NULL)
        return;
    l->here = l->here_first = true;
    l->rights_first = leaf->rights;
    l->node = (int16_t)node_of(m, node);
}

static void range_load(struct model_maps *m, uint64_t task, word_t va, word_t end)
{
    struct model_range *r;
    struct model_leaf leaf;
    unsigned n = 0;
    uint64_t node;

    if (m->range_count == MODEL_RANGES) {
        m->unsure = true;
        return;
    }
    r = &m->range[m->range_count++];
    *r = (struct model_range){.task = task, .va = va, .end = end, .first = m->leaf_count, .at = m->leaf_count};
    loading = m;
    while (!m->unsure && va < end && m->world->leaf(task, va, end, &leaf, &node)) {
        leaf_add(node, &leaf);
        va = leaf.va + (1ul << leaf.order);
        n++;
    }
    r->last = m->leaf_count;
    r->sorted = r->last - r->first == n && m->made == 0;
}

static bool leaf_here(const struct model_maps *m, const struct model_leaf *l)
{
    return l->here && !node_lost(m, l->node);
}

static word_t leaf_end(const struct model_leaf *l) { return l->va + (1ul << l->order); }

/* The first page of the task that ends above va and begins below end. */
static struct model_leaf *leaf_next(struct model_maps *m, uint64_t task, word_t va, word_t end)
{
    struct model_leaf *best = NULL;

    for (unsigned order = L4_PAGE_SHIFT; end - va == L4_PAGE_SIZE; order += 9) { /* one place, in a page of some size */
        word_t start = va & -(1ul << order);

        if (order > m->largest)
            return NULL;
        for (unsigned at = hash(leaf_key(task, start)); m->leaf_at[at] != 0; at = (at + 1) % MODEL_HASH) {
            struct model_leaf *l = &m->leaf[m->leaf_at[at] - 1];

            if (l->task == task && l->va == start && l->order == order && leaf_here(m, l))
                return l;
        }
    }
    for (struct model_range *r = m->range + m->range_count; r-- > m->range;) {
        if (r->task != task || r->end != end)
            continue;
        if (!r->sorted || va < r->va || (m->made != 0 && (m->made_in == task || m->made_in == 0)))
            break;
        while (r->at < r->last && (leaf_end(&m->leaf[r->at]) <= va || !leaf_here(m, &m->leaf[r->at])))
            r->at++; /* searches go upwards, and what has gone does not come back */
        return r->at < r->last ? &m->leaf[r->at] : NULL;
    }
    for (struct model_leaf *l = m->leaf; l < m->leaf + m->leaf_count; l++)
        if (l->task == task && l->va < end && leaf_end(l) > va && (best == NULL || l->va < best->va) &&
            leaf_here(m, l))
            best = l;
    return best;
}

static unsigned leaf_index(const struct model_maps *m, const struct model_leaf *l) { return (unsigned)(l - m->leaf); }

struct piece {
    uint64_t to;
    word_t va, pa;
    unsigned order, rights, cache;
    bool grant;
};

/* Makes room. False: nothing is to be inserted. */
static bool place_clear(struct model_maps *m, const struct model_leaf *source, const struct piece *p)
{
    word_t end = p->va + (1ul << p->order);
    struct model_leaf *old = leaf_next(m, p->to, p->va, end);

    if (old == NULL)
        return true;
    if (old->ku)
        return false;
    if (!p->grant && source->node >= 0 && old->node >= 0 && m->node[old->node].parent == source->node &&
        old->va == p->va && old->pa == p->pa && old->order == p->order) {
        change(m, LEAF_RIGHTS, leaf_index(m, old), 0, old->rights | p->rights);
        return false;
    }
    for (; old != NULL && !old->ku; old = leaf_next(m, p->to, p->va, end)) {
        if (old->node < 0) { /* of sigma0 */
            m->unsure = true;
            return false;
        }
        change(m, NODE_REMOVED, (unsigned)old->node, 0, 0);
    }
    return old == NULL && leaf_here(m, source);
}

/* Takes rights from all that was made from a node. */
static void below_weaken(struct model_maps *m, int node, unsigned rights)
{
    for (unsigned i = 0; i < m->leaf_count; i++) {
        struct model_leaf *l = &m->leaf[i];

        if (l->node >= 0 && l->node != node && (l->rights & rights) && node_below(m, l->node, node))
            change(m, LEAF_RIGHTS, i, 0, l->rights & ~rights);
    }
}

static void piece_map(struct model_maps *m, struct model_leaf *source, const struct piece *p)
{
    bool moves = p->grant && p->order == source->order;
    int node;

    step(m);
    if (!place_clear(m, source, p))
        return;
    step(m);
    if (moves) {
        below_weaken(m, source->node, L4_MEM_RIGHTS & ~p->rights);
        step(m);
        node = source->node; /* takes its place in the tree */
        change(m, LEAF_GONE, leaf_index(m, source), 0, 0);
    } else {
        node = node_made(m, 0, source->node);
    }
    if (leaf_new(m, &(struct model_leaf){.task = p->to, .va = p->va, .pa = p->pa, .node = (int16_t)node,
                                         .order = (uint8_t)p->order, .cache = (uint8_t)p->cache}) == NULL)
        return;
    m->made_in = m->made++ == 0 || m->made_in == p->to ? p->to : 0;
    change(m, LEAF_MADE, m->leaf_count - 1, 0, p->rights);
}

static unsigned item_cache(word_t item, unsigned inherited)
{
    word_t kind = item & L4_ITEM_CACHE_MASK;

    if (!(item & L4_ITEM_CACHE_SET))
        return inherited;
    return kind == L4_ITEM_BUFFERED || kind == L4_ITEM_UNCACHED ? (unsigned)kind : L4_ITEM_CACHED;
}

/* The largest page for the piece: where both ends and the source allow it. */
static unsigned piece_order(struct model_maps *m, uint64_t to, const struct model_leaf *source, word_t src, word_t dst,
                            word_t len)
{
    static const unsigned orders[] = {30, 21};
    unsigned limit = source->order == L4_PAGE_SHIFT ? L4_PAGE_SHIFT : m->world->order_at(to, dst, source->order);

    for (unsigned i = 0; i < 2; i++)
        if (orders[i] <= limit && !((src | dst) & ((1ul << orders[i]) - 1)) && len >> orders[i] != 0)
            return orders[i];
    return L4_PAGE_SHIFT;
}

/* Was there anything in the source? */
static bool pages_map(struct model_maps *m, uint64_t from, uint64_t to, const word_t *item, l4_fpage window)
{
    bool all = window_is_all(window), some = false;
    bool grant = (item[0] & L4_ITEM_GRANT) && !m->world->is_sigma0(from); /* which keeps its pages */
    l4_fpage fp = {item[1]};
    unsigned order = l4_fpage_order(fp), rights = l4_fpage_rights(fp) & L4_MEM_RIGHTS;
    struct model_window w = model_window(l4_fpage_start(fp) << L4_PAGE_SHIFT, order,
                                         all ? 0 : l4_fpage_start(window) << L4_PAGE_SHIFT,
                                         all ? 63 : l4_fpage_order(window), item[0] & ~(L4_PAGE_SIZE - 1));
    word_t size = w.order > 47 ? L4_USER_END : 1ul << w.order;

    if ((!all && l4_fpage_type(window) != L4_FPAGE_MEM) || order < L4_PAGE_SHIFT ||
        (!all && l4_fpage_order(window) < L4_PAGE_SHIFT) || m->world->is_sigma0(to))
        return true; /* not marked so */
    if (rights == 0 || w.src >= L4_USER_END || w.dst >= L4_USER_END)
        return false;
    word_t end = w.src + size < L4_USER_END ? w.src + size : L4_USER_END, room = L4_USER_END - w.dst;

    range_load(m, from, w.src, end);
    range_load(m, to, w.dst, size < room ? w.dst + size : L4_USER_END);
    for (word_t src = w.src; src < end && !m->unsure;) {
        struct model_leaf *source = leaf_next(m, from, src, end);
        struct piece p = {.to = to, .grant = grant};

        if (source == NULL)
            break;
        some = true;
        src = source->va > src ? source->va : src;
        word_t page_end = leaf_end(source) < end ? leaf_end(source) : end;
        if (source->ku || !(rights & source->rights)) {
            src = page_end;
            continue;
        }
        p.va = w.dst + (src - w.src);
        p.pa = source->pa + (src - source->va);
        if (p.va >= L4_USER_END) { /* cannot be where a window ends at its size */
            m->unsure = true;
            break;
        }
        p.order = piece_order(m, to, source, src, p.va, page_end - src);
        p.rights = (rights & source->rights) | L4_MEM_R;
        p.cache = item_cache(item[0], source->cache);
        if (p.va + (1ul << p.order) == L4_USER_END)
            p.rights &= ~L4_MEM_X; /* never there: see doc of the address space */
        piece_map(m, source, &p);
        src += 1ul << p.order;
    }
    return some;
}

/* ---- unmap ---- */

static void derived_load(struct model_maps *m, const struct model_leaf *l)
{
    loading = m;
    m->world->derived(m->node[l->node].id, leaf_add);
}

/* Is the page of this node one of the frames [first, last]? */
static bool node_inside(const struct model_maps *m, int node, word_t first, word_t last)
{
    for (unsigned i = 0; i < m->leaf_count; i++)
        if (m->leaf[i].node == node && m->leaf[i].here)
            return m->leaf[i].pa <= last && m->leaf[i].pa + (1ul << m->leaf[i].order) - 1 >= first;
    return false;
}

/* Takes rights from what was made of the frames [first, last] of a page, with `own` from all of it and itself. */
static unsigned page_unmap(struct model_maps *m, const struct model_leaf *top, word_t first, word_t last,
                           unsigned rights, bool own)
{
    int node = top->node;
    unsigned status = 0;

    for (unsigned i = 0; i < m->leaf_count; i++) {
        struct model_leaf *l = &m->leaf[i];
        int child = l->node;

        if (l->node < 0 || !leaf_here(m, l) || !node_below(m, l->node, node) || (l->node == node && !own))
            continue;
        while (child != node && m->node[child].parent != node)
            child = m->node[child].parent;
        if (!own && !node_inside(m, child, first, last))
            continue;
        status |= l->status;
        if (!(rights & L4_MEM_R))
            change(m, LEAF_RIGHTS, i, 0, l->rights & ~rights);
        else if (child == l->node && child != node)
            m->node[child].goes = true; /* what is below it is yet to be seen */
    }
    if ((rights & L4_MEM_R) && own)
        change(m, NODE_REMOVED, (unsigned)node, 0, 0);
    for (unsigned i = 0; i < m->node_count; i++)
        if (m->node[i].goes) {
            m->node[i].goes = false;
            change(m, NODE_REMOVED, i, 0, 0);
        }
    return status;
}

static unsigned pages_unmap(struct model_maps *m, uint64_t task, l4_fpage fp, bool self)
{
    unsigned order = l4_fpage_order(fp), rights = l4_fpage_rights(fp) & L4_MEM_RIGHTS, status = 0;
    word_t size = 1ul << order, first = (l4_fpage_start(fp) << L4_PAGE_SHIFT) & -size, end;

    if (order < L4_PAGE_SHIFT || first >= L4_USER_END)
        return 0;
    end = size < L4_USER_END - first ? first + size : L4_USER_END;
    range_load(m, task, first, end);
    for (word_t va = first; va < end && !m->unsure;) {
        struct model_leaf *l = leaf_next(m, task, va, end);

        if (l == NULL)
            break;
        if (!l->ku && l->node >= 0) {
            word_t lo = l->va < first ? first : l->va, hi = leaf_end(l) < end ? leaf_end(l) : end;

            derived_load(m, l);
            if (!m->unsure)
                status |= page_unmap(m, l, l->pa + (lo - l->va), l->pa + (hi - 1 - l->va), rights,
                                     self && !m->world->is_sigma0(task));
        }
        va = leaf_end(l);
    }
    return status;
}

unsigned model_unmap(struct model_maps *m, uint64_t task, l4_fpage fp, bool self, bool del)
{
    switch (l4_fpage_type(fp)) {
    case L4_FPAGE_OBJ:
        if (self)
            slots_unmap(m, task, fp, del);
        return 0;
    case L4_FPAGE_MEM:
        return pages_unmap(m, task, fp, self);
    case L4_FPAGE_IO:
        model_ports_unmap(m, task, fp, self);
        return 0;
    default:
        return 0;
    }
}

/* ---- what ends with a task ---- */

/* All that it has; its ports go now, and are not seen again. */
static void task_load(struct model_maps *m, uint64_t task)
{
    unsigned first = m->leaf_count, rights;

    for (word_t at = m->world->slot_next(task, 0); at != ~0ul && !m->unsure; at = m->world->slot_next(task, at + 1))
        if (m->world->slot(task, at, &rights) != 0) {
            const struct model_slot_of *s = slot_of(m, task, at);

            if (s->object != 0)
                life_of(m, s->object);
        }
    range_load(m, task, 0, L4_USER_END);
    for (unsigned i = first; i < m->leaf_count && !m->unsure; i++)
        if (m->leaf[i].task == task && m->leaf[i].node >= 0)
            derived_load(m, &m->leaf[i]);
    model_ports_end(m, task);
}

/* Of what it has, pages go with all that was made from them, capabilities are deleted. */
static void task_end(struct model_maps *m, uint64_t task)
{
    for (unsigned i = 0; i < m->slot_count; i++)
        if (m->slot[m->used[i]].task == task)
            slot_remove(m, &m->slot[m->used[i]], true);
    for (unsigned i = 0; i < m->leaf_count; i++)
        if (m->leaf[i].task == task && m->leaf[i].node >= 0 && leaf_here(m, &m->leaf[i]))
            change(m, NODE_REMOVED, (unsigned)m->leaf[i].node, 0, 0);
}

/* With one task others may end, which are found behind it, or before it. */
static void tasks_end(struct model_maps *m)
{
    bool some = true, done[MODEL_LIVES] = {false};

    while (some && !m->unsure) {
        some = false;
        for (unsigned i = 0; i < m->life_count; i++)
            if (m->life[i].task && m->life[i].ended && !done[i]) {
                some = done[i] = true;
                if (!m->life[i].task_known)
                    task_load(m, m->life[i].object);
                m->life[i].task_known = true;
                task_end(m, m->life[i].object);
            }
    }
}

void model_maps_end(struct model_maps *m)
{
    m->base = m->changes;
    tasks_end(m);
}

void model_create(struct model_maps *m, uint64_t task, word_t slot)
{
    struct model_slot_of *s;

    step(m);
    if (slot >= SLOTS_END)
        return;
    s = slot_of(m, task, slot);
    slot_remove(m, s, true);
    slot_set(m, s, MODEL_NEW_OBJECT, 0xef);
}

/* ---- items ---- */

/* Was anything found that could be mapped? */
static bool item_map(struct model_maps *m, uint64_t from, uint64_t to, const word_t *item, l4_fpage window,
                     unsigned mask)
{
    switch (l4_fpage_type((l4_fpage){item[1]})) {
    case L4_FPAGE_OBJ:
        return slots_map(m, from, to, item, window, mask);
    case L4_FPAGE_MEM:
        return pages_map(m, from, to, item, window);
    case L4_FPAGE_IO:
        return model_ports_map(m, from, to, item, window);
    default:
        return true;
    }
}

void model_map(struct model_maps *m, uint64_t from, uint64_t to, const word_t *item, bool special)
{
    item_map(m, from, to, item, (l4_fpage){L4_FPAGE_ALL}, special ? 15 : 15 & ~L4_RIGHT_S);
}

/* The task that a buffer forwards to; 0: it cannot be used. */
static uint64_t forward_to(struct model_maps *m, uint64_t task, word_t selector)
{
    const struct model_slot_of *s;

    if (selector >> L4_SEL_SHIFT >= SLOTS_END)
        return 0;
    s = slot_of(m, task, selector >> L4_SEL_SHIFT);
    return s->object != 0 && life_of(m, s->object)->task && (s->rights & L4_RIGHT_W) ? s->object : 0;
}

/* Instead of a capability: who gets it may know it. The kind, or 0. */
static word_t local_id(struct model_maps *m, const struct model_items *items, const struct model_buffer *b,
                       l4_fpage fp, word_t *second)
{
    const struct model_slot_of *s;

    if ((b->item & (L4_RCV_LOCAL_ID | L4_RCV_SINGLE_CAP | L4_RCV_FORWARD)) != (L4_RCV_LOCAL_ID | L4_RCV_SINGLE_CAP))
        return 0;
    if (items->from == items->to) {
        *second = fp.raw;
        return L4_GOT_FPAGE;
    }
    if (l4_fpage_type(fp) != L4_FPAGE_OBJ || l4_fpage_start(fp) >= SLOTS_END)
        return 0;
    s = slot_of(m, items->from, l4_fpage_start(fp));
    if (s->object == 0 || !(l4_fpage_rights(fp) & L4_RIGHT_R) || !m->world->gate(s->object, items->to, second))
        return 0;
    *second |= s->rights & l4_fpage_rights(fp) & (L4_RIGHT_W | L4_RIGHT_S);
    return L4_GOT_LABEL;
}

word_t model_items(struct model_maps *m, struct model_items *items)
{
    static const unsigned shift[] = {0, L4_BDR_MEM_SHIFT, L4_BDR_IO_SHIFT, L4_BDR_OBJ_SHIFT};
    unsigned at[4] = {0};

    for (unsigned type = 1; items->br != NULL && type < 4; type++)
        at[type] = (unsigned)(items->bdr >> shift[type] & L4_BDR_INDEX_MASK);
    for (unsigned i = 0; i < items->count && !m->unsure; i++) {
        word_t item[2] = {i < items->room ? items->item[2 * i] : 0, i < items->room ? items->item[2 * i + 1] : 0};
        unsigned type = l4_fpage_type((l4_fpage){item[1]});
        struct model_buffer b = {.item = L4_ITEM_MAP, .window = {L4_FPAGE_ALL}, .size = 1};
        uint64_t into = items->to;
        word_t kind;

        if (i >= items->room)
            return L4_IPC_SEND_OVERFLOW;
        items->back[i][0] = 0;
        items->back_second[i] = false;
        if (item[0] == 0)
            continue;
        if (!(item[0] & L4_ITEM_MAP) || type == 0 || (items->br == NULL && at[type] != 0) ||
            (items->br != NULL && !model_buffer(items->br, at[type], &b)))
            return L4_IPC_SEND_OVERFLOW;
        if (b.forward && (into = forward_to(m, items->to, b.task)) == 0)
            return L4_IPC_SEND_OVERFLOW;
        const struct model_life *life = life_find(m, into);

        m->unsure = m->unsure || (life != NULL && life->ended); /* an item before has ended the task: open */
        m->elsewhere = m->elsewhere || b.forward;
        if (type == L4_FPAGE_OBJ && !items->special)
            item[1] &= ~(word_t)L4_RIGHT_S;
        kind = local_id(m, items, &b, (l4_fpage){item[1]}, &items->back[i][1]);
        items->back_second[i] = kind != 0;
        if (kind == 0)
            kind = item_map(m, items->from, into, item, b.window, 15) ? L4_GOT_MAPPED : L4_GOT_NOTHING;
        items->back[i][0] = (item[0] & ~0xff6ul) | kind | (item[1] & 0xff0ul);
        if (!(item[0] & L4_ITEM_COMPOUND))
            at[type] += b.size;
        step(m); /* the next one may fail */
    }
    return 0;
}
