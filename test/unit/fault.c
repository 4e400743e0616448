/* SPDX-License-Identifier: MIT */
/* fault.c: page faults and exceptions as messages, what the answers do, threads without pager or handler, aliens. */
#include "tap.h"
#include "machine.h"
#include <string.h>

enum { A = 0x40, PAGER = 0x41, HANDLER = 0x42, VOID = 0x60, LONELY = 0x43, LATE = 0x45 };
#define ADDRESS 0x4000000123ul
#define REPLY_WAIT (WAIT | L4_OP_SEND | L4_OP_REPLY)

static struct thread *a;

static const struct l4_exc_regs *message(void) { return (const struct l4_exc_regs *)root->utcb->mr; }

static void answer(long label, unsigned words)
{
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(label, words, 0, 0).raw, 0, 0);
}

static void test_page_fault(void)
{
    struct l4_utcb before;

    thread_go(A, 80, 0x3000, 0x3100);
    wait_open();
    ok(host_current() == a, "the thread runs");
    before = *a->utcb;
    host_touch(ADDRESS, L4_MEM_W);
    ok(host_current() == root && label_of(root) == L4_PROTO_PAGE_FAULT, "its page fault is a message to its pager");
    is(frame_label(&root->arch.frame) & ~3ul, 0xa0, "through the pager's gate");
    is(root->utcb->mr[0], (ADDRESS & ~7ul) | L4_PF_WRITE, "where, and that it wanted to write");
    is(root->utcb->mr[1], 0x3000, "and what instruction it was");
    ok(memcmp(&before, a->utcb, sizeof before) == 0, "the thread's own UTCB is as before");
    machine_check();
    answer(0, 0);
    ok(host_current() == a && a->arch.frame.ip == 0x3000, "the answer lets it try again");
    host_touch(ADDRESS, L4_MEM_X);
    is(root->utcb->mr[0], (ADDRESS & ~7ul) | L4_PF_FETCH, "now it wanted to execute");
    answer(0, 0);
    host_touch(ADDRESS, L4_MEM_R);
    is(root->utcb->mr[0], ADDRESS & ~7ul, "or to read");
}

static void test_rejected(void)
{
    answer(-1, 0);
    ok(host_current() == root && label_of(root) == L4_PROTO_EXCEPTION, "a pager that says no: an exception");
    is(frame_label(&root->arch.frame) & ~3ul, 0xb0, "through the handler's gate");
    is(l4_tag_words(tag_of(root)), L4_EXC_WORDS, "with all registers");
    is(message()->trapno, ARCH_TRAP_PAGE_FAULT, "what happened");
    is(message()->pfa, ADDRESS, "where");
    is(message()->ip, 0x3000, "and at what instruction");
    answer(0, 0);
}

static void test_exception(void)
{
    struct l4_exc_regs *regs = (struct l4_exc_regs *)root->utcb->mr;

    a->arch.frame.rbx = 0x1111;
    host_exception(6, 0x77);
    ok(host_current() == root && message()->trapno == 6 && message()->err == 0x77, "an exception is a message");
    is(message()->rbx, 0x1111, "with the registers");
    word_t saved_ip = regs->ip;

    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x7777, ~0ul, 0);
    ok(a->arch.frame.ip != 0x7777, "which nobody else changes meanwhile");
    regs->ip = saved_ip;
    regs->ip = 0x3456;
    regs->rbx = 0x2222;
    regs->flags = ~0ul;
    answer(0, L4_EXC_WORDS);
    ok(host_current() == a && a->arch.frame.ip == 0x3456 && a->arch.frame.rbx == 0x2222, "the answer sets them");
    is(a->arch.frame.flags & 0x3000, 0, "but not what a program may not");
    host_exception(6, 0);
    regs->ip = 0x9999;
    answer(0, L4_EXC_WORDS - 1);
    is(a->arch.frame.ip, 0x3456, "a short answer sets nothing");
    host_exception(6, 0);
    regs->ip = 0x4444;
    root->utcb->mr[L4_EXC_WORDS] = 0x100; /* nothing that can be mapped */
    host_fpu_write(root, 0x4711);
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(0, L4_EXC_WORDS, 1, L4_TAG_FPU).raw, 0, 0);
    is(error_of(root), L4_IPC_SEND_OVERFLOW, "an answer whose item is refused");
    wait_open();
    ok(host_current() == a && a->arch.frame.ip == 0x4444, "sets the registers all the same");
    is(host_fpu_read(a), 0x4711, "and the vector registers");
}

static void test_trigger(void)
{
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_SEND, 0, 0, 0);
    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_TRIGGER | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    wait_open();
    ok(label_of(root) == L4_PROTO_EXCEPTION && message()->trapno == L4_TRAP_TRIGGERED, "a triggered exception");
    answer(0, 0);
}

static void test_alien(void)
{
    a->flags |= THREAD_ALIEN;
    host_syscall(SEL(0x777) | CALL, 0, 0, 0);
    ok(host_current() == root && message()->trapno == L4_TRAP_SYSCALL, "a system call of an alien is an exception");
    is(message()->err, 0, "before it is made");
    answer(L4_PROTO_ALLOW_SYSCALL, 0);
    ok(host_current() == a && error_of(a) == 0, "it may be allowed");
    host_syscall(SEL(0x777) | CALL, 0, 0, 0);
    ok(host_current() == root && message()->trapno == L4_TRAP_SYSCALL && message()->err == 1,
       "and tells when it is made");
    is(a->utcb->error, L4_IPC_NOT_EXISTENT, "with its result");
    answer(0, 0);
    host_syscall(SEL(0x777) | CALL, 0, 0, 0);
    ok(host_current() == root && message()->err == 0, "one answer allows one system call");
    answer(0, 0);
    host_touch(ADDRESS, L4_MEM_W);
    ok(host_current() == root && label_of(root) == L4_PROTO_EXCEPTION && message()->trapno == ARCH_TRAP_PAGE_FAULT,
       "the page fault of an alien is an exception");
    answer(0, 0);
    a->flags &= ~(uint32_t)THREAD_ALIEN;
}

static void test_nobody(void)
{
    struct thread *lonely = thread_make(LONELY, VOID, VOID);

    kobj_ref(&lonely->obj);
    thread_go(LONELY, 120, 0x3000, 0x3100);
    host_exception(6, 0);
    ok(host_current() != lonely && !(lonely->flags & THREAD_GONE), "an exception without handler waits for ever");
    lonely->utcb->error = 0x55;
    call_words(LONELY, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, 0x3000, ~0ul, 0);
    ok(host_current() == lonely, "until it is canceled");
    is(lonely->utcb->error, L4_IPC_RECV_CANCELED, "and is told so");
    host_touch(ADDRESS, L4_MEM_R);
    ok(lonely->flags & THREAD_GONE, "a page fault without pager ends the thread");
    delete_slot(LONELY);
    kobj_unref(&lonely->obj);
    work_run_all();
}

/* sigma0 runs: it has been called. */
static void sigma0_faults(void)
{
    call(L4_SLOT_PAGER, 0, 0, 0);
    if (!host_current()->task->is_sigma0 || host_touch(ADDRESS & 0xfffff, L4_MEM_R) == NULL)
        host_touch(ADDRESS & 0xfffff, L4_MEM_R);
    if (!host_current()->task->is_sigma0)
        exit(1);
    host_touch(host_ram_bytes(), L4_MEM_R);
}

static void sigma0_exception(void)
{
    call(L4_SLOT_PAGER, 0, 0, 0);
    cap_remove(cap_slot(host_current()->task, host_current()->handler), false);
    host_exception(6, 0x99);
}

static void test_sigma0(void)
{
    is(in_copy(sigma0_faults), 99, "sigma0 has all memory; when it touches what is none the machine stops");
    is(in_copy(sigma0_exception), 99, "and when it raises an exception");
}

/* Pager and handler are gates that nobody has bound yet. */
static void test_late_pager(void)
{
    struct thread *t;

    create(L4_PROTO_NONE, LATE);
    t = thread_make(LONELY, LATE, LATE);
    thread_go(LONELY, 120, 0x3000, 0x3100);
    host_touch(ADDRESS, L4_MEM_R);
    ok(host_current() != t && t->ipc_state == IPC_GATE, "a fault waits for its pager to come");
    call_words(LATE, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_GATE_BIND, 0xc0, 0, 0);
    ok(host_current() == t && !(t->flags & THREAD_KERNEL_IPC), "then the instruction is executed again");
    host_touch(ADDRESS, L4_MEM_R);
    wait_open();
    ok(host_current() == root && label_of(root) == L4_PROTO_PAGE_FAULT, "and its fault arrives");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    delete_slot(LATE);
    create(L4_PROTO_NONE, LATE);
    ok(host_current() == t, "its pager is another one");
    host_exception(6, 0x12);
    ok(t->ipc_state == IPC_GATE && (t->flags & THREAD_IN_EXCEPTION), "an exception waits, too");
    call_words(LATE, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_GATE_BIND, 0xc0, 0, 0);
    wait_open();
    ok(label_of(root) == L4_PROTO_EXCEPTION && message()->trapno == 6 && message()->err == 0x12,
       "and is told to the handler when there is one");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    ok(host_current() == t, "the thread goes on");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    delete_slot(LONELY);
    delete_slot(LATE);
}

/* Each of two threads is the other's pager. */
static void test_two_pagers(void)
{
    struct thread *one = thread_make(LONELY, LONELY + 1, HANDLER), *two = thread_make(LONELY + 1, LONELY, HANDLER);

    thread_go(LONELY + 1, 120, 0x4000, 0x4100);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 50);
    thread_go(LONELY, 120, 0x3000, 0x3100);
    host_touch(ADDRESS, L4_MEM_R);
    ok(host_current() == root && one->snd.receiver == two, "a fault whose pager does not receive");
    host_time(50);
    host_tick();
    host_syscall(SEL(LONELY) | L4_OP_RECV, 0, 0, 0);
    ok(one->ipc_state == IPC_RECEIVING, "now it does");
    while (host_current() != two)
        host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    ok(two->utcb->mr[0] == (ADDRESS & ~7ul), "and has the fault");
    host_touch(ADDRESS + 0x1000, L4_MEM_W);
    ok(one->flags & THREAD_IN_EXCEPTION, "its own fault answers the other's: with a negative label, that is a no");
    is(two->ipc_state, IPC_RECEIVING, "and waits for an answer");
    ok(one->utcb->mr[0] != ((ADDRESS + 0x1000) & ~7ul), "no word of it is copied");
    machine_check();
    ok(host_current() == root && one->ipc_state == IPC_SENDING, "which the first tells its handler");
    delete_slot(LONELY + 1);
    delete_slot(LONELY);
}

int main(void)
{
    machine_start();
    create(L4_PROTO_NONE, PAGER);
    create(L4_PROTO_NONE, HANDLER);
    call_words(PAGER, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_GATE_BIND, 0xa0, 0, 0);
    call_words(HANDLER, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_GATE_BIND, 0xb0, 0, 0);
    a = thread_make(A, PAGER, HANDLER);
    test_nobody();
    test_sigma0();
    test_late_pager();
    test_two_pagers();
    test_page_fault();
    test_rejected();
    test_exception();
    test_trigger();
    test_alien();
    ok(host_current() == a, "after all that the thread still runs");
    machine_check();
    return tap_done();
}
