/* SPDX-License-Identifier: MIT */
/* icu.c: message-signalled interrupts: what is announced, binding, delivery, masking, semaphores; pins beside them. */
#include "tap.h"
#include "machine.h"

#define MSI(n) (L4_ICU_MSI | (n))

enum { IRQ = 0x40, OTHER = 0x41, SEM = 0x42, WAITER = 0x43, GATE = 0x44 };

static word_t address;
static uint32_t data;

static long icu(unsigned op, word_t item, unsigned words, word_t number, word_t last)
{
    return call_words(L4_SLOT_ICU, L4_PROTO_IRQ, item, words, op, number, last, 0);
}

/* Mask and unmask have no answer. */
static void icu_send(unsigned op, word_t number)
{
    struct thread *self = host_current();

    self->utcb->mr[0] = op;
    self->utcb->mr[1] = number;
    host_syscall(SEL(L4_SLOT_ICU) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 2, 0, 0).raw, 0, 0);
}

/* Is a message of the IRQ there? Takes it. */
static bool received(word_t label)
{
    host_syscall(SELF | WAIT, 0, 0, L4_TIMEOUT_ZERO);
    return error_of(root) == 0 && frame_label(&root->arch.frame) == label;
}

static void test_interface(void)
{
    is(icu(L4_OP_ICU_INFO, 0, 1, 0, 0), 0, "info");
    is(root->utcb->mr[0], L4_ICU_MSI, "says that there are MSIs");
    is(root->utcb->mr[1], arch_irq_pins(), "how many pins");
    is(root->utcb->mr[2], arch_msi_count(), "and how many MSIs");
    is(icu(L4_OP_ICU_MSI_INFO, 0, 3, 3, 0), -L4_ERR_RANGE, "a pin is no MSI");
    is(icu(L4_OP_ICU_MSI_INFO, 0, 3, MSI(arch_msi_count()), 0), -L4_ERR_RANGE, "one too high");
    is(icu(L4_OP_ICU_MSI_INFO, 0, 3, 1ul << 32 | MSI(0), 0), -L4_ERR_RANGE, "much too high");
    is(call_words(L4_SLOT_LOG, L4_PROTO_IRQ, 0, 3, L4_OP_ICU_MSI_INFO, MSI(0), 0, 0), -L4_ERR_NOSYS,
       "the console has none");
    is(icu(L4_OP_ICU_BIND, IRQ, 2, MSI(arch_msi_count()), 0), -L4_ERR_INVAL, "bind beyond the end");
    is(icu(L4_OP_ICU_BIND, IRQ, 2, arch_irq_pins(), 0), -L4_ERR_INVAL, "nor behind the last pin");
    cap_copy(IRQ, SEM, L4_RIGHT_R | L4_RIGHT_S);
    is(icu(L4_OP_ICU_BIND, SEM, 2, MSI(1), 0), -L4_ERR_PERM, "an IRQ without the right to change it");
    delete_slot(SEM);
    is(icu(L4_OP_ICU_BIND, IRQ, 2, MSI(1), 0), 0, "bind");
    is(icu(L4_OP_ICU_BIND, IRQ, 2, MSI(1), 0), 0, "again");
    is(icu(L4_OP_ICU_BIND, OTHER, 2, MSI(1), 0), -L4_ERR_INVAL, "not another one");
    is(icu(L4_OP_ICU_SET_MODE, 0, 3, MSI(1), 1), 0, "an MSI is an edge");
    is(icu(L4_OP_ICU_SET_MODE, 0, 3, MSI(1), 3), -L4_ERR_INVAL, "and no level");
    is(icu(L4_OP_ICU_MSI_INFO, 0, 3, MSI(1), 0), 0, "msi_info");
    address = root->utcb->mr[0];
    data = (uint32_t)root->utcb->mr[1];
}

static void test_delivery(void)
{
    ok(host_msi(address, data), "the device sends");
    ok(!received(0x120), "masked after bind: no message");
    icu_send(L4_OP_ICU_UNMASK, MSI(1));
    ok(received(0x120), "unmasked: it was kept");
    ok(!received(0x120), "once");
    host_msi(address, data);
    ok(received(0x120), "and the next comes at once");
    for (unsigned i = 0; i < 3; i++)
        host_msi(address, data);
    ok(received(0x120), "three of them");
    ok(received(0x120), "are two messages: one queued, one kept");
    ok(!received(0x120), "not more");
    icu_send(L4_OP_ICU_MASK, MSI(1));
    host_msi(address, data);
    host_msi(address, data);
    ok(!received(0x120), "masked: none");
    is(icu(L4_OP_ICU_UNBIND, IRQ, 2, MSI(1), 0), 0, "unbind");
    host_msi(address, data);
    is(icu(L4_OP_ICU_BIND, OTHER, 2, MSI(1), 0), 0, "another is bound");
    icu_send(L4_OP_ICU_UNMASK, MSI(1));
    ok(!received(0x130), "it does not get what was meant for the first");
    host_msi(address, data);
    ok(received(0x130), "but what comes now");
    is(icu(L4_OP_ICU_BIND, OTHER, 2, 5, 0), 0, "moved to a pin");
    host_msi(address, data);
    icu_send(L4_OP_ICU_UNMASK, 5);
    ok(!received(0x130), "the MSI reaches it no more");
    host_irq(5);
    ok(received(0x130), "the pin does");
}

static void test_sem(void)
{
    struct thread *w = thread_at(WAITER);
    struct sem *s;

    create(L4_PROTO_SEMAPHORE, SEM);
    s = sem_of(cap_obj(cap_slot(root->task, SEM)));
    is(icu(L4_OP_ICU_BIND, SEM, 2, MSI(2), 0), 0, "a semaphore is bound");
    icu(L4_OP_ICU_MSI_INFO, 0, 3, MSI(2), 0);
    address = root->utcb->mr[0];
    data = (uint32_t)root->utcb->mr[1];
    icu_send(L4_OP_ICU_UNMASK, MSI(2));
    host_msi(address, data);
    is(s->count, 1, "an MSI is an up");
    host_msi(address, data);
    is(s->count, 1, "the next is kept until the first is taken");
    is(call_words(SEM, L4_PROTO_SEMAPHORE, 0, 1, L4_OP_SEM_DOWN, 0, 0, 0), 0, "down");
    is(s->count, 1, "then it counts");
    is(call_words(SEM, L4_PROTO_SEMAPHORE, 0, 1, L4_OP_SEM_DOWN, 0, 0, 0), 0, "down again");
    is(s->count, 0, "nothing is left");
    host_msi(address, data);
    s->count = 0; /* as if an up without interrupt had been taken in between */
    host_msi(address, data);
    thread_go(WAITER, 120, 0x3000, 0x3100);
    ok(host_current() == w, "another thread");
    w->utcb->mr[0] = L4_OP_SEM_DOWN;
    host_syscall(SEL(SEM) | CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, L4_TIMEOUT_ZERO);
    ok(host_current() == w && error_of(w) == 0, "a down takes the one that was kept");
    is(s->count, 0, "and only that");
    host_syscall(SEL(SEM) | CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, 0);
    ok(host_current() == root, "it waits for the next");
    host_msi(address, data);
    ok(host_current() == w && error_of(w) == 0, "which wakes it");
    host_syscall(SELF | WAIT, 0, 0, 0);
    delete_slot(SEM);
    host_msi(address, data);
    ok(host_current() == root, "without the semaphore it reaches nobody");
}

#define EDGE_PIN 6u
#define LEVEL_PIN 20u

static void irq_eoi(word_t slot)
{
    struct thread *self = host_current();

    self->utcb->mr[0] = L4_OP_IRQ_EOI;
    host_syscall(SEL(slot) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0).raw, 0, 0);
}

static void test_modes(void)
{
    is(icu(L4_OP_ICU_BIND, 0, 2, EDGE_PIN, 0), -L4_ERR_MSGTOOSHORT, "bind without an IRQ");
    is(icu(L4_OP_ICU_SET_MODE, 0, 3, arch_irq_pins(), L4_IRQ_MODE_SET), -L4_ERR_INVAL, "the mode of no pin");
    is(icu(L4_OP_ICU_SET_MODE, 0, 3, EDGE_PIN, L4_IRQ_MODE_LEVEL), 0, "a mode that is not to be set");
    ok(!arch_irq_is_level(EDGE_PIN), "is not");
    is(icu(L4_OP_ICU_SET_MODE, 0, 3, EDGE_PIN, L4_IRQ_MODE_SET | L4_IRQ_MODE_BOTH), -L4_ERR_INVAL, "no such mode");
    is(icu(L4_OP_ICU_SET_MODE, 0, 3, EDGE_PIN, L4_IRQ_MODE_SET | L4_IRQ_MODE_LEVEL), 0, "one that is");
    ok(arch_irq_is_level(EDGE_PIN), "is set");
    is(icu(L4_OP_ICU_SET_MODE, 0, 3, EDGE_PIN, L4_IRQ_MODE_SET), 0, "and set back");
    is(call_words(L4_SLOT_LOG, L4_PROTO_IRQ, 0, 3, L4_OP_ICU_SET_MODE, 0, L4_IRQ_MODE_SET | L4_IRQ_MODE_LEVEL, 0), 0,
       "the line of the console has no modes");
    is(call_words(L4_SLOT_SCHEDULER, L4_PROTO_IRQ, 0, 1, L4_OP_ICU_INFO, 0, 0, 0), 0, "the scheduler has a line, too");
    is(root->utcb->mr[1], 1, "one");
    icu_send(L4_OP_ICU_MASK, arch_irq_pins());
    icu_send(L4_OP_ICU_UNMASK, arch_irq_pins());
    is(error_of(root), 0, "masking no pin does nothing");
}

static void test_level(void)
{
    is(icu(L4_OP_ICU_BIND, IRQ, 2, LEVEL_PIN, 0), 0, "a level-triggered pin");
    icu_send(L4_OP_ICU_UNMASK, LEVEL_PIN);
    ok(host_irq(LEVEL_PIN) && host_irq_masked(LEVEL_PIN), "is masked when it comes");
    irq_eoi(IRQ);
    ok(host_irq_masked(LEVEL_PIN), "and stays so while its message is queued, whatever is acknowledged");
    ok(received(0x120), "there is the message");
    ok(host_irq_masked(LEVEL_PIN), "which does not unmask it either");
    irq_eoi(IRQ);
    ok(host_irq(LEVEL_PIN), "but the acknowledgement");
    ok(received(0x120), "lets the next one come");
    thread_make(WAITER + 1, GATE, GATE);
    thread_go(WAITER + 1, 120, 0x3000, 0x3100);
    run_thread(WAITER + 1, 50); /* has stopped in a system call */
    ok(host_current() == root && host_irq_masked(LEVEL_PIN), "somebody else could run");
    root->utcb->mr[0] = L4_OP_IRQ_EOI;
    host_syscall(SEL(IRQ) | CALL, l4_tag_make(L4_PROTO_IRQ, 1, 0, 0).raw, 0, 0);
    ok(root->ipc_state == IPC_RECEIVING && host_irq(LEVEL_PIN), "acknowledged together with the receive");
    ok(host_current() == root && frame_label(&root->arch.frame) == 0x120, "which the next one ends");
    delete_slot(WAITER + 1);
    create(L4_PROTO_SEMAPHORE, SEM);
    is(icu(L4_OP_ICU_BIND, SEM, 2, LEVEL_PIN, 0), -L4_ERR_INVAL, "a semaphore for the same pin");
    is(icu(L4_OP_ICU_UNBIND, IRQ, 2, LEVEL_PIN, 0), 0, "not before it is free");
    is(icu(L4_OP_ICU_BIND, SEM, 2, LEVEL_PIN, 0), 0, "then it is bound");
    icu_send(L4_OP_ICU_UNMASK, LEVEL_PIN);
    ok(host_irq(LEVEL_PIN) && host_irq_masked(LEVEL_PIN), "masked by the interrupt");
    irq_eoi(SEM);
    ok(host_irq_masked(LEVEL_PIN), "and while it counts one");
    is(call_words(SEM, L4_PROTO_SEMAPHORE, 0, 1, L4_OP_SEM_DOWN, 0, 0, 0), 0, "down");
    irq_eoi(SEM);
    ok(!host_irq_masked(LEVEL_PIN), "acknowledged when it has none");
    delete_slot(SEM);
    ok(host_irq_masked(LEVEL_PIN), "masked when it is gone");
    icu_send(L4_OP_ICU_UNMASK, 7);
    ok(host_irq(7) && host_irq_masked(7), "an interrupt for nobody is masked when it comes");
}

/* The thread of an IRQ ends while the message is queued. */
static void test_thread_ends(void)
{
    thread_make(WAITER + 2, GATE, GATE);
    call_words(IRQ, L4_PROTO_KOBJECT, WAITER + 2, 2, L4_OP_IRQ_BIND, 0x140, 0, 0);
    call_words(OTHER, L4_PROTO_KOBJECT, WAITER + 2, 2, L4_OP_IRQ_BIND, 0x150, 0, 0);
    icu(L4_OP_ICU_BIND, IRQ, 2, EDGE_PIN, 0);
    icu(L4_OP_ICU_BIND, OTHER, 2, LEVEL_PIN, 0);
    icu_send(L4_OP_ICU_UNMASK, EDGE_PIN);
    icu_send(L4_OP_ICU_UNMASK, LEVEL_PIN);
    host_irq(EDGE_PIN);
    host_irq(LEVEL_PIN);
    delete_slot(WAITER + 2);
    ok(irq_of(cap_obj(cap_slot(root->task, IRQ)))->thread == NULL, "nobody is bound any more");
    machine_check();
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x120, 0, 0);
    call_words(OTHER, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x130, 0, 0);
    ok(received(0x120), "the edge is not lost: the next thread gets it");
    ok(!received(0x130), "the level is not remembered");
    irq_eoi(OTHER);
    ok(host_irq(LEVEL_PIN) && received(0x130), "it comes again");
}

static void trigger(void)
{
    host_syscall(SEL(IRQ) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0);
}

/* Whoever masks a source unmasks it: a message does so only for an edge that came while another one was queued. */
static void test_masks(void)
{
    is(icu(L4_OP_ICU_UNBIND, IRQ, 2, EDGE_PIN, 0), 0, "a free pin");
    icu_send(L4_OP_ICU_UNMASK, EDGE_PIN);
    ok(!host_irq_masked(EDGE_PIN), "may be unmasked");
    is(icu(L4_OP_ICU_BIND, IRQ, 2, EDGE_PIN, 0), 0, "when it is bound");
    ok(host_irq_masked(EDGE_PIN), "it is masked");
    trigger();
    ok(received(0x120) && host_irq_masked(EDGE_PIN), "a trigger in software does not unmask it");
    trigger();
    trigger();
    ok(received(0x120) && host_irq_masked(EDGE_PIN), "nor do two");
    icu_send(L4_OP_ICU_UNMASK, EDGE_PIN);
    host_irq(EDGE_PIN);
    host_irq(EDGE_PIN);
    ok(host_irq_masked(EDGE_PIN), "a second edge masks it");
    ok(received(0x120) && !host_irq_masked(EDGE_PIN), "until the first is received");
    host_irq(EDGE_PIN);
    icu_send(L4_OP_ICU_MASK, EDGE_PIN);
    ok(received(0x120) && host_irq_masked(EDGE_PIN), "what is masked with a message queued stays so");
    icu_send(L4_OP_ICU_UNMASK, EDGE_PIN);
    host_irq(EDGE_PIN);
    host_irq(EDGE_PIN);
    icu_send(L4_OP_ICU_MASK, EDGE_PIN);
    ok(received(0x120) && host_irq_masked(EDGE_PIN), "even behind a second edge");
    is(call_words(IRQ, L4_PROTO_IRQ_SENDER, 0, 1, L4_OP_IRQ_DETACH, 0, 0, 0), 0, "an IRQ without a thread");
    icu_send(L4_OP_ICU_UNMASK, EDGE_PIN);
    ok(host_irq(EDGE_PIN) && host_irq_masked(EDGE_PIN), "masks what comes");
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x120, 0, 0);
    ok(received(0x120) && host_irq_masked(EDGE_PIN), "for the next thread it is there, and the pin still masked");
    icu_send(L4_OP_ICU_UNMASK, EDGE_PIN);
    ok(host_irq(EDGE_PIN) && received(0x120), "until it is unmasked");
}

/* Who has the right can delete even these, for everybody. */
static void boot_objects_end(void)
{
    static const word_t slots[] = {L4_SLOT_ICU, L4_SLOT_SCHEDULER, L4_SLOT_LOG};

    for (unsigned i = 0; i < 3; i++) {
        delete_slot(slots[i]);
        if (cap_slot(root->task, slots[i])->raw != 0)
            exit(1);
        if (call_words(slots[i], 0, 0, 1, 0, 0, 0, 0) != (0x10000 | L4_IPC_NOT_EXISTENT))
            exit(2);
    }
    machine_check();
}

int main(void)
{
    machine_start();
    is(in_copy(boot_objects_end), 0, "the objects of the kernel itself can be deleted");
    create(L4_PROTO_IRQ_SENDER, IRQ);
    create(L4_PROTO_IRQ_SENDER, OTHER);
    create(L4_PROTO_NONE, GATE);
    thread_make(WAITER, GATE, GATE);
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x120, 0, 0);
    call_words(OTHER, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x130, 0, 0);
    test_interface();
    test_delivery();
    test_sem();
    test_modes();
    test_level();
    test_thread_ends();
    test_masks();
    delete_slot(IRQ);
    delete_slot(OTHER);
    machine_check();
    return tap_done();
}
