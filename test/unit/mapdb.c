/* SPDX-License-Identifier: MIT */
/* mapdb.c: random trees over four tasks, checked after every step; nothing is left at the end. */
#include "tap.h"
#include "world.h"

#define PAGE L4_PAGE_SIZE
#define SLOTS 24u

static unsigned long seed = 7;
static unsigned random_below(unsigned n)
{
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % n;
}

static word_t random_va(void) { return 0x5000000000ul + random_below(SLOTS) * PAGE; }

static size_t nodes(void)
{
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        if (s->size == 64 && s->name[0] == 'm')
            return s->used;
    return 0;
}

/* A chain through the tasks: everybody from the one before. */
static void test_chain(void)
{
    struct task *task[] = {a, b, c};
    size_t before = nodes();
    const unsigned depth = 3000;
    word_t va = 0x5000000000ul;

    map_to(sigma0, mem(0x200000, 12, RWX), a, va);
    for (unsigned i = 1; i < depth; i++)
        map_to(task[(i - 1) % 3], mem(va + (i - 1) * PAGE, 12, RWX), task[i % 3], va + i * PAGE);
    is(access_at(task[(depth - 1) % 3], va + (depth - 1) * PAGE), RWX, "the end of a long chain");
    unmap_memory_all(a, mem(va, 12, L4_MEM_W), false);
    is(access_at(task[(depth - 1) % 3], va + (depth - 1) * PAGE), RX, "a right is taken from all of it");
    is(access_at(a, va), RWX, "but not from its head");
    unmap_memory_all(a, mem(va, 12, RWX), true);
    is(access_at(task[(depth - 1) % 3], va + (depth - 1) * PAGE), 0, "removal reaches the end");
    is(nodes(), before + 1, "only the root in sigma0 is left");
    world_check();
}

static void test_fan(void)
{
    size_t before = nodes();
    word_t va = 0x5000000000ul;

    map_to(sigma0, mem(0x200000, 12, RWX), a, va);
    for (unsigned i = 0; i < 2000; i++)
        map_to(a, mem(va, 12, RW), i % 2 ? b : c, va + i * PAGE);
    is(nodes(), before + 2001, "two thousand children");
    unmap_memory_all(b, mem(va + PAGE, 12, RWX), true);
    is(access_at(c, va), RW, "one goes, the others stay");
    unmap_everything(a);
    is(nodes(), before, "all go with their parent");
    world_check();
}

static void test_history(void)
{
    struct task *task[] = {a, b, c};

    for (unsigned step = 0; step < 20000; step++) {
        struct task *from = task[random_below(3)], *to = task[random_below(3)];
        switch (random_below(8)) {
        case 0:
            map_to(sigma0, mem(0x200000 + random_below(SLOTS) * PAGE, 12 + random_below(4), 1 + random_below(7)), to,
                   random_va());
            break;
        case 1:
            unmap_memory_all(from, mem(random_va(), 12 + random_below(4), random_below(8)), random_below(2) != 0);
            break;
        case 2:
            map_to(from, mem(random_va(), 12 + random_below(3), random_below(8)), to, random_va() | L4_ITEM_GRANT);
            break;
        default:
            map_to(from, mem(random_va(), 12 + random_below(3), random_below(8)), to, random_va());
            break;
        }
        for (unsigned i = 0; i < 3; i++)
            mapping_check(task[i]);
    }
    ok(1, "20,000 random steps keep every invariant");
    for (unsigned i = 0; i < 3; i++)
        unmap_everything(task[i]);
    world_check();
}

int main(void)
{
    struct pt_entry e;

    world_start(&(struct host_config){.heap_bytes = 32ul << 20});
    test_chain();
    test_fan();
    test_history();
    unmap_memory_all(sigma0, mem(0, 63, RWX), false);
    size_t roots = 0;
    for (word_t va = 0; arch_pt_next(&sigma0->space, va, L4_USER_END, &e); va = e.va + (1ul << e.order))
        roots += e.mapping != NULL;
    is(nodes(), roots, "only roots are left");
    return tap_done();
}
