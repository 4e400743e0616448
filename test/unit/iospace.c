/* SPDX-License-Identifier: MIT */
/* iospace.c: ports by window, onward, back, granted, withdrawn; random histories against a model per port. */
#include "tap.h"
#include "world.h"
#include <string.h>

static bool has(const struct task *t, unsigned port)
{
    const uint8_t *denied = t->space.io_bitmap;

    return denied != NULL && !(denied[port / 8] >> port % 8 & 1);
}

static void test_windows(void)
{
    is(map_to(sigma0, io(0x80, 0), a, 0), MAP_DONE, "sigma0 gives a port");
    ok(has(a, 0x80) && !has(a, 0x81) && !has(a, 0x7f), "this one and no other");
    is(map_window(a, io(0x80, 0), b, io(0x90, 0), 0), MAP_DONE, "disjoint windows: not marked");
    ok(!has(b, 0x80), "and nothing is mapped");
    is(map_window(a, l4_fpage_make(L4_FPAGE_IO, 0x80, 0, 0), b, io(0, 16), 0), MAP_NOTHING, "no right: nothing");
    is(map_to(a, io(0x88, 0), b, 0), MAP_NOTHING, "a port that the sender does not have");
    is(map_window(a, io(0, 16), b, io(0x80, 4), 0), MAP_DONE, "all ports into a window of 16");
    ok(has(b, 0x80) && !has(b, 0x81), "only what the sender has");
    is(map_window(a, io(0x80, 0), b, mem(0, 12, 0), 0), MAP_DONE, "a window of another kind");
    is(map_to(a, io(0x10000, 0), b, 0), MAP_NOTHING, "a port beyond the last");
    is(map_to(a, io(0, 63), c, 0x5000 << 12), MAP_DONE, "an order too large is all ports; hot spots do not count");
    ok(has(c, 0x80), "mapped one to one");
    unmap_io(a, io(0x80, 0), false);
    ok(has(a, 0x80) && !has(b, 0x80) && !has(c, 0x80), "others lose it");
    ok(b->io == NULL && b->space.io_bitmap == NULL, "a task without ports has no bitmap");
    unmap_io(a, io(0, 16), true);
    ok(a->io == NULL, "taken from the task itself");
    world_check();
}

static void test_tree(void)
{
    map_to(sigma0, io(0, 16), a, 0);
    map_to(a, io(0x100, 4), b, 0);
    map_to(b, io(0x108, 2), c, 0);
    unmap_io(a, io(0x109, 0), false);
    ok(!has(b, 0x109) && !has(c, 0x109) && has(c, 0x108) && has(b, 0x100), "one port out of a range, all the way down");
    map_to(c, io(0x10a, 0), a, 0);
    ok(!has(a, 0x10a) && !has(b, 0x10a) && !has(c, 0x10a), "onto its own ancestor: lost");
    map_to(b, io(0x100, 0), b, 0);
    ok(!has(b, 0x100) && has(a, 0x100), "onto itself: lost");
    map_to(sigma0, io(0x108, 0), c, 0);
    unmap_io(b, io(0x108, 0), true);
    ok(has(c, 0x108), "mapped anew from elsewhere, it has left the old tree");
    unmap_io(a, io(0, 16), true);
    ok(!has(b, 0x101) && has(c, 0x108), "all of one tree is gone, the other not");
    unmap_io(sigma0, io(0, 16), true);
    ok(!has(c, 0x108), "sigma0 takes everything back");
    world_check();
}

static void test_grant(void)
{
    map_to(sigma0, io(0x200, 3), a, 0);
    map_to(a, io(0x200, 3), b, 0);
    map_to(a, io(0x200, 2), c, L4_ITEM_GRANT);
    ok(has(c, 0x200) && !has(a, 0x200) && has(a, 0x204), "granted ports move");
    ok(has(b, 0x200), "what was derived stays");
    unmap_io(c, io(0x200, 0), false);
    ok(!has(b, 0x200) && has(b, 0x201), "below the new owner");
    map_to(c, io(0x201, 0), b, L4_ITEM_GRANT);
    ok(has(b, 0x201) && !has(c, 0x201), "granted to one's own child");
    unmap_io(sigma0, io(0x201, 0), false);
    ok(!has(b, 0x201), "still below sigma0");
    world_check();
    unmap_io(sigma0, io(0, 16), false);
    ok(a->io == NULL && b->io == NULL && c->io == NULL, "nothing is left");
}

static void test_failures(void)
{
    static struct factory poor;
    struct factory *payer = b->obj.payer;
    size_t before = frame_free_bytes();

    map_to(sigma0, io(0x80, 0), a, 0);
    b->obj.payer = &poor;
    is(map_to(a, io(0x80, 0), b, 0), MAP_FAILED, "no quota");
    b->obj.payer = payer;
    for (unsigned k = 1; k <= 4; k++) {
        frame_fail_countdown = k;
        is(map_to(a, io(0x80, 0), b, 0), MAP_FAILED, "no memory");
        ok(b->io == NULL && !has(b, 0x80), "changes nothing");
        frame_fail_countdown = k;
        is(map_to(a, io(0x80, 0), b, L4_ITEM_GRANT), MAP_FAILED, "no memory for a grant");
        ok(b->io == NULL && has(a, 0x80), "changes nothing");
    }
    frame_fail_countdown = 0;
    map_to(a, io(0x80, 0), c, 0);
    unsigned tries = 0;
    do { /* c has the port from a: its edge moves, too */
        frame_fail_countdown = ++tries;
        ok(has(a, 0x80) && has(c, 0x80) && b->io == NULL, "nothing has changed");
    } while (map_to(a, io(0x80, 0), b, L4_ITEM_GRANT) == MAP_FAILED);
    frame_fail_countdown = 0;
    ok(tries > 4 && has(b, 0x80) && has(c, 0x80) && !has(a, 0x80), "until there is memory for everything");
    unmap_io(b, io(0x80, 0), true);
    ok(!has(c, 0x80), "c had it from b then");
    unmap_io(a, io(0, 16), true);
    is(frame_free_bytes(), before, "all memory is back");
    world_check();
}

/* The model: for every port and task, from whom it has it. */
#define PORTS 40u
static struct task *origin[PORTS][4];
static struct task *tasks[4];

static unsigned index_of(const struct task *t)
{
    unsigned i = 0;
    while (tasks[i] != t)
        i++;
    return i;
}

static bool model_has(unsigned p, const struct task *t) { return t == sigma0 || origin[p][index_of(t)] != NULL; }

static void model_take(unsigned p, const struct task *t)
{
    if (t != sigma0)
        origin[p][index_of(t)] = NULL;
    for (unsigned i = 1; i < 4; i++)
        if (origin[p][i] == t && t != sigma0)
            model_take(p, tasks[i]);
}

static void model_map(unsigned p, struct task *from, struct task *to, bool grant)
{
    if (to == sigma0 || !model_has(p, from))
        return;
    grant = grant && from != sigma0;
    if (!grant && from != to && origin[p][index_of(to)] == from)
        return;
    if (model_has(p, to))
        model_take(p, to);
    if (!model_has(p, from))
        return;
    origin[p][index_of(to)] = from;
    if (grant) {
        origin[p][index_of(to)] = origin[p][index_of(from)];
        origin[p][index_of(from)] = NULL;
        for (unsigned i = 1; i < 4; i++)
            if (origin[p][i] == from)
                origin[p][i] = to;
    }
}

static unsigned long seed = 3;
static unsigned random_below(unsigned n)
{
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % n;
}

static void test_history(void)
{
    bool same = true;

    memcpy(tasks, (struct task *[]){sigma0, a, b, c}, sizeof tasks);
    for (unsigned step = 0; step < 3000; step++) {
        struct task *from = tasks[random_below(4)], *to = tasks[random_below(4)];
        unsigned order = random_below(4), first = random_below(PORTS - 8) & ~((1u << order) - 1);
        bool self = random_below(2) != 0, grant = random_below(4) == 0;
        bool unmap = random_below(3) == 0;

        if (unmap)
            unmap_io(from, io(first, order), self);
        else
            map_to(from, io(first, order), to, grant ? L4_ITEM_GRANT : 0);
        for (unsigned p = first; p < first + (1u << order); p++) {
            if (!unmap) {
                model_map(p, from, to, grant);
                continue;
            }
            for (unsigned i = 1; i < 4; i++)
                if (origin[p][i] == from && model_has(p, from))
                    model_take(p, tasks[i]);
            if (self && from != sigma0 && model_has(p, from))
                model_take(p, from);
        }
        for (unsigned p = 0; p < PORTS; p++)
            for (unsigned i = 1; i < 4; i++)
                same &= has(tasks[i], p) == model_has(p, tasks[i]);
        if (step % 16 == 0)
            world_check();
        if (!same) {
            tap_printf("# first difference at step %u\n", step);
            break;
        }
    }
    ok(same, "3,000 random steps agree with a model per port");
}

/* Before sigma0 has a set of its own. */
static void test_first(void)
{
    frame_fail_countdown = 1;
    is(map_to(sigma0, io(0, 0), a, 0), MAP_FAILED, "no memory for the set of sigma0");
    frame_fail_countdown = 0;
    is(map_window(sigma0, io(0, 0), a, l4_fpage_make(L4_FPAGE_IO, 0x10000, 0, 6), 0), MAP_DONE,
       "a window behind the last port");
    ok(a->io == NULL, "takes nothing");
}

int main(void)
{
    world_start(&(struct host_config){0});
    test_first();
    map_to(sigma0, io(0, 0), a, 0); /* sigma0's own set stays from here on */
    unmap_everything(a);

    size_t used = root_factory.quota.used;

    test_windows();
    test_tree();
    test_grant();
    test_failures();
    test_history();
    for (unsigned i = 1; i < 4; i++)
        unmap_io_all(tasks[i]);
    world_check();
    is(root_factory.quota.used, used, "without ports nobody pays for them");
    return tap_done();
}
