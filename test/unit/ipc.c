/* SPDX-License-Identifier: MIT */
/* ipc.c: who waits for whom, order of senders, forms of timeout, cancel, reply capabilities, ends. */
#include "tap.h"
#include "machine.h"

enum { A = 0x40, B = 0x41, GATE = 0x42, C = 0x44, ME = L4_SLOT_THREAD };
#define SEND_TIMEOUT(t) ((word_t)(t) << 16)
#define REPLY_WAIT (WAIT | L4_OP_SEND | L4_OP_REPLY)

static struct thread *a, *b;

static void send(word_t slot, word_t label, word_t timeout)
{
    host_syscall(SEL(slot) | L4_OP_SEND, l4_tag_make(1, 0, 0, 0).raw, label, timeout);
}

static void receive(word_t slot, word_t timeout) { host_syscall(SEL(slot) | L4_OP_RECV, 0, 0, timeout); }
static word_t label_at(const struct thread *t) { return frame_label(&t->arch.frame); }

static void pass_time(uint64_t us)
{
    host_time(us);
    host_tick();
}

/* a and b, both more important than root, wait for root; root is current. */
static void park(void)
{
    while (host_current() != root && !host_idle())
        receive(ME, 0);
}

static void test_closed(void)
{
    thread_go(A, 120, 0x3000, 0x3100);
    receive(B, 0);
    thread_go(B, 110, 0x3000, 0x3100);
    ok(host_current() == b && a->ipc_state == IPC_RECEIVING, "a waits for b alone");
    receive(ME, 0);
    send(A, 0x11, SEND_TIMEOUT(L4_TIMEOUT_ZERO));
    is(error_of(root), L4_IPC_SEND_TIMEOUT, "a message of another does not arrive");
    send(B, 0x12, 0);
    ok(host_current() == b && label_at(b) == 0x12, "b waits for root and gets it");
    send(A, 0x13, 0);
    ok(host_current() == a && label_at(a) == 0x13, "a gets b's");
    park();
}

static void test_order(void)
{
    send(B, 0, 0);
    send(ME, 0xb, 0);
    send(A, 0, 0);
    send(ME, 0xa, 0);
    ok(host_current() == root && a->ipc_state == IPC_SENDING && b->ipc_state == IPC_SENDING, "two senders queue up");
    machine_check();
    wait_open();
    ok(host_current() == a || label_at(root) == 0xa, "the more important one is taken first");
    park();
    is(label_at(root), 0xa, "though it came last");
    wait_open();
    park();
    is(label_at(root), 0xb, "then the other");
}

/* Behind its equals, in front of those who are less important. */
static void test_middle(void)
{
    struct sender first = {.prio = 10}, last = {.prio = 5}, middle = {.prio = 10};
    struct list queue;

    list_init(&queue);
    sender_enqueue(&queue, &first);
    sender_enqueue(&queue, &last);
    sender_enqueue(&queue, &middle);
    ok(queue.next == &first.link && first.link.next == &middle.link && middle.link.next == &last.link &&
           last.link.next == &queue, "one that is as important as the first comes behind it");
    sender_unqueue(&first);
    ok(queue.next == &middle.link && middle.link.next == &last.link, "and takes its place");
    sender_unqueue(&middle);
    ok(queue.next == &last.link && last.link.next == &queue, "until the last is the first");
}

static void test_fifo(void)
{
    run_thread(B, 120);
    send(B, 0, 0);
    send(ME, 0xb, 0);
    send(A, 0, 0);
    send(ME, 0xa, 0);
    wait_open();
    park();
    is(label_at(root), 0xb, "of equals the one that came first is taken first");
    wait_open();
    park();
    is(label_at(root), 0xa, "then the other");
    run_thread(B, 110);
}

static void test_timeouts(void)
{
    uint64_t start = host_clock_us();

    receive(A, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "no time: at once");
    receive(A, 500);
    pass_time(499);
    ok(host_idle(), "500 microseconds are not over after 499");
    pass_time(1);
    ok(host_current() == root && error_of(root) == L4_IPC_RECV_TIMEOUT, "but after 500");
    receive(A, 3u << 10 | 100u);
    pass_time(799);
    ok(host_idle(), "a mantissa of 100 and an exponent of 3");
    pass_time(1);
    ok(host_current() == root, "are 800 microseconds");
    root->utcb->br[10] = start + 2000;
    receive(A, L4_TIMEOUT_ABSOLUTE | 10);
    pass_time(start + 1999 - host_clock_us());
    ok(host_idle(), "a point in time in a buffer register");
    pass_time(1);
    ok(host_current() == root && error_of(root) == L4_IPC_RECV_TIMEOUT, "is waited for");
    receive(A, L4_TIMEOUT_ABSOLUTE | 10);
    ok(host_current() == root && error_of(root) == L4_IPC_RECV_TIMEOUT, "one that has passed is over at once");
    send(A, 0, 0);
    receive(B, 0);
    send(A, 0, SEND_TIMEOUT(200));
    pass_time(200);
    ok(host_current() == root && error_of(root) == L4_IPC_SEND_TIMEOUT, "nor does a sender wait longer");
    ok(list_empty(&a->senders), "it has left the queue");
    send(B, 0, 0);
    send(A, 0, 0);
    park();
}

static void test_reply(void)
{
    send(A, 0, 0);
    wait_open();
    send(A, 0, 0);
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(6, 0, 0, 0).raw, 0, 0);
    is(error_of(a), L4_IPC_NOT_EXISTENT, "a mere send cannot be answered");
    wait_open();
    call(A, 5, 0, 0);
    ok(host_current() == a && label_of(a) == 5, "a call");
    ok(a->reply.raw != 0 && root->held_by == &a->reply, "leaves a reply capability");
    host_syscall(SELF | REPLY_WAIT, l4_tag_make(6, 0, 0, 0).raw, 0, 0);
    ok(host_current() == root && label_of(root) == 6, "an answer");
    ok(a->reply.raw == 0 && root->held_by == NULL, "uses it up");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    is(error_of(root), L4_IPC_NOT_EXISTENT, "who was not called cannot answer");
    host_syscall(SEL(A) | CALL, 0, 0, 300);
    receive(ME, 0);
    pass_time(300);
    ok(host_current() == root && error_of(root) == L4_IPC_RECV_TIMEOUT, "a caller that waits no longer");
    ok(a->reply.raw == 0, "is named by no reply capability");
    send(A, 0, 0);
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    is(error_of(a), L4_IPC_NOT_EXISTENT, "the answer comes too late");
    park();
}

static void test_forgotten_caller(void)
{
    send(A, 0, 0);
    wait_open();
    send(B, 0, 0);
    call(A, 5, 0, 0);
    ok(host_current() == a && b->held_by == &a->reply, "b has called a");
    receive(B, 200);
    host_syscall(SEL(A) | CALL, l4_tag_make(1, 0, 0, 0).raw, 0, L4_TIMEOUT_ZERO);
    pass_time(200);
    ok(host_current() == a && root->ipc_state == IPC_SENDING, "root calls, too, but waits for no answer");
    wait_open();
    ok(host_current() == a && error_of(root) == L4_IPC_RECV_TIMEOUT, "its message is taken");
    ok(a->reply.raw == 0 && b->held_by == NULL, "and takes the place of b's");
    machine_check();
    park();
    call_words(B, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(host_current() == b && error_of(b) == L4_IPC_RECV_CANCELED, "b waits until it is canceled");
    park();
}

static void test_cancel(void)
{
    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(host_current() == a && error_of(a) == L4_IPC_RECV_CANCELED, "a receive is canceled");
    send(B, 0, SEND_TIMEOUT(L4_TIMEOUT_ZERO));
    send(B, 0, 0);
    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(host_current() == a && error_of(a) == L4_IPC_SEND_CANCELED, "so is a send");
    send(B, 0, 0);
    delete_slot(B);
    ok(host_current() == a && error_of(a) == L4_IPC_SEND_CANCELED, "and one to a thread that ends");
    send(B, 0, 0);
    is(error_of(a), L4_IPC_NOT_EXISTENT, "which then is no more");
    park();
}

/* a waits at a gate; it is bound, and before a can make its call again, a is canceled. */
static void test_cancel_before_restart(void)
{
    run_thread(A, 50);
    send(A, 0, 0);
    receive(ME, 1000);
    ok(host_current() == a, "a runs while root sleeps");
    host_syscall(SEL(GATE) | CALL, 0, 0, 0);
    ok(a->ipc_state == IPC_GATE, "and waits at a gate");
    pass_time(1000);
    call_words(GATE, L4_PROTO_KOBJECT, ME, 2, L4_OP_GATE_BIND, 0x40, 0, 0);
    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(host_current() == root, "bound, and canceled at once");
    receive(ME, 1000);
    ok(host_current() == a && error_of(a) == L4_IPC_SEND_CANCELED, "it does not wait again");
    receive(ME, 0);
    pass_time(1000);
}

static void test_donation(void)
{
    run_thread(A, 50);
    run_thread(B, 80);
    send(B, 0, 0);
    ok(host_current() == root && b->ready, "b is ready, and less important than root");
    host_syscall(SEL(A) | CALL, 0, 0, 1000);
    ok(host_current() == a, "whom root calls runs on root's slice");
    park();
    pass_time(1000);
    ok(host_current() == root, "until time is over");
    run_thread(A, 120);
    run_thread(B, 110);
}

/* A message with a capability is queued, and its receiver has no buffer. */
static void test_refused(void)
{
    send(B, 0, 0);
    b->utcb->mr[0] = L4_ITEM_MAP;
    b->utcb->mr[1] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_LOG, 0, 15).raw;
    host_syscall(SEL(ME) | CALL, l4_tag_make(1, 0, 1, 0).raw, 0, 0);
    root->utcb->bdr = root->utcb->br[0] = 0;
    wait_open();
    ok(host_current() == b && error_of(b) == L4_IPC_SEND_OVERFLOW, "the queued sender learns that it was refused");
    ok(b->held_by == NULL && root->reply.raw == 0, "and waits for no answer");
    park();
    is(error_of(root), L4_IPC_RECV_OVERFLOW, "the receiver, too");
}

/* A sender that waits for anybody afterwards has a sender in its own queue when its message is taken. */
static void test_send_and_wait(void)
{
    send(B, 0, 0);
    host_syscall(SEL(ME) | L4_OP_SEND | WAIT, l4_tag_make(0x21, 0, 0, 0).raw, 0x21, 0);
    send(A, 0, 0);
    ok(host_current() == a && b->ipc_state == IPC_SENDING, "b sends to root, who does not receive");
    send(B, 0x31, 0);
    ok(a->ipc_state == IPC_SENDING && host_current() == root, "a sends to b, who does not, either");
    machine_check();
    wait_open();
    ok(host_current() == a && b->ready, "root takes b's message, and b takes a's");
    receive(ME, 0);
    ok(host_current() == b && label_at(b) == 0x31, "there it is");
    park();
    is(label_at(root), 0x21, "root has b's");
    ok(a->ipc_state == IPC_RECEIVING && b->ipc_state == IPC_RECEIVING, "everybody goes on");
    machine_check();
}

static void test_dead(void)
{
    struct thread *c = thread_make(C, C + 1, C + 1); /* no pager: its first page fault is its end */

    thread_go(C, 120, 0x3000, 0x3100);
    ok(host_current() == c && host_touch(0x7000000000, L4_MEM_R) == NULL, "a fault that nobody could resolve");
    ok(host_current() == root, "ends the thread");
    send(C, 0, SEND_TIMEOUT(100));
    ok(host_current() == root && error_of(root) == L4_IPC_NOT_EXISTENT, "nobody waits for the dead");
    delete_slot(C);
}

int main(void)
{
    machine_start();
    create(L4_PROTO_NONE, GATE);
    a = thread_make(A, GATE, GATE);
    b = thread_make(B, GATE, GATE);
    test_closed();
    test_order();
    test_middle();
    test_fifo();
    test_timeouts();
    test_donation();
    test_refused();
    test_send_and_wait();
    test_reply();
    test_forgotten_caller();
    test_cancel();
    test_cancel_before_restart();
    test_dead();
    delete_slot(A);
    machine_check();
    return tap_done();
}
