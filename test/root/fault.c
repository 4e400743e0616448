/* SPDX-License-Identifier: MIT */
/*
 * Page faults and exceptions on the machine: a thread of the root task faults, the main thread is its pager and its
 * exception handler. What they are told, what their answers do, and that unmapped memory faults again.
 */
#include "root.h"
#include "tap.h"

enum { VICTIM = 0x20, PAGER = 0x21, HANDLER = 0x22 };
#define PAGER_LABEL 0x100ul
#define HANDLER_LABEL 0x200ul
#define WINDOW 0x5000000000ul
#define NOWHERE 0x6000000000ul

static char stack[8192] __attribute__((aligned(16)));
static char page[L4_PAGE_SIZE] __attribute__((aligned(L4_PAGE_SIZE)));
static volatile word_t got;

__asm__("second: ud2\n");
extern const char second[];

/* Reads what its pager maps, twice, then touches what nobody will. */
static void victim(void)
{
    volatile word_t *window = (volatile word_t *)WINDOW;

    got = window[1];
    got = window[1];
    *(volatile char *)NOWHERE = 1;
    for (;;)
        ;
}

/* The last message: printing a result uses the message registers. */
static word_t label;
static l4_tag tag;
static word_t message[L4_MR_COUNT];

static void receive(word_t operation, l4_tag answer)
{
    label = 0;
    tag = invoke(L4_SEL_INVALID | operation, answer, &label, NEVER);
    memcpy(message, utcb()->mr, sizeof message);
}

/* Answers an exception with registers, which go on at ip. */
static void answer_at(word_t ip)
{
    ((struct l4_exc_regs *)message)->ip = ip;
    memcpy(utcb()->mr, message, sizeof message);
    receive(OP_REPLY_AND_WAIT, l4_tag_make(0, L4_EXC_WORDS, 0, 0));
}

/* Answers a page fault with the page. */
static void answer_with_page(unsigned rights)
{
    utcb()->mr[0] = WINDOW | L4_ITEM_MAP;
    utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, (word_t)page >> L4_PAGE_SHIFT, L4_PAGE_SHIFT, rights).raw;
    receive(OP_REPLY_AND_WAIT, l4_tag_make(0, 0, 1, 0));
}

static long bind(word_t gate, word_t with)
{
    utcb()->mr[0] = L4_OP_GATE_BIND;
    utcb()->mr[1] = with;
    put_cap_item(2, L4_SLOT_THREAD, 15);
    return call(gate, L4_PROTO_KOBJECT, 2, 1);
}

static void test_page_faults(void)
{
    *(volatile word_t *)(page + 8) = 0x4711;
    receive(OP_WAIT, l4_tag_make(0, 0, 0, 0));
    is(l4_tag_label(tag), L4_PROTO_PAGE_FAULT, "a page fault arrives");
    is(label & ~3ul, PAGER_LABEL, "through the pager's gate");
    is(message[0], WINDOW + 8, "where, for reading");
    ok(message[1] >= (word_t)victim && message[1] < (word_t)victim + 64, "and by which instruction");
    answer_with_page(L4_MEM_R);
    is(got, 0x4711, "the page was there");
    is(l4_tag_label(tag), L4_PROTO_PAGE_FAULT, "the next fault");
    is(message[0], NOWHERE | L4_PF_WRITE, "is another one, for writing");
}

static void test_unmap(void)
{
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = L4_UNMAP_SELF;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, WINDOW >> L4_PAGE_SHIFT, L4_PAGE_SHIFT, 15).raw;
    long answer = call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
    word_t used = utcb()->mr[2] & 1;

    is(answer, 0, "the page is taken away");
    ok(used, "it had been used");
    is(*(volatile word_t *)(page + 8), 0x4711, "its owner still has it");
}

static void test_exceptions(void)
{
    const struct l4_exc_regs *regs = (const struct l4_exc_regs *)message;

    is(thread_ex_regs(VICTIM, ~0ul, ~0ul, 0), 0, "the thread waits for its pager meanwhile");
    receive(OP_REPLY_AND_WAIT, l4_tag_make(-1, 0, 0, 0));
    is(l4_tag_label(tag), L4_PROTO_EXCEPTION, "a pager that refuses: an exception");
    is(label & ~3ul, HANDLER_LABEL, "through the handler's gate");
    is(l4_tag_words(tag), L4_EXC_WORDS, "with all registers");
    is(regs->trapno, 14, "a page fault");
    is(regs->pfa, NOWHERE, "where");
    answer_at((word_t)second);
    is(regs->trapno, 6, "the handler sends it elsewhere: an invalid instruction");
    is(regs->ip, (word_t)second, "there");
    answer_at((word_t)victim);
    is(l4_tag_label(tag), L4_PROTO_PAGE_FAULT, "from its beginning");
    is(message[0], WINDOW + 8, "it misses the page that was taken away");
    answer_with_page(L4_MEM_R);
    is(message[0], NOWHERE | L4_PF_WRITE, "and has it again");
}

static int test_main(void)
{
    is(create(PAGER, L4_PROTO_NONE), 0, "a gate for page faults");
    is(create(HANDLER, L4_PROTO_NONE), 0, "one for exceptions");
    is(bind(PAGER, PAGER_LABEL), 0, "both lead");
    is(bind(HANDLER, HANDLER_LABEL), 0, "to this thread");
    is(thread_make(VICTIM, (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE), HANDLER), 0, "a thread");
    utcb()->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER;
    utcb()->mr[1] = SEL(PAGER);
    is(call(VICTIM, L4_PROTO_THREAD, 6, 0), 0, "its pager is this thread, too");
    is(thread_ex_regs(VICTIM, (word_t)victim, (word_t)(stack + sizeof stack) - 8, 0), 0, "it starts");
    is(set_priority(VICTIM, 100), 0, "on a CPU");
    test_page_faults();
    /* The answer is still owed; a call in between uses another reply capability. */
    test_unmap();
    test_exceptions();
    return tap_done();
}
