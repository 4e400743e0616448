/* SPDX-License-Identifier: MIT */
/* Every operation with every error (errors.h), as a program on the machine. */
#include "root.h"
#include "tap.h"

#define ON_HOST 0
#define PAGE_MINE ((word_t)page_mine)
#define STATE_HERE ((struct l4_vcpu *)STATE)
#define KIP_AT 0x70000000ul

static char page_mine[4096] __attribute__((aligned(4096)));

static struct l4_utcb *agent_utcb(unsigned n) { return (struct l4_utcb *)(L4_INITIAL_UTCB + (n + 1) * L4_UTCB_SIZE); }
static void agent_does(unsigned n, word_t dest, l4_tag tag, unsigned timeout);
static long agent_answer(unsigned n);
static long modify_meanwhile(void);
static word_t now(void) { return ((word_t(*)(void))(KIP_AT + L4_KIP_CLOCK_US))(); }
static void time_passes(void) { invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 10u << 10 | 5); }
#include "errors.h"

static long kip_map(void)
{
    utcb()->bdr = 0;
    utcb()->br[0] = KIP_AT | L4_ITEM_MAP;
    utcb()->br[1] = l4_fpage_make(L4_FPAGE_MEM, KIP_AT >> 12, 12, 7).raw;
    utcb()->br[2] = 0;
    utcb()->mr[0] = ~0xfful | 0xa0; /* what sigma0 calls it */
    utcb()->mr[1] = 0;
    return call(L4_SLOT_PAGER, L4_PROTO_SIGMA0, 2, 0);
}

/* An agent makes one system call and sleeps. */
static struct agent {
    word_t dest, timeout;
    l4_tag tag;
    long answer;
} agents[3];
static char stacks[3][4096] __attribute__((aligned(16)));

static void agent_main(void)
{
    unsigned n = (unsigned)(((word_t)utcb() - L4_INITIAL_UTCB) / L4_UTCB_SIZE) - 1;
    struct agent *a = &agents[n];

    a->answer = outcome(invoke(a->dest, a->tag, NULL, (unsigned)a->timeout));
    for (;;)
        invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, NEVER);
}

static void agent_does(unsigned n, word_t dest, l4_tag tag, unsigned timeout)
{
    agents[n] = (struct agent){.dest = dest, .timeout = timeout, .tag = tag, .answer = 1};
    thread_ex_regs(AGENT + n, (word_t)agent_main, (word_t)(stacks[n] + sizeof stacks[n]) - 8, L4_EXREGS_CANCEL);
    invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 5u << 10 | 8); /* it runs */
}

static long agent_answer(unsigned n)
{
    invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 5u << 10 | 8);
    return *(volatile long *)&agents[n].answer;
}

/* ---- two threads change labels of the same senders ---- */

#define QUEUE 120u /* so many take several windows' worth of work */
#define QUEUE_UTCBS (KU_AREA + 0x100000)
#define QUEUE_SLOT 0x200u
#define TRIES 20u
static char queue_stacks[QUEUE][128] __attribute__((aligned(16)));
static volatile int meddled;

static void queue_main(void)
{
    for (;;)
        invoke(SEL(L4_SLOT_THREAD) | L4_OP_SEND, (l4_tag){0}, NULL, NEVER);
}

static void meddler_main(void)
{
    invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 10u << 10 | 8);
    utcb()->mr[0] = L4_OP_THREAD_MODIFY_SENDERS;
    call(L4_SLOT_THREAD, L4_PROTO_THREAD, 1, 0);
    meddled = 1;
    for (;;)
        invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, NEVER);
}

static long modify_all(void)
{
    for (unsigned i = 1; i < 61; i++)
        utcb()->mr[i] = i % 4 == 2; /* 15 groups, of which none ever matches */
    utcb()->mr[0] = L4_OP_THREAD_MODIFY_SENDERS;
    return outcome(invoke(SEL(L4_SLOT_THREAD) | OP_CALL, l4_tag_make(L4_PROTO_THREAD, 61, 0, 0), NULL, NEVER));
}

/* Root does nothing else until another thread has woken up, most probably in the middle of it. */
static long modify_meanwhile(void)
{
    long answer = 0;

    op(L4_SLOT_TASK, L4_PROTO_TASK, 0, 2, L4_OP_TASK_ADD_KU_MEM, ku_fpage(QUEUE_UTCBS >> 12, 17), 0);
    for (unsigned i = 0; i < QUEUE; i++) {
        thread_make(QUEUE_SLOT + i, (struct l4_utcb *)(QUEUE_UTCBS + i * L4_UTCB_SIZE), 0);
        thread_ex_regs(QUEUE_SLOT + i, (word_t)queue_main, (word_t)(queue_stacks[i] + sizeof queue_stacks[i]) - 8, 0);
        set_priority(QUEUE_SLOT + i, 110);
    }
    for (unsigned i = 0; i < TRIES && answer == 0; i++) {
        meddled = 0;
        thread_ex_regs(AGENT + 2, (word_t)meddler_main, (word_t)(stacks[2] + sizeof stacks[2]) - 8, L4_EXREGS_CANCEL);
        time_passes();
        while (answer == 0 && !meddled)
            answer = modify_all();
    }
    for (unsigned i = 0; i < QUEUE; i++)
        drop(QUEUE_SLOT + i);
    return answer;
}

static int test_main(void)
{
    page_mine[0] = 0;
    for (unsigned n = 0; n < 3; n++) {
        thread_make(AGENT + n, agent_utcb(n), 0);
        set_priority(AGENT + n, 120);
    }
    set_priority(L4_SLOT_THREAD, 100);
    is(kip_map(), 0, "the kernel interface page");
    test_all();
    return tap_done();
}
