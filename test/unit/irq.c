/* SPDX-License-Identifier: MIT */
/* irq.c: binding, trigger, one message at a time, what comes before somebody listens, the end; deletion of a thread. */
#include "tap.h"
#include "machine.h"

enum { IRQ = 0x40, OTHER = 0x41, GATE = 0x42, NO_S = 0x43 };

static struct irq *irq(void) { return irq_of(cap_obj(cap_slot(root->task, IRQ))); }

static void trigger(word_t slot)
{
    host_syscall(SEL(slot) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0);
}

static bool received(word_t label)
{
    host_syscall(SELF | WAIT, 0, 0, L4_TIMEOUT_ZERO);
    return error_of(root) == 0 && frame_label(&root->arch.frame) == label && tag_of(root).raw == 0;
}

static long bind(word_t slot, word_t thread, word_t label)
{
    return call_words(slot, L4_PROTO_KOBJECT, thread, 2, L4_OP_IRQ_BIND, label, 0, 0);
}

static long detach(void) { return call_words(IRQ, L4_PROTO_IRQ_SENDER, 0, 1, L4_OP_IRQ_DETACH, 0, 0, 0); }

static void test_errors(void)
{
    cap_copy(IRQ, NO_S, L4_RIGHT_R | L4_RIGHT_W);
    is(bind(IRQ, 0, 1), -L4_ERR_INVAL, "no thread given");
    is(bind(IRQ, L4_SLOT_TASK, 1), -L4_ERR_INVAL, "a task is no thread");
    is(bind(NO_S, L4_SLOT_THREAD, 1), -L4_ERR_PERM, "without the right");
    is(call_words(IRQ, L4_PROTO_FACTORY, 0, 1, 0, 0, 0, 0), -L4_ERR_BADPROTO, "another protocol");
    is(call_words(IRQ, L4_PROTO_IRQ_SENDER, 0, 0, 0, 0, 0, 0), -L4_ERR_INVAL, "no operation");
    is(call_words(IRQ, L4_PROTO_IRQ_SENDER, 0, 1, 0x77, 0, 0, 0), -L4_ERR_NOSYS, "no such operation");
    is(detach(), -L4_ERR_NOENT, "nothing to detach");
}

static void test_messages(void)
{
    trigger(IRQ);
    ok(irq()->pending, "triggered while nobody listens: remembered");
    is(bind(IRQ, L4_SLOT_THREAD, 0x120), 0, "bind");
    ok(received(0x120), "and it is there");
    ok(!received(0x120), "once");
    trigger(IRQ);
    trigger(IRQ);
    trigger(IRQ);
    ok(received(0x120), "three triggers");
    ok(!received(0x120), "are one message");
    trigger(IRQ);
    is(bind(IRQ, L4_SLOT_THREAD, 0x130), 0, "another label for the same thread");
    ok(received(0x130), "counts for what is queued");
    trigger(IRQ);
    is(detach(), 1, "detach tells that one was queued");
    ok(!received(0x130), "which is gone");
    is(bind(IRQ, L4_SLOT_THREAD, 0x140), 0, "bound again");
    is(detach(), 0, "detach without one");
    bind(IRQ, L4_SLOT_THREAD, 0x140);
}

static void test_receive(void)
{
    host_syscall(SEL(IRQ) | L4_OP_RECV, 0, 0, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "a receive from this IRQ: nothing");
    bind(OTHER, L4_SLOT_THREAD, 0x200);
    trigger(OTHER);
    host_syscall(SEL(IRQ) | L4_OP_RECV, 0, 0, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "another one does not end it");
    trigger(IRQ);
    host_syscall(SEL(IRQ) | L4_OP_RECV, 0, 0, L4_TIMEOUT_ZERO);
    ok(error_of(root) == 0 && frame_label(&root->arch.frame) == 0x140, "its own does");
    ok(received(0x200), "the other is still there");
}

static void test_deletion(void)
{
    struct thread *t = thread_make(0x50, GATE, GATE);

    (void)t;
    is(call_words(0x50, L4_PROTO_THREAD, IRQ, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0, 0), 0,
       "an IRQ for the end of a thread");
    is(call_words(0x50, L4_PROTO_THREAD, OTHER, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0, 0), -L4_ERR_BUSY, "only one");
    call_words(GATE, L4_PROTO_KOBJECT, 0x50, 2, L4_OP_GATE_BIND, 0x10, 0, 0);
    ok(!received(0x140), "nothing has ended");
    delete_slot(GATE);
    ok(received(0x140), "the end of a gate that was bound to it is told");
    delete_slot(0x50);
    ok(irq()->deletion_of == NULL, "with the thread the bond is gone");
}

int main(void)
{
    size_t used;

    machine_start();
    cap_slot_alloc(root->task, IRQ);
    used = root_factory.quota.used;
    create(L4_PROTO_IRQ_SENDER, IRQ);
    create(L4_PROTO_IRQ_SENDER, OTHER);
    create(L4_PROTO_NONE, GATE);
    test_errors();
    test_messages();
    test_receive();
    test_deletion();
    trigger(IRQ);
    delete_slot(IRQ);
    ok(!received(0x140), "a deleted IRQ takes its message with it");
    delete_slot(OTHER);
    is(root_factory.quota.used, used, "everything has been given back");
    machine_check();
    return tap_done();
}
