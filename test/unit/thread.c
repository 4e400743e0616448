/* SPDX-License-Identifier: MIT */
/* thread.c: binding, control, ex_regs, switch, labels of waiting senders, statistics, the end. */
#include "tap.h"
#include "machine.h"

enum { A = 0x40, B = 0x41, GATE = 0x42, NO_S = 0x43, NEW = 0x44 };

static struct thread *a;

static long ex_regs(word_t slot, word_t flags, word_t ip, word_t sp)
{
    return call_words(slot, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | flags, ip, sp, 0);
}

/* Control with a task in slot `task` (0: none) and a UTCB. */
static long control(word_t slot, word_t flags, word_t task, word_t utcb)
{
    struct l4_utcb *u = host_current()->utcb;

    u->mr[0] = L4_OP_THREAD_CONTROL | flags;
    u->mr[1] = SEL(0x77);
    u->mr[2] = SEL(0x78);
    u->mr[3] = u->mr[4] = 0;
    u->mr[5] = utcb;
    u->mr[6] = L4_ITEM_MAP;
    u->mr[7] = l4_fpage_make(L4_FPAGE_OBJ, task, 0, 15).raw;
    call(slot, L4_PROTO_THREAD, 6, task != 0);
    return label_of(host_current());
}

static void test_bind(void)
{
    word_t utcb = KU_AREA + 0x2000;

    create(L4_PROTO_THREAD, NEW);
    is(ex_regs(NEW, 0, 0x1000, 0), -L4_ERR_INVAL, "a thread without a task cannot be started");
    is(control(NEW, L4_THREAD_BIND_TASK, 0, utcb), -L4_ERR_INVAL, "no task given");
    is(control(NEW, L4_THREAD_BIND_TASK, L4_SLOT_LOG, utcb), -L4_ERR_INVAL, "the console is no task");
    is(control(NEW, L4_THREAD_BIND_TASK, L4_SLOT_TASK, 0x1000), -L4_ERR_INVAL, "a UTCB outside of kernel-user memory");
    is(control(NEW, L4_THREAD_BIND_TASK, L4_SLOT_TASK, utcb + 4), -L4_ERR_INVAL, "a crooked one");
    is(control(NEW, L4_THREAD_BIND_TASK, L4_SLOT_TASK, KU_AREA + 0x10000 - 8), -L4_ERR_INVAL, "one that ends outside");
    ok(thread_at(NEW)->task == NULL, "no error binds");
    is(control(NEW, L4_THREAD_BIND_TASK, L4_SLOT_TASK, utcb), 0, "bound");
    is(((struct l4_utcb *)ku_at(0x2000))->self, utcb, "its UTCB knows its address");
    is(control(NEW, L4_THREAD_BIND_TASK, L4_SLOT_TASK, utcb + 0x400), -L4_ERR_INVAL, "once and for all");
    delete_slot(NEW);
}

static void test_control(void)
{
    is(control(A, L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER, 0, 0), 0, "pager and handler");
    ok(a->pager == 0x77 && a->handler == 0x78, "are set");
    is(root->utcb->mr[1], SEL(GATE), "the earlier ones are told");
    is(control(A, 0, 0, 0), 0, "a question");
    ok(root->utcb->mr[1] == SEL(0x77) && a->pager == 0x77, "changes nothing");
    cap_copy(A, NO_S, L4_RIGHT_R | L4_RIGHT_W);
    is(control(NO_S, L4_THREAD_SET_PAGER, 0, 0), -L4_ERR_PERM, "without the right");
    is(call_words(A, L4_PROTO_THREAD, 0, 0, 0, 0, 0, 0), -L4_ERR_MSGTOOSHORT, "no operation");
    is(call_words(A, L4_PROTO_THREAD, 0, 1, 0x99, 0, 0, 0), -L4_ERR_NOSYS, "no such operation");
}

static void test_ex_regs(void)
{
    thread_go(A, 50, 0x3000, 0x3100);
    ok(a->arch.frame.ip == 0x3000 && a->arch.frame.sp == 0x3100, "started where it was said");
    is(ex_regs(A, 0, ~0ul, ~0ul), 0, "a question");
    ok(root->utcb->mr[1] == 0x3000 && root->utcb->mr[2] == 0x3100, "is answered");
    is(ex_regs(A, 0, 0x4000, ~0ul), 0, "another instruction");
    ok(a->arch.frame.ip == 0x4000 && a->arch.frame.sp == 0x3100, "and the same stack");
    is(call_words(A, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_EX_REGS, 0, 0, 0), -L4_ERR_INVAL, "a word too few");
    is(ex_regs(A, L4_EXREGS_ARCH_MASK, 0, 0), -L4_ERR_INVAL, "flags of another machine");
    is(a->arch.frame.ip, 0x4000, "no error changes a register");
}

static void test_switch(void)
{
    is(call_words(A, L4_PROTO_THREAD, 0, 1, L4_OP_THREAD_SWITCH_TO, 0, 0, 0), 0, "switch");
    ok(host_current() == a, "runs the less important thread");
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == root, "until it waits");
}

static void test_labels(void)
{
    struct l4_utcb *u = root->utcb;
    struct thread *b = thread_make(B, GATE, GATE);

    create(L4_PROTO_NONE, NEW);
    call_words(NEW, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_GATE_BIND, 0x120, 0, 0);
    thread_go(B, 120, 0x3000, 0x3100);
    host_syscall(SEL(NEW) | CALL, 0, 0, 0);
    is(b->ipc_state, IPC_SENDING, "a sender waits");
    thread_make(B + 0x20, GATE, GATE);
    thread_go(B + 0x20, 110, 0x3000, 0x3100);
    host_syscall(SEL(NEW) | CALL, 0, 0, 0);
    ok(host_current() == root && root->senders.next != root->senders.prev, "and another");
    word_t words[] = {L4_OP_THREAD_MODIFY_SENDERS, ~3ul, 0x999, ~0ul, 0x1, ~3ul, 0x120, 0x20, 0x400};

    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        u->mr[i] = words[i];
    call(L4_SLOT_THREAD, L4_PROTO_THREAD, ARRAY_LEN(words), 0);
    wait_open();
    is(frame_label(&root->arch.frame), 0x503, "the first rule that matches changes its label");
    wait_open();
    is(frame_label(&root->arch.frame), 0x503, "and the label of every other");
    delete_slot(B);
    delete_slot(B + 0x20);
    delete_slot(NEW);
}

/* A label that no rule matches; words that are no whole rule. */
static void test_no_rule(void)
{
    struct l4_utcb *u = root->utcb;

    thread_make(B, GATE, GATE);
    thread_go(B, 120, 0x3000, 0x3100);
    host_syscall(SEL(L4_SLOT_THREAD) | CALL, 0, 0x40, 0);
    u->mr[0] = L4_OP_THREAD_MODIFY_SENDERS;
    u->mr[1] = ~3ul;
    u->mr[2] = 0x7770;
    u->mr[3] = 0;
    u->mr[4] = 0x1000;
    u->mr[5] = 0;
    is((call(L4_SLOT_THREAD, L4_PROTO_THREAD, 6, 0), label_of(root)), 0, "rules that match nobody");
    wait_open();
    is(frame_label(&root->arch.frame), 0x40, "change no label");
    delete_slot(B);
}

static void test_alien(void)
{
    struct l4_utcb *u = root->utcb;

    for (unsigned i = 0; i < 2; i++) {
        u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_ALIEN;
        u->mr[1] = u->mr[2] = u->mr[3] = 0;
        u->mr[4] = i == 0 ? L4_THREAD_ALIEN : 0;
        u->mr[5] = 0;
        call(A, L4_PROTO_THREAD, 6, 0);
        is(label_of(root), 0, "control of an alien");
        is((a->flags & THREAD_ALIEN) != 0, i == 0, i == 0 ? "makes one" : "and ends that");
    }
}

/* What the host has no segments for, and an invocation that neither sends nor receives. */
static void test_invocations(void)
{
    word_t consumed = a->consumed_us;

    is(call_words(A, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_SEGMENTS, 0, 0, 0), -L4_ERR_NOSYS, "segments");
    root->utcb->mr[0] = L4_OP_THREAD_STATS;
    host_syscall(SEL(A), l4_tag_make(L4_PROTO_THREAD, 1, 0, 0).raw, 0, 0);
    ok(error_of(root) == 0 && root->utcb->mr[0] == consumed, "an operation without flags is carried out");
}

static void test_end(void)
{
    uint64_t consumed;

    call_words(A, L4_PROTO_THREAD, 0, 1, L4_OP_THREAD_SWITCH_TO, 0, 0, 0);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 100);
    host_time(500);
    host_tick();
    a->consumed_us += 77;
    consumed = a->consumed_us;
    is(call_words(A, L4_PROTO_THREAD, 0, 1, L4_OP_THREAD_STATS, 0, 0, 0), 0, "statistics");
    is(root->utcb->mr[0], consumed, "say how long it ran");
    kobj_ref(&a->obj);
    a->utcb->free_marker = 1;
    struct l4_utcb *utcb = a->utcb;

    delete_slot(A);
    ok(a->obj.dead && (a->flags & (THREAD_DYING | THREAD_GONE)), "a deleted thread dies");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 10);
    ok(a->flags & THREAD_GONE, "by its own priority");
    is(utcb->free_marker, 0, "and marks its UTCB as free");
    host_time(10);
    host_tick();
    kobj_unref(&a->obj);
    work_run_all();
}

/* Whoever has had a CPU marks its UTCB as free in the end, even when it has lost it. */
static void test_free_marker(void)
{
    struct l4_utcb *utcb = thread_make(B, GATE, GATE)->utcb;

    utcb->free_marker = 1;
    delete_slot(B);
    is(utcb->free_marker, 1, "a thread that never had a CPU leaves its UTCB alone");
    utcb = thread_make(B, GATE, GATE)->utcb;
    thread_go(B, 50, 0x3000, 0x3100);
    is(run_thread_on(B, 0, 50), 0, "a thread that has lost its CPU");
    utcb->free_marker = 1;
    delete_slot(B);
    is(utcb->free_marker, 0, "marks it as free");
}

int main(void)
{
    size_t used;

    machine_start();
    create(L4_PROTO_NONE, GATE);
    cap_slot_alloc(root->task, A);
    used = root_factory.quota.used;
    a = thread_make(A, GATE, GATE);
    test_bind();
    test_control();
    test_ex_regs();
    test_switch();
    test_labels();
    test_no_rule();
    test_alien();
    test_invocations();
    test_end();
    test_free_marker();
    is(root_factory.quota.used, used, "all memory has been given back");
    machine_check();
    return tap_done();
}
