/* SPDX-License-Identifier: MIT */
/* cap.c: slots on demand and who pays, lookup, counted and weak capabilities, the end of an object, arguments. */
#include "tap.h"
#include "machine.h"
#include "preempt.h"

static struct task *t;

static unsigned rights_at(word_t index)
{
    unsigned rights = 0;

    cap_lookup(t, index, &rights);
    return rights;
}

static void test_slots(void)
{
    size_t used = root_factory.quota.used;
    struct cap *s;
    unsigned rights;

    ok(cap_slot(t, 5) == NULL, "a new task has no slots");
    ok(cap_lookup(t, 5, &rights) == NULL, "and nothing in them");
    ok(cap_slot(t, CAP_SLOTS) == NULL, "none behind the last");
    ok(cap_slot_alloc(t, CAP_SLOTS) == NULL, "nor can one be made there");
    ok(cap_slot_alloc(t, ~0ul) == NULL, "nor far behind it");
    is(root_factory.quota.used, used, "refusing costs nothing");
    frame_fail_countdown = 1;
    ok(cap_slot_alloc(t, 5) == NULL, "no memory: no slot");
    is(root_factory.quota.used, used, "and the quota is as before");
    s = cap_slot_alloc(t, 5);
    is(root_factory.quota.used, used + L4_PAGE_SIZE, "the first slot costs a page");
    ok(cap_slot(t, CAP_SLOTS) == NULL && cap_slot_alloc(t, CAP_SLOTS) == NULL, "a page makes none behind the last");
    ok(cap_slot_alloc(t, 6) == s + 1, "its neighbour lies there, too");
    ok(cap_slot_alloc(t, CAP_SLOTS - 1) != NULL, "the last slot can be made");
    is(root_factory.quota.used, used + 2 * L4_PAGE_SIZE, "on a page of its own");
}

static void test_count(void)
{
    struct gate *g = gate_create(&root_factory, NULL, 0);
    struct cap *a = cap_slot(t, 5), *b = cap_slot(t, 6), *c = cap_slot_alloc(t, 7);
    size_t used = root_factory.quota.used;
    unsigned rights;

    kobj_ref(&g->obj);
    cap_insert(a, &g->obj, L4_RIGHT_W | L4_RIGHT_D);
    ok(cap_lookup(t, 5, &rights) == &g->obj, "a stored capability is found");
    is(rights, L4_RIGHT_W | L4_RIGHT_D | L4_RIGHT_R, "with its rights; reading is always among them");
    cap_insert(b, &g->obj, L4_OBJ_WEAK);
    cap_insert(c, &g->obj, L4_RIGHT_S);
    is(g->obj.counted, 2, "a weak capability does not count");
    cap_revoke(a, L4_RIGHT_W | L4_RIGHT_R);
    is(rights_at(5), L4_RIGHT_D | L4_RIGHT_R, "a right is taken away, reading is not");
    cap_remove(c, true);
    ok(!g->obj.dead, "delete without the right to delete only empties the slot");
    is(rights_at(7), 0, "which is empty");
    task_check(t);
    cap_remove(a, false);
    ok(g->obj.dead, "the last counted capability takes the object with it");
    is(rights_at(6), 0, "and the weak one is void at once");
    is(root_factory.quota.used, used, "memory is given back later");
    work_run_all();
    kobj_unref(&g->obj);
    work_run_all();
    ok(root_factory.quota.used < used, "when nobody refers to it any more");
}

/* Slots that go in another order than they came: the list through them stays whole. */
static void test_list(void)
{
    struct gate *g = gate_create(&root_factory, NULL, 0);

    for (word_t i = 5; i < 9; i++)
        cap_insert(cap_slot_alloc(t, i), &g->obj, L4_RIGHT_W);
    cap_remove(cap_slot(t, 8), false); /* the head */
    cap_remove(cap_slot(t, 6), false); /* from the middle */
    cap_remove(cap_slot(t, 7), false);
    ok(g->obj.slots == heap_handle(cap_slot(t, 5)) && cap_slot(t, 5)->next == 0, "one slot is left on the list");
    cap_insert(cap_slot(t, 7), &g->obj, L4_RIGHT_W);
    task_check(t);
    kobj_destroy(&g->obj);
    is(rights_at(5) | rights_at(7), 0, "the end of the object finds both");
    work_run_all();
}

/* A task that has ended, with threads left in it, gets no new page of its table. */
static void test_ended_task(void)
{
    struct task *ended = task_create(&root_factory);

    kobj_destroy(&ended->obj);
    ok(cap_slot_alloc(ended, 0x40) == NULL, "a task that has ended gets no slots");
    work_run_all();
}

static void test_delete(void)
{
    struct gate *g = gate_create(&root_factory, NULL, 0);

    cap_insert(cap_slot(t, 5), &g->obj, CAP_ALL_RIGHTS);
    cap_insert(cap_slot(t, 6), &g->obj, CAP_ALL_RIGHTS);
    cap_remove(cap_slot(t, 6), true);
    is(rights_at(5), 0, "delete with the right to delete empties every slot");
    work_run_all();
    g = gate_create(&root_factory, NULL, 0);
    cap_insert(cap_slot(t, 5), &g->obj, CAP_ALL_RIGHTS);
    while (!cap_table_destroy(t))
        work_left = work_slice;
    ok(cap_slot(t, 5) == NULL && g->obj.dead, "the end of a table removes what is in it");
    work_run_all();
}

static void test_arguments(void)
{
    struct invoke in = {.self = root, .utcb = root->utcb, .tag = l4_tag_make(0, 1, 1, 0)};
    word_t *item = &root->utcb->mr[1];
    struct kobj *obj = NULL;
    unsigned rights = 0;

    item[0] = L4_ITEM_MAP;
    item[1] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_TASK, 0, 15).raw;
    is(cap_arg(&in, KOBJ_TASK, &obj, &rights), OK, "an argument is found");
    ok(obj == &root->task->obj, "it is the task");
    is(rights, CAP_ALL_RIGHTS, "with the rights of the slot");
    is(cap_arg(&in, KOBJ_THREAD, &obj, &rights), -L4_ERR_INVAL, "a task is no thread");
    in.tag = l4_tag_make(0, 1, 0, 0);
    is(cap_arg(&in, KOBJ_TASK, &obj, &rights), -L4_ERR_INVAL, "no item is no argument, whatever lies there");
    in.tag = l4_tag_make(0, 1, 1, 0);
    item[1] = l4_fpage_make(L4_FPAGE_OBJ, 0x777, 0, 15).raw;
    is(cap_arg(&in, KOBJ_TASK, &obj, &rights), -L4_ERR_INVAL, "an empty slot");
    item[1] = l4_fpage_make(L4_FPAGE_MEM, 1, 0, 15).raw;
    is(cap_arg(&in, KOBJ_TASK, &obj, &rights), L4_IPC_SEND_OVERFLOW, "memory is no object");
    item[0] = 0;
    is(cap_arg(&in, KOBJ_TASK, &obj, &rights), -L4_ERR_INVAL, "a void item");
    in.tag = l4_tag_make(0, 62, 1, 0);
    is(cap_arg(&in, KOBJ_TASK, &obj, &rights), -L4_ERR_INVAL, "an item that ends behind the message registers");
    ok(cap_lookup_selector(root, L4_SEL_INVALID, &rights) == &root->obj, "the invalid selector is the thread itself");
    is(rights, L4_RIGHT_W | L4_RIGHT_S, "with these rights");
}

int main(void)
{
    machine_start();
    t = task_create(&root_factory);
    test_slots();
    test_count();
    test_list();
    test_delete();
    test_ended_task();
    test_arguments();
    machine_check();
    return tap_done();
}
