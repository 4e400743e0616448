/* SPDX-License-Identifier: MIT */
/*
 * A request that is not the same after a window: a map of capabilities is stopped between two slots, a more important
 * thread makes a map of memory of it, and the kernel goes on. How far the one had come is no place in the other: what
 * is mapped without the right to write cannot be written.
 */
#include "root.h"
#include "tap.h"

#define SLOT_WRITER 0x20
#define SLOT_OTHER 0x21
#define SLOTS 0x400ul /* four pages of slots, one of each is used */
#define PLACE 0x5000000000ul
#define ROUNDS 1000u

static char page[4096] __attribute__((aligned(4096)));
static char stack_writer[4096] __attribute__((aligned(16)));
static char stack_other[4096] __attribute__((aligned(16)));
static volatile word_t armed, changed;

#define MEMORY l4_fpage_make(L4_FPAGE_MEM, (word_t)page >> 12, 12, L4_MEM_R).raw

extern char write_page[];
__asm__(".text\n.globl write_page\nwrite_page: movabsq $0x5000000000, %rdi\n movq $0x4711, (%rdi)\n ud2\n");

static void other(void)
{
    struct l4_utcb *u = (struct l4_utcb *)L4_INITIAL_UTCB;

    for (;;) {
        invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 4u << 10 | 60); /* about 1 ms */
        if (!armed)
            continue;
        u->mr[1] = PLACE | L4_ITEM_MAP;
        u->mr[2] = MEMORY;
        changed++;
    }
}

static word_t write_trap(void)
{
    thread_ex_regs(SLOT_WRITER, (word_t)write_page, (word_t)stack_writer + sizeof stack_writer, L4_EXREGS_CANCEL);
    utcb()->bdr = 0;
    utcb()->br[0] = 0;
    invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, NEVER);
    return ((struct l4_exc_regs *)utcb()->mr)->trapno;
}

static long map_page(void)
{
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = PLACE | L4_ITEM_MAP;
    utcb()->mr[2] = MEMORY;
    put_cap_item(3, L4_SLOT_TASK, 15);
    return call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);
}

static void unmap_page(void)
{
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = L4_UNMAP_SELF;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, PLACE >> 12, 12, 15).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
}

static int test_main(void)
{
    struct l4_utcb *u = utcb();
    unsigned written = 0, mapped = 0;

    set_priority(L4_SLOT_THREAD, 100);
    *(word_t *)page = 1;
    is(thread_make(SLOT_WRITER, (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE), L4_SLOT_THREAD), 0, "a writer");
    set_priority(SLOT_WRITER, 80);
    is(thread_make(SLOT_OTHER, (struct l4_utcb *)(L4_INITIAL_UTCB + 2 * L4_UTCB_SIZE), L4_SLOT_THREAD), 0, "another");
    set_priority(SLOT_OTHER, 200);
    for (word_t slot = SLOTS; slot < SLOTS + 1024; slot += 256) {
        u->mr[0] = L4_OP_TASK_MAP;
        u->mr[1] = SEL(slot + 255) | L4_ITEM_MAP;
        u->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_LOG, 0, L4_RIGHT_R).raw;
        put_cap_item(3, L4_SLOT_TASK, 15);
        is(call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1), 0, "slots");
    }
    thread_ex_regs(SLOT_OTHER, (word_t)other, (word_t)stack_other + sizeof stack_other - 8, 0);
    is(map_page(), 0, "a page, read-only");
    is(write_trap(), 14, "which cannot be written");
    unmap_page();
    for (unsigned round = 0; round < ROUNDS && written == 0; round++) {
        u->mr[0] = L4_OP_TASK_MAP;
        u->mr[1] = SEL(2 * SLOTS) | L4_ITEM_MAP;
        u->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, SLOTS, 10, 15).raw;
        put_cap_item(3, L4_SLOT_TASK, 15);
        changed = 0;
        armed = 1;
        call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);
        armed = 0;
        if (!changed)
            continue;
        mapped++;
        written += write_trap() != 14;
        if (written == 0)
            unmap_page();
    }
    ok(mapped != 0, "a request was changed on its way");
    is(written, 0, "what came read-only is not written");
    is(*(word_t *)page, 1, "nor has it changed");
    return tap_done();
}
