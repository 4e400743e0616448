/* SPDX-License-Identifier: MIT */
/*
 * What one thread can do with another: aliens, whose system calls are asked for; the page-fault trampoline; FPU
 * registers that travel with a message; triggered exceptions; the CPU given on; times; gates that end by their count.
 */
#include "root.h"
#include "tap.h"
#include <l4/trampoline.h>

#define SLOT_VICTIM 0x20u
#define SLOT_GATE 0x21u
#define SLOT_COPY 0x22u
#define KU 0x6000000000ul
#define WINDOW 0x5000000000ul /* there is no memory */
#define FREE 0x3000000ul      /* there is memory of sigma0's */

static char stack_victim[8192] __attribute__((aligned(16)));
static char page[4096] __attribute__((aligned(4096)));
volatile word_t spins;
static struct l4_exc_regs state;
static struct l4_pf_tramp *const area = (struct l4_pf_tramp *)KU;

#define CODE(name, text) \
    extern char name[];  \
    __asm__(".text\n.globl " #name "\n" #name ":\n" text)

CODE(v_ud2, "ud2\n");
CODE(v_spin, "incq spins\n jmp v_spin\n");
CODE(v_call, "movq $-2048 + 2, %rdx\n movl $0x400, %r8d\n xorl %eax, %eax\n movl $5, %ebx\n");
CODE(v_syscall, "syscall\n");
CODE(v_after, "ud2\n");
CODE(v_touch, "movq (%rax), %rbx\n ud2\n");
CODE(v_handler, "ud2\n");
CODE(v_resume, "movq %gs:0, %rcx\n movq $0x10009, (%rcx)\n movq $-12 << 16 | 1, %rax\n movq $-2048 + 3, %rdx\n"
               "xorl %r8d, %r8d\n syscall\n ud2\n");
CODE(v_fpu, "movq %xmm7, %rbx\n movq %rcx, %xmm7\n ud2\n");

static l4_tag last;

static int wait_exception(word_t destination, l4_tag tag)
{
    last = invoke(destination, tag, NULL, 10u << 10 | 900u);
    memcpy(&state, utcb()->mr, sizeof state);
    return !l4_tag_error(last);
}

static void answer(long label, unsigned flags)
{
    memcpy(utcb()->mr, &state, sizeof state);
    wait_exception(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(label, L4_EXC_WORDS, 0, flags));
}

static void run(const char *code, word_t rax)
{
    utcb()->bdr = utcb()->br[0] = 0;
    thread_ex_regs(SLOT_VICTIM, (word_t)v_ud2, (word_t)stack_victim + sizeof stack_victim, L4_EXREGS_CANCEL);
    wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
    state.ip = (word_t)code;
    state.rax = rax;
    answer(0, 0);
}

static long operation(word_t code, word_t w1, unsigned words)
{
    utcb()->mr[0] = code;
    utcb()->mr[1] = w1;
    return call(SLOT_VICTIM, L4_PROTO_THREAD, words, 0);
}

static void alien(word_t on)
{
    for (unsigned i = 1; i < 6; i++)
        utcb()->mr[i] = 0;
    utcb()->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_ALIEN;
    utcb()->mr[4] = on;
    call(SLOT_VICTIM, L4_PROTO_THREAD, 6, 0);
}

static void test_alien(void)
{
    alien(L4_THREAD_ALIEN);
    run(v_call, 0);
    ok(state.trapno == L4_TRAP_SYSCALL && state.err == 0, "an alien's system call: an exception before");
    is(state.ip, (word_t)v_syscall, "  at the instruction");
    ok(state.rdx == (L4_SEL_INVALID | L4_OP_RECV) && state.rbx == 5, "  with its registers");
    state.rbx = 6;
    answer(0, 0);
    ok(state.trapno == L4_TRAP_SYSCALL && state.err == 0, "not allowed: it comes again");
    is(state.ip, (word_t)v_syscall, "  at the same place");
    is(state.rbx, 6, "  with the registers of the answer");
    state.rbx = 7;
    answer(1, 0);
    ok(state.trapno == L4_TRAP_SYSCALL && state.err == 1, "allowed: an exception after it");
    ok(state.ip == (word_t)v_after && (state.rax & L4_TAG_ERROR) && state.rbx == 7, "  with its result");
    answer(0, 0);
    is(state.trapno, 6, "and the alien goes on");
    state.ip = (word_t)v_syscall;
    state.rdx = L4_SEL_INVALID | L4_OP_RECV;
    answer(0, 0);
    ok(state.trapno == L4_TRAP_SYSCALL && state.err == 0, "the next one is asked for again");
    run(v_touch, FREE);
    is(l4_tag_label(last), L4_PROTO_EXCEPTION, "its page faults are exceptions");
    ok(state.trapno == 14 && state.pfa == FREE, "  of number 14");
    alien(0);
    run(v_touch, FREE);
    is(state.trapno, 6, "no alien any more: its pager is asked");
}

static void test_trampoline(void)
{
    memset(area, 0, sizeof *area);
    area->handler_ip = (word_t)v_handler;
    is(operation(L4_OP_THREAD_TRAMPOLINE | L4_TRAMP_SETUP << 16, KU, 2), 0, "a page-fault trampoline");
    run(v_touch, WINDOW + 0x10);
    ok(state.trapno == 6 && state.ip == (word_t)v_handler, "a page fault goes on at its handler");
    ok(state.rdi == KU && (state.rsi & ~7ul) == WINDOW + 0x10, "  with area and address");
    ok(area->flags == L4_TRAMP_IN_PROGRESS && area->regs[18] == (word_t)v_touch, "  and where it was");
    *(volatile word_t *)(page + 0x10) = 0x1234;
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = WINDOW | L4_ITEM_MAP;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, (word_t)page >> 12, 12, 7).raw;
    put_cap_item(3, L4_SLOT_TASK, 15);
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);
    run(v_resume, 0);
    ok(state.trapno == 6 && state.rbx == 0x1234, "resumed: the access is made");
    is(area->flags, 0, "  and nothing is in progress");
    long disabled = operation(L4_OP_THREAD_TRAMPOLINE | L4_TRAMP_DISABLE << 16, 0, 1);
    word_t was = utcb()->mr[0];
    ok(disabled == 0 && was == 1, "disabled, which it was not before");
}

static void test_fpu(void)
{
    word_t mine;

    run(v_ud2, 0);
    state.ip = (word_t)v_fpu;
    state.rcx = 0x2222;
    __asm__ volatile("movq %0, %%xmm7" ::"r"(0x1111ul) : "xmm7");
    answer(0, L4_TAG_FPU);
    is(state.rbx, 0x1111, "FPU registers go with an answer");
    run(v_ud2, 0);
    state.ip = (word_t)v_fpu;
    state.rcx = 0x3333;
    answer(0, 0);
    is(state.rbx, 0x2222, "without the flag each keeps its own");
    utcb()->bdr = L4_BDR_INHERIT_FPU;
    answer(0, 0);
    __asm__ volatile("movq %%xmm7, %0" : "=r"(mine));
    is(mine, 0x3333, "with an exception they come when they are wanted");
    utcb()->bdr = 0;
}

static word_t consumed(word_t slot)
{
    utcb()->mr[0] = L4_OP_THREAD_STATS;
    call(slot, L4_PROTO_THREAD, 1, 0);
    return utcb()->mr[0];
}

static word_t idle(void)
{
    utcb()->mr[0] = L4_OP_SCHED_IDLE_TIME;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = 1;
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 3, 0);
    return utcb()->mr[0];
}

static void pause_ms(unsigned ms) { invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 10u << 10 | ms); }

static void test_times(void)
{
    word_t before, between;

    run(v_ud2, 0);
    before = idle();
    pause_ms(20);
    ok(idle() >= before + 15000, "the CPU is idle while all sleep");
    before = idle();
    between = consumed(SLOT_VICTIM);
    thread_ex_regs(SLOT_VICTIM, (word_t)v_spin, ~0ul, L4_EXREGS_CANCEL);
    pause_ms(20);
    ok(spins > 0, "a thread runs while another sleeps");
    ok(consumed(SLOT_VICTIM) >= between + 10000, "  and its time is counted");
    ok(idle() < before + 10000, "  not as idle");
    before = spins;
    for (volatile unsigned i = 0; i < 100000; i++)
        ;
    is(spins, before, "a more important one keeps the CPU");
    is(operation(L4_OP_THREAD_SWITCH_TO, 0, 1), 0, "  until it gives it on");
    ok(spins > before, "  to the thread that it names");
    thread_ex_regs(SLOT_VICTIM, ~0ul, ~0ul, L4_EXREGS_TRIGGER);
    utcb()->bdr = utcb()->br[0] = 0;
    wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
    is(state.trapno, L4_TRAP_TRIGGERED, "a thread that runs is made to raise an exception");
    ok(state.ip >= (word_t)v_spin && state.ip < (word_t)v_call, "  where it is");
}

static int there(word_t slot)
{
    utcb()->mr[0] = L4_OP_TASK_CAP_INFO;
    utcb()->mr[1] = SEL(slot);
    return call(L4_SLOT_TASK, L4_PROTO_TASK, 2, 0) == 1;
}

static void copy(unsigned attributes)
{
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = SEL(SLOT_COPY) | L4_ITEM_MAP | attributes;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, SLOT_GATE, 0, 7).raw;
    put_cap_item(3, L4_SLOT_TASK, 15);
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);
}

static void unmap(word_t slot)
{
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = L4_UNMAP_SELF;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
}

static void test_counts(void)
{
    create(SLOT_GATE, L4_PROTO_NONE);
    copy(0);
    utcb()->mr[0] = L4_OP_GATE_DEC_REFCNT;
    utcb()->mr[1] = 1;
    long answer = call(SLOT_GATE, L4_PROTO_KOBJECT, 2, 0);
    word_t left = utcb()->mr[0];
    ok(answer == 0 && left == 1, "a server does not count itself: one is left");
    ok(there(SLOT_GATE) && there(SLOT_COPY), "  and the gate lives");
    unmap(SLOT_COPY);
    ok(!there(SLOT_GATE), "the last one that counts goes: the gate ends");
    create(SLOT_GATE, L4_PROTO_NONE);
    copy(L4_OBJ_WEAK);
    ok(there(SLOT_COPY), "a copy that does not count");
    unmap(SLOT_GATE);
    ok(!there(SLOT_COPY), "  does not keep the gate alive");
}

static int test_main(void)
{
    utcb()->mr[0] = L4_OP_TASK_ADD_KU_MEM;
    utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, KU >> 12, 12, 6).raw;
    is(call(L4_SLOT_TASK, L4_PROTO_TASK, 2, 0), 0, "kernel-user memory");
    set_priority(L4_SLOT_THREAD, 100);
    is(thread_make(SLOT_VICTIM, (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE), L4_SLOT_THREAD), 0, "a thread");
    set_priority(SLOT_VICTIM, 80);
    test_alien();
    test_trampoline();
    test_fpu();
    test_times();
    test_counts();
    return tap_done();
}
