/* SPDX-License-Identifier: MIT */
/*
 * Quota and memory under attack: every operation that allocates, with every single allocation failing in turn, answers
 * the documented error, changes nothing and loses nothing; what is created is charged, and comes back whichever way the
 * object goes; no trick with reference counts makes an object that nobody can name live on.
 */
#include "tap.h"
#include "machine.h"
#include <stdio.h>

enum { MADE = 0x40, TARGET = 0x41, COPY = 0x42, PURSE = 0x43, WORKER = 0x44, GATE = 0x45, FAR = 0x200 };
#define RAM 0x200000ul
#define LARGE 0x40000000ul

struct amount {
    size_t used, bytes;
};

static struct amount amount_now(void) { return (struct amount){root_factory.quota.used, frame_free_bytes()}; }

static bool amount_same(struct amount a)
{
    return a.used == root_factory.quota.used && a.bytes == frame_free_bytes();
}

static struct task *sigma0_task(void) { return gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task; }

/* ---- operations that allocate; each answers a label, or 0x10000 | IPC error ---- */

static long make_at(long proto, word_t slot, word_t limit)
{
    root->utcb->bdr = 0;
    root->utcb->br[0] = SEL(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    return call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 3, (word_t)proto, 0, limit, 0);
}

static long op_thread(void) { return create(L4_PROTO_THREAD, MADE); }
static long op_thread_far(void) { return create(L4_PROTO_THREAD, FAR); }
static long op_gate(void) { return create(L4_PROTO_NONE, MADE); }
static long op_irq(void) { return create(L4_PROTO_IRQ_SENDER, MADE); }
static long op_sem(void) { return create(L4_PROTO_SEMAPHORE, MADE); }
static long op_task(void) { return make_at(L4_PROTO_TASK, MADE, 0); }
static long op_factory(void) { return make_at(L4_PROTO_FACTORY, MADE, 0x10000); }
static long op_task_ku(void)
{
    return make_at(L4_PROTO_TASK, MADE, l4_fpage_make(L4_FPAGE_MEM, KU_AREA >> L4_PAGE_SHIFT, 14, 6).raw);
}

static long op_ku(void)
{
    return call_words(TARGET, L4_PROTO_TASK, 0, 2, L4_OP_TASK_ADD_KU_MEM,
                      l4_fpage_make(L4_FPAGE_MEM, KU_AREA >> L4_PAGE_SHIFT, 13, 6).raw, 0, 0);
}

static long map_into_target(word_t item, l4_fpage fp)
{
    return call_words(TARGET, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, item | L4_ITEM_MAP, fp.raw, 0);
}

static long op_map_page(void) { return map_into_target(LARGE, l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7)); }
static long op_map_many(void)
{
    return map_into_target(LARGE + 0x1ff000, l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 14, 7));
}
static long op_map_cap(void) { return map_into_target(SEL(FAR), l4_fpage_make(L4_FPAGE_OBJ, GATE, 0, 7)); }
static long op_map_io(void) { return map_into_target(0, l4_fpage_make(L4_FPAGE_IO, 0x60, 3, 6)); }

/* An open wait with an explicit reply slot that ends at once. */
static long op_reply_slot(void)
{
    host_syscall(SEL(700) | L4_SEL_REPLY | WAIT, 0, 0, L4_TIMEOUT_ZERO);
    return error_of(root) == L4_IPC_SEND_TIMEOUT + 1 ? 0 : (long)(0x10000 | error_of(root));
}

static const struct step {
    const char *name;
    long (*op)(void);
    long error;   /* when there is no memory */
    bool partial; /* what was done before the failure stays */
} steps[] = {
    {"create a thread", op_thread, -L4_ERR_NOMEM, false},
    {"create into a new page of slots", op_thread_far, -L4_ERR_NOMEM, false},
    {"create a gate", op_gate, -L4_ERR_NOMEM, false},
    {"create an IRQ", op_irq, -L4_ERR_NOMEM, false},
    {"create a semaphore", op_sem, -L4_ERR_NOMEM, false},
    {"create a task", op_task, -L4_ERR_NOMEM, false},
    {"create a task with kernel-user memory", op_task_ku, -L4_ERR_NOMEM, false},
    {"create a factory", op_factory, -L4_ERR_NOMEM, false},
    {"add kernel-user memory", op_ku, -L4_ERR_NOMEM, false},
    {"map a page", op_map_page, 0x10000 | L4_IPC_SEND_MAP_FAILED, false},
    {"map pages across a table", op_map_many, 0x10000 | L4_IPC_SEND_MAP_FAILED, true},
    {"map a capability", op_map_cap, 0x10000 | L4_IPC_SEND_MAP_FAILED, false},
    {"map ports", op_map_io, 0x10000 | L4_IPC_SEND_MAP_FAILED, false},
};

static void named(bool passed, const char *name, const char *what)
{
    char text[120];

    snprintf(text, sizeof text, "%s: %s", name, what);
    ok(passed, text);
}

static bool target_has_something(void)
{
    struct task *t = task_of(cap_obj(cap_slot(root->task, TARGET)));
    struct pt_entry e;

    return arch_pt_next(&t->space, 0, L4_USER_END, &e) || !list_empty(&t->ku_areas) || t->io != NULL ||
           cap_lookup(t, FAR, &(unsigned){0}) != NULL;
}

/* Everything an operation may have made is taken away again. */
static void clean(void)
{
    delete_slot(MADE);
    delete_slot(TARGET);
    if (cap_slot(root->task, FAR) != NULL) { /* pages of slots live as long as their task: this one is taken out */
        struct cap_page **page = &root->task->cap_pages[FAR / CAP_PAGE_SLOTS];

        delete_slot(FAR);
        charged_frame_free(root->task->obj.payer, *page, 0);
        *page = &cap_page_empty;
        root->task->cap_pages_end = 1;
    }
}

static void test_step(const struct step *s)
{
    unsigned k = 1;
    bool errors = true, nothing = true, balance = true, fired = true;

    for (; k < 100 && fired; k++) {
        struct amount start = amount_now();

        make_at(L4_PROTO_TASK, TARGET, 0);
        frame_fail_countdown = k;
        long answer = s->op();
        fired = frame_fail_countdown == 0;
        frame_fail_countdown = 0;
        errors &= answer == (fired ? s->error : 0);
        if (fired)
            nothing &= cap_lookup(root->task, MADE, &(unsigned){0}) == NULL && (s->partial || !target_has_something());
        machine_check();
        clean();
        balance &= amount_same(start);
    }
    named(errors && k > 2, s->name, "every allocation that fails gives the documented error");
    named(nothing, s->name, "  nothing has changed");
    named(balance, s->name, "  and nothing is lost");
}

static void test_reply_slot(void)
{
    bool errors = true, fired = true;
    size_t used = root_factory.quota.used;

    for (unsigned k = 1; k < 10 && fired; k++) {
        frame_fail_countdown = k;
        long answer = op_reply_slot();
        fired = frame_fail_countdown == 0;
        frame_fail_countdown = 0;
        errors &= answer == (fired ? 0x10000 | L4_IPC_NO_REPLY_CAP : 0);
    }
    ok(errors, "explicit reply slots: no memory is an error of its own, and the next try works");
    ok(root_factory.quota.used > used, "they are charged");
}

/* ---- quota instead of memory ---- */

static void test_limit(void)
{
    struct amount start = amount_now();
    unsigned made = 0;

    is(make_at(L4_PROTO_FACTORY, PURSE, 0x2800), 0, "a factory with 10 KiB");
    struct amount filled = amount_now();
    root->utcb->br[0] = SEL(MADE) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    while (call_words(PURSE, L4_PROTO_FACTORY, 0, 3, (word_t)L4_PROTO_SEMAPHORE, 0, 0, 0) == 0) {
        made++;
        root->utcb->br[0] = SEL(0x50 + made) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    }
    ok(made > 20, "it can pay for many semaphores, and then no more");
    is(label_of(root), -L4_ERR_NOMEM, "says the error");
    is(root_factory.quota.used, filled.used, "its parent pays nothing for them");
    delete_slot(PURSE);
    ok(root_factory.quota.used == filled.used, "without its capability it still pays");
    for (unsigned i = 0; i <= made; i++)
        delete_slot(0x50 + i);
    delete_slot(MADE);
    ok(amount_same(start), "until the last object has gone: all is back");
}

/* ---- the end of what nobody can name ---- */

static void drop_slot(word_t slot) /* unmap, not delete */
{
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF,
               l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw, 0);
}

static void test_counts(void)
{
    struct amount start = amount_now();

    op_gate();
    drop_slot(MADE);
    ok(amount_same(start), "the last counted capability goes: so does the gate");
    op_gate();
    cap_copy(MADE, COPY, 15 | L4_OBJ_WEAK);
    drop_slot(MADE);
    ok(amount_same(start) && cap_lookup(root->task, COPY, &(unsigned){0}) == NULL, "an uncounted one keeps nothing");
    op_gate();
    is(call_words(MADE, L4_PROTO_KOBJECT, 0, 2, L4_OP_GATE_DEC_REFCNT, (word_t)-5, 0, 0), 0, "a count made larger");
    is(root->utcb->mr[0], 6, "  by what was said");
    drop_slot(MADE);
    ok(amount_same(start), "keeps no gate that nobody has");
    op_gate();
    call_words(MADE, L4_PROTO_KOBJECT, 0, 2, L4_OP_GATE_DEC_REFCNT, (1ul << 63) + 2, 0, 0);
    cap_copy(MADE, COPY, 15); /* beyond the largest number */
    drop_slot(MADE);
    drop_slot(COPY);
    ok(amount_same(start), "nor does one beyond all numbers");
    op_gate();
    cap_copy(MADE, MADE, 7);
    ok(amount_same(start), "a capability mapped onto itself is lost, and its object with it");
}

/* A thread outlives its task and is given its own capability: nobody else has it then, and it would stay for ever. */
static void test_undead(void)
{
    struct amount start = amount_now();
    struct l4_utcb *u = root->utcb;

    make_at(L4_PROTO_TASK, TARGET, l4_fpage_make(L4_FPAGE_MEM, KU_AREA >> L4_PAGE_SHIFT, 12, 6).raw);
    create(L4_PROTO_THREAD, WORKER);
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK;
    u->mr[5] = KU_AREA;
    u->mr[6] = L4_ITEM_MAP;
    u->mr[7] = l4_fpage_make(L4_FPAGE_OBJ, TARGET, 0, 15).raw;
    call(WORKER, L4_PROTO_THREAD, 6, 1);
    thread_go(WORKER, 120, 0x3000, 0x3100);
    host_current()->utcb->br[0] = SEL(3) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    wait_open();
    ok(host_current() == root, "a thread in another task waits for a capability");
    delete_slot(TARGET);
    u->mr[0] = L4_ITEM_MAP | L4_ITEM_GRANT;
    u->mr[1] = l4_fpage_make(L4_FPAGE_OBJ, WORKER, 0, 15).raw;
    host_syscall(SEL(WORKER) | L4_OP_SEND, l4_tag_make(0, 0, 1, 0).raw, 0, 0);
    while (host_current() != root)
        wait_open();
    is(error_of(root), L4_IPC_SEND_OVERFLOW, "its task has been deleted: it gets none");
    ok(cap_lookup(root->task, WORKER, &(unsigned){0}) != NULL, "and is still ours to delete");
    delete_slot(WORKER);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 10);
    host_time(10);
    host_tick();
    ok(amount_same(start), "everything is back");
}

int main(void)
{
    machine_start();
    create(L4_PROTO_NONE, GATE);
    for (word_t off = 0; off < 0x4000; off += 0x1000) /* the root task has memory and ports */
        map_fpage_all((struct map_request){.from = sigma0_task(), .to = root->task, .item = (RAM + off) | L4_ITEM_MAP,
                                        .send = l4_fpage_make(L4_FPAGE_MEM, (RAM + off) >> 12, 12, 7),
                                        .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    map_fpage_all((struct map_request){.from = sigma0_task(), .to = root->task, .item = L4_ITEM_MAP,
                                    .send = l4_fpage_make(L4_FPAGE_IO, 0, 16, 7), .window = {L4_FPAGE_ALL},
                                    .rights_mask = 15});
    for (unsigned i = 0; i < ARRAY_LEN(steps); i++)
        test_step(&steps[i]);
    test_reply_slot();
    test_limit();
    test_counts();
    test_undead();
    machine_check();
    return tap_done();
}
