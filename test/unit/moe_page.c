/* SPDX-License-Identifier: MIT */
/* Root task memory: page frames, quota and small objects, the radix tree of a dataspace; random histories. */
#include "../../server/moe/page.c"
#include "../../server/moe/arena.c"
#include "../../server/moe/pagemap.c"
#include <stdlib.h>
#include <tap.h>

#define MEMORY (8ul << 20)

static word_t memory;

static void memory_make(void)
{
    struct page_range r[3];

    if (memory == 0)
        memory = (word_t)aligned_alloc(MEMORY, MEMORY);
    r[0] = (struct page_range){memory + 0x3000, memory + 0x9000}; /* a hole after it */
    r[1] = (struct page_range){memory + 0x100000, memory + MEMORY};
    r[2] = (struct page_range){memory + 0xa000, memory + 0xff000};
    ok(page_init(r, 3), "memory is taken over");
}

static unsigned long seed = 1;
static unsigned dice(unsigned n)
{
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % n;
}

static void pages_fixed(void)
{
    memory_make();
    word_t all = page_available();
    ok(all < page_total() && all > page_total() - 8, "the table takes little");
    is(page_largest(), 1024, "4 MiB block");
    word_t a = page_alloc(0), b = page_alloc(9);
    ok(a != 0 && b != 0 && b % (2ul << 20) == 0, "a page and an aligned large block");
    is(page_available(), all - 513, "counted");
    word_t c = page_range_alloc(5, 3);
    ok(c != 0 && c % 0x8000 == 0, "five pages, aligned to eight");
    is(page_available(), all - 518, "the tail came back");
    ok(page_alloc(12) == 0 && page_range_alloc(1ul << 40, 0) == 0 && page_range_alloc(0, 0) == 0, "too much");
    ok(page_share(a) && !page_is_sole(a), "shared");
    page_release(a);
    ok(page_is_sole(a), "sole again");
    page_release(a);
    page_free(b, 9);
    page_range_free(c, 5);
    page_check();
    ok(page_available() == all && page_largest() == 1024, "everything came back and was joined");
    ok(page_share(0x1000) && !page_is_sole(0x1000), "foreign memory may be shared");
    page_release(0x1000);
    is(page_available(), all, "and released");
}

static void pages_random(void)
{
    static struct { word_t at, pages; } held[200];
    word_t all = page_available();
    int sound = 1;

    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = dice(200);
        if (held[i].at != 0) {
            for (word_t k = 0; k < held[i].pages; k++)
                sound &= *(word_t *)(held[i].at + k * L4_PAGE_SIZE) == i;
            page_range_free(held[i].at, held[i].pages);
            held[i].at = 0;
        } else {
            held[i].pages = 1 + dice(20);
            held[i].at = page_range_alloc(held[i].pages, dice(4));
            for (word_t k = 0; held[i].at != 0 && k < held[i].pages; k++)
                *(word_t *)(held[i].at + k * L4_PAGE_SIZE) = i;
        }
        if (step % 100 == 0)
            page_check();
    }
    for (unsigned i = 0; i < 200; i++)
        if (held[i].at != 0)
            page_range_free(held[i].at, held[i].pages);
    ok(sound, "no page was given out twice");
    ok(page_available() == all, "all pages came back after 20000 steps");
}

static void arenas(void)
{
    static struct { void *p; word_t size; } held[300];
    struct quota q = {.limit = 64 * L4_PAGE_SIZE};
    struct arena a;
    word_t all = page_available();
    int zeroed = 1, refused = 0;

    arena_init(&a, &q);
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = dice(300);
        if (held[i].p != NULL) {
            arena_give(&a, held[i].p, held[i].size);
            held[i].p = NULL;
            continue;
        }
        held[i].size = 1 + dice(step % 50 == 0 ? 20000 : 2100);
        held[i].p = arena_take(&a, held[i].size);
        refused += held[i].p == NULL;
        for (word_t k = 0; held[i].p != NULL && k < held[i].size; k++)
            zeroed &= ((char *)held[i].p)[k] == 0;
        if (held[i].p != NULL)
            memset(held[i].p, 0xa5, held[i].size);
    }
    ok(q.used <= q.limit && refused > 0, "the limit holds");
    ok(zeroed, "fresh memory is zero");
    for (unsigned i = 0; i < 300; i++)
        if (held[i].p != NULL)
            arena_give(&a, held[i].p, held[i].size);
    ok(q.used == 0 && page_available() == all, "everything is given back");
    q.limit = 0;
    ok(arena_take(&a, 8) == NULL && arena_page_take(&a) == 0 && page_available() == all, "no quota, no memory");
}

static void map_one(word_t pages, const char *name)
{
    struct quota q = {.limit = ~0ul};
    struct arena a;
    struct pagemap m;
    word_t index[] = {0, 1, 511, 512, 513, 262143, 262144, pages / 2, pages - 1}, count = 0, all = page_available();
    int good = 1;

    arena_init(&a, &q);
    pagemap_init(&m, pages);
    for (unsigned i = 0; i < sizeof index / sizeof *index; i++) {
        if (index[i] >= pages || pagemap_entry(&m, index[i], NULL) != NULL)
            continue;
        word_t *e = pagemap_entry(&m, index[i], &a);
        good &= e != NULL && *e == 0;
        *e = (index[i] + 1) << 12;
        count++;
    }
    for (word_t at = 0, *e; (e = pagemap_next(&m, &at, ~0ul)) != NULL; at++, count--)
        good &= *e == (at + 1) << 12;
    ok(good && count == 0, name);
    pagemap_destroy(&m, &a);
    ok(q.used == 0 && page_available() == all, "its tables came back");
}

static void maps_exhausted(void)
{
    struct quota q = {.limit = 2 * L4_PAGE_SIZE};
    struct arena a;
    struct pagemap m;

    arena_init(&a, &q);
    pagemap_init(&m, 1ul << 28);
    ok(pagemap_entry(&m, 5, &a) == NULL, "tables beyond the quota");
    pagemap_destroy(&m, &a);
    is(q.used, 0, "nothing is left behind");
}

int main(void)
{
    pages_fixed();
    pages_random();
    arenas();
    map_one(1, "one page");
    map_one(2, "two pages");
    map_one(512, "one table");
    map_one(513, "two levels");
    map_one(1ul << 28, "a terabyte");
    map_one((1ul << 51) - 1, "the largest size there is");
    maps_exhausted();
    free((void *)memory);
    return tap_done();
}
