/* SPDX-License-Identifier: MIT */
/* Every operation with every error (errors.h), on arch/host; and nothing of it costs memory. */
#include "tap.h"
#include "machine.h"

#define ON_HOST 1
#define AGENTS 3u
#define PAGE_MINE 0x200000ul
#define STATE_HERE ku_at(0x1000)

static struct l4_utcb *utcb(void) { return root->utcb; }
static struct l4_utcb *agent_utcb(unsigned n);
static void agent_does(unsigned n, word_t dest, l4_tag tag, unsigned timeout);
static long agent_answer(unsigned n);
static long modify_meanwhile(void);
static l4_tag invoke(word_t dest, l4_tag tag, word_t *label, unsigned timeout);
static void time_passes(void);
static word_t now(void) { return host_clock_us(); }
#include "errors.h"

static struct thread *agents[AGENTS];
static long answers_of[AGENTS];

/* Agents that have their answers sleep again, so that root goes on. */
static void settle(void)
{
    while (host_current() != root) {
        struct thread *t = host_current();

        for (unsigned n = 0; n < AGENTS; n++)
            if (agents[n] == t)
                answers_of[n] = outcome_at(t->utcb, tag_of(t));
        host_syscall(L4_SEL_INVALID | L4_OP_RECV, 0, 0, 0);
    }
}

static l4_tag invoke(word_t dest, l4_tag tag, word_t *label, unsigned timeout)
{
    (void)label;
    host_syscall(dest, tag.raw, 0, timeout);
    tag = tag_of(root);
    settle();
    return tag;
}

static struct l4_utcb *agent_utcb(unsigned n) { return agents[n]->utcb; }

static void agent_does(unsigned n, word_t dest, l4_tag tag, unsigned timeout)
{
    struct l4_utcb *u = root->utcb;

    u->mr[0] = L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL;
    u->mr[1] = u->mr[2] = ~0ul;
    host_syscall(SEL(AGENT + n) | ASK, l4_tag_make(L4_PROTO_THREAD, 3, 0, 0).raw, 0, 0);
    kassert(host_current() == agents[n]);
    host_syscall(dest, tag.raw, 0, timeout);
    settle();
}

static long agent_answer(unsigned n) { return answers_of[n]; }

static void time_passes(void)
{
    host_time(host_clock_us() + 5000);
    host_tick();
    settle();
}

static void tick(void) { host_interrupt(HOST_TICK, 0); }

/* Two agents queue at root, which changes their labels one by one; a third wakes up meanwhile and does it, too. */
static long modify_meanwhile(void)
{
    int slice = work_slice;
    long answer;

    agent_does(0, SEL(L4_SLOT_THREAD) | L4_OP_SEND, no_words, 0);
    agent_does(1, SEL(L4_SLOT_THREAD) | L4_OP_SEND, no_words, 0);
    agent_does(2, L4_SEL_INVALID | L4_OP_RECV, no_words, MILLISECOND);
    host_time(host_clock_us() + 2000);
    host_window = tick;
    work_slice = work_left = 1;
    root->utcb->mr[0] = L4_OP_THREAD_MODIFY_SENDERS;
    host_syscall(SEL(L4_SLOT_THREAD) | ASK, l4_tag_make(L4_PROTO_THREAD, 5, 0, 0).raw, 0, 0);
    host_window = NULL;
    work_slice = work_left = slice;
    ok(host_current() == agents[2], "a thread wakes up while labels are changed");
    agents[2]->utcb->mr[0] = L4_OP_THREAD_MODIFY_SENDERS;
    host_syscall(SEL(L4_SLOT_THREAD) | ASK, l4_tag_make(L4_PROTO_THREAD, 5, 0, 0).raw, 0, 0);
    is(label_of(agents[2]), 0, "and does it, too");
    host_syscall(L4_SEL_INVALID | L4_OP_RECV, 0, 0, 0);
    answer = outcome(tag_of(root));
    settle();
    cancel(AGENT);
    cancel(AGENT + 1);
    return answer;
}

int main(void)
{
    size_t used;

    machine_start();
    struct gate *pager = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER))); /* to sigma0 */
    map_fpage_all((struct map_request){.from = pager->thread->task, .to = root->task, .item = PAGE_MINE | L4_ITEM_MAP,
                                       .send = l4_fpage_make(L4_FPAGE_MEM, PAGE_MINE >> 12, 12, 7),
                                       .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    for (unsigned n = 0; n < AGENTS; n++) {
        agents[n] = thread_make(AGENT + n, 0, 0);
        thread_go(AGENT + n, 120, 0x3000, 0x3100);
        settle();
    }
    test_all();
    used = root_factory.quota.used;
    for_each_row(test_gone);
    is(root_factory.quota.used, used, "none of this cost memory");
    machine_check();
    return tap_done();
}
