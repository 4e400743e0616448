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

static bool claimed;

/* Has nobody been stopped since this was asked last? */
static bool calm(void)
{
    bool was = !claimed;

    claimed = false;
    return was;
}

/* Everybody who has been interrupted acts, until nobody is. */
static void settle(void)
{
    bool any = true;

    for (unsigned round = 0; any; round++) {
        kassert(round < 1000);
        any = false;
        for (unsigned n = 0; n < cpu_count; n++)
            if (host_ipi_pending(n)) {
                any = true;
                cpus[n]->guests_served = 0; /* no tick comes here */
                claimed |= cpus[n]->arch.stopped;
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

/* The capability goes, the object stays. */
static void drop(word_t slot)
{
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF,
               l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw, 0);
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

/* ---- answers ---- */

enum slot { IMPLICIT, IMPLICIT_FPU, EXPLICIT_SLOT, SLOTS };
enum end { STAYS, TIMES_OUT, CALLER_DELETED, CALLER_MOVES_ON, CALLER_MOVES_HERE, ENDS };
static const char *const slot_names[] = {"answer", "answer with FPU state", "answer through an explicit slot"};
static const char *const end_names[] = {"the caller waits", "its time is over meanwhile", "it is deleted meanwhile",
                                        "it moves to the third CPU meanwhile", "it moves here meanwhile"};

/* far has called root, which has the call in the slot. */
static void far_calls(enum slot slot, word_t timeout)
{
    far_busy();
    host_syscall((slot == EXPLICIT_SLOT ? EXPLICIT(3) : SELF) | WAIT, 0, 0, 0);
    kassert(on(1) == far && untouched(0));
    plain(SEL(L4_SLOT_THREAD) | CALL, 6, 0, timeout);
    kassert(far->ipc_state == IPC_AWAY && host_current() == local);
    settle();
    kassert(on(0) == root && label_of(root) == 6 && far->ipc_state == IPC_RECEIVING);
}

static void caller_ends(enum end end)
{
    if (end == STAYS)
        return;
    host_set_cpu_early(1);
    if (end == TIMES_OUT || end == CALLER_DELETED) { /* who is only dying can be answered */
        host_time(60);
        host_tick();
        if (end == CALLER_DELETED)
            delete_slot(FAR);
    } else {
        run_thread_on(FAR, end == CALLER_MOVES_ON ? 4 : 1, 120);
    }
}

static bool answer(enum slot slot, bool waits, enum limit rcv, enum end end)
{
    word_t dest = (slot == EXPLICIT_SLOT ? EXPLICIT(3) : SELF) | (waits ? REPLY_WAIT : ANSWER);
    bool travels = slot != IMPLICIT, lost = end == TIMES_OUT || end == CALLER_DELETED, good;

    far_calls(slot, lost ? 50 : 0);
    root->utcb->mr[0] = 77;
    host_syscall(dest, l4_tag_make(9, 1, 0, slot == IMPLICIT_FPU ? L4_TAG_FPU : 0).raw, 0, limit_word(rcv, 21));
    good = untouched(1) && host_ipi_pending(1) && (root->ipc_state == IPC_AWAY) == travels;
    if (travels)
        caller_ends(end);
    settle();
    machine_check();
    if (travels && lost)
        return good && on(0) == root && error_of(root) == L4_IPC_NOT_EXISTENT;
    good &= on(far->home->id) == far && label_of(far) == 9 && far->utcb->mr[0] == 77 && error_of(far) == 0;
    good &= far->home == cpus[end == CALLER_MOVES_ON ? 2 : end == CALLER_MOVES_HERE ? 0 : 1];
    if (!waits)
        return good && (on(0) == root || (root->ready && far->home == cpus[0])) && label_of(root) == 9 &&
               error_of(root) == 0;
    return second_phase(SENDS_AND_WAITS, rcv) && good;
}

static void test_answers(void)
{
    char name[120];

    for (enum slot slot = 0; slot < SLOTS; slot++)
        for (enum end end = 0; end < ENDS; end++)
            for (unsigned n = 0; n < 1 + LIMITS; n++) {
                if (slot == IMPLICIT && end != STAYS)
                    continue; /* it is done at once */
                snprintf(name, sizeof name, "%s, %s%s: %s", slot_names[slot], n == 0 ? "no wait" : "then waits, ",
                         n == 0 ? "" : limit_names[n - 1], end_names[end]);
                ok(answer(slot, n != 0, n == 0 ? FOR_EVER : n - 1, end), name);
                settle();
                if (end == CALLER_DELETED)
                    far_make();
                far_home();
                machine_check();
            }
}

/* Who waits in a queue has one himself, which is used by his CPU without the lock: a message to him travels, too. */
static void test_waits_in_queue(void)
{
    far_busy();
    host_set_cpu(1);
    far->utcb->mr[0] = L4_OP_SEM_DOWN;
    plain(SEL(SEM) | CALL, L4_PROTO_SEMAPHORE, 1, 0);
    ok(far->ipc_state == IPC_SEM && host_current() == local, "a thread of an awake CPU waits at a semaphore");
    host_set_cpu(0);
    root->utcb->mr[0] = 41;
    plain(SEL(FAR) | L4_OP_SEND, 5, 1, 0);
    ok(root->ipc_state == IPC_AWAY && list_empty(&far->senders), "nobody else touches its queue of senders");
    settle();
    ok(root->ipc_state == IPC_SENDING && root->snd.receiver == far, "who sends to it waits there");
    on(0);
    plain(SEL(SEM) | L4_OP_SEND, L4_PROTO_IRQ, 0, 0);
    settle();
    ok(on(1) == far, "it goes on");
    wait_open();
    ok(far->ipc_state == IPC_IDLE && far->utcb->mr[0] == 41, "and takes the message");
    far_home();
    machine_check();
}

/* On the short path a thread of this CPU does not appear from nowhere: it is moved here while this CPU stands. */
static void test_moved_to_awake(void)
{
    settle();
    calm();
    on(0);
    move(FAR, 4, 120);
    ok(!calm() && far->home == cpus[2] && far->ipc_state == IPC_WAITING,
       "a CPU that gets a thread that waits is stopped");
    far_home();
    machine_check();
}

/* Two answer through one slot. */
static void test_two_answers(void)
{
    far_calls(EXPLICIT_SLOT, 0);
    plain(EXPLICIT(3) | ANSWER, 1, 0, 0);
    ok(root->ipc_state == IPC_AWAY && host_current() == near, "one answer is on its way");
    plain(EXPLICIT(3) | ANSWER, 2, 0, 0);
    ok(near->ipc_state == IPC_AWAY && untouched(1), "and another one");
    settle();
    ok(on(1) == far && label_of(far) == 1, "the first arrives");
    ok(on(0) == root && error_of(root) == 0 && error_of(near) == L4_IPC_NOT_EXISTENT, "the second finds nobody");
    far_home();
    machine_check();
}

/* ---- items, FPU state ---- */

#define MANY 12u

static void items_prepare(struct thread *to)
{
    root->utcb->mr[0] = 44;
    for (unsigned i = 0; i < MANY; i++) {
        root->utcb->mr[1 + 2 * i] = L4_ITEM_MAP;
        root->utcb->mr[2 + 2 * i] = l4_fpage_make(L4_FPAGE_OBJ, ITEMS + i, 0, 15).raw;
        to->utcb->br[i] = SEL(RECEIVED + i) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    }
    to->utcb->bdr = 0;
}

static unsigned items_received(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MANY; i++) {
        struct cap *slot = cap_slot(root->task, RECEIVED + i);

        n += slot != NULL && slot->raw != 0 && cap_obj(slot) == cap_obj(cap_slot(root->task, SEM));
    }
    return n;
}

static void items_drop(void)
{
    for (unsigned i = 0; i < MANY; i++)
        drop(RECEIVED + i);
}

static void slice_set(int slice) { work_slice = work_left = slice; }

static void test_items(void)
{
    const word_t tag = l4_tag_make(5, 1, MANY, 0).raw;

    for (unsigned i = 0; i < MANY; i++)
        cap_copy(SEM, ITEMS + i, 0xff);
    for (int slice = 1 << 30; slice > 0; slice = slice > 100 ? 100 : slice > 1 ? 1 : 0) {
        items_prepare(far);
        host_syscall(SEL(GATE) | CALL, tag, 0, 0);
        ok(root->ipc_state == IPC_AWAY && untouched(1), "a message with items travels");
        slice_set(slice);
        settle();
        slice_set(1 << 30);
        ok(on(1) == far && l4_tag_items(tag_of(far)) == MANY && items_received() == MANY, "all of them arrive");
        ok(root->ipc_state == IPC_RECEIVING && root->progress.at == 0 && root->progress.item == 0 &&
               !(far->flags & THREAD_PARTLY), "and nothing is left of the way");
        plain(SELF | REPLY_WAIT, 8, 0, 0);
        settle();
        ok(on(0) == root && label_of(root) == 8, "the answer comes");
        items_drop();
        far_busy();
        items_prepare(far);
        host_syscall(SEL(GATE) | CALL, tag, 0, 0);
        settle();
        ok(root->ipc_state == IPC_SENDING, "who computes");
        host_set_cpu(1);
        slice_set(slice);
        wait_open();
        settle();
        slice_set(1 << 30);
        ok(on(1) == far && items_received() == MANY && root->ipc_state == IPC_RECEIVING, "takes them later");
        plain(SELF | REPLY_WAIT, 8, 0, 0);
        settle();
        ok(on(0) == root && label_of(root) == 8, "and answers");
        items_drop();
        machine_check();
    }
}

static bool window_seen;

/* In the first window of the traveller the receiver goes to the third CPU. */
static void far_leaves(void)
{
    if (window_seen || cpu_self() != cpus[0] || !(far->flags & THREAD_PARTLY))
        return;
    window_seen = true;
    host_set_cpu(1);
    if (host_current() == local)
        run_thread_on(FAR, 4, 120);
}

static void test_items_window(void)
{
    items_prepare(far);
    host_syscall(SEL(GATE) | CALL, l4_tag_make(5, 1, MANY, 0).raw, 0, 0);
    slice_set(1);
    host_window = far_leaves;
    settle();
    host_window = NULL;
    slice_set(1 << 30);
    ok(window_seen && far->home == cpus[2], "the receiver moves between two windows");
    ok(on(2) == far && items_received() == MANY && far->utcb->mr[0] == 44, "the items arrive all the same");
    plain(SELF | REPLY_WAIT, 8, 0, 0);
    settle();
    ok(on(0) == root && label_of(root) == 8, "and are answered");
    items_drop();
    for (unsigned i = 0; i < MANY; i++)
        drop(ITEMS + i);
    far_home();
    machine_check();
}

static void test_fpu(void)
{
    const word_t tag = l4_tag_make(5, 0, 0, L4_TAG_FPU).raw;

    host_fpu_write(root, 123);
    far->utcb->bdr = L4_BDR_INHERIT_FPU;
    root->utcb->bdr = L4_BDR_INHERIT_FPU;
    host_syscall(SEL(FAR) | CALL, tag, 0, 0);
    ok(root->ipc_state == IPC_AWAY, "FPU state travels");
    settle();
    ok(on(1) == far && host_fpu_read(far) == 123, "and arrives");
    host_fpu_write(far, 124);
    host_syscall(SELF | REPLY_WAIT, tag, 0, 0);
    ok(far->ipc_state == IPC_AWAY && untouched(0), "and so does that of the answer");
    settle();
    ok(on(0) == root && host_fpu_read(root) == 124 && far->ipc_state == IPC_WAITING, "to the caller");
    far->utcb->bdr = root->utcb->bdr = 0;
    machine_check();
}

/* ---- another object is in the slot when the guest looks again ---- */

/* The message of root, through SPARE, is on its way to far; then SPARE becomes a copy of `other` (0: empty). */
static void replaced(word_t op, long label, unsigned words, word_t timeout, word_t other, const word_t *mr)
{
    cap_copy(GATE, SPARE, 0xff & ~L4_OBJ_WEAK);
    for (unsigned i = 0; i < words; i++)
        root->utcb->mr[i] = mr[i];
    plain(SEL(SPARE) | op, label, words, timeout);
    ok(root->ipc_state == IPC_AWAY && host_current() == near, "a message is on its way");
    drop(SPARE);
    if (other != 0)
        cap_copy(other, SPARE, 0xff & ~L4_OBJ_WEAK);
    settle();
    machine_check();
}

static const word_t zeros[4];

static void test_semaphore(void)
{
    const word_t down[] = {L4_OP_SEM_DOWN};

    replaced(CALL, L4_PROTO_SEMAPHORE, 1, 0, SEM, down);
    ok(root->ipc_state == IPC_SEM, "a guest waits at a semaphore");
    plain(SEL(SEM) | L4_OP_SEND, L4_PROTO_IRQ, 0, 0);
    ok(on(0) == root && error_of(root) == 0, "until somebody gives it");
    drop(SPARE);
    replaced(CALL, L4_PROTO_SEMAPHORE, 1, 50, SEM, down);
    ok(root->ipc_state == IPC_SEM && root_times_out(L4_IPC_RECV_TIMEOUT), "or its time is over");
    drop(SPARE);
    replaced(CALL, L4_PROTO_SEMAPHORE, 1, ZERO_RCV, SEM, down);
    ok(on(0) == root && error_of(root) == L4_IPC_RECV_TIMEOUT, "at once");
    drop(SPARE);
    plain(SEL(SEM) | L4_OP_SEND, L4_PROTO_IRQ, 0, 0);
    replaced(CALL, L4_PROTO_SEMAPHORE, 1, 0, SEM, down);
    ok(on(0) == root && error_of(root) == 0, "one that is free is taken");
    drop(SPARE);
}

static void test_other_objects(void)
{
    const word_t make_gate[] = {(word_t)L4_PROTO_NONE, 0, 0}, run[] = {L4_OP_THREAD_SWITCH_TO};

    replaced(CALL, 5, 1, 0, 0, zeros);
    ok(on(0) == root && error_of(root) == L4_IPC_NOT_EXISTENT, "an empty slot");

    replaced(CALL, 5, 1, 0, OPEN, zeros);
    ok(root->ipc_state == IPC_GATE, "a gate without a thread: the guest waits there");
    bind_gate(OPEN, 0xbb0, FAR);
    settle();
    ok(on(1) == far && label_of(far) == 5 && frame_label(&far->arch.frame) == 0xbb0 + 3, "until it has one");
    plain(SELF | REPLY_WAIT, 3, 0, 0);
    settle();
    ok(on(0) == root && label_of(root) == 3, "and is answered");
    drop(SPARE);
    delete_slot(OPEN);
    create(L4_PROTO_NONE, OPEN);

    replaced(CALL, 5, 1, 50ul << 16, OPEN, zeros);
    ok(root->ipc_state == IPC_GATE && root_times_out(L4_IPC_SEND_TIMEOUT), "or its time is over");
    drop(SPARE);

    root->utcb->bdr = 0;
    root->utcb->br[0] = SEL(TARGET) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    replaced(CALL, L4_PROTO_FACTORY, 3, 0, L4_SLOT_FACTORY, make_gate);
    ok(on(0) == root && label_of(root) == 0 && cap_slot(root->task, TARGET)->raw != 0, "a factory creates");
    delete_slot(TARGET);
    drop(SPARE);

    replaced(CALL, 5, 1, 0, NEAR, zeros);
    ok(root->ipc_state == IPC_SENDING && root->snd.receiver == near && on(0) == near, "a thread of its own CPU");
    wait_open();
    ok(host_current() == near && label_of(near) == 5, "takes it there");
    plain(SELF | ANSWER, 4, 0, 0);
    ok(host_current() == root && label_of(root) == 4, "and answers");
    drop(SPARE);

    replaced(CALL, 5, 1, ZERO_SND, NEAR, zeros);
    ok(on(0) == root && error_of(root) == L4_IPC_SEND_TIMEOUT, "or does not wait");
    drop(SPARE);

    far_busy();
    replaced(CALL, L4_PROTO_THREAD, 1, 0, LOCAL, run);
    ok(on(1) == far && local->ready, "time is not given on another CPU");
    ok(on(0) == root && label_of(root) == 0, "though the operation is made there");
    drop(SPARE);
    far_home();

    replaced(CALL, L4_PROTO_IRQ, 0, 50, IRQ, zeros);
    ok(root->ipc_state == IPC_RECEIVING && root_times_out(L4_IPC_RECV_TIMEOUT), "an IRQ, hit, and waited for at home");
    drop(SPARE);
}

/* ---- what happens to the traveller himself: a thread of root's CPU, more important than root ---- */

static struct thread *traveller;

static void traveller_make(void)
{
    traveller = make(6, TARGET, 1, 110);
    kassert(on(0) == traveller);
}

static void traveller_end(void)
{
    host_set_cpu(0);
    if (host_current() == traveller) /* it ends when root says so */
        plain(SELF | L4_OP_RECV, 0, 0, 0);
    kassert(host_current() == root);
    delete_slot(TARGET);
    settle();
    far_home();
    calm();
    machine_check();
}

/* It calls far, and is on its way; root is current. */
static void traveller_goes(word_t op, word_t timeout)
{
    traveller_make();
    calm();
    traveller->utcb->mr[0] = 55;
    plain(SEL(GATE) | op, 5, 1, timeout);
    kassert(traveller->ipc_state == IPC_AWAY && host_current() == root);
    kassert(list_first(&cpus[1]->guests, struct sender, link) == &traveller->snd);
}

static void test_canceled(void)
{
    traveller_goes(CALL, 0);
    call_words(TARGET, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, 0x7000, ~0ul, 0);
    ok(traveller->ipc_state == IPC_AWAY && !traveller->ready, "who is canceled on the way goes on");
    settle();
    ok(calm() && on(1) == far && far->utcb->mr[0] == 55 && far->reply.raw == 0, "the message arrives");
    ok(on(0) == traveller && error_of(traveller) == L4_IPC_RECV_CANCELED && frame_ip(&traveller->arch.frame) == 0x7000,
       "and it does not wait for an answer");
    traveller_end();

    far_busy();
    traveller_goes(CALL, 0);
    ex_regs(TARGET, L4_EXREGS_CANCEL, ~0ul, ~0ul);
    ok(on(0) == traveller && error_of(traveller) == L4_IPC_SEND_CANCELED && list_empty(&far->senders),
       "nor for somebody who computes");
    traveller_end();

    traveller_goes(L4_OP_SEND | WAIT, 0);
    ex_regs(TARGET, L4_EXREGS_CANCEL, ~0ul, ~0ul);
    ok(on(1) == far && error_of(far) == 0, "what he only sent arrives");
    ok(on(0) == traveller && error_of(traveller) == L4_IPC_RECV_CANCELED, "and for others he does not wait");
    traveller_end();

    traveller_goes(CALL, 0);
    ex_regs(TARGET, 0, 0x7800, 0x7900);
    ok(on(1) == far && reply_slot_caller(&far->reply) == traveller, "who only gets other registers waits");
    plain(SELF | REPLY_WAIT, 8, 0, 0);
    settle();
    ok(on(0) == traveller && label_of(traveller) == 8 && frame_ip(&traveller->arch.frame) == 0x7800,
       "and goes on with them");
    traveller_end();
}

static void test_killed(void)
{
    size_t used;

    traveller_goes(CALL, 0);
    kobj_ref(&traveller->obj);
    delete_slot(TARGET);
    ok((traveller->flags & THREAD_GONE) && list_empty(&cpus[1]->guests) && untouched(1), "who ends leaves the box");
    kobj_unref(&traveller->obj);
    settle();
    ok(on(1) == local && far->ipc_state == IPC_WAITING, "his message does not arrive");
    host_set_cpu(0);
    used = root_factory.quota.used;

    /* killed from the third CPU; the second comes before the first */
    plain(SEL(THIRD) | L4_OP_SEND, 1, 0, 0);
    settle();
    host_set_cpu(0);
    traveller_goes(CALL, 0);
    kobj_ref(&traveller->obj);
    ok(on(2) == third, "a thread of the third CPU");
    delete_slot(TARGET);
    ok((traveller->flags & THREAD_DYING) && traveller->ipc_state == IPC_AWAY && traveller->ready, "kills him");
    host_set_cpu(1);
    ok(host_current() == local && far->ipc_state == IPC_WAITING && list_empty(&cpus[1]->guests),
       "he is dying when he arrives: nothing is done for him");
    machine_check();
    host_set_cpu(0);
    ok(traveller->flags & THREAD_GONE, "but to end");
    kobj_unref(&traveller->obj);
    host_set_cpu(2);
    wait_open();
    settle();
    far_home();
    is(root_factory.quota.used, used, "and nothing is left of him");
    calm();
}

static void test_no_home(void)
{
    traveller_goes(CALL, 0);
    is(move(TARGET, 1ul << 40, 110), 0, "a traveller loses his CPU");
    ok(traveller->home == NULL && far->ipc_state == IPC_WAITING && traveller->ipc_state == IPC_IDLE,
       "nothing is done for him");
    machine_check();
    is(move(TARGET, 4, 110), 0, "until he has another one");
    ok(on(1) == far && far->utcb->mr[0] == 55 && traveller->home == cpus[2], "then the message arrives");
    plain(SELF | REPLY_WAIT, 8, 0, 0);
    settle();
    ok(on(2) == traveller && label_of(traveller) == 8, "and is answered");
    traveller_end();

    traveller_make();
    run_thread_on(FAR, 4, 120);
    ok(traveller->ipc_state == IPC_AWAY && host_current() == root, "one that moves somebody");
    is(move(TARGET, 1ul << 40, 110), 0, "loses his CPU");
    is(move(TARGET, 1, 110), 0x20000, "and gets it back");
    ok(on(0) == traveller && label_of(traveller) == 0 && far->home == cpus[2], "then he does it");
    traveller_end();

    traveller_goes(CALL, 0);
    is(run_thread_on(TARGET, 1ul << 40, 110), 0, "a traveller without a CPU");
    delete_slot(TARGET);
    ok(list_empty(&cpus[1]->guests), "leaves the box when he is killed");
    settle();
    ok(far->ipc_state == IPC_WAITING, "and sends nothing");
    far_home();

    traveller_goes(CALL, 0);
    is(move(TARGET, 1ul << 40, 110), 0, "one that has arrived without a CPU");
    delete_slot(TARGET);
    settle();
    ok(far->ipc_state == IPC_WAITING && list_empty(&cpus[1]->guests), "can be killed");
    far_home();
    calm();
}

static void test_traveller_moves(void)
{
    traveller_goes(CALL, 50);
    ok(on(1) == far && traveller->ipc_state == IPC_RECEIVING && !traveller->timeout.armed,
       "a wait has begun elsewhere");
    host_set_cpu(0);
    ok(traveller->timeout.armed && calm(), "its time-out is armed at home");
    host_time(60);
    host_tick();
    ok(host_current() == traveller && error_of(traveller) == L4_IPC_RECV_TIMEOUT && far->reply.raw == 0,
       "and comes there");
    traveller_end();

    for (word_t n = 1; n < 3; n++) {
        traveller_goes(CALL, 50);
        is(move(TARGET, 1ul << n, 110), 0, "a traveller moves to another CPU");
        ok(traveller->home == cpus[n], "which is his now");
        ok(!calm(), "which is stopped for that");
        ok(on(1) == far && reply_slot_caller(&far->reply) == traveller, "the message arrives");
        ok(traveller->timeout.armed && timeout_first(&cpus[n]->timeouts) == &traveller->timeout,
           "the time-out is armed there");
        plain(SELF | REPLY_WAIT, 8, 0, 0);
        settle();
        ok(on((unsigned)n) == traveller && label_of(traveller) == 8, "and there he goes on");
        machine_check();
        plain(SELF | L4_OP_RECV, 0, 0, 0);
        traveller_end();
    }
}

/* Others send to somebody who is on his way. */
static void test_sent_to_traveller(void)
{
    traveller_goes(L4_OP_SEND | WAIT, 0);
    ok(on(1) == far && traveller->ipc_state == IPC_IDLE && traveller->progress.receiving,
       "who has sent, and waits for anybody, begins that at home");
    settle();
    ok(traveller->ipc_state == IPC_WAITING && !traveller->progress.receiving, "where he does");
    host_set_cpu(0);
    plain(SEL(TARGET) | L4_OP_SEND, 1, 0, ZERO_SND);
    ok(host_current() == traveller && label_of(traveller) == 1, "for anybody");
    traveller_end();

    traveller_goes(L4_OP_SEND | WAIT, 0);
    plain(SEL(TARGET) | L4_OP_SEND, 1, 0, ZERO_SND);
    is(error_of(root), L4_IPC_SEND_TIMEOUT, "a traveller does not take messages");
    plain(SEL(TARGET) | CALL, 2, 0, 0);
    ok(root->ipc_state == IPC_SENDING && host_current() == near, "one waits for him at home");
    plain(SEL(TARGET) | L4_OP_SEND, 3, 0, 50ul << 16);
    ok(near->ipc_state == IPC_SENDING, "and another one, for some time");
    host_time(60);
    host_tick();
    ok(near->ipc_state == IPC_IDLE && error_of(near) == L4_IPC_SEND_TIMEOUT, "which is over");
    settle();
    ok(on(1) == far && calm(), "his own message arrives");
    ok(on(0) == traveller && label_of(traveller) == 2 && reply_slot_caller(&traveller->reply) == root,
       "at home he takes what has come");
    plain(SELF | ANSWER, 4, 0, 0);
    plain(SELF | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == root && label_of(root) == 4, "and answers");
    traveller_end();
}

static long irq_bind(word_t thread, word_t label)
{
    return operate(IRQ, L4_PROTO_KOBJECT, thread, 2, L4_OP_IRQ_BIND, label, 0, 0);
}
static void irq_renew(void) /* nothing is remembered */
{
    delete_slot(IRQ);
    create(L4_PROTO_IRQ_SENDER, IRQ);
}
static void hit(void) { plain(SEL(IRQ) | L4_OP_SEND, L4_PROTO_IRQ, 0, 0); }

/* ---- who has sent finds its receiver again: the wait of a guest begins before anybody can miss it ---- */

/* The traveller has sent to far, and is back, ready to wait for anybody; root, more important, is current. */
static void back_and_ready(word_t timeout)
{
    traveller_goes(L4_OP_SEND | WAIT, timeout);
    run_thread(L4_SLOT_THREAD, 115);
    settle();
    kassert(on(1) == far && label_of(far) == 5);
    host_set_cpu(0);
    kassert(host_current() == root && traveller->ready && traveller->ipc_state == IPC_IDLE);
}

/* far, which has its message, sends or calls without time. Has the traveller got it? */
static bool far_sends(word_t op)
{
    host_set_cpu(1);
    plain(SEL(TARGET) | op, 6, 0, ZERO_SND);
    settle();
    machine_check();
    host_set_cpu(0);
    return label_of(traveller) == 6 && error_of(traveller) == 0 && traveller->ipc_state == IPC_IDLE &&
           traveller->ready && !traveller->timeout.armed && !traveller->progress.receiving;
}

static void wait_end(void)
{
    host_set_cpu(0);
    if (host_current() == root)
        run_thread(L4_SLOT_THREAD, 100);
    traveller_end();
}

static void test_wait_begins(void)
{
    static const struct { word_t timeout; const char *name; } waits[] = {{0, "for ever"}, {50, "for some time"}};

    traveller_goes(L4_OP_SEND | WAIT, 0);
    ok(on(1) == far && traveller->ipc_state == IPC_IDLE, "one that has sent is on its way home");
    ok(far_sends(L4_OP_SEND) || label_of(traveller) == 6, "and there takes a message that has no time");
    ok(error_of(far) == 0 && on(0) == traveller, "of whom it has sent to");
    traveller_end();

    for (unsigned i = 0; i < 2; i++) {
        back_and_ready(waits[i].timeout);
        ok(far_sends(L4_OP_SEND) && on(1) == far && error_of(far) == 0, waits[i].name);
        wait_end();
        back_and_ready(waits[i].timeout);
        ok(far_sends(CALL) && reply_slot_caller(&traveller->reply) == far, "or a call");
        run_thread(L4_SLOT_THREAD, 100);
        plain(SELF | ANSWER, 8, 0, 0);
        ok(host_current() == traveller && error_of(traveller) == 0, "which it answers");
        wait_end();
        back_and_ready(waits[i].timeout);
        plain(SEL(TARGET) | L4_OP_SEND, 7, 0, ZERO_SND);
        ok(error_of(root) == 0 && label_of(traveller) == 7 && !traveller->timeout.armed, "or one of its own CPU");
        wait_end();
    }
    irq_renew();
    back_and_ready(0);
    irq_bind(TARGET, 0x600);
    hit();
    ok(traveller->ready && traveller->ipc_state == IPC_IDLE && frame_label(&traveller->arch.frame) == 0x600 &&
       list_empty(&traveller->senders), "or an interrupt");
    wait_end();
    back_and_ready(0);
    is(call_words(TARGET, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_VCPU_CONTROL, KU_AREA + 2 * L4_PAGE_SIZE, 0, 0), 0,
       "one that has become a vCPU");
    traveller->vcpu->state = L4_VCPU_IRQ;
    ok(far_sends(L4_OP_SEND) && frame_ip(&traveller->arch.frame) != traveller->vcpu->entry_ip,
       "takes a message as it has asked for, and no upcall");
    wait_end();
    back_and_ready(0);
    run_thread_on(TARGET, 4, 110);
    ok(traveller->home == cpus[2] && traveller->progress.receiving, "one that moves on at once");
    far_sends(L4_OP_SEND);
    ok(error_of(far) == 0 && on(2) == traveller && label_of(traveller) == 6, "is found there");
    plain(SELF | L4_OP_RECV, 0, 0, 0);
    wait_end();
}

/* When it does not begin to wait: somebody is queued already, it has no time, it is canceled, it ends. */
static void test_wait_begins_not(void)
{
    traveller_goes(L4_OP_SEND | WAIT, 0);
    plain(SEL(TARGET) | CALL, 2, 0, 0);
    host_set_cpu(1);
    plain(SEL(TARGET) | L4_OP_SEND, 6, 0, ZERO_SND);
    settle();
    ok(on(1) == far && error_of(far) == L4_IPC_SEND_TIMEOUT, "nobody is before those who are queued");
    ok(on(0) == traveller && label_of(traveller) == 2, "which it takes");
    plain(SELF | ANSWER, 4, 0, 0);
    traveller_end();

    back_and_ready(ZERO_RCV);
    ok(!far_sends(L4_OP_SEND) && error_of(far) == L4_IPC_SEND_TIMEOUT, "one without time does not wait");
    run_thread(L4_SLOT_THREAD, 100);
    ok(host_current() == traveller && error_of(traveller) == L4_IPC_RECV_TIMEOUT, "which it finds out itself");
    traveller_end();

    back_and_ready(0);
    call_words(TARGET, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(!far_sends(L4_OP_SEND) && error_of(far) == L4_IPC_SEND_TIMEOUT, "nor does one that is canceled");
    run_thread(L4_SLOT_THREAD, 100);
    ok(host_current() == traveller && error_of(traveller) == L4_IPC_RECV_CANCELED, "it is told so");
    traveller_end();

    create(L4_PROTO_NONE, SPARE);
    back_and_ready(0);
    bind_gate(SPARE, 0x10, TARGET);
    kobj_ref(&traveller->obj);
    delete_slot(TARGET);
    host_set_cpu(1);
    plain(SEL(SPARE) | L4_OP_SEND, 6, 0, ZERO_SND);
    settle();
    ok(error_of(far) == L4_IPC_SEND_TIMEOUT && traveller->ready && (traveller->flags & THREAD_DYING),
       "nor one that is killed");
    host_set_cpu(0);
    run_thread(L4_SLOT_THREAD, 100);
    ok(traveller->flags & THREAD_GONE, "which ends");
    kobj_unref(&traveller->obj);
    delete_slot(SPARE);
    far_home();
    calm();
    machine_check();
}

/* An answer through an explicit slot travels; the next caller is in that slot. */
static void test_wait_slot(void)
{
    far_calls(EXPLICIT_SLOT, 0);
    plain(EXPLICIT(3) | REPLY_WAIT, 9, 0, 0);
    host_set_cpu(1);
    ok(host_current() == far && label_of(far) == 9 && root->ipc_state == IPC_IDLE, "who has its answer");
    plain(SEL(L4_SLOT_THREAD) | CALL, 10, 0, ZERO_SND);
    settle();
    ok(on(0) == root && label_of(root) == 10 && error_of(root) == 0, "finds who has answered waiting again");
    ok(reply_slot_caller(task_reply_slot(root->task, 3)) == far && root->reply.raw == 0, "with the slot it named");
    plain(EXPLICIT(3) | ANSWER, 11, 0, 0);
    settle();
    ok(on(1) == far && label_of(far) == 11, "by which it answers");
    far_home();
    calm();
    machine_check();
}

/* Time is over in a window of the message that has begun the wait. */
static void time_over(void)
{
    if (window_seen || cpu_self() != cpus[1] || traveller->ipc_state != IPC_WAITING)
        return;
    window_seen = traveller->timeout.armed && timeout_first(&cpus[0]->timeouts) == &traveller->timeout;
    host_time(60);
    host_set_cpu(0);
    host_tick();
}

static void test_wait_times_out(void)
{
    for (unsigned i = 0; i < MANY; i++)
        cap_copy(SEM, ITEMS + i, 0xff);
    back_and_ready(50);
    items_prepare(traveller);
    for (unsigned i = 0; i < 1 + 2 * MANY; i++)
        far->utcb->mr[i] = root->utcb->mr[i];
    host_set_cpu(1);
    window_seen = false;
    host_syscall(SEL(TARGET) | L4_OP_SEND, l4_tag_make(6, 1, MANY, 0).raw, 0, ZERO_SND);
    slice_set(1);
    host_window = time_over;
    settle();
    host_window = NULL;
    slice_set(1 << 30);
    ok(window_seen, "a wait that begins for a message has its time-out armed");
    ok(error_of(traveller) == L4_IPC_RECV_TIMEOUT && traveller->ready, "which ends it");
    ok(on(1) == far && error_of(far) == L4_IPC_SEND_TIMEOUT, "and the message");
    items_drop();
    for (unsigned i = 0; i < MANY; i++)
        drop(ITEMS + i);
    wait_end();
}

#define VCPU_OFFSET (2 * L4_PAGE_SIZE)

/* The call that makes a thread a vCPU. It may travel. */
static struct l4_vcpu *vcpu_on(word_t slot)
{
    struct l4_vcpu *v = ku_at(VCPU_OFFSET);

    *v = (struct l4_vcpu){.entry_ip = 0x9000, .entry_sp = 0x9800, .state = L4_VCPU_IRQ};
    call_words(slot, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_VCPU_CONTROL, KU_AREA + VCPU_OFFSET, 0, 0);
    return v;
}

static void test_vcpu_on_the_way(void)
{
    const struct l4_vcpu *v;

    traveller_goes(CALL, 0);
    vcpu_on(TARGET);
    ok(traveller->options == THREAD_OPT_VCPU && traveller->ipc_state == IPC_AWAY, "a traveller becomes a vCPU");
    plain(SEL(TARGET) | L4_OP_SEND, 1, 0, ZERO_SND);
    ok(error_of(root) == L4_IPC_SEND_TIMEOUT && traveller->ipc_state == IPC_AWAY, "which takes no message now");
    settle();
    ok(on(1) == far && reply_slot_caller(&far->reply) == traveller, "his own arrives");
    plain(SELF | REPLY_WAIT, 8, 0, 0);
    settle();
    ok(on(0) == traveller && label_of(traveller) == 8, "and is answered");
    calm();
    traveller_end();

    traveller_goes(L4_OP_SEND, 0);
    v = vcpu_on(TARGET);
    ok(on(1) == far && traveller->ipc_state == IPC_IDLE && !traveller->ready, "another one has sent; as yet");
    host_set_cpu_early(0);
    plain(SEL(TARGET) | L4_OP_SEND, 3, 0, ZERO_SND);
    ok(host_current() == traveller && error_of(root) == 0 && l4_tag_label((l4_tag){v->ipc.tag}) == 3 &&
           frame_ip(&traveller->arch.frame) == 0x9000, "there is a message: he is at his entry point with it");
    ok(l4_tag_label((l4_tag){v->regs.rax}) == 5, "his result is in the registers that were saved");
    traveller_end();

    traveller_goes(CALL, 0);
    vcpu_on(TARGET);
    host_set_cpu_early(1);
    run_thread_on(FAR, 4, 120);
    host_set_cpu(2);
    ok(untouched(2), "his partner is at home at a third CPU, which is awake");
    host_set_cpu(1);
    ok(!untouched(2) && on(2) == far && reply_slot_caller(&far->reply) == traveller,
       "as a vCPU he does not travel on: the third CPU is stopped, and the message arrives");
    machine_check();
    traveller_end();
}

/* ---- operations on a thread of another CPU ---- */

/* One that travels: the other CPU is not stopped. */
static long there(word_t slot, unsigned words, word_t item, word_t w0, word_t w1, word_t w2, word_t w3)
{
    call_words(slot, L4_PROTO_THREAD, item, words, w0, w1, w2, w3);
    ok(root->ipc_state == IPC_AWAY && untouched(1), "an operation travels");
    return done(root);
}

static void test_ex_regs(void)
{
    const word_t *mr = root->utcb->mr;
    word_t sp = frame_sp(&far->arch.frame), ip = frame_ip(&far->arch.frame);

    is(there(FAR, 3, 0, L4_OP_THREAD_EX_REGS, ~0ul, ~0ul, 0), 0, "ex_regs that changes nothing");
    ok(mr[1] == ip && mr[2] == sp && mr[0] == frame_flags(&far->arch.frame), "answers the registers");
    is(there(FAR, 3, 0, L4_OP_THREAD_EX_REGS, 0x4400, ~0ul, 0), 0, "a new instruction pointer");
    ok(mr[1] == ip && frame_ip(&far->arch.frame) == 0x4400 && frame_sp(&far->arch.frame) == sp, "and nothing else");
    ok(far->ipc_state == IPC_WAITING && on(1) == local, "it waits on");
    host_set_cpu(0);
    is(there(FAR, 3, 0, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, 0x4500, 0x4600, 0), 0, "the wait is canceled");
    ok(on(1) == far && error_of(far) == L4_IPC_RECV_CANCELED && frame_ip(&far->arch.frame) == 0x4500 &&
           frame_sp(&far->arch.frame) == 0x4600, "and it goes on there");
    host_set_cpu(0);
    is(there(FAR, 3, 0, L4_OP_THREAD_EX_REGS, 0x4700, 0x4800, 0), 0, "one that runs");
    ok(frame_ip(&far->arch.frame) == 0x4700 && on(1) == far, "runs elsewhere now");
    plain(SEL(NEAR) | CALL, 1, 0, 0);
    settle();
    ok(far->ipc_state == IPC_SENDING && on(0) == root, "it waits for a thread of this CPU");
    is(there(FAR, 3, 0, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0), 0, "which is canceled");
    ok(on(1) == far && error_of(far) == L4_IPC_SEND_CANCELED && list_empty(&near->senders), "there");
    plain(SEL(NEAR) | CALL, 1, 0, 0);
    ok(far->ipc_state == IPC_AWAY, "it is on its way here");
    host_set_cpu_early(0);
    is(there(FAR, 3, 0, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0), 0, "and canceled there");
    ok(on(1) == far, "goes on");
    wait_open();
    host_set_cpu(0);

    is(there(FAR, 3, 0, L4_OP_THREAD_CONTROL | L4_THREAD_SET_HANDLER, 0, SEL(THIRD), 0), -L4_ERR_INVAL,
       "control without all its words");
    is(there(FAR, 3, 0, L4_OP_THREAD_EX_REGS | L4_EXREGS_TRIGGER | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0), 0, "a trap");
    ok(far->ipc_state == IPC_GATE && (far->flags & THREAD_IN_EXCEPTION), "is raised there; nobody handles it");
    is(there(FAR, 3, 0, L4_OP_THREAD_EX_REGS, 0x5500, ~0ul, 0), 0, "ex_regs does not change who waits for a handler");
    ok(frame_ip(&far->arch.frame) != 0x5500, "no");
    is(there(FAR, 3, 0, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, 0x5500, ~0ul, 0), 0, "unless it cancels");
    ok(on(1) == far && frame_ip(&far->arch.frame) == 0x5500 && !(far->flags & THREAD_KERNEL_IPC), "then it goes on");
    host_set_cpu(0);
    is(there(FAR, 2, 0, L4_OP_THREAD_EX_REGS, 0, 0, 0), -L4_ERR_INVAL, "a word is missing");
    far_home();
}

static void test_start(void)
{
    struct thread *t;

    threads_made = 6;
    t = thread_make(TARGET, OPEN, OPEN);
    is(move(TARGET, 2, 130), 0, "a thread that has not begun");
    ok(t->home == cpus[1] && on(1) == local, "on another CPU");
    host_set_cpu(0);
    is(there(TARGET, 3, 0, L4_OP_THREAD_EX_REGS, 0x7000, 0x7100, 0), 0, "begins by ex_regs");
    ok(on(1) == t && frame_ip(&t->arch.frame) == 0x7000, "there");
    host_set_cpu(0);
    delete_slot(TARGET);
    settle();
    ok(on(1) == local, "and ends");
    host_set_cpu(0);
}

static void test_control(void)
{
    struct l4_utcb *u = root->utcb;
    struct thread *t;

    u->mr[3] = u->mr[4] = u->mr[5] = 0;
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_ALIEN;
    u->mr[1] = SEL(THIRD);
    u->mr[2] = SEL(NEAR);
    u->mr[4] = L4_THREAD_ALIEN;
    call(FAR, L4_PROTO_THREAD, 6, 0);
    ok(root->ipc_state == IPC_AWAY, "control travels");
    is(done(root), 0, "and is made");
    ok(u->mr[1] == SEL(OPEN) && u->mr[2] == SEL(OPEN), "it answers what has been");
    ok(far->pager == THIRD && far->handler == NEAR && (far->flags & THREAD_ALIEN), "and sets what is to be");
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_ALIEN;
    u->mr[1] = u->mr[2] = SEL(OPEN);
    u->mr[4] = 0;
    call(FAR, L4_PROTO_THREAD, 6, 0);
    is(done(root), 0, "and back");
    ok(!(far->flags & THREAD_ALIEN) && u->mr[1] == SEL(THIRD), "as it was");

    create(L4_PROTO_THREAD, TARGET);
    t = thread_at(TARGET);
    is(move(TARGET, 2, 20), 0, "a thread without a task gets a CPU");
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK;
    u->mr[5] = KU_AREA + L4_UTCB_SIZE * 6;
    u->mr[6] = L4_ITEM_MAP;
    u->mr[7] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_TASK, 0, 15).raw;
    call(TARGET, L4_PROTO_THREAD, 6, 1);
    ok(root->ipc_state == IPC_AWAY, "and is bound there");
    is(done(root), 0, "to a task");
    ok(t->task == root->task && t->utcb == ku_at(L4_UTCB_SIZE * 6), "this one");
    delete_slot(TARGET);
    settle();
    host_set_cpu(0);
}

static void test_small_operations(void)
{
    uint64_t used;
    struct l4_vcpu *v;

    host_set_cpu(1);
    host_time(3000);
    host_tick();
    used = local->consumed_us;
    host_set_cpu(0);
    is(there(LOCAL, 1, 0, L4_OP_THREAD_STATS, 0, 0, 0), 0, "statistics");
    ok(used >= 3000 && root->utcb->mr[0] == used, "are told");
    is(there(FAR, 1, IRQ, L4_OP_THREAD_DELETE_IRQ, 0, 0, 0), 0, "a deletion IRQ");
    ok(far->delete_irq != NULL, "is registered");
    is(there(FAR, 1, IRQ, L4_OP_THREAD_DELETE_IRQ, 0, 0, 0), -L4_ERR_BUSY, "once");
    is(there(FAR, 1, 0, L4_OP_THREAD_MODIFY_SENDERS, 0, 0, 0), -L4_ERR_INVAL, "labels are changed at home only");
    is(there(FAR, 1, 0, L4_OP_THREAD_VCPU_RESUME, 0, 0, 0), -L4_ERR_INVAL, "only a vCPU itself resumes");
    is(there(FAR, 1, 0, L4_OP_THREAD_SEGMENTS, 0, 0, 0), -L4_ERR_NOSYS, "segments: this machine has none");
    is(there(FAR, 2, 0, L4_OP_THREAD_SET_BASE, 0, 0, 0), -L4_ERR_NOSYS, "no bases");
    is(there(FAR, 1, 0, L4_OP_THREAD_GDT, 0, 0, 0), -L4_ERR_NOSYS, "and no table");
    is(there(FAR, 1, 0, 0x77, 0, 0, 0), -L4_ERR_NOSYS, "no such operation");
    is(call_words(FAR, L4_PROTO_THREAD, 0, 0, 0, 0, 0, 0), -L4_ERR_MSGTOOSHORT, "no operation does not travel");
    is(call_words(FAR, L4_PROTO_THREAD, 0, 1, L4_OP_THREAD_SWITCH_TO, 0, 0, 0), 0, "nor does switch_to");
    delete_slot(FAR);
    settle();
    drop(IRQ);
    far_make();
    create(L4_PROTO_IRQ_SENDER, IRQ);
    far_home();

    vcpu_on(FAR);
    ok(root->ipc_state == IPC_AWAY && untouched(1), "vcpu_control travels");
    is(done(root), 0, "and makes a vCPU of a thread of another CPU");
    v = far->vcpu;
    ok(far->options == THREAD_OPT_VCPU && v->version == L4_VCPU_VERSION, "there");
    ex_regs(FAR, L4_EXREGS_CANCEL, ~0ul, ~0ul);
    ok(on(1) == far, "which computes");
    v->state = L4_VCPU_IRQ;
    host_set_cpu(0);
    root->utcb->mr[0] = 99;
    plain(SEL(FAR) | L4_OP_SEND, 6, 1, ZERO_SND);
    ok(root->ipc_state == IPC_AWAY && untouched(1), "a message travels to a vCPU");
    settle();
    ok(on(1) == far && frame_ip(&far->arch.frame) == 0x9000 && l4_tag_label((l4_tag){v->ipc.tag}) == 6 &&
           far->utcb->mr[0] == 99 && error_of(root) == 0, "and is there by an upcall");
    host_set_cpu(0);
    plain(SEL(FAR) | CALL, 7, 0, 0);
    settle();
    ok(root->ipc_state == IPC_SENDING && (v->sticky_flags & L4_VCPU_IRQ_PENDING), "the next one waits");
    host_set_cpu(1);
    wait_open();
    ok(l4_tag_label(tag_of(far)) == 7 && !(v->sticky_flags & L4_VCPU_IRQ_PENDING), "until it is taken");
    plain(SEL(L4_SLOT_THREAD) | CALL, 9, 0, 50);
    ok(untouched(1) && far->ipc_state != IPC_AWAY, "a vCPU does not travel itself: it stops the other CPU");
    settle();
    far->utcb->mr[0] = 1;
    delete_slot(FAR);
    settle();
    for (unsigned i = 0; i < 4 && on(0) != root; i++)
        wait_open();
    far_make();
    far_home();
    calm();
}

/* ---- run_thread ---- */

static void test_run_thread(void)
{
    calm();
    far_busy();
    run_thread_on(FAR, 4, 130);
    ok(root->ipc_state == IPC_AWAY && untouched(1), "run_thread travels to the thread");
    host_set_cpu(1);
    ok(host_current() == local && far->home == cpus[2] && far->ready && !untouched(2) && untouched(0),
       "which runs: it stops there, and the third CPU for a moment");
    ok(on(2) == far && far->prio == 130 && calm(), "and goes on on the third CPU");
    host_set_cpu(0);
    is(move(FAR, 1ul << 50, 120), 0, "it is taken from there, too");
    ok(far->home == NULL && on(2) != far && calm(), "and has no CPU");
    host_set_cpu(0);
    is(move(FAR, 2, 120), 0, "until it has this one again");
    ok(!calm() && on(1) == far, "where it goes on");
    plain(SELF | L4_OP_RECV, 0, 0, 100);
    ok(far->timeout.armed && host_current() == local, "it sleeps");
    host_set_cpu(0);
    is(move(FAR, 4, 120), 0, "and moves");
    ok(far->home == cpus[2] && timeout_first(&cpus[2]->timeouts) == &far->timeout && !calm() &&
           timeout_first(&cpus[1]->timeouts) == NULL, "with its time-out");
    host_time(100);
    host_set_cpu(2);
    host_tick();
    ok(host_current() == far && error_of(far) == L4_IPC_RECV_TIMEOUT, "which comes");
    plain(SELF | L4_OP_RECV, 0, 0, 100);
    host_set_cpu(0);
    is(move(FAR, 1ul << 50, 120), 0, "it sleeps without a CPU");
    ok(timeout_first(&boot_cpu.timeouts) == &far->timeout, "its time-out is at the first");
    host_time(100);
    host_tick();
    ok(far->ipc_state == IPC_IDLE, "where it comes");
    is(move(FAR, 2, 120), 0, "with a CPU");
    ok(on(1) == far && error_of(far) == L4_IPC_RECV_TIMEOUT, "it knows");
    host_set_cpu(0);
    is(move(LOCAL, 4, 10), 0, "one that is ready");
    ok(on(2) == local && on(0) == root, "goes on there: an equal one that comes goes first");
    is(move(LOCAL, 2, 10), 0, "and comes back");
    ok(on(1) == far, "behind the more important one");
    wait_open();
    host_set_cpu(0);
    ok(on(1) == local, "it goes on");
    host_set_cpu(0);
    is(move(LOCAL, 1, 10), 0, "one that runs comes to the caller");
    ok(local->ready && local->home == cpus[0] && on(1) == cpus[1]->idle, "behind it");
    host_set_cpu(0);
    is(move(LOCAL, 2, 10), 0, "and goes");
    ok(on(1) == local, "back");
    host_set_cpu(0);
    for (unsigned i = 0; i < 2; i++) {
        ok(root->home == cpus[0] && (run_thread_on(L4_SLOT_THREAD, i == 0 ? 4 : 1, 140), true), "root moves itself");
        settle();
        host_set_cpu(i == 0 ? 2 : 0);
        ok(host_current() == root && label_of(root) == 0, "and goes on there");
        is(move(L4_SLOT_THREAD, 1, 100), 0, "and home");
        host_set_cpu(0);
    }
    far_home();
    calm();
}

/* Those who wait for a thread of another CPU when it ends; one of them for anybody after that. */
static void test_senders_end(void)
{
    far_busy();
    plain(SEL(FAR) | L4_OP_SEND | WAIT, 1, 0, 0);
    plain(SEL(FAR) | CALL, 1, 0, 0);
    settle();
    ok(root->ipc_state == IPC_SENDING && near->ipc_state == IPC_SENDING && on(1) == far, "two wait for a thread");
    delete_slot(FAR);
    settle();
    ok(on(0) == root && error_of(root) == L4_IPC_SEND_CANCELED && error_of(near) == L4_IPC_SEND_CANCELED,
       "when it ends they go on");
    machine_check();
    far_make();
    far_home();
    calm();
}

/* ---- IRQs ---- */

static struct irq *irq(void) { return irq_of(cap_obj(cap_slot(root->task, IRQ))); }
static bool irq_away(unsigned n)
{
    return irq()->snd.receiver == irq()->thread && list_first(&cpus[n]->guests, struct sender, link) == &irq()->snd;
}

/* far takes the message of the IRQ, or has it already. */
static bool far_gets(word_t label)
{
    if (on(far->home->id) != far)
        return false;
    return error_of(far) == 0 && frame_label(&far->arch.frame) == label && tag_of(far).raw == 0;
}

static void test_irq(void)
{
    is(irq_bind(FAR, 0x500), 0, "an IRQ for a thread of another CPU");
    hit();
    ok(irq_away(1) && untouched(1) && host_ipi_pending(1) && host_current() == root, "is hit: its message travels");
    hit();
    ok(irq_away(1), "hit again");
    settle();
    ok(far_gets(0x500) && irq()->snd.receiver == NULL, "it is one message");
    wait_open();
    ok(host_current() == local, "not two");
    host_set_cpu(0);

    far_busy();
    hit();
    settle();
    ok(irq()->snd.receiver == far && list_first(&far->senders, struct sender, link) == &irq()->snd,
       "one for who computes is queued");
    hit();
    ok(!host_ipi_pending(1), "the next one is not sent");
    host_set_cpu(1);
    wait_open();
    ok(far_gets(0x500), "until he looks");
    hit();
    ok(irq()->snd.receiver == far && list_empty(&cpus[1]->guests), "one from his own CPU needs no trip");
    wait_open();
    ok(far_gets(0x500), "and arrives");
    host_set_cpu(0);
    hit();
    host_set_cpu_early(1);
    plain(SEL(IRQ) | L4_OP_RECV, 0, 0, 0);
    ok(far_gets(0x500) && list_empty(&cpus[1]->guests), "one that is on its way is taken by who asks for it");
    wait_open();
    settle();
    ok(on(1) == local, "once");
    host_set_cpu(0);
    machine_check();
}

static void test_irq_moves(void)
{
    static const struct { word_t map; const char *name; } to[] = {{4, "to the third CPU"}, {1, "to this one"},
                                                                  {1ul << 40, "to none"}};

    for (unsigned i = 0; i < 3; i++)
        for (unsigned busy = 0; busy < 2; busy++) {
            if (busy)
                far_busy();
            hit();
            ok(irq_away(1), "an IRQ is on its way");
            host_set_cpu_early(1);
            run_thread_on(FAR, to[i].map, 120);
            settle();
            ok(far->home == (i == 0 ? cpus[2] : i == 1 ? cpus[0] : NULL), to[i].name);
            machine_check();
            if (i == 2) {
                is(irq()->snd.receiver == far, busy != 0, "who waits has it, for the other one it is queued");
                host_set_cpu(0);
                is(move(FAR, 2, 120), 0, "the thread comes back");
            }
            if (busy && on(far->home->id) == far)
                wait_open();
            ok(far_gets(0x500), "it finds its thread");
            far_home();
        }
}

static void test_irq_rebound(void)
{
    hit();
    is(irq_bind(FAR, 0x510), 0, "the label changes while an IRQ is on its way");
    settle();
    ok(far_gets(0x510), "that is seen");
    far_home();

    hit();
    call_words(IRQ, L4_PROTO_KOBJECT, NEAR, 2, L4_OP_IRQ_BIND, 0x520, 0, 0);
    ok(list_empty(&cpus[1]->guests) && irq()->snd.receiver == near, "it gets another thread meanwhile");
    settle();
    ok(on(1) == local && !list_empty(&near->senders), "which has it now");
    host_set_cpu(0);
    call_words(IRQ, L4_PROTO_KOBJECT, FAR, 2, L4_OP_IRQ_BIND, 0x500, 0, 0);
    ok(list_empty(&near->senders) && irq_away(1), "and back: it travels");
    is(call_words(IRQ, L4_PROTO_IRQ_SENDER, 0, 1, L4_OP_IRQ_DETACH, 0, 0, 0), 1, "detached on the way");
    ok(list_empty(&cpus[1]->guests) && irq()->thread == NULL, "it goes nowhere");
    settle();
    ok(on(1) == local, "nobody gets it");
    host_set_cpu(0);
    hit();
    ok(irq()->pending, "without a thread it is kept");
    call_words(IRQ, L4_PROTO_KOBJECT, FAR, 2, L4_OP_IRQ_BIND, 0x500, 0, 0);
    ok(irq_away(1) && !irq()->pending, "and travels to the next one");
    settle();
    ok(far_gets(0x500), "which has it");
    far_home();

    hit();
    delete_slot(IRQ);
    ok(list_empty(&cpus[1]->guests), "one that is deleted leaves the box");
    settle();
    ok(on(1) == local, "and is not delivered");
    host_set_cpu(0);
    create(L4_PROTO_IRQ_SENDER, IRQ);
    irq_bind(FAR, 0x500);
    hit();
    far_busy(); /* takes the IRQ first: far goes on with it */
    ok(far_gets(0x500), "an IRQ and a message");
    host_set_cpu(0);
    settle();
    if (on(0) == near)
        host_set_cpu(1), wait_open();
    settle();
    far_home();

    far_busy();
    hit();
    host_set_cpu(0);
    delete_slot(FAR);
    settle();
    ok(irq()->snd.receiver == NULL && list_empty(&cpus[1]->guests), "its thread ends meanwhile");
    machine_check();
    call_words(IRQ, L4_PROTO_IRQ_SENDER, 0, 1, L4_OP_IRQ_DETACH, 0, 0, 0);
    far_make();
    far_home();
    irq_bind(FAR, 0x500);
    far_home();
    ok(irq()->snd.receiver == NULL && !irq()->pending, "and the next one has what was left");
    machine_check();
}

/* Is the pin masked right after its interrupt? Those of edges only while they would be lost. */
static void test_pins(void)
{
    for (unsigned level = 0; level < 2; level++) {
        unsigned pin = level ? 17 : 5;

        is(operate(L4_SLOT_ICU, L4_PROTO_IRQ, IRQ, 2, L4_OP_ICU_BIND, pin, 0, 0), 0, level ? "a level" : "an edge");
        root->utcb->mr[0] = L4_OP_ICU_UNMASK;
        root->utcb->mr[1] = pin;
        plain(SEL(L4_SLOT_ICU) | L4_OP_SEND, L4_PROTO_IRQ, 2, 0);
        ok(host_irq(pin) && irq_away(1) && untouched(1) && host_current() == root, "its message travels");
        is(host_irq_masked(pin), level, "a level is masked at once, an edge is not");
        is(host_irq(pin), !level, "a second edge");
        ok(host_irq_masked(pin) && irq_away(1), "is kept by the mask");
        root->utcb->mr[0] = L4_OP_IRQ_EOI;
        plain(SEL(IRQ) | L4_OP_SEND, L4_PROTO_IRQ, 1, 0);
        ok(host_irq_masked(pin), "while it is on its way nobody can end it");
        settle();
        ok(far_gets(0x500), "it arrives");
        is(host_irq_masked(pin), level, "and unmasks the edge");
        far->utcb->mr[0] = L4_OP_IRQ_EOI;
        plain(SEL(IRQ) | L4_OP_SEND, L4_PROTO_IRQ, 1, 0);
        ok(!host_irq_masked(pin), "the level is unmasked by its end");
        wait_open();
        host_set_cpu(0);
        ok(host_irq(pin) && irq_away(1), "and comes again");
        settle();
        ok(far_gets(0x500), "to arrive");
        far_home();
        operate(L4_SLOT_ICU, L4_PROTO_IRQ, IRQ, 2, L4_OP_ICU_UNBIND, pin, 0, 0);
        machine_check();
    }
}

/* ---- faults ---- */

#define FAULT_ADDRESS 0x123456000ul

/* Of the traveller, which sleeps meanwhile. */
static void pager_set(word_t pager)
{
    struct l4_utcb *u = root->utcb;

    plain(SELF | L4_OP_RECV, 0, 0, 10);
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER;
    u->mr[1] = u->mr[2] = SEL(pager);
    u->mr[3] = u->mr[4] = u->mr[5] = 0;
    call(TARGET, L4_PROTO_THREAD, 6, 0);
    host_time(10);
    host_tick();
    kassert(host_current() == traveller && traveller->pager == pager);
}

/* The traveller faults; its pager and handler is the gate of far. */
static void traveller_faults(bool exception)
{
    traveller_make();
    pager_set(GATE);
    if (exception)
        host_exception(3, 7);
    else
        host_touch(FAULT_ADDRESS + 0x10, L4_MEM_W);
    kassert(traveller->ipc_state == IPC_AWAY && untouched(1) && host_current() == root);
    kassert((traveller->flags & THREAD_KERNEL_IPC) == (exception ? THREAD_IN_EXCEPTION : THREAD_IN_FAULT));
}

/* far has the message. */
static bool far_handles(bool exception)
{
    if (on(far->home->id) != far || error_of(far) != 0)
        return false;
    if (exception)
        return label_of(far) == L4_PROTO_EXCEPTION && far->utcb->mr[16] == 3 && far->utcb->mr[17] == 7;
    return label_of(far) == L4_PROTO_PAGE_FAULT && far->utcb->mr[0] == ((FAULT_ADDRESS + 0x10) | L4_PF_WRITE);
}

/* It goes on: exception: at another place. */
static void far_resolves(bool exception)
{
    if (exception) {
        far->utcb->mr[18] = 0x8800;
        plain(SELF | REPLY_WAIT, 0, L4_EXC_WORDS, 0);
    } else {
        plain(SELF | REPLY_WAIT, 0, 0, 0);
    }
    settle();
}

static bool traveller_goes_on(bool exception)
{
    return on(traveller->home->id) == traveller && !(traveller->flags & THREAD_KERNEL_IPC) &&
           (!exception || frame_ip(&traveller->arch.frame) == 0x8800);
}

static void test_faults(void)
{
    for (unsigned exception = 0; exception < 2; exception++) {
        traveller_faults(exception);
        settle();
        ok(far_handles(exception), exception ? "an exception travels to its handler" : "a page fault travels");
        far_resolves(exception);
        ok(traveller_goes_on(exception), "it is resolved");
        traveller_end();

        far_busy();
        traveller_faults(exception);
        settle();
        ok(traveller->ipc_state == IPC_SENDING && on(1) == far, "a pager that computes");
        wait_open();
        ok(far_handles(exception), "looks later");
        far_resolves(exception);
        ok(traveller_goes_on(exception), "and resolves it");
        traveller_end();

        traveller_faults(exception);
        host_set_cpu_early(1);
        run_thread_on(FAR, 4, 120);
        settle();
        ok(far->home == cpus[2] && far_handles(exception), "a pager that moves on");
        far_resolves(exception);
        ok(traveller_goes_on(exception), "resolves it there");
        traveller_end();

        traveller_faults(exception);
        host_set_cpu_early(1);
        run_thread_on(FAR, 1, 130);
        settle();
        if (!exception) /* the instruction is made again, and faults again */
            ok(on(0) == traveller && host_touch(FAULT_ADDRESS + 0x10, L4_MEM_W) == NULL, "a pager that comes here");
        ok(far->home == cpus[0] && far_handles(exception), "has the message of its own CPU");
        far_resolves(exception);
        ok(traveller_goes_on(exception), "and resolves it");
        traveller_end();

        traveller_faults(exception);
        ex_regs(TARGET, L4_EXREGS_CANCEL, 0x8800, ~0ul);
        ok(traveller_goes_on(true), "one that is canceled goes on");
        traveller_end();

        traveller_faults(exception);
        call_words(TARGET, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_VCPU_CONTROL, KU_AREA + VCPU_OFFSET, 0, 0);
        traveller->vcpu->entry_ip = 0x9000;
        traveller->vcpu->state = L4_VCPU_EXCEPTIONS;
        settle();
        if (exception)
            ok(on(0) == traveller && frame_ip(&traveller->arch.frame) == 0x9000 && far->ipc_state == IPC_WAITING,
               "a vCPU by now takes its exception itself");
        else
            ok(far_handles(false), "a page fault is sent even if it is a vCPU now");
        ok(!(traveller->flags & THREAD_IN_EXCEPTION), "and is in none");
        machine_check();
        traveller_end();

        traveller_faults(exception);
        kobj_ref(&traveller->obj);
        delete_slot(TARGET);
        settle();
        ok((traveller->flags & THREAD_GONE) && far->ipc_state == IPC_WAITING, "one that is killed sends nothing");
        kobj_unref(&traveller->obj);
        calm();
        far_home();
    }
}

/* The pager's capability goes while the fault is on its way. */
static void test_pager_gone(void)
{
    for (unsigned exception = 0; exception < 2; exception++)
        for (unsigned other = 0; other < 2; other++) {
            cap_copy(GATE, SPARE, 0xff & ~L4_OBJ_WEAK);
            traveller_make();
            pager_set(SPARE);
            if (exception)
                host_exception(3, 7);
            else
                host_touch(FAULT_ADDRESS + 0x10, L4_MEM_W);
            ok(traveller->ipc_state == IPC_AWAY && host_current() == root, "a fault is on its way");
            drop(SPARE);
            if (other)
                cap_copy(NEAR, SPARE, 0xff & ~L4_OBJ_WEAK);
            kobj_ref(&traveller->obj);
            settle();
            machine_check();
            ok(far->ipc_state == IPC_WAITING, "the old pager gets nothing");
            if (!exception) {
                ok(on(0) == traveller && traveller->flags == 0, "the instruction is made again");
                host_touch(FAULT_ADDRESS + 0x10, L4_MEM_W);
                ok(other ? traveller->ipc_state == IPC_SENDING : (traveller->flags & THREAD_GONE) != 0,
                   other ? "for the new pager" : "and there is no pager: it ends");
            } else {
                ok(traveller->ipc_state == (other ? IPC_SENDING : IPC_RECEIVING), "it waits");
                ok(traveller->flags & THREAD_IN_EXCEPTION, "for a handler");
            }
            kobj_unref(&traveller->obj);
            if (other)
                drop(SPARE);
            kassert(on(0) == root);
            delete_slot(TARGET);
            settle();
            machine_check();
        }
    calm();
}

/* An answer with items to a fault of another CPU: a page of the pager's. */
static void test_fault_items(void)
{
    traveller_faults(false);
    settle();
    ok(far_handles(false), "a page fault");
    far->utcb->mr[0] = L4_ITEM_MAP | FAULT_ADDRESS;
    far->utcb->mr[1] = l4_fpage_make(L4_FPAGE_MEM, FAULT_ADDRESS >> L4_PAGE_SHIFT, L4_PAGE_SHIFT, 7).raw;
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(0, 0, 1, 0).raw, 0, 0);
    ok(far->ipc_state == IPC_WAITING && untouched(0), "is answered with an item, and nobody is stopped");
    settle();
    ok(traveller_goes_on(false), "the instruction is made again");
    traveller_end();
}

/* The handler of an alien thread is on another CPU, and so is whom it calls. */
static void test_alien(void)
{
    word_t ip;

    traveller_make();
    pager_set(GATE);
    plain(SELF | L4_OP_RECV, 0, 0, 10);
    root->utcb->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_ALIEN;
    root->utcb->mr[4] = L4_THREAD_ALIEN;
    call(TARGET, L4_PROTO_THREAD, 6, 0);
    host_time(10);
    host_tick();
    ip = frame_ip(&traveller->arch.frame);
    plain(SEL(GATE) | CALL, 5, 0, 0);
    ok(traveller->ipc_state == IPC_AWAY && (traveller->flags & THREAD_IN_EXCEPTION), "a system call is an exception");
    settle();
    ok(on(1) == far && label_of(far) == L4_PROTO_EXCEPTION && far->utcb->mr[16] == L4_TRAP_SYSCALL &&
           far->utcb->mr[18] == ip - 2, "which arrives, as it was made");
    plain(SELF | REPLY_WAIT, L4_PROTO_ALLOW_SYSCALL, 0, 0);
    settle();
    ok(on(0) == traveller && (traveller->flags & THREAD_ALIEN_PASS), "it is allowed");
    plain(SEL(GATE) | CALL, 5, 0, 0);
    ok(traveller->ipc_state == IPC_AWAY && (traveller->flags & THREAD_ALIEN_AFTER), "and travels");
    settle();
    ok(on(1) == far && label_of(far) == 5, "to arrive");
    plain(SELF | REPLY_WAIT, 6, 0, 0);
    settle();
    ok(on(1) == far && label_of(far) == L4_PROTO_EXCEPTION && far->utcb->mr[17] == 1, "after its answer an exception");
    ok(l4_tag_label((l4_tag){far->utcb->mr[15]}) == 6, "with its result");
    plain(SELF | REPLY_WAIT, 0, 0, 0);
    settle();
    ok(on(0) == traveller && !(traveller->flags & (THREAD_KERNEL_IPC | THREAD_ALIEN_AFTER)), "and it goes on");
    traveller_end();
}

/* An exception waits at a gate without a thread; then the thread becomes a vCPU, and the gate gets one. */
static void test_exception_at_gate(void)
{
    traveller_make();
    host_exception(3, 0); /* its handler is OPEN */
    ok(traveller->ipc_state == IPC_GATE && (traveller->flags & THREAD_IN_EXCEPTION), "an exception waits for a thread");
    vcpu_on(TARGET);
    traveller->vcpu->state = L4_VCPU_EXCEPTIONS;
    bind_gate(OPEN, 0x30, FAR);
    ok(on(0) == traveller && frame_ip(&traveller->arch.frame) == 0x9000 && on(1) == local,
       "a vCPU by now, it takes it itself");
    ok(!(traveller->flags & THREAD_KERNEL_IPC), "and is in no exception");
    machine_check();
    traveller_end();
    delete_slot(OPEN);
    create(L4_PROTO_NONE, OPEN);
}

/* A thread waits for a while, and comes to a CPU that does not know it yet. */
static void test_new_home(void)
{
    far_busy();
    host_set_cpu(1);
    plain(SELF | WAIT, 0, 0, 1000);
    move(FAR, 1, 120);
    host_set_cpu(0);
    run_thread_on(FAR, 2, 120);
    ok(far->ipc_state == IPC_WAITING && timeout_first(&cpus[1]->timeouts) == &far->timeout,
       "a thread that waits moves with its time-out");
    host_set_cpu(1);
    plain(SEL(FAR) | L4_OP_SEND, 7, 0, ZERO_SND);
    ok(host_current() == far && label_of(far) == 7 && !far->timeout.armed, "and gets a message at its new home");
    machine_check();
    settle();
    host_set_cpu(1);
    wait_open();
    far_home();
}

/* However many guests come, a CPU has time for its own threads, until the next tick. */
static void test_too_many(void)
{
    far_home();
    host_set_cpu(1);
    ok(host_current() == local, "a thread computes");
    cpus[1]->guests_served = GUESTS_MAX - 1;
    host_set_cpu(0);
    plain(SEL(GATE) | L4_OP_SEND, 4, 0, 0);
    host_set_cpu(1);
    ok(host_current() == far && label_of(far) == 4, "a guest is served, the last before a tick");
    wait_open();
    host_set_cpu(0);
    plain(SEL(GATE) | L4_OP_SEND, 5, 0, 0);
    host_set_cpu(1);
    ok(host_current() == local && root->ipc_state == IPC_AWAY && !host_ipi_pending(1),
       "it goes on when its CPU has had many guests");
    host_tick();
    ok(host_ipi_pending(1), "until a tick");
    host_set_cpu(1);
    ok(host_current() == far && label_of(far) == 5, "then the next guest is served");
    wait_open();
    settle();
    cpus[1]->guests_served = GUESTS_MAX;
    host_set_cpu(0);
    plain(SEL(GATE) | L4_OP_SEND, 6, 0, 0);
    host_set_cpu(1);
    ok(root->ipc_state == IPC_AWAY, "again it has had many");
    plain(SELF | L4_OP_RECV, 0, 0, 100);
    ok(host_idle() && host_ipi_pending(1), "when nobody computes any more there is time for them");
    host_set_cpu(1);
    ok(host_current() == far && label_of(far) == 6, "at once");
    wait_open();
    host_time(100);
    host_tick();
    settle();
    host_set_cpu(0);
    machine_check();
}

int main(void)
{
    size_t used;

    machine_start_cpus(3);
    create(L4_PROTO_NONE, OPEN);
    create(L4_PROTO_NONE, GATE);
    create(L4_PROTO_SEMAPHORE, SEM);
    create(L4_PROTO_IRQ_SENDER, IRQ);
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
    test_answers();
    test_two_answers();
    test_waits_in_queue();
    test_moved_to_awake();
    test_items();
    test_items_window();
    test_fpu();
    delete_slot(FAR); /* with its FPU state */
    settle();
    far_make();
    far_home();
    used = root_factory.quota.used;
    test_semaphore();
    test_other_objects();
    test_canceled();
    test_killed();
    test_no_home();
    test_traveller_moves();
    test_sent_to_traveller();
    test_wait_begins();
    test_wait_begins_not();
    test_wait_slot();
    test_wait_times_out();
    test_vcpu_on_the_way();
    test_ex_regs();
    test_start();
    test_control();
    test_small_operations();
    test_run_thread();
    test_senders_end();
    test_irq();
    test_irq_moves();
    test_irq_rebound();
    test_pins();
    test_faults();
    test_pager_gone();
    test_fault_items();
    test_alien();
    test_exception_at_gate();
    test_new_home();
    test_too_many();
    machine_check();
    is(root_factory.quota.used, used, "all memory has been given back");
    return tap_done();
}
