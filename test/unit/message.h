/* SPDX-License-Identifier: MIT */
/*
 * Messages without items between a client (root) and a server, by every way into the kernel. Two units run these tests:
 * one with the short way of fastpath.c, one without. They have to see the same.
 */
#pragma once
#include "tap.h"
#include "machine.h"

enum { SERVER = 0x40, GATE = 0x41, WEAK = 0x42, OPEN = 0x43, SEM = 0x44, IRQ = 0x45, OTHER = 0x46 };

#define EXPLICIT(slot) (SEL(slot) | L4_SEL_REPLY)
#define REPLY_WAIT (WAIT | L4_OP_SEND | L4_OP_REPLY)

static struct thread *server;

/* The server answers what it has got, plus one, and waits for the next. */
static void answer_words(word_t reply_to, unsigned words)
{
    for (unsigned i = 0; i < words; i++)
        server->utcb->mr[i]++;
    host_syscall(reply_to | REPLY_WAIT, l4_tag_make(0x99, words, 0, 0).raw, 0, 0);
}

static void call_and_answer(word_t slot, word_t label, unsigned words, word_t reply_to)
{
    bool same = true;

    for (unsigned i = 0; i < words; i++)
        root->utcb->mr[i] = 100 + i;
    host_syscall(SEL(slot) | CALL, l4_tag_make(0x55, words, 0, 0).raw, 0x77, 0);
    ok(host_current() == server, "a call runs the server");
    is(label_of(server), 0x55, "which sees the protocol");
    is(l4_tag_words(tag_of(server)), words, "how many words there are");
    is(frame_label(&server->arch.frame), label, "and through what they came");
    ok(cpu_self()->context == root, "it runs on the time of its caller");
    is(root->ipc_state, IPC_RECEIVING, "which waits for the answer");
    ok(root->held_by != NULL && reply_slot_caller(root->held_by) == root, "named by a reply capability");
    struct reply_slot *held = root->held_by;

    answer_words(reply_to, words);
    ok(host_current() == root && root->held_by == NULL, "the answer runs the caller again");
    is(held->raw, 0, "and uses the reply capability up");
    is(label_of(root), 0x99, "with the answer's tag");
    for (unsigned i = 0; i < words; i++)
        same = same && root->utcb->mr[i] == 101 + i;
    ok(same, "and its words");
    is(server->ipc_state, IPC_WAITING, "the server waits again");
    machine_check();
}

static void test_calls(void)
{
    thread_go(SERVER, 120, 0x3000, 0x3100);
    ok(host_current() == server, "the server starts");
    wait_open();
    call_and_answer(GATE, 0xab00 | L4_RIGHT_W | L4_RIGHT_S, 0, SELF);
    call_and_answer(GATE, 0xab00 | L4_RIGHT_W | L4_RIGHT_S, 5, SELF);
    call_and_answer(GATE, 0xab00 | L4_RIGHT_W | L4_RIGHT_S, L4_MR_COUNT, SELF);
    call_and_answer(WEAK, 0xab00, 2, SELF);
    call_and_answer(SERVER, 0x77, 2, SELF);
}

/* The server lets its callers be named by slots of its task. */
static void test_explicit(void)
{
    call(GATE, 0, 0, 0);
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    ok(host_current() == root, "an answer alone gives the time slice back");
    call(GATE, 0x66, 0, 0);
    host_syscall(EXPLICIT(3) | WAIT, 0, 0, 0);
    is(label_of(server), 0x66, "the server waits with an explicit reply slot");
    host_syscall(EXPLICIT(3) | REPLY_WAIT, 0, 0, 0);
    call_and_answer(GATE, 0xab00 | L4_RIGHT_W | L4_RIGHT_S, 3, EXPLICIT(3));
    call(GATE, 0, 0, 0);
    ok(reply_slot_caller(task_reply_slot(root->task, 3)) == root, "the next caller is in that slot, too");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    is(error_of(server), L4_IPC_NOT_EXISTENT, "the implicit slot is empty meanwhile");
    host_syscall(EXPLICIT(3) | REPLY_WAIT, 0, 0, 0);
    ok(host_current() == root && error_of(root) == 0, "the explicit one answers");
    call(GATE, 0, 0, 0);
    host_syscall(EXPLICIT(3) | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 100);
    wait_open();
    host_time(100);
    host_tick();
    ok(host_current() == root && error_of(root) == L4_IPC_RECV_TIMEOUT, "sleep ends");
}

static void test_other_ways(void)
{
    call(0x777, 0, 0, 0);
    is(error_of(root), L4_IPC_NOT_EXISTENT, "a call of an empty slot");
    cap_copy(GATE, 0, 7);
    call(CAP_SLOTS + 5, 0, 0, 0);
    is(error_of(root), L4_IPC_NOT_EXISTENT, "of one behind the last is not one of the first");
    delete_slot(0);
    host_syscall(SEL(0x777) | L4_OP_SEND, 0, 0, 0);
    is(error_of(root), L4_IPC_NOT_EXISTENT, "a send to an empty slot");
    host_syscall(SEL(OPEN) | CALL, 0, 0, (word_t)L4_TIMEOUT_ZERO << 16);
    is(error_of(root), L4_IPC_SEND_TIMEOUT, "a gate without a thread, and no time");
    host_syscall(SEL(GATE) | CALL, l4_tag_make(1, 0, 0, 0).raw, 0, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "no time to wait for the answer");
    ok(host_current() == server && server->reply.raw == 0, "the server has the message and nobody to answer");
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    is(error_of(server), L4_IPC_NOT_EXISTENT, "an answer to nobody");
    wait_open();
    root->utcb->mr[0] = 0;
    call(GATE, 1, 0, 1);
    is(l4_tag_items(tag_of(server)), 1, "a void item arrives");
    root->utcb->mr[0] = L4_ITEM_MAP;
    root->utcb->mr[1] = l4_fpage_make(L4_FPAGE_OBJ, SEM, 0, 15).raw;
    server->utcb->br[0] = 0;
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    call(GATE, 1, 0, 1);
    is(error_of(root), L4_IPC_SEND_OVERFLOW, "an item without a buffer does not");
    is(error_of(server), L4_IPC_RECV_OVERFLOW, "and both learn it");
    wait_open();
    root->utcb->mr[0] = 0x1234;
    host_syscall(SEL(GATE) | L4_OP_SEND, l4_tag_make(2, 1, 0, 0).raw, 0, 0);
    ok(host_current() == server && server->utcb->mr[0] == 0x1234, "a plain send wakes the more important receiver");
    wait_open();
    ok(host_current() == root && l4_tag_words(tag_of(root)) == 1, "and the sender goes on with its own tag");
}

/* Somebody more important calls while the server works. */
static void test_queue(void)
{
    struct thread *other = thread_make(OTHER, OPEN, OPEN);

    thread_go(OTHER, 130, 0x3000, 0x3100);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 50);
    call(GATE, 0, 0, 0);
    host_time(50);
    host_tick();
    ok(host_current() == other, "another client wakes up");
    call(GATE, 0x31, 0, 0);
    ok(host_current() == server && other->ipc_state == IPC_SENDING, "and waits for the server");
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    is(other->ipc_state, IPC_RECEIVING, "which takes its message with its answer to the first");
    machine_check();
    while (host_current() != server)
        wait_open();
    is(label_of(server), 0x31, "there it is");
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    while (host_current() != root)
        wait_open();
    delete_slot(OTHER);
}

/* Nobody has lent the server its time: with its answer the most important one goes on, whoever that is. */
static void test_answer_and_priority(void)
{
    struct thread *other = thread_make(OTHER, OPEN, OPEN);

    thread_go(OTHER, 110, 0x3000, 0x3100);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 50);
    call(GATE, 0, 0, 0);
    ok(host_current() == server, "the server works for root");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 100); /* gives back what it was lent */
    host_time(50);
    host_tick();
    ok(host_current() == other, "somebody between the two runs meanwhile");
    host_time(50);
    host_tick();
    ok(host_current() == server && cpu_self()->context == server && other->ready, "until the server goes on");
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(0x99, 0, 0, 0).raw, 0, 0);
    ok(host_current() == other, "its answer to root does not come before the more important thread");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == root && label_of(root) == 0x99 && cpu_self()->context == root, "root has it later");
    call(GATE, 0, 0, 0);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 100);
    host_time(100);
    host_tick();
    ok(host_current() == server && cpu_self()->context == server, "the server goes on again");
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(0x9a, 0, 0, 0).raw, 0, 0);
    ok(host_current() == root && label_of(root) == 0x9a && cpu_self()->context == root,
       "when nobody is in between, root runs at once, on its own time");
    machine_check();
    delete_slot(OTHER);
}

/* The server answers without a wait: it is ready, and more important than its client, which runs. The next choice is
 * the server's, whoever the client sends to. */
static void test_server_is_first(void)
{
    struct thread *other = thread_make(OTHER, OPEN, OPEN);

    thread_go(OTHER, 110, 0x3000, 0x3100);
    wait_open();
    call(GATE, 0, 0, 0);
    ok(host_current() == server, "the server works for root");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, l4_tag_make(0x99, 0, 0, 0).raw, 0, 0);
    ok(host_current() == root && server->ready, "and hands back the time slice with its answer");
    host_syscall(SEL(OTHER) | L4_OP_SEND, l4_tag_make(0x98, 0, 0, 0).raw, 0, 0);
    ok(host_current() == server && other->ready, "whom root wakes is not more important than the server");
    wait_open();
    ok(host_current() == other && label_of(other) == 0x98, "but than root");
    wait_open();
    machine_check();
    delete_slot(OTHER);
}

/* The server waits again, but has not answered: the next caller takes the place of the first. */
static void test_slot_taken(void)
{
    struct thread *other = thread_make(OTHER, OPEN, OPEN);

    thread_go(OTHER, 110, 0x3000, 0x3100);
    call(GATE, 0x21, 0, 0);
    wait_open();
    ok(host_current() == root && server->reply.raw != 0, "a caller waits for its answer");
    call(GATE, 0x22, 0, 0);
    ok(host_current() == server && label_of(server) == 0x22, "another one calls");
    ok(reply_slot_caller(&server->reply) == root && other->held_by == NULL, "and only it can be answered");
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    ok(host_current() == root && other->ipc_state == IPC_RECEIVING, "the first waits on");
    machine_check();
    delete_slot(OTHER);
    host_syscall(EXPLICIT(99) | REPLY_WAIT, 0, 0, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_NOT_EXISTENT, "an answer to an explicit slot in which nobody is");
}

/* What arrives ends the object that was in its place. */
static void test_item(void)
{
    create(L4_PROTO_SEMAPHORE, OTHER);
    server->utcb->bdr = 0;
    server->utcb->br[0] = SEL(OTHER) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    root->utcb->mr[0] = L4_ITEM_MAP;
    root->utcb->mr[1] = l4_fpage_make(L4_FPAGE_OBJ, SEM, 0, 15).raw;
    call(GATE, 0x12, 0, 1);
    ok(host_current() == server && l4_tag_items(tag_of(server)) == 1, "a call with a capability");
    is(frame_label(&server->arch.frame), 0xab00 | L4_RIGHT_W | L4_RIGHT_S, "and the gate's label");
    ok(cap_obj(cap_slot(root->task, OTHER)) == cap_obj(cap_slot(root->task, SEM)), "in the place of another");
    server->utcb->br[0] = 0;
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    ok(host_current() == root && error_of(root) == 0, "is answered");
    delete_slot(SEM);
    ok(cap_slot(root->task, OTHER)->raw == 0, "it was the same object");
    create(L4_PROTO_SEMAPHORE, SEM);
    machine_check();
}

/* A trigger of one word, as libraries send it, for somebody more important, as important, and less so. */
static void trigger(void)
{
    root->utcb->mr[0] = L4_OP_IRQ_TRIGGER;
    host_syscall(SEL(IRQ) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0).raw, 0, 0);
}

static void test_triggers(void)
{
    call_words(IRQ, L4_PROTO_KOBJECT, SERVER, 2, L4_OP_IRQ_BIND, 0x700, 0, 0);
    trigger();
    ok(host_current() == server && frame_label(&server->arch.frame) == 0x700, "an IRQ wakes the more important thread");
    ok(tag_of(server).raw == 0 && cpu_self()->context == server && root->ready, "which runs at once, on its own time");
    host_syscall(SEL(IRQ) | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == root && l4_tag_words(tag_of(root)) == 1, "who triggered goes on");
    trigger();
    ok(host_current() == server && server->ipc_state == IPC_IDLE, "the next ends a receive from this IRQ");
    host_syscall(SEL(OTHER) | L4_OP_RECV, 0, 0, 0); /* an empty slot */
    host_syscall(SELF | L4_OP_RECV, 0, 0, 100);
    trigger();
    ok(host_current() == root && irq_of(cap_obj(cap_slot(root->task, IRQ)))->snd.receiver == server,
       "a receive from somebody else is not ended");
    trigger();
    ok(host_current() == root, "nor by one more");
    host_time(100);
    host_tick();
    wait_open();
    ok(frame_label(&server->arch.frame) == 0x700, "the message is there later");
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_RECV, 0, 0, 0); /* from root */
    ok(host_current() == root, "the server waits for root alone");
    trigger();
    ok(host_current() == root && server->ipc_state == IPC_RECEIVING, "no interrupt ends that, either");
    host_syscall(SEL(SERVER) | L4_OP_SEND, l4_tag_make(0x44, 0, 0, 0).raw, 0, 0);
    ok(host_current() == server && label_of(server) == 0x44, "but root's message");
    wait_open();
    while (host_current() != root)
        wait_open();
    run_thread(SERVER, 50);
    trigger();
    ok(host_current() == root && server->ready, "a less important thread waits until its turn");
    run_thread(SERVER, 120);
    while (host_current() != root)
        wait_open();
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x500, 0, 0);
    root->utcb->mr[0] = L4_OP_SEM_UP;
    host_syscall(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0).raw, 0, 0);
    is(sem_of(cap_obj(cap_slot(root->task, SEM)))->count, 1, "the same message to a semaphore is an up");
    is(call_words(SEM, L4_PROTO_SEMAPHORE, 0, 1, L4_OP_SEM_DOWN, 0, 0, 0), 0, "and a down takes it");
    root->utcb->mr[0] = L4_OP_SEM_UP;
    host_syscall(SEL(SEM) | CALL, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0).raw, 0, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "which does not answer: who calls waits for nobody");
    is(call_words(SEM, L4_PROTO_SEMAPHORE, 0, 1, L4_OP_SEM_DOWN, 0, 0, 0), 0, "but has counted");
    machine_check();
}

/* Acknowledges and waits for the next, as libraries do. */
static void irq_wait(unsigned timeout)
{
    host_current()->utcb->mr[0] = L4_OP_IRQ_EOI;
    host_syscall(SEL(IRQ) | CALL, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0).raw, 0, timeout);
}

static void test_irq_wait(void)
{
    struct irq *irq = irq_of(cap_obj(cap_slot(root->task, IRQ)));

    call_words(IRQ, L4_PROTO_KOBJECT, SERVER, 2, L4_OP_IRQ_BIND, 0x700, 0, 0);
    trigger();
    ok(host_current() == server, "the server has a message");
    irq_wait(0);
    ok(host_current() == root && cpu_self()->context == root && !root->ready, "it waits for the next, root goes on");
    is(l4_tag_words(tag_of(root)), 1, "with the result of its trigger");
    trigger();
    ok(host_current() == server && frame_label(&server->arch.frame) == 0x700, "which comes");
    irq_wait(0);
    run_thread(SERVER, 50);
    trigger();
    trigger();
    ok(server->ready && irq->snd.receiver == server, "two for a thread that cannot run yet: the second is queued");
    trigger();
    ok(host_current() == root, "a third is the same");
    machine_check();
    run_thread(SERVER, 120);
    ok(host_current() == server, "it runs");
    irq_wait(0);
    ok(host_current() == server && frame_label(&server->arch.frame) == 0x700, "and finds the second at once");
    ok(irq->snd.receiver == NULL, "only that");
    irq_wait(L4_TIMEOUT_ZERO);
    is(error_of(server), L4_IPC_RECV_TIMEOUT, "not the third");
    wait_open();
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x500, 0, 0);
    machine_check();
}

/* A trigger and an open wait in one system call. */
static void test_trigger_and_wait(void)
{
    call_words(IRQ, L4_PROTO_KOBJECT, SERVER, 2, L4_OP_IRQ_BIND, 0x700, 0, 0);
    for (unsigned timeout = 0; timeout < 1001; timeout += 1000) {
        root->utcb->mr[0] = L4_OP_IRQ_TRIGGER;
        host_syscall(SEL(IRQ) | L4_OP_SEND | WAIT, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0).raw, 0, timeout);
        ok(host_current() == server && frame_label(&server->arch.frame) == 0x700, "a trigger and a wait");
        ok(root->ipc_state == IPC_WAITING && cpu_self()->context == server, "on its own time, and root waits");
        host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_SEND, l4_tag_make(0x62, 0, 0, 0).raw, 0, 0);
        ok(host_current() == server && root->ready, "for anybody");
        wait_open();
        ok(host_current() == root && label_of(root) == 0x62, "who sends something");
    }
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x500, 0, 0);
    root->utcb->mr[0] = L4_OP_IRQ_TRIGGER;
    host_syscall(SEL(IRQ) | L4_OP_SEND | WAIT, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0).raw, 0, 0);
    ok(host_current() == root && frame_label(&root->arch.frame) == 0x500, "its own interrupt, too");
    machine_check();
}

/* When the server waits for its next interrupt, somebody goes on who did not stop in a system call that is over. */
static void test_who_goes_on(void)
{
    struct thread *other = thread_make(OTHER, OPEN, OPEN);
    word_t gate = OTHER + 1;

    create(L4_PROTO_NONE, gate);
    call_words(IRQ, L4_PROTO_KOBJECT, SERVER, 2, L4_OP_IRQ_BIND, 0x700, 0, 0);
    thread_go(OTHER, 110, 0x3000, 0x3100);
    host_syscall(SEL(gate) | CALL, l4_tag_make(0x61, 0, 0, 0).raw, 0, 0);
    ok(host_current() == root && other->ipc_state == IPC_GATE, "a client waits at a gate");
    run_thread(OTHER, 90);
    trigger();
    irq_wait(0);
    trigger();
    ok(host_current() == server, "the server runs");
    call_words(gate, L4_PROTO_KOBJECT, SERVER, 2, L4_OP_GATE_BIND, 0x40, 0, 0);
    run_thread(L4_SLOT_THREAD, 80);
    ok(other->ready && other->ipc_state == IPC_IDLE, "the client has to make its call again");
    irq_wait(0);
    ok(other->ipc_state == IPC_SENDING && other->snd.receiver == server, "and does when it goes on");
    machine_check();
    ok(host_current() == root, "then it waits");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 10);
    host_time(10);
    host_tick();
    run_thread(L4_SLOT_THREAD, 130);
    delete_slot(OTHER);
    delete_slot(gate);

    other = thread_make(OTHER, GATE, GATE);
    call_words(SERVER, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    thread_go(OTHER, 110, 0x3000, 0x3100);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 50);
    while (host_current() == server)
        wait_open();
    host_exception(6, 0);
    ok(host_current() == server && label_of(server) == L4_PROTO_EXCEPTION, "a thread raises an exception");
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    host_time(50);
    host_tick();
    ok(host_current() == root && other->ready && other->arch.frame.trapno == 6, "and is interrupted behind it");
    trigger();
    host_syscall(SELF | L4_OP_RECV, 0, 0, 10);
    ok(host_current() == server && frame_label(&server->arch.frame) == 0x700, "the server has an interrupt");
    irq_wait(0);
    ok(host_current() == other && other->arch.frame.trapno == 6, "and lets it go on");
    host_time(10);
    host_tick();
    delete_slot(OTHER);
    call_words(SERVER, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x500, 0, 0);
    run_thread(L4_SLOT_THREAD, 100);
    while (host_current() == server)
        wait_open();
    ok(host_current() == root && server->ipc_state == IPC_WAITING, "everything is as before");
    machine_check();
}

/* The server is the pager of a thread, and its handler. */
static void test_faults(void)
{
    struct thread *t = thread_make(OTHER, GATE, GATE);
    word_t label = 0xab00 | L4_RIGHT_W | L4_RIGHT_S, at = 0x4000000120;

    thread_go(OTHER, 110, 0x3000, 0x3100);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 50);
    call(GATE, 0, 0, 0);
    wait_open();
    host_time(50);
    host_tick();
    host_touch(at, L4_MEM_R);
    ok(host_current() == server && reply_slot_caller(&server->reply) == t, "a fault runs a pager that owes an answer");
    ok(root->held_by == NULL && root->ipc_state == IPC_RECEIVING, "which root will never get");
    machine_check();
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    call_words(L4_SLOT_THREAD, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(host_touch(at, L4_MEM_W) == NULL && host_current() == server, "a page fault runs the pager");
    is(label_of(server), L4_PROTO_PAGE_FAULT, "which sees the protocol");
    is(frame_label(&server->arch.frame), label, "the label");
    ok(server->utcb->mr[0] == (at | L4_PF_WRITE) && server->utcb->mr[1] == 0x3000, "address and instruction");
    ok(cpu_self()->context == t, "it runs on the time of the thread");
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    ok(host_current() == t && t->arch.frame.ip == 0x3000 && t->ipc_state == IPC_IDLE, "the answer lets that go on");
    host_touch(at, L4_MEM_R);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 50);
    host_time(50);
    host_tick();
    ok(host_current() == server && cpu_self()->context == server, "a pager that has slept meanwhile");
    host_syscall(SELF | REPLY_WAIT, 0, 0, 0);
    ok(host_current() == t && cpu_self()->context == t, "gives nothing back");
    host_touch(at, L4_MEM_R);
    server->utcb->mr[0] = SEL(0x5000) | L4_ITEM_MAP;
    server->utcb->mr[1] = l4_fpage_make(L4_FPAGE_OBJ, SEM, 0, 15).raw;
    frame_fail_countdown = 1; /* no memory for that slot */
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(0, 0, 1, 0).raw, 0, 0);
    frame_fail_countdown = 0;
    is(error_of(server), L4_IPC_SEND_MAP_FAILED, "an answer that cannot be mapped");
    ok(t->ready && t->ipc_state == IPC_IDLE, "ends the fault all the same");
    wait_open();
    ok(host_current() == t, "the instruction is executed again");
    host_exception(6, 0x77);
    ok(host_current() == server && label_of(server) == L4_PROTO_EXCEPTION, "an exception runs the handler");
    is(frame_label(&server->arch.frame), label, "with the label");
    ok(server->utcb->mr[16] == 6 && server->utcb->mr[17] == 0x77, "and says what it was");
    server->utcb->mr[18] = 0x3456;
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(0, L4_EXC_WORDS, 0, 0).raw, 0, 0);
    ok(host_current() == t && t->arch.frame.ip == 0x3456, "the answer sets registers");
    server->utcb->bdr = L4_BDR_INHERIT_FPU;
    host_fpu_write(t, 0x4711);
    host_exception(6, 0);
    is(host_fpu_read(server), 0x4711, "a handler that wants to sees vector registers");
    server->utcb->bdr = 0;
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(-1, 0, 0, 0).raw, 0, 0);
    ok(host_current() == t && t->arch.frame.ip == 0x3456, "a short answer sets none");
    machine_check();
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == root, "the thread sleeps");
    delete_slot(OTHER);
}

/* An operation that is only sent, so its answer is not waited for. */
static void test_sent_operations(void)
{
    root->utcb->mr[0] = L4_OP_TASK_CAP_INFO;
    root->utcb->mr[1] = SEL(GATE);
    host_syscall(SEL(L4_SLOT_TASK) | L4_OP_SEND, l4_tag_make(L4_PROTO_TASK, 2, 0, 0).raw, 0, 0);
    is(l4_tag_words(tag_of(root)), 2, "the sender keeps its own tag");
    root->utcb->mr[0] = L4_OP_SEM_DOWN + 50;
    host_syscall(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, 0);
    is(l4_tag_words(tag_of(root)), 1, "even when there is no such operation");
    root->utcb->mr[0] = L4_OP_ICU_MASK;
    root->utcb->mr[1] = 3;
    host_syscall(SEL(L4_SLOT_ICU) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 2, 0, 0).raw, 0, 0);
    is(l4_tag_words(tag_of(root)), 2, "or none that answers");
    root->utcb->mr[0] = L4_OP_THREAD_STATS;
    host_syscall(SEL(SERVER) | L4_OP_SEND, l4_tag_make(L4_PROTO_THREAD, 1, 0, 0).raw, 0, 0);
    ok(host_current() == root && l4_tag_words(tag_of(root)) == 1, "an operation of a thread is no message");
    root->utcb->mr[0] = L4_OP_GATE_INFO;
    host_syscall(SEL(GATE) | L4_OP_SEND, l4_tag_make(L4_PROTO_KOBJECT, 1, 0, 0).raw, 0, 0);
    ok(host_current() == root && l4_tag_words(tag_of(root)) == 1, "nor is one of a gate, for who may ask");
}

/* The tag of the sender is nothing but his. */
static void test_sent_tags(void)
{
    struct sem *s = sem_of(cap_obj(cap_slot(root->task, SEM)));

    for (word_t n = 0; n < 8; n++) {
        root->utcb->mr[0] = L4_OP_SEM_UP;
        host_syscall(SEL(SEM) | L4_OP_SEND, ~n, 0, 0);
        ok(host_current() == root && s->count == 1, "an up with a strange tag is made once");
        is(tag_of(root).raw, ~n, "and the sender goes on with that tag");
        s->count = 0;
    }
}

static void test_operations(void)
{
    is(call_words(SEM, L4_PROTO_IRQ, 0, 1, 99, 0, 0, 0), -L4_ERR_NOSYS, "an operation that does not exist");
    host_syscall(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0);
    is(sem_of(cap_obj(cap_slot(root->task, SEM)))->count, 1, "a send to a semaphore is an up");
    is(call_words(SEM, L4_PROTO_SEMAPHORE, 0, 1, L4_OP_SEM_DOWN, 0, 0, 0), 0, "a down that need not wait");
    root->utcb->mr[0] = L4_OP_SEM_DOWN;
    host_syscall(SEL(SEM) | CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "and one that may not");
    host_syscall(SEL(IRQ) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0);
    host_syscall(SEL(IRQ) | CALL, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0);
    is(frame_label(&root->arch.frame), 0x500, "trigger answers nothing: its call receives the interrupt itself");
    delete_slot(SEM);
    is(call_words(SEM, L4_PROTO_IRQ, 0, 0, 0, 0, 0, 0), 0x10000 | L4_IPC_NOT_EXISTENT, "a deleted object is gone");
}

static void message_tests(void)
{
    machine_start();
    create(L4_PROTO_NONE, GATE);
    create(L4_PROTO_NONE, OPEN);
    create(L4_PROTO_SEMAPHORE, SEM);
    create(L4_PROTO_IRQ_SENDER, IRQ);
    server = thread_make(SERVER, OPEN, OPEN);
    call_words(GATE, L4_PROTO_KOBJECT, SERVER, 2, L4_OP_GATE_BIND, 0xab00, 0, 0);
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x500, 0, 0);
    cap_copy(GATE, WEAK, L4_RIGHT_R);
    test_calls();
    test_explicit();
    test_other_ways();
    test_queue();
    test_answer_and_priority();
    test_server_is_first();
    test_slot_taken();
    test_item();
    test_triggers();
    test_irq_wait();
    test_trigger_and_wait();
    test_who_goes_on();
    test_faults();
    test_sent_operations();
    test_sent_tags();
    test_operations();
    delete_slot(SERVER);
    delete_slot(GATE);
    machine_check();
}
