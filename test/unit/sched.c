/* SPDX-License-Identifier: MIT */
/* sched.c: the most important thread runs, round robin among equals, time slices lent and given back, changes. */
#include "tap.h"
#include "machine.h"

enum { A = 0x40, B = 0x41, C = 0x42, GATE = 0x43 };
#define SLICE_TICKS (SCHED_QUANTUM_US / TICK_US)

static struct thread *a, *b, *c;

static void tick(unsigned n)
{
    while (n-- > 0) {
        host_time(TICK_US);
        host_tick();
        sched_check(cpu_self());
    }
}

static void test_priorities(void)
{
    thread_go(A, 50, 0x3000, 0x3100);
    ok(host_current() == root && a->ready, "a less important thread does not run");
    thread_go(B, 150, 0x3000, 0x3100);
    ok(host_current() == b && root->ready, "a more important one runs at once");
    tick(3 * SLICE_TICKS);
    ok(host_current() == b, "and goes on, time slice after time slice");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == root, "until it waits");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 3u << 10 | 625u); /* 5000 µs */
    ok(host_current() == a, "then the next, down to the least");
    tick(5);
    ok(host_current() == root, "who wakes up takes over");
}

static void test_round_robin(void)
{
    unsigned turns[3] = {0};

    thread_go(C, 100, 0x3000, 0x3100);
    run_thread(A, 100);
    run_thread(B, 100);
    call_words(B, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    for (unsigned slice = 0; slice < 12; slice++) {
        const struct thread *t = host_current();

        turns[0] += t == a;
        turns[1] += t == b;
        turns[2] += t == c;
        tick(SLICE_TICKS);
    }
    ok(turns[0] == 3 && turns[1] == 3 && turns[2] == 3, "four equals: each has every fourth slice");
    ok(a->consumed_us >= 3 * SCHED_QUANTUM_US, "their time is counted");
}

/* Runs slices until root has its turn. */
static void until_root(void)
{
    for (unsigned i = 0; i < 10 * SLICE_TICKS && host_current() != root; i++)
        tick(1);
}

static void test_quantum(void)
{
    until_root();
    sched_set(root, cpu_self(), 100, 3 * TICK_US);
    tick(2);
    ok(host_current() == root, "a quantum of three ticks is not over after two");
    tick(1);
    ok(host_current() != root, "but after three");
    until_root();
    sched_set(root, cpu_self(), 100, 0);
    is(root->quantum_us, SCHED_QUANTUM_US, "zero is the usual quantum");
}

static void test_changes(void)
{
    run_thread(L4_SLOT_THREAD, 20);
    ok(host_current() != root, "who becomes less important makes room");
    while (host_current() != root)
        host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    ok(true, "and runs when the others wait");
    run_thread(L4_SLOT_THREAD, 255);
    is(root->prio, 255, "255 is the highest priority");
    run_thread(L4_SLOT_THREAD, 1000);
    is(root->prio, 255, "what is higher is the highest");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 1000);
    ok(host_idle(), "nobody is ready");
    uint64_t idle = cpu_self()->idle_us;

    tick(1);
    ok(host_current() == root, "until time is over");
    is(cpu_self()->idle_us - idle, TICK_US, "idle time is counted");
}

static void test_donation(void)
{
    run_thread(L4_SLOT_THREAD, 100);
    run_thread(A, 30);
    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(host_current() == root && a->ready, "a less important server");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 10);
    wait_open();
    tick(1);
    call(A, 1, 0, 0);
    ok(host_current() == a && cpu_self()->context == root, "runs with the caller's priority");
    ok(!sched_ready_above(cpu_self(), 30), "nobody is more important");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    ok(host_current() == root && cpu_self()->context == root, "and gives it back with its answer");
}

/* Everybody but root waits; a in an open wait. */
static void all_wait(void)
{
    host_syscall(SELF | L4_OP_RECV, 0, 0, 10);
    while (!host_idle())
        wait_open();
    tick(1);
}

static void test_equals(void)
{
    all_wait();
    run_thread(A, 100);
    host_syscall(SEL(A) | L4_OP_SEND, 0, 0, 0);
    ok(host_current() == a && root->ready, "who is woken by an equal runs at once");
    wait_open();
    ok(host_current() == root, "and is followed by the one that it took the place of");
    host_syscall(SEL(A) | CALL, 0, 0, 0);
    ok(host_current() == a && cpu_self()->context == root, "a slice is lent");
    tick(SLICE_TICKS);
    ok(host_current() == a && cpu_self()->context == a, "until it is used up");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    until_root();
    ok(host_current() == root, "the answer comes all the same");
}

/* A more important thread works on the slice of a less important one when somebody in between wakes up. */
static void test_lent_and_woken(void)
{
    all_wait();
    run_thread(A, 150);
    run_thread(B, 120);
    call_words(B, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(host_current() == b, "a sleeper is woken");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 1000);
    ok(host_current() == root, "root runs while one sleeps");
    host_syscall(SEL(A) | CALL, 0, 0, 0);
    ok(host_current() == a && cpu_self()->context == root, "and calls somebody more important");
    tick(1);
    ok(host_current() == a && b->ready, "who is not less so on root's slice");
    ok(cpu_self()->context == a, "but goes on with his own");
    host_syscall(SELF | WAIT | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    ok(host_current() == b, "then it is the other's turn");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == root && error_of(root) == 0, "and root has its answer");
    all_wait();
}

/* Who has lent its slice becomes less important than somebody who is ready. */
static void test_lender_changed(void)
{
    all_wait();
    run_thread(A, 30);
    run_thread(B, 70);
    call_words(B, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    host_syscall(SEL(A) | CALL, 0, 0, 0);
    ok(host_current() == a && cpu_self()->context == root && b->ready, "a server runs on root's slice");
    run_thread(L4_SLOT_THREAD, 60);
    ok(host_current() == b && a->ready, "which is not the most important any more");
    run_thread(L4_SLOT_THREAD, 100);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == a, "the server goes on later");
    host_syscall(SELF | WAIT | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    ok(host_current() == root && error_of(root) == 0, "and answers");
    all_wait();
}

static void test_time_outs(void)
{
    all_wait();
    ok(host_current() == root, "root runs, the others wait");
    run_thread(A, 110);
    run_thread(B, 110);
    host_syscall(SEL(A) | L4_OP_SEND, 0, 0, 0);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 500);
    call_words(B, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 500);
    ok(host_current() == root && a->ipc_state != IPC_IDLE && b->ipc_state != IPC_IDLE, "two wait for the same time");
    sched_set(b, NULL, 110, 0);
    tick(1);
    ok(a->ipc_state == IPC_IDLE && b->ipc_state == IPC_IDLE, "one tick ends both, also that of a thread without CPU");
    sched_set(b, cpu_self(), 110, 0);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 10);
    all_wait();
}

int main(void)
{
    machine_start();
    create(L4_PROTO_NONE, GATE);
    a = thread_make(A, GATE, GATE);
    b = thread_make(B, GATE, GATE);
    c = thread_make(C, GATE, GATE);
    test_priorities();
    test_round_robin();
    test_quantum();
    test_changes();
    test_donation();
    test_equals();
    test_lent_and_woken();
    test_lender_changed();
    test_time_outs();
    machine_check();
    return tap_done();
}
