/* SPDX-License-Identifier: MIT */
/*
 * The reference model of I/O ports, made from the description of the interface: ports are mapped one to one, each has a
 * tree like a page has: a task has it from at most one other one. There are no hot spots: what lies in both windows is
 * mapped. Any right of a flexpage means all. sigma0 has all ports, and keeps them.
 *
 * 64 ports at a time (a word); what is the same for all of them is not looked at one by one.
 */
#include "model_map.h"
#include "model.h"

#define PORTS 65536u

static struct model_port_edge *edge_at(struct model_ports *p, unsigned i) { return &p->edge[i - 1]; }
#define for_edges(p, e, w)                                                                                      \
    for (struct model_port_edge *e = (p)->first[w] == 0 ? NULL : edge_at(p, (p)->first[w]); e != NULL;              \
         e = e->next == 0 ? NULL : edge_at(p, e->next))

static struct model_maps *loading; /* for edge_load */
static unsigned loading_word;

static struct model_port_edge *edge_new(struct model_maps *m, unsigned w, uint64_t from, uint64_t to)
{
    struct model_ports *p = &m->ports;
    struct model_port_edge *e = &p->edge[p->edge_count];

    if (p->edge_count == MODEL_PORT_EDGES) {
        m->unsure = true;
        return e; /* one more, that nobody looks at */
    }
    *e = (struct model_port_edge){.from = from, .to = to, .next = p->first[w]};
    p->first[w] = (uint16_t)++p->edge_count;
    return e;
}

static void edge_load(uint64_t from, uint64_t to, word_t bits)
{
    if (bits != 0) {
        struct model_port_edge *e = edge_new(loading, loading_word, from, to);

        e->bits = e->bits_first = bits;
    }
}

static void word_load(struct model_maps *m, unsigned w)
{
    struct model_ports *p = &m->ports;

    if (p->known[w])
        return;
    p->known[w] = true;
    p->word[p->word_count++] = (uint16_t)w;
    loading = m;
    loading_word = w;
    m->world->ports(w, edge_load);
}

void model_ports_begin(struct model_ports *p)
{
    while (p->word_count > 0) {
        unsigned w = p->word[--p->word_count];

        p->known[w] = false;
        p->first[w] = 0;
    }
    p->edge_count = 0;
}

static word_t has(struct model_maps *m, uint64_t task, unsigned w)
{
    word_t bits = 0;

    if (m->world->is_sigma0(task))
        return ~0ul;
    for_edges (&m->ports, e, w)
        bits |= e->to == task ? e->bits : 0;
    return bits;
}

/* Gives ports of a word; from the same task as before nothing is new. */
static void give(struct model_maps *m, unsigned w, uint64_t from, uint64_t to, word_t bits)
{
    if (bits == 0)
        return;
    for_edges (&m->ports, e, w)
        if (e->from == from && e->to == to) {
            e->bits |= bits;
            return;
        }
    edge_new(m, w, from, to)->bits = bits;
}

static word_t take(struct model_port_edge *e, word_t bits)
{
    word_t gone = e->bits & bits;

    e->bits &= ~gone;
    e->lost |= gone;
    return gone;
}

/* Whoever has these ports from the task, over however many steps, has them no more. */
static void lose_below(struct model_maps *m, unsigned w, uint64_t task, word_t bits)
{
    for_edges (&m->ports, e, w) {
        word_t gone = e->from == task ? take(e, bits) : 0;

        if (gone != 0)
            lose_below(m, w, e->to, gone);
    }
}

static void lose(struct model_maps *m, unsigned w, uint64_t task, word_t bits)
{
    for_edges (&m->ports, e, w)
        if (e->to == task)
            take(e, bits);
    lose_below(m, w, task, bits);
}

/* When memory is short at a grant, whoever has ports from the giver may lose them. */
static void may_lose_below(struct model_maps *m, unsigned w, uint64_t task, word_t bits)
{
    for_edges (&m->ports, e, w) {
        word_t some = e->from == task ? e->bits & bits : 0;

        e->lost |= some;
        if (some != 0)
            may_lose_below(m, w, e->to, some);
    }
}

/* `to` takes the place of `from`. */
static void grant(struct model_maps *m, unsigned w, uint64_t from, uint64_t to, word_t bits)
{
    m->elsewhere = true;
    lose(m, w, to, has(m, to, w) & bits);
    bits &= has(m, from, w); /* what was made from the old one has gone with it */
    may_lose_below(m, w, from, bits);
    for_edges (&m->ports, e, w) {
        word_t moves = e->from == from || e->to == from ? take(e, bits) : 0;

        give(m, w, e->from == from ? to : e->from, e->from == from ? e->to : to, moves);
    }
}

static void derive(struct model_maps *m, unsigned w, uint64_t from, uint64_t to, word_t bits)
{
    for_edges (&m->ports, e, w)
        bits &= e->from == from && e->to == to ? ~e->bits : ~0ul; /* that is so already */
    lose(m, w, to, has(m, to, w) & bits);
    give(m, w, from, to, bits & has(m, from, w));
}

struct ports {
    word_t first, end;
};

static struct ports ports_of(l4_fpage fp)
{
    unsigned order = l4_fpage_order(fp);
    word_t first = order >= 16 ? 0 : l4_fpage_start(fp) & -(1ul << order);

    return (struct ports){first, order >= 16 ? PORTS : first + (1ul << order)};
}

/* Those of the word. */
static word_t word_mask(struct ports p, word_t w)
{
    word_t mask = w * 64 < p.first ? ~0ul << (p.first - w * 64) : ~0ul;

    return w * 64 + 64 > p.end ? mask & ~0ul >> (w * 64 + 64 - p.end) : mask;
}

bool model_ports_map(struct model_maps *m, uint64_t from, uint64_t to, const word_t *item, l4_fpage window)
{
    struct ports send = ports_of((l4_fpage){item[1]}), all = {0, PORTS};
    struct ports receive = window_is_all(window) ? all : ports_of(window);
    bool some = false;

    if ((!window_is_all(window) && l4_fpage_type(window) != L4_FPAGE_IO) || m->world->is_sigma0(to))
        return true; /* kinds do not match: nothing, and not marked so */
    if (l4_fpage_rights((l4_fpage){item[1]}) == 0 || send.first >= PORTS)
        return false;
    send.first = send.first > receive.first ? send.first : receive.first;
    send.end = send.end < receive.end ? send.end : receive.end;
    if (send.first >= send.end)
        return true;
    for (word_t w = send.first / 64; w * 64 < send.end && !m->unsure; w++) {
        word_t bits;

        word_load(m, (unsigned)w);
        bits = has(m, from, (unsigned)w) & word_mask(send, w);
        if (bits == 0)
            continue;
        some = true;
        if (from == to)
            lose(m, (unsigned)w, from, bits);
        else if ((item[0] & L4_ITEM_GRANT) && !m->world->is_sigma0(from))
            grant(m, (unsigned)w, from, to, bits);
        else
            derive(m, (unsigned)w, from, to, bits);
    }
    return some;
}

void model_ports_unmap(struct model_maps *m, uint64_t task, l4_fpage fp, bool self)
{
    struct ports p = ports_of(fp);

    if (l4_fpage_rights(fp) == 0 || p.first >= PORTS)
        return;
    for (word_t w = p.first / 64; w * 64 < p.end && !m->unsure; w++) {
        word_load(m, (unsigned)w);
        if (self && !m->world->is_sigma0(task))
            lose(m, (unsigned)w, task, has(m, task, (unsigned)w) & word_mask(p, w));
        else
            lose_below(m, (unsigned)w, task, word_mask(p, w));
    }
}

void model_ports_end(struct model_maps *m, uint64_t task)
{
    if (m->world->has_ports(task))
        model_ports_unmap(m, task, l4_fpage_make(L4_FPAGE_IO, 0, 16, L4_MEM_RIGHTS), true);
}
