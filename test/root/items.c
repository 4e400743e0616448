/* SPDX-License-Identifier: MIT */
/*
 * What a message can carry, on real page tables: windows smaller and larger than what is sent, compound items, local
 * identifications, buffers that forward, superpages of 2 MiB and 1 GiB mapped, seen, and taken away in parts; deadlines
 * in buffer registers; labels of queued senders; a deletion IRQ. labe-run: --mem 2600
 */
#include "purse.h"

#define SLOT_AGENT 0x30u
#define SLOT_BOX 0x31u
#define SLOT_GATE 0x32u
#define SLOT_IRQ 0x33u
#define SLOT_GATE_2 0x34u
#define SLOT_GOT 0x40u
#define KIP_AT 0x7c00000000ul
#define VIEW 0x5000000000ul
#define BIG 0x8000000000ul /* 1 GiB pages go here */
#define MIB2 (1ul << 21)
#define GIB (1ul << 30)
#define MAP L4_ITEM_MAP

static char stack_agent[4096] __attribute__((aligned(16)));
static char area[8][4096] __attribute__((aligned(32768)));
static volatile word_t label_seen;
static struct l4_utcb *const agent_utcb = (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE);

static word_t mem(const volatile void *at, unsigned order, unsigned rights)
{
    return l4_fpage_make(L4_FPAGE_MEM, (word_t)at >> 12, order, rights).raw;
}

/* The agent sends what is in its message registers to root, once; then it sleeps. */
static volatile l4_tag agent_tag;
static void agent_main(void)
{
    invoke(SEL(L4_SLOT_THREAD) | L4_OP_SEND, (l4_tag){agent_tag.raw}, NULL, NEVER);
    for (;;)
        invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, NEVER);
}

static void agent_sends(unsigned words, unsigned items)
{
    agent_tag.raw = l4_tag_make(0, words, items, 0).raw;
    thread_ex_regs(SLOT_AGENT, (word_t)agent_main, (word_t)(stack_agent + sizeof stack_agent) - 8, L4_EXREGS_CANCEL);
}

static l4_tag receive(void)
{
    word_t label = 0;
    l4_tag tag = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, 10u << 10 | 500u);

    label_seen = label;
    return tag;
}

static word_t unmap(word_t task, word_t fpage, word_t mask)
{
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = mask;
    utcb()->mr[2] = fpage;
    call(task, L4_PROTO_TASK, 3, 0);
    return utcb()->mr[2] & 15;
}

static long map(word_t task, word_t from, word_t spot, word_t fpage)
{
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = spot | MAP;
    utcb()->mr[2] = fpage;
    put_cap_item(3, from, 15);
    return call(task, L4_PROTO_TASK, 3, 1);
}

/* Is there a page at the address of this task? Its status can be asked for when it has been read. */
static int present(word_t address)
{
    return (unmap(L4_SLOT_TASK, l4_fpage_make(L4_FPAGE_MEM, address >> 12, 12, 0).raw, L4_UNMAP_SELF) & 1) != 0;
}

static char at(word_t address) { return *(volatile char *)address; }

/* ---- windows ---- */

static void test_windows(void)
{
    struct l4_utcb *u = utcb();

    for (unsigned i = 0; i < 8; i++)
        area[i][0] = (char)(10 + i);
    /* Larger than what is sent: the hot spot says where. */
    u->bdr = 0;
    u->br[0] = MAP;
    u->br[1] = mem((void *)VIEW, 16, 0);
    u->br[2] = 0;
    agent_utcb->mr[0] = MAP | 0x5000;
    agent_utcb->mr[1] = mem(area[3], 12, 7);
    agent_sends(0, 1);
    l4_tag tag = receive();
    word_t first = u->mr[0];
    is(l4_tag_items(tag), 1, "an item for a window that is larger");
    is(first, 0x5000 | 12 << 6 | 1 << 4 | MAP, "  what it was, and that it was mapped");
    is(at(VIEW + 0x5000), 13, "  the hot spot says where");
    /* Smaller: the hot spot says which part. */
    u->br[1] = mem((void *)(VIEW + 0x100000), 13, 0);
    agent_utcb->mr[0] = MAP | 0x6000;
    agent_utcb->mr[1] = mem(area[0], 15, 7);
    agent_sends(0, 1);
    receive();
    ok(at(VIEW + 0x100000) == 16 && at(VIEW + 0x101000) == 17, "a window that is smaller: the hot spot says what");
    /* Compound: two items fill one window; the next has the next. */
    u->br[1] = mem((void *)(VIEW + 0x200000), 13, 0);
    u->br[2] = MAP;
    u->br[3] = mem((void *)(VIEW + 0x300000), 12, 0);
    u->br[4] = 0;
    agent_utcb->mr[0] = MAP | 1;
    agent_utcb->mr[1] = mem(area[1], 12, 7);
    agent_utcb->mr[2] = MAP | 0x1000;
    agent_utcb->mr[3] = mem(area[2], 12, 7);
    agent_utcb->mr[4] = MAP;
    agent_utcb->mr[5] = mem(area[4], 12, 7);
    agent_sends(0, 3);
    is(l4_tag_items(receive()), 3, "compound items");
    ok(at(VIEW + 0x200000) == 11 && at(VIEW + 0x201000) == 12, "  share a window");
    is(at(VIEW + 0x300000), 14, "  and the next one is the next item's");
    /* A local identification: sender and receiver are in one task. */
    u->br[0] = SEL(SLOT_GOT) | MAP | L4_RCV_SINGLE_CAP | L4_RCV_LOCAL_ID;
    u->br[1] = 0;
    agent_utcb->mr[0] = MAP;
    agent_utcb->mr[1] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_LOG, 0, 7).raw;
    agent_sends(0, 1);
    receive();
    word_t kind = u->mr[0] & 6, page = u->mr[1];
    is(kind, L4_GOT_FPAGE, "a capability within the task: its flexpage");
    is(page & ~15ul, l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_LOG, 0, 0).raw, "  as it was sent");
    /* A buffer that forwards into another task. */
    u->br[0] = MAP | L4_RCV_FORWARD;
    u->br[1] = mem((void *)VIEW, 12, 0);
    u->br[2] = SEL(SLOT_BOX);
    u->br[3] = 0;
    agent_utcb->mr[0] = MAP;
    agent_utcb->mr[1] = mem(area[5], 12, 7);
    agent_sends(0, 1);
    receive();
    map(L4_SLOT_TASK, SLOT_BOX, VIEW + 0x400000, mem((void *)VIEW, 12, 7));
    is(at(VIEW + 0x400000), 15, "a buffer that forwards: the page is in the other task");
}

/* ---- superpages ---- */

static void test_superpages(void)
{
    struct l4_utcb *u = utcb();

    /* A page fault of ours in the middle of free memory: sigma0 gives the largest page that fits the window. */
    u->bdr = 0;
    u->br[0] = MAP | BIG;
    u->br[1] = mem((void *)BIG, 30, 0);
    u->br[2] = 0;
    u->mr[0] = ~0xfful | 0x90; /* any memory of that size, cached */
    u->mr[1] = mem(0, 30, 7);
    is(call(L4_SLOT_PAGER, L4_PROTO_SIGMA0, 2, 0), 0, "1 GiB of memory");
    for (word_t i = 0; i < 4; i++)
        *(volatile char *)(BIG + i * (GIB / 4) + 0x1234) = (char)(60 + i);
    is(map(SLOT_BOX, L4_SLOT_TASK, BIG, mem((void *)BIG, 30, 7)), 0, "for another task, too");
    is(map(L4_SLOT_TASK, SLOT_BOX, BIG + GIB, mem((void *)BIG, 30, 5)), 0, "and back, to read and execute");
    int same = 1;
    for (word_t i = 0; i < 4; i++)
        same &= at(BIG + GIB + i * (GIB / 4) + 0x1234) == (char)(60 + i);
    ok(same, "it is the same memory");
    is(map(L4_SLOT_TASK, SLOT_BOX, VIEW + 0x800000, mem((void *)(BIG + GIB / 2), 21, 7)), 0, "2 MiB out of its middle");
    is(at(VIEW + 0x800000 + 0x1234), 62, "  seen");
    is(map(L4_SLOT_TASK, SLOT_BOX, VIEW + 0xc00000, mem((void *)(BIG + GIB / 4 + 0x1000), 12, 7)), 0,
       "a page of 4 KiB");
    is(at(VIEW + 0xc00000 + 0x234), 61, "  seen");
    /* A page of the box is taken away: all of its 1 GiB, and what was derived; ours stays. */
    unmap(SLOT_BOX, mem((void *)(BIG + 0x5000), 12, 15), L4_UNMAP_SELF);
    ok(!present(BIG + GIB) && !present(VIEW + 0x800000) && !present(VIEW + 0xc00000),
       "a part of a superpage is taken away: all of it goes, with everything derived");
    is(at(BIG + 0x1234), 60, "its origin stays");
    /* 2 MiB: a derived 4 KiB page in the part that is taken away goes, the superpage of the giver stays. */
    map(SLOT_BOX, L4_SLOT_TASK, BIG, mem((void *)BIG, 21, 7));
    map(L4_SLOT_TASK, SLOT_BOX, VIEW + 0x800000, mem((void *)(BIG + 0x1000), 12, 7));
    map(L4_SLOT_TASK, SLOT_BOX, VIEW + 0x801000, mem((void *)(BIG + 0x2000), 12, 7));
    is(at(VIEW + 0x800234), 60, "a page out of 2 MiB");
    (void)at(VIEW + 0x801000);
    unmap(SLOT_BOX, mem((void *)(BIG + 0x1000), 12, 15), 0);
    ok(!present(VIEW + 0x800000), "what was derived from a part is taken away");
    ok(present(VIEW + 0x801000), "  what was derived from another part stays");
    map(L4_SLOT_TASK, SLOT_BOX, VIEW + 0x800000, mem((void *)(BIG + 0x1000), 12, 7));
    is(at(VIEW + 0x800234), 60, "  and the superpage can be given again");
    unmap(L4_SLOT_TASK, mem((void *)BIG, 30, 15), L4_UNMAP_SELF);
    ok(!present(VIEW + 0x800000) && !present(VIEW + 0x801000), "with 1 GiB everything goes");
}

/* ---- deadlines, labels, the deletion IRQ ---- */

static word_t clock_us(void) { return ((word_t(*)(void))(KIP_AT + L4_KIP_CLOCK_US))(); }

static void test_deadlines(void)
{
    struct l4_utcb *u = utcb();

    u->bdr = 0;
    u->br[0] = KIP_AT | MAP;
    u->br[1] = mem((void *)KIP_AT, 12, 0);
    u->br[2] = 0;
    u->mr[0] = ~0xfful | 0xa0;
    u->mr[1] = 0;
    is(call(L4_SLOT_PAGER, L4_PROTO_SIGMA0, 2, 0), 0, "the kernel interface page");
    word_t until = clock_us() + 3000;
    utcb()->br[57] = until;
    l4_tag tag = invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, L4_TIMEOUT_ABSOLUTE | 57);
    word_t now = clock_us();
    ok(l4_tag_error(tag) && now >= until, "a deadline in the last buffer register is not early");
    ok(now < until + 1000000, "  nor never");
    utcb()->br[4] = clock_us() - 1;
    tag = invoke(SEL(SLOT_GATE_2) | L4_OP_SEND, (l4_tag){0}, NULL, (L4_TIMEOUT_ABSOLUTE | 4) << 16);
    is(l4_tag_error(tag) ? utcb()->error : 0, L4_IPC_SEND_TIMEOUT, "a deadline that is over, while sending");
}

static void test_labels(void)
{
    struct l4_utcb *u = utcb();

    u->mr[0] = L4_OP_GATE_BIND;
    u->mr[1] = 0x1230;
    put_cap_item(2, L4_SLOT_THREAD, 15);
    is(call(SLOT_GATE, L4_PROTO_KOBJECT, 2, 1), 0, "a gate to us");
    u->mr[0] = L4_OP_THREAD_DELETE_IRQ;
    put_cap_item(1, SLOT_IRQ, 15);
    is(call(L4_SLOT_THREAD, L4_PROTO_THREAD, 1, 1), 0, "a deletion IRQ");
    u->mr[0] = L4_OP_IRQ_BIND;
    u->mr[1] = 0x777;
    put_cap_item(2, L4_SLOT_THREAD, 15);
    is(call(SLOT_IRQ, L4_PROTO_KOBJECT, 2, 1), 0, "  that reports to us");
    agent_sends(0, 0);
    pause_ms(2);
    u->mr[0] = L4_OP_THREAD_MODIFY_SENDERS;
    u->mr[1] = ~0ul;
    u->mr[2] = 0;
    u->mr[3] = 0;
    u->mr[4] = 0x4560;
    is(call(L4_SLOT_THREAD, L4_PROTO_THREAD, 5, 0), 0, "labels of those that wait are rewritten");
    receive();
    is(label_seen, 0x4560, "  and arrive so");
    delete(SLOT_GATE);
    receive();
    is(label_seen, 0x777, "the gate is deleted: the deletion IRQ tells");
}

static int test_main(void)
{
    set_priority(L4_SLOT_THREAD, 100);
    receive_into_slot(SLOT_BOX);
    utcb()->mr[0] = (word_t)L4_PROTO_TASK;
    utcb()->mr[1] = utcb()->mr[2] = 0;
    is(call(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 3, 0), 0, "another task");
    is(create(SLOT_GATE, L4_PROTO_NONE), 0, "a gate");
    is(create(SLOT_GATE_2, L4_PROTO_NONE), 0, "one of nobody");
    is(create(SLOT_IRQ, L4_PROTO_IRQ_SENDER), 0, "an IRQ");
    is(thread_make(SLOT_AGENT, agent_utcb, 0), 0, "a sender");
    set_priority(SLOT_AGENT, 110);
    test_windows();
    test_superpages();
    test_deadlines();
    test_labels();
    return tap_done();
}
