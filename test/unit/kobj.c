/* SPDX-License-Identifier: MIT */
/* kobj.c: references, destruction in two steps, chains of owners, the phases of an object that only answers. */
#include "tap.h"
#include "machine.h"
#include "preempt.h"

static unsigned destroyed, freed;
static struct kobj *operated;
static l4_tag answer;

static bool note_destroy(struct kobj *obj) { return destroyed++, (void)obj, true; }
static bool note_free(struct kobj *obj) { return freed++, (void)obj, true; }

static l4_tag note_operate(struct kobj *obj, struct invoke *in)
{
    (void)in;
    operated = obj;
    return answer;
}

static const struct kobj_ops ops = {.name = "test", .answers = true, .invoke = kobj_invoke, .operate = note_operate,
                                    .destroy = note_destroy, .free = note_free};

static void test_life(void)
{
    struct kobj o;
    uint32_t payer_refs = root_factory.obj.refs;
    unsigned rights;

    kobj_init(&o, &ops, KOBJ_SEM, &root_factory);
    is(o.refs, 1, "a new object exists by its existence");
    is(root_factory.obj.refs, payer_refs + 1, "and keeps its factory");
    kobj_ref(&o);
    cap_insert(cap_slot_alloc(root->task, 0x40), &o, CAP_ALL_RIGHTS);
    cap_insert(cap_slot_alloc(root->task, 0x1040), &o, CAP_ALL_RIGHTS);
    kobj_destroy(&o);
    ok(o.dead && cap_lookup(root->task, 0x40, &rights) == NULL && cap_lookup(root->task, 0x1040, &rights) == NULL,
       "destroyed: dead, and nobody finds it");
    is(destroyed, 0, "the rest waits for the end of the kernel entry");
    kobj_destroy(&o);
    work_run_all();
    is(destroyed, 1, "then it is told, once");
    ok(cap_slot(root->task, 0x40)->raw == 0 && cap_slot(root->task, 0x1040)->raw == 0, "and no slot names it");
    is(freed, 0, "who holds a reference may still look at it");
    kobj_destroy(&o);
    work_run_all();
    is(destroyed, 1, "destroyed again, it is not told again");
    kobj_unref(&o);
    is(freed, 0, "dropping the last one");
    work_run_all();
    is(freed, 1, "frees it at the end of the kernel entry");
    is(root_factory.obj.refs, payer_refs, "and lets its factory go");
    kobj_init(&o, &ops, KOBJ_SEM, &root_factory);
    kobj_destroy(&o);
    kobj_destroy(&o);
    work_run_all();
    is(destroyed, 2, "destroyed twice in one kernel entry: once");
    is(freed, 2, "and freed once");
}

/* A task that holds the only capability to a task that holds … */
static void test_chain(void)
{
    size_t used = root_factory.quota.used;
    struct task *first = task_create(&root_factory), *last = first;

    for (unsigned i = 0; i < 50; i++) {
        struct task *next = task_create(&root_factory);

        cap_insert(cap_slot_alloc(last, 1), &next->obj, CAP_ALL_RIGHTS);
        last = next;
    }
    kobj_destroy(&first->obj);
    work_run_all();
    is(root_factory.quota.used, used, "the end of the first of 51 tasks is the end of all");
}

/* Between its end and the moment at which its slots are empty. */
static void test_dead(void)
{
    static const l4_tag sent = {0x20001};

    for (unsigned general = 0; general < 2; general++) {
        struct gate *g = gate_create(&root_factory, NULL, 0);

        host_general_path = general != 0;
        cap_insert(cap_slot_alloc(root->task, 0x50), &g->obj, CAP_ALL_RIGHTS);
        kobj_destroy(&g->obj);
        host_syscall(SEL(0x50) | CALL, sent.raw, 0, L4_TIMEOUT_ZERO);
        is(error_of(root), L4_IPC_NOT_EXISTENT, "who calls what has ended finds nobody");
        work_run_all();
    }
    host_general_path = false;
}

static void invoke_with(struct kobj *o, word_t op, l4_tag tag)
{
    struct invoke in = {.self = root, .utcb = root->utcb, .op = op, .tag = tag, .timeout = L4_TIMEOUT_ZERO};

    operated = NULL;
    kobj_invoke(o, &in);
}

static void test_phases(void)
{
    struct kobj o;
    l4_tag sent = l4_tag_make(7, 1, 0, 0);

    kobj_init(&o, &ops, KOBJ_SEM, NULL);
    answer = tag_label(-L4_ERR_PERM);
    invoke_with(&o, CALL, sent);
    ok(operated == &o && label_of(root) == -L4_ERR_PERM, "a call gets the answer");
    invoke_with(&o, L4_OP_SEND, sent);
    ok(operated == &o && tag_of(root).raw == sent.raw, "a send does what it says and gets its own tag back");
    answer = (l4_tag){L4_TAG_ERROR};
    invoke_with(&o, L4_OP_SEND, sent);
    ok(l4_tag_error(tag_of(root)), "unless that failed as a message");
    answer = TAG_NO_REPLY;
    invoke_with(&o, CALL, sent);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "what is not answered goes on to a receive");
    invoke_with(&o, L4_OP_RECV, sent);
    ok(operated == NULL && error_of(root) == L4_IPC_RECV_TIMEOUT, "a receive asks nothing of it");
    invoke_with(&o, 0, sent);
    ok(operated == NULL && tag_of(root).raw == sent.raw, "neither phase: nothing happens");
}

/* Its slots are emptied one window's worth at a time, and used again meanwhile. */
static void test_slots_used_again(void)
{
    struct cap *slot[4];
    struct kobj o, other;

    for (unsigned i = 0; i < 4; i++)
        slot[i] = cap_slot_alloc(root->task, 0x50 + i);
    kobj_init(&o, &ops, KOBJ_SEM, &root_factory);
    kobj_init(&other, &ops, KOBJ_SEM, &root_factory);
    for (unsigned i = 3; i > 0; i--)
        cap_insert(slot[i - 1], &o, CAP_ALL_RIGHTS);
    kobj_destroy(&o);
    work_left = 1;
    ok(!kobj_work_run() && slot[0]->raw == 0 && slot[1]->raw != 0, "the first of three slots is empty");
    cap_insert(slot[3], &other, CAP_ALL_RIGHTS);
    cap_insert(slot[0], &other, CAP_ALL_RIGHTS);
    cap_remove(slot[1], false);
    ok(slot[0]->next == heap_handle(slot[3]), "it names another object when the second one is emptied by somebody");
    work_left = work_slice;
    work_run_all();
    ok(slot[2]->raw == 0 && cap_obj(slot[0]) == &other && cap_obj(slot[3]) == &other, "which is left alone");
    machine_check();
    kobj_destroy(&other);
    work_run_all();
}

int main(void)
{
    machine_start();
    test_life();
    test_chain();
    test_dead();
    test_slots_used_again();
    test_phases();
    machine_check();
    return tap_done();
}
