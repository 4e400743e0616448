/* SPDX-License-Identifier: MIT */
/* kumem.c: areas of kernel-user memory: bounds, contents, what cannot be done to them, and that nothing is lost. */
#include "tap.h"
#include "world.h"

#define AT 0x7000000000ul

int main(void)
{
    world_start(&(struct host_config){0});
    static struct factory payer;
    payer.quota.limit = ~(size_t)0;
    payer.obj.refs = 1000;
    /* What sigma0 needs once, before memory is counted. */
    map_to(sigma0, mem(0x200000, 21, RWX), c, 0x200000);
    unmap_everything(c);
    struct task *t = task_create(&payer);
    size_t empty = payer.quota.used, before = frame_free_bytes();

    is(ku_mem_add_all(t, AT, 11), -L4_ERR_INVAL, "less than a page");
    is(ku_mem_add_all(t, AT, 18), -L4_ERR_INVAL, "more than 128 KiB");
    is(ku_mem_add_all(t, AT + 8, 12), -L4_ERR_INVAL, "not page aligned");
    is(ku_mem_add_all(t, L4_USER_END, 12), -L4_ERR_INVAL, "in the kernel's half");
    is(ku_mem_add_all(t, L4_USER_END - L4_PAGE_SIZE, 13), -L4_ERR_INVAL, "across the end");
    is(payer.quota.used, empty, "errors are free of charge");

    is(ku_mem_add_all(t, AT, 12), OK, "a page");
    is(ku_mem_add_all(t, AT, 12), -L4_ERR_EXIST, "not twice");
    ok(ku_mem_lookup(sigma0, AT, 8) == NULL, "it is not another task's");
    is(ku_mem_add_all(t, AT - 0x1000, 13), -L4_ERR_EXIST, "nor overlapping");
    is(ku_mem_add_all(t, AT + 0x1000, 17), OK, "128 KiB at a page boundary");
    is(access_at(t, AT + 0x5000), RW, "readable and writable");

    char *k = ku_mem_lookup(t, AT + 0x1000, 0x20000);
    ok(k != NULL, "the kernel sees all of it");
    bool zero = true;
    for (unsigned i = 0; i < 0x20000; i++)
        zero &= k[i] == 0;
    ok(zero, "it is zero");
    is(frame_at(t, AT + 0x1000 + 0x1f123), arch_virt_to_phys(k + 0x1f123), "both see the same memory");
    ok(ku_mem_lookup(t, AT + 0xc00, 1024) != NULL, "a UTCB at the end of an area");
    ok(ku_mem_lookup(t, AT + 0xc08, 1024) == NULL, "not one that leaves it");
    ok(ku_mem_lookup(t, AT - 8, 8) == NULL, "nor one before it");
    ok(ku_mem_lookup(t, AT, ~0ul) == NULL, "nor one of absurd size");

    map_to(sigma0, mem(0x200000, 12, RWX), t, AT);
    is(frame_at(t, AT), arch_virt_to_phys(ku_mem_lookup(t, AT, 1)), "it cannot be mapped over");
    unmap_memory_all(t, mem(AT, 12, RWX), true);
    is(access_at(t, AT), RW, "nor unmapped");
    is(map_to(t, mem(AT, 12, RW), a, AT), MAP_DONE, "as a source it is not marked");
    is(access_at(a, AT), 0, "and not given");
    is(map_to(t, mem(AT, 12, RW), a, AT | L4_ITEM_GRANT), MAP_DONE, "nor granted");
    is(access_at(t, AT), RW, "it stays");
    map_to(sigma0, mem(0x200000, 21, RW), t, AT - (AT & 0x1fffff) + 0x200000);
    is(ku_mem_add_all(t, AT + 0x200000, 12), -L4_ERR_EXIST, "not inside a large page");
    unmap_everything(t);
    is(access_at(t, AT), RW, "it survives the removal of all mappings");

    work_left = 1;
    is(ku_mem_add(t, AT + (1ul << 38), 17), MAP_AGAIN, "a large area is made in several steps");
    ok(ku_mem_lookup(t, AT + (1ul << 38), 8) == NULL, "and is nobody's UTCB before the last of them");
    map_to(sigma0, mem(0x200000, 12, RW), t, AT + (1ul << 38) + 0x1f000);
    is(ku_mem_add_all(t, AT + (1ul << 38), 17), -L4_ERR_EXIST, "it is given back when something is in its way");
    unmap_everything(t);

    for (unsigned k2 = 1; k2 < 6; k2++) {
        size_t used = payer.quota.used, bytes = frame_free_bytes();
        frame_fail_countdown = k2;
        is(ku_mem_add_all(t, AT + k2 * (1ul << 39), 13), -L4_ERR_NOMEM, "no memory at some point");
        frame_fail_countdown = 0;
        ok(access_at(t, AT + k2 * (1ul << 39)) == 0, "nothing is mapped");
        /* Tables that were made stay with the space; nothing else does. */
        is(payer.quota.used - used, bytes - frame_free_bytes(), "quota and memory agree");
    }
    while (!ku_mem_free_all(t))
        work_left = work_slice;
    ok(list_empty(&t->ku_areas), "all areas are gone");
    is(access_at(t, AT), 0, "from the space as well");
    space_free_all(&t->space, &payer);
    is(payer.quota.used, empty - L4_PAGE_SIZE, "only the task itself is charged");
    is(frame_free_bytes(), before + L4_PAGE_SIZE, "no page is lost, and the root is back");
    world_check();
    return tap_done();
}
