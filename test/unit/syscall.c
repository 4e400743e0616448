/* SPDX-License-Identifier: MIT */
/* syscall.c: how the destination word is read, and what is answered when it makes no sense. */
#include "tap.h"
#include "machine.h"
#include "preempt.h"

enum { GATE = 0x40, A = 0x41 };

static struct thread *a;

static word_t error_after(word_t dest, word_t timeout)
{
    host_syscall(dest, l4_tag_make(0, 0, 0, 0).raw, 0, timeout);
    return error_of(root);
}

static void test_destinations(void)
{
    const word_t zero = L4_TIMEOUT_ZERO | (word_t)L4_TIMEOUT_ZERO << 16;

    for (word_t op = 1; op < 8; op++)
        if (op != L4_OP_OPEN_WAIT)
            is(error_after(SEL(0x777) | op, zero), L4_IPC_NOT_EXISTENT, "an empty slot, whatever is asked");
    is(error_after(SEL(CAP_SLOTS) | CALL, zero), L4_IPC_NOT_EXISTENT, "a slot behind the last");
    is(error_after(SEL(1ul << 50) | CALL, zero), L4_IPC_NOT_EXISTENT, "far behind it");
    is(error_after(SELF | L4_OP_RECV, zero), L4_IPC_RECV_TIMEOUT, "a receive from oneself is a sleep");
    is(error_after(SELF | L4_OP_SEND, zero), L4_IPC_SEND_TIMEOUT, "a message to oneself never arrives");
    is(error_after(SELF | WAIT, zero), L4_IPC_RECV_TIMEOUT, "an open wait");
}

static void test_replies(void)
{
    is(error_after(SELF | L4_OP_SEND | L4_OP_REPLY, 0), L4_IPC_NOT_EXISTENT, "an answer without a question");
    is(error_after(SELF | L4_OP_REPLY, 0), L4_IPC_NOT_EXISTENT, "an answer that does not send");
    is(error_after(SELF | L4_OP_REPLY | L4_OP_RECV, 0), L4_IPC_NOT_EXISTENT, "nor when it receives");
    is(error_after(SEL(5) | L4_SEL_REPLY | L4_OP_SEND | L4_OP_REPLY, 0), L4_IPC_NOT_EXISTENT,
       "an explicit slot, empty");
    ok(root->task->reply_dir == NULL, "costs no memory");
    is(error_after(SEL(1ul << 30) | L4_SEL_REPLY | WAIT, L4_TIMEOUT_ZERO), L4_IPC_NO_REPLY_CAP,
       "a wait with a slot that cannot be");
    frame_fail_countdown = 1;
    is(error_after(SEL(5) | L4_SEL_REPLY | WAIT, L4_TIMEOUT_ZERO), L4_IPC_NO_REPLY_CAP,
       "or for which there is no memory");
    is(error_after(SEL(5) | L4_SEL_REPLY | WAIT, L4_TIMEOUT_ZERO), L4_IPC_RECV_TIMEOUT, "one that can be");
    ok(task_reply_slot(root->task, 5) != NULL && task_reply_slot(root->task, 1ul << 30) == NULL, "is made");
}

/* Results are in the registers of whoever runs next, whatever has happened in between. */
static void test_leaving(void)
{
    thread_go(A, 120, 0x3000, 0x3100);
    ok(host_current() == a, "a more important thread runs when the system call of another has made it ready");
    is(a->arch.frame.ip, 0x3000, "at its start");
    wait_open();
    ok(host_current() == root && error_of(root) == 0, "and the other gets its result later");
    delete_slot(GATE);
    is(error_after(SEL(GATE) | CALL, 0), L4_IPC_NOT_EXISTENT,
       "an object is gone at the end of the call that deleted it");
    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, 0x5000, ~0ul, 0);
    ok(host_current() == a && error_of(a) == L4_IPC_RECV_CANCELED && a->arch.frame.ip == 0x5000,
       "a canceled thread learns it when it runs");
    a->flags |= THREAD_CANCELED;
    wait_open();
    ok(!(a->flags & THREAD_CANCELED) && host_current() == root, "the next system call forgets the cancel");
}

/* What operations count that are too short to stop. */
static void test_work(void)
{
    int before = work_left;

    for (unsigned n = 0; n < 50; n++) {
        create(L4_PROTO_TASK, GATE);
        delete_slot(GATE);
    }
    ok(work_left < before, "short operations count their work");
    host_tick();
    is(work_left, work_slice, "a tick begins a new count: it never runs away");
}

int main(void)
{
    machine_start();
    create(L4_PROTO_NONE, GATE);
    a = thread_make(A, GATE, GATE);
    test_destinations();
    test_replies();
    test_leaving();
    test_work();
    machine_check();
    return tap_done();
}
