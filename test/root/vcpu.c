/* SPDX-License-Identifier: MIT */
/*
 * vCPU user mode on the processor: segments, FPU, flags and addresses that user code, or the state area, can come up
 * with; each must end in an upcall with the right trap, or be made harmless, and never harm the kernel. User mode is in
 * the root task itself. The entry point raises an exception for the root task, which then looks at the state area.
 * labe-run: --cpus 2
 */
#include "root.h"
#include "tap.h"
#include <l4/vcpu.h>

#define SLOT_VCPU 0x20
#define KU_PAGE 0x6000000000ul
#define STATE ((volatile struct l4_vcpu *)KU_PAGE)
#define UTCB_POINTER (KU_PAGE + L4_PAGE_SIZE + offsetof(struct l4_utcb, self))
#define HOLE 0x4000000000ul

static char stack_vcpu[8192] __attribute__((aligned(16)));
static char stack_user[8192] __attribute__((aligned(16)));
static volatile word_t seen[8];
static volatile word_t marker = 0x5a5a;
static struct l4_exc_regs host; /* what the entry point stood with */
static l4_tag last;

#define CODE(name, text) \
    extern char name[];  \
    __asm__(".text\n.globl " #name "\n" #name ":\n" text)

/* A call with the operation vcpu_resume to oneself; it does not come back but with an error. */
CODE(h_resume, "movq %gs:0, %rbx\n movq $4, (%rbx)\n movq $-2048 + 3, %rdx\n"
               "movq $0xfffffffffff40001, %rax\n xorl %r8d, %r8d\n syscall\n movq %rax, seen\n int3\n");
CODE(h_entry, "movq %gs:0, %rbx\n movq %fs:0, %rcx\n ud2\n");
CODE(u_ud2, "ud2\n");
CODE(u_flags, "pushfq\n popq %rbx\n ud2\n");
CODE(u_fpu, "movq %rax, %xmm0\n ud2\n");
CODE(u_fpu_later, "1: cmpq $0, seen + 48\n je 1b\n u_fpu_use: movq %xmm0, %rbx\n ud2\n");
extern char u_fpu_use[];
CODE(u_fs, "movq %fs:0, %rbx\n ud2\n");
CODE(u_load, "movq (%rax), %rbx\n ud2\n");
CODE(u_int80, "int $0x80\n");
CODE(u_cli, "cli\n");
CODE(u_spin, "1: incq seen + 8\n jmp 1b\n");
CODE(u_step, "nop\n nop\n ud2\n");
CODE(u_code32, ".code32\n movl $0x1234, %ebx\n movl $0x5678, %ecx\n incl %ecx\n int3\n .code64\n");
CODE(u_call32, ".code32\n syscall\n .code64\n");

static int prepare(void)
{
    utcb()->mr[0] = L4_OP_TASK_ADD_KU_MEM;
    utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, KU_PAGE >> L4_PAGE_SHIFT, 13, 6).raw;
    if (call(L4_SLOT_TASK, L4_PROTO_TASK, 2, 0) < 0 ||
        thread_make(SLOT_VCPU, (struct l4_utcb *)(KU_PAGE + L4_PAGE_SIZE), L4_SLOT_THREAD) < 0)
        return 0;
    utcb()->mr[0] = L4_OP_THREAD_VCPU_CONTROL;
    utcb()->mr[1] = KU_PAGE;
    if (call(SLOT_VCPU, L4_PROTO_THREAD, 2, 0) < 0)
        return 0;
    memset(stack_user, 0, sizeof stack_user); /* user mode has no pager: its memory must be there */
    STATE->entry_ip = (word_t)h_entry;
    STATE->entry_sp = (word_t)stack_vcpu + sizeof stack_vcpu;
    STATE->user_task = SEL(L4_SLOT_TASK);
    STATE->host_fs_base = (word_t)&marker;
    set_priority(SLOT_VCPU, 80);
    return 1;
}

/* The state of a user mode that begins at code. */
static void user_state(const char *code)
{
    volatile word_t *r = (volatile word_t *)&STATE->regs;

    for (unsigned i = 0; i < L4_EXC_WORDS; i++)
        r[i] = 0;
    STATE->regs.ip = (word_t)code;
    STATE->regs.sp = (word_t)stack_user + sizeof stack_user;
    STATE->regs.flags = 0x202;
    STATE->regs.cs = 0x2b;
    STATE->regs.ss = 0x23;
    STATE->regs.fs_base = (word_t)&seen[4];
    STATE->saved_state = L4_VCPU_USER_MODE | L4_VCPU_FPU;
    STATE->sticky_flags = 0;
}

static void start(void)
{
    thread_ex_regs(SLOT_VCPU, (word_t)h_resume, (word_t)stack_vcpu + sizeof stack_vcpu, L4_EXREGS_CANCEL);
}

/* The exception of the entry point, or of whoever got into it. */
static void wait_entry(void)
{
    utcb()->bdr = 0;
    utcb()->br[0] = 0;
    last = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, NEVER);
    memcpy(&host, utcb()->mr, sizeof host);
}

static void run(void)
{
    start();
    wait_entry();
}

/* The upcall came with this trap, at code + offset. */
static int upcall(word_t trap, const char *code, unsigned offset)
{
    return host.trapno == 6 && host.ip >= (word_t)h_entry && host.ip < (word_t)h_entry + 32 &&
           STATE->regs.trapno == trap && (code == NULL || STATE->regs.ip == (word_t)code + offset);
}

static void test_basic(void)
{
    user_state(u_ud2);
    STATE->regs.rbx = 0x1111;
    STATE->regs.r15 = 0x2222;
    run();
    ok(upcall(6, u_ud2, 0), "an exception of user mode comes to the entry point");
    ok(STATE->regs.rbx == 0x1111 && STATE->regs.r15 == 0x2222, "with the registers of user mode");
    is(STATE->saved_state, L4_VCPU_USER_MODE | L4_VCPU_FPU | 7, "saved state says so");
    is(host.rbx, KU_PAGE + L4_PAGE_SIZE, "the entry point has its UTCB");
    is(host.rcx, 0x5a5a, "and the host's fs base");
    is(host.rdi, KU_PAGE, "and the address of the state");
    is(host.r15 | host.rax | host.rsi | host.rbp, 0, "and no value of anybody else");
    is(host.sp, (word_t)stack_vcpu + sizeof stack_vcpu, "on the entry stack");
    user_state(u_fs);
    seen[4] = 0x7777;
    run();
    is(STATE->regs.rbx, 0x7777, "user mode has a segment base of its own");
    user_state(u_step);
    STATE->regs.flags = 0x302;
    run();
    ok(upcall(1, u_step, 1), "a single step");
}

static void test_refused(void)
{
    static const word_t addresses[] = {0x800000000000ul, 0xffffffff80000000ul, 0xdeadbeefdeadbeeful, ~0ul};
    unsigned survived = 0;

    user_state(u_flags);
    STATE->regs.flags = 0x7000; /* NT, IOPL 3, no IF */
    run();
    is(STATE->regs.rbx & 0x7200, 0x200, "flags: no I/O privilege, no nested task, interrupts on");
    user_state(u_ud2);
    STATE->regs.cs = 8;
    run();
    ok(upcall(6, u_ud2, 0) && (STATE->regs.cs & 0x7f) == 0x2b, "the kernel's code segment becomes the user's");
    user_state(u_ud2);
    STATE->regs.ss = 0x10;
    run();
    ok(upcall(13, u_ud2, 0), "the kernel's data segment as stack is an exception");
    user_state(u_ud2);
    STATE->regs.ds = 8;
    STATE->regs.es = 0x33;
    STATE->regs.fs = 0xffff;
    STATE->regs.gs = 0x7;
    run();
    ok(upcall(6, u_ud2, 0), "selectors that cannot be are dropped");
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        user_state((const char *)addresses[i]);
        run();
        survived += upcall(14, NULL, 0) || upcall(13, NULL, 0);
        user_state(u_flags);
        STATE->regs.sp = addresses[i];
        run();
        survived += upcall(14, NULL, 0) || upcall(12, NULL, 0) || upcall(13, NULL, 0);
        user_state(u_fs);
        STATE->regs.fs_base = STATE->regs.gs_base = addresses[i];
        run();
        survived += upcall(14, u_fs, 0) || upcall(13, u_fs, 0);
    }
    is(survived, 12, "addresses outside user memory in ip, sp and the bases");
    STATE->host_gs_base = 0xdeadbeefdeadbeeful;
    user_state(u_ud2);
    run();
    is(host.gs_base, 0, "a bad host base becomes 0");
    STATE->host_gs_base = UTCB_POINTER;
    utcb()->mr[0] = L4_OP_THREAD_SET_BASE | 1 << 16;
    utcb()->mr[1] = UTCB_POINTER;
    is(call(SLOT_VCPU, L4_PROTO_THREAD, 2, 0), 0, "and can be set right from outside");
}

static void test_faults(void)
{
    user_state(u_load);
    STATE->regs.rax = HOLE + 0x123;
    run();
    ok(upcall(14, u_load, 0), "a page fault");
    is(STATE->regs.pfa, HOLE + 0x123, "its address");
    is(STATE->regs.err, 4, "its error code");
    user_state(u_load);
    STATE->regs.rax = 0xffffffff80000000ul;
    run();
    ok(upcall(14, u_load, 0), "a fault in the kernel's half");
    user_state(u_int80);
    run();
    ok(upcall(13, u_int80, 0), "a software interrupt");
    user_state(u_cli);
    run();
    ok(upcall(13, u_cli, 0), "interrupts off");
}

static void test_fpu(void)
{
    user_state(u_fpu);
    STATE->saved_state = L4_VCPU_USER_MODE;
    run();
    ok(upcall(7, u_fpu, 0), "without the FPU flag its use is an exception");
    user_state(u_fpu);
    run();
    ok(STATE->regs.trapno == 6, "with it, it works");
    user_state(u_fpu);
    STATE->saved_state = L4_VCPU_USER_MODE;
    run();
    ok(upcall(7, u_fpu, 0), "also when the registers are the thread's already");
    user_state(u_fpu_later);
    STATE->regs.ds = STATE->regs.es = 0x23; /* segments as every program has them: the quick switch */
    STATE->saved_state = L4_VCPU_USER_MODE;
    seen[6] = 0;
    start();
    invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 4u << 10 | 250); /* 4 ms: it spins */
    seen[6] = 1;
    wait_entry();
    ok(upcall(7, u_fpu_use, 0), "and when another thread has run meanwhile");
}

static void test_code32(void)
{
    user_state(u_code32);
    STATE->regs.cs = 0x1b;
    STATE->regs.ds = STATE->regs.es = 0x23;
    run();
    ok(STATE->regs.trapno == 3 && (STATE->regs.cs & 0x7f) == 0x1b, "32-bit user mode");
    ok(STATE->regs.rbx == 0x1234 && STATE->regs.rcx == 0x5679, "runs 32-bit code");
    is(host.rbx, KU_PAGE + L4_PAGE_SIZE, "the entry point is 64-bit code");
    user_state(u_call32);
    STATE->regs.cs = 0x1b;
    run();
    ok(upcall(6, u_call32, 0), "there is no 32-bit system call");
}

/* Moves the vCPU; false: there is no such CPU. */
static int move(unsigned cpu)
{
    struct l4_utcb *u = utcb();

    u->mr[0] = L4_OP_SCHED_INFO;
    u->mr[1] = 0;
    if (call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 2, 0) < 0 || !(u->mr[0] >> cpu & 1))
        return 0;
    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = 0;
    u->mr[2] = 1ul << cpu;
    u->mr[3] = 80;
    u->mr[4] = 0;
    put_cap_item(5, SLOT_VCPU, 15);
    return call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1) == 0;
}

static void test_message(void)
{
    l4_tag sent;

    seen[1] = 0;
    user_state(u_spin);
    start();
    invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 15u << 10 | 1); /* 32 ms: it spins */
    ok(seen[1] != 0, "user mode runs");
    utcb()->mr[0] = 0x4242;
    sent = invoke(SEL(SLOT_VCPU) | L4_OP_SEND, l4_tag_make(9, 1, 0, 0), NULL, L4_TIMEOUT_ZERO << 16);
    ok(!l4_tag_error(sent), "a message reaches it there");
    wait_entry();
    ok(upcall(L4_TRAP_IPC, NULL, 0), "as an upcall");
    is(STATE->ipc.tag, l4_tag_make(9, 1, 0, 0).raw, "with its tag");
    is(((struct l4_utcb *)(KU_PAGE + L4_PAGE_SIZE))->mr[0], 0x4242, "and its words");
    ok(STATE->regs.ip >= (word_t)u_spin && STATE->regs.ip < (word_t)u_spin + 16, "the loop can be resumed");
}

static int test_main(void)
{
    set_priority(L4_SLOT_THREAD, 100);
    ok(prepare(), "a vCPU");
    test_basic();
    test_refused();
    test_faults();
    test_fpu();
    test_code32();
    test_message();
    if (move(1)) {
        test_basic();
        test_fpu();
        for (unsigned i = 0; i < 20; i++)
            test_message();
        ok(move(0), "back to the first CPU");
    }
    test_basic();
    return tap_done();
}
