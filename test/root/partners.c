/* SPDX-License-Identifier: MIT */
/*
 * A thread's pager or exception handler is killed: before it has taken the fault, with the fault in its hands, and for
 * good. What becomes of the thread is as the manual says; it can be ended in each state, and gives its quota back.
 */
#include "purse.h"

#define SLOT_PAYER 0x21u
#define SLOT_VICTIM 0x30u
#define SLOT_PARTNER 0x31u /* its pager, or its handler */
#define SLOT_GATE 0x32u    /* leads to the partner */
#define UTCB_OF(n) ((struct l4_utcb *)(L4_INITIAL_UTCB + (n) * L4_UTCB_SIZE))
#define MISSING 0x123456000ul

static char stack_victim[4096] __attribute__((aligned(16)));
static char stack_partner[4096] __attribute__((aligned(16)));
static volatile word_t got, rounds;

void victim_touches(void), victim_traps(void), victim_counts(void);
__asm__(".text\nvictim_touches: movq $0x123456000, %rax\n movb (%rax), %al\n"
        "victim_traps: incq rounds\n ud2\n"
        "victim_counts: incq rounds\n jmp victim_counts\n");

/* Takes one message and keeps it; or none at all. */
static void partner_takes(void)
{
    invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, NEVER);
    got = 1;
    for (;;)
        invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, NEVER);
}

static void partner_sleeps(void)
{
    for (;;)
        invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, NEVER);
}

static void make(word_t slot, long proto)
{
    receive_into_slot(slot);
    utcb()->mr[0] = (word_t)proto;
    call(SLOT_PAYER, L4_PROTO_FACTORY, 1, 0);
}

static void thread(word_t slot, struct l4_utcb *its_utcb, word_t pager, word_t handler)
{
    make(slot, L4_PROTO_THREAD);
    utcb()->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_BIND_TASK;
    utcb()->mr[1] = SEL(pager);
    utcb()->mr[2] = SEL(handler);
    utcb()->mr[3] = utcb()->mr[4] = 0;
    utcb()->mr[5] = (word_t)its_utcb;
    put_cap_item(6, L4_SLOT_TASK, 15);
    call(slot, L4_PROTO_THREAD, 6, 1);
}

/* The next message of the victim to this thread; 0: none in that time. */
static long message(struct l4_exc_regs *state, unsigned ms)
{
    utcb()->bdr = utcb()->br[0] = 0;
    l4_tag tag = invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, 10u << 10 | ms);

    memcpy(state, utcb()->mr, sizeof *state);
    return l4_tag_error(tag) ? 0 : l4_tag_label(tag);
}

/* Victim and partner run; the victim comes to its fault. */
static void begin(word_t pager, word_t handler, void (*code)(void), void (*partner)(void))
{
    factory_make(SLOT_PURSE, SLOT_PAYER, 1ul << 20);
    make(SLOT_GATE, L4_PROTO_NONE);
    thread(SLOT_PARTNER, UTCB_OF(1), L4_SLOT_PAGER, L4_SLOT_THREAD);
    utcb()->mr[0] = L4_OP_GATE_BIND;
    utcb()->mr[1] = 0;
    put_cap_item(2, SLOT_PARTNER, 15);
    call(SLOT_GATE, L4_PROTO_KOBJECT, 2, 1);
    thread(SLOT_VICTIM, UTCB_OF(2), pager, handler);
    got = rounds = 0;
    thread_ex_regs(SLOT_PARTNER, (word_t)partner, (word_t)(stack_partner + sizeof stack_partner) - 8, 0);
    set_priority(SLOT_PARTNER, 90);
    thread_ex_regs(SLOT_VICTIM, (word_t)code, (word_t)(stack_victim + sizeof stack_victim) - 8, 0);
    set_priority(SLOT_VICTIM, 80);
    int traps = code == victim_traps && partner == partner_sleeps;
    for (unsigned tries = 0; tries < 100 && (traps ? rounds == 0 : partner == partner_takes && got == 0); tries++)
        pause_ms(1);
    pause_ms(3);
}

/* The thread goes on, if it is given a while. */
static int goes_on(word_t from)
{
    for (unsigned tries = 0; tries < 200 && rounds <= from; tries++)
        pause_ms(1);
    return rounds > from;
}

static void end(word_t full, const char *name)
{
    delete(SLOT_VICTIM);
    delete(SLOT_PARTNER);
    delete(SLOT_GATE);
    delete(SLOT_PAYER);
    ok(purse_is_full(full), name);
}

static void test_pager(word_t full)
{
    struct l4_exc_regs state;

    begin(SLOT_GATE, L4_SLOT_THREAD, victim_touches, partner_sleeps);
    is(message(&state, 20), 0, "a pager that does not listen: the thread waits");
    delete(SLOT_PARTNER);
    is(message(&state, 500), L4_PROTO_EXCEPTION, "it is killed: an exception");
    ok(state.trapno == 14 && state.pfa == MISSING, "  of the page fault");
    end(full, "  everything is back");

    begin(SLOT_GATE, L4_SLOT_THREAD, victim_touches, partner_takes);
    is(got, 1, "a pager has the fault in its hands");
    delete(SLOT_PARTNER);
    is(message(&state, 20), 0, "  and is killed: the thread waits on");
    thread_ex_regs(SLOT_VICTIM, (word_t)victim_counts, ~0ul, L4_EXREGS_CANCEL);
    ok(goes_on(0), "  until it is cancelled");
    end(full, "  everything is back");

    begin(SLOT_GATE, L4_SLOT_THREAD, victim_touches, partner_takes);
    delete(SLOT_PARTNER);
    pause_ms(3);
    end(full, "or is ended while it waits: everything is back");
}

static void test_handler(word_t full)
{
    begin(L4_SLOT_PAGER, SLOT_GATE, victim_traps, partner_sleeps);
    is(rounds, 1, "a handler that does not listen: the thread waits");
    delete(SLOT_PARTNER);
    pause_ms(3);
    is(rounds, 1, "it is killed: the instruction is repeated, again and again");
    thread_ex_regs(SLOT_VICTIM, (word_t)victim_counts, ~0ul, L4_EXREGS_CANCEL);
    ok(goes_on(1), "  until the thread is sent elsewhere");
    end(full, "  everything is back");

    begin(L4_SLOT_PAGER, SLOT_GATE, victim_traps, partner_takes);
    is(got, 1, "a handler has the exception in its hands");
    delete(SLOT_PARTNER);
    pause_ms(3);
    is(rounds, 1, "  and is killed: the thread waits on");
    thread_ex_regs(SLOT_VICTIM, (word_t)victim_counts, ~0ul, L4_EXREGS_CANCEL);
    ok(goes_on(1), "  until it is cancelled");
    end(full, "  everything is back");

    begin(L4_SLOT_PAGER, SLOT_GATE, victim_traps, partner_sleeps);
    delete(SLOT_PARTNER);
    pause_ms(3);
    end(full, "or is ended while it repeats itself: everything is back");
}

static int test_main(void)
{
    word_t full, before;

    stack_victim[0] = stack_partner[0] = 0;
    set_priority(L4_SLOT_THREAD, 100);
    others_to_last_cpu();
    is(factory_make(L4_SLOT_FACTORY, SLOT_PURSE, PURSE_BYTES), 0, "the factory that pays");
    full = purse_left();
    begin(L4_SLOT_PAGER, L4_SLOT_THREAD, victim_counts, partner_sleeps);
    end(full, "made and dropped: everything is back");
    before = kernel_free();
    test_pager(full);
    test_handler(full);
    is(kernel_free(), before, "free kernel memory is what it was");
    return tap_done();
}
