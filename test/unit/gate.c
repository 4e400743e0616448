/* SPDX-License-Identifier: MIT */
/* gate.c: binding, labels and rights, who waits at an unbound gate and how that ends, information, counting. */
#include "tap.h"
#include "machine.h"

enum { GATE = 0x40, CLIENT = 0x41, IDLE_GATE = 0x42, COPY = 0x43, NO_S = 0x44, LATE = 0x45 };

static struct thread *client;

static struct gate *gate(void) { return gate_of(cap_obj(cap_slot(root->task, GATE))); }

static long bind(word_t slot, word_t thread, word_t label)
{
    return call_words(slot, L4_PROTO_KOBJECT, thread, 2, L4_OP_GATE_BIND, label, 0, 0);
}

static void client_calls(word_t slot, word_t timeout)
{
    host_syscall(SEL(slot) | CALL, l4_tag_make(3, 0, 0, 0).raw, 0, timeout);
}

static void test_errors(void)
{
    is(bind(GATE, L4_SLOT_THREAD, 0x41), -L4_ERR_INVAL, "the low bits of a label belong to the rights");
    is(bind(GATE, L4_SLOT_TASK, 0x40), -L4_ERR_INVAL, "a task is no thread");
    is(bind(GATE, 0, 0x40), -L4_ERR_INVAL, "no thread given");
    cap_copy(L4_SLOT_THREAD, COPY, L4_RIGHT_R | L4_RIGHT_W);
    is(bind(GATE, COPY, 0x40), -L4_ERR_PERM, "a thread without the right on it");
    delete_slot(COPY);
    is(call_words(GATE, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 1, L4_OP_GATE_BIND, 0, 0, 0), -L4_ERR_MSGTOOSHORT,
       "no label");
    cap_copy(GATE, NO_S, L4_RIGHT_R | L4_RIGHT_W | L4_OBJ_SERVER);
    is(bind(NO_S, L4_SLOT_THREAD, 0x40), -L4_ERR_PERM, "without the right");
    is(call_words(GATE, L4_PROTO_KOBJECT, 0, 0, 0, 0, 0, 0), -L4_ERR_INVAL, "no operation");
    is(call_words(GATE, L4_PROTO_KOBJECT, 0, 1, 0x99, 0, 0, 0), -L4_ERR_NOSYS, "no such operation");
    ok(gate()->thread == NULL, "the gate is still unbound");
    client_calls(GATE, (word_t)L4_TIMEOUT_ZERO << 16);
    is(error_of(root), L4_IPC_SEND_TIMEOUT, "who has no time does not wait at it");
}

static void test_waiting(void)
{
    thread_go(CLIENT, 120, 0x3000, 0x3100);
    client_calls(GATE, 0);
    ok(host_current() == root && client->ipc_state == IPC_GATE, "a client waits at the unbound gate");
    is(bind(GATE, L4_SLOT_THREAD, 0x80), 0, "binding the gate");
    ok(host_current() == client || client->ipc_state == IPC_SENDING, "lets the client go on");
    wait_open();
    is(label_of(root), 3, "its message arrives");
    is(frame_label(&root->arch.frame), 0x80 | L4_RIGHT_W | L4_RIGHT_S, "with the label and the rights");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    ok(host_current() == client, "and can be answered");
    client_calls(GATE, 500u << 16);
    wait_open();
    ok(label_of(root) == 3, "a bound gate lets everybody through");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
}

static void test_ends(void)
{
    client_calls(IDLE_GATE, 300u << 16);
    host_time(300);
    host_tick();
    ok(host_current() == client && error_of(client) == L4_IPC_SEND_TIMEOUT, "waiting at a gate ends by time");
    client_calls(IDLE_GATE, 0);
    delete_slot(IDLE_GATE);
    ok(host_current() == client && error_of(client) == L4_IPC_NOT_EXISTENT, "or with the gate");
    wait_open();
}

static void test_rights(void)
{
    cap_copy(GATE, COPY, L4_RIGHT_R | L4_RIGHT_W);
    root->utcb->mr[0] = L4_OP_GATE_INFO;
    host_syscall(SEL(COPY) | CALL, l4_tag_make(L4_PROTO_KOBJECT, 1, 0, 0).raw, 0, (word_t)L4_TIMEOUT_ZERO << 16);
    is(error_of(root), L4_IPC_SEND_TIMEOUT, "without the server's right a question to the gate is a message");
}

static void test_information(void)
{
    is(call_words(GATE, L4_PROTO_KOBJECT, 0, 1, L4_OP_GATE_INFO, 0, 0, 0), 0, "information");
    is(root->utcb->mr[0], 0x80, "is the label");
    is(call_words(GATE, L4_PROTO_KOBJECT, 0, 2, L4_OP_GATE_DEC_REFCNT, 1, 0, 0), 0, "counting down");
    is((long)root->utcb->mr[0], gate()->obj.counted, "answers what is left");
    uint32_t refs = root->obj.refs;

    is(bind(GATE, CLIENT, 0x100), 0, "a bound gate can be bound anew");
    ok(gate()->thread == client && root->obj.refs == refs - 1, "to the other thread; the first is let go");
}

/* Canceled while it waits, and before it runs the gate is bound: the cancel stands. */
static void test_canceled(void)
{
    struct thread *late;

    create(L4_PROTO_NONE, IDLE_GATE);
    late = thread_make(LATE, IDLE_GATE, IDLE_GATE);
    thread_go(LATE, 120, 0x3000, 0x3100);
    client_calls(IDLE_GATE, 0);
    run_thread(LATE, 50);
    call_words(LATE, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
    ok(late->ipc_state == IPC_GATE && late->ready, "a canceled client has not run yet");
    is(bind(IDLE_GATE, L4_SLOT_THREAD, 0x90), 0, "when the gate is bound");
    machine_check();
    host_syscall(SELF | L4_OP_RECV, 0, 0, 100);
    ok(host_current() == late && error_of(late) == L4_IPC_SEND_CANCELED, "it learns that it was canceled");
    wait_open();
    host_time(100);
    host_tick();
    delete_slot(LATE);
}

/* What else can be asked of a gate. */
static void test_operations(void)
{
    host_syscall(SEL(IDLE_GATE), 0, 0, 0);
    is(error_of(root), L4_IPC_NOT_EXISTENT, "neither to send nor to receive");
    host_syscall(SEL(IDLE_GATE) | WAIT, 0, 0, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "an open wait needs no gate, but takes one");
    delete_slot(IDLE_GATE);
}

int main(void)
{
    machine_start();
    create(L4_PROTO_NONE, GATE);
    create(L4_PROTO_NONE, IDLE_GATE);
    client = thread_make(CLIENT, IDLE_GATE, IDLE_GATE);
    test_errors();
    test_waiting();
    test_ends();
    test_rights();
    test_information();
    test_canceled();
    test_operations();
    delete_slot(GATE);
    machine_check();
    return tap_done();
}
