/* SPDX-License-Identifier: MIT */
/* factory.c: every kind of object, wrong requests, quota of a factory and of a factory's factory, receive buffers. */
#include "tap.h"
#include "machine.h"

enum { NEW = 0x40, SUB = 0x41, WEAK = 0x42, OTHER = 0x43 };

static long create_with(word_t factory, word_t slot, unsigned words, long protocol, word_t w1, word_t w2)
{
    root->utcb->bdr = 0;
    root->utcb->br[0] = SEL(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    return call_words(factory, L4_PROTO_FACTORY, 0, words, (word_t)protocol, w1, w2, 0);
}

static void test_kinds(void)
{
    static const struct {
        long protocol;
        unsigned type;
        const char *name;
    } kinds[] = {
        {L4_PROTO_NONE, KOBJ_GATE, "a gate"},           {L4_PROTO_KOBJECT, KOBJ_GATE, "a gate by its other name"},
        {L4_PROTO_THREAD, KOBJ_THREAD, "a thread"},     {L4_PROTO_TASK, KOBJ_TASK, "a task"},
        {L4_PROTO_IRQ_SENDER, KOBJ_IRQ, "an IRQ"},      {L4_PROTO_SEMAPHORE, KOBJ_SEM, "a semaphore"},
        {L4_PROTO_FACTORY, KOBJ_FACTORY, "a factory"},
    };
    size_t used = root_factory.quota.used;

    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        bool task = kinds[i].protocol == L4_PROTO_TASK;

        is(create_with(L4_SLOT_FACTORY, NEW, 3, kinds[i].protocol, 1, task ? 0 : 10000), 0, kinds[i].name);
        is(cap_obj(cap_slot(root->task, NEW))->type, kinds[i].type, "is there");
        is(cap_rights(cap_slot(root->task, NEW)), CAP_ALL_RIGHTS, "with all rights");
        is(root->utcb->mr[0] & 0xfffu, L4_ITEM_MAP | L4_FPAGE_OBJ << 4, "and the answer says that one came");
        ok(root_factory.quota.used > used, "somebody pays for it");
        delete_slot(NEW);
        is(root_factory.quota.used, used, "until it is deleted");
    }
}

static void test_errors(void)
{
    size_t used;

    cap_copy(L4_SLOT_FACTORY, WEAK, L4_RIGHT_R | L4_RIGHT_W);
    used = root_factory.quota.used;
    is(create_with(L4_SLOT_FACTORY, NEW, 1, 0x4711, 0, 0), -L4_ERR_NODEV, "a kind that nobody knows");
    is(create_with(L4_SLOT_FACTORY, NEW, 0, 0, 0, 0), -L4_ERR_MSGTOOSHORT, "no word at all");
    is(create_with(WEAK, NEW, 1, L4_PROTO_THREAD, 0, 0), -L4_ERR_PERM, "without the right");
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_THREAD, 0, 1, 0, 0, 0, 0), -L4_ERR_BADPROTO, "another protocol");
    is(create_with(L4_SLOT_FACTORY, NEW, 1, L4_PROTO_TASK, 0, 0), -L4_ERR_INVAL, "a task needs three words");
    is(create_with(L4_SLOT_FACTORY, NEW, 3, L4_PROTO_TASK, 0, l4_fpage_make(L4_FPAGE_MEM, 0x1000, 2, 6).raw),
       -L4_ERR_INVAL, "less than a page of kernel-user memory");
    is(create_with(L4_SLOT_FACTORY, NEW, 2, L4_PROTO_FACTORY, 0, 0), -L4_ERR_MSGTOOSHORT, "a factory without a limit");
    is(create_with(L4_SLOT_FACTORY, NEW, 4, L4_PROTO_FACTORY, 0, 1000), -L4_ERR_MSGTOOLONG,
       "a factory with a word more");
    is(create_with(L4_SLOT_FACTORY, NEW, 3, L4_PROTO_FACTORY, 0, 0), -L4_ERR_NOMEM, "with a limit of nothing");
    is(create_with(L4_SLOT_FACTORY, NEW, 3, L4_PROTO_FACTORY, 0, 1ul << 60), -L4_ERR_NOMEM, "of more than there is");
    root->utcb->br[0] = 0;
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 1, (word_t)L4_PROTO_THREAD, 0, 0, 0),
       0x10000 | L4_IPC_RECV_OVERFLOW, "no buffer for the capability");
    is(create_with(L4_SLOT_FACTORY, CAP_SLOTS, 1, L4_PROTO_THREAD, 0, 0), -L4_ERR_NOMEM, "a slot that cannot be");
    frame_fail_countdown = 1;
    is(create_with(L4_SLOT_FACTORY, NEW, 3, L4_PROTO_FACTORY, 0, 1000), -L4_ERR_NOMEM, "no memory for it");
    frame_fail_countdown = 0;
    is(root_factory.quota.used, used, "no error has cost anything");
    ok(cap_slot(root->task, NEW)->raw == 0, "nor made anything");
}

static void test_gate_arguments(void)
{
    root->utcb->br[0] = SEL(NEW) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, L4_SLOT_THREAD, 3, 0, 0, 0x41, 0), -L4_ERR_INVAL,
       "a label of a gate leaves two bits to the rights");
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, L4_SLOT_THREAD, 3, 0, 0, 0x42, 0), -L4_ERR_INVAL, "both of them");
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, L4_SLOT_TASK, 3, 0, 0, 0x40, 0), -L4_ERR_INVAL,
       "a task is no thread");
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, L4_SLOT_THREAD, 3, 0, 0, 0x40, 0), 0,
       "a gate bound from the start");
    struct gate *g = gate_of(cap_obj(cap_slot(root->task, NEW)));

    ok(g->thread == root && g->label == 0x40, "to that thread with that label");
    delete_slot(NEW);
}

static void test_quota(void)
{
    size_t used = root_factory.quota.used, limit = 20000;
    unsigned made = 0;
    struct factory *sub;

    is(create_with(L4_SLOT_FACTORY, SUB, 3, L4_PROTO_FACTORY, 0, limit), 0, "a factory with 20000 bytes");
    ok(root_factory.quota.used >= used + limit, "its parent has given them away");
    sub = factory_of(cap_obj(cap_slot(root->task, SUB)));
    while (create_with(SUB, 0x100 + made, 1, L4_PROTO_SEMAPHORE, 0, 0) == 0)
        made++;
    ok(made > 10 && sub->quota.used <= limit, "it makes objects as long as they last");
    is(create_with(SUB, OTHER, 1, L4_PROTO_SEMAPHORE, 0, 0), -L4_ERR_NOMEM, "then no more");
    is(create_with(SUB, OTHER, 3, L4_PROTO_FACTORY, 0, limit), -L4_ERR_NOMEM, "nor a factory with more than it has");
    is(create_with(L4_SLOT_FACTORY, OTHER, 1, L4_PROTO_SEMAPHORE, 0, 0), 0, "its parent still can");
    delete_slot(OTHER);
    delete_slot(0x100);
    is(create_with(SUB, OTHER, 1, L4_PROTO_SEMAPHORE, 0, 0), 0, "and what is given back can be used again");
    delete_slot(SUB);
    ok(root_factory.quota.used >= used + limit, "objects keep their factory's memory");
    for (unsigned i = 1; i < made; i++)
        delete_slot(0x100 + i);
    delete_slot(OTHER);
    is(root_factory.quota.used, used, "with the last object everything is back");
}

/* A receive window instead of a single slot. */
static void test_windows(void)
{
    struct l4_utcb *u = root->utcb;

    u->bdr = 0;
    u->br[0] = L4_ITEM_MAP;
    u->br[1] = l4_fpage_make(L4_FPAGE_OBJ, OTHER, 0, 15).raw;
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 1, (word_t)L4_PROTO_SEMAPHORE, 0, 0, 0), 0,
       "an object in a window of one slot");
    is(cap_obj(cap_slot(root->task, OTHER))->type, KOBJ_SEM, "is there");
    delete_slot(OTHER);
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, L4_SLOT_TASK, 3, 0, 0, 0x40, 0), -L4_ERR_INVAL,
       "a gate for a task");
    u->mr[3] = L4_ITEM_MAP;
    u->mr[4] = l4_fpage_make(L4_FPAGE_MEM, 5, 12, 7).raw;
    u->mr[0] = u->mr[1] = 0;
    u->mr[2] = 0x40;
    call(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 3, 1);
    is(label_of(root), -L4_ERR_INVAL, "nor for memory");
    u->br[1] = l4_fpage_make(L4_FPAGE_MEM, 5, 12, 7).raw;
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 1, (word_t)L4_PROTO_SEMAPHORE, 0, 0, 0),
       0x10000 | L4_IPC_RECV_OVERFLOW, "a window for memory receives no object");
    u->bdr = (L4_BR_COUNT - 1) << L4_BDR_OBJ_SHIFT & L4_BDR_INDEX_MASK << L4_BDR_OBJ_SHIFT;
    u->br[u->bdr >> L4_BDR_OBJ_SHIFT] = 0;
    is(call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 1, (word_t)L4_PROTO_SEMAPHORE, 0, 0, 0),
       0x10000 | L4_IPC_RECV_OVERFLOW, "nor does an empty buffer");
    u->bdr = 0;
    u->br[0] = SEL(OTHER) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    u->mr[0] = (word_t)L4_PROTO_SEMAPHORE;
    host_syscall(SEL(L4_SLOT_FACTORY) | L4_OP_SEND, l4_tag_make(L4_PROTO_FACTORY, 1, 0, 0).raw, 0, 0);
    ok(cap_slot(root->task, OTHER)->raw == 0, "who does not wait for the answer gets nothing");
}

int main(void)
{
    machine_start();
    cap_slot_alloc(root->task, NEW);
    cap_slot_alloc(root->task, 0x100);
    test_kinds();
    test_errors();
    test_gate_arguments();
    test_quota();
    test_windows();
    machine_check();
    return tap_done();
}
