/* SPDX-License-Identifier: MIT */
/* Page tables (arch/x86_64/pt.c on the host): insert, look up, next, update, remove, status bits, sizes, quota. */
#include "tap.h"
#include "world.h"

#define MIB2 (2ul << 20)
#define GIB (1ul << 30)

static status_t put(word_t va, word_t pa, unsigned order, unsigned rights, unsigned cache, bool ku, struct mapping *m)
{
    struct pt_entry e = {va, pa, order, rights, cache, ku, m, NULL};

    return arch_pt_insert(&a->space, &root_factory, &e);
}

static void test_round_trip(void)
{
    static struct mapping fake[3];
    static const struct pt_entry want[] = {
        {0x400000, 0x7000, 12, RW, L4_ITEM_CACHED, false, &fake[0], NULL},
        {0x401000, 0x123456000, 12, RX, L4_ITEM_UNCACHED, false, &fake[1], NULL},
        {0x402000, 0x8000, 12, RWX, L4_ITEM_BUFFERED, true, NULL, NULL},
        {0x40000000, 0xa00000, 21, R, L4_ITEM_BUFFERED, false, &fake[2], NULL},
        {0x7fc0000000, 0x4000000000, 30, RWX, L4_ITEM_UNCACHED, false, &fake[0], NULL},
        {L4_USER_END - 4096, 0xfffffff000, 12, RW, L4_ITEM_CACHED, false, &fake[1], NULL},
    };
    const unsigned n = sizeof want / sizeof want[0];
    struct pt_entry e;

    for (unsigned i = 0; i < n; i++)
        is(arch_pt_insert(&a->space, &root_factory, &want[i]), OK, "insert");
    for (unsigned i = 0; i < n; i++) {
        word_t inside = want[i].va + (1ul << want[i].order) - 1;
        ok(arch_pt_lookup(&a->space, inside, &e) && e.va == want[i].va && e.pa == want[i].pa &&
               e.order == want[i].order && e.rights == want[i].rights && e.cache == want[i].cache &&
               e.ku == want[i].ku && e.mapping == want[i].mapping,
           "what comes out is what went in");
    }
    unsigned found = 0;
    for (word_t va = 0; arch_pt_next(&a->space, va, L4_USER_END, &e); va = e.va + (1ul << e.order))
        found += found < n && e.va == want[found].va;
    is(found, n, "next finds each of them in order");
    ok(!arch_pt_next(&a->space, 0x403000, 0x40000000, &e), "no leaf between two");
    ok(arch_pt_next(&a->space, 0x403000, 0x40000001, &e) && e.va == 0x40000000, "the first byte of a leaf counts");
    ok(arch_pt_next(&a->space, 0x40001000, 0x40002000, &e) && e.va == 0x40000000, "the middle of a leaf, too");
    ok(!arch_pt_next(&a->space, 0x400000, 0x400000, &e), "an empty range has no leaf");
    for (unsigned i = 0; i < n; i++)
        arch_pt_remove(&a->space, want[i].va);
    ok(!arch_pt_next(&a->space, 0, L4_USER_END, &e), "all are gone");
    ok(!arch_pt_lookup(&a->space, 0x400000, &e), "none is found");
}

static unsigned status_at(word_t va)
{
    struct pt_entry e;

    return arch_pt_lookup(&a->space, va, &e) ? arch_leaf_status(&a->space, e.leaf, va) : ~0u;
}

static void test_status_and_update(void)
{
    struct pt_entry e;

    host_cpu->arch.space = &a->space;
    put(0x400000, 0x7000, 12, RW, L4_ITEM_CACHED, false, NULL);
    is(status_at(0x400000), 0, "a fresh page was not touched");
    word_t *entry = NULL, pa = a->space.root_pa;
    for (unsigned shift = 39; shift >= 12; shift -= 9) {
        entry = (word_t *)(host_memory + pa) + (0x400000ul >> shift & 511);
        pa = *entry & 0xffffffffff000ul;
    }
    *entry |= 0x20;
    is(status_at(0x400000), 1, "referenced");
    is(status_at(0x400000), 0, "and cleared");
    *entry |= 0x60;
    arch_pt_lookup(&a->space, 0x400000, &e);
    e.rights = R;
    e.cache = L4_ITEM_UNCACHED;
    arch_pt_update(&a->space, &e);
    is(access_at(a, 0x400000), R, "rights are less");
    arch_pt_lookup(&a->space, 0x400000, &e);
    is(e.cache, L4_ITEM_UNCACHED, "caching has changed");
    is(arch_pt_remove(&a->space, 0x400000), 3, "an update keeps the status, removal returns it");
    host_cpu->arch.space = NULL;
}

static void test_sizes(void)
{
    const unsigned *orders;

    is(arch_page_orders(&orders), 3, "three page sizes");
    ok(orders[0] == 12 && orders[1] == 21 && orders[2] == 30, "4 KiB, 2 MiB, 1 GiB");
    is(arch_pt_order_at(&b->space, 5 * GIB, 63), 30, "an empty space takes the largest");
    is(arch_pt_order_at(&b->space, 5 * GIB, 29), 21, "not more than asked");
    is(arch_pt_order_at(&b->space, 5 * GIB, 20), 12, "down to the smallest");
    struct pt_entry e = {5 * GIB, 0, 12, R, L4_ITEM_CACHED, false, NULL, NULL};
    arch_pt_insert(&b->space, &root_factory, &e);
    is(arch_pt_order_at(&b->space, 5 * GIB, 63), 12, "a table for small pages forces small pages");
    is(arch_pt_order_at(&b->space, 5 * GIB + MIB2, 63), 21, "beside it 2 MiB are possible");
    is(arch_pt_order_at(&b->space, 6 * GIB, 63), 30, "and further away 1 GiB");
    arch_pt_remove(&b->space, 5 * GIB);
    is(arch_pt_order_at(&b->space, 5 * GIB, 63), 12, "an empty table still does");
    arch_has_1g_pages = false;
    is(arch_page_orders(&orders), 2, "two page sizes");
    is(arch_pt_order_at(&b->space, 6 * GIB, 63), 21, "without 1 GiB pages 2 MiB are the largest");
    arch_has_1g_pages = true;
}

static void test_memory(void)
{
    static struct factory payer;
    struct arch_space s;
    size_t before = frame_free_bytes();

    payer.quota.limit = L4_PAGE_SIZE;
    is(arch_space_init(&s, &payer), OK, "an empty space needs one page");
    struct pt_entry e = {GIB, 0x1000, 12, RW, L4_ITEM_CACHED, false, NULL, NULL};
    is(arch_pt_insert(&s, &payer, &e), -L4_ERR_NOMEM, "a table is over the quota");
    ok(!arch_pt_lookup(&s, GIB, &e), "nothing was inserted");
    payer.quota.limit = ~(size_t)0;
    for (unsigned k = 1; k <= 3; k++) {
        frame_fail_countdown = k;
        e = (struct pt_entry){k * 512 * GIB, 0x1000, 12, RW, L4_ITEM_CACHED, false, NULL, NULL};
        is(arch_pt_insert(&s, &payer, &e), -L4_ERR_NOMEM, "no memory for the first, second, third table");
    }
    frame_fail_countdown = 0;
    e = (struct pt_entry){3 * 512 * GIB, 0x1000, 12, RW, L4_ITEM_CACHED, false, NULL, NULL};
    is(arch_pt_insert(&s, &payer, &e), OK, "the tables made before are used");
    arch_pt_remove(&s, e.va);
    space_free_all(&s, &payer);
    is(payer.quota.used, 0, "quota is back");
    is(frame_free_bytes(), before, "memory is back");
}

/* T5, T2: tables below pa whose entries that are not present are not all 0. */
static unsigned tables_bad(word_t pa, unsigned level)
{
    const word_t *table = (const word_t *)(host_memory + pa);
    unsigned bad = 0;

    for (unsigned i = 0; i < (level == 4 ? 256u : 512u); i++) {
        if (!(table[i] & 1))
            bad += table[i] != 0;
        else if (level > 1 && !(table[i] & 0x80))
            bad += tables_bad(table[i] & 0xffffffffff000ul, level - 1);
    }
    return bad;
}

static void test_absent(void)
{
    struct arch_space s;
    word_t seed = 1, same = 0;

    for (unsigned i = 0; i < 256; i++)
        space_upper[i] = 0x1234000ul * i;
    is(arch_space_init(&s, &root_factory), OK, "a space");
    for (unsigned i = 0; i < 2000; i++) {
        seed = seed * 6364136223846793005ul + 1442695040888963407ul;
        unsigned order = seed >> 60 < 3 ? 21 : 12;
        word_t va = (seed >> 20 & 0x3fful) << order | (seed >> 31 & 3) << 39;
        struct pt_entry e = {va, 0x40000000 + va, order, RWX, L4_ITEM_CACHED, false, NULL, NULL}, old;
        if (arch_pt_next(&s, va, va + (1ul << order), &old))
            arch_pt_remove(&s, old.va);
        else if (arch_pt_order_at(&s, va, order) == order)
            arch_pt_insert(&s, &root_factory, &e);
    }
    is(tables_bad(s.root_pa, 4), 0, "what is not present is 0");
    for (unsigned i = 0; i < 256; i++)
        same += ((const word_t *)(host_memory + s.root_pa))[256 + i] == space_upper[i];
    is(same, 256, "the upper half is that of every space");
    struct pt_entry e;
    while (arch_pt_next(&s, 0, L4_USER_END, &e))
        arch_pt_remove(&s, e.va);
    is(tables_bad(s.root_pa, 4), 0, "  also when all is gone");
    space_free_all(&s, &root_factory);
    memset(space_upper, 0, sizeof space_upper);
}

int main(void)
{
    world_start(&(struct host_config){0});
    test_round_trip();
    test_status_and_update();
    test_sizes();
    test_memory();
    test_absent();
    return tap_done();
}
