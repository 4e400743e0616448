/* SPDX-License-Identifier: MIT */
/*
 * What a program can do to the processor: every software interrupt, far jumps and selectors, flags, instructions at the
 * end of memory, registers that are not canonical at a system call, floating point errors that are left pending, bases
 * and states that a handler makes up at random. Each ends as an exception of that thread; the kernel, and the
 * bystander that is asked each time, go on as if nothing had been. (With SMAP the emulator takes the stack of a far
 * return for the kernel's, and repeats it for ever.) labe-run: --model max,-smap --timeout 120
 */
#include "root.h"
#include "tap.h"

#define SLOT_VICTIM 0x20u
#define SLOT_BYSTANDER 0x21u
#define WINDOW 0x5000000000ul /* there is no memory: what is not mapped there stays so */
#ifndef STATES
#define STATES 4000u
#endif
#define TICK (10u << 10 | 400u)
#define NONE 1000u /* in place of a trap: there was none in that time */

static char stack_victim[8192] __attribute__((aligned(16)));
static char stack_bystander[4096] __attribute__((aligned(16)));
static volatile word_t seen[4];
static struct l4_exc_regs state;
static unsigned asked, wrong;

#define CODE(name, text) \
    extern char name[];  \
    __asm__(".text\n.globl " #name "\n" #name ":\n" text)
#define SLEEP "movq $-2048 + 2, %rdx\n movl $0x400, %r8d\n xorl %eax, %eax\n" /* then syscall: 0 µs from oneself */

CODE(v_ud2, "ud2\n");
/* All software interrupts, four bytes each. */
CODE(v_int, ".set vector, 0\n .rept 256\n .byte 0xcd, vector, 0x0f, 0x0b\n .set vector, vector + 1\n .endr\n");
CODE(v_int1, ".byte 0xf1\n ud2\n");
CODE(v_int3, "int3\n ud2\n");
CODE(v_into, ".byte 0xce\n");
CODE(v_iret, "pushq %rax\n pushq %rsp\n pushq %rbx\n pushq %rcx\n pushq $v_ud2\n iretq\n");
CODE(v_far_call, "pushq $0\n movw %ax, 4(%rsp)\n movl $v_ud2, (%rsp)\n lcall *(%rsp)\n ud2\n");
CODE(v_far_jump, "pushq $0\n movw %ax, 4(%rsp)\n movl $v_ud2, (%rsp)\n ljmp *(%rsp)\n ud2\n");
CODE(v_far_return, "pushq %rax\n pushq $v_ud2\n lretq\n ud2\n");
CODE(v_ds, "movl %eax, %ds\n ud2\n");
CODE(v_ss, "movl %eax, %ss\n ud2\n");
CODE(v_sysenter, "movq %rsp, %rcx\n movq $v_ud2, %rdx\n sysenter\n ud2\n");
CODE(v_sysexit, "movq %rsp, %rcx\n movq $v_ud2, %rdx\n sysexitq\n ud2\n");
CODE(v_lldt, "lldt %ax\n ud2\n");
CODE(v_ltr, "ltr %ax\n ud2\n");
CODE(v_lgdt, "lgdt (%rsp)\n ud2\n");
CODE(v_lidt, "lidt (%rsp)\n ud2\n");
CODE(v_lmsw, "lmsw %ax\n ud2\n");
CODE(v_clts, "clts\n ud2\n");
CODE(v_wbinvd, "wbinvd\n ud2\n");
CODE(v_dr, "movq %rax, %dr7\n ud2\n");
CODE(v_cr4, "movq %rax, %cr4\n ud2\n");
CODE(v_wrmsr, "movl $0xc0000082, %ecx\n wrmsr\n ud2\n");
CODE(v_xsetbv, "xorl %ecx, %ecx\n xorl %edx, %edx\n movl $7, %eax\n xsetbv\n ud2\n");
CODE(v_sti, "sti\n ud2\n");
CODE(v_popf, "pushq $0x3202\n popfq\n pushfq\n popq seen\n ud2\n");
CODE(v_mxcsr, "pushq $-1\n ldmxcsr (%rsp)\n ud2\n");
CODE(v_xrstor, "subq $1024, %rsp\n andq $-64, %rsp\n movq $-1, %rcx\n movq %rcx, 512(%rsp)\n movq %rcx, 520(%rsp)\n"
               "movl $7, %eax\n xorl %edx, %edx\n xrstor64 (%rsp)\n ud2\n");
/* All errors of floating point unmasked, one pending, then into the kernel; the next instruction reports it. */
CODE(v_x87, "fninit\n pushq $0x340\n fldcw (%rsp)\n fldz\n fld1\n fdivp %st, %st(1)\n fldz\n fld1\n fdiv %st(1), %st\n"
            SLEEP "syscall\n fwait\n ud2\n");
CODE(v_sse, "pushq $0\n ldmxcsr (%rsp)\n xorps %xmm0, %xmm0\n movq $0x3f800000, %rax\n movq %rax, %xmm1\n"
            "divss %xmm0, %xmm1\n ud2\n");
CODE(v_unaligned, "pushfq\n orq $0x40000, (%rsp)\n popfq\n movq stack_victim + 1, %rbx\n" SLEEP
                  "syscall\n movq stack_victim + 1, %rbx\n ud2\n");
CODE(v_syscall_sp, SLEEP "movq %rbx, %rsp\n syscall\n movq %rsp, seen\n ud2\n");
CODE(v_syscall_flags, SLEEP "pushq %rbx\n popfq\n syscall\n pushfq\n popq seen\n cld\n ud2\n");
CODE(v_step_int3, "pushq $0x302\n popfq\n int3\n nop\n");
CODE(v_step_ss, SLEEP "movl $0x23, %ecx\n pushq $0x302\n popfq\n movl %ecx, %ss\n syscall\n nop\n ud2\n");
CODE(v_step_ss_int3, "movl $0x23, %ecx\n pushq $0x302\n popfq\n movl %ecx, %ss\n int3\n ud2\n");
CODE(v_wrgsbase, "wrgsbase %rax\n movq %gs:0, %rbx\n ud2\n");
CODE(v_wrfsbase, "wrfsbase %rax\n movq %fs:0, %rbx\n ud2\n");
CODE(v_wrgsbase_syscall, "wrgsbase %rax\n" SLEEP "syscall\n ud2\n");
CODE(v_store, "movq %rax, (%rbx)\n ud2\n");

/* Pages of which only the end is code. */
#define PAGE_END(name, length, text) \
    extern char name[];              \
    __asm__(".text\n.balign 4096\n.globl " #name "\n" #name ": .skip 4096 - " #length ", 0xcc\n" text)
PAGE_END(end_ud2, 2, "ud2\n");
PAGE_END(end_int3, 1, "int3\n");
PAGE_END(end_int1, 1, ".byte 0xf1\n");
PAGE_END(end_int, 2, "int $0x80\n");
PAGE_END(end_syscall, 2, "syscall\n");
PAGE_END(end_half, 1, ".byte 0x0f\n"); /* the first half of one */
__asm__(".balign 4096\n");

/* ---- the bystander: says what it is told, plus one ---- */

static void bystander(void)
{
    l4_tag tag = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, NEVER);

    for (;;) {
        utcb()->mr[0]++;
        tag = invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(0, l4_tag_words(tag), 0, 0), NULL, NEVER);
    }
}

static void ask(void)
{
    utcb()->mr[0] = ++asked;
    l4_tag tag = invoke(SEL(SLOT_BYSTANDER) | OP_CALL, l4_tag_make(0, 1, 0, 0), NULL, NEVER);
    wrong += l4_tag_error(tag) || l4_tag_words(tag) != 1 || utcb()->mr[0] != asked + 1;
}

/* ---- the victim ---- */

static int wait_exception(word_t destination, l4_tag tag)
{
    utcb()->bdr = utcb()->br[0] = 0;
    tag = invoke(destination, tag, NULL, TICK);
    if (l4_tag_error(tag))
        state.trapno = NONE;
    else
        memcpy(&state, utcb()->mr, sizeof state);
    return !l4_tag_error(tag);
}

static void answer(void)
{
    memcpy(utcb()->mr, &state, sizeof state);
    wait_exception(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(0, L4_EXC_WORDS, 0, 0));
    ask();
}

/* The victim comes from anywhere to ud2, with a fresh state. */
static void begin(void)
{
    thread_ex_regs(SLOT_VICTIM, (word_t)v_ud2, (word_t)stack_victim + sizeof stack_victim - 64, L4_EXREGS_CANCEL);
    wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
    state.flags = 0x202;
    state.ss = 0x23;
    state.sp = (word_t)stack_victim + sizeof stack_victim - 64;
    state.fs_base = 0;
}

/* The trap that code raises with values in rax, rbx and rcx. */
static word_t run(const char *code, word_t rax, word_t rbx, word_t rcx)
{
    begin();
    state.ip = (word_t)code;
    state.rax = rax;
    state.rbx = rbx;
    state.rcx = rcx;
    answer();
    return state.trapno;
}

/* ---- instructions ---- */

/* The emulator does not know the instruction, or leaves out what it does: the thread came to the ud2 behind it. */
static int emulated(const char *code, const char *next_code)
{
    return state.trapno == 6 && state.ip >= (word_t)code && state.ip < (word_t)next_code;
}

static void test_interrupts(void)
{
    unsigned bad = 0;

    for (unsigned n = 0; n < 256; n++) {
        word_t trap = run(v_int + 4 * n, 0, 0, 0);

        bad += trap != (n == 3 ? 3 : 13) || state.ip != (word_t)v_int + 4 * n + (n == 3 ? 2 : 0);
    }
    is(bad, 0, "of all software interrupts, 3 is there, the others end in exception 13");
    ok(run(v_int1, 0, 0, 0) == 1 || emulated(v_int1, v_int3), "the debugger's interrupt: exception 1");
    is(run(v_int3, 0, 0, 0), 3, "the breakpoint: exception 3");
    is(run(v_into, 0, 0, 0), 6, "interrupt on overflow is no instruction");
}

static void test_privileged(void)
{
    static const struct {
        const char *code, *name;
    } all[] = {
        {v_sysenter + 10, "sysenter"}, {v_sysexit + 10, "sysexit"}, {v_lldt, "lldt"}, {v_ltr, "ltr"}, {v_lgdt, "lgdt"},
        {v_lidt, "lidt"}, {v_lmsw, "lmsw"}, {v_clts, "clts"}, {v_wbinvd, "wbinvd"},
        {v_dr, "a debug register is written"}, {v_cr4, "a control register is written"}, {v_wrmsr + 5, "wrmsr"},
        {v_xsetbv + 9, "xsetbv"}, {v_sti, "sti"},
    };

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        word_t trap = run(all[i].code, 0, 0, 0);

        ok((trap == 13 || trap == 6) && state.ip == (word_t)all[i].code, all[i].name);
    }
    ok(run(v_mxcsr, 0, 0, 0) == 13 || emulated(v_mxcsr, v_xrstor), "reserved bits of MXCSR");
    is(run(v_xrstor, 0, 0, 0), 13, "a state of components that are not there");
    is(run(v_popf, 0, 0, 0), 6, "popf with IOPL 3");
    is(seen[0] & 0x3000, 0, "  of which nothing is left");
}

static void test_selectors(void)
{
    static const char *const ways[] = {v_far_call, v_far_jump, v_far_return, v_ds, v_ss};
    unsigned odd = 0;

    for (unsigned w = 0; w < sizeof ways / sizeof ways[0]; w++)
        for (word_t selector = 0; selector < 0x100; selector++) {
            word_t trap = run(ways[w], selector, 0, 0);

            /* 6: the ud2 behind it, in 64-bit or in 32-bit code */
            odd += !(trap == 6 || (trap >= 10 && trap <= 14));
            odd += (state.cs & 3) != 3;
        }
    is(odd, 0, "every selector, called, jumped and returned to, and loaded: user mode, or an exception");
    unsigned refused = 0;
    for (word_t cs = 0; cs < 0x100; cs++)
        refused += run(v_iret, 0x23, 0x202, cs) == 13 || ((cs == 0x1b || cs == 0x2b) && state.trapno == 6);
    is(refused, 256, "iret goes nowhere but to user code");
}

static void test_ends(void)
{
    static const struct {
        const char *page, *name;
        word_t length, trap, ip;
    } ends[] = {
        {end_ud2, "ud2 at the end of a page", 2, 6, 0xffe}, {end_int3, "int3", 1, 3, 0x1000},
        {end_int1, "int1", 1, 1, 0x1000}, {end_int, "int 0x80", 2, 13, 0xffe}, {end_syscall, "syscall", 2, 14, 0x1000},
        {end_half, "half of one", 1, 14, 0xfff},
    };

    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        word_t at = WINDOW + i * 0x2000;

        (void)*(volatile const char *)ends[i].page;
        utcb()->mr[0] = L4_OP_TASK_MAP;
        utcb()->mr[1] = at | L4_ITEM_MAP;
        utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, (word_t)ends[i].page >> 12, 12, L4_MEM_R | L4_MEM_X).raw;
        put_cap_item(3, L4_SLOT_TASK, 15);
        call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);
        begin();
        state.rdx = L4_SEL_INVALID | L4_OP_RECV;
        state.r8 = L4_TIMEOUT_ZERO;
        state.rax = 0;
        state.ip = at + 0x1000 - ends[i].length;
        answer();
                int behind = state.trapno == 14 && state.pfa == at + 0x1000;
        ok((state.trapno == ends[i].trap && state.ip == at + ends[i].ip && (state.trapno != 14 || behind)) ||
               (ends[i].trap == 1 && (behind || (state.trapno == 6 && state.ip == at + 0xfff))),
           ends[i].name);
    }
}

/* ---- system calls in a strange state ---- */

static void test_calls(void)
{
    static const word_t places[] = {0, 1, WINDOW, 0x7ffffffffff8, 0x800000000000, 0x8000000000000000, ~0ul, ~0ul - 7,
                                    0xffff800000000000, 0xffffffff80200000};
    unsigned same = 0, flags = 0;

    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++)
        same += run(v_syscall_sp, 0, places[i], 0) == 6 && seen[0] == places[i];
    is(same, sizeof places / sizeof places[0], "a system call with any stack pointer");
    for (unsigned bit = 0; bit < 22; bit++) {
        word_t may = 1ul << bit & 0x244cd5, set;

        run(v_syscall_flags, 0, 0x202 | 1ul << bit, 0);
        set = bit == 8 ? may : seen[0] & (1ul << bit);
        if (bit == 8 && state.trapno != 1) /* single step: the first exception comes at once */
            set = ~may;
        flags += bit == 1 || bit == 9 || set == may;
    }
    is(flags, 22, "and with any flag");
    is(run(v_step_int3, 0, 0, 0), 3, "a breakpoint that is stepped over");
    word_t trap = run(v_step_ss, 0, 0, 0);
    ok(trap == 1 && state.ip > (word_t)v_step_ss, "a system call that is stepped over, with a new stack segment");
    trap = run(v_step_ss_int3, 0, 0, 0);
    ok(trap == 1 || trap == 3, "a breakpoint, too");
    ok(run(v_unaligned, 0, 0, 0) == 6 || state.trapno == 17, "unaligned access with AC, around a system call");
    is(run(v_x87, 0, 0, 0), 16, "a floating point error that is pending during a system call");
    ok(run(v_sse, 0, 0, 0) == 19 || emulated(v_sse, v_unaligned), "one of a vector register");
    is(run(v_ud2, 0, 0, 0), 6, "and the next thread starts as ever");
}

static void test_bases(void)
{
    static const word_t bad[] = {1ul << 47, 0x8000000000000000, 0x00ffff0000000000, ~0ul << 48};
    static const word_t kernel[] = {0xffff800000000000, 0xffffffff80200000, ~0ul - 4095};
    unsigned refused = 0, faults = 0, dropped = 0;

    begin();
    word_t there = run(v_wrfsbase, (word_t)&state, 0, 0);
    for (unsigned i = 0; i < 4; i++) {
        refused += run(v_wrfsbase, bad[i], 0, 0) == there || state.trapno == 13;
        refused += run(v_wrgsbase, bad[i], 0, 0) == there || state.trapno == 13;
        begin();
        state.fs_base = state.gs_base = bad[i];
        answer();
        dropped += state.fs_base == 0 && state.gs_base == 0;
    }
    is(refused, 8, "bases that are not canonical are refused");
    is(dropped, 4, "  those that a handler sets are dropped");
    for (unsigned i = 0; i < 3; i++) {
        begin();
        state.fs_base = state.gs_base = kernel[i];
        state.ip = (word_t)v_wrfsbase;
        state.rax = kernel[i];
        answer();
        faults += state.trapno == 14 || state.trapno == 6;
        run(v_wrgsbase_syscall, kernel[i], 0, 0);
        faults += state.trapno == 6;
    }
    is(faults, 6, "addresses of the kernel may be bases, and show nothing");
    begin();
    state.gs_base = L4_INITIAL_UTCB + L4_UTCB_SIZE + 504;
    answer();
}

static void test_pointers(void)
{
    static const word_t bad[] = {1ul << 47, 0x8000000000000000, ~0ul - 1, 0xffff800000000000, L4_USER_END - 1,
                                 L4_USER_END};
    unsigned faults = 0;

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin();
        thread_ex_regs(SLOT_VICTIM, bad[i], bad[i], L4_EXREGS_CANCEL);
        wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
        faults += state.trapno == 14 || state.trapno == 13;
        ask();
    }
    is(faults, sizeof bad / sizeof bad[0], "pointers of ex_regs that lead nowhere: exceptions of the thread");
}

/* The kernel interface page and kernel-user memory are given with rights that nobody can add to. */
static void test_kernel_pages(void)
{
    word_t in_place = L4_INITIAL_UTCB;

    utcb()->bdr = 0;
    utcb()->br[0] = (WINDOW + 0x100000) | L4_ITEM_MAP;
    utcb()->br[1] = l4_fpage_make(L4_FPAGE_MEM, (WINDOW + 0x100000) >> 12, 12, 7).raw;
    utcb()->br[2] = 0;
    utcb()->mr[0] = ~0xfful | 0xa0; /* what sigma0 calls it */
    utcb()->mr[1] = 0;
    is(call(L4_SLOT_PAGER, L4_PROTO_SIGMA0, 2, 0), 0, "the kernel interface page");
    is(run(v_store, 0, WINDOW + 0x100000, 0), 14, "  cannot be written");
    ok((state.err & 7) == 7, "  though it is there");
    is(run((char *)in_place, 0, 0, 0), 14, "UTCBs cannot be executed");
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = L4_UNMAP_SELF;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, in_place >> 12, 12, 15).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
    ok(utcb()->self == (word_t)utcb(), "  nor taken away from under the kernel");
}

/* ---- states made up at random ---- */

static word_t random_state = 88172645463325252ul;

static word_t random_word(void)
{
    static const word_t odd[] = {0, 1, ~0ul, 1ul << 47, 0x7fffffffffff, 0x7ffffffff000, 0x8000000000000000,
                                 0xffff800000000000, 0xffffffff80200000, 0x23, 0x2b, 0x1b, 0x5b, 0x8, 0x10, 0x33};

    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state & 0x700 ? random_state : odd[random_state >> 20 & 15];
}

static void test_states(void)
{
    unsigned bad = 0, silent = 0;

    begin();
    for (unsigned n = 0; n < STATES; n++) {
        word_t *r = (word_t *)&state;
        static const char *const codes[] = {v_ud2, v_store, v_int3, v_popf};
        word_t which = random_word();

        for (unsigned i = 0; i < L4_EXC_WORDS; i++)
            r[i] = random_word();
        if (which & 0xc)
            state.ip = (word_t)codes[which & 3];
        else
            state.ip |= 1ul << 46; /* nothing is there */
        if (which & 0x30)
            state.ss = 0x23;
        if (which & 0xc0)
            state.gs_base = L4_INITIAL_UTCB + L4_UTCB_SIZE + 504;
        answer();
        if (state.trapno == NONE) {
            silent++;
            begin();
            continue;
        }
        bad += !(state.flags & 0x200) || (state.flags & 0x19a7000) != 0; /* IF; VIP, VIF, VM, NT, IOPL */
        bad += state.trapno > 19 || (state.cs & 0xff7f) != 0x2b;
        bad += ((int64_t)state.fs_base << 16 >> 16) != (int64_t)state.fs_base;
        bad += ((int64_t)state.gs_base << 16 >> 16) != (int64_t)state.gs_base;
    }
    is(bad, 0, "states that a handler makes up: the thread has what is allowed of them");
    root_printf("# %u of them without an exception in time\n", silent);
    ok(silent < STATES / 10, "  and goes on into an exception");
}

static int test_main(void)
{
    set_priority(L4_SLOT_THREAD, 100);
    others_to_last_cpu();
    is(thread_make(SLOT_VICTIM, (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE), L4_SLOT_THREAD), 0, "a victim");
    is(thread_make(SLOT_BYSTANDER, (struct l4_utcb *)(L4_INITIAL_UTCB + 2 * L4_UTCB_SIZE), L4_SLOT_THREAD), 0,
       "a bystander");
    set_priority(SLOT_VICTIM, 80);
    set_priority(SLOT_BYSTANDER, 90);
    thread_ex_regs(SLOT_BYSTANDER, (word_t)bystander, (word_t)(stack_bystander + sizeof stack_bystander) - 8, 0);
    test_interrupts();
    test_privileged();
    test_selectors();
    test_ends();
    test_calls();
    test_bases();
    test_pointers();
    test_kernel_pages();
    test_states();
    ok(asked > STATES, "the bystander was asked each time");
    is(wrong, 0, "  and gave the right answer");
    return tap_done();
}
