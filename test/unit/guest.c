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

int main(void)
{
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
    test_items();
    test_items_window();
    test_fpu();
    test_semaphore();
    test_other_objects();
    machine_check();
    return tap_done();
}
