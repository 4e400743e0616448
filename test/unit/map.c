/* SPDX-License-Identifier: MIT */
/* map.c: windows, rights, replacement, grant, superpages, unmap, status, quota, failures. */
#include "tap.h"
#include "world.h"
#include <string.h>

#define PAGE L4_PAGE_SIZE
#define MIB2 (2ul << 20)
#define AT 0x5000000000ul
#define SUPER 0x5200000000ul /* where no table for small pages is yet */

static void window(word_t s, unsigned so, word_t r, unsigned ro, word_t h, word_t src, word_t dst, unsigned order)
{
    struct map_window w = map_window_combine(s, so, r, ro, h);

    ok(w.src == src && w.dst == dst && w.order == order, "window");
}

static void test_window(void)
{
    window(0x4000, 12, AT, 12, 0, 0x4000, AT, 12);
    window(0x4000, 12, AT, 16, 0x3000, 0x4000, AT + 0x3000, 12);
    window(0x4000, 12, AT, 16, 0x13000, 0x4000, AT + 0x3000, 12);   /* the hot spot wraps in the window */
    window(0x4000, 13, AT, 16, 0x5000, 0x4000, AT + 0x4000, 13);    /* and is rounded to the send size */
    window(0x5000, 13, AT, 13, 0, 0x4000, AT, 13);                  /* starts are rounded */
    window(0x4000, 13, AT + 0x1000, 13, 0, 0x4000, AT, 13);
    window(0x4000, 14, AT, 12, 0x1000, 0x5000, AT, 12);             /* a small window takes a part */
    window(0x4000, 14, AT, 12, 0x7123, 0x7000, AT, 12);
    window(0, 63, AT, 12, 0x123456000, 0x123456000, AT, 12);
    window(0x4000, 12, 0, 63, AT, 0x4000, AT, 12);
    window(0, 63, 0, 63, 0x1000, 0, 0, 63);
}

static void test_sigma0(void)
{
    is(map_to(sigma0, mem(0x200000, 21, RWX), a, 0x200000), MAP_DONE, "sigma0 gives memory");
    is(access_at(a, 0x200000), RWX, "with all rights");
    is(order_at(a, 0x200000), 21, "as a large page");
    is(order_at(sigma0, 0x200000), 21, "which sigma0 has now as well");
    is(map_to(sigma0, mem(0x400000, 14, RW), a, AT), MAP_DONE, "small pages of it");
    is(frame_at(a, AT + 0x3000), 0x403000, "one to one");
    is(map_to(sigma0, mem(0xfee00000, 12, RW), a, AT + 0x10000), MAP_DONE, "device memory");
    struct pt_entry e;
    arch_pt_lookup(&a->space, AT + 0x10000, &e);
    is(e.cache, L4_ITEM_UNCACHED, "is not cached");
    map_to(sigma0, mem(0xfee00000, 12, RW), a, (AT + 0x11000) | L4_ITEM_BUFFERED);
    arch_pt_lookup(&a->space, AT + 0x11000, &e);
    is(e.cache, L4_ITEM_BUFFERED, "unless the item says how");
    word_t heap = host_ram_bytes();
    is(map_to(sigma0, mem(heap, 12, RW), a, AT + 0x12000), MAP_NOTHING, "the kernel's heap cannot be given away");
    work_slice = work_left = 1;
    is(map_to(sigma0, mem(heap, 14, RW), a, AT + 0x20000), MAP_NOTHING, "page after page is none, in windows");
    work_slice = work_left = 1 << 30;
    ok(map_sigma0_fault(sigma0, 0x1234567), "a fault of sigma0 is served");
    is(frame_at(sigma0, 0x1234567), 0x1234567, "one to one");
    is(access_at(sigma0, 0x1234567), RWX, "with all rights");
    ok(!map_sigma0_fault(sigma0, heap), "not in the kernel's heap");
    ok(!map_sigma0_fault(sigma0, 1ul << 40), "not beyond physical addresses");
    ok(!map_sigma0_fault(sigma0, L4_USER_END), "not in the kernel's half");
    is(map_to(a, mem(AT, 12, RW), sigma0, 0x800000), MAP_DONE, "mapping into sigma0");
    is(frame_at(sigma0, 0x800000), ~0ul, "does nothing");
    unmap_memory_all(sigma0, mem(0x400000, 12, RWX), true);
    is(access_at(sigma0, 0x400000), RWX, "sigma0 keeps its pages");
    is(access_at(a, AT), 0, "others lose them");
    is(access_at(a, AT + 0x1000), RW, "page by page");
    unmap_memory_all(a, mem(AT, 20, RWX), true);
    is(access_at(a, AT + 0x10000), 0, "a range is unmapped at once");
    world_check();
}

static void test_rights(void)
{
    static const unsigned want[] = {0, RX, RW, RWX, R, RX, RW, RWX};

    for (unsigned r = 0; r < 8; r++) {
        is(map_to(a, mem(0x200000, 12, r), b, AT), r == 0 ? MAP_NOTHING : MAP_DONE, "mapped nothing without a right");
        is(access_at(b, AT), want[r], "read comes with any right");
        unmap_memory_all(b, mem(AT, 12, RWX), true);
    }
    for (unsigned r = 0; r < 8; r++) {
        map_to(a, mem(0x200000, 12, RWX), b, AT);
        unmap_memory_all(b, mem(AT, 12, r), true);
        is(access_at(b, AT), r & R ? 0 : RWX & ~r, "rights are taken");
        unmap_memory_all(b, mem(AT, 12, RWX), true);
    }
    map_to(a, mem(0x200000, 12, R), b, AT);
    is(map_to(b, mem(AT, 12, RWX), c, AT), MAP_DONE, "more than one has");
    is(access_at(c, AT), R, "cannot be given");
    map_to(b, mem(AT, 12, L4_MEM_W), c, AT + PAGE);
    is(access_at(c, AT + PAGE), 0, "a page to which no right remains is skipped");
    map_to(a, mem(0x200000, 12, RW), b, AT);
    is(access_at(b, AT), RW, "mapping again adds rights");
    is(access_at(c, AT), R, "but not further down");
    map_to(a, mem(0x200000, 12, R), b, AT);
    is(access_at(b, AT), RW, "and never takes any");
    unmap_memory_all(a, mem(0x200000, 12, L4_MEM_W), false);
    is(access_at(b, AT), R, "unmapping others takes rights below");
    is(access_at(a, 0x200000), RWX, "and not above");
    unmap_memory_all(a, mem(0x200000, 12, RWX), false);
    is(access_at(b, AT) | access_at(c, AT), 0, "the whole tree below is gone");
    world_check();
}

static void test_deep_downgrade(void)
{
    map_to(a, mem(0x200000, 12, RW), b, AT);
    map_to(b, mem(AT, 12, RW), c, AT);
    map_to(b, mem(AT, 12, RW), c, AT + PAGE);
    map_to(c, mem(AT + PAGE, 12, RW), c, AT + 2 * PAGE);
    unmap_memory_all(a, mem(0x200000, 12, L4_MEM_W), false);
    is(access_at(c, AT) | access_at(c, AT + PAGE) | access_at(c, AT + 2 * PAGE), R, "a right is taken in every branch");
    unmap_memory_all(a, mem(0x200000, 12, RWX), false);
    world_check();
}

static void test_kernel_user_memory(void)
{
    is(ku_mem_add_all(b, AT + 0x100000, 12), OK, "memory shared with the kernel");
    map_to(b, mem(AT + 0x100000, 12, RW), c, AT);
    is(access_at(c, AT), 0, "cannot be mapped on");
    world_check();
}

static void test_odd_flexpages(void)
{
    is(map_window(a, mem(0x200000, 11, RWX), b, mem(AT, 12, 0), 0), MAP_DONE, "less than a page: not an error");
    is(map_window(a, mem(0x200000, 12, RWX), b, mem(AT, 11, 0), 0), MAP_DONE, "nor a window less than a page");
    is(map_window(a, mem(0x200000, 12, RWX), b, l4_fpage_make(L4_FPAGE_OBJ, AT >> 12, 12, 0), 0), MAP_DONE,
       "nor a window of another kind");
    is(map_window(a, mem(0x200000, 12, RWX), b, mem(L4_USER_END, 12, 0), 0), MAP_NOTHING, "a window in the kernel");
    is(map_window(a, mem(0xffff800000000000, 12, RWX), b, mem(AT, 12, 0), 0), MAP_NOTHING, "a source in the kernel");
    is(map_window(a, mem(0x4000000000, 30, RWX), b, mem(AT, 30, 0), 0), MAP_NOTHING, "a source without pages");
    is(map_window(a, mem(0, 63, RWX), b, mem(AT, 12, 0), 0x200000), MAP_DONE, "a page out of everything");
    is(frame_at(b, AT), 0x200000, "chosen by the hot spot");
    is(map_to(a, mem(0, 63, R), c, 0), MAP_DONE, "everything at once");
    is(frame_at(c, 0x200000), 0x200000, "at the same address");
    is(map_window(a, mem(0x200000, 12, R), b, (l4_fpage){L4_FPAGE_ALL | L4_MEM_W}, AT + PAGE), MAP_DONE,
       "a window that is everything, with rights");
    is(access_at(b, AT + PAGE), R, "which do not count");
    is(map_fpage_all((struct map_request){.from = a, .to = b, .send = {L4_FPAGE_ALL}, .window = {L4_FPAGE_ALL}}),
       MAP_DONE,
       "a special flexpage does nothing");
    unmap_everything(b);
    unmap_everything(c);
    world_check();
}

static void test_replace(void)
{
    map_to(a, mem(0x200000, 12, RW), b, AT);
    map_to(b, mem(AT, 12, RW), c, AT);
    map_to(a, mem(0x201000, 12, R), b, AT);
    is(frame_at(b, AT), 0x201000, "another frame replaces");
    is(access_at(c, AT), 0, "and what came from the old one is gone");
    map_to(b, mem(AT, 12, R), b, AT + 0x8000);
    is(frame_at(b, AT + 0x8000), 0x201000, "an alias in the same task");
    map_to(b, mem(AT + 0x8000, 12, R), b, AT);
    is(access_at(b, AT) | access_at(b, AT + 0x8000), 0, "mapped onto its own ancestor: lost, both");
    map_to(a, mem(0x200000, 12, RW), b, AT);
    map_to(b, mem(AT, 12, RW), b, AT);
    is(access_at(b, AT), 0, "mapped onto itself: lost");
    map_to(a, mem(0x202000, 12, RW), b, AT);
    is(map_to(b, mem(AT, 12, RW), a, 0x202000), MAP_DONE, "a part of a large page mapped back");
    is(access_at(a, 0x202000), 0, "costs the owner all of it");
    is(access_at(b, AT), 0, "and the child as well");
    world_check();
    map_to(sigma0, mem(0x200000, 21, RWX), a, 0x200000);
}

static void test_grant(void)
{
    map_to(a, mem(0x200000, 12, RW), b, AT);
    map_to(b, mem(AT, 12, RW), b, AT + 0x9000);
    is(map_to(b, mem(AT, 12, RW), c, AT | L4_ITEM_GRANT), MAP_DONE, "grant");
    is(access_at(b, AT), 0, "the source is gone");
    is(access_at(c, AT), RW, "the destination has it");
    is(access_at(b, AT + 0x9000), RW, "what was derived has moved along");
    unmap_memory_all(c, mem(AT, 12, RWX), false);
    is(access_at(b, AT + 0x9000), 0, "below the new owner");
    map_to(c, mem(AT, 12, RW), b, AT);
    map_to(b, mem(AT, 12, RW), b, AT + 0x9000);
    map_to(b, mem(AT, 12, R), a, AT | L4_ITEM_GRANT);
    is(access_at(a, AT), R, "granted with fewer rights");
    is(access_at(b, AT + 0x9000), R, "what was derived has them neither");
    unmap_memory_all(a, mem(0x200000, 12, RWX), false);
    is(access_at(a, AT) | access_at(c, AT) | access_at(b, AT + 0x9000), 0, "granted pages stay below their origin");
    map_to(a, mem(0x200000, 12, RW), b, AT | L4_ITEM_GRANT);
    is(access_at(b, AT), RW, "granting a part of a large page");
    is(access_at(a, 0x200000), RWX, "maps it");
    map_to(b, mem(AT, 12, RW), c, AT);
    map_to(b, mem(AT, 12, RW), c, AT | L4_ITEM_GRANT);
    is(access_at(c, AT), RW, "granted to where it had been mapped");
    is(access_at(b, AT), 0, "it has moved");
    map_to(sigma0, mem(0x600000, 12, RW), c, (AT + PAGE) | L4_ITEM_GRANT);
    is(access_at(c, AT + PAGE), RW, "sigma0 grants");
    is(access_at(sigma0, 0x600000), RWX, "and keeps");
    unmap_everything(c);
    world_check();
}

static void test_superpages(void)
{
    is(map_to(a, mem(0x200000, 21, RW), b, SUPER), MAP_DONE, "a large page");
    is(order_at(b, SUPER), 21, "stays large");
    map_to(b, mem(SUPER + 0x5000, 12, RW), c, SUPER);
    is(frame_at(c, SUPER), 0x205000, "a part of it");
    unmap_memory_all(b, mem(SUPER + 0x6000, 12, L4_MEM_W), true);
    is(access_at(b, SUPER), R, "rights are taken from the whole page");
    is(access_at(c, SUPER), R, "and below");
    unmap_memory_all(b, mem(SUPER + 0x6000, 12, RWX), false);
    is(access_at(c, SUPER), R, "others lose only what was named");
    unmap_memory_all(b, mem(SUPER + 0x6000, 12, RWX), true);
    is(access_at(b, SUPER) | access_at(c, SUPER), 0, "unmapping a part removes the whole page");
    map_to(a, mem(0x300000, 20, RW), b, SUPER + MIB2 / 2);
    is(order_at(b, SUPER + MIB2 - PAGE), 12, "a part of a large page: small pages");
    is(frame_at(b, SUPER + MIB2 - PAGE), 0x3ff000, "each in its place");
    unmap_memory_all(b, mem(SUPER, 22, RWX), true);
    map_to(a, mem(0x200000, 21, RW), b, SUPER);
    is(order_at(b, SUPER), 12, "where a table for small pages was: small pages");
    unmap_everything(b);
    map_to(a, mem(0x200000, 21, RW), b, SUPER + 2 * MIB2);
    map_to(a, mem(0x200000, 12, RW), b, SUPER + 2 * MIB2 + PAGE);
    is(order_at(b, SUPER + 2 * MIB2 + PAGE), 12, "a small page replaces a large one");
    is(access_at(b, SUPER + 2 * MIB2), 0, "whole");
    is(map_to(sigma0, mem(1ul << 30, 30, RW), b, 5ul << 30), MAP_DONE, "a GiB of device memory");
    is(order_at(b, 5ul << 30), 30, "in one page");
    is(map_to(b, mem((5ul << 30) + MIB2, 21, RW), c, SUPER + (8ul << 30)), MAP_DONE, "2 MiB of it");
    is(order_at(c, SUPER + (8ul << 30)), 21, "in one page");
    unmap_memory_all(b, mem(5ul << 30, 21, RWX), false);
    is(access_at(c, SUPER + (8ul << 30)), RW, "other parts stay");
    unmap_memory_all(b, mem((5ul << 30) + MIB2 + PAGE, 12, RWX), false);
    is(access_at(c, SUPER + (8ul << 30)), 0, "a part of a child takes the child");
    unmap_everything(b);
    unmap_everything(c);
    world_check();
}

/* As the processor would, when the task touches the page. */
static void touch(struct task *t, word_t va, unsigned bits)
{
    word_t pa = t->space.root_pa;

    for (unsigned shift = 39;; shift -= 9) {
        word_t *e = (word_t *)(host_memory + pa) + (va >> shift & 511);
        if (shift == 12 || (*e & 0x80)) {
            *e |= bits;
            return;
        }
        pa = *e & 0xffffffffff000ul;
    }
}

static void test_status(void)
{
    map_to(a, mem(0x200000, 12, RW), b, AT);
    is(unmap_memory_all(b, mem(AT, 12, 0), true), 0, "a fresh page");
    touch(b, AT, 0x20);
    is(unmap_memory_all(b, mem(AT, 12, 0), true), 1, "referenced");
    is(unmap_memory_all(b, mem(AT, 12, 0), true), 1, "a query does not clear one's own");
    is(unmap_memory_all(b, mem(AT, 12, 0), false), 0, "others have not touched it");
    touch(b, AT, 0x60);
    is(unmap_memory_all(a, mem(0x200000, 12, 0), false), 3, "seen by the parent");
    is(unmap_memory_all(a, mem(0x200000, 12, 0), false), 0, "once");
    is(unmap_memory_all(a, mem(0x200000, 12, 0), true), 3, "and kept by the parent");
    is(unmap_memory_all(b, mem(AT, 12, RWX), true), 0, "it had been cleared at the child");
    unmap_memory_all(a, mem(0x200000, 21, RWX), true);
    map_to(sigma0, mem(0x200000, 21, RWX), a, 0x200000);
    map_to(a, mem(0x200000, 12, RW), b, AT);
    touch(b, AT, 0x60);
    is(unmap_memory_all(b, mem(AT, 12, RWX), true), 3, "status on removal");
    is(unmap_memory_all(a, mem(0x200000, 12, 0), true), 3, "is not lost for the parent");
}

/* A map of capabilities was stopped, and is one of memory when it goes on: how far it had come is a hint, never a part
 * of an address. */
static void test_hint(void)
{
    struct op_progress p = {0};
    struct map_request rq = {.from = a, .to = b, .window = {L4_FPAGE_ALL}, .rights_mask = 15,
                             .progress = &p};
    struct pt_entry e;
    unsigned exact = 0, stopped = 0;

    for (word_t slot = 0; slot < 1024; slot += 64)
        cap_slot_alloc(a, slot);
    for (unsigned windows = 1; windows < 1024; windows++) {
        p = (struct op_progress){0};
        rq.item = L4_ITEM_MAP;
        rq.send = l4_fpage_make(L4_FPAGE_OBJ, 0, 10, 15);
        work_slice = work_left = 1;
        for (unsigned i = 0; i < windows && map_fpage(&rq) == MAP_AGAIN; i++)
            ;
        work_slice = work_left = 1 << 30;
        stopped += p.at != 0;
        rq.item = AT | L4_ITEM_MAP;
        rq.send = mem(0x200000, 12, R);
        map_fpage(&rq);
        exact += arch_pt_lookup(&b->space, AT, &e) && e.pa == 0x200000 && e.rights == R && !e.ku && e.mapping != NULL &&
                 mapping_va(e.mapping) == AT;
        unmap_memory_all(b, mem(AT, 12, RWX), true);
    }
    is(stopped, 1023, "stopped at every slot");
    is(exact, 1023, "the page is mapped where it was to be, with the right it was to have");
    world_check();
}

static void test_failures(void)
{
    struct factory *payer = b->obj.payer;
    static struct factory poor;
    size_t free_before = frame_free_bytes();

    b->obj.payer = &poor;
    is(map_to(a, mem(0x200000, 12, RW), b, AT), MAP_FAILED, "no quota for the destination");
    is(access_at(b, AT), 0, "nothing is mapped");
    is(poor.quota.used, 0, "nothing is charged");
    is(frame_free_bytes(), free_before, "nothing is allocated");
    poor.quota.limit = 100 * PAGE;
    static const unsigned fails[] = {1, 2, 2}; /* the tables made by one try are there in the next */
    for (unsigned k = 0; k < 3; k++) {
        frame_fail_countdown = fails[k];
        is(map_to(a, mem(0x200000, 12, RW), b, 0x6000000000ul), MAP_FAILED, "no memory for a table, or the node");
        frame_fail_countdown = 0;
        is(access_at(b, 0x6000000000ul), 0, "nothing is mapped");
        world_check();
    }
    poor.quota.limit = poor.quota.used + 2 * PAGE + 100 * sizeof(struct mapping);
    is(map_to(a, mem(0x200000, 20, RW), b, 0x6000000000ul), MAP_FAILED, "quota ends in the middle");
    is(access_at(b, 0x6000001000ul), RW, "what was mapped before stays");
    world_check();
    map_to(a, mem(0x200000, 12, RW), c, AT);
    poor.quota.limit = poor.quota.used;
    is(map_to(c, mem(AT, 12, RW), b, 0x6000100000ul | L4_ITEM_GRANT), MAP_FAILED, "a grant without quota");
    is(access_at(c, AT), RW, "leaves the source alone");
    unmap_everything(b);
    size_t tables = poor.quota.used;
    ok(tables > 0 && tables % PAGE == 0, "only tables remain");
    b->obj.payer = payer;
    payer->quota.used += tables; /* the tables belong to the space until it is freed */
    unmap_everything(c);
    world_check();
}

/* Where memory ends in the middle of a large page. */
static void test_mixed(void)
{
    struct l4_mem_desc all = kip.mem[0];
    word_t border = 0x800000 + 5 * PAGE;

    for (unsigned i = 0; i < kip.mem_count; i++)
        if (l4_mem_desc_type(kip.mem[i]) == L4_MEM_CONVENTIONAL && !(kip.mem[i].low & L4_MEM_VIRTUAL)) {
            all = kip.mem[i];
            kip.mem[i] = l4_mem_desc_make(l4_mem_desc_start(all), border - 1, L4_MEM_CONVENTIONAL, 0, 0);
            ok(map_sigma0_fault(sigma0, border - 1) && map_sigma0_fault(sigma0, border), "sigma0 touches both sides");
            kip.mem[i] = all;
            break;
        }
    is(order_at(sigma0, border - 1), 12, "memory up to the border");
    is(order_at(sigma0, border), 12, "and what lies behind it have small pages");
    struct pt_entry e;

    ok(arch_pt_lookup(&sigma0->space, border - 1, &e) && e.cache == L4_ITEM_CACHED, "memory is cached");
    ok(arch_pt_lookup(&sigma0->space, border, &e) && e.cache == L4_ITEM_UNCACHED, "what is none is not");
    ok(map_sigma0_fault(sigma0, border), "a second fault finds the page");
    map_sigma0_fault(sigma0, 0xa00000);
    map_to(sigma0, mem(0x200000, 12, RW), a, AT);
    unmap_memory_all(a, mem(AT, 12, RWX), true);
    struct slab *slab = (struct slab *)(uintptr_t)slab_first();

    while (strcmp(slab->name, "mapping") != 0)
        slab = slab->next;
    for (unsigned k = 1; k <= 2; k++) {
        uint32_t mappings = slab->used;

        frame_fail_countdown = k;
        is(map_to(sigma0, mem(0xa00000, 12, RW), a, AT), MAP_FAILED, "no memory for one of two mappings");
        is(slab->used, mappings + k - 1, "the first one may stay");
        world_check();
    }
    frame_fail_countdown = 1;
    is(map_to(sigma0, mem(0xfd00000000, 12, RW), a, AT), MAP_FAILED, "no memory for the page of sigma0 itself");
    frame_fail_countdown = 0;
}

static void test_ends(void)
{
    is(map_to(sigma0, mem(0x600000, 21, RW), a, 0x600000), MAP_DONE, "two MiB");
    is(map_window(a, mem(0x600000, 21, RW), b, mem(L4_USER_END - PAGE, 12, RW), 0), MAP_DONE, "to the last page");
    is(access_at(b, L4_USER_END - PAGE), RW, "of the address space");
    is(map_window(a, mem(0x600000, 21, RW), b, (l4_fpage){L4_FPAGE_ALL}, L4_USER_END - 2 * PAGE), MAP_DONE,
       "a hot spot near the end");
    is(unmap_memory_all(a, l4_fpage_make(L4_FPAGE_MEM, 0x600, 11, RWX), true), 0, "half a page");
    ok(access_at(a, 0x600000) == RW, "is no page");
    is(unmap_memory_all(a, mem(L4_USER_END, 12, RWX), true), 0, "nor is one of the kernel's half");
    unmap_everything(a);
    unmap_everything(b);
    sigma0->obj.dead = true;
    unmap_everything(sigma0);
    is(access_at(sigma0, 0x600000), 0, "sigma0 can lose everything, too: when the machine ends");
    world_check();
}

int main(void)
{
    world_start(&(struct host_config){0});
    test_mixed();
    test_window();
    test_sigma0();
    test_rights();
    test_deep_downgrade();
    test_kernel_user_memory();
    test_odd_flexpages();
    test_replace();
    test_grant();
    test_superpages();
    test_status();
    test_hint();
    test_failures();
    test_ends();
    return tap_done();
}
