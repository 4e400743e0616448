/* SPDX-License-Identifier: MIT */
/*
 * local.c: messages between threads of one CPU while another CPU has the lock, and never gives it back unless somebody
 * waits for it: that is how the test learns who needs it. Then: what needs the lock, and slots that two CPUs share.
 */
#include "tap.h"
#include "machine.h"
#include "smp.h"

enum { SERVER = 0x40, GATE = 0x41, OTHER = 0x42, SEM = 0x43, IRQ = 0x44, OPEN = 0x45, FAR = 0x46, FAR_GATE = 0x47 };
#define EXPLICIT(slot) (SEL(slot) | L4_SEL_REPLY)
#define ANSWER (L4_OP_SEND | L4_OP_REPLY)
#define REPLY_WAIT (WAIT | ANSWER)

static struct thread *server, *other, *far;
static bool needed;

static void lock_given(void)
{
    struct cpu *c = host_cpu;

    needed = true;
    host_on_wait = NULL;
    host_cpu = cpus[1];
    kernel_unlock();
    if (host_idle())
        cpu_park();
    host_cpu = c;
}

static void lock_taken(void)
{
    host_cpu = cpus[1];
    kernel_enter(host_current(), NULL);
    host_cpu = cpus[0];
    needed = false;
    host_on_wait = lock_given;
}

/* Has nobody waited for it since lock_taken()? */
static bool lock_kept(void)
{
    bool kept = !needed;

    if (kept)
        lock_given();
    return kept;
}

static void send_tag(word_t dest, word_t tag, word_t timeout) { host_syscall(dest, tag, 0, timeout); }
static void plain(word_t dest, long label, word_t timeout) { send_tag(dest, l4_tag_make(label, 1, 0, 0).raw, timeout); }

static void test_calls(word_t dest, word_t slot, const char *what)
{
    plain(slot | WAIT, 0, 0);
    ok(host_current() == root, "the server waits");
    lock_taken();
    for (word_t i = 0; i < 3; i++) {
        root->utcb->mr[0] = 10 + i;
        plain(dest | CALL, 7, 0);
        ok(host_current() == server && label_of(server) == 7 && server->utcb->mr[0] == 10 + i, "a call arrives");
        ok(reply_slot_caller(slot == SELF ? &server->reply : task_reply_slot(root->task, 3)) == root, "in its slot");
        server->utcb->mr[0] += 10;
        if (i < 2) {
            plain(slot | REPLY_WAIT, 8, 0);
        } else {
            plain(slot | ANSWER, 8, 0);
            ok(server->ready && server->ipc_state == IPC_IDLE, "who only answers goes on");
        }
        ok(host_current() == root && label_of(root) == 8 && root->utcb->mr[0] == 20 + i, "and is answered");
    }
    ok(lock_kept(), what);
    machine_check();
    plain(SELF | L4_OP_RECV, 0, 1);
    ok(host_current() == server, "the server goes on");
    host_time(1);
    host_tick();
}

/* All but root wait for anybody. */
static void settle(void)
{
    for (unsigned i = 0; i < 8 && host_current() != root; i++)
        plain(SELF | WAIT, 0, 0);
    ok(host_current() == root, "root is alone");
}

/* While the server works for root another one calls. */
static void test_queue(void)
{
    settle();
    plain(SEL(OTHER) | L4_OP_SEND, 0, 0);
    lock_taken();
    plain(SELF | L4_OP_RECV, 0, 20);
    ok(host_current() == root && other->timeout.armed, "somebody sleeps");
    plain(SEL(GATE) | CALL, 1, 0);
    ok(host_current() == server, "a server works");
    plain(SELF | L4_OP_RECV, 0, 50);
    ok(host_idle() && server->timeout.armed, "and sleeps; nobody is left");
    ok(lock_kept(), "without the lock");
    host_time(20);
    host_tick();
    ok(host_current() == other, "the first wakes up");
    lock_taken();
    plain(SEL(GATE) | CALL, 2, 0);
    ok(other->ipc_state == IPC_SENDING && host_idle(), "calls and queues up");
    ok(lock_kept(), "without the lock");
    host_time(30);
    host_tick();
    ok(host_current() == server && error_of(server) == L4_IPC_RECV_TIMEOUT, "the time of the server is over");
    lock_taken();
    plain(SELF | REPLY_WAIT, 9, 0);
    ok(root->ready && other->ipc_state == IPC_RECEIVING && reply_slot_caller(&server->reply) == other,
       "it answers, and takes the queued call");
    ok(host_current() == server && label_of(server) == 2, "with which it goes on");
    ok(lock_kept(), "without the lock");
    machine_check();
}

static void test_timeouts(void)
{
    lock_taken();
    plain(SELF | REPLY_WAIT, 4, 100);
    ok(server->timeout.armed && host_current() == other && label_of(other) == 4,
       "an answer and a wait with a time-out");
    plain(SEL(GATE) | CALL, 5, 100);
    ok(host_current() == server && !server->timeout.armed && other->timeout.armed, "a call with one ends it");
    plain(SEL(OTHER) | L4_OP_SEND, 6, (word_t)L4_TIMEOUT_ZERO << 16);
    ok(host_current() == other && !other->timeout.armed && label_of(other) == 6, "a message in place of the answer");
    plain(SEL(SERVER) | L4_OP_SEND, 6, (word_t)L4_TIMEOUT_ZERO << 16);
    is(error_of(other), L4_IPC_SEND_TIMEOUT, "a message without time to somebody who does not wait");
    plain(SELF | WAIT, 0, 0);
    ok(host_current() == server && server->reply.raw == 0, "nobody can be answered twice");
    plain(SEL(OTHER) | L4_OP_RECV, 0, 200);
    ok(host_current() == root && server->partner == other->snd.id, "a closed wait for a thread of this CPU");
    ok(lock_kept(), "without the lock");
    host_time(200);
    host_tick();
    ok(host_current() == server && error_of(server) == L4_IPC_RECV_TIMEOUT, "ends by time");
    machine_check();
}

/* What needs the lock: each of these, alone. */
static void needs(word_t dest, word_t tag, const char *what)
{
    root->utcb->mr[0] = root->utcb->mr[1] = root->utcb->mr[2] = 0;
    lock_taken();
    send_tag(dest, tag, 0);
    ok(!lock_kept(), what);
    for (unsigned i = 0; i < 4 && host_current() != root; i++)
        plain(host_current() == server ? SELF | REPLY_WAIT : SELF | WAIT, 0, 0);
    ok(host_current() == root, "root goes on");
}

static void test_others(void)
{
    settle();
    needs(SEL(GATE) | CALL, l4_tag_make(1, 0, 1, 0).raw, "items need the lock");
    needs(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, "a semaphore");
    needs(SEL(IRQ) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, "an IRQ");
    needs(SEL(SERVER) | CALL, l4_tag_make(L4_PROTO_THREAD, 3, 0, 0).raw, "an operation on a thread");
    needs(SEL(FAR) | L4_OP_SEND, l4_tag_make(1, 0, 0, 0).raw, "a message to another CPU");
    host_set_cpu(1);
    ok(host_current() == far && label_of(far) == 1, "where it arrives");
    plain(SEL(L4_SLOT_THREAD) | CALL, 2, 0);
    ok(far->ipc_state == IPC_AWAY, "and from where a call comes");
    host_set_cpu(0);
    needs(SELF | WAIT, 0, "its message, too");
    is(label_of(root), 2, "is there");
    needs(SELF | ANSWER, 0, "and the answer");
    host_set_cpu(1);
    ok(host_current() == far, "which arrives");
    plain(SELF | WAIT, 0, 0);
    host_set_cpu(0);
    machine_check();
}

/* FPU state is copied without the lock, but not allocated. */
static void test_fpu(void)
{
    const word_t tag = l4_tag_make(1, 0, 0, L4_TAG_FPU).raw;

    settle();
    server->utcb->bdr = L4_BDR_INHERIT_FPU;
    lock_taken();
    send_tag(SEL(GATE) | CALL, tag, 0);
    ok(lock_kept() && host_current() == server && server->arch.fpu == NULL, "FPU state that nobody has");
    plain(SELF | REPLY_WAIT, 9, 0);
    host_fpu_write(root, 0x11);
    needs(SEL(GATE) | CALL, tag, "the first FPU state of a thread needs the lock");
    is(host_fpu_read(server), 0x11, "which it gets");
    host_fpu_write(root, 0x22);
    lock_taken();
    send_tag(SEL(GATE) | CALL, tag, 0);
    ok(lock_kept() && host_current() == server, "the next does not");
    is(host_fpu_read(server), 0x22, "it arrives");
    plain(SELF | REPLY_WAIT, 9, 0);
    ok(host_current() == root, "and is answered");
}

/* Somebody with FPU state queues up, while the server works for root. */
static void queue_fpu(void)
{
    plain(SEL(OTHER) | L4_OP_SEND, 0, 0);
    plain(SELF | L4_OP_RECV, 0, 20);
    plain(SEL(GATE) | CALL, 1, 0);
    plain(SELF | L4_OP_RECV, 0, 50);
    host_time(20);
    host_tick();
    ok(host_current() == other, "another thread");
    send_tag(SEL(GATE) | CALL, l4_tag_make(1, 0, 0, L4_TAG_FPU).raw, 0);
    ok(other->ipc_state == IPC_SENDING && host_idle(), "queues up with FPU state");
    host_time(30);
    host_tick();
    ok(host_current() == server, "the server is through");
}

static void test_fpu_queue(void)
{
    host_fpu_write(other, 0x33);
    queue_fpu();
    lock_taken();
    plain(SELF | REPLY_WAIT, 9, 0);
    ok(lock_kept() && host_current() == server && label_of(server) == 1, "a queued message with FPU state is taken");
    is(host_fpu_read(server), 0x33, "with it");
    plain(SELF | REPLY_WAIT, 9, 0);
    settle();
    arch_thread_free(server);
    queue_fpu();
    lock_taken();
    plain(SELF | REPLY_WAIT, 9, 0);
    ok(!lock_kept() && label_of(server) == 1, "but with the lock when it is the first");
    is(host_fpu_read(server), 0x33, "so it is there");
    plain(SELF | REPLY_WAIT, 9, 0);
    settle();
    server->utcb->bdr = 0;
}

/* A thread of the second CPU calls the server, which has it in an explicit slot; then one of the first does. */
static void test_shared_slot(void)
{
    struct reply_slot *slot;

    plain(SEL(SERVER) | L4_OP_SEND, 1, 0);
    plain(EXPLICIT(5) | WAIT, 0, 0);
    ok(host_current() == root && server->ipc_state == IPC_WAITING, "the server waits with an explicit slot");
    slot = task_reply_slot(root->task, 5);

    plain(SEL(FAR) | L4_OP_SEND, 2, 0);
    host_set_cpu(1);
    ok(host_current() == far, "a thread of the second CPU");
    plain(SEL(GATE) | CALL, 3, 0);
    ok(host_idle() && far->ipc_state == IPC_AWAY, "calls it: the message is on its way");
    host_set_cpu(0);
    ok(host_current() == server && label_of(server) == 3, "the server has the message");
    ok(reply_slot_caller(slot) == far, "the caller is in the slot");
    plain(EXPLICIT(5) | WAIT, 0, 0);
    ok(reply_slot_caller(slot) == far, "and waits again, without an answer");
    lock_taken();
    plain(SEL(GATE) | CALL, 4, 0);
    ok(!lock_kept(), "who takes the place of a caller of another CPU needs the lock");
    ok(host_current() == server && reply_slot_caller(slot) == root && far->held_by == NULL, "and takes it");
    lock_taken();
    plain(EXPLICIT(5) | REPLY_WAIT, 5, 0);
    ok(lock_kept() && host_current() == root && label_of(root) == 5,
       "a slot that has been shared is used without the lock");
    machine_check();
}

/* A send with the flag of an open wait, but without a wait, has no use for a slot. */
static void test_no_wait(void)
{
    lock_taken();
    plain(EXPLICIT(5) | L4_OP_SEND | L4_OP_OPEN_WAIT, 1, 10ul << 16);
    ok(root->ipc_state == IPC_SENDING && root->ipc.wait_slot == NULL, "a message to oneself waits, and names no slot");
    lock_kept();
    host_time(10);
    host_tick();
    ok(host_current() == root, "until it is over");
}

/* Between the look at the slot and the commit another CPU fills it. */
static void test_late_caller(void)
{
    struct reply_slot *slot = task_reply_slot(root->task, 5);
    const word_t theirs = (word_t)(uintptr_t)far << 8 | 1;

    cpu_self()->lockless = true;
    slot->raw = theirs;
    reply_slot_clear(slot);
    is(slot->raw, theirs, "a caller of another CPU stays in the slot while the lock is not held");
    cpu_self()->lockless = false;
    slot->raw = 0;
}

int main(void)
{
    machine_start_cpus(2);
    create(L4_PROTO_NONE, OPEN);
    create(L4_PROTO_NONE, GATE);
    create(L4_PROTO_SEMAPHORE, SEM);
    create(L4_PROTO_IRQ_SENDER, IRQ);
    server = thread_make(SERVER, OPEN, OPEN);
    other = thread_make(OTHER, OPEN, OPEN);
    far = thread_make(FAR, OPEN, OPEN);
    call_words(GATE, L4_PROTO_KOBJECT, SERVER, 2, L4_OP_GATE_BIND, 0xab00, 0, 0);
    call_words(FAR, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x3100, 0);
    run_thread_on(FAR, 2, 120);
    host_set_cpu(1);
    wait_open();
    host_set_cpu(0);
    thread_go(SERVER, 120, 0x3000, 0x3100);
    ok(host_current() == server, "two threads on one CPU, one on another");
    for (unsigned i = 0; i < 2; i++) {
        host_general_path = i == 0;
        test_calls(SEL(GATE), SELF, "calls through a gate, and answers, take no lock");
        test_calls(SEL(SERVER), SELF, "nor do calls of a thread");
        test_calls(SEL(GATE), EXPLICIT(3), "nor answers through an explicit slot");
    }
    plain(SELF | WAIT, 0, 0);
    thread_go(OTHER, 110, 0x5000, 0x5100);
    test_queue();
    test_timeouts();
    test_others();
    test_fpu();
    test_fpu_queue();
    test_shared_slot();
    test_no_wait();
    test_late_caller();
    machine_check();
    return tap_done();
}
