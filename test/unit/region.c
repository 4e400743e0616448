/* SPDX-License-Identifier: MIT */
/* lib/region: fixed cases of placing and detaching, then random operations against one byte per page. */
#include "../../lib/region/region.c"
#include <stdlib.h>
#include <string.h>
#include <tap.h>

#define PAGE 0x1000ul
#define BASE 0x100000ul
#define PAGES 256u

static struct region pool[1024];
static unsigned pool_used;
static struct region *pool_free;

static struct region *node(void)
{
    struct region *r = pool_free;

    if (r != 0) {
        pool_free = r->left;
        return memset(r, 0, sizeof *r);
    }
    return &pool[pool_used++];
}

static void node_give(struct region *r)
{
    r->left = pool_free;
    pool_free = r;
}

static int attach(struct region_map *m, word_t *start, word_t pages, uint32_t flags, unsigned align)
{
    int e = region_place(m, start, pages * PAGE, flags, align);

    if (e == 0) {
        struct region *r = node();
        r->start = *start;
        r->end = *start + pages * PAGE - 1;
        r->flags = flags & REGION_FLAGS;
        r->offset = *start - BASE;
        region_insert(m, r);
    }
    return e;
}

static int detach(struct region_map *m, word_t start, word_t size, uint32_t flags)
{
    struct region_cut cut;
    int e = region_cut_find(m, start, size, flags, &cut);

    if (e < 0)
        return e;
    int split = (cut.result & 3) == REGION_SPLIT;
    region_cut(m, &cut, split ? node() : 0);
    if ((cut.result & 3) == REGION_DETACHED)
        node_give(cut.region);
    return cut.result;
}

static void fixed_cases(void)
{
    struct region_map m = {.min = BASE, .max = BASE + PAGES * PAGE - 1};
    word_t a = BASE + 0x123;

    is(attach(&m, &a, 2, REGION_R, 12), 0, "a fixed start is taken");
    is(a, BASE, "and rounded down");
    is(attach(&m, &a, 1, REGION_R, 12), -99, "a taken place is refused");
    a = BASE;
    is(attach(&m, &a, 1, REGION_SEARCH, 12), 0, "a search goes on");
    is(a, BASE + 2 * PAGE, "to the next free page");
    a = BASE;
    is(attach(&m, &a, 1, REGION_SEARCH, 16), 0, "an aligned search");
    is(a, BASE + 0x10000, "finds an aligned place");
    is(attach(&m, &a, 1, REGION_SEARCH, 11), -22, "less than a page is no alignment");
    is(attach(&m, &a, 1, REGION_SEARCH, 64), -22, "nor is more than a word");
    is(attach(&m, &a, 0, REGION_R, 12), -22, "nothing cannot be attached");
    a = ~0ul - 0xfff;
    is(attach(&m, &a, 2, REGION_R, 12), -22, "wrapping around is senseless");
    is(attach(&m, &a, 1, REGION_R, 12), -99, "outside is no room");
    a = 0;
    is(attach(&m, &a, PAGES, REGION_SEARCH, 12), -99, "too large is no room");
    is(region_place(&m, &a, ~0ul, REGION_SEARCH, 12), -22, "a size that rounds to nothing");
    is(detach(&m, BASE + 5 * PAGE, PAGE, 0), -2, "a hole cannot be detached");
    is(detach(&m, BASE, 0, 2), -22, "nothing cannot be detached");
    is(detach(&m, BASE, 3 * PAGE, 0), REGION_AGAIN, "one region at a time");
    is(detach(&m, BASE, 3 * PAGE, 0), REGION_DETACHED, "then the next");

    a = BASE + 16 * PAGE + PAGE;
    is(region_area_place(&m, &a, 8 * PAGE, 0, 12), 0, "an area has room");
    struct region *area = node();
    area->start = a;
    area->end = a + 8 * PAGE - 1;
    region_area_insert(&m, area);
    word_t in = a + PAGE, out = a + 7 * PAGE, s = a;
    is(attach(&m, &in, 1, REGION_R, 12), -99, "nothing gets into an area unasked");
    is(attach(&m, &in, 1, REGION_IN_AREA, 12), 0, "but when asked");
    is(attach(&m, &out, 2, REGION_IN_AREA, 12), -99, "and not across its end");
    is(attach(&m, &s, 2, REGION_IN_AREA | REGION_SEARCH, 12), 0, "a search inside");
    is(s, a + 2 * PAGE, "skips what is there");
    s = a;
    is(attach(&m, &s, 7, REGION_IN_AREA | REGION_SEARCH, 12), -99, "and stays inside");
    s = a;
    is(attach(&m, &s, 1, REGION_SEARCH, 12), 0, "a search outside");
    is(s, a + 8 * PAGE, "skips the area");
    s = a;
    is(region_area_place(&m, &s, PAGE, REGION_W, 12), -22, "areas have no rights");
    is(region_area_place(&m, &s, PAGE, 0, 12), -99, "areas do not overlap");
    region_area_remove(&m, area);
    is(attach(&m, &s, 1, REGION_IN_AREA, 12), -99, "a lost area is no area");

    struct region r;
    region_name_set(&r, "0123456789012345678901234567890123456789x", 41);
    is(strlen(r.name), REGION_NAME_LEN, "names are cut");
}

/* Every page's owner, by region start; 0 is free. */
static int agrees(const struct region_map *m, const unsigned char *flags, const word_t *offsets)
{
    for (unsigned p = 0; p < PAGES; p++) {
        const struct region *r = region_find(m, BASE + p * PAGE, BASE + p * PAGE);
        if ((r != 0) != (flags[p] != 0))
            return 0;
        if (r != 0 && (r->flags != flags[p] || r->offset + (BASE + p * PAGE - r->start) != offsets[p]))
            return 0;
    }
    return 1;
}

static int tree_sound(const struct region *t, word_t low, word_t high)
{
    if (t == 0)
        return 1;
    if (t->start < low || t->end > high || t->start > t->end)
        return 0;
    if ((t->left != 0 && tree_rank(t->left) > tree_rank(t)) || (t->right != 0 && tree_rank(t->right) > tree_rank(t)))
        return 0;
    return tree_sound(t->left, low, t->start) && tree_sound(t->right, t->end, high);
}

static void random_history(unsigned seed, unsigned steps)
{
    struct region_map m = {.min = BASE, .max = BASE + PAGES * PAGE - 1};
    unsigned char flags[PAGES] = {0};
    word_t offsets[PAGES] = {0};
    int good = 1;

    srand(seed);
    for (unsigned i = 0; i < steps && good; i++) {
        unsigned first = (unsigned)rand() % PAGES, n = 1 + (unsigned)rand() % 12;
        if (rand() % 2) {
            uint32_t f = 1u + (unsigned)rand() % 7u;
            word_t a = BASE + first * PAGE;
            int search = rand() % 2;
            int e = attach(&m, &a, n, f | (search ? REGION_SEARCH : 0), 12);
            unsigned at = (unsigned)((a - BASE) / PAGE);
            int room = 0;
            for (unsigned s = first; s + n <= PAGES && !room; s++) {
                room = 1;
                for (unsigned p = s; p < s + n; p++)
                    room = room && flags[p] == 0;
                if (room && e == 0)
                    good = at == s;
                if (!search)
                    break;
            }
            good = good && (e == 0) == room;
            for (unsigned p = at; e == 0 && p < at + n; p++) {
                flags[p] = (unsigned char)f;
                offsets[p] = (p * PAGE);
            }
        } else {
            struct region_cut cut;
            uint32_t whole = rand() % 2 ? REGION_DETACH_OVERLAP : 0;
            if (region_cut_find(&m, BASE + first * PAGE, n * PAGE, whole, &cut) == 0) {
                for (word_t p = (cut.start - BASE) / PAGE; p <= (cut.end - BASE) / PAGE; p++) {
                    good = good && flags[p] != 0;
                    flags[p] = 0;
                }
                detach(&m, BASE + first * PAGE, n * PAGE, whole);
            }
        }
        good = good && agrees(&m, flags, offsets) && tree_sound(m.regions, 0, ~0ul);
    }
    ok(good, "a random history agrees with one byte per page");
    while (m.regions != 0) {
        struct region *r = m.regions;
        region_remove(&m, r);
        node_give(r);
    }
}

int main(void)
{
    fixed_cases();
    for (unsigned seed = 1; seed <= 8; seed++)
        random_history(seed, 3000);
    return tap_done();
}
