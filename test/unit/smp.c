/* SPDX-License-Identifier: MIT */
/* smp.c: two CPUs: messages across, a thread that moves, one that is deleted elsewhere; nobody stays claimed. */
#include "tap.h"
#include "machine.h"
#include "smp.h"
#include <ucontext.h>

enum { A = 0x40, GATE = 0x41, B = 0x42, C = 0x43 };
#define REPLY_WAIT (WAIT | L4_OP_SEND | L4_OP_REPLY)

static struct thread *a;

/* L2, L3: between kernel entries every CPU is its own again. */
static bool all_free(void)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i]->claim != CPU_FREE && cpus[i]->claim != CPU_PARKED)
            return false;
    return true;
}

static void test_start(void)
{
    is(cpu_count, 2, "two CPUs");
    ok(cpus[0] == cpu_self() && cpus[1] != cpus[0], "each with its block");
    is(run_thread_on(A, 2, 50), 0, "a thread for the second CPU");
    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x3100, 0);
    ok(a->home == cpus[1] && host_current() == root, "does not run on the first");
    host_set_cpu(1);
    ok(host_current() == a && a->arch.frame.ip == 0x3000, "but on the second");
    ok(all_free(), "nobody is claimed");
}

static void test_messages(void)
{
    wait_open();
    ok(host_idle(), "the second CPU has nothing to do");
    host_set_cpu(0);
    ok(host_current() == root, "the first has");
    for (word_t i = 0; i < 3; i++) {
        root->utcb->mr[0] = 100 + i;
        call(A, 7, 1, 0);
        ok(host_idle() && root->ipc_state == IPC_RECEIVING, "a call to the other CPU: the caller waits");
        ok(all_free(), "nobody stays claimed");
        host_set_cpu(1);
        ok(host_current() == a && a->utcb->mr[0] == 100 + i && label_of(a) == 7, "the message is there");
        a->utcb->mr[0] = 200 + i;
        host_syscall(SELF | REPLY_WAIT, l4_tag_make(8, 1, 0, 0).raw, 0, 0);
        host_set_cpu(0);
        ok(host_current() == root && root->utcb->mr[0] == 200 + i && label_of(root) == 8, "and so is the answer");
        machine_check();
    }
}

static void test_move(void)
{
    is(run_thread_on(A, 1, 120), 0, "the thread moves to the first CPU");
    ok(a->home == cpus[0], "where it lives now");
    call(A, 9, 0, 0);
    ok(host_current() == a && label_of(a) == 9, "a call runs it there");
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    ok(host_current() == root, "with its answer the caller goes on");
    is(run_thread_on(A, 2, 120), 0, "and back to the second");
    host_syscall(SEL(A) | L4_OP_SEND, l4_tag_make(10, 0, 0, 0).raw, 0, 0);
    host_set_cpu(1);
    ok(host_current() == a && label_of(a) == 10, "which runs it");
    host_set_cpu(0);
}

/* What the short path leaves alone when there are several CPUs, between two threads of one. */
static void test_same_cpu(void)
{
    const word_t explicit_slot = SEL(3) | L4_SEL_REPLY;

    host_set_cpu(1);
    wait_open();
    host_set_cpu(0);
    run_thread_on(A, 1, 120);
    root->utcb->mr[0] = 0;
    call(A, 9, 0, 1);
    ok(host_current() == a && l4_tag_items(tag_of(a)) == 1, "a call with an item");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 10);
    host_syscall(explicit_slot | WAIT, 0, 0, 0);
    host_time(10);
    host_tick();
    ok(host_current() == root && (a->flags & THREAD_SLOT_SHARED), "who waits with an explicit slot shares it");
    call(A, 10, 0, 0);
    ok(host_current() == a, "somebody else calls");
    ok(reply_slot_caller(task_reply_slot(root->task, 3)) == root, "and is in the slot");
    host_syscall(explicit_slot | REPLY_WAIT, l4_tag_make(11, 0, 0, 0).raw, 0, 0);
    ok(host_current() == root && label_of(root) == 11, "until it is answered");
    machine_check();
}

/* Threads that run, or lend their time, change CPUs. */
static void test_move_running(void)
{
    const word_t explicit_slot = SEL(3) | L4_SEL_REPLY;

    call(A, 12, 0, 0);
    ok(cpu_self()->context == root, "a thread runs on the time of another");
    is(run_thread_on(L4_SLOT_THREAD, 2, 100), 0, "and sends that to the second CPU");
    ok(host_current() == a && cpu_self()->context == a && root->home == cpus[1], "time does not go along");
    host_syscall(explicit_slot | REPLY_WAIT, 0, 0, 0);
    ok(host_idle(), "the first CPU is idle");
    host_set_cpu(1);
    ok(host_current() == root && error_of(root) == 0, "the answer reaches the second");
    for (word_t i = 0; i < 7; i++)
        root->utcb->mr[i] = (const word_t[]){L4_OP_SCHED_RUN_THREAD, 0, 1, 100, 0, L4_ITEM_MAP,
                                             l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_THREAD, 0, 15).raw}[i];
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
    ok(host_idle(), "root moves itself away from there");
    host_set_cpu(0);
    ok(host_current() == root && label_of(root) == 0, "and back");
    is(run_thread_on(A, 2, 120), 0, "the other goes to the second CPU");
    host_syscall(SEL(A) | L4_OP_SEND, 0, 0, 0);
    host_set_cpu(1);
    ok(host_current() == a, "and runs there");
    host_set_cpu(0);
    is(run_thread_on(A, 1, 50), 0, "it is called back while it runs");
    host_set_cpu(1);
    ok(host_idle(), "the second CPU has nobody");
    host_set_cpu(0);
    ok(host_current() == root && a->ready && all_free(), "it waits for its turn on the first");
    machine_check();
    is(run_thread_on(A, 2, 120), 0, "then it goes again");
    host_set_cpu(1);
    ok(host_current() == a, "to run");
    host_set_cpu(0);
}

static void test_sets(void)
{
    is(call_words(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 0, 2, L4_OP_SCHED_INFO, 0, 0, 0), 0, "CPUs one by one");
    is(root->utcb->mr[0], 3, "are two");
    is(call_words(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 0, 2, L4_OP_SCHED_INFO, 1ul << 24, 0, 0), 0, "in pairs");
    is(root->utcb->mr[0], 1, "are one");
}

static long bind(word_t label, word_t thread)
{
    struct thread *self = host_current();
    struct l4_utcb *u = self->utcb;

    u->mr[0] = L4_OP_GATE_BIND;
    u->mr[1] = label;
    u->mr[2] = L4_ITEM_MAP;
    u->mr[3] = l4_fpage_make(L4_FPAGE_OBJ, thread, 0, 15).raw;
    call(GATE, L4_PROTO_KOBJECT, 2, 1);
    return label_of(self);
}

/* G2 of gate.c: who binds a gate anew stops the other CPU. */
static void test_bind(void)
{
    host_set_cpu(1);
    ok(host_current() == a, "a thread runs on the second CPU");
    host_set_cpu(0);
    is(bind(0x10, A), 0, "a gate is bound");
    ok(!host_ipi_pending(1), "and the other CPU is not stopped");
    is(bind(0x20, A), 0, "but for another label");
    ok(host_ipi_pending(1), "it is");
    host_set_cpu(1);
    host_set_cpu(0);
    is(bind(0x20, L4_SLOT_THREAD), 0, "and for another thread");
    ok(host_ipi_pending(1), "too");
    host_set_cpu(1);
    host_set_cpu(0);
}

/* ---- L5: CPU 0 computes (b) while root waits there ---- */

static bool stopped(const struct cpu *c) { return c->arch.space == NULL; }

/* Root calls a, which is about to answer. */
static void root_calls(void)
{
    call(A, 7, 0, 0);
    ok(host_current() == thread_at(B), "root waits for the other CPU, a third thread computes");
    host_set_cpu(1);
    ok(host_current() == a, "the call has arrived");
}

static void test_post(void)
{
    struct thread *b;

    host_set_cpu(1);
    wait_open();
    host_set_cpu(0);
    b = thread_make(B, GATE, GATE);
    thread_go(B, 10, 0x5000, 0x5100);
    root_calls();
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(8, 0, 0, 0).raw, 0, 0);
    ok(!stopped(cpus[0]), "an answer does not stop the CPU of the caller");
    ok(host_ipi_pending(0) && !root->ready && root->ipc_state == IPC_IDLE, "which is told");
    host_set_cpu(0);
    ok(host_current() == root && label_of(root) == 8, "and lets the caller go on");
    ok(b->ready, "in place of what it did");

    root_calls();
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, l4_tag_make(9, 0, 0, 0).raw, 0, 0);
    ok(!root->ready, "a second answer");
    is(bind(0x40, A), 0, "something that stops all other CPUs");
    ok(root->ready && stopped(cpus[0]), "finds their threads ready");
    host_set_cpu(0);
    ok(host_current() == root && label_of(root) == 9, "and the answer comes");

    host_syscall(SEL(A) | CALL, l4_tag_make(7, 0, 0, 0).raw, 0, 10);
    host_set_cpu(1);
    wait_open();
    ok(!stopped(cpus[0]) && root->ipc_state == IPC_RECEIVING && !root->timeout.armed,
       "a caller of another CPU gets a time-out");
    host_set_cpu(0);
    ok(root->timeout.armed, "which is armed there");
    host_set_cpu(1);
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, l4_tag_make(6, 0, 0, 0).raw, 0, 0);
    ok(root->ipc_state == IPC_IDLE && root->timeout.armed, "a time-out is left to its CPU");
    host_time(20);
    host_set_cpu(0);
    host_tick();
    ok(host_current() == root && label_of(root) == 6 && !root->timeout.armed, "and does not come after the answer");

    wait_open();
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_SEND | L4_OP_RECV, l4_tag_make(1, 0, 0, 0).raw, 0, 0);
    call(A, 7, 0, 0);
    host_set_cpu(1);
    wait_open();
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, l4_tag_make(9, 0, 0, 0).raw, 0, 0);
    host_set_cpu(0);
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    ok(host_current() == b && root->state_word == THREAD_STATE_WAITING && root->partner == a->snd.id,
       "root waits for anybody, and has waited for the other CPU before");
    host_set_cpu(1);
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_SEND, l4_tag_make(10, 0, 0, 0).raw, 0, 0);
    ok(a->ipc_state == IPC_AWAY && root->ipc_state == IPC_WAITING && !stopped(cpus[0]),
       "then its CPU may send to it itself, and a message travels there");
    host_set_cpu(0);
    ok(host_current() == root && label_of(root) == 10, "by a message");
    delete_slot(B);
    machine_check();
}

/* A sender in the queue of the running thread, from the other CPU. */
static void test_take(void)
{
    struct thread *b;

    b = thread_make(B, GATE, GATE);
    run_thread_on(B, 2, 130);
    call_words(B, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x5000, 0x5100, 0);
    host_set_cpu(1);
    ok(host_current() == b, "a more important thread on the second CPU");
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_SEND | L4_OP_RECV, l4_tag_make(11, 0, 0, 0).raw, 0, 0);
    ok(host_current() == a && b->ipc_state == IPC_AWAY, "calls root");
    host_set_cpu(0);
    ok(b->ipc_state == IPC_SENDING && b->snd.receiver == root, "which does not wait");
    wait_open();
    ok(host_current() == root && label_of(root) == 11, "root takes the message");
    ok(!stopped(cpus[1]) && b->ipc_state == IPC_RECEIVING, "and stops nobody");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, l4_tag_make(12, 0, 0, 0).raw, 0, 0);
    ok(!stopped(cpus[1]), "nor with the answer");
    host_set_cpu(1);
    ok(host_current() == b && label_of(b) == 12, "which arrives");
    host_set_cpu(0);
    delete_slot(B);
    host_set_cpu(1);
    ok(host_current() == a, "and the first thread goes on");
    host_set_cpu(0);
    machine_check();
}

/* Nobody is woken through an inbox that is full: emptying it takes time. */
static void test_inbox_full(void)
{
    enum { SEM = 0x50, SLEEPER = 0x51, SLEEPERS = INBOX_MAX + 2 };
    bool never = true;

    create(L4_PROTO_SEMAPHORE, SEM);
    for (unsigned i = 0; i < SLEEPERS; i++) {
        thread_make(SLEEPER + i, GATE, GATE);
        run_thread_on(SLEEPER + i, 2, 130);
        call_words(SLEEPER + i, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x5000, 0x5100, 0);
        host_set_cpu(1);
        host_current()->utcb->mr[0] = L4_OP_SEM_DOWN;
        host_syscall(SEL(SEM) | CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, 0);
        host_set_cpu(0);
    }
    for (unsigned i = 0; i < INBOX_MAX; i++) {
        host_syscall(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0);
        never &= !stopped(cpus[1]) && cpus[1]->inbox_length == i + 1;
    }
    ok(never, "as many threads of another CPU as its inbox holds are woken without stopping it");
    host_syscall(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0);
    ok(stopped(cpus[1]) && cpus[1]->inbox_length == 0, "for one more it is stopped, and its inbox emptied");
    machine_check();
    for (unsigned i = 0; i < SLEEPERS; i++)
        delete_slot(SLEEPER + i);
    delete_slot(SEM);
    host_set_cpu(1);
    for (unsigned i = 0; i < SLEEPERS && host_current() != a; i++)
        host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == a, "and they end");
    host_set_cpu(0);
}

/* A thread that has ended, but is still named, gets a CPU. */
static void test_dead(void)
{
    struct thread *b = thread_make(B, 0x3f0, 0x3f0);

    host_set_cpu(1);
    ok(host_current() == a, "the second CPU does not sleep");
    host_set_cpu(0);
    thread_go(B, 255, 0x5000, 0x5100);
    ok(host_current() == b && host_touch(0x5000, L4_MEM_X) == NULL, "a thread touches memory, and has no pager");
    ok((b->flags & THREAD_GONE) && !b->obj.dead, "it is gone, its capability is not");
    is(run_thread_on(B, 0, 10), 0, "it loses its CPU");
    is(run_thread_on(B, 2, 10), 0, "and gets another one");
    ok(b->home == cpus[1] && list_empty(&cpus[1]->inbox), "which need not look at it any more");
    delete_slot(B);
    machine_check();
}

static void root_computes(void)
{
    host_set_cpu(0);
    for (unsigned i = 0; i < 4 && host_current() != root; i++)
        wait_open();
    ok(host_current() == root, "the first CPU runs root, a more important thread waits there");
    host_set_cpu(1);
}

/* Calls from the other CPU to somebody who waits for anybody. */
static void test_calls_by_post(void)
{
    struct thread *b = thread_make(B, GATE, GATE), *c = thread_make(C, GATE, GATE);

    thread_go(B, 130, 0x5000, 0x5100);
    run_thread_on(C, 2, 10);
    call_words(C, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x6000, 0x6100, 0);
    host_set_cpu(1); /* where this is done */
    root_computes();
    ok(host_current() == a, "a thread on the second CPU");
    a->utcb->mr[0] = 77;
    host_syscall(SEL(B) | CALL, l4_tag_make(20, 1, 0, 0).raw, 0, 0);
    ok(a->ipc_state == IPC_AWAY && b->ipc_state == IPC_WAITING && !stopped(cpus[0]), "a call stops nobody");
    ok(host_current() == c && host_ipi_pending(0), "but tells it; another one goes on");
    host_set_cpu(0);
    ok(host_current() == b && label_of(b) == 20 && b->utcb->mr[0] == 77, "which takes the message");
    ok(a->ipc_state == IPC_RECEIVING && reply_slot_caller(&b->reply) == a, "for the caller that waits");
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(21, 0, 0, 0).raw, 0, 0);
    host_set_cpu(1);
    ok(host_current() == a && label_of(a) == 21, "and gets its answer");
    machine_check();

    host_syscall(SEL(B) | CALL, l4_tag_make(22, 0, 0, 0).raw, 0, 0);
    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(host_current() == c && a->ipc_state == IPC_AWAY, "who is canceled on the way arrives");
    host_set_cpu(0);
    ok(host_current() == b && label_of(b) == 22 && b->reply.raw == 0, "its message is taken, and nobody to answer");
    host_set_cpu(1);
    ok(host_current() == a && error_of(a) == L4_IPC_RECV_CANCELED, "for it does not wait");
    root_computes();
    host_set_cpu(0);
    delete_slot(B);
    delete_slot(C);
    host_set_cpu(1);
    ok(host_current() == a, "the caller goes on");
    host_set_cpu(0);
    machine_check();
}

/* ---- the lock under a CPU that always has it: two CPUs, each with a stack, that take turns ---- */

static ucontext_t turn[2];
static unsigned taken, waited, lost_turns;

static void other_turn(void)
{
    unsigned me = cpu_self()->id;

    host_cpu = cpus[1 - me];
    swapcontext(&turn[me], &turn[1 - me]);
}

/* Only the first CPU is seen to wait here; it may lose its processor while it waits. */
static void lock_waits(void)
{
    if (cpu_self() == cpus[1]) {
        waited++;
        if (lost_turns > 0) {
            lost_turns--;
            return;
        }
    }
    other_turn();
}

/* The second CPU gives the lock back only to take it again. */
static void greedy(void)
{
    while (taken < 1000) {
        kernel_enter(cpus[1]->current, NULL);
        taken++;
        other_turn();
        kernel_unlock();
    }
    for (;;)
        other_turn();
}

/* How often the other one had it. */
static unsigned greedy_for(unsigned losing)
{
    static char stack[65536];

    taken = waited = 0;
    lost_turns = losing;
    host_on_wait = lock_waits;
    getcontext(&turn[1]);
    turn[1].uc_stack = (stack_t){.ss_sp = stack, .ss_size = sizeof stack};
    makecontext(&turn[1], greedy, 0);
    other_turn(); /* it has the lock now */
    is(call_words(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 0, 2, L4_OP_SCHED_INFO, 0, 0, 0), 0,
       "a system call beside a CPU that always has the lock");
    host_on_wait = NULL;
    ok(waited > losing, "gets in because the other one lets it");
    return taken;
}

static void test_greedy(void)
{
    unsigned first = greedy_for(0), second = greedy_for(1000);

    ok(first > 1 && first < 100, "soon");
    ok(second >= first + 3 && second < 200, "but nobody waits long for a CPU that does not run");
}

/* The CPU of who sends to another one, and waits, sleeps: it is still found waiting. */
static void test_send_and_wait(void)
{
    struct thread *b = thread_make(B, GATE, GATE);

    run_thread_on(B, 2, 10);
    call_words(B, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x5000, 0x5100, 0);
    host_set_cpu(1);
    if (host_current() == a)
        wait_open();
    ok(host_current() == b, "the second CPU computes");
    host_set_cpu(0);
    host_syscall(SEL(A) | L4_OP_SEND | WAIT, l4_tag_make(7, 0, 0, 0).raw, 0, 0);
    ok(host_idle() && root->ipc_state == IPC_AWAY, "the first has nothing to do when its thread sends there");
    host_set_cpu(1);
    ok(host_current() == a && label_of(a) == 7 && root->ipc_state == IPC_IDLE, "who gets the message");
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_SEND, l4_tag_make(8, 0, 0, 0).raw, 0, (word_t)L4_TIMEOUT_ZERO << 16);
    host_set_cpu(0);
    ok(host_current() == root && label_of(root) == 8, "sends back at once");
    host_set_cpu(1);
    ok(host_current() == a && error_of(a) == 0, "and need not wait for that");
    host_set_cpu(0);
    delete_slot(B);
    machine_check();
}

/* Time is given to threads of the same CPU only. */
static void test_switch(void)
{
    struct thread *b = thread_make(B, GATE, GATE);

    thread_go(B, 90, 0x5000, 0x5100);
    run_thread(L4_SLOT_THREAD, 90);
    ok(host_current() == root && b->ready && a->home == cpus[1], "two are equal, a third is on the second CPU");
    is(call_words(A, L4_PROTO_THREAD, 0, 1, L4_OP_THREAD_SWITCH_TO, 0, 0, 0), 0, "a switch to that one");
    ok(host_current() == root && b->ready, "changes nothing");
    run_thread(L4_SLOT_THREAD, 100);
    delete_slot(B);
    machine_check();
}

static void test_end(void)
{
    kobj_ref(&a->obj);
    delete_slot(A);
    ok(a->obj.dead, "deleted from the other CPU while it runs");
    host_set_cpu(1);
    ok(host_current() != a && (a->flags & THREAD_GONE), "its CPU ends it");
    host_set_cpu(0);
    kobj_unref(&a->obj);
    call_words(0x777, 0, 0, 0, 0, 0, 0, 0);
    ok(all_free(), "and everybody is free");
}

int main(void)
{
    machine_start_cpus(2);
    create(L4_PROTO_NONE, GATE);
    a = thread_make(A, GATE, GATE);
    test_start();
    test_messages();
    test_move();
    test_same_cpu();
    test_move_running();
    test_sets();
    test_bind();
    test_post();
    test_take();
    test_inbox_full();
    test_dead();
    test_calls_by_post();
    test_send_and_wait();
    test_switch();
    test_end();
    test_greedy();
    machine_check();
    return tap_done();
}
