/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs: the same messages as on one, between all of them; threads that are moved, canceled and destroyed while
 * they run, wait, or stand in a queue on another CPU; a revoked mapping is gone everywhere; one clock. smp_2.c and
 * smp_8.c run it with that many CPUs.
 */
#pragma once
#include "smp_agents.h"

#define SLOT_GATE 0x20
#define SLOT_SEM 0x21
#define SLOT_SEM2 0x22
#define SLOT_FACTORY_SUB 0x23
#define SLOT_FILL 0x1000
#define WORD_TAG l4_tag_make(7, 1, 0, 0)

static struct agent *partner, *third;

/* ---- every phase, every timeout, every state of the partner ---- */

enum state { WAITS_OPEN, WAITS_FOR_ME, WAITS_FOR_OTHER, SLEEPS, SENDS_ELSEWHERE, COMPUTES, STATES };
static const char *const state_names[] = {"waits for anybody", "waits for me", "waits for somebody else", "sleeps",
                                          "sends to somebody else", "computes"};

static void state_enter(enum state s, unsigned cpu)
{
    static const word_t dest[] = {L4_SEL_INVALID | OP_WAIT, SEL(L4_SLOT_THREAD) | L4_OP_RECV, 0, OP_SLEEP, 0, 0};

    run_on(partner->slot, cpu, s == COMPUTES ? PRIO_LOW : PRIO_HIGH);
    partner->label = 0x55;
    if (s == COMPUTES) {
        agent_do(partner, work_compute);
    } else {
        word_t to = s == WAITS_FOR_OTHER ? SEL(third->slot) | L4_OP_RECV
                    : s == SENDS_ELSEWHERE ? SEL(third->slot) | L4_OP_SEND : dest[s];
        agent_message(partner, to, WORD_TAG, NEVER);
    }
    agent_settle(partner);
}

/* One message of ours; the error code, 0 when it arrived. A receiver that should be there gets some more time. */
static word_t message(word_t dest, unsigned timeout, int expected)
{
    for (unsigned i = 0;; i++) {
        word_t label = 0x77;
        utcb()->mr[0] = 4711;
        l4_tag t = invoke(dest, WORD_TAG, &label, timeout);
        word_t code = l4_tag_error(t) ? utcb()->error : 0;
        if (code != L4_IPC_SEND_TIMEOUT || !expected || i == 20)
            return code;
        sleep_us(1000);
    }
}

/* Sends and calls against each state with each pair of timeouts; counts what is not as it must be. */
static unsigned messages_to(enum state s, unsigned cpu)
{
    static const unsigned sends[] = {L4_TIMEOUT_ZERO, 1000, L4_TIMEOUT_NEVER};
    static const unsigned receives[] = {L4_TIMEOUT_ZERO, 1000};
    int meets = s == WAITS_OPEN || s == WAITS_FOR_ME;
    unsigned wrong = 0;

    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 3; k++) { /* 2: no receive phase */
            if (sends[i] == L4_TIMEOUT_NEVER && !meets)
                continue;
            state_enter(s, cpu);
            word_t dest = SEL(partner->slot) | (k == 2 ? L4_OP_SEND : OP_CALL);
            unsigned timeout = SND(sends[i]) | (k == 2 ? 0 : receives[k]);
            word_t code = message(dest, timeout, meets);
            word_t want = !meets ? L4_IPC_SEND_TIMEOUT : k == 2 ? 0 : L4_IPC_SEND_TIMEOUT | 1;
            int good = code == want;
            if (meets) {
                good &= agent_finished(partner);
                good &= partner->got_error == 0 && partner->got_word == 4711 && partner->got_label == 0x77 &&
                        l4_tag_label((l4_tag){partner->got_tag}) == 7;
            }
            good &= agent_stop(partner);
            if (!good) {
                wrong++;
                root_printf("# it %s on CPU %u: send timeout %x, receive %d: %lx, wanted %lx; it got %lx error %lx\n",
                            state_names[s], cpu, sends[i], (int)k, code, want, partner->got_tag, partner->got_error);
            }
        }
    return wrong;
}

static void test_messages(unsigned cpu)
{
    for (unsigned s = 0; s < STATES; s++)
        is(messages_to((enum state)s, cpu), 0, state_names[s]);
}

/* Our receive phase against a partner that sends or calls, in time or not. */
static void test_receive(unsigned cpu)
{
    word_t me = SEL(L4_SLOT_THREAD), label = 0;
    l4_tag t;

    run_on(partner->slot, cpu, PRIO_HIGH);
    is(message(SEL(partner->slot) | L4_OP_RECV, L4_TIMEOUT_ZERO, 0), 3, "nobody sends: receive timeout 0");
    is(message(L4_SEL_INVALID | OP_WAIT, 1000, 0), 3, "nobody sends: open wait, 1 ms");
    partner->word = 12;
    partner->label = 0x99;
    agent_message(partner, me | L4_OP_SEND, WORD_TAG, SND(1000));
    ok(agent_finished(partner), "its send timeout ends its send");
    is(partner->got_error, 2, "  with an error");
    for (unsigned open = 0; open < 2; open++) {
        agent_message(partner, me | L4_OP_SEND, WORD_TAG, NEVER);
        agent_settle(partner);
        t = invoke(open ? L4_SEL_INVALID | OP_WAIT : SEL(partner->slot) | L4_OP_RECV, (l4_tag){0}, &label,
                   L4_TIMEOUT_ZERO);
        ok(!l4_tag_error(t) && label == 0x99 && utcb()->mr[0] == 12, "a queued message is taken with timeout 0");
        ok(agent_finished(partner) && partner->got_error == 0, "  and its sender goes on");
    }
    agent_message(partner, me | OP_CALL, WORD_TAG, NEVER);
    t = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, NEVER);
    utcb()->mr[0] = 77;
    t = invoke(L4_SEL_INVALID | L4_OP_REPLY | L4_OP_SEND, WORD_TAG, NULL, SND(L4_TIMEOUT_ZERO));
    ok(!l4_tag_error(t), "a reply with timeout 0 finds the caller");
    ok(agent_finished(partner) && partner->got_word == 77 && partner->got_error == 0, "  and arrives");
    agent_message(partner, me | OP_CALL, WORD_TAG, 2000);
    invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, NEVER);
    ok(agent_finished(partner) && partner->got_error == 3, "a caller gives up");
    t = invoke(L4_SEL_INVALID | L4_OP_REPLY | L4_OP_SEND, WORD_TAG, NULL, SND(L4_TIMEOUT_ZERO));
    ok(l4_tag_error(t) && utcb()->error == 4, "a late reply fails");
    agent_message(partner, me | L4_OP_SEND, WORD_TAG, NEVER);
    agent_settle(partner);
    thread_ex_regs(partner->slot, ~0ul, ~0ul, L4_EXREGS_CANCEL);
    ok(agent_finished(partner) && partner->got_error == 6, "cancel ends a queued send");
    agent_message(partner, L4_SEL_INVALID | OP_WAIT, WORD_TAG, NEVER);
    agent_settle(partner);
    thread_ex_regs(partner->slot, ~0ul, ~0ul, L4_EXREGS_CANCEL);
    ok(agent_finished(partner) && partner->got_error == 7, "cancel ends a wait");
}

/* ---- placement ---- */

static void work_where(struct agent *a) { a->count = here(); }

static void test_placement(void)
{
    word_t seen[64];
    unsigned wrong = 0;

    for (unsigned i = 0; i < cpus; i++) {
        run_on(partner->slot, i, PRIO_HIGH);
        agent_do(partner, work_where);
        wrong += !agent_finished(partner);
        seen[i] = partner->count;
        for (unsigned k = 0; k < i; k++)
            wrong += seen[k] == seen[i];
    }
    is(wrong, 0, "each CPU of the map is another one");
}

/* ---- many messages ---- */

static void work_echo(struct agent *a)
{
    word_t label = 0;
    l4_tag t = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, NEVER);

    while (!a->stop && !l4_tag_error(t)) {
        a->count++;
        utcb()->mr[0]++;
        t = invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(0, 1, 0, 0), &label, SND(L4_TIMEOUT_ZERO));
    }
}

static void work_calls(struct agent *a)
{
    for (word_t i = 0; !a->stop; i++) {
        utcb()->mr[0] = i;
        l4_tag t = invoke(SEL(a->partner->slot) | OP_CALL, WORD_TAG, NULL, NEVER);
        if (l4_tag_error(t) && a->stop)
            break;
        if (l4_tag_error(t) || utcb()->mr[0] != i + 1)
            a->bad++;
        a->count++;
    }
}

/* The same with a value in a vector register, which nobody else may see or change. */
static void work_vector(struct agent *a)
{
    word_t mine = 0x1234500000000ul + a->slot;

    __asm__ volatile("movq %0, %%xmm3" ::"r"(mine) : "xmm3");
    while (!a->stop) {
        word_t seen;
        __asm__ volatile("movq %%xmm3, %0" : "=r"(seen));
        if (seen != mine)
            a->bad++;
        if (++a->count % 1000 == 0)
            sleep_us(10);
    }
}

static void test_many_calls(unsigned cpu)
{
    unsigned wrong = 0;

    run_on(partner->slot, cpu, PRIO_HIGH);
    agent_do(partner, work_echo);
    for (word_t i = 0; i < 3000; i++) {
        utcb()->mr[0] = i;
        l4_tag t = invoke(SEL(partner->slot) | OP_CALL, WORD_TAG, NULL, NEVER);
        wrong += l4_tag_error(t) || utcb()->mr[0] != i + 1;
    }
    is(wrong, 0, "3000 calls");
    ok(agent_stop(partner), "  the server ends");
}

static word_t random_state = 88172645463325252ul;
static unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 20) % n;
}

/* (Fewer rounds on many CPUs: where they are emulated, each must get its turn before it can answer.) */
/* Pairs that call one another, lonely ones that compute: all are moved about all the time. */
static void test_migration(void)
{
    enum { PAIRS = 3, LONELY = 2, ALL = 2 * PAIRS + LONELY, FIRST = 2 };
    word_t bad = 0, least = ~0ul;
    int ended = 1;

    for (unsigned i = 0; i < ALL; i++)
        agent_make(FIRST + i, random_below(cpus), PRIO_LOW);
    for (unsigned i = 0; i < PAIRS; i++) {
        agents[FIRST + 2 * i].partner = &agents[FIRST + 2 * i + 1];
        agent_do(&agents[FIRST + 2 * i + 1], work_echo);
        agent_do(&agents[FIRST + 2 * i], work_calls);
    }
    for (unsigned i = 2 * PAIRS; i < ALL; i++)
        agent_do(&agents[FIRST + i], work_vector);
    for (unsigned round = 0; round < 6000 / cpus; round++) {
        struct agent *a = &agents[FIRST + random_below(ALL)];
        unsigned what = random_below(64);
        if (what == 0)
            run_on(a->slot, 63, PRIO_LOW); /* no such CPU: it stops */
        else if (what == 1)
            sleep_us(1000);
        else
            run_on(a->slot, random_below(cpus), PRIO_LOW + random_below(2));
    }
    for (unsigned i = 0; i < ALL; i++)
        run_on(agents[FIRST + i].slot, i % cpus, PRIO_LOW);
    for (unsigned i = 0; i < ALL; i++)
        agents[FIRST + i].count = 0;
    for (unsigned tries = 0; tries < 50 && (tries == 0 || least == 0); tries++) { /* the emulator's CPUs take turns */
        sleep_us(60000);
        least = ~0ul;
        for (unsigned i = 0; i < ALL; i++)
            if (agents[FIRST + i].count < least)
                least = agents[FIRST + i].count;
    }
    for (unsigned i = 0; i < ALL; i++)
        bad += agents[FIRST + i].bad;
    is(bad, 0, "many migrations: no wrong answer, no foreign vector register");
    ok(least > 0, "  and everybody still works");
    for (unsigned i = 0; i < ALL; i++)
        agents[FIRST + i].stop = 1;
    for (unsigned i = 0; i < ALL; i++)
        ended &= agent_stop(&agents[FIRST + i]);
    ok(ended, "  and ends");
    for (unsigned i = 0; i < ALL; i++)
        delete_slot(agents[FIRST + i].slot);
}

/* A sender in our queue, a caller that waits for our answer, a sleeper: moved before it goes on. */
static void test_migrate_blocked(void)
{
    word_t label = 0;

    run_on(partner->slot, 0, PRIO_HIGH);
    partner->word = 5;
    agent_message(partner, SEL(L4_SLOT_THREAD) | OP_CALL, WORD_TAG, NEVER);
    agent_settle(partner);
    run_on(partner->slot, cpus - 1, PRIO_HIGH);
    l4_tag t = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, timeout_us(1000000));
    ok(!l4_tag_error(t) && utcb()->mr[0] == 5, "a queued sender is moved, its message comes");
    run_on(partner->slot, 0, PRIO_HIGH);
    run_on(partner->slot, cpus - 1, PRIO_HIGH);
    utcb()->mr[0] = 6;
    t = invoke(L4_SEL_INVALID | L4_OP_REPLY | L4_OP_SEND, WORD_TAG, NULL, SND(L4_TIMEOUT_ZERO));
    ok(!l4_tag_error(t) && agent_finished(partner) && partner->got_word == 6, "a caller is moved, the answer finds it");
    run_on(partner->slot, 0, PRIO_HIGH);
    agent_message(partner, OP_SLEEP, (l4_tag){0}, timeout_us(20000));
    agent_settle(partner);
    run_on(partner->slot, cpus - 1, PRIO_HIGH);
    ok(agent_finished(partner) && partner->got_error == 3, "a sleeper is moved and wakes");
    run_on(partner->slot, 63, PRIO_HIGH);
    agent_message(partner, SEL(L4_SLOT_THREAD) | L4_OP_SEND, WORD_TAG, NEVER);
    sleep_us(5000);
    ok(partner->entered != partner->command, "without a CPU it does nothing");
    run_on(partner->slot, cpus - 1, PRIO_HIGH);
    t = invoke(SEL(partner->slot) | L4_OP_RECV, (l4_tag){0}, &label, timeout_us(2000000));
    ok(!l4_tag_error(t) && agent_finished(partner), "  with one again it goes on");
}

/* ---- the end of threads and gates ---- */

static void test_destruction(unsigned cpu)
{
    unsigned wrong = 0, left = 0;

    for (unsigned round = 0; round < 24; round++) {
        struct agent *victim = agent_make(2, cpu, PRIO_LOW), *sender = agent_make(3, (cpu + round) % cpus, PRIO_LOW);
        switch (round % 4) {
        case 0: agent_do(victim, work_compute); break;
        case 1: agent_message(victim, L4_SEL_INVALID | OP_WAIT, WORD_TAG, NEVER); break;
        case 2: agent_message(victim, SEL(sender->slot) | OP_CALL, WORD_TAG, NEVER); break;
        default: break; /* it polls */
        }
        agent_settle(victim);
        if (round % 4 != 1 && round % 4 != 2) { /* else they would meet */
            agent_message(sender, SEL(victim->slot) | L4_OP_SEND, WORD_TAG, NEVER);
            agent_settle(sender);
        }
        word_t before = victim->count;
        delete_slot(victim->slot);
        if (round % 4 != 1 && round % 4 != 2) {
            /* queued; or, when that CPU has been slow, on its way to somebody who is no more */
            wrong += !agent_finished(sender) || (sender->got_error != 6 && sender->got_error != 4);
            wrong += message(SEL(victim->slot) | L4_OP_SEND, NEVER, 0) != 4;
        }
        sleep_us(2000);
        before = victim->count;
        sleep_us(2000);
        left += victim->count != before;
        left += victim->utcb->free_marker != 0;
        delete_slot(sender->slot);
    }
    is(wrong, 0, "24 threads destroyed: who waits for them is told");
    is(left, 0, "  none of them runs on");
}

static void work_gate(struct agent *a)
{
    while (!a->stop) {
        l4_tag t = invoke(SEL(SLOT_GATE) | OP_CALL, WORD_TAG, NULL, NEVER);
        if (!l4_tag_error(t))
            a->count++;
        else if (utcb()->error != 4 && !a->stop)
            a->bad++;
    }
}

static long gate_make(word_t label, word_t thread)
{
    receive_into_slot(SLOT_GATE);
    utcb()->mr[0] = 0;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = label;
    put_cap_item(3, thread, 15);
    return call(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 3, 1);
}

static long gate_bind(word_t label, word_t thread)
{
    utcb()->mr[0] = L4_OP_GATE_BIND;
    utcb()->mr[1] = label;
    put_cap_item(2, thread, 15);
    return call(SLOT_GATE, L4_PROTO_KOBJECT, 2, 1);
}

/* A gate is called from every CPU while it is bound to another thread, deleted and made anew. Label and thread change
 * together: server n must see label n only. */
static void work_serve(struct agent *a)
{
    word_t label = 0;
    l4_tag t = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, NEVER);

    while (!a->stop && !l4_tag_error(t)) {
        a->count++;
        if ((label & ~3ul) != a->word)
            a->bad++;
        t = invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, (l4_tag){0}, &label, SND(L4_TIMEOUT_ZERO));
    }
}

static void test_gates(void)
{
    unsigned clients = cpus < 5 ? cpus : 5;
    word_t bad = 0, served;
    int ended = 1;

    for (unsigned i = 0; i < 2; i++) {
        struct agent *server = agent_make(2 + i, i % cpus, PRIO_LOW);
        server->word = 0x100 * (i + 1);
        agent_do(server, work_serve);
    }
    gate_make(0x100, agents[2].slot);
    for (unsigned i = 0; i < clients; i++)
        agent_do(agent_make(4 + i, i, PRIO_LOW), work_gate);
    for (unsigned round = 0; round < 3000 / cpus; round++) {
        unsigned n = random_below(2);
        if (random_below(8) == 0) {
            delete_slot(SLOT_GATE);
            gate_make(0x100 * (n + 1), agents[2 + n].slot);
        } else {
            gate_bind(0x100 * (n + 1), agents[2 + n].slot);
        }
        if (random_below(16) == 0)
            sleep_us(500);
    }
    sleep_us(20000);
    for (unsigned i = 0; i < 2 + clients; i++)
        bad += agents[2 + i].bad;
    served = agents[2].count + agents[3].count;
    is(bad, 0, "a gate rebound and deleted under load: label and thread belong together");
    ok(served > 100, "  calls went through it");
    delete_slot(SLOT_GATE);
    for (unsigned i = 0; i < 2 + clients; i++)
        agents[2 + i].stop = 1;
    for (unsigned i = 0; i < 2 + clients; i++)
        ended &= agent_stop(&agents[2 + i]);
    ok(ended, "  everybody comes to an end");
    for (unsigned i = 0; i < 2 + clients; i++)
        delete_slot(agents[2 + i].slot);
}

/* ---- semaphores ---- */

static long sem_op(word_t slot, word_t up)
{
    utcb()->mr[0] = up ? L4_OP_SEM_UP : L4_OP_SEM_DOWN;
    l4_tag t = l4_tag_make(up ? L4_PROTO_IRQ : L4_PROTO_SEMAPHORE, 1, 0, 0);
    t = invoke(SEL(slot) | (up ? L4_OP_SEND : OP_CALL), t, NULL, NEVER);
    return l4_tag_error(t) ? -1 : 0;
}

static void work_sem(struct agent *a)
{
    while (!a->stop) {
        if (sem_op(SLOT_SEM, 0) < 0)
            break;
        a->count++;
        sem_op(SLOT_SEM2, 1);
    }
}

static void test_semaphores(unsigned cpu)
{
    unsigned wrong = 0;

    create(SLOT_SEM, L4_PROTO_SEMAPHORE);
    create(SLOT_SEM2, L4_PROTO_SEMAPHORE);
    run_on(partner->slot, cpu, PRIO_HIGH);
    partner->count = 0;
    agent_do(partner, work_sem);
    for (unsigned i = 0; i < 2000; i++) {
        wrong += sem_op(SLOT_SEM, 1) != 0;
        wrong += sem_op(SLOT_SEM2, 0) != 0;
    }
    is(wrong, 0, "2000 ups and downs between CPUs");
    is(partner->count, 2000, "  none is lost");
    partner->stop = 1;
    delete_slot(SLOT_SEM);
    ok(agent_finished(partner), "  a destroyed semaphore lets its waiter go");
    delete_slot(SLOT_SEM2);
    partner->stop = 0;
}

/* ---- a mapping is revoked while another CPU uses it ---- */

static char page[4096] __attribute__((aligned(4096)));
#define ALIAS 0x7d00000000ul /* the same page, mapped a second time: what the writer uses */

static long alias_map(void)
{
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = ALIAS | L4_ITEM_MAP;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, (word_t)page >> 12, 12, L4_MEM_R | L4_MEM_W).raw;
    put_cap_item(3, L4_SLOT_TASK, 15);
    return call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);
}

/* Takes rights from the alias: at once, or as what was derived from the page. */
static long alias_unmap(int derived, word_t rights)
{
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = derived ? 0 : L4_UNMAP_SELF;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, (derived ? (word_t)page : ALIAS) >> 12, 12, (unsigned)rights).raw;
    return call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
}

static void work_write(struct agent *a)
{
    volatile word_t *p = (volatile word_t *)ALIAS;

    while (!a->stop)
        p[0]++;
}

static int count_changes(void)
{
    volatile word_t *p = (volatile word_t *)page;
    word_t seen = p[0];

    for (unsigned i = 0; i < 200 && p[0] == seen; i++)
        sleep_us(100);
    return p[0] != seen;
}

static void test_shootdown(unsigned cpu)
{
    volatile word_t *p = (volatile word_t *)page;
    struct agent *writer = agent_make(2, 0, PRIO_LOW);
    unsigned wrong = 0, faults = 0;
    word_t label = 0;

    utcb()->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER;
    utcb()->mr[1] = SEL(L4_SLOT_THREAD);
    for (unsigned i = 2; i < 6; i++)
        utcb()->mr[i] = 0;
    is(call(writer->slot, L4_PROTO_THREAD, 6, 0), 0, "the main thread is the writer's pager");
    p[0] = 0;
    is(alias_map(), 0, "a page is mapped twice");
    run_on(writer->slot, cpu, PRIO_LOW);
    agent_do(writer, work_write);
    for (unsigned round = 0; round < 200; round++) {
        wrong += !count_changes();
        wrong += alias_unmap(round & 1, round & 2 ? L4_MEM_W : L4_MEM_RIGHTS) < 0;
        word_t seen = p[0];
        l4_tag t = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, timeout_us(1000000));
        faults += !l4_tag_error(t) && l4_tag_label(t) == L4_PROTO_PAGE_FAULT && (utcb()->mr[0] & ~4095ul) == ALIAS;
        wrong += p[0] != seen; /* nothing was written after the call had returned */
        wrong += alias_map() < 0;
        invoke(L4_SEL_INVALID | L4_OP_REPLY | L4_OP_SEND, (l4_tag){0}, NULL, SND(L4_TIMEOUT_ZERO));
    }
    is(wrong, 0, "200 times rights are taken from a page in use: no write comes through");
    is(faults, 200, "  each is a page fault");
    writer->stop = 1;
    ok(agent_stop(writer), "  the writer ends");
    delete_slot(writer->slot);
    alias_unmap(0, L4_MEM_RIGHTS);
}

/* ---- one clock ---- */

static volatile word_t clock_turn, clock_last;

static void work_clock(struct agent *a)
{
    while (!a->stop) {
        if (!(clock_turn & 1)) {
            __asm__ volatile("pause");
            continue;
        }
        word_t now = tsc();
        a->bad += now < clock_last;
        clock_last = now;
        clock_turn++;
    }
}

static void test_clock(unsigned cpu)
{
    word_t back = 0;

    clock_turn = clock_last = 0;
    partner->bad = 0;
    run_on(partner->slot, cpu, PRIO_LOW);
    agent_do(partner, work_clock);
    for (unsigned i = 0; i < 20000; i++) {
        while (clock_turn & 1)
            __asm__ volatile("pause");
        word_t now = tsc();
        back += now < clock_last;
        clock_last = now;
        clock_turn++;
    }
    ok(agent_stop(partner), "clock: the other CPU ends");
    is(back + partner->bad, 0, "  20000 turns: it never went backwards");
}

/* The clocks of the kernel interface page: the word in it, and the function (which reads the time stamp counter
 * of the CPU that calls it). What one CPU has read is in the message; nobody may read less when he has received it. */
#define KIP_AT 0x7c00000000ul
static volatile struct l4_kip *const kip = (volatile struct l4_kip *)KIP_AT;

static long kip_map(void)
{
    struct l4_utcb *u = utcb();

    u->bdr = 0;
    u->br[0] = KIP_AT | L4_ITEM_MAP;
    u->br[1] = l4_fpage_make(L4_FPAGE_MEM, KIP_AT >> 12, 12, L4_MEM_R | L4_MEM_X).raw;
    u->mr[0] = ~0xfful | 0xa0;
    u->mr[1] = 0;
    return call(L4_SLOT_PAGER, L4_PROTO_SIGMA0, 2, 0);
}

static word_t kip_count(void) { return ((word_t(*)(void))(KIP_AT + L4_KIP_CLOCK_US))(); }

/* Is one of the clocks behind what is in the message? Puts what they say now there. */
static unsigned clocks_look(void)
{
    word_t *mr = utcb()->mr, word = kip->clock_us, count = kip_count();
    unsigned behind = (word < mr[0]) + (count < mr[1]) + (count < word);

    mr[0] = word;
    mr[1] = count;
    return behind;
}

static void work_clocks(struct agent *a)
{
    word_t label = 0;
    l4_tag t = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, &label, NEVER);

    while (!a->stop && !l4_tag_error(t)) {
        a->bad += clocks_look();
        t = invoke(L4_SEL_INVALID | OP_REPLY_AND_WAIT, l4_tag_make(0, 2, 0, 0), &label, SND(L4_TIMEOUT_ZERO));
    }
}

static void test_kip_clock(void)
{
    word_t behind = 0, begin, word;

    is(kip_map(), 0, "the kernel interface page");
    is(kip->magic, L4_KIP_MAGIC, "  is there");
    begin = kip->clock_us;
    partner->bad = 0;
    utcb()->mr[0] = utcb()->mr[1] = 0;
    for (unsigned cpu = 1; cpu < cpus; cpu++) {
        run_on(partner->slot, cpu, PRIO_HIGH);
        agent_do(partner, work_clocks);
        for (unsigned i = 0; i < 4000 / cpus; i++) {
            l4_tag t = invoke(SEL(partner->slot) | OP_CALL, l4_tag_make(0, 2, 0, 0), NULL, NEVER);
            behind += l4_tag_error(t) || clocks_look() != 0;
        }
        ok(agent_stop(partner), "clocks across a message: the other CPU ends");
    }
    is(behind + partner->bad, 0, "  they never went backwards");
    behind = 0;
    for (unsigned i = 0; i < 600; i++) {
        word_t count = utcb()->mr[1];
        word = utcb()->mr[0];
        run_on(L4_SLOT_THREAD, i % cpus, PRIO_MAIN);
        utcb()->mr[0] = word;
        utcb()->mr[1] = count;
        behind += clocks_look();
    }
    run_on(L4_SLOT_THREAD, 0, PRIO_MAIN);
    is(behind, 0, "nor for a thread that moves from CPU to CPU");
    run_on(L4_SLOT_THREAD, cpus - 1, PRIO_MAIN);
    sleep_us(20000);
    word = kip->clock_us;
    ok(word - begin >= 20000 && kip_count() - word < 10000000,
       "the clock goes on beside CPUs that sleep");
    run_on(L4_SLOT_THREAD, 0, PRIO_MAIN);
}

/* ---- nothing is lost ---- */

/* How many threads a factory of 64 KiB can make; they are destroyed again. */
static unsigned threads_in_quota(void)
{
    unsigned n = 0;

    receive_into_slot(SLOT_FACTORY_SUB);
    utcb()->mr[0] = (word_t)L4_PROTO_FACTORY;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = 65536;
    if (call(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 3, 0) < 0)
        return 0;
    for (;; n++) {
        receive_into_slot(SLOT_FILL + n);
        utcb()->mr[0] = (word_t)L4_PROTO_THREAD;
        if (call(SLOT_FACTORY_SUB, L4_PROTO_FACTORY, 1, 0) < 0)
            break;
    }
    return n;
}

/* Threads of a factory run on all CPUs and are destroyed there: the quota comes back, all of it. */
static void test_quota(void)
{
    unsigned n = threads_in_quota(), again = 0;

    for (unsigned i = 0; i < n; i++)
        delete_slot(SLOT_FILL + i);
    for (unsigned round = 0; round < 30; round++) {
        struct agent *a = &agents[2];
        a->slot = SLOT_AGENT + 2;
        receive_into_slot(a->slot);
        utcb()->mr[0] = (word_t)L4_PROTO_THREAD;
        call(SLOT_FACTORY_SUB, L4_PROTO_FACTORY, 1, 0);
        utcb()->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_BIND_TASK;
        utcb()->mr[1] = SEL(L4_SLOT_PAGER);
        utcb()->mr[5] = UTCB_AREA + 2 * L4_UTCB_SIZE;
        put_cap_item(6, L4_SLOT_TASK, 15);
        call(a->slot, L4_PROTO_THREAD, 6, 1);
        agent_start(a);
        run_on(a->slot, round % cpus, PRIO_LOW + round % 3);
        agent_do(a, round % 2 ? work_vector : work_message);
        if (round % 5)
            agent_settle(a);
        delete_slot(a->slot);
    }
    sleep_us(20000);
    for (;; again++) {
        receive_into_slot(SLOT_FILL + again);
        utcb()->mr[0] = (word_t)L4_PROTO_THREAD;
        if (call(SLOT_FACTORY_SUB, L4_PROTO_FACTORY, 1, 0) < 0)
            break;
    }
    ok(n > 10, "a factory makes threads until its quota is used");
    is(again, n, "  as many as before, after 30 threads of its ran and were destroyed on all CPUs");
    for (unsigned i = 0; i < again; i++)
        delete_slot(SLOT_FILL + i);
    delete_slot(SLOT_FACTORY_SUB);
}

static void test_between(unsigned cpu)
{
    root_printf("# partner on CPU %u\n", cpu);
    test_messages(cpu);
    test_receive(cpu);
    test_many_calls(cpu);
    test_semaphores(cpu);
    test_destruction(cpu);
    if (cpu != 0) {
        test_shootdown(cpu);
        test_clock(cpu);
    }
}

static int smp_test(unsigned wanted)
{
    agents_setup();
    is(cpus, wanted, "CPUs");
    partner = agent_make(0, 0, PRIO_HIGH);
    third = agent_make(1, cpus - 1, PRIO_HIGH);
    ok(partner != NULL && third != NULL, "two threads");
    test_placement();
    test_between(0);
    test_between(1);
    if (cpus > 2)
        test_between(cpus - 1);
    test_kip_clock();
    test_migrate_blocked();
    test_migration();
    test_gates();
    test_quota();
    return tap_done();
}
