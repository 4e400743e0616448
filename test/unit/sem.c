/* SPDX-License-Identifier: MIT */
/* sem.c: counting, waiting by priority, time, cancel, rights, the end. */
#include "tap.h"
#include "machine.h"

enum { SEM = 0x40, LOW = 0x41, HIGH = 0x42, GATE = 0x43, NO_S = 0x44 };

static struct thread *low, *high;

static struct sem *sem(void) { return sem_of(cap_obj(cap_slot(root->task, SEM))); }

static void up(void) { host_syscall(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0); }

static void down(word_t slot, word_t timeout)
{
    host_current()->utcb->mr[0] = L4_OP_SEM_DOWN;
    host_syscall(SEL(slot) | CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, timeout);
}

static void test_count(void)
{
    up();
    up();
    is(sem()->count, 2, "two ups");
    down(SEM, 0);
    ok(host_current() == root && error_of(root) == 0 && label_of(root) == 0, "a down");
    is(sem()->count, 1, "takes one");
    down(SEM, L4_TIMEOUT_ZERO);
    is(error_of(root), 0, "without time, but there is one");
    down(SEM, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "there is none any more");
    host_time(1);
    down(SEM, 200);
    host_time(200);
    host_tick();
    ok(host_current() == root && error_of(root) == L4_IPC_RECV_TIMEOUT, "waiting ends by time");
    is(sem()->count, 0, "and takes nothing");
}

static void test_errors(void)
{
    cap_copy(SEM, NO_S, L4_RIGHT_R | L4_RIGHT_W);
    down(NO_S, 0);
    is(label_of(root), -L4_ERR_PERM, "down needs the right");
    root->utcb->mr[0] = L4_OP_SEM_DOWN;
    host_syscall(SEL(NO_S) | L4_OP_SEND | WAIT, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, L4_TIMEOUT_ZERO);
    is(label_of(root), -L4_ERR_PERM, "with an open wait behind it, too");
    is(call_words(SEM, L4_PROTO_SEMAPHORE, 0, 0, 0, 0, 0, 0), -L4_ERR_INVAL, "no operation");
    is(call_words(SEM, L4_PROTO_SEMAPHORE, 0, 1, 9, 0, 0, 0), -L4_ERR_NOSYS, "no such operation");
    is(call_words(SEM, L4_PROTO_LOG, 0, 1, 0, 0, 0, 0), -L4_ERR_BADPROTO, "another protocol");
    is(call_words(SEM, L4_PROTO_IRQ, 0, 1, 9, 0, 0, 0), -L4_ERR_NOSYS, "no such operation of the other");
}

static void test_order(void)
{
    call_words(LOW, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    down(SEM, 0);
    thread_go(HIGH, 120, 0x3000, 0x3100);
    down(SEM, 0);
    ok(host_current() == root && low->ipc_state == IPC_SEM && high->ipc_state == IPC_SEM, "two wait");
    up();
    ok(host_current() == high && error_of(high) == 0, "the more important one is first, though it came last");
    down(SEM, 0);
    call_words(HIGH, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(host_current() == high && error_of(high) == L4_IPC_RECV_CANCELED, "waiting is canceled");
    wait_open();
    up();
    ok(host_current() == low && error_of(low) == 0, "then the other");
    is(sem()->count, 0, "nothing is left over");
    down(SEM, 0);
    delete_slot(SEM);
    ok(host_current() == low && error_of(low) == L4_IPC_NOT_EXISTENT, "the end of a semaphore ends the wait");
    wait_open();
}

/* A down that waits for no answer keeps its tag, also when it had to wait. */
static void test_send_only(void)
{
    thread_go(LOW, 110, 0x3000, 0x3100);
    low->utcb->mr[0] = L4_OP_SEM_DOWN;
    host_syscall(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, 0);
    ok(host_current() == root && low->ipc_state == IPC_SEM, "a down that is only sent waits, too");
    up();
    ok(host_current() == low && sem()->count == 0, "an up ends it");
    is(tag_of(low).raw, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, "its tag is its own");
    wait_open();
}

int main(void)
{
    machine_start();
    create(L4_PROTO_SEMAPHORE, SEM);
    create(L4_PROTO_NONE, GATE);
    low = thread_make(LOW, GATE, GATE);
    high = thread_make(HIGH, GATE, GATE);
    test_count();
    host_general_path = true;
    test_count();
    host_general_path = false;
    test_errors();
    test_send_only();
    test_order();
    machine_check();
    return tap_done();
}
