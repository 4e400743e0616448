/* SPDX-License-Identifier: MIT */
/* task.c: map, unmap, questions about capabilities, kernel-user memory, reply slots, the end of a task. */
#include "tap.h"
#include "machine.h"
#include "preempt.h"

enum { TASK = 0x40, GATE = 0x41, COPY = 0x42, NO_W = 0x43, A = 0x44 };

static struct task *t;

static long task_op(word_t slot, unsigned words, word_t op, word_t w1, word_t w2)
{
    return call_words(slot, L4_PROTO_TASK, 0, words, op, w1, w2, 0);
}

static long map_into(word_t to, word_t from, word_t item, l4_fpage fp)
{
    return call_words(to, L4_PROTO_TASK, from, 3, L4_OP_TASK_MAP, item | L4_ITEM_MAP, fp.raw, 0);
}

static unsigned rights_in(const struct task *task, word_t slot)
{
    unsigned rights = 0;

    cap_lookup(task, slot, &rights);
    return rights;
}

static l4_fpage obj(word_t slot, unsigned rights) { return l4_fpage_make(L4_FPAGE_OBJ, slot, 0, rights); }

static void test_map(void)
{
    is(map_into(TASK, L4_SLOT_TASK, SEL(9), obj(L4_SLOT_LOG, L4_RIGHT_R | L4_RIGHT_S)), 0,
       "a capability into the task");
    is(rights_in(t, 9), L4_RIGHT_R | L4_RIGHT_S, "is there");
    is(map_into(TASK, L4_SLOT_LOG, 0, obj(L4_SLOT_LOG, 15)), -L4_ERR_INVAL, "the console is no source");
    is(task_op(TASK, 3, L4_OP_TASK_MAP, L4_ITEM_MAP, 0), -L4_ERR_INVAL, "no source at all");
    cap_copy(TASK, NO_W, L4_RIGHT_R | L4_RIGHT_S);
    is(map_into(NO_W, L4_SLOT_TASK, SEL(10), obj(L4_SLOT_LOG, 15)), -L4_ERR_PERM, "without the right");
    cap_copy(TASK, COPY, L4_RIGHT_R | L4_RIGHT_W);
    is(map_into(COPY, L4_SLOT_TASK, SEL(10), obj(L4_SLOT_LOG, L4_RIGHT_R | L4_RIGHT_S)), 0, "without S");
    is(rights_in(t, 10), L4_RIGHT_R, "nothing keeps S");
    frame_fail_countdown = 1;
    is(map_into(TASK, L4_SLOT_TASK, SEL(0x5000), obj(L4_SLOT_LOG, 15)), 0x10000 | L4_IPC_SEND_MAP_FAILED, "no memory");
}

static void test_unmap(void)
{
    is(task_op(TASK, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, obj(9, L4_RIGHT_S).raw), 0, "a right is taken");
    is(rights_in(t, 9), L4_RIGHT_R, "from the capability");
    is(task_op(TASK, 3, L4_OP_TASK_UNMAP, 0, obj(9, 15).raw), 0, "unmap of what was derived");
    map_into(TASK, L4_SLOT_TASK, SEL(11), obj(L4_SLOT_LOG, L4_RIGHT_R));
    root->utcb->mr[0] = L4_OP_TASK_UNMAP;
    root->utcb->mr[1] = L4_UNMAP_SELF;
    root->utcb->mr[2] = obj(11, 15).raw;
    host_syscall(SEL(TASK), l4_tag_make(L4_PROTO_TASK, 3, 0, 0).raw, 0, 0);
    ok(rights_in(t, 11) == 0 && label_of(root) == L4_PROTO_TASK, "without any phase: done, and the own tag is back");
    is(rights_in(t, 9), L4_RIGHT_R, "leaves the capability itself");
    is(task_op(TASK, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, obj(9, 15).raw), 0, "unmap of itself");
    is(rights_in(t, 9), 0, "does not");
    root->utcb->mr[3] = obj(0x999, 15).raw;
    is(task_op(TASK, 4, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, obj(10, 15).raw), 0, "several at once, empty ones among them");
    is(rights_in(t, 10), 0, "are gone");
    is(l4_tag_words(tag_of(root)), 4, "and each is told");
}

static int map_port(struct task *to, unsigned port)
{
    struct task *sigma0 = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task;

    return map_fpage_all((struct map_request){.from = sigma0, .to = to, .item = L4_ITEM_MAP, .rights_mask = 15,
                                           .send = l4_fpage_make(L4_FPAGE_IO, port, 0, 6),
                                           .window = {L4_FPAGE_ALL}});
}

static void test_ports(void)
{
    is(map_port(t, 0x61), MAP_DONE, "a port");
    ok(t->space.io_bitmap != NULL, "is there");
    is(task_op(TASK, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, l4_fpage_make(L4_FPAGE_IO, 0x61, 0, 6).raw), 0, "unmap");
    ok(t->space.io_bitmap == NULL, "takes it away");
}

static void test_questions(void)
{
    is(task_op(L4_SLOT_TASK, 2, L4_OP_TASK_CAP_INFO, SEL(L4_SLOT_LOG), 0), 1, "is there something in a slot?");
    is(task_op(L4_SLOT_TASK, 2, L4_OP_TASK_CAP_INFO, SEL(0x777), 0), 0, "not in this one");
    is(task_op(L4_SLOT_TASK, 2, L4_OP_TASK_CAP_INFO, L4_SEL_INVALID, 0), 0, "nor in the invalid one");
    cap_copy(GATE, COPY, 7 | L4_OBJ_SERVER);
    is(task_op(L4_SLOT_TASK, 3, L4_OP_TASK_CAP_INFO, SEL(GATE), SEL(COPY)), 1, "the same object with the same rights");
    cap_copy(GATE, COPY, L4_RIGHT_R | L4_OBJ_SERVER);
    is(task_op(L4_SLOT_TASK, 3, L4_OP_TASK_CAP_INFO, SEL(GATE), SEL(COPY)), 0, "with other rights it is another");
    is(task_op(L4_SLOT_TASK, 3, L4_OP_TASK_CAP_INFO, SEL(GATE), SEL(L4_SLOT_LOG)), 0, "other objects are");
    is(task_op(L4_SLOT_TASK, 3, L4_OP_TASK_CAP_INFO, SEL(GATE), SEL(GATE)), 1, "a slot is equal to itself");
    is(task_op(L4_SLOT_TASK, 3, L4_OP_TASK_CAP_INFO, SEL(0x777), SEL(0x777)), 1, "even an empty one");
    is(task_op(L4_SLOT_TASK, 3, L4_OP_TASK_CAP_INFO, SEL(GATE), L4_SEL_INVALID), 0, "the invalid slot equals no other");
    is(task_op(L4_SLOT_TASK, 4, L4_OP_TASK_CAP_INFO, 0, 0), -L4_ERR_INVAL, "three capabilities cannot be compared");
}

static void test_ku_mem(void)
{
    size_t used = root_factory.quota.used;

    is(task_op(TASK, 2, L4_OP_TASK_ADD_KU_MEM, l4_fpage_make(L4_FPAGE_MEM, 0x5000, 13, 6).raw, 0), 0, "two pages");
    ok(ku_mem_lookup(t, 0x5000000, 0x2000) != NULL && ku_mem_lookup(t, 0x5001000, 0x2000) == NULL, "are there");
    ok(root_factory.quota.used >= used + 0x2000, "and paid");
    work_slice = work_left = 1;
    is(task_op(TASK, 3, L4_OP_TASK_ADD_KU_MEM, l4_fpage_make(L4_FPAGE_MEM, 0x5010, 12, 6).raw,
               l4_fpage_make(L4_FPAGE_MEM, 0x5020, 12, 6).raw), 0, "two areas, with windows");
    work_slice = work_left = 1 << 30;
    ok(ku_mem_lookup(t, 0x5010000, 0x1000) != NULL && ku_mem_lookup(t, 0x5020000, 0x1000) != NULL, "are both there");
    is(task_op(TASK, 2, L4_OP_TASK_ADD_KU_MEM, l4_fpage_make(L4_FPAGE_IO, 0x5000, 13, 6).raw, 0), -L4_ERR_INVAL,
       "ports are no memory");
    is(task_op(TASK, 1, 99, 0, 0), -L4_ERR_NOSYS, "no such operation");
    is(task_op(TASK, 0, 0, 0, 0), -L4_ERR_INVAL, "no operation");
    is(call_words(TASK, L4_PROTO_LOG, 0, 1, 0, 0, 0, 0), -L4_ERR_BADPROTO, "another protocol");
}

static void test_reply_slots(void)
{
    struct reply_slot *first, *last;

    ok(task_reply_slot(t, 0) == NULL, "no reply slots at first");
    first = task_reply_slot_alloc(t, 0);
    last = task_reply_slot_alloc(t, REPLY_PAGES * REPLY_PAGE_SLOTS - 1);
    ok(first != NULL && last != NULL && first != last, "the first and the last");
    ok(task_reply_slot(t, 0) == first && task_reply_slot(t, 1) == first + 1, "are found again");
    ok(task_reply_slot(t, REPLY_PAGE_SLOTS) == NULL, "one whose page is not there");
    ok(task_reply_slot(t, REPLY_PAGES * REPLY_PAGE_SLOTS) == NULL, "nor is there one behind the last");
    ok(task_reply_slot_alloc(t, REPLY_PAGES * REPLY_PAGE_SLOTS) == NULL, "there is none behind the last");
}

/* The task holds the only capability to a gate and has a thread. */
static void test_end(size_t used)
{
    create(L4_PROTO_NONE, A);
    map_into(TASK, L4_SLOT_TASK, SEL(20) | L4_ITEM_GRANT, obj(A, 15));
    struct kobj *gate = cap_obj(cap_slot(t, 20));

    kobj_ref(gate);
    delete_slot(TASK);
    ok(gate->dead, "what only the task held ends with it");
    kobj_unref(gate);
    work_run_all();
    is(root_factory.quota.used, used, "page tables, capabilities, kernel-user memory, reply slots: all is given back");
}

int main(void)
{
    size_t used;

    machine_start();
    create(L4_PROTO_NONE, GATE);
    map_port(root->task, 0x60); /* the set of sigma0 stays */
    used = root_factory.quota.used;
    root->utcb->br[0] = SEL(TASK) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 3, (word_t)L4_PROTO_TASK, 0, 0, 0);
    t = task_of(cap_obj(cap_slot(root->task, TASK)));
    test_map();
    test_unmap();
    test_ports();
    test_questions();
    test_ku_mem();
    test_reply_slots();
    task_check(t);
    test_end(used);
    machine_check();
    return tap_done();
}
