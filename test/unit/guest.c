/* SPDX-License-Identifier: MIT */
/*
 * guest.c: what belongs to a CPU that is awake is done there. Three CPUs, none of them ever idle. Root and a less
 * important thread (near) are on the first; far, which waits most of the time, and local, which computes, on the
 * second; third and another one that computes on the last. Things that happen while somebody is on his way are done by
 * near, or by local, whose CPU acts before it has noticed its interrupt.
 */
#include "tap.h"
#include "machine.h"
#include "smp.h"
#include <l4/vcpu.h>
#include <stdio.h>

enum {
    NEAR = 0x40, FAR, THIRD, LOCAL, COMPUTES, /* threads */
    GATE, OPEN, SPARE, SEM, IRQ, TARGET,
    ITEMS = 0x60,                             /* capabilities that are sent */
    RECEIVED = 0x80
};
#define ANSWER (L4_OP_SEND | L4_OP_REPLY)
#define REPLY_WAIT (WAIT | ANSWER)
#define EXPLICIT(slot) (SEL(slot) | L4_SEL_REPLY)
#define FAR_LABEL 0xfa0ul
#define ZERO_SND ((word_t)L4_TIMEOUT_ZERO << 16)
#define ZERO_RCV ((word_t)L4_TIMEOUT_ZERO)

static struct thread *near, *far, *third, *local;

/* ---- the machine ---- */

static bool untouched(unsigned n)
{
    return !cpus[n]->arch.stopped && cpus[n]->arch.space != NULL && cpus[n]->claim == CPU_FREE;
}

static void plain(word_t dest, long label, unsigned words, word_t timeout)
{
    host_syscall(dest, l4_tag_make(label, words, 0, 0).raw, 0, timeout);
}

/* Everybody who has been interrupted acts, until nobody is. */
static void settle(void)
{
    for (bool any = true; any;) {
        any = false;
        for (unsigned n = 0; n < cpu_count; n++)
            if (host_ipi_pending(n)) {
                any = true;
                host_set_cpu(n);
            }
    }
}

/* After a call of t, which may have travelled: t is current. */
static long done(struct thread *t)
{
    settle();
    host_set_cpu(t->home->id);
    return host_current() != t ? 0x20000 : error_of(t) != 0 ? (long)(0x10000 | error_of(t)) : label_of(t);
}

static long operate(word_t slot, long label, word_t item, unsigned words, word_t w0, word_t w1, word_t w2, word_t w3)
{
    struct thread *self = host_current();

    call_words(slot, label, item, words, w0, w1, w2, w3);
    return done(self);
}

static long ex_regs(word_t slot, word_t flags, word_t ip, word_t sp)
{
    return operate(slot, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | flags, ip, sp, 0);
}

static long move(word_t slot, word_t map, unsigned prio)
{
    struct thread *self = host_current();

    run_thread_on(slot, map, prio);
    return done(self);
}

static long bind_gate(word_t gate, word_t label, word_t thread)
{
    return operate(gate, L4_PROTO_KOBJECT, thread, 2, L4_OP_GATE_BIND, label, 0, 0);
}

/* number: of the UTCB. */
static struct thread *make(unsigned number, word_t slot, word_t map, unsigned prio)
{
    struct thread *t;

    threads_made = number;
    t = thread_make(slot, OPEN, OPEN);
    ex_regs(slot, 0, 0x1000ul * slot, 0x1000ul * slot + 0x800);
    move(slot, map, prio);
    return t;
}

/* The current thread of a CPU. */
static struct thread *on(unsigned n)
{
    host_set_cpu(n);
    return host_current();
}

/* ---- far ---- */

static void far_make(void)
{
    far = make(1, FAR, 2, 120);
    if (on(1) == far)
        wait_open();
    host_set_cpu(0);
    bind_gate(GATE, FAR_LABEL, FAR);
}

/* Back to its CPU, where it waits; root is current. */
static void far_home(void)
{
    settle();
    for (unsigned i = 0; i < 6 && far->ipc_state != IPC_WAITING; i++) {
        if (on(far->home->id) == far)
            wait_open();
        settle();
    }
    host_set_cpu(0);
    kassert(host_current() == root);
    if (far->home != cpus[1])
        move(FAR, 2, 120);
    kassert(host_current() == root && far->ipc_state == IPC_WAITING && far->home == cpus[1]);
    kassert(on(1) == local && on(2) != third);
    host_set_cpu(0);
}

/* far computes. */
static void far_busy(void)
{
    plain(SEL(GATE) | L4_OP_SEND, 1, 0, 0);
    settle();
    kassert(on(1) == far);
    host_set_cpu(0);
}

/* ---- messages: who sends what, with which time-outs, and what has become of the receiver ---- */

enum op { SENDS, CALLS, SENDS_AND_WAITS, OPS };
enum limit { NO_TIME, SOME_TIME, FOR_EVER, UNTIL, LIMITS };
enum fate { WAITS, COMPUTES_ON, GONE, DELETED, MOVES_ON, MOVES_HERE, FATES };
static const char *const op_names[] = {"send", "call", "send and wait"};
static const char *const limit_names[] = {"no time", "50 us", "for ever", "until"};
static const char *const fate_names[] = {"waits", "computes", "has ended", "is deleted meanwhile",
                                         "moves to the third CPU meanwhile", "moves to the sender's CPU meanwhile"};
static const word_t op_flags[] = {L4_OP_SEND, CALL, L4_OP_SEND | WAIT};

static unsigned limit_word(enum limit l, unsigned br)
{
    switch (l) {
    case NO_TIME:
        return L4_TIMEOUT_ZERO;
    case SOME_TIME:
        return 50;
    case FOR_EVER:
        return L4_TIMEOUT_NEVER;
    default:
        root->utcb->br[br] = host_clock_us() + 50;
        return L4_TIMEOUT_ABSOLUTE | br;
    }
}

/* Time passes; the wait of root ends with this error. */
static bool root_times_out(word_t code)
{
    bool armed;

    host_set_cpu(0);
    armed = root->timeout.armed && host_current() == near;
    host_time(60);
    host_tick();
    return armed && host_current() == root && error_of(root) == code && !root->timeout.armed;
}

/* The message has arrived at far; now root's second phase. */
static bool second_phase(enum op op, enum limit rcv)
{
    bool good;

    if (op == SENDS) {
        good = root->ipc_state == IPC_IDLE && far->reply.raw == 0;
        settle();
        return good && (on(0) == root || (root->ready && far->home == cpus[0])) && label_of(root) == 5 &&
               error_of(root) == 0;
    }
    if (op == CALLS) /* it waits already, or has nobody to wait for */
        good = reply_slot_caller(&far->reply) == (rcv == NO_TIME ? NULL : root);
    else
        good = far->reply.raw == 0;
    settle();
    if (rcv == NO_TIME)
        return good && root->ipc_state == IPC_IDLE && error_of(root) == L4_IPC_RECV_TIMEOUT;
    if (host_set_cpu(0), host_current() == root) /* far is on another CPU, and root waits */
        return false;
    if (root->ipc_state != (op == CALLS ? IPC_RECEIVING : IPC_WAITING))
        return false;
    if (rcv != FOR_EVER && far->home != cpus[0])
        return good && root_times_out(L4_IPC_RECV_TIMEOUT);
    host_set_cpu(far->home->id);
    if (op == CALLS)
        plain(SELF | REPLY_WAIT, 8, 0, 0);
    else
        plain(SEL(L4_SLOT_THREAD) | L4_OP_SEND, 8, 0, 0);
    good &= untouched(0) || far->home == cpus[0];
    settle();
    if (on(0) == far)
        wait_open();
    return good && host_current() == root && label_of(root) == 8 && root->ipc_state == IPC_IDLE &&
           !root->timeout.armed;
}

/* What happens to far while the message is on its way. */
static void happens(enum fate fate)
{
    if (fate != DELETED && fate != MOVES_ON && fate != MOVES_HERE)
        return;
    host_set_cpu_early(1);
    kassert(host_current() == local && root->ipc_state == IPC_AWAY);
    if (fate == DELETED)
        delete_slot(FAR);
    else
        run_thread_on(FAR, fate == MOVES_ON ? 4 : 1, 120);
}

static bool arrived(word_t word)
{
    return on(far->home->id) == far && far->ipc_state == IPC_IDLE && error_of(far) == 0 &&
           far->utcb->mr[0] == word;
}

static bool message(enum op op, enum limit snd, enum limit rcv, enum fate fate, word_t word)
{
    bool good, taken;

    if (fate == COMPUTES_ON)
        far_busy();
    if (fate == GONE) {
        delete_slot(FAR);
        settle();
    }
    root->utcb->mr[0] = word;
    host_set_cpu(0);
    kassert(host_current() == root);
    plain(SEL(fate == DELETED ? FAR : GATE) | op_flags[op], 5, 1, limit_word(snd, 20) << 16 | limit_word(rcv, 21));
    good = root->ipc_state == IPC_AWAY && host_current() == near && untouched(1) && host_ipi_pending(1) &&
           !root->timeout.armed;
    happens(fate);
    settle();
    machine_check();
    good &= root->ipc_state != IPC_AWAY;
    if (fate == GONE || fate == DELETED)
        return good && on(0) == root && error_of(root) == L4_IPC_NOT_EXISTENT;
    if (fate == COMPUTES_ON) {
        if (snd == NO_TIME)
            return good && on(0) == root && error_of(root) == L4_IPC_SEND_TIMEOUT;
        good &= root->ipc_state == IPC_SENDING && root->snd.receiver == far;
        if (snd != FOR_EVER)
            return root_times_out(L4_IPC_SEND_TIMEOUT) && good;
        host_set_cpu(1);
        wait_open();
        good &= untouched(0) || op == SENDS_AND_WAITS;
    }
    taken = arrived(word);
    if (fate == MOVES_ON)
        good &= far->home == cpus[2];
    if (fate == MOVES_HERE)
        good &= far->home == cpus[0];
    return second_phase(op, rcv) && taken && good;
}

static void test_messages(void)
{
    word_t word = 100;
    char name[120];

    for (enum fate fate = 0; fate < FATES; fate++)
        for (enum op op = 0; op < OPS; op++)
            for (enum limit snd = 0; snd < LIMITS; snd++)
                for (enum limit rcv = 0; rcv < LIMITS; rcv++) {
                    snprintf(name, sizeof name, "%s, %s, %s: the receiver %s", op_names[op], limit_names[snd],
                             limit_names[rcv], fate_names[fate]);
                    ok(message(op, snd, rcv, fate, word++), name);
                    settle();
                    if (fate == GONE || fate == DELETED)
                        far_make();
                    far_home();
                    machine_check();
                }
}

int main(void)
{
    machine_start_cpus(3);
    create(L4_PROTO_NONE, OPEN);
    create(L4_PROTO_NONE, GATE);
    near = make(2, NEAR, 1, 90);
    third = make(3, THIRD, 4, 120);
    local = make(4, LOCAL, 2, 10);
    make(5, COMPUTES, 4, 10);
    host_set_cpu(2);
    wait_open();
    host_set_cpu(0);
    far_make();
    far_home();
    test_messages();
    machine_check();
    return tap_done();
}
