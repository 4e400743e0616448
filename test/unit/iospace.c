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
    unmap_io_all(b, io(0x80, 0), true);
    is(map_window(a, io(0x80, 0), b, (l4_fpage){L4_FPAGE_ALL | RW}, 0), MAP_DONE, "a window that is everything");
    ok(has(b, 0x80), "whatever rights it names");
    is(map_window(a, io(0x80, 0), b, mem(0, 12, 0), 0), MAP_DONE, "a window of another kind");
    is(map_to(a, io(0x10000, 0), b, 0), MAP_NOTHING, "a port beyond the last");
    is(map_to(a, io(0, 63), c, 0x5000 << 12), MAP_DONE, "an order too large is all ports; hot spots do not count");
    ok(has(c, 0x80), "mapped one to one");
    unmap_io_all(a, io(0x80, 0), false);
    ok(has(a, 0x80) && !has(b, 0x80) && !has(c, 0x80), "others lose it");
    ok(b->io == NULL && b->space.io_bitmap == NULL, "a task without ports has no bitmap");
    unmap_io_all(a, io(0, 16), true);
    ok(a->io == NULL, "taken from the task itself");
    world_check();
}

static void test_tree(void)
{
    map_to(sigma0, io(0, 16), a, 0);
    map_to(a, io(0x100, 4), b, 0);
    map_to(b, io(0x108, 2), c, 0);
    unmap_io_all(a, io(0x109, 0), false);
    ok(!has(b, 0x109) && !has(c, 0x109) && has(c, 0x108) && has(b, 0x100), "one port out of a range, all the way down");
    map_to(c, io(0x10a, 0), a, 0);
    ok(!has(a, 0x10a) && !has(b, 0x10a) && !has(c, 0x10a), "onto its own ancestor: lost");
    map_to(b, io(0x100, 0), b, 0);
    ok(!has(b, 0x100) && has(a, 0x100), "onto itself: lost");
    map_to(sigma0, io(0x108, 0), c, 0);
    unmap_io_all(b, io(0x108, 0), true);
    ok(has(c, 0x108), "mapped anew from elsewhere, it has left the old tree");
    unmap_io_all(a, io(0, 16), true);
    ok(!has(b, 0x101) && has(c, 0x108), "all of one tree is gone, the other not");
    unmap_io_all(sigma0, io(0, 16), true);
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
    unmap_io_all(c, io(0x200, 0), false);
    ok(!has(b, 0x200) && has(b, 0x201), "below the new owner");
    map_to(c, io(0x201, 0), b, L4_ITEM_GRANT);
    ok(has(b, 0x201) && !has(c, 0x201), "granted to one's own child");
    unmap_io_all(sigma0, io(0x201, 0), false);
    ok(!has(b, 0x201), "still below sigma0");
    world_check();
    unmap_io_all(sigma0, io(0, 16), false);
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
    for (unsigned k = 5; k <= 6; k++) { /* c has the port from a: it gets it from b then */
        frame_fail_countdown = k;
        is(map_to(a, io(0x80, 0), b, L4_ITEM_GRANT), MAP_FAILED, "no memory for what hangs on the granted port");
        ok(has(b, 0x80) && !has(a, 0x80) && !has(c, 0x80), "it is granted all the same, and lost below");
        unmap_io_all(b, io(0x80, 0), true);
        map_to(sigma0, io(0x80, 0), a, 0);
        map_to(a, io(0x80, 0), c, 0);
    }
    frame_fail_countdown = 7;
    is(map_to(a, io(0x80, 0), b, L4_ITEM_GRANT), MAP_DONE, "six blocks are enough");
    frame_fail_countdown = 0;
    ok(has(b, 0x80) && has(c, 0x80) && !has(a, 0x80), "for everything");
    unmap_io_all(b, io(0x80, 0), true);
    ok(!has(c, 0x80), "c had it from b then");
    unmap_io_all(a, io(0, 16), true);
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
    memset(origin, 0, sizeof origin);
    for (unsigned i = 1; i < 4; i++)
        unmap_io_all(tasks[i], io(0, 16), true);
    for (unsigned step = 0; step < 3000; step++) {
        struct task *from = tasks[random_below(4)], *to = tasks[random_below(4)];
        unsigned order = random_below(4), first = random_below(PORTS - 8) & ~((1u << order) - 1);
        bool self = random_below(2) != 0, grant = random_below(4) == 0;
        bool unmap = random_below(3) == 0;

        if (unmap)
            unmap_io_all(from, io(first, order), self);
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

/* The same with a window after every unit of work. */
static void test_history_in_slices(void)
{
    work_slice = work_left = 1;
    test_history();
    work_slice = work_left = 1 << 30;
}

/* Somebody else does something, in one piece, wherever an operation stops. The invariants hold, and what was unmapped
 * is gone when the unmap is over. */
static void random_operation(void)
{
    struct task *from = tasks[random_below(4)], *to = tasks[random_below(4)];
    unsigned order = random_below(4) == 0 ? 16 : 10;
    l4_fpage ports = io(random_below(64) << 10, order);

    switch (random_below(3)) {
    case 0:
        unmap_io_all(from, ports, random_below(2) != 0);
        break;
    case 1:
        map_to(from, ports, to, L4_ITEM_GRANT);
        break;
    default:
        map_to(from, ports, to, 0);
    }
}

static void test_windows_of_others(void)
{
    unsigned windows = 0;
    bool gone = true;

    for (unsigned step = 0; step < 600; step++) {
        struct task *from = tasks[random_below(4)], *to = tasks[random_below(4)];
        bool unmap = random_below(2) != 0, grant = random_below(3) == 0;
        unsigned first = random_below(64) << 10;
        l4_fpage ports = random_below(2) == 0 ? io(0, 16) : io(first, 10);
        struct op_progress p = {0};
        struct map_request rq = {.from = from, .to = to, .item = grant ? L4_ITEM_GRANT : 0, .send = ports,
                                 .window = {L4_FPAGE_ALL}, .rights_mask = 15, .progress = &p};
        bool killed = random_below(8) == 0; /* the thread is, and does not go on */

        work_slice = work_left = 1;
        while (unmap ? !unmap_io(from, ports, true, &p) : map_fpage(&rq) == MAP_AGAIN) {
            windows++;
            work_slice = work_left = 1 << 30;
            for (unsigned i = 0; i < 4; i++)
                io_check(tasks[i]);
            if (random_below(8) == 0)
                random_operation();
            for (unsigned i = 0; i < 4; i++)
                io_check(tasks[i]);
            if (killed && random_below(4) == 0)
                break;
            work_slice = work_left = 1;
        }
        work_slice = work_left = 1 << 30;
        if (step % 16 == 0)
            world_check();
    }
    ok(windows > 5000, "thousands of windows, and the invariants hold in each");
    for (unsigned step = 0; step < 100; step++) {
        struct op_progress p = {0};

        for (unsigned i = 1; i < 4; i++)
            map_to(tasks[i - 1], io(0, 16), tasks[i], 0);
        work_slice = work_left = 1;
        while (!unmap_io(a, io(0, 16), true, &p)) {
            work_slice = work_left = 1 << 30;
            if (random_below(16) == 0) /* of ports that have gone from there already, or will */
                map_to(tasks[1 + random_below(3)], io(random_below(64) << 10, 10), tasks[1 + random_below(3)], 0);
            work_slice = work_left = 1;
        }
        work_slice = work_left = 1 << 30;
        gone &= b->io == NULL && c->io == NULL;
        for (unsigned i = 1; i < 4; i++)
            unmap_io_all(tasks[i], io(0, 16), true);
    }
    ok(gone, "what was derived from ports that are unmapped is gone, whatever else happens meanwhile");
}

/* There is a bound to how many tasks one can have ports from. */
static void test_origins(void)
{
    struct task *from[17];
    int st = MAP_DONE;

    for (unsigned i = 0; i < 17; i++) {
        from[i] = task_create(&root_factory);
        map_to(sigma0, io(0x100 + i, 0), from[i], 0);
        is(st, MAP_DONE, "ports from one more task");
        st = map_to(from[i], io(0x100 + i, 0), b, 0);
    }
    is(st, MAP_FAILED, "from 17 tasks: no memory for that");
    ok(has(b, 0x10f) && !has(b, 0x110), "what it had, it has");
    world_check();
    for (unsigned i = 0; i < 17; i++) {
        kobj_destroy(&from[i]->obj);
        work_run_all();
    }
    ok(b->io == NULL, "and loses it with its origins");
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
    test_history_in_slices();
    test_windows_of_others();
    for (unsigned i = 1; i < 4; i++)
        unmap_io_all(tasks[i], io(0, 16), true);
    test_origins();
    world_check();
    is(root_factory.quota.used, used, "without ports nobody pays for them");
    return tap_done();
}
