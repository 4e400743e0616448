/* SPDX-License-Identifier: MIT */
/*
 * What a program must not learn: where the kernel is and what it maps (from faults, from instructions that show system
 * registers), what another thread had in its general or vector registers, what memory held before it was given out.
 */
#include "root.h"
#include "tap.h"

#define SLOT_VICTIM 0x20u
#define SLOT_OTHER 0x21u
#define SLOT_TASK_ 0x22u
#define KU 0x6000000000ul
#define ROUNDS 2000u

static char stack_victim[4096] __attribute__((aligned(16)));
static char stack_other[4096] __attribute__((aligned(16)));
static volatile word_t seen[20];
static const word_t pattern[2][4] = {{0x1111, 0x1112, 0x1113, 0x1114}, {0x2221, 0x2222, 0x2223, 0x2224}};
static volatile word_t wrong[2], rounds[2];
static struct l4_exc_regs state;

#define CODE(name, text) \
    extern char name[];  \
    __asm__(".text\n.globl " #name "\n" #name ":\n" text)

CODE(v_read, "movq (%rax), %rbx\n");
CODE(v_write, "movq %rbx, (%rax)\n");
CODE(v_jump, "jmp *%rax\n");
CODE(v_ud2, "ud2\n");
CODE(v_sgdt, "sgdt seen\n ud2\n");
CODE(v_sidt, "sidt seen\n ud2\n");
CODE(v_sldt, "sldt %ax\n ud2\n");
CODE(v_str, "str %ax\n ud2\n");
CODE(v_smsw, "smsw %ax\n ud2\n");
CODE(v_rdmsr, "movl $0xc0000082, %ecx\n rdmsr\n ud2\n"); /* the kernel's entry point */
CODE(v_rdpmc, "xorl %ecx, %ecx\n rdpmc\n ud2\n");
CODE(v_cr3, "movq %cr3, %rax\n ud2\n");
CODE(v_dr7, "movq %dr7, %rax\n ud2\n");
CODE(v_xgetbv, "movl $0, %ecx\n xsetbv\n ud2\n");
CODE(v_invlpg, "invlpg (%rax)\n ud2\n");
CODE(v_swapgs, "swapgs\n ud2\n");
CODE(v_sysret, "sysretq\n");
CODE(v_cli, "cli\n ud2\n");
CODE(v_hlt, "hlt\n ud2\n");
CODE(v_store, "movq %rax, seen\n movq %rbx, seen + 8\n movq %rcx, seen + 16\n movq %rdx, seen + 24\n"
              "movq %rsi, seen + 32\n movq %rdi, seen + 40\n movq %rbp, seen + 48\n movq %r8, seen + 56\n"
              "movq %r9, seen + 64\n movq %r10, seen + 72\n movq %r11, seen + 80\n movq %r12, seen + 88\n"
              "movq %r13, seen + 96\n movq %r14, seen + 104\n movq %r15, seen + 112\n ud2\n");
CODE(v_xmm, "movq %rbx, %rdi\n andq $-16, %rsp\n call xmm_main\n");
CODE(v_ymm, "movq %rbx, %rdi\n andq $-16, %rsp\n call ymm_main\n");

/* Thread i fills vector registers, sleeps a microsecond, and looks whether its values are still there. */
#define VECTOR_MAIN(name, load, store)                                                                                 \
    __attribute__((used)) void name(word_t i)                                                                          \
    {                                                                                                                  \
        const word_t *mine = pattern[i];                                                                               \
        word_t found[4] = {0, 0, 0, 0}, tag, dest, label;                                                              \
        while (rounds[i] < ROUNDS) {                                                                                   \
            register word_t r8 __asm__("r8") = 1; /* µs */                                                            \
            tag = 0;                                                                                                   \
            dest = L4_SEL_INVALID | L4_OP_RECV;                                                                        \
            __asm__ volatile(load "\n\tsyscall\n\t" store                                                              \
                             : "+a"(tag), "+d"(dest), "=S"(label)                                                      \
                             : "r"(r8), "r"(mine), "r"(found)                                                          \
                             : "rcx", "r11", "rdi", "r15", "memory", "cc", "xmm11", "xmm12");                          \
            for (unsigned k = 0; k < 4; k++)                                                                           \
                wrong[i] += found[k] != mine[k];                                                                       \
            rounds[i]++;                                                                                               \
        }                                                                                                              \
        __asm__ volatile("ud2");                                                                                       \
    }
VECTOR_MAIN(xmm_main, "movdqu (%4), %%xmm11\n\tmovdqu 16(%4), %%xmm12",
            "movdqu %%xmm11, (%5)\n\tmovdqu %%xmm12, 16(%5)")
VECTOR_MAIN(ymm_main, "vmovdqu (%4), %%ymm11", "vmovdqu %%ymm11, (%5)")

static void wait_exception(word_t destination, l4_tag tag)
{
    invoke(destination, tag, NULL, NEVER);
    memcpy(&state, utcb()->mr, sizeof state);
}

static void go_on(void)
{
    memcpy(utcb()->mr, &state, sizeof state);
    wait_exception(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(0, L4_EXC_WORDS, 0, 0));
}

/* The exception that code raises with a value in rax and rbx. */
static void run(const char *code, word_t rax)
{
    thread_ex_regs(SLOT_VICTIM, (word_t)v_ud2, (word_t)stack_victim + sizeof stack_victim, L4_EXREGS_CANCEL);
    utcb()->bdr = utcb()->br[0] = 0;
    wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
    state.rax = rax;
    state.ip = (word_t)code;
    go_on();
}

static void test_addresses(void)
{
    static const word_t places[] = {0xffff800000000000ul, 0xffff800000200000ul, 0xffff800001000000ul,
                                    0xffff900000000000ul, 0xfffff00000000000ul, 0xffffffff80000000ul,
                                    0xffffffff80200000ul, 0xffffffff80210000ul, 0xffffffffc0000000ul,
                                    0xfffffffffffff000ul};
    static const struct {
        const char *code, *name;
    } ways[] = {{v_read, "reading"}, {v_write, "writing"}, {v_jump, "jumping to"}};

    for (unsigned w = 0; w < 3; w++) {
        word_t trap = 0, err = 0;
        int same = 1;

        for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
            run(ways[w].code, places[i]);
            same &= i == 0 || (state.trapno == trap && state.err == err);
            trap = state.trapno;
            err = state.err;
        }
        root_printf("# %s: trap %lu, error code %lu\n", ways[w].name, trap, err);
        ok(same && trap == 14, "an address of the kernel says nothing about what is there");
    }
}

static void test_instructions(void)
{
    static const struct {
        const char *code, *name;
    } all[] = {{v_rdmsr, "rdmsr"}, {v_rdpmc, "rdpmc"},   {v_cr3, "mov cr3"},   {v_dr7, "mov dr7"},
               {v_xgetbv, "xsetbv"}, {v_invlpg, "invlpg"}, {v_swapgs, "swapgs"}, {v_sysret, "sysret"},
               {v_cli, "cli"},     {v_hlt, "hlt"}};
    static const char *const tables[] = {v_sgdt, v_sidt, v_sldt, v_str, v_smsw};
    word_t a = 7, b, c = 0, d;
    int refused = 1;

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        run(all[i].code, 0x1000);
        root_printf("# %s\n", all[i].name);
        is(state.trapno, 13, "a privileged instruction is refused");
    }
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(c & 4)) {
        root_printf("# this CPU cannot hide its descriptor tables\n");
        return;
    }
    for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        run(tables[i], 0);
        refused &= state.trapno == 13;
    }
    ok(refused, "nor are descriptor tables shown");
}

static void test_new_thread(void)
{
    word_t any = 0;

    is(thread_make(SLOT_OTHER, (struct l4_utcb *)(KU + 1024), L4_SLOT_THREAD), 0, "a new thread");
    thread_ex_regs(SLOT_OTHER, (word_t)v_store, (word_t)stack_other + sizeof stack_other, 0);
    set_priority(SLOT_OTHER, 200);
    wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
    for (unsigned i = 0; i < 15; i++)
        any |= seen[i];
    is(any, 0, "begins with empty registers");
}

static void test_vectors(const char *code, const char *name)
{
    root_printf("# %s\n", name);
    for (unsigned i = 0; i < 2; i++) {
        wrong[i] = rounds[i] = 0;
        word_t stack = (word_t)(i ? stack_other : stack_victim) + sizeof stack_other;

        thread_ex_regs(SLOT_VICTIM + i, (word_t)v_ud2, stack, L4_EXREGS_CANCEL);
        wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
        state.rbx = i;
        state.ip = (word_t)code;
        memcpy(utcb()->mr, &state, sizeof state);
        invoke(L4_SEL_INVALID | L4_OP_SEND | L4_OP_REPLY, l4_tag_make(0, L4_EXC_WORDS, 0, 0), NULL, NEVER);
    }
    for (unsigned i = 0; i < 2; i++)
        wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
    ok(rounds[0] == ROUNDS && rounds[1] == ROUNDS, "two threads change places");
    is(wrong[0] + wrong[1], 0, "each finds its own vector registers");
}

static int has_avx(void)
{
    word_t a = 1, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (c >> 27 & 3) == 3; /* in use, and there */
}

static long task_with_memory(void)
{
    receive_into_slot(SLOT_TASK_);
    utcb()->mr[0] = (word_t)L4_PROTO_TASK;
    utcb()->mr[1] = utcb()->mr[2] = 0;
    return call(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 3, 0);
}

/* Kernel-user memory of the own task, full of a secret: it cannot be given back but with the task; another's can. */
static void test_recycled(void)
{
    word_t any = 0;

    for (unsigned round = 0; round < 4; round++) {
        word_t at = 0x6100000000ul + round * 0x100000;

        utcb()->mr[0] = L4_OP_TASK_ADD_KU_MEM;
        utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, at >> 12, 17, 6).raw;
        is(call(L4_SLOT_TASK, L4_PROTO_TASK, 2, 0), 0, "memory shared with the kernel");
        for (unsigned i = 0; i < (1u << 17) / 8; i++)
            any |= ((volatile word_t *)at)[i];
        for (unsigned k = 0; k < 50; k++) { /* objects, tables and mappings come and go in between */
            task_with_memory();
            utcb()->mr[0] = L4_OP_TASK_MAP;
            utcb()->mr[1] = (word_t)stack_victim | L4_ITEM_MAP;
            utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, (word_t)stack_victim >> 12, 12, 6).raw;
            put_cap_item(3, L4_SLOT_TASK, 15);
            call(SLOT_TASK_, L4_PROTO_TASK, 3, 1);
        }
        utcb()->mr[0] = L4_OP_TASK_UNMAP;
        utcb()->mr[1] = L4_UNMAP_SELF | L4_UNMAP_DELETE;
        utcb()->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, SLOT_TASK_, 0, 15).raw;
        call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
    }
    is(any, 0, "nothing of the kernel is left in it");
}

static int test_main(void)
{
    utcb()->mr[0] = L4_OP_TASK_ADD_KU_MEM;
    utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, KU >> 12, 12, 6).raw;
    is(call(L4_SLOT_TASK, L4_PROTO_TASK, 2, 0), 0, "memory for UTCBs");
    set_priority(L4_SLOT_THREAD, 100);
    stack_victim[0] = stack_other[0] = 0;
    is(thread_make(SLOT_VICTIM, (struct l4_utcb *)KU, L4_SLOT_THREAD), 0, "a victim");
    thread_ex_regs(SLOT_VICTIM, (word_t)v_ud2, (word_t)stack_victim + sizeof stack_victim, 0);
    set_priority(SLOT_VICTIM, 200);
    wait_exception(L4_SEL_INVALID | OP_WAIT, (l4_tag){0});
    is(state.trapno, 6, "that raises exceptions");
    test_addresses();
    test_instructions();
    test_new_thread();
    test_vectors(v_xmm, "SSE");
    if (has_avx())
        test_vectors(v_ymm, "AVX");
    test_recycled();
    return tap_done();
}
