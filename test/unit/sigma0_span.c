/* SPDX-License-Identifier: MIT */
/* sigma0's table of ranges: fixed cases, then random changes against one entry per number. */
#include "../../server/sigma0/span.c"
#include <stdlib.h>
#include <string.h>
#include <tap.h>

#define END 255u

static struct span table[24];
static struct span_map m;
static struct span_attr model[END + 1];

static struct span_attr attr(unsigned owner, unsigned kind)
{
    return (struct span_attr){(l4_uint16_t)owner, (l4_uint8_t)kind, 7};
}

static void begin(unsigned max)
{
    span_init(&m, table, max, END, attr(0, SPAN_RAM));
    for (unsigned i = 0; i <= END; i++)
        model[i] = attr(0, SPAN_RAM);
}

/* P1, P2, and the model. */
static int same(void)
{
    if (m.count < 1 || m.count > m.max || m.span[0].first != 0)
        return 0;
    for (unsigned i = 1; i < m.count; i++)
        if (m.span[i].first <= m.span[i - 1].first || attr_equal(m.span[i].attr, m.span[i - 1].attr))
            return 0;
    for (unsigned i = 0; i <= END; i++)
        if (!attr_equal(m.span[span_at(&m, i)].attr, model[i]))
            return 0;
    return 1;
}

static void fixed(void)
{
    l4_umword_t at;

    begin(24);
    is(span_set(&m, 16, 31, attr(0, SPAN_IO)), 0, "set a range");
    is(m.count, 3, "three spans");
    is(span_last(&m, 1), 31, "end of the range");
    is(span_claim(&m, 10, 20, SPAN_RAM, 4), -L4_ENOMEM, "a part is of another kind");
    is(m.count, 3, "nothing has changed");
    is(span_claim(&m, 32, 47, SPAN_RAM, 4), 0, "claim");
    is(span_claim(&m, 32, 47, SPAN_RAM, 4), 0, "again by the same");
    is(span_claim(&m, 47, 48, SPAN_RAM, 5), -L4_ENOMEM, "by another");
    is(span_claim(&m, 40, 63, SPAN_RAM, 4), 0, "partly owned");
    is(m.count, 4, "neighbours are merged");
    is(span_find(&m, 4, SPAN_RAM, &at), 0, "a free block");
    is(at, 0, "the first");
    is(span_find(&m, 5, SPAN_RAM, &at), 0, "a larger block");
    is(at, 64, "aligned, behind what is taken");
    is(span_find(&m, 8, SPAN_RAM, &at), -L4_ENOMEM, "none of that size");
    ok(span_is(&m, 16, 31, SPAN_IO), "kind of a range");
    ok(!span_is(&m, 16, 32, SPAN_IO), "one number too far");
    is(span_claim(&m, 250, 256, SPAN_RAM, 4), -L4_ENOMEM, "beyond the end");
    is(span_set(&m, 0, END, attr(0, SPAN_RAM)), 0, "everything");
    is(m.count, 1, "one span");

    begin(4);
    span_set(&m, 10, 10, attr(1, SPAN_RAM));
    is(span_set(&m, 20, 20, attr(1, SPAN_RAM)), -L4_ENOMEM, "table full");
    is(span_claim(&m, 20, 20, SPAN_RAM, 2), -L4_ENOMEM, "for a claim, too");
    is(m.count, 3, "nothing has changed");
}

static void random_changes(void)
{
    unsigned seed = 1, refused = 0;

    begin(24);
    for (unsigned n = 0; n < 200000; n++) {
        unsigned first = (unsigned)rand_r(&seed) % (END + 1), last = first + (unsigned)rand_r(&seed) % 40;
        unsigned owner = (unsigned)rand_r(&seed) % 3, kind = (unsigned)rand_r(&seed) % 8 ? SPAN_RAM : SPAN_IO;
        int r, fits = 1;

        last = last > END ? END : last;
        if (n % 3) {
            r = span_set(&m, first, last, attr(owner, kind));
            for (unsigned i = first; i <= last && r == 0; i++)
                model[i] = attr(owner, kind);
        } else {
            for (unsigned i = first; i <= last; i++)
                fits &= model[i].kind == kind && (!model[i].owner || model[i].owner == owner + 1);
            r = span_claim(&m, first, last, kind, owner + 1);
            if (r == 0 && !fits)
                break;
            for (unsigned i = first; i <= last && r == 0; i++)
                model[i].owner = (l4_uint16_t)(owner + 1);
        }
        refused += r != 0;
        if (!same()) {
            is(n, 0, "table and model differ after this many changes");
            return;
        }
    }
    ok(refused > 0, "200000 changes: table and model agree, some were refused");
}

int main(void)
{
    fixed();
    random_changes();
    return tap_done();
}
