/* SPDX-License-Identifier: MIT */
/*
 * Messages on the machine, between two threads of the root task: words, labels and rights, capabilities, timeouts,
 * semaphores, objects that end; and memory that is nobody's but the factory's comes back.
 */
#include "root.h"
#include "tap.h"

enum { HELPER = 0x20, GATE = 0x21, OPEN = 0x22, COPY = 0x23, RECEIVED = 0x24, SEM = 0x25, SUB = 0x26, MANY = 0x40 };
#define LABEL 0xabc0ul
#define IN_SLOT(slot) l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw

static char stack[8192] __attribute__((aligned(16)));
static volatile word_t seen_label;

/* Answers every message with its words, each plus one, and the label plus one. */
static void echo(void)
{
    word_t label = 0;

    receive_into_slot(RECEIVED);
    l4_tag tag = invoke(L4_SEL_INVALID | OP_WAIT, l4_tag_make(0, 0, 0, 0), &label, NEVER);
    for (;;) {
        unsigned words = l4_tag_words(tag);

        seen_label = label;
        for (unsigned i = 0; i < words; i++)
            utcb()->mr[i]++;
        tag = l4_tag_make(l4_tag_label(tag) + 1, words, 0, 0);
        tag = invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, tag, &label, NEVER);
    }
}

/* The error of an IPC, 0: none. */
static word_t error_of(word_t destination, unsigned timeout)
{
    l4_tag tag = invoke(destination, l4_tag_make(0, 0, 0, 0), NULL, timeout);

    return l4_tag_error(tag) ? utcb()->error : 0;
}

static int is_there(word_t slot)
{
    utcb()->mr[0] = L4_OP_TASK_CAP_INFO;
    utcb()->mr[1] = SEL(slot);
    return call(L4_SLOT_TASK, L4_PROTO_TASK, 2, 0) == 1;
}

static long copy(word_t from, word_t to, unsigned rights)
{
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = SEL(to) | L4_ITEM_MAP;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, from, 0, rights).raw;
    put_cap_item(3, L4_SLOT_TASK, 15);
    return call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);
}

static void delete(word_t slot)
{
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = L4_UNMAP_SELF | L4_UNMAP_DELETE;
    utcb()->mr[2] = IN_SLOT(slot);
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
}

static void test_words(void)
{
    static const unsigned counts[] = {0, 1, 4, 63};

    for (unsigned n = 0; n < 4; n++) {
        int same = 1;

        for (unsigned i = 0; i < counts[n]; i++)
            utcb()->mr[i] = 1000 + i;
        l4_tag tag = invoke(SEL(GATE) | OP_CALL, l4_tag_make(-3, counts[n], 0, 0), NULL, NEVER);

        for (unsigned i = 0; i < counts[n]; i++)
            same = same && utcb()->mr[i] == 1001 + i;
        is(l4_tag_label(tag), -2, "a call is answered");
        is(l4_tag_words(tag), counts[n], "with as many words");
        ok(same, "and each is what the server made of it");
        is(seen_label, LABEL | L4_RIGHT_W | L4_RIGHT_S, "the server saw the gate's label and the rights");
    }
    is(copy(GATE, COPY, L4_RIGHT_R), 0, "a capability without rights");
    is(error_of(SEL(COPY) | OP_CALL, NEVER), 0, "can be called");
    is(seen_label, LABEL, "and the server sees that there are none");
}

static void test_capability(void)
{
    ok(!is_there(RECEIVED), "the server's slot is empty");
    put_cap_item(0, L4_SLOT_LOG, 7);
    is(call(GATE, 1, 0, 1), 2, "a message with a capability");
    ok(is_there(RECEIVED), "fills it");
}

static void test_timeouts(void)
{
    const unsigned zero = L4_TIMEOUT_ZERO, five_ms = 3u << 10 | 625u;

    is(error_of(L4_SEL_INVALID | OP_WAIT, zero), L4_IPC_RECV_TIMEOUT, "a receive without time");
    is(error_of(L4_SEL_INVALID | OP_WAIT, five_ms), L4_IPC_RECV_TIMEOUT, "and one with five milliseconds");
    is(error_of(SEL(OPEN) | OP_CALL, zero << 16), L4_IPC_SEND_TIMEOUT, "a gate that nobody has bound");
    is(error_of(SEL(OPEN) | OP_CALL, five_ms << 16), L4_IPC_SEND_TIMEOUT, "is waited at as long");
    is(error_of(SEL(0x777) | OP_CALL, NEVER), L4_IPC_NOT_EXISTENT, "an empty slot is told at once");
    is(error_of(L4_SEL_INVALID | L4_OP_SEND | L4_OP_REPLY, NEVER), L4_IPC_NOT_EXISTENT, "an answer to nobody");
}

static void test_objects(void)
{
    unsigned made = 0;

    is(create(SEM, L4_PROTO_SEMAPHORE), 0, "a semaphore");
    is(error_of(SEL(SEM) | L4_OP_SEND, NEVER), 0, "of which nothing is asked");
    invoke(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0), NULL, NEVER);
    utcb()->mr[0] = L4_OP_SEM_DOWN;
    is(call(SEM, L4_PROTO_SEMAPHORE, 1, 0), 0, "counts up and down");
    delete(SEM);
    is(error_of(SEL(SEM) | OP_CALL, NEVER), L4_IPC_NOT_EXISTENT, "and is gone when it is deleted");
    receive_into_slot(SUB);
    utcb()->mr[0] = (word_t)L4_PROTO_FACTORY;
    utcb()->mr[1] = 1;
    utcb()->mr[2] = 30000;
    is(call(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 3, 0), 0, "a factory with 30000 bytes");
    for (;;) {
        receive_into_slot(MANY + made);
        utcb()->mr[0] = (word_t)L4_PROTO_IRQ_SENDER;
        if (call(SUB, L4_PROTO_FACTORY, 1, 0) != 0)
            break;
        made++;
    }
    ok(made > 20 && made < 1000, "makes objects until they are used up");
    delete(MANY);
    receive_into_slot(MANY);
    utcb()->mr[0] = (word_t)L4_PROTO_IRQ_SENDER;
    is(call(SUB, L4_PROTO_FACTORY, 1, 0), 0, "and again, when one has been given back");
}

static int test_main(void)
{
    is(create(GATE, L4_PROTO_NONE), 0, "a gate");
    is(create(OPEN, L4_PROTO_NONE), 0, "another");
    is(thread_make(HELPER, (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE), GATE), 0, "a thread");
    utcb()->mr[0] = L4_OP_GATE_BIND;
    utcb()->mr[1] = LABEL;
    put_cap_item(2, HELPER, 15);
    is(call(GATE, L4_PROTO_KOBJECT, 2, 1), 0, "the gate leads to it");
    is(thread_ex_regs(HELPER, (word_t)echo, (word_t)(stack + sizeof stack) - 8, 0), 0, "it starts");
    is(set_priority(HELPER, 100), 0, "on a CPU");
    test_words();
    test_capability();
    test_timeouts();
    test_objects();
    delete(HELPER);
    is(error_of(SEL(HELPER) | OP_CALL, NEVER), L4_IPC_NOT_EXISTENT, "the thread ends");
    return tap_done();
}
