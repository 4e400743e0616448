/* SPDX-License-Identifier: MIT */
/* trampoline.c: setup and its errors, upcall, resume, reflection, a second fault meanwhile, the end. */
#include "tap.h"
#include "machine.h"
#include <l4/trampoline.h>

#define AREA (KU_AREA + 0x1000)
#define HOLE 0x4000000123ul
#define HANDLER 0x123000ul

enum { THREAD = 0x40, PAGER = 0x41 };

static struct l4_pf_tramp *area;

static struct l4_exc_regs *saved(void) { return (struct l4_exc_regs *)area->regs; }

static void reply_and_wait(void)
{
    host_syscall(SELF | WAIT | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
}

static long control(word_t slot, unsigned function, unsigned words, word_t address)
{
    return call_words(slot, L4_PROTO_THREAD, 0, words, L4_OP_THREAD_TRAMPOLINE | (word_t)function << 16, address, 0, 0);
}

static void test_errors(void)
{
    create(L4_PROTO_THREAD, 0x50);
    is(control(0x50, L4_TRAMP_SETUP, 2, AREA), -L4_ERR_INVAL, "a thread without a task has no such memory");
    is(control(THREAD, L4_TRAMP_SETUP, 1, 0), -L4_ERR_MSGTOOSHORT, "setup without an address");
    is(control(THREAD, L4_TRAMP_SETUP, 3, AREA), -L4_ERR_MSGTOOLONG, "setup with a word too many");
    is(call_words(THREAD, L4_PROTO_THREAD, THREAD, 2, L4_OP_THREAD_TRAMPOLINE, AREA, 0, 0), -L4_ERR_MSGTOOLONG,
       "setup with an item");
    is(control(THREAD, L4_TRAMP_SETUP, 2, AREA + 4), -L4_ERR_INVAL, "a misaligned area");
    is(control(THREAD, L4_TRAMP_SETUP, 2, KU_AREA + 0x10000 - 216), -L4_ERR_INVAL, "an area that ends outside");
    is(control(THREAD, L4_TRAMP_SETUP, 2, ~0ul - 7), -L4_ERR_INVAL, "an absurd address");
    is(control(THREAD, L4_TRAMP_ENABLE, 1, 0), -L4_ERR_INVAL, "nothing to enable");
    is(control(THREAD, L4_TRAMP_DISABLE, 1, 0), 0, "disable needs no setup");
    is(root->utcb->mr[0], 0, "and says so");
    is(control(THREAD, L4_TRAMP_RESUME, 1, 0), -L4_ERR_PERM, "resume of another thread");
    is(control(L4_SLOT_THREAD, L4_TRAMP_RESUME, 1, 0), -L4_ERR_INVAL, "resume without a fault");
    is(control(THREAD, L4_TRAMP_DISABLE, 2, 0), -L4_ERR_MSGTOOLONG, "disable with a word too many");
    is(control(THREAD, 5, 1, 0), -L4_ERR_NOSYS, "no such function");
    is(control(THREAD, L4_TRAMP_SETUP, 2, AREA), 0, "setup");
    is(control(THREAD, L4_TRAMP_DISABLE, 1, 0), 0, "disable");
    is(root->utcb->mr[0], 1, "says that it was enabled");
    is(control(THREAD, L4_TRAMP_ENABLE, 1, 0), 0, "enable");
}

/* The thread runs, faults, and goes on at its handler; root waits. */
static void test_upcall(struct thread *t)
{
    struct arch_frame *f = &t->arch.frame;

    thread_go(THREAD, 80, 0x3000, 0x4000);
    wait_open();
    ok(host_current() == t, "the thread runs");
    f->rbx = 0xb1;
    t->utcb->mr[0] = 0x4711;
    host_touch(HOLE, L4_MEM_W);
    ok(host_current() == t, "a fault stays with the thread");
    is(f->ip, HANDLER, "which goes on at its handler");
    is(f->rdi, AREA, "with the area");
    is(f->rsi, (HOLE & ~7ul) | L4_PF_WRITE, "and the fault");
    is(f->sp, 0x4000, "on its stack");
    is(area->flags, L4_TRAMP_IN_PROGRESS, "the fault is in progress");
    is(area->saved_mr0, 0x4711, "MR0 is kept");
    is(saved()->pfa, HOLE, "and the registers");
    host_touch(HOLE + 0x1000, L4_MEM_R);
    ok(host_current() == root, "a fault of the handler goes to the pager");
    is(root->utcb->mr[0], (HOLE + 0x1000) & ~7ul, "as a message");
    is(label_of(root), L4_PROTO_PAGE_FAULT, "of the page-fault protocol");
    reply_and_wait();
    ok(host_current() == t, "and the handler goes on");
}

static void test_resume(struct thread *t)
{
    struct arch_frame *f = &t->arch.frame;

    saved()->ip = 0x3456;
    saved()->rbx = 0xbb;
    saved()->flags = ~0ul;
    saved()->cs = 8;
    saved()->trapno = ARCH_TRAP_SYSCALL;
    control(THREAD, L4_TRAMP_RESUME, 1, 0);
    ok(host_current() == t, "resume returns to the thread");
    is(f->ip, 0x3456, "with the registers of the area");
    is(f->rbx, 0xbb, "all of them");
    is(f->flags & 0x3000, 0, "but not the I/O privilege");
    ok(f->cs != 8, "nor the code segment");
    ok(f->trapno != ARCH_TRAP_SYSCALL, "nor what only the kernel says");
    is(t->utcb->mr[0], 0x4711, "MR0 is back");
    is(area->flags, 0, "the fault is over");
}

/* Both ways to an exception: reflection of the fault, and a trigger. */
static void test_exceptions(struct thread *t)
{
    const struct l4_exc_regs *message = (const struct l4_exc_regs *)root->utcb->mr;

    host_touch(HOLE, L4_MEM_R);
    is(t->arch.frame.ip, HANDLER, "the next fault is an upcall again");
    saved()->rbx = 0xcc;
    control(THREAD, L4_TRAMP_REFLECT, 1, 0);
    ok(host_current() == root, "a reflected fault goes to the exception handler");
    is(label_of(root), L4_PROTO_EXCEPTION, "as an exception");
    is(message->trapno, ARCH_TRAP_PAGE_FAULT, "a page fault");
    is(message->pfa, HOLE, "where it was");
    is(message->rbx, 0xcc, "with the registers of the area");
    reply_and_wait();

    host_touch(HOLE, L4_MEM_R);
    area->flags |= L4_TRAMP_TRIGGER;
    saved()->ip = 0x5678;
    control(THREAD, L4_TRAMP_RESUME, 1, 0);
    is(message->trapno, L4_TRAP_TRIGGERED, "a trigger at resume is an exception of its own");
    is(message->ip, 0x5678, "at the place where the thread goes on");
    is(area->flags, 0, "asked for once");
    reply_and_wait();
    ok(host_current() == t, "and the thread goes on");
}

/* Disabled by the handler: the fault in progress ends as it would have. op: a call, or only a send. */
static void test_disabled(struct thread *t, unsigned op)
{
    const struct l4_exc_regs *message = (const struct l4_exc_regs *)root->utcb->mr;
    const struct arch_frame *f = &t->arch.frame;

    for (unsigned function = L4_TRAMP_RESUME; function <= L4_TRAMP_REFLECT; function++) {
        t->utcb->mr[0] = 0x4711;
        host_touch(HOLE, L4_MEM_W);
        is(f->ip, HANDLER, "a handler");
        control(THREAD, L4_TRAMP_DISABLE, 1, 0);
        saved()->rax = 0xa1;
        saved()->rsi = 0x51;
        saved()->rdx = 0xd1;
        t->utcb->mr[0] = L4_OP_THREAD_TRAMPOLINE | (word_t)function << 16;
        host_syscall(SEL(THREAD) | op, l4_tag_make(L4_PROTO_THREAD, 1, 0, 0).raw, 0, 0);
        if (function == L4_TRAMP_RESUME)
            ok(host_current() == t && t->utcb->mr[0] == 0x4711, "that has disabled the trampoline resumes");
        else
            ok(host_current() == root && message->rax == 0xa1 && message->pfa == HOLE, "or reflects");
        if (function == L4_TRAMP_REFLECT)
            reply_and_wait();
        ok(f->ip == saved()->ip && f->rax == 0xa1 && f->rsi == 0x51 && f->rdx == 0xd1,
           "with the registers of the area");
        control(THREAD, L4_TRAMP_ENABLE, 1, 0);
    }
}

/* The area may be gone with its task before the last reference to the thread. */
static void test_end(struct thread *t)
{
    kobj_ref(&t->obj);
    delete_slot(THREAD);
    ok(host_current() != t && t->tramp == NULL, "a dead thread has no trampoline");
    kobj_unref(&t->obj);
}

int main(void)
{
    machine_start();
    struct thread *t = thread_make(THREAD, PAGER, PAGER);
    create(L4_PROTO_NONE, PAGER);
    call_words(PAGER, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_GATE_BIND, 0xf0, 0, 0);
    area = ku_at(0x1000);
    area->handler_ip = HANDLER;
    test_errors();
    test_upcall(t);
    test_resume(t);
    test_exceptions(t);
    test_disabled(t, CALL);
    test_disabled(t, L4_OP_SEND);
    host_general_path = true;
    test_disabled(t, L4_OP_SEND);
    host_general_path = false;
    test_end(t);
    machine_check();
    return tap_done();
}
