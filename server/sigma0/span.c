/* SPDX-License-Identifier: MIT */
/* Attributes of ranges; see span.h. */
#include "span.h"

void span_init(struct span_map *m, struct span *table, unsigned max, l4_umword_t end, struct span_attr attr)
{
    m->span = table;
    m->max = max;
    m->end = end;
    m->count = 1;
    table[0].first = 0;
    table[0].attr = attr;
}

static int attr_equal(struct span_attr a, struct span_attr b)
{
    return a.owner == b.owner && a.kind == b.kind && a.rights == b.rights;
}

unsigned span_at(struct span_map const *m, l4_umword_t at)
{
    unsigned low = 0, high = m->count;

    while (high - low > 1) { /* P1: span[low].first <= at < span[high].first */
        unsigned mid = low + (high - low) / 2;

        if (m->span[mid].first <= at)
            low = mid;
        else
            high = mid;
    }
    return low;
}

l4_umword_t span_last(struct span_map const *m, unsigned i)
{
    return i + 1 < m->count ? m->span[i + 1].first - 1 : m->end;
}

/* Makes a span begin at `at`; the caller has seen to the room. Returns its index. */
static unsigned split(struct span_map *m, l4_umword_t at)
{
    unsigned i = span_at(m, at);

    if (m->span[i].first == at)
        return i;
    for (unsigned k = m->count; k > i + 1; k--)
        m->span[k] = m->span[k - 1];
    m->count++;
    m->span[i + 1].first = at;
    m->span[i + 1].attr = m->span[i].attr;
    return i + 1;
}

/* Restores P2 among the spans from..to (indices) and their neighbours. */
static void merge(struct span_map *m, unsigned from, unsigned to)
{
    unsigned out = from ? from - 1 : 0;

    for (unsigned i = out + 1; i < m->count; i++) {
        if (i <= to + 1 && attr_equal(m->span[i].attr, m->span[out].attr))
            continue;
        m->span[++out] = m->span[i];
    }
    m->count = out + 1;
}

/* Room for the two splits that a change of first..last needs at most? */
static int has_room(struct span_map const *m)
{
    return m->max - m->count >= 2;
}

int span_set(struct span_map *m, l4_umword_t first, l4_umword_t last, struct span_attr attr)
{
    unsigned a, b;

    if (!has_room(m))
        return -L4_ENOMEM;
    a = split(m, first);
    b = last == m->end ? m->count : split(m, last + 1);
    m->span[a].attr = attr;
    for (unsigned i = a + 1; i < b; i++)
        m->span[i].attr = attr;
    merge(m, a, b);
    return 0;
}

int span_claim(struct span_map *m, l4_umword_t first, l4_umword_t last, enum span_kind kind, unsigned owner)
{
    unsigned a, b;
    int change = 0;

    if (last > m->end)
        return -L4_ENOMEM;
    for (unsigned i = span_at(m, first); i < m->count && m->span[i].first <= last; i++) {
        struct span_attr at = m->span[i].attr;

        if (at.kind != kind || (at.owner && at.owner != owner))
            return -L4_ENOMEM;
        change |= !at.owner;
    }
    if (!change)
        return 0;
    if (!has_room(m))
        return -L4_ENOMEM;

    /* ---- commit: nothing below can fail ---- */
    a = split(m, first);
    b = last == m->end ? m->count : split(m, last + 1);
    for (unsigned i = a; i < b; i++)
        if (!m->span[i].attr.owner)
            m->span[i].attr.owner = (l4_uint16_t)owner;
    merge(m, a, b);
    return 0;
}

int span_is(struct span_map const *m, l4_umword_t first, l4_umword_t last, enum span_kind kind)
{
    if (last > m->end)
        return 0;
    for (unsigned i = span_at(m, first); i < m->count && m->span[i].first <= last; i++)
        if (m->span[i].attr.kind != kind)
            return 0;
    return 1;
}

int span_find(struct span_map const *m, unsigned order, enum span_kind kind, l4_umword_t *first)
{
    l4_umword_t size = 1ul << order;

    for (unsigned i = 0; i < m->count; i++) {
        l4_umword_t start = l4_round_size(m->span[i].first, (unsigned char)order), last = span_last(m, i);

        if (m->span[i].attr.kind != kind || m->span[i].attr.owner || start < m->span[i].first)
            continue;
        if (start <= last && last - start >= size - 1) {
            *first = start;
            return 0;
        }
    }
    return -L4_ENOMEM;
}
