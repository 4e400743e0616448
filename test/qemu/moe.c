/* SPDX-License-Identifier: MIT */
/*
 * The root task's objects: what is created against a quota comes back, however it ends; objects end with their last
 * reference and with their factory; many objects; memory of programs that have ended. moe.lua starts it with "used N"
 * (number N of the dataspace `notes` becomes the amount of memory in use) between other programs, and last for the
 * tests.
 */
#include <l4/re/c/dataspace.h>
#include <l4/re/c/mem_alloc.h>
#include <l4/re/c/namespace.h>
#include <l4/re/c/rm.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/protocols.h>
#include <l4/sys/factory.h>
#include <l4/sys/task.h>
#include <stdlib.h>
#include <string.h>
#include <tap.h>
#include <unistd.h>

#define PAGE 4096ul

static l4_cap_idx_t mem;

static l4_cap_idx_t slot(void) { return l4re_util_cap_alloc(); }
static void drop(l4_cap_idx_t c) { l4_task_release_cap(L4RE_THIS_TASK_CAP, c); }
static void delete(l4_cap_idx_t c) { l4_task_delete_obj(L4RE_THIS_TASK_CAP, c); }
static int valid(l4_cap_idx_t c) { return l4_msgtag_label(l4_task_cap_valid(L4RE_THIS_TASK_CAP, c)) == 1; }

static l4_cap_idx_t sub_factory(unsigned long bytes)
{
    l4_cap_idx_t f = slot();
    long r = l4_error(l4_factory_create_factory(mem, f, bytes));

    return r < 0 ? L4_INVALID_CAP : f;
}

static unsigned long used(l4_cap_idx_t f)
{
    l4re_ma_stats_t s;

    return l4re_ma_info_srv(f, &s) < 0 ? ~0ul : s.quota_used;
}

static unsigned long memory_used(void)
{
    l4re_ma_stats_t s;

    return l4re_ma_info_srv(mem, &s) < 0 ? ~0ul : s.mem_used;
}

/* Waits until what earlier programs have left is cleared away. */
static void settle(void)
{
    unsigned long last = 0, now = memory_used();

    for (int i = 0; i < 50 && now != last; i++) {
        last = now;
        usleep(100000);
        now = memory_used();
    }
}

static long ds_new(l4_cap_idx_t f, long size, unsigned long flags, l4_cap_idx_t ds)
{
    return l4re_ma_alloc_align_srv(f, size, ds, flags, 0);
}

/* ---- quota ---- */

static void quota_comes_back(void)
{
    l4_cap_idx_t f = sub_factory(1 << 20), d = slot(), d2 = slot();

    is(used(f), 0, "a fresh factory has used nothing");
    is(ds_new(f, 16 * PAGE, 0, d), 0, "on-demand dataspace");
    unsigned long empty = used(f);
    ok(empty > 0 && empty <= 2 * PAGE, "an empty dataspace costs its structure");
    is(l4re_ds_allocate(d, 0, 16 * PAGE), 0, "allocate");
    ok(used(f) >= empty + 16 * PAGE, "its pages are paid");
    is(ds_new(f, 16 * PAGE, 0, d2), 0, "another one");
    is(l4re_ds_copy_in(d2, 0, d, 0, 16 * PAGE), 0, "copy");
    ok(used(f) >= empty + 32 * PAGE, "shared pages are paid by both");
    drop(d);
    drop(d2);
    is(used(f), 0, "everything comes back with the last references");
    is(ds_new(f, 8 * PAGE, L4RE_MA_CONTINUOUS, d), 0, "contiguous dataspace");
    ok(used(f) >= 8 * PAGE, "paid at once");
    delete(d);
    is(used(f), 0, "and comes back when deleted");
    is(ds_new(f, 1 << 21, L4RE_MA_CONTINUOUS, d), -L4_ENOMEM, "more than the quota");
    is(used(f), 0, "a refused request costs nothing");
    is(ds_new(f, 1l << 40, 0, d), 0, "a terabyte on demand");
    for (unsigned long i = 0; i < 8; i++)
        is(l4re_ds_allocate(d, i << 36, PAGE), 0, "a page of it");
    ok(used(f) < 40 * PAGE, "costs its pages and their tables");
    is(ds_new(f, 1l << 40, 0, d2), 0, "another terabyte");
    is(l4re_ds_copy_in(d2, 0, d, 0, 1l << 40), 0, "copied at once: only what is there");
    is(l4re_ds_copy_in(d2, 1l << 39, d2, 0, 1l << 39), 0, "copied within itself");
    is(l4re_ds_copy_in(d2, PAGE, d2, 0, 1l << 39), -L4_EINVAL, "onto itself makes no sense");
    ok(used(f) < 100 * PAGE, "the copies are as empty");
    drop(d);
    drop(d2);
    is(used(f), 0, "and give everything back");
    delete(f);
}

/* A reply that finds no receive buffer must not leave an object behind. */
static void lost_reply(void)
{
    l4_cap_idx_t f = sub_factory(1 << 20);
    l4_utcb_t *u = l4_utcb();
    int good = 1;

    for (int i = 0; i < 300; i++) {
        l4_utcb_mr_u(u)->mr[0] = L4RE_PROTO_NAMESPACE;
        l4_utcb_br_u(u)->bdr = 0;
        l4_utcb_br_u(u)->br[0] = 0;
        good &= l4_error(l4_ipc_call(f, u, l4_msgtag(L4_PROTO_FACTORY, 1, 0, 0), L4_IPC_NEVER)) == -2009;
    }
    ok(good, "creation without a receive buffer fails");
    is(used(f), 0, "and leaves nothing behind");
    delete(f);
}

static void factories_end(void)
{
    unsigned long before = memory_used();
    l4_cap_idx_t f = sub_factory(1 << 20), g = slot(), d = slot(), n = slot();
    void *at = NULL;

    is(l4_error(l4_factory_create_factory(f, g, 1 << 19)), 0, "a factory of the factory");
    ok(used(f) >= 1 << 19, "its limit is taken as a block");
    is(ds_new(g, 4 * PAGE, 0, d), 0, "a dataspace of the inner one");
    is(l4_error(l4_factory_create(g, L4RE_PROTO_NAMESPACE, n)), 0, "a name space of the inner one");
    is(l4re_ns_register_obj_srv(n, "self", n, L4RE_NS_REGISTER_RW), 0, "registered in itself");
    is(l4re_ns_register_obj_srv(n, "memory", d, L4RE_NS_REGISTER_RW), 0, "and the dataspace in it");
    is(l4re_rm_attach(&at, 4 * PAGE, L4RE_RM_F_SEARCH_ADDR | L4RE_RM_F_RW, d, 0, 12), 0, "the dataspace is attached");
    memset(at, 1, 4 * PAGE);
    drop(f);
    ok(!valid(f) && !valid(g) && !valid(d) && !valid(n), "all of it ends with the outer factory");
    is(l4re_rm_detach(at), 0, "the region it was attached to can still be detached");
    is(memory_used(), before, "all memory is back");
}

/* ---- life of objects ---- */

static void entries_hold(void)
{
    unsigned long before = memory_used();
    l4_cap_idx_t n = slot(), d = slot(), e = slot(), inner = slot();

    l4_factory_create(mem, L4RE_PROTO_NAMESPACE, n);
    ds_new(mem, PAGE, 0, d);
    is(l4re_ns_register_obj_srv(n, "d", d, L4RE_NS_REGISTER_RW), 0, "register");
    drop(d);
    is(l4re_ns_query_to_srv(n, "d", e, 0), 0, "an entry holds its object");
    is(l4re_ds_size(e), PAGE, "which is still there");
    is(l4re_ns_unlink_srv(n, "d"), 0, "unlink");
    ok(valid(e), "a queried reference holds it, too");
    drop(e);
    ds_new(mem, PAGE, 0, d);
    l4re_ns_register_obj_srv(n, "d", d, L4RE_NS_REGISTER_RW);
    delete(d);
    is(l4re_ns_query_to_srv(n, "d", e, 0), -L4_EAGAIN, "a deleted object leaves a placeholder");
    ds_new(mem, PAGE, 0, d);
    is(l4re_ns_register_obj_srv(n, "d", d, L4RE_NS_REGISTER_RW), 0, "which can be filled again");
    drop(d);
    l4_factory_create(mem, L4RE_PROTO_NAMESPACE, inner);
    l4re_ns_register_obj_srv(n, "inner", inner, L4RE_NS_REGISTER_RW);
    l4re_ns_register_obj_srv(inner, "log", l4re_env()->log, L4RE_NS_REGISTER_RW);
    drop(inner);
    is(l4re_ns_query_to_srv(n, "inner/log", e, 0), 0, "a path through a name space that only the entry holds");
    drop(e);
    drop(n);
    is(memory_used(), before, "with the outer name space everything goes");
}

static void attached_holds(void)
{
    unsigned long before = memory_used();
    l4_cap_idx_t rm = slot(), d = slot();
    void *at = (void *)0x10000;

    is(l4_error(l4_factory_create(mem, L4RE_PROTO_RM, rm)), 0, "a region map");
    ds_new(mem, 16 * PAGE, 0, d);
    is(l4re_ds_allocate(d, 0, 16 * PAGE), 0, "memory");
    is(l4re_rm_attach_srv(rm, &at, 16 * PAGE, L4RE_RM_F_RW, d, 0, 12), 0, "attached");
    drop(d);
    ok(memory_used() >= before + 16 * PAGE, "a region holds its dataspace");
    at = (void *)0x100000;
    is(l4re_rm_attach_srv(rm, &at, 64 * PAGE, L4RE_RM_F_RW | L4RE_RM_F_ANONYMOUS, L4_INVALID_CAP, 0, 12), 0,
       "anonymous");
    is(l4re_rm_page_in_srv(rm, 0x100000, 0x100fff, L4RE_RM_F_RW), 0, "a page of it");
    drop(rm);
    is(memory_used(), before, "with the region map all of it goes");
}

static void many(void)
{
    enum { COUNT = 1000 };
    static l4_cap_idx_t n[COUNT];
    memset(n, 0, sizeof n); /* so that its pages count before */
    unsigned long before = memory_used();
    l4_cap_idx_t f = sub_factory(256 << 10);
    int good = 1, alive = 0;

    for (int i = 0; i < COUNT; i++)
        good &= l4_error(l4_factory_create(f, L4RE_PROTO_NAMESPACE, n[i] = slot())) == 0;
    ok(good, "a thousand name spaces from 256 KiB");
    for (int i = 0; i < COUNT; i += 2)
        drop(n[i]);
    for (int i = 0; i < COUNT; i++)
        alive += valid(n[i]);
    is(alive, COUNT / 2, "half of them dropped");
    drop(f);
    for (int i = 0; i < COUNT; i++)
        alive += valid(n[i]);
    is(alive, COUNT / 2, "the rest went with the factory");
    is(memory_used(), before, "all memory is back");
}

int main(int argc, char **argv)
{
    void *at = NULL;

    mem = l4re_env()->mem_alloc;
    if (l4re_rm_attach(&at, PAGE, L4RE_RM_F_SEARCH_ADDR | L4RE_RM_F_RW, l4re_env_get_cap("notes"), 0, 12) < 0)
        return 1;
    unsigned long *notes = at;
    if (argc > 2 && strcmp(argv[1], "used") == 0) {
        notes[atoi(argv[2]) & 7] = memory_used();
        return 0;
    }
    settle();
    quota_comes_back();
    lost_reply();
    factories_end();
    entries_hold();
    attached_holds();
    many();
    ok(notes[0] != 0 && notes[0] != ~0ul, "memory in use is known");
    /* The heap of the init program moves by a page or two; forty programs that left one page each would show. */
    ok(notes[1] < notes[0] + 8 * PAGE, "programs that have ended leave no memory behind");
    return tap_done();
}
