/* SPDX-License-Identifier: MIT */
/* vcpu.c: control, upcalls for faults, exceptions, messages and interrupts, user mode in another task, the end. */
#include "tap.h"
#include "machine.h"
#include "preempt.h"
#include <l4/vcpu.h>
#include <string.h>

#define STATE (KU_AREA + 0x1000)
#define HOLE 0x4000000123ul
#define ENTRY 0x123000ul
#define STACK 0x8000ul
#define ENTRY_STACK 0x9000ul

enum { VCPU = 0x40, GATE = 0x41, USER = 0x42, IRQ = 0x43, OTHER = 0x44, USER_W = 0x45 };

static struct thread *t;
static volatile struct l4_vcpu *v;

static long control(word_t slot, unsigned words, word_t flags, word_t address)
{
    return call_words(slot, L4_PROTO_THREAD, 0, words, L4_OP_THREAD_VCPU_CONTROL | flags, address, 0, 0);
}

static long resume(void) { return call_words(VCPU, L4_PROTO_THREAD, 0, 1, L4_OP_THREAD_VCPU_RESUME, 0, 0, 0); }

/* The vCPU runs in its kernel mode with these events allowed; root waits. */
static void vcpu_runs(unsigned state)
{
    v->state = (uint16_t)state;
    v->saved_state = v->sticky_flags = 0;
    v->ipc.tag = v->ipc.label = 0;
    if (host_current() == root)
        wait_open();
    t->arch.frame.ip = 0x3333;
    t->arch.frame.sp = STACK;
    t->arch.frame.rbx = 0xb1;
}

static bool at_entry(word_t sp)
{
    const struct arch_frame *f = &t->arch.frame;

    return f->ip == ENTRY && f->sp == sp && f->rdi == STATE && f->rbx == 0 && f->rax == 0 &&
           t->space == &t->task->space;
}

/* Back to root: the vCPU sends it a message and waits for nobody in particular afterwards is not needed. */
static void to_root(void)
{
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_SEND, 0, 0, 0);
    run_thread(L4_SLOT_THREAD, 100);
}

static void test_control(void)
{
    create(L4_PROTO_THREAD, 0x50);
    is(control(0x50, 2, 0, STATE), -L4_ERR_INVAL, "a thread without a task has no such memory");
    is(control(VCPU, 1, 0, STATE), -L4_ERR_INVAL, "no address");
    is(control(VCPU, 2, 0, 0), -L4_ERR_INVAL, "address 0");
    is(control(VCPU, 2, 0, STATE + 4), -L4_ERR_INVAL, "misaligned");
    is(control(VCPU, 2, 0, KU_AREA + 0x10000 - 0x1f8), -L4_ERR_INVAL, "not all of it in kernel-user memory");
    is(control(VCPU, 2, L4_VCPU_EXTENDED, STATE), -L4_ERR_NOSYS, "no hardware virtualisation");
    is(resume(), -L4_ERR_INVAL, "resume of another thread");
    is(call_words(L4_SLOT_THREAD, L4_PROTO_THREAD, 0, 1, L4_OP_THREAD_VCPU_RESUME, 0, 0, 0), -L4_ERR_INVAL,
       "resume without a state");
    is(control(VCPU, 2, 0, STATE), 0, "control");
    is(v->version, L4_VCPU_VERSION, "fills in the version");
    is(v->host_gs_base, t->utcb_user + offsetof(struct l4_utcb, self), "and the bases of the thread");
    is(control(VCPU, 2, 0, STATE), 0, "a second time is no error");
    v->entry_ip = ENTRY;
    v->entry_sp = ENTRY_STACK;
    v->user_task = SELF;

    create(L4_PROTO_IRQ_SENDER, IRQ);
    call_words(IRQ, L4_PROTO_KOBJECT, VCPU, 2, L4_OP_IRQ_BIND, 0x1f1, 0, 0);
    run_thread(VCPU, 80);
    v->state = L4_VCPU_IRQ;
    host_syscall(SEL(IRQ) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0);
    ok(t->arch.frame.ip != ENTRY && v->sticky_flags == L4_VCPU_IRQ_PENDING, "a thread that has not started waits");
    delete_slot(IRQ);
    v->state = 0;
}

static void test_faults(void)
{
    vcpu_runs(L4_VCPU_EXCEPTIONS);
    host_exception(6, 0);
    ok(host_current() == t && at_entry(STACK), "an exception goes to the entry point, on the same stack");
    is(v->regs.trapno, 6, "with its number");
    is(v->regs.rbx, 0xb1, "and the registers");
    is(v->state, 0, "nothing more is taken");
    is(v->saved_state, L4_VCPU_EXCEPTIONS, "the old state is kept");
    is(resume(), v->regs.rax >> 16, "resume does not return");
    is(t->arch.frame.ip, 0x3333, "but goes back");
    is(v->state, L4_VCPU_EXCEPTIONS, "with the state of before");
    host_touch(HOLE, L4_MEM_R);
    ok(host_current() == root, "a page fault not asked for goes to the pager");
    is(label_of(root), L4_PROTO_PAGE_FAULT, "as a message");
    host_syscall(SELF | WAIT | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);

    vcpu_runs(L4_VCPU_PAGE_FAULTS);
    host_touch(HOLE, L4_MEM_W);
    ok(host_current() == t && at_entry(STACK), "one that was asked for goes to the entry point");
    is(v->regs.trapno, ARCH_TRAP_PAGE_FAULT, "as a page fault");
    is(v->regs.pfa, HOLE, "with its address");
    vcpu_runs(L4_VCPU_PAGE_FAULTS);
    host_touch(L4_USER_END, L4_MEM_R);
    ok(at_entry(STACK) && v->regs.pfa == L4_USER_END, "also in the kernel's half");
    vcpu_runs(0);
    host_exception(6, 0);
    ok(host_current() == root, "an exception not asked for goes to the handler");
    host_syscall(SELF | WAIT | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    ok(host_current() == t, "and comes back");
}

static void test_messages(void)
{
    struct thread *other = thread_at(OTHER);

    vcpu_runs(L4_VCPU_IRQ);
    host_syscall(SEL(VCPU) | CALL, l4_tag_make(3, 0, 0, 0).raw, 0, L4_TIMEOUT_ZERO | L4_TIMEOUT_ZERO << 16);
    is(error_of(t), L4_IPC_SEND_TIMEOUT, "a vCPU does not take its own message");
    is(v->sticky_flags, 0, "nor is it told of it");
    to_root();

    vcpu_runs(L4_VCPU_IRQ);
    run_thread(OTHER, 120); /* the vCPU raises a thread above itself */
    ok(host_current() == other, "another thread runs");
    other->utcb->mr[0] = 0x1111;
    host_syscall(SEL(VCPU) | CALL, l4_tag_make(5, 1, 0, 0).raw, 0xab, 0);
    ok(host_current() == t && at_entry(STACK), "its message is an upcall");
    is(v->regs.trapno, L4_TRAP_IPC, "with a number of its own");
    is(v->ipc.tag, l4_tag_make(5, 1, 0, 0).raw, "the tag is in the state");
    is(v->ipc.label, 0xab, "so is the label");
    is(t->utcb->mr[0], 0x1111, "the words are in the UTCB");
    is(v->regs.rbx, 0xb1, "the registers are those of before");
    host_syscall(SELF | L4_OP_REPLY | L4_OP_SEND, l4_tag_make(9, 0, 0, 0).raw, 0, 0);
    ok(host_current() == other && label_of(other) == 9, "the reply capability is the usual one");

    v->state = 0;
    host_syscall(SEL(VCPU) | CALL, 0, 0, L4_TIMEOUT_ZERO << 16);
    is(error_of(other), L4_IPC_SEND_TIMEOUT, "without the flag a sender times out");
    is(v->sticky_flags, 0, "and leaves no trace");
    host_syscall(SEL(VCPU) | L4_OP_SEND, l4_tag_make(7, 0, 0, 0).raw, 0x77, 0);
    ok(host_current() == t, "or waits");
    is(v->sticky_flags, L4_VCPU_IRQ_PENDING, "which is told");
    v->saved_state = L4_VCPU_IRQ;
    v->regs.sp = 0x7000;
    v->regs.ip = 0x4444;
    resume();
    ok(at_entry(0x7000), "resume finds it: upcall instead of return");
    is(v->regs.trapno, L4_TRAP_IPC, "as a message");
    is(v->regs.ip, 0x4444, "the registers stay for the next resume");
    is(v->ipc.tag, l4_tag_make(7, 0, 0, 0).raw, "this one");
    is(v->ipc.label, 0x77, "with its label");
    is(v->saved_state, L4_VCPU_IRQ, "saved state as it was");
    is(v->state, 0, "nothing is taken at the entry point");
    is(v->sticky_flags, 0, "nobody waits any more");
    ok(host_current() == other, "the sender, more important, goes on first");
    run_thread(OTHER, 50);
    v->sticky_flags = L4_VCPU_IRQ_PENDING;
    resume();
    ok(at_entry(0x7000) && (v->ipc.tag & L4_TAG_ERROR), "when nobody waits, it is a timeout");
    is(t->utcb->error, L4_IPC_RECV_TIMEOUT, "with its code");
    ok(host_current() == t, "the vCPU runs on");
}

/* A message whose items cannot be received arrives as an error on both sides. */
static void test_overflow(void)
{
    struct thread *other = thread_at(OTHER);

    vcpu_runs(L4_VCPU_IRQ);
    t->utcb->bdr = 0;
    t->utcb->br[0] = 0;
    run_thread(OTHER, 120);
    other->utcb->mr[0] = L4_ITEM_MAP;
    other->utcb->mr[1] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_LOG, 0, 7).raw;
    host_syscall(SEL(VCPU) | L4_OP_SEND, l4_tag_make(0, 0, 1, 0).raw, 0, 0);
    is(error_of(other), L4_IPC_SEND_OVERFLOW, "the sender gets its error");
    run_thread(OTHER, 50);
    ok(host_current() == t && at_entry(STACK), "the vCPU an upcall");
    ok(v->ipc.tag & L4_TAG_ERROR, "that says error");
    is(t->utcb->error, L4_IPC_RECV_OVERFLOW, "which one");
}

/* It takes no more than a window's worth of items. */
static void test_many_items(void)
{
    struct thread *other = thread_at(OTHER);

    vcpu_runs(L4_VCPU_IRQ);
    t->utcb->bdr = 0;
    t->utcb->br[0] = L4_ITEM_MAP;
    t->utcb->br[1] = L4_FPAGE_ALL;
    run_thread(OTHER, 120);
    for (unsigned i = 0; i < 4; i += 2) {
        other->utcb->mr[i] = L4_ITEM_MAP | (0x70000 + i * 0x1000) | L4_ITEM_COMPOUND;
        other->utcb->mr[i + 1] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_LOG, 0, 7).raw;
    }
    work_slice = work_left = 1;
    host_syscall(SEL(VCPU) | L4_OP_SEND, l4_tag_make(0, 0, 2, 0).raw, 0, 0);
    work_slice = work_left = 1 << 30;
    is(error_of(other), L4_IPC_SEND_MAP_FAILED, "what takes longer is refused");
    run_thread(OTHER, 50);
    ok(host_current() == t && at_entry(STACK) && (v->ipc.tag & L4_TAG_ERROR), "and the vCPU learns it");
}

static void test_irq(void)
{
    create(L4_PROTO_IRQ_SENDER, IRQ);
    call_words(IRQ, L4_PROTO_KOBJECT, VCPU, 2, L4_OP_IRQ_BIND, 0x1f1, 0, 0);
    call_words(L4_SLOT_ICU, L4_PROTO_IRQ, IRQ, 2, L4_OP_ICU_BIND, 9, 0, 0);
    t->utcb->mr[0] = L4_OP_ICU_UNMASK;
    t->utcb->mr[1] = 9;
    host_syscall(SEL(L4_SLOT_ICU) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 2, 0, 0).raw, 0, 0);
    vcpu_runs(L4_VCPU_IRQ);
    host_irq(9);
    ok(host_current() == t && at_entry(STACK), "an interrupt is an upcall");
    is(v->ipc.tag, 0, "with an empty tag");
    is(v->ipc.label, 0x1f1, "and the IRQ's label");
    host_irq(9);
    ok(t->arch.frame.ip == ENTRY && v->sticky_flags == L4_VCPU_IRQ_PENDING, "the next waits");
    delete_slot(IRQ);
    is(v->sticky_flags, 0, "until its object goes");
}

/* User mode of the vCPU in another task. */
static void test_user(void)
{
    struct l4_utcb *u = t->utcb;
    struct task *user;

    create(L4_PROTO_TASK, USER);
    user = task_of(cap_obj(cap_slot(root->task, USER)));
    /* the same task without S */
    u->mr[0] = L4_OP_TASK_MAP;
    u->mr[1] = SEL(USER_W) | L4_ITEM_MAP;
    u->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, USER, 0, L4_RIGHT_R | L4_RIGHT_W).raw;
    u->mr[3] = L4_ITEM_MAP;
    u->mr[4] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_TASK, 0, 15).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);

    v->sticky_flags = 0;
    v->saved_state = L4_VCPU_USER_MODE | L4_VCPU_FPU;
    is(resume(), -L4_ERR_NOENT, "user mode without a user task");
    v->user_task = SEL(0x5555);
    is(resume(), -L4_ERR_NOENT, "an empty slot");
    v->user_task = SEL(L4_SLOT_LOG);
    is(resume(), -L4_ERR_NOENT, "no task");
    v->user_task = SEL(USER_W);
    is(resume(), -L4_ERR_PERM, "a task without S");
    v->user_task = SEL(USER);
    v->regs.ip = 0x5000;
    v->regs.sp = 0x1230;
    v->regs.rsi = 0x51;
    v->regs.flags = ~0ul;
    v->regs.gs_base = 0x6660;
    u->mr[1] = 0x7000 | L4_ITEM_MAP;
    u->mr[2] = l4_fpage_make(L4_FPAGE_MEM, 0x200, 12, L4_MEM_R | L4_MEM_W).raw;
    u->mr[0] = L4_OP_THREAD_VCPU_RESUME;
    call(VCPU, L4_PROTO_THREAD, 1, 1);
    ok(t->space == &user->space, "resume goes to the user task");
    machine_check();
    is(v->user_task, SEL(USER) | L4_OP_SEND, "whose selector is marked");
    is(v->state, L4_VCPU_USER_MODE | L4_VCPU_FPU | 7, "in user mode every event counts");
    is(t->arch.frame.rsi, 0x51, "with the registers");
    is(t->arch.gs_base, 0x6660, "and bases of the state");
    is(t->arch.frame.flags & 0x3000, 0, "but no I/O privilege");

    host_touch(HOLE, L4_MEM_R);
    ok(at_entry(ENTRY_STACK), "a fault comes back, on the entry stack");
    is(v->regs.pfa, HOLE, "with its address");
    is(v->saved_state, L4_VCPU_USER_MODE | L4_VCPU_FPU | 7, "saved state says user mode");
    is(v->state, L4_VCPU_FPU, "state no more");
    is(t->arch.gs_base, v->host_gs_base, "the bases are the host's");

    v->user_task = SEL(USER) | L4_OP_REPLY;
    is(resume(), -L4_ERR_NOENT, "a user task is given up");
    ok(t->vcpu_task == NULL, "at once");
    v->user_task = SEL(USER);
    host_general_path = true;
    resume();
    host_general_path = false;
    host_syscall(SEL(1) | CALL, 0x30f, 0x52, 0);
    ok(at_entry(ENTRY_STACK), "a system call comes back");
    is(v->regs.trapno, L4_TRAP_SYSCALL, "with its number");
    is(v->regs.ip, 0x5000 - 2, "at the instruction");
    is(v->regs.rsi, 0x52, "with its arguments");
    v->regs.ip = 0x5000;

    v->state = L4_VCPU_USER_MODE;
    host_exception(6, 0);
    ok(host_current() == root, "who writes USER_MODE into the state is not in user mode");
    host_syscall(SELF | WAIT | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);

    v->saved_state = L4_VCPU_USER_MODE;
    resume();
    ok(t->flags & THREAD_NO_FPU, "without its flag there is no FPU in user mode");
    v->state = 0;
    run_thread(L4_SLOT_THREAD, 30); /* that was a system call of the user task: an upcall again */
    ok(at_entry(ENTRY_STACK) && !(t->flags & THREAD_NO_FPU), "even when the state was emptied by somebody else");
}

/* The vCPU goes to user mode, and an interrupt calls root. */
static void user_mode_interrupted(void)
{
    v->saved_state = L4_VCPU_USER_MODE;
    v->regs.ip = 0x5000;
    v->sticky_flags = 0;
    resume();
    host_irq(10);
    is(error_of(root), 0, "root has been called");
    ok(host_current() == root && t->space == &t->vcpu_task->space, "out of user mode");
}

static void test_foreign(void)
{
    create(L4_PROTO_IRQ_SENDER, IRQ);
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x2f1, 0, 0);
    call_words(L4_SLOT_ICU, L4_PROTO_IRQ, IRQ, 2, L4_OP_ICU_BIND, 10, 0, 0);
    root->utcb->mr[0] = L4_OP_ICU_UNMASK;
    root->utcb->mr[1] = 10;
    host_syscall(SEL(L4_SLOT_ICU) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 2, 0, 0).raw, 0, 0);
    host_syscall(SELF | WAIT | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0); /* the exception that brought us here */

    user_mode_interrupted();
    call_words(VCPU, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x6000, 0x6100, 0);
    ok(t->space == &t->task->space, "ex_regs takes it back to its own task");
    is(t->arch.frame.ip, 0x6000, "to the place it names");
    is(v->regs.ip, 0x5000, "user mode is saved");
    is(v->saved_state, L4_VCPU_USER_MODE | 7, "as at an upcall");
    wait_open();
    ok(host_current() == t, "it runs on");

    user_mode_interrupted();
    call_words(VCPU, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_TRIGGER, ~0ul, ~0ul, 0);
    wait_open();
    ok(at_entry(ENTRY_STACK), "a triggered exception in user mode is an upcall");
    is(v->regs.trapno, L4_TRAP_TRIGGERED, "with its number");
}

/* How many objects of a slab are in use. */
static uint32_t in_use(const char *slab)
{
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        if (strcmp(s->name, slab) == 0)
            return s->used;
    return ~0u;
}

static void test_end(void)
{
    struct task *user = task_of(cap_obj(cap_slot(root->task, USER)));
    size_t before;

    user_mode_interrupted();
    before = root_factory.quota.used;
    delete_slot(USER);
    ok(user->obj.dead && user->obj.refs == 1, "a destroyed user task is kept by the vCPU");
    wait_open();
    host_touch(0x7000, L4_MEM_R);
    ok(at_entry(ENTRY_STACK), "which faults there");
    t->utcb->mr[0] = L4_OP_THREAD_VCPU_RESUME;
    t->utcb->mr[1] = 0x7000 | L4_ITEM_MAP;
    t->utcb->mr[2] = l4_fpage_make(L4_FPAGE_MEM, 0x200, 12, L4_MEM_R).raw;
    call(VCPU, L4_PROTO_THREAD, 1, 1);
    is(label_of(t), -L4_ERR_NOENT, "and cannot map into it");
    user_mode_interrupted();
    delete_slot(VCPU);
    wait_open();
    ok(host_current() != t, "a vCPU is killed in user mode");
    ok(root_factory.quota.used < before, "its memory is given back");
    is(in_use("task"), 2, "and its user task goes with it");
}

int main(void)
{
    machine_start();
    create(L4_PROTO_NONE, GATE);
    call_words(GATE, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_GATE_BIND, 0xf0, 0, 0);
    t = thread_make(VCPU, GATE, GATE);
    v = ku_at(0x1000);
    thread_make(OTHER, GATE, GATE);
    thread_go(OTHER, 50, 0x2000, 0x2100);
    test_control();
    thread_go(VCPU, 80, 0x3000, 0x3100);
    test_faults();
    test_messages();
    test_overflow();
    test_many_items();
    test_irq();
    test_user();
    v->state = 0;
    host_exception(3, 0); /* a message to root, its handler */
    test_foreign();
    machine_check();
    test_end();
    machine_check();
    return tap_done();
}
