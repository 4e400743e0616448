/* SPDX-License-Identifier: MIT */
/*
 * 10,000 threads and 100,000 gates in 256 MiB: everybody has sent a message, threads picked at random call each other
 * through gates picked at random, and at the end every byte is back. A capability table holds 65,536, so the gates are
 * spread over four tasks, each with a fourth of the threads.
 *
 * labe-run: --mem 256
 */
#define PURSE_BYTES (40ul << 20)
#include "purse.h"

#define THREADS 10000u
#define GATES 100000u
#define TASKS 4u
#define ROUNDS 20000u
#define STACK_BYTES 512u
#define KU 0x6000000000ul
#define KU_ORDER 17u

/* Slots of the root task. */
#define SLOT_TASKS 0x28u
#define SLOT_HOME 0x30u /* the gate through which everybody reports */
#define SLOT_THREADS 0x1000u
#define SLOT_WINDOW 0x8000u /* where gates are made, before they go to their task */
/* Slots of the others. */
#define THEIR_HOME 1u
#define THEIR_GATES 0x1000u
#define BATCH 1000u
#define BATCH_ORDER 10u

enum { WHO_ARE_YOU = 1, CALL_GATE, HERE_I_AM };

extern char __executable_start[], __bss_start[], _end[];
static char stacks[THREADS][STACK_BYTES] __attribute__((aligned(4096)));
static word_t random_state = 0x2545f4914f6cdd1d;

static word_t random_below(word_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % n;
}

static word_t task_of(word_t thread) { return thread % TASKS; }
static word_t gate_task(word_t gate) { return gate / (GATES / TASKS); }
static word_t gate_slot(word_t gate)
{
    word_t n = gate % (GATES / TASKS);

    return THEIR_GATES + (n / BATCH << BATCH_ORDER) + n % BATCH;
}
static word_t gate_thread(word_t gate) { return gate * 7919 % THREADS; }
static word_t gate_label(word_t gate) { return (gate + 1) << 4; }

/* ---- a thread of the crowd ---- */

/* Reports; then says who it is, or calls through a gate and passes on what it is told there. */
__attribute__((used)) void member(word_t index)
{
    l4_tag tag;
    word_t label = 0;

    utcb()->mr[0] = index;
    call(THEIR_HOME, HERE_I_AM, 1, 0);
    tag = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, NEVER);
    for (;;) {
        long done = 0;

        if (l4_tag_label(tag) == CALL_GATE) {
            done = call(utcb()->mr[0], WHO_ARE_YOU, 0, 0);
        } else {
            utcb()->mr[0] = index;
            utcb()->mr[1] = label;
        }
        utcb()->mr[2] = index;
        tag = invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(done, 3, 0, 0), &label, NEVER);
    }
}
void member_entry(void);
__asm__(".text\n.globl member_entry\nmember_entry:\n popq %rdi\n andq $-16, %rsp\n call member\n");

/* ---- making ---- */

static long make(word_t slot, long proto, word_t third, unsigned words, unsigned items)
{
    receive_into_slot(slot);
    utcb()->mr[0] = (word_t)proto;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = third;
    return call(SLOT_PURSE, L4_PROTO_FACTORY, words, items);
}

static long map(word_t task, word_t item, word_t fpage)
{
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = item | L4_ITEM_MAP;
    utcb()->mr[2] = fpage;
    put_cap_item(3, L4_SLOT_TASK, 15);
    return call(task, L4_PROTO_TASK, 3, 1);
}

/* The pages of the program, which this task has touched; memory for UTCBs; the way home. */
static int task_make(word_t n)
{
    int bad = make(SLOT_TASKS + n, L4_PROTO_TASK, 0, 3, 0) != 0;

    for (char *p = __executable_start; p < _end; p += 4096)
        bad |= map(SLOT_TASKS + n, (word_t)p, l4_fpage_make(L4_FPAGE_MEM, (word_t)p >> 12, 12, 7).raw) != 0;
    for (word_t at = 0; at < THREADS / TASKS * L4_UTCB_SIZE; at += 1ul << KU_ORDER) {
        utcb()->mr[0] = L4_OP_TASK_ADD_KU_MEM;
        utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, (KU + at) >> 12, KU_ORDER, 6).raw;
        bad |= call(SLOT_TASKS + n, L4_PROTO_TASK, 2, 0) != 0;
    }
    give(SLOT_TASKS + n, SLOT_HOME, THEIR_HOME, 15);
    return bad;
}

static int member_make(word_t n)
{
    struct l4_utcb *u = utcb();
    word_t slot = SLOT_THREADS + n, *top = (word_t *)stacks[n + 1] - 1;
    int bad = make(slot, L4_PROTO_THREAD, 0, 1, 0) != 0;

    *top = n;
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK;
    u->mr[1] = u->mr[2] = u->mr[3] = u->mr[4] = 0;
    u->mr[5] = KU + n / TASKS * L4_UTCB_SIZE;
    put_cap_item(6, SLOT_TASKS + task_of(n), 15);
    bad |= call(slot, L4_PROTO_THREAD, 6, 1) != 0;
    bad |= thread_ex_regs(slot, (word_t)member_entry, (word_t)top, 0) != 0;
    return bad | (run_thread(slot, 50, 0) != 0);
}

static int gates_make(void)
{
    int bad = 0;

    for (word_t g = 0; g < GATES; g++) {
        put_cap_item(3, SLOT_THREADS + gate_thread(g), 15);
        bad |= make(SLOT_WINDOW + g % BATCH, L4_PROTO_NONE, gate_label(g), 3, 1) != 0;
        if (g % BATCH == BATCH - 1) /* this task keeps none of them */
            bad |= map(SLOT_TASKS + gate_task(g), SEL(gate_slot(g - g % BATCH)) | L4_ITEM_GRANT | 0xe0,
                       l4_fpage_make(L4_FPAGE_OBJ, SLOT_WINDOW, BATCH_ORDER, 15).raw) != 0;
    }
    return bad;
}

/* ---- the run ---- */

static word_t reports(void)
{
    static unsigned char seen[THREADS];
    word_t count = 0, label = 0;
    l4_tag tag = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, NEVER);

    for (;;) {
        word_t n = utcb()->mr[0];

        if (l4_tag_error(tag))
            return count;
        if (l4_tag_label(tag) == HERE_I_AM && n < THREADS && !seen[n]) {
            seen[n] = 1;
            count++;
        }
        tag = invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, (l4_tag){0}, &label, 10u << 10 | 100); /* 100 ms */
    }
}

/* A thread is asked to call through a gate; the answer must come from the gate's thread with the gate's label. */
static word_t wrong_rounds(void)
{
    word_t wrong = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        word_t g = random_below(GATES), caller = random_below(THREADS / TASKS) * TASKS + gate_task(g);

        if (caller == gate_thread(g)) /* would wait for itself */
            continue;
        utcb()->mr[0] = gate_slot(g);
        wrong += call(SLOT_THREADS + caller, CALL_GATE, 1, 0) != 0 || utcb()->mr[0] != gate_thread(g) ||
                 (utcb()->mr[1] & ~3ul) != gate_label(g) || utcb()->mr[2] != caller;
    }
    return wrong;
}

static void touch(void)
{
    for (char *p = __executable_start; p < _end; p += 4096)
        *(volatile char *)p;
    for (char *p = __bss_start; p < _end; p += 4096)
        *(volatile char *)p = *(volatile char *)p;
    for (word_t s = 0; s < SLOT_WINDOW + (1u << BATCH_ORDER); s += 128) /* pages of slots are never given back */
        if (s >= SLOT_THREADS) {
            create(s, L4_PROTO_SEMAPHORE);
            delete(s);
        }
}

static void crowd_ends(void)
{
    for (word_t n = 0; n < THREADS; n++)
        delete(SLOT_THREADS + n);
    for (word_t n = 0; n < TASKS; n++)
        delete(SLOT_TASKS + n);
    delete(SLOT_HOME);
    pause_ms(100);
}

static int test_main(void)
{
    word_t free_at_start, free_then, full;
    int bad = 0;

    set_priority(L4_SLOT_THREAD, 40);
    touch();
    free_at_start = kernel_free();
    is(factory_make(L4_SLOT_FACTORY, SLOT_PURSE, PURSE_BYTES), 0, "a factory that pays for all");
    full = purse_left();
    receive_into_slot(SLOT_HOME);
    put_cap_item(3, L4_SLOT_THREAD, 15);
    is(make(SLOT_HOME, L4_PROTO_NONE, 0, 3, 1), 0, "a gate to report to");
    for (word_t n = 0; n < TASKS; n++)
        bad |= task_make(n);
    is(bad, 0, "four tasks");
    for (word_t n = 0; n < THREADS; n++)
        bad |= member_make(n);
    is(bad, 0, "10,000 threads are made, bound and started");
    is(reports(), THREADS, "each has sent a message");
    is(gates_make(), 0, "100,000 gates");
    free_then = kernel_free();
    root_printf("# %lu KiB of kernel memory (UTCBs: %u, capability slots: %u), %lu are left\n",
                (free_at_start - free_then) / 1024, THREADS, GATES / 64, free_then / 1024);
    is(wrong_rounds(), 0, "calls through any gate from any thread of its task come to the right one");
    crowd_ends();
    ok(purse_is_full(full), "the factory has everything back");
    delete(SLOT_PURSE);
    pause_ms(10);
    is(kernel_free(), free_at_start, "and so has the kernel");
    return tap_done();
}
