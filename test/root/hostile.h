/* SPDX-License-Identifier: MIT */
/*
 * Programs that do everything wrong: two tasks with two threads each make random system calls with random registers,
 * flags, tags, UTCB contents, flexpages and slots. Around them a supervisor (the root task: pager and exception handler
 * of the hostile threads) and pairs of bystanders that exchange messages all the time.
 *
 * A run consists of lives. For each life everything hostile is made anew, from one factory; afterwards all of it is
 * deleted, and the factory's quota must be back in full. What is free in the kernel is measured before and after the
 * run by filling it to the last page.
 *
 * Checked meanwhile: no bystander gets a wrong word or another's FPU registers; no register and no message register of
 * a hostile thread, and no exception message, ever shows an address of the kernel.
 *
 * The program that includes this defines HOSTILE_CALLS. The seed is printed; a program that defines HOSTILE_SEED, too,
 * makes the same calls again (when timer interrupts come is QEMU's affair, unless it counts instructions).
 */
#pragma once
#include "purse.h"

#ifndef HOSTILE_SEED
#define HOSTILE_SEED 0
#endif
#define TASKS 2u
#define THREADS 4u /* thread i is in task i % TASKS */
#define PAIRS 2u
#define LIFE_CALLS 4000u
#define ENTRY_STACK 4096u /* the page that begins with struct hostile ends with the stack */

/* Slots of the supervisor. */
#define SLOT_FACTORY_ 0x21u
#define SLOT_TASKS 0x28u
#define SLOT_THREADS 0x30u
#define SLOT_GATES 0x38u
#define SLOT_PAIRS 0x40u /* client, server, gate of each */
/* Slots of a hostile task. */
#define MY_TASK 1u
#define MY_FACTORY 2u
#define MY_THREAD 3u /* and 8 */
#define MY_PAGER 4u  /* and 9 */
#define THEIR_TASK 5u
#define THEIR_THREAD 6u
#define MY_SCHEDULER 7u
#define MY_ICU 10u
#define SLOTS_USED 0x30u

#define FACTORY_BYTES (8ul << 20)
#define KU_HOSTILE 0x6000000000ul
#define KU_OWN 0x6100000000ul
#define DIRECT_FIRST 0xffff800000100000ul /* where kernels keep memory: nothing of it is a user's business */
#define DIRECT_LAST 0xffff8000fffffffful
#define IMAGE_FIRST 0xffffffff80000000ul
#define IMAGE_LAST 0xffffffffc1fffffful

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, REGS };

struct hostile {
    word_t random, calls, done, index; /* done: calls without an error */
    struct l4_utcb *utcb;
    word_t leaks, leak_word, leak_where;
    word_t regs[REGS];
};

struct bystander {
    struct l4_utcb *utcb;
    word_t rounds, wrong, wrong_fpu, secret, gate;
};

static char page_of[THREADS][ENTRY_STACK] __attribute__((aligned(4096)));
static char bystander_stack[2 * PAIRS][4096] __attribute__((aligned(16)));
static struct bystander bystanders[2 * PAIRS];
static word_t seed, cpus;
static word_t exceptions, page_faults, other_messages, lives, exception_leaks, stalls;
extern char __executable_start[], __bss_start[];

static struct hostile *hostile(unsigned i) { return (struct hostile *)page_of[i]; }

/* ---- random words ---- */

static word_t random_next(word_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static word_t random_slot(word_t r) { return (r & 7) == 0 ? r >> 8 & 0xfffff : (r >> 8) % SLOTS_USED; }

static word_t random_address(word_t r)
{
    static const word_t bases[] = {KU_HOSTILE, 0x4000000, 0x10000000, 0x7ff000000000, 0x7ffffffff000, 0x800000000000,
                                   0x8000000000000000ul, 0};
    return bases[r & 7] + (r >> 8 & (r & 8 ? 0x1ffff : 0x3f000));
}

static word_t random_fpage(word_t r)
{
    unsigned order = r & 0x1f0 ? 0 : r >> 24 & 63;

    switch (r & 3) {
    case 0:
        return l4_fpage_make(L4_FPAGE_OBJ, random_slot(r >> 8), order, (unsigned)(r >> 32)).raw;
    case 1:
        return l4_fpage_make(L4_FPAGE_IO, r >> 8 & 0xffff, order, (unsigned)(r >> 32)).raw;
    case 2:
        return l4_fpage_make(L4_FPAGE_MEM, random_address(r >> 8) >> 12, order ? order : 12 + (r >> 36 & 3),
                             (unsigned)(r >> 32)).raw;
    default:
        return r & 0x3fffffffffffffful;
    }
}

/* Never an address of the kernel. */
static word_t random_word(word_t *state)
{
    word_t r = random_next(state);

    switch (r >> 60) {
    case 0:
    case 1:
        return r >> 4 & 0xff;
    case 2:
    case 3:
        return L4_ITEM_MAP | SEL(random_slot(r)) | (r >> 40 & 0xf7);
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
        return random_fpage(r);
    case 9:
    case 10:
        return random_address(r);
    case 11:
        return r & 0x1f1f; /* operation codes with flags */
    case 12:
        return 1ul << (r & 63);
    case 13:
        return ~0ul - (r & 3);
    case 14:
        return (r & 0x1f) | (r & 0xff0000);
    default:
        return r & 0x7ffffffffffffffful;
    }
}

static unsigned random_timeout(word_t r)
{
    static const unsigned some[] = {L4_TIMEOUT_ZERO, L4_TIMEOUT_ZERO, L4_TIMEOUT_ZERO, 0x0401,
                                    0x0801,          0x1040,          0x8003,          0};

    return (r & 31) == 31 ? (unsigned)(r >> 8 & 0xffff) : some[r & ((r & 0x700) ? 3 : 7)];
}

/* ---- a hostile thread ---- */

void hostile_call(word_t dest, word_t tag, word_t label, word_t timeout, word_t *regs, word_t flags);
void hostile_entry(void);
/* All registers are known before the call (0x41…) and stored after it. Flags: whatever user code may set. */
__asm__(".text\n.globl hostile_call\nhostile_call:\n"
        "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n pushq %r8\n pushq %r9\n"
        "movq %rsi, %rax\n movq %rdx, %rsi\n movq %rdi, %rdx\n movq %rcx, %r8\n"
        "movq $0x41414141, %rbx\n movq %rbx, %rbp\n movq %rbx, %rdi\n movq %rbx, %r9\n movq %rbx, %r10\n"
        "movq %rbx, %r12\n movq %rbx, %r13\n movq %rbx, %r14\n movq %rbx, %r15\n"
        "popfq\n syscall\n pushq %r15\n pushq $0x202\n popfq\n movq 8(%rsp), %r15\n"
        "movq %rax, (%r15)\n movq %rbx, 8(%r15)\n movq %rcx, 16(%r15)\n movq %rdx, 24(%r15)\n movq %rsi, 32(%r15)\n"
        "movq %rdi, 40(%r15)\n movq %rbp, 48(%r15)\n movq %r8, 56(%r15)\n movq %r9, 64(%r15)\n movq %r10, 72(%r15)\n"
        "movq %r11, 80(%r15)\n movq %r12, 88(%r15)\n movq %r13, 96(%r15)\n movq %r14, 104(%r15)\n"
        "popq %rax\n movq %rax, 112(%r15)\n"
        "addq $8, %rsp\n popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n"
        ".globl hostile_entry\nhostile_entry:\n"
        "andq $-4096, %rsp\n movq %rsp, %rdi\n addq $4096, %rsp\n pushq $0x202\n popfq\n call hostile_main\n");

static int kernel_address(word_t w)
{
    word_t pointer = (word_t)((int64_t)w >> 8); /* as capabilities are packed */

    return (w >= DIRECT_FIRST && w <= DIRECT_LAST) || (w >= IMAGE_FIRST && w <= IMAGE_LAST) ||
           (pointer >= DIRECT_FIRST && pointer <= DIRECT_LAST);
}

static void leak(struct hostile *h, word_t w, word_t where)
{
    if (!kernel_address(w))
        return;
    h->leaks++;
    h->leak_word = w;
    h->leak_where = where;
}

/* skip: the first message register is a difference of numbers that the caller has chosen. */
static void scan(struct hostile *h, int skip)
{
    for (unsigned i = 0; i < REGS; i++)
        if (i != RAX) /* a tag: negative labels look like addresses */
            leak(h, h->regs[i], 0x1000 + i);
    for (unsigned i = skip ? 1 : 0; i < L4_MR_COUNT; i++)
        leak(h, h->utcb->mr[i], i);
    leak(h, h->utcb->error, 0x2000);
}

static word_t random_tag(word_t r)
{
    static const signed char labels[] = {0, L4_PROTO_IRQ, L4_PROTO_KOBJECT, L4_PROTO_TASK, L4_PROTO_THREAD,
                                         L4_PROTO_TASK, L4_PROTO_SCHEDULER, L4_PROTO_FACTORY, L4_PROTO_IRQ_SENDER,
                                         L4_PROTO_SEMAPHORE, L4_PROTO_FACTORY, L4_PROTO_THREAD, L4_PROTO_PAGE_FAULT,
                                         L4_PROTO_EXCEPTION, 1, L4_PROTO_KOBJECT};
    unsigned words = r & 0x100 ? r >> 9 & 63 : r >> 9 & 7, items = r & 0x60000 ? 0 : r >> 19 & 3;
    word_t tag;

    if ((r & 0x3f) == 0)
        tag = r;
    else
        tag = l4_tag_make(labels[r & 15], words, r & 0x7000000 ? items : 1,
                          r & 0x8000000 ? 0 : r >> 28 & L4_TAG_FLAGS).raw;
    return tag;
}

/* Who understands what. */
static const struct recipe {
    unsigned slot;
    long label;
} recipes[] = {
    {MY_TASK, L4_PROTO_TASK}, {THEIR_TASK, L4_PROTO_TASK}, {MY_FACTORY, L4_PROTO_FACTORY},
    {MY_THREAD, L4_PROTO_THREAD}, {MY_THREAD + 5, L4_PROTO_THREAD}, {THEIR_THREAD, L4_PROTO_THREAD},
    {MY_SCHEDULER, L4_PROTO_SCHEDULER}, {MY_ICU, L4_PROTO_IRQ}, {MY_PAGER, 0}, {MY_PAGER + 5, 1},
    {MY_FACTORY, L4_PROTO_FACTORY}, {THEIR_THREAD, 0}, {0x10, L4_PROTO_THREAD}, {0x11, L4_PROTO_TASK},
    {0x12, L4_PROTO_KOBJECT}, {0x13, L4_PROTO_IRQ}, {0x14, L4_PROTO_SEMAPHORE}, {0x15, L4_PROTO_FACTORY},
    {0x12, 3}, {0x13, L4_PROTO_IRQ_SENDER}, {0x13, L4_PROTO_KOBJECT}, {0x14, L4_PROTO_IRQ},
};

__attribute__((used)) void hostile_main(struct hostile *h)
{
    word_t *rnd = &h->random;

    for (;;) {
        struct l4_utcb *u = h->utcb;
        word_t r = random_next(rnd), dest, tag;
        unsigned filled = r & 0xf000 ? 8 : L4_MR_COUNT;

        for (unsigned i = 0; i < filled; i++)
            u->mr[i] = random_word(rnd);
        if (r & 0x30000) /* the codes that there are, most of them below 8 */
            u->mr[0] = r & 0x4000000000 ? r >> 40 & 7 : r >> 40 & 0x1f;
        if ((r & 0xc0000) == 0) { /* make something */
            static const signed char kinds[] = {L4_PROTO_NONE, L4_PROTO_TASK, L4_PROTO_THREAD, L4_PROTO_FACTORY,
                                                L4_PROTO_IRQ_SENDER, L4_PROTO_SEMAPHORE, L4_PROTO_KOBJECT,
                                                L4_PROTO_THREAD};
            u->mr[0] = (word_t)(long)kinds[r >> 20 & 7];
            u->mr[1] = r >> 30 & 1;
            u->mr[2] = r & 0x80000000 ? 0 : random_word(rnd);
        }
        u->bdr = r & 0x800000 ? 0 : random_next(rnd) & 0x1007fff;
        for (unsigned i = 0; i < 6; i++)
            u->br[i] = random_word(rnd);
        if (r & 0x1000000) /* kinds of objects have their usual slots */
            u->br[0] = SEL(r & 0x2000000 ? 0x10 + (r >> 32 & 7) : random_slot(random_next(rnd))) | L4_ITEM_MAP |
                       L4_RCV_SINGLE_CAP;
        r = random_next(rnd);
        dest = SEL(random_slot(r)) | (r >> 52 & 0xf);
        if (r & 0x30)
            dest = (dest & ~L4_OP_MASK) | OP_CALL;
        if ((r & 0xf000000000) == 0)
            dest |= r >> 40 & L4_SEL_SPECIAL;
        if ((r & 0xff000000000000) == 0)
            dest = r & 0x7ffffffffffffffful;
        tag = random_tag(random_next(rnd));
        if (r & 0x300000000000000) {
            const struct recipe *known = &recipes[(r >> 32) % (sizeof recipes / sizeof recipes[0])];

            dest = SEL(known->slot) | (r & 0xc00 ? OP_CALL : r >> 52 & 0xf);
            tag = (word_t)known->label << 16 | (tag & 0xffff);
        }
        if ((tag >> 16) == 0 && u->mr[1] == 1)
            u->mr[1] = 2; /* not the reboot of the machine */
        /* A task that is given itself, and held by nobody else, lives for ever: that is how counting works. */
        if (l4_tag_label((l4_tag){tag}) == L4_PROTO_TASK && u->mr[0] == L4_OP_TASK_MAP &&
            l4_fpage_type((l4_fpage){u->mr[2]}) == L4_FPAGE_OBJ && dest >> L4_SEL_SHIFT != MY_TASK &&
            dest >> L4_SEL_SHIFT != THEIR_TASK)
            u->mr[2] = l4_fpage_make(L4_FPAGE_MEM, (word_t)h >> 12, 12, L4_MEM_R).raw;
        int counts = l4_tag_label((l4_tag){tag}) == L4_PROTO_KOBJECT && u->mr[0] == L4_OP_GATE_DEC_REFCNT;
        r = random_next(rnd);
        if ((r & 0x1f) == 0)
            __asm__ volatile("movq %0, %%xmm15" ::"r"(0x600d00000000 + h->index) : "xmm15");
        hostile_call(dest, tag, random_word(rnd), random_timeout(r) | (word_t)random_timeout(r >> 20) << 16, h->regs,
                     0x202 | ((r & 0xf00000000) == 0 ? r >> 40 & 0x244cd5 : 0));
        scan(h, counts);
        h->calls++;
        h->done += !(h->regs[RAX] & L4_TAG_ERROR) && (long)h->regs[RAX] >= 0;
    }
}

/* ---- bystanders ---- */

static word_t cpu_of(unsigned i) { return i % cpus; }

static word_t said(const struct bystander *b, word_t round, unsigned i)
{
    return b->secret ^ (round * 0x9e3779b97f4a7c15ul + i);
}

/* A system call with a value in an FPU register that must be there afterwards. */
static l4_tag guarded(struct bystander *b, word_t dest, l4_tag tag, word_t *label, unsigned timeout)
{
    word_t seen, rsi = *label;
    register word_t r8 __asm__("r8") = timeout;

    __asm__ volatile("movq %5, %%xmm15\n\tsyscall\n\tmovq %%xmm15, %3"
                     : "+a"(tag.raw), "+S"(rsi), "+d"(dest), "=r"(seen)
                     : "r"(r8), "r"(b->secret)
                     : "rcx", "r11", "rdi", "r15", "memory", "cc", "xmm15");
    *label = rsi;
    if (seen != b->secret)
        b->wrong_fpu++;
    return tag;
}

static void bystander_client(struct bystander *b)
{
    for (word_t round = 0;; round++) {
        unsigned words = (unsigned)(round % (L4_MR_COUNT + 1));
        word_t label = 0;

        for (unsigned i = 0; i < words; i++)
            b->utcb->mr[i] = said(b, round, i);
        l4_tag tag = guarded(b, SEL(b->gate) | OP_CALL, l4_tag_make((long)(round & 0xfff), words, 0, 0), &label, NEVER);
        int good = !l4_tag_error(tag) && l4_tag_words(tag) == words && l4_tag_label(tag) == (long)(round & 0xfff) + 1;
        for (unsigned i = 0; i < words; i++)
            good &= b->utcb->mr[i] == (said(b, round, i) ^ 0x5555);
        if (!good)
            b->wrong++;
        b->rounds = round + 1;
        if (round % 32 == 31)
            invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 4u << 10 | 125); /* 2 ms */
    }
}

static void bystander_server(struct bystander *b)
{
    word_t label = 0;
    l4_tag tag = guarded(b, L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, NEVER);

    for (;;) {
        if (label != 0xb0 + 3)
            b->wrong++;
        for (unsigned i = 0; i < l4_tag_words(tag); i++)
            b->utcb->mr[i] ^= 0x5555;
        b->rounds++;
        tag = guarded(b, L4_SEL_INVALID | OP_REPLY_AND_WAIT,
                      l4_tag_make(l4_tag_label(tag) + 1, l4_tag_words(tag), 0, 0), &label, NEVER);
    }
}

void bystander_start(struct bystander *b);
__attribute__((used)) void bystander_start(struct bystander *b)
{
    if (b->gate != 0)
        bystander_client(b);
    bystander_server(b);
}
void bystander_entry(void);
__asm__(".text\n.globl bystander_entry\nbystander_entry:\n popq %rdi\n andq $-16, %rsp\n call bystander_start\n");

static void bystanders_begin(void)
{
    for (unsigned i = 0; i < 2 * PAIRS; i++) {
        struct bystander *b = &bystanders[i];
        word_t *top = (word_t *)(bystander_stack[i] + sizeof bystander_stack[i]) - 1;

        *top = (word_t)b;
        b->utcb = (struct l4_utcb *)(KU_OWN + i * L4_UTCB_SIZE);
        b->secret = 0x5ec4e7000000 + i;
        is(thread_make(SLOT_PAIRS + i, b->utcb, 0), 0, "bystander");
        if (i % 2 == 1) { /* the server is there: its gate, and both run */
            create(SLOT_PAIRS + 8 + i / 2, L4_PROTO_NONE);
            utcb()->mr[0] = L4_OP_GATE_BIND;
            utcb()->mr[1] = 0xb0;
            put_cap_item(2, SLOT_PAIRS + i, 15);
            is(call(SLOT_PAIRS + 8 + i / 2, L4_PROTO_KOBJECT, 2, 1), 0, "gate of the server");
            bystanders[i - 1].gate = SLOT_PAIRS + 8 + i / 2;
        }
        b->rounds = 0;
    }
    for (unsigned k = 2 * PAIRS; k > 0; k--) { /* servers before their clients */
        unsigned i = k - 1;

        thread_ex_regs(SLOT_PAIRS + i, (word_t)bystander_entry,
                       (word_t)(bystander_stack[i] + sizeof bystander_stack[i] - 8), 0);
        run_thread(SLOT_PAIRS + i, 255, cpu_of(i == 3 ? 1 : 0)); /* the second pair is on two CPUs */
    }
}

/* ---- the supervisor ---- */

static long make(word_t slot, long proto, word_t ku)
{
    receive_into_slot(slot);
    utcb()->mr[0] = (word_t)proto;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = ku;
    return call(SLOT_FACTORY_, L4_PROTO_FACTORY, 3, 0);
}

static word_t utcb_of(unsigned i) { return KU_HOSTILE + i / TASKS * L4_UTCB_SIZE; }

static long hostile_thread(unsigned i)
{
    struct hostile *h = hostile(i);
    word_t task = SLOT_TASKS + i % TASKS, second = i / TASKS * 5; /* slots 3, 4 or 8, 9 */
    long err = make(SLOT_THREADS + i, L4_PROTO_THREAD, 0);

    if (err < 0)
        return err;
    utcb()->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_BIND_TASK;
    utcb()->mr[1] = utcb()->mr[2] = SEL(MY_PAGER + second);
    utcb()->mr[3] = utcb()->mr[4] = 0;
    utcb()->mr[5] = utcb_of(i);
    put_cap_item(6, task, 15);
    err = call(SLOT_THREADS + i, L4_PROTO_THREAD, 6, 1);
    give(task, SLOT_THREADS + i, MY_THREAD + second, 7);
    give(task, SLOT_GATES + i, MY_PAGER + second, L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S);
    h->index = i;
    h->random = seed * (2 * i + 1) + lives * 0x9e3779b97f4a7c15ul + 1;
    h->utcb = (struct l4_utcb *)utcb_of(i);
    return err;
}

static void hostile_run(unsigned i)
{
    thread_ex_regs(SLOT_THREADS + i, (word_t)hostile_entry, (word_t)page_of[i] + ENTRY_STACK - 16, L4_EXREGS_CANCEL);
    run_thread(SLOT_THREADS + i, 100 + i, cpu_of(i / TASKS));
}

static long life_begin(void)
{
    long err = factory_make(SLOT_PURSE, SLOT_FACTORY_, FACTORY_BYTES);

    for (unsigned t = 0; t < TASKS; t++)
        err |= make(SLOT_TASKS + t, L4_PROTO_TASK, l4_fpage_make(L4_FPAGE_MEM, KU_HOSTILE >> 12, 14, 6).raw);
    for (unsigned i = 0; i < THREADS; i++)
        err |= hostile_thread(i);
    if (lives % 2 == 1) /* these may put an end to everything */
        for (unsigned t = 0; t < TASKS; t++) {
            give(SLOT_TASKS + t, SLOT_TASKS + t, 0x16, 15);
            give(SLOT_TASKS + t, SLOT_FACTORY_, 0x17, 15);
            give(SLOT_TASKS + t, SLOT_THREADS + t, 0x18, 15);
        }
    for (unsigned i = 0; i < THREADS; i++)
        hostile_run(i);
    return err;
}

/* Gives what a hostile task has lost again. */
static void arm(unsigned t)
{
    word_t task = SLOT_TASKS + t, thread = SLOT_THREADS + t;

    give(task, task, MY_TASK, 7);
    give(task, SLOT_FACTORY_, MY_FACTORY, 7);
    give(task, thread, MY_THREAD, 7);
    give(task, thread + TASKS, MY_THREAD + 5, 7);
    give(task, SLOT_GATES + t, MY_PAGER, 7);
    give(task, SLOT_GATES + t + TASKS, MY_PAGER + 5, 7);
    give(task, task ^ 1, THEIR_TASK, 7);
    give(task, thread ^ 1, THEIR_THREAD, 7);
    give(task, L4_SLOT_SCHEDULER, MY_SCHEDULER, 7);
    give(task, L4_SLOT_ICU, MY_ICU, 7);
}

static void life_end(void)
{
    for (unsigned i = 0; i < THREADS; i++)
        delete(SLOT_THREADS + i);
    for (unsigned t = 0; t < TASKS; t++)
        delete(SLOT_TASKS + t);
    delete(SLOT_FACTORY_);
}

/* Answer to a page fault of thread i: its own page, or the program's text and constants; nothing else. */
static l4_tag answer_fault(unsigned i)
{
    word_t address = utcb()->mr[0] & ~0xffful, end = (word_t)__bss_start & ~0xffful;
    unsigned rights = 0;

    page_faults++;
    if (address == (word_t)page_of[i])
        rights = L4_MEM_R | L4_MEM_W;
    else if (address >= (word_t)__executable_start && address < end)
        rights = L4_MEM_R | L4_MEM_X;
    if (rights == 0)
        return l4_tag_make(-1, 0, 0, 0);
    utcb()->mr[0] = address | L4_ITEM_MAP;
    utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, address >> 12, 12, rights).raw;
    return l4_tag_make(0, 0, 1, 0);
}

static l4_tag answer_exception(unsigned i)
{
    struct l4_exc_regs *r = (struct l4_exc_regs *)utcb()->mr;
    word_t *w = utcb()->mr;

    exceptions++;
    for (unsigned k = 0; k < L4_EXC_WORDS; k++)
        if (&w[k] != &r->rax && &w[k] != &r->pfa && &w[k] != &r->ip && kernel_address(w[k]) && exception_leaks++ < 8)
            root_printf("# exception %lu of thread %u: word %u is %lx\n", r->trapno, i, k, w[k]);
    memset(w, 0, L4_EXC_WORDS * sizeof *w);
    r->ip = (word_t)hostile_entry;
    r->sp = (word_t)page_of[i] + ENTRY_STACK - 16;
    r->flags = 0x202;
    r->ss = 0x23;
    r->gs_base = utcb_of(i) + offsetof(struct l4_utcb, self);
    return l4_tag_make(exceptions % 2 ? L4_PROTO_ALLOW_SYSCALL : 0, L4_EXC_WORDS, 0, 0);
}

/* Serves the hostile threads for about a millisecond. */
static void supervise(void)
{
    word_t label = 0, dest = L4_SEL_INVALID | OP_WAIT;
    l4_tag tag = {0};

    for (unsigned n = 0; n < 500; n++) {
        utcb()->bdr = utcb()->br[0] = 0;
        tag = invoke(dest, tag, &label, L4_TIMEOUT_ZERO << 16 | 1u << 10 | 512); /* 1024 µs */
        dest = L4_SEL_INVALID | OP_WAIT;
        if (l4_tag_error(tag)) {
            if (utcb()->error == L4_IPC_SEND_TIMEOUT + 1)
                return;
            tag.raw = 0;
            continue;
        }
        unsigned i = (unsigned)(label >> 4) % THREADS;
        dest = L4_SEL_INVALID | OP_REPLY_AND_WAIT;
        if (l4_tag_label(tag) == L4_PROTO_PAGE_FAULT && l4_tag_words(tag) == 2) {
            tag = answer_fault(i);
        } else if (l4_tag_label(tag) == L4_PROTO_EXCEPTION && l4_tag_words(tag) == L4_EXC_WORDS) {
            tag = answer_exception(i);
        } else {
            other_messages++;
            tag = l4_tag_make(0, 0, 0, 0);
        }
    }
    invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, tag, &label, L4_TIMEOUT_ZERO << 16 | L4_TIMEOUT_ZERO);
}

static word_t calls_made(void)
{
    word_t sum = 0;

    for (unsigned i = 0; i < THREADS; i++)
        sum += hostile(i)->calls;
    return sum;
}

/* One life: until LIFE_CALLS calls were made, or nothing helps any more. */
static void life(void)
{
    word_t begin = calls_made(), before[THREADS], idle = 0;

    for (unsigned i = 0; i < THREADS; i++)
        before[i] = hostile(i)->calls;
    while (calls_made() - begin < LIFE_CALLS && idle < 20) {
        word_t last = calls_made();

        for (unsigned t = 0; t < TASKS; t++)
            arm(t);
        supervise();
        for (unsigned i = 0; i < THREADS; i++) {
            if (hostile(i)->calls == before[i]) {
                stalls++;
                hostile_run(i);
            }
            before[i] = hostile(i)->calls;
        }
        idle = calls_made() - last < 8 ? idle + 1 : 0;
    }
}

static void report(void)
{
    word_t leaks = exception_leaks, done = 0;

    for (unsigned i = 0; i < THREADS; i++) {
        struct hostile *h = hostile(i);

        if (h->leaks != 0)
            root_printf("# thread %u: %lu leaks, the last %lx at %lx\n", i, h->leaks, h->leak_word, h->leak_where);
        leaks += h->leaks;
        done += h->done;
    }
    root_printf("# %lu calls (%lu without an error), %lu lives, %lu page faults, %lu exceptions, %lu other messages, "
                "%lu stalls\n", calls_made(), done, lives, page_faults, exceptions, other_messages, stalls);
    is(leaks, 0, "no address of the kernel was seen");
    for (unsigned i = 0; i < 2 * PAIRS; i++) {
        root_printf("# bystander %u: %lu messages\n", i, bystanders[i].rounds);
        ok(bystanders[i].rounds > 100, "a bystander has worked");
        is(bystanders[i].wrong, 0, "  and got no wrong word");
        is(bystanders[i].wrong_fpu, 0, "  and its FPU registers were its own");
    }
}

static void set_up(void)
{
    utcb()->mr[0] = L4_OP_SCHED_INFO;
    utcb()->mr[1] = 0;
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 2, 0);
    cpus = (word_t)__builtin_popcountl(utcb()->mr[0]);
    for (unsigned i = 0; i < THREADS; i++) /* sigma0's pages are all there before memory is counted */
        page_of[i][0] = 0;
    for (char *p = __executable_start; p < __bss_start; p += 4096)
        (void)*(volatile char *)p;
    utcb()->mr[0] = L4_OP_TASK_ADD_KU_MEM;
    utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, KU_OWN >> 12, 12, 6).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 2, 0);
    set_priority(L4_SLOT_THREAD, 255);
    for (unsigned i = 0; i < THREADS; i++) {
        create(SLOT_GATES + i, L4_PROTO_NONE);
        utcb()->mr[0] = L4_OP_GATE_BIND;
        utcb()->mr[1] = i << 4;
        put_cap_item(2, L4_SLOT_THREAD, 15);
        call(SLOT_GATES + i, L4_PROTO_KOBJECT, 2, 1);
    }
    is(factory_make(L4_SLOT_FACTORY, SLOT_PURSE, PURSE_BYTES), 0, "the factory that pays");
    bystanders_begin();
}

static int test_main(void)
{
    word_t full, free_before, free_after;
    int back = 1;

    seed = HOSTILE_SEED != 0 ? HOSTILE_SEED : __builtin_ia32_rdtsc() | 1;
    root_printf("# seed 0x%lx\n", seed);
    set_up();
    full = purse_left();
    root_printf("# %lu CPUs, the purse has %lu bytes\n", cpus, full);
    /* The first life brings what stays: pages of sigma0, tables for the windows of the supervisor. */
    is(life_begin(), 0, "the first life");
    life();
    life_end();
    ok(purse_is_full(full), "  and its quota is back");
    free_before = kernel_free();
    while (calls_made() < HOSTILE_CALLS && back) {
        lives++;
        if (life_begin() != 0)
            root_printf("# life %lu could not begin\n", lives);
        life();
        life_end();
        back = purse_is_full(full);
        if (lives % 10 == 0)
            root_printf("# life %lu: %lu calls\n", lives, calls_made());
    }
    ok(back, "after every life its quota is back");
    free_after = kernel_free();
    root_printf("# free kernel memory: %lu KiB\n", free_before / 1024);
    is(free_after, free_before, "free kernel memory is what it was");
    ok(calls_made() >= HOSTILE_CALLS, "all calls were made");
    report();
    return tap_done();
}
