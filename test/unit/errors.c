/* SPDX-License-Identifier: MIT */
/*
 * Each operation × each error that ops.def lists for it: every pair is provoked here and must be answered with exactly
 * that error; a pair that nobody provokes is a failure. Missing rights and short messages are tried in operations.c.
 */
#include "tap.h"
#include "machine.h"
#include <l4/vcpu.h>
#include <stdio.h>
#include <string.h>

enum {
    THREAD = 0x40,
    TASK,
    GATE,
    IRQ,
    SEM,
    POOR,      /* a factory with next to nothing */
    POOR_TASK, /* what it paid for */
    VCPU,
    WAITER,
    THREAD_W = 0x50, /* copies without S or W */
    TASK_W,
    IRQ_S,
    NEW = 0x60
};

#define STATE (KU_AREA + 0x1000)
#define PAGE_AT 0x5000000000ul
#define AT_EMPTY 0x4444

static const struct pair {
    const char *operation, *errors;
} listed[] = {
#define L4_OP(object, proto, name, code, right, words, short, handler, errors) {#object " " #name, errors},
#include <l4/ops.def>
};

static const struct error {
    const char *name;
    int code;
    bool ipc;
} errors[] = {
#define L4_IPC_ERROR(name, code, text) {#name, code, true},
#define L4_ERROR(name, code, text) {#name, code, false},
#include <l4/errors.def>
};

static char provoked[8192]; /* "OPERATION ERROR;" of all that were */

/* got: what call_words returned. */
static void expect(long got, const char *operation, const char *error)
{
    char pair[120];

    snprintf(pair, sizeof pair, "%s %s;", operation, error);
    for (unsigned i = 0; i < ARRAY_LEN(errors); i++)
        if (strcmp(errors[i].name, error) == 0) {
            long want = errors[i].ipc ? 0x10000 | errors[i].code : -errors[i].code;

            is(got, want, pair);
            if (got == want)
                strcat(provoked, pair);
            return;
        }
    ok(false, "an error that does not exist");
}

static long op(word_t slot, long proto, word_t item, unsigned words, word_t code, word_t w1, word_t w2)
{
    return call_words(slot, proto, item, words, code, w1, w2, 0);
}

/* The same with an item whose flexpage is memory. */
static long op_memory_item(word_t slot, long proto, unsigned words, word_t code, word_t w1)
{
    struct l4_utcb *u = host_current()->utcb;

    u->mr[0] = code;
    u->mr[1] = w1;
    for (unsigned i = 2; i < words; i++)
        u->mr[i] = 0;
    u->mr[words] = L4_ITEM_MAP;
    u->mr[words + 1] = l4_fpage_make(L4_FPAGE_MEM, 5, 12, 7).raw;
    call(slot, proto, words, 1);
    return error_of(host_current()) != 0 ? (long)(0x10000 | error_of(host_current())) : label_of(host_current());
}

static void copy(word_t from, word_t to, unsigned rights)
{
    struct l4_utcb *u = host_current()->utcb;

    u->mr[0] = L4_OP_TASK_MAP;
    u->mr[1] = SEL(to) | L4_ITEM_MAP;
    u->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, from, 0, rights).raw;
    u->mr[3] = L4_ITEM_MAP;
    u->mr[4] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_TASK, 0, 15).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);
}

static long create_at(word_t slot, word_t factory, long proto, word_t argument, unsigned words, word_t item)
{
    struct l4_utcb *u = host_current()->utcb;

    u->bdr = 0;
    u->br[0] = SEL(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    return call_words(factory, L4_PROTO_FACTORY, item, words, (word_t)proto, 1, argument, 0);
}

static long create_by(word_t factory, long proto, word_t argument, unsigned words, word_t item)
{
    return create_at(NEW, factory, proto, argument, words, item);
}

/* ---- threads ---- */

static long control(word_t slot, word_t task)
{
    struct l4_utcb *u = host_current()->utcb;

    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK;
    u->mr[1] = u->mr[2] = u->mr[3] = u->mr[4] = 0;
    u->mr[5] = KU_AREA + 0x3000;
    u->mr[6] = L4_ITEM_MAP;
    u->mr[7] = l4_fpage_make(L4_FPAGE_OBJ, task, 0, 15).raw;
    call(slot, L4_PROTO_THREAD, 6, 1);
    return label_of(host_current());
}

static void test_thread(void)
{
    long proto = L4_PROTO_THREAD;

    expect(control(THREAD, IRQ), "THREAD CONTROL", "INVAL");
    expect(control(THREAD, TASK_W), "THREAD CONTROL", "PERM");
    expect(op_memory_item(THREAD, proto, 6, L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK, 0), "THREAD CONTROL",
           "SEND_OVERFLOW");
    expect(op(WAITER, proto, 0, 3, L4_OP_THREAD_EX_REGS | 1ul << 24, 1, 1), "THREAD EX_REGS", "INVAL");
    expect(op(THREAD, proto, THREAD, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0), "THREAD DELETE_IRQ", "INVAL");
    expect(op(THREAD, proto, IRQ_S, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0), "THREAD DELETE_IRQ", "PERM");
    is(op(THREAD, proto, IRQ, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0), 0, "a deletion IRQ");
    expect(op(THREAD, proto, IRQ, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0), "THREAD DELETE_IRQ", "BUSY");
    expect(op_memory_item(THREAD, proto, 1, L4_OP_THREAD_DELETE_IRQ, 0), "THREAD DELETE_IRQ", "SEND_OVERFLOW");
    expect(op(THREAD, proto, 0, 1, L4_OP_THREAD_MODIFY_SENDERS, 0, 0), "THREAD MODIFY_SENDERS", "INVAL");
    expect(op(WAITER, proto, 0, 2, L4_OP_THREAD_VCPU_CONTROL, 8, 0), "THREAD VCPU_CONTROL", "INVAL");
    expect(op(WAITER, proto, 0, 2, L4_OP_THREAD_VCPU_CONTROL | L4_VCPU_EXTENDED, STATE, 0), "THREAD VCPU_CONTROL",
           "NOSYS");
    expect(op(WAITER, proto, 0, 1, L4_OP_THREAD_TRAMPOLINE | 4ul << 16, 0, 0), "THREAD TRAMPOLINE", "INVAL");
    expect(op(WAITER, proto, 0, 1, L4_OP_THREAD_TRAMPOLINE | 1ul << 16, 0, 0), "THREAD TRAMPOLINE", "PERM");
    expect(op(WAITER, proto, 0, 3, L4_OP_THREAD_TRAMPOLINE, 0, 0), "THREAD TRAMPOLINE", "MSGTOOLONG");
    expect(op(WAITER, proto, 0, 1, L4_OP_THREAD_TRAMPOLINE | 9ul << 16, 0, 0), "THREAD TRAMPOLINE", "NOSYS");
}

/* The root thread itself as a vCPU: only errors come back. */
static void test_vcpu(void)
{
    struct l4_vcpu *v = ku_at(0x1000);
    struct l4_utcb *u = root->utcb;
    const word_t resume = L4_OP_THREAD_VCPU_RESUME;
    const long proto = L4_PROTO_THREAD;

    expect(op(L4_SLOT_THREAD, proto, 0, 1, resume, 0, 0), "THREAD VCPU_RESUME", "INVAL");
    is(op(L4_SLOT_THREAD, proto, 0, 2, L4_OP_THREAD_VCPU_CONTROL, STATE, 0), 0, "a vCPU");
    v->saved_state = L4_VCPU_USER_MODE;
    v->user_task = SEL(TASK_W);
    expect(op(L4_SLOT_THREAD, proto, 0, 1, resume, 0, 0), "THREAD VCPU_RESUME", "PERM");
    v->user_task = SEL(AT_EMPTY);
    expect(op(L4_SLOT_THREAD, proto, 0, 1, resume, 0, 0), "THREAD VCPU_RESUME", "NOENT");
    v->user_task = SEL(POOR_TASK);
    u->mr[0] = resume;
    u->mr[1] = L4_ITEM_MAP;
    u->mr[2] = 0; /* an item of no type */
    call(L4_SLOT_THREAD, proto, 1, 1);
    expect((long)(0x10000 | error_of(root)), "THREAD VCPU_RESUME", "SEND_OVERFLOW");
    u->mr[0] = resume;
    u->mr[1] = PAGE_AT | L4_ITEM_MAP;
    u->mr[2] = l4_fpage_make(L4_FPAGE_MEM, 0x200, 12, 7).raw;
    call(L4_SLOT_THREAD, proto, 1, 1);
    expect((long)(0x10000 | error_of(root)), "THREAD VCPU_RESUME", "SEND_MAP_FAILED");
}

/* ---- tasks ---- */

static long task_map(word_t to, word_t from)
{
    struct l4_utcb *u = root->utcb;

    u->mr[0] = L4_OP_TASK_MAP;
    u->mr[1] = PAGE_AT | L4_ITEM_MAP;
    u->mr[2] = l4_fpage_make(L4_FPAGE_MEM, 0x200, 12, 7).raw;
    u->mr[3] = L4_ITEM_MAP;
    u->mr[4] = l4_fpage_make(L4_FPAGE_OBJ, from, 0, 15).raw;
    call(to, L4_PROTO_TASK, 3, 1);
    return error_of(root) != 0 ? (long)(0x10000 | error_of(root)) : label_of(root);
}

static void test_task(void)
{
    const word_t add = L4_OP_TASK_ADD_KU_MEM;
    const long proto = L4_PROTO_TASK;

    expect(task_map(TASK, IRQ), "TASK MAP", "INVAL");
    expect(op_memory_item(TASK, proto, 3, L4_OP_TASK_MAP, 0), "TASK MAP", "SEND_OVERFLOW");
    expect(task_map(POOR_TASK, L4_SLOT_TASK), "TASK MAP", "SEND_MAP_FAILED");
    expect(op(TASK, proto, 0, 4, L4_OP_TASK_CAP_INFO, 0, 0), "TASK CAP_INFO", "INVAL");
    expect(op(TASK, proto, 0, 2, add, l4_fpage_make(L4_FPAGE_MEM, 5, 11, 6).raw, 0), "TASK ADD_KU_MEM", "INVAL");
    expect(op(POOR_TASK, proto, 0, 2, add, l4_fpage_make(L4_FPAGE_MEM, 5, 17, 6).raw, 0), "TASK ADD_KU_MEM", "NOMEM");
    expect(op(L4_SLOT_TASK, proto, 0, 2, add, l4_fpage_make(L4_FPAGE_MEM, KU_AREA >> 12, 12, 6).raw, 0),
           "TASK ADD_KU_MEM", "EXIST");
}

/* ---- gates, IRQs, semaphores, factories ---- */

static void test_senders(void)
{
    expect(op(GATE, L4_PROTO_KOBJECT, THREAD, 2, L4_OP_GATE_BIND, 1, 0), "GATE BIND", "INVAL");
    expect(op(GATE, L4_PROTO_KOBJECT, THREAD_W, 2, L4_OP_GATE_BIND, 0, 0), "GATE BIND", "PERM");
    expect(op_memory_item(GATE, L4_PROTO_KOBJECT, 2, L4_OP_GATE_BIND, 0), "GATE BIND", "SEND_OVERFLOW");
    expect(op(IRQ, L4_PROTO_KOBJECT, TASK, 2, L4_OP_IRQ_BIND, 0, 0), "IRQ BIND", "INVAL");
    expect(op(IRQ, L4_PROTO_KOBJECT, THREAD_W, 2, L4_OP_IRQ_BIND, 0, 0), "IRQ BIND", "PERM");
    expect(op_memory_item(IRQ, L4_PROTO_KOBJECT, 2, L4_OP_IRQ_BIND, 0), "IRQ BIND", "SEND_OVERFLOW");
    expect(op(IRQ, L4_PROTO_IRQ_SENDER, 0, 1, L4_OP_IRQ_DETACH, 0, 0), "IRQ DETACH", "NOENT");
}

/* The waiter, more important than root, waits at the semaphore; what ends that is seen in its registers. */
static void waiter_downs(unsigned timeout)
{
    struct thread *w = thread_at(WAITER);

    kassert(host_current() == w);
    w->utcb->mr[0] = L4_OP_SEM_DOWN;
    host_syscall(SEL(SEM) | CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, timeout);
}

static void test_sem(void)
{
    struct thread *w = thread_at(WAITER);

    thread_go(WAITER, 120, 0x3000, 0x3100);
    waiter_downs(L4_TIMEOUT_ZERO);
    expect((long)(0x10000 | error_of(w)), "SEM DOWN", "RECV_TIMEOUT");
    waiter_downs(L4_TIMEOUT_NEVER);
    ok(host_current() == root, "the waiter waits");
    op(WAITER, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul);
    expect((long)(0x10000 | error_of(w)), "SEM DOWN", "RECV_CANCELED");
    waiter_downs(L4_TIMEOUT_NEVER);
    delete_slot(SEM);
    expect((long)(0x10000 | error_of(w)), "SEM DOWN", "NOT_EXISTENT");
    if (host_current() == w)
        wait_open();
    ok(host_current() == root, "and root goes on");
}

static void test_factory(void)
{
    const word_t all = L4_SLOT_FACTORY;

    expect(create_by(POOR, L4_PROTO_THREAD, 0, 3, 0), "FACTORY CREATE", "NOMEM");
    expect(create_by(all, -77, 0, 3, 0), "FACTORY CREATE", "NODEV");
    expect(create_by(all, L4_PROTO_NONE, 3, 3, THREAD), "FACTORY CREATE", "INVAL");
    expect(create_by(all, L4_PROTO_NONE, 0, 3, THREAD_W), "FACTORY CREATE", "PERM");
    expect(create_by(all, L4_PROTO_FACTORY, 5000, 4, 0), "FACTORY CREATE", "MSGTOOLONG");
    root->utcb->br[0] = 0;
    expect(call_words(all, L4_PROTO_FACTORY, 0, 1, (word_t)L4_PROTO_THREAD, 0, 0, 0), "FACTORY CREATE",
           "RECV_OVERFLOW");
}

/* ---- boot objects ---- */

static void test_icu(void)
{
    const word_t s = L4_SLOT_ICU;
    const long proto = L4_PROTO_IRQ;

    expect(op(s, proto, IRQ, 2, L4_OP_ICU_BIND, 9999, 0), "ICU BIND", "INVAL");
    expect(op(s, proto, IRQ_S, 2, L4_OP_ICU_BIND, 5, 0), "ICU BIND", "PERM");
    expect(op_memory_item(s, proto, 2, L4_OP_ICU_BIND, 5), "ICU BIND", "SEND_OVERFLOW");
    expect(op(s, proto, TASK, 2, L4_OP_ICU_UNBIND, 5, 0), "ICU UNBIND", "INVAL");
    expect(op_memory_item(s, proto, 2, L4_OP_ICU_UNBIND, 5), "ICU UNBIND", "SEND_OVERFLOW");
    expect(op(s, proto, 0, 3, L4_OP_ICU_MSI_INFO, 0, 0), "ICU MSI_INFO", "RANGE");
    expect(op(L4_SLOT_LOG, proto, 0, 3, L4_OP_ICU_MSI_INFO, L4_ICU_MSI, 0), "ICU MSI_INFO", "NOSYS");
    expect(op(s, proto, 0, 3, L4_OP_ICU_SET_MODE, 9999, 1), "ICU SET_MODE", "INVAL");
    expect(op(s, L4_PROTO_NONE, 0, 1, L4_OP_PLATFORM_SUSPEND, 0, 0), "PLATFORM SUSPEND", "NODEV");
    expect(op(s, L4_PROTO_NONE, 0, 3, L4_OP_PLATFORM_SHUTDOWN, 0, 0), "PLATFORM SHUTDOWN", "INVAL");
    expect(op(s, L4_PROTO_NONE, 0, 2, L4_OP_PLATFORM_SHUTDOWN, 0, 0), "PLATFORM SHUTDOWN", "NOSYS");
}

static long run(word_t thread, word_t prio, unsigned words)
{
    struct l4_utcb *u = root->utcb;

    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = 0;
    u->mr[2] = 1;
    u->mr[3] = prio;
    u->mr[4] = 48;
    u->mr[words] = L4_ITEM_MAP;
    u->mr[words + 1] = l4_fpage_make(L4_FPAGE_OBJ, thread, 0, 15).raw;
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, words, 1);
    return label_of(root);
}

static void test_scheduler(void)
{
    const word_t s = L4_SLOT_SCHEDULER;
    const long proto = L4_PROTO_SCHEDULER;

    expect(op(s, proto, 0, 2, L4_OP_SCHED_INFO, 0xffffff, 0), "SCHED INFO", "RANGE");
    expect(run(THREAD, 0, 5), "SCHED RUN_THREAD", "INVAL");
    expect(run(THREAD, (word_t)-2l, 7), "SCHED RUN_THREAD", "RANGE");
    expect(op_memory_item(s, proto, 5, L4_OP_SCHED_RUN_THREAD, 0), "SCHED RUN_THREAD", "SEND_OVERFLOW");
    expect(op(s, proto, 0, 3, L4_OP_SCHED_IDLE_TIME, 0, 0), "SCHED IDLE_TIME", "INVAL");
}

/* ---- the list ---- */

/* Segments exist on the processor only: test/root/x86_state.c. */
static bool elsewhere(const char *operation)
{
    return strcmp(operation, "THREAD GDT") == 0 || strcmp(operation, "THREAD SET_BASE") == 0;
}

static void test_complete(void)
{
    char pair[120];

    for (unsigned i = 0; i < ARRAY_LEN(listed); i++)
        for (const char *e = listed[i].errors; *e != '\0' && !elsewhere(listed[i].operation);) {
            size_t length = strcspn(e, " ");

            snprintf(pair, sizeof pair, "%s %.*s;", listed[i].operation, (int)length, e);
            ok(strstr(provoked, pair) != NULL, pair);
            e += length + strspn(e + length, " ");
        }
}

int main(void)
{
    machine_start();
    struct gate *pager = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER))); /* to sigma0 */
    thread_make(WAITER, 0, 0);
    map_fpage_all((struct map_request){.from = pager->thread->task, .to = root->task, .item = 0x200000 | L4_ITEM_MAP,
                                    .send = l4_fpage_make(L4_FPAGE_MEM, 0x200, 12, 7), .window = {L4_FPAGE_ALL},
                                    .rights_mask = 15});
    create_at(POOR, L4_SLOT_FACTORY, L4_PROTO_FACTORY, 65536, 3, 0);
    create_at(POOR_TASK, POOR, L4_PROTO_TASK, 0, 3, 0);
    for (unsigned i = 0; i < 200; i++) /* until it is poor */
        create_at(0x100 + i, POOR, L4_PROTO_THREAD, 0, 3, 0);
    create(L4_PROTO_THREAD, THREAD);
    create(L4_PROTO_TASK, TASK);
    create(L4_PROTO_NONE, GATE);
    create(L4_PROTO_IRQ_SENDER, IRQ);
    create(L4_PROTO_SEMAPHORE, SEM);
    copy(THREAD, THREAD_W, L4_RIGHT_R | L4_RIGHT_W);
    copy(TASK, TASK_W, L4_RIGHT_R | L4_RIGHT_W);
    copy(IRQ, IRQ_S, L4_RIGHT_R | L4_RIGHT_S);
    test_thread();
    test_senders();
    test_icu();
    test_scheduler();
    test_task();
    test_factory();
    test_sem();
    test_vcpu();
    test_complete();
    machine_check();
    return tap_done();
}
