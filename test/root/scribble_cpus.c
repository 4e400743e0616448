/* SPDX-License-Identifier: MIT */
/*
 * Arguments that change while the kernel reads them: a thread on another CPU makes system calls without end, or runs as
 * a vCPU in and out of user mode, while this one overwrites its message registers, its buffers and its vCPU state with
 * whatever comes. What was checked must be what is used: labels of gates keep their low bits clear, the bystander gets
 * every word right, and when all of it is deleted the quota is back. labe-run: --cpus 2 --timeout 120
 */
#include "purse.h"
#include <l4/vcpu.h>

#define SLOT_WORKER 0x30u
#define SLOT_TARGET 0x31u /* a thread that never runs: its segments and gates are worked on */
#define SLOT_BOX 0x32u    /* a task that is mapped into, and user task of the vCPU */
#define SLOT_GATE 0x33u
#define SLOT_BYSTANDER 0x34u
#define SLOT_MADE 0x36u
#define SLOT_DEAD 0x37u
#define SLOT_PAYER 0x21u
#define KU_WORKER 0x6000000000ul
#define STATE (KU_WORKER + 0x1000)
#define PAGE_OF_BOX 0x5000000000ul
#define ROUNDS 400000u
#define STATES 60000u

static char page_given[4096] __attribute__((aligned(4096)));
static char stack_worker[8192] __attribute__((aligned(4096)));
static char stack_bystander[4096] __attribute__((aligned(16)));
static volatile word_t calls, low_bits, stop;
volatile word_t entries;
extern char __executable_start[], __bss_start[];
static struct l4_utcb *const victim = (struct l4_utcb *)KU_WORKER;

static word_t random_state = 88172645463325252ul;

static word_t random_word(void)
{
    static const word_t odd[] = {0, 1, 3, ~0ul, 0x40, 0x43, 1ul << 47, 0x8000000000000000, 0x00cff3000000ffff,
                                 0x00cf93000000ffff, 0x0000e9000000ffff, 0xffffffff80200000, SEL(SLOT_BOX),
                                 SEL(SLOT_GATE) | L4_ITEM_MAP, 0x2b, 0x1b};

    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state & 0x300 ? odd[random_state >> 20 & 15] : random_state;
}

/* ---- the bystander, on the CPU of the worker ---- */

static word_t asked, wrong;

static void bystander(void)
{
    invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, NEVER);
    for (;;) {
        utcb()->mr[0]++;
        invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(0, 1, 0, 0), NULL, NEVER);
    }
}

static void ask(void)
{
    utcb()->mr[0] = ++asked;
    l4_tag tag = invoke(SEL(SLOT_BYSTANDER) | OP_CALL, l4_tag_make(0, 1, 0, 0), NULL, 12u << 10 | 1000u);
    wrong += l4_tag_error(tag) || utcb()->mr[0] != asked + 1;
}

/* ---- system calls whose arguments are overwritten ---- */

static void worker_call(word_t slot, long proto, unsigned words, unsigned items, word_t code, word_t w1)
{
    struct l4_utcb *u = utcb();

    u->mr[0] = code;
    u->mr[1] = w1;
    put_cap_item(words, SLOT_TARGET, 15);
    invoke(SEL(slot) | OP_CALL, l4_tag_make(proto, words, items, 0), NULL, L4_TIMEOUT_ZERO | L4_TIMEOUT_ZERO << 16);
    calls++;
}

static void worker(void)
{
    while (!stop) {
        worker_call(SLOT_GATE, L4_PROTO_KOBJECT, 2, 1, L4_OP_GATE_BIND, 0x40);
        worker_call(SLOT_TARGET, L4_PROTO_THREAD, 6, 0, L4_OP_THREAD_GDT, 0);
        worker_call(SLOT_TARGET, L4_PROTO_THREAD, 2, 0, L4_OP_THREAD_SET_BASE, 0);
        receive_into_slot(SLOT_MADE);
        worker_call(SLOT_PAYER, L4_PROTO_FACTORY, 3, 1, (word_t)L4_PROTO_NONE, 0);
        worker_call(SLOT_BOX, L4_PROTO_TASK, 3, 1, L4_OP_TASK_ADD_KU_MEM, l4_fpage_make(L4_FPAGE_MEM, 5, 13, 6).raw);
        worker_call(SLOT_BOX, L4_PROTO_TASK, 4, 0, L4_OP_TASK_UNMAP, L4_UNMAP_SELF);
        put_cap_item(3, SLOT_BOX, 15); /* not our own: all that we have might be granted away */
        utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, PAGE_OF_BOX >> 12, 12, 7).raw;
        utcb()->mr[0] = L4_OP_TASK_MAP;
        utcb()->mr[1] = (PAGE_OF_BOX + 0x1000) | L4_ITEM_MAP;
        invoke(SEL(SLOT_BOX) | OP_CALL, l4_tag_make(L4_PROTO_TASK, 3, 1, 0), NULL,
               L4_TIMEOUT_ZERO | L4_TIMEOUT_ZERO << 16);
        utcb()->mr[0] = L4_OP_GATE_INFO;
        l4_tag tag = invoke(SEL(SLOT_GATE) | OP_CALL, l4_tag_make(L4_PROTO_KOBJECT, 1, 0, 0), NULL,
                            L4_TIMEOUT_ZERO | L4_TIMEOUT_ZERO << 16);
        word_t label = utcb()->mr[0]; /* may be overwritten, but never with what is looked for */
        low_bits += l4_tag_label(tag) == 0 && l4_tag_words(tag) == 1 && (label & 3) != 0 && label >> 4 == 0x765432;
    }
    for (;;)
        invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, NEVER);
}

static void test_arguments(void)
{
    calls = 0;
    stop = 0;
    thread_ex_regs(SLOT_WORKER, (word_t)worker, (word_t)(stack_worker + sizeof stack_worker) - 8, L4_EXREGS_CANCEL);
    for (unsigned n = 0; n < ROUNDS; n++) {
        word_t r = random_word();

        if (n & 1) { /* labels that are good and bad in turn */
            victim->mr[1] = 0x7654320 | (n >> 1 & 3);
        } else {
            victim->mr[1 + (random_state >> 40 & 7)] = r;
            victim->br[random_state >> 44 & 3] = random_word();
        }
        if (n % 1000 == 0)
            ask();
    }
    stop = 1;
    pause_ms(5);
    ok(calls > 1000, "system calls are made while their arguments are overwritten");
    is(low_bits, 0, "  and no gate has a label with low bits");
}

/* ---- a vCPU whose state is overwritten ---- */

void vcpu_entry(void);
/* rdi: the state. Resumes for ever. */
__asm__(".text\n.globl vcpu_entry\nvcpu_entry:\n"
        "movabsq $0x6000000000, %rbx\n movq $4, (%rbx)\n incq entries\n"
        "movq $-12 << 16 | 1, %rax\n movq $0xfffffffffffff803, %rdx\n xorl %r8d, %r8d\n syscall\n jmp vcpu_entry\n");

static void test_vcpu(void)
{
    struct l4_vcpu *v = (struct l4_vcpu *)STATE;
    word_t *regs = (word_t *)&v->regs;

    utcb()->mr[0] = L4_OP_THREAD_VCPU_CONTROL;
    utcb()->mr[1] = STATE;
    is(call(SLOT_WORKER, L4_PROTO_THREAD, 2, 0), 0, "a vCPU");
    for (unsigned n = 0; n < STATES; n++) {
        for (unsigned i = 0; i < 6; i++)
            regs[(random_state >> (8 * i) & 0xff) % L4_EXC_WORDS] = random_word();
        v->saved_state = (uint16_t)(n & 0xf ? random_word() : L4_VCPU_USER_MODE | L4_VCPU_FPU);
        v->state = (uint16_t)random_word();
        v->sticky_flags = (uint16_t)random_word();
        v->user_task = n & 0x10 ? SEL(SLOT_BOX) : random_word();
        v->entry_ip = (word_t)vcpu_entry;
        v->entry_sp = n & 0x20 ? random_word() : (word_t)(stack_worker + sizeof stack_worker) - 8;
        if (n % 50 == 0) {
            thread_ex_regs(SLOT_WORKER, (word_t)vcpu_entry, (word_t)(stack_worker + sizeof stack_worker) - 8,
                           L4_EXREGS_CANCEL);
            ask();
        }
    }
    ok(entries > STATES / 50, "it is resumed while its state is overwritten");
    root_printf("# %lu entries, %lu system calls\n", entries, calls);
}

static long make(word_t slot, long proto, word_t argument)
{
    receive_into_slot(slot);
    utcb()->mr[0] = (word_t)proto;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = argument;
    return call(SLOT_PAYER, L4_PROTO_FACTORY, 3, 0);
}

/* What came into slots that nobody had meant. */
static void delete_made(void)
{
    delete(0);
    for (unsigned order = 6; order < 16; order++) {
        utcb()->mr[0] = L4_OP_TASK_UNMAP;
        utcb()->mr[1] = L4_UNMAP_SELF | L4_UNMAP_DELETE;
        utcb()->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, 1ul << order, order, 15).raw;
        call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
    }
}

/* Its pager is a gate of nobody any more, and it has no handler: with a fault it sleeps until it is cancelled. */
static void worker_make(void)
{
    make(SLOT_WORKER, L4_PROTO_THREAD, 0);
    create(SLOT_DEAD, L4_PROTO_NONE);
    utcb()->mr[0] = L4_OP_GATE_BIND;
    utcb()->mr[1] = 0;
    put_cap_item(2, SLOT_WORKER, 15);
    call(SLOT_DEAD, L4_PROTO_KOBJECT, 2, 1);
    delete(SLOT_WORKER);
    make(SLOT_WORKER, L4_PROTO_THREAD, 0);
    utcb()->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_BIND_TASK;
    utcb()->mr[1] = SEL(SLOT_DEAD);
    utcb()->mr[2] = SEL(0x77);
    utcb()->mr[3] = utcb()->mr[4] = 0;
    utcb()->mr[5] = KU_WORKER;
    put_cap_item(6, L4_SLOT_TASK, 15);
    is(call(SLOT_WORKER, L4_PROTO_THREAD, 6, 1), 0, "a worker");
    run_thread(SLOT_WORKER, 50, 1);
}

static int test_main(void)
{
    word_t full;

    utcb()->mr[0] = L4_OP_TASK_ADD_KU_MEM;
    utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, KU_WORKER >> 12, 13, 6).raw;
    is(call(L4_SLOT_TASK, L4_PROTO_TASK, 2, 0), 0, "kernel-user memory");
    set_priority(L4_SLOT_THREAD, 100);
    others_to_last_cpu();
    thread_make(SLOT_BYSTANDER, (struct l4_utcb *)(L4_INITIAL_UTCB + 2 * L4_UTCB_SIZE), 0);
    thread_ex_regs(SLOT_BYSTANDER, (word_t)bystander, (word_t)(stack_bystander + sizeof stack_bystander) - 8, 0);
    set_priority(SLOT_BYSTANDER, 90);
    for (char *p = __executable_start; p < __bss_start; p += 4096)
        (void)*(volatile char *)p;
    stack_worker[0] = stack_worker[4096] = page_given[0] = 0;
    is(factory_make(L4_SLOT_FACTORY, SLOT_PURSE, PURSE_BYTES), 0, "the factory that pays");
    full = purse_left();
    for (unsigned life = 0; life < 2; life++) {
        is(factory_make(SLOT_PURSE, SLOT_PAYER, 4ul << 20), 0, "its part");
        make(SLOT_TARGET, L4_PROTO_THREAD, 0);
        make(SLOT_BOX, L4_PROTO_TASK, 0);
        make(SLOT_GATE, L4_PROTO_NONE, 0);
        utcb()->mr[0] = L4_OP_TASK_MAP;
        utcb()->mr[1] = PAGE_OF_BOX | L4_ITEM_MAP;
        utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, (word_t)page_given >> 12, 12, 7).raw;
        put_cap_item(3, L4_SLOT_TASK, 15);
        call(SLOT_BOX, L4_PROTO_TASK, 3, 1);
        worker_make();
        if (life == 0)
            test_arguments();
        else
            test_vcpu();
        delete(SLOT_WORKER);
        delete(SLOT_TARGET);
        delete(SLOT_GATE);
        delete(SLOT_MADE);
        delete(SLOT_DEAD);
        delete(SLOT_BOX);
        delete(SLOT_PAYER);
        delete_made();
        ok(purse_is_full(full), "everything is back");
    }
    ask();
    is(wrong, 0, "the bystander has had every word right");
    return tap_done();
}
