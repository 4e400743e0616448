/* SPDX-License-Identifier: MIT */
/*
 * Mistakes that kernels of this kind have made in the field, one test each: partners that die, gates that move, replies
 * that come too late, timers that fire in the very instant of a wake-up, migration and revocation in the middle of a
 * message. Two threads, a (more important) and b, and the root thread play them.
 */
#include "tap.h"
#include "machine.h"

enum { A = 0x40, B = 0x41, GATE = 0x42, SEM = 0x43, IRQ = 0x44, TASK = 0x45, OTHER_GATE = 0x46, PAGER = 0x47,
       PAIR = 0x48 };
#define ME SEL(L4_SLOT_THREAD) /* in the slots of the root task: the root thread */
#define REPLY (L4_OP_SEND | L4_OP_REPLY)
#define NOW ((word_t)L4_TIMEOUT_ZERO << 16 | L4_TIMEOUT_ZERO)
#define US(n) (n) /* receive timeout of up to 1023 µs */
#define RAM 0x200000ul
#define HOLE 0x30000000ul

static struct thread *a, *b;

static void pass(uint64_t us)
{
    host_time(us);
    host_tick();
}

static void ex_regs(word_t slot, word_t flags)
{
    call_words(slot, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | flags, ~0ul, ~0ul, 0);
}

static long bind(word_t gate, word_t thread, word_t label)
{
    return call_words(gate, L4_PROTO_KOBJECT, thread, 2, L4_OP_GATE_BIND, label, 0, 0);
}

static void send_tag(word_t dest, long label, word_t timeout)
{
    host_syscall(dest, l4_tag_make(label, 0, 0, 0).raw, 0, timeout);
}

/* Everybody but root goes to sleep for ever. */
static void park(void)
{
    for (unsigned i = 0; host_current() != root && i < 100; i++)
        if (host_idle())
            pass(1);
        else
            host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
}

/* And killed threads come to their end. */
static void settle(void)
{
    park();
    run_thread(L4_SLOT_THREAD, 1);
    host_syscall(SELF | L4_OP_RECV, 0, 0, US(1));
    park();
    run_thread(L4_SLOT_THREAD, 100);
}

/* New threads a and b, both asleep for ever; a gate to a. */
static void begin(void)
{
    settle();
    a = thread_make(A, PAGER, PAGER);
    b = thread_make(B, PAGER, PAGER);
    thread_go(A, 120, 0x3000, 0x3100);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    thread_go(B, 110, 0x3000, 0x3100);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    create(L4_PROTO_NONE, GATE);
    bind(GATE, A, 0x80);
}

static void wake(word_t slot) { ex_regs(slot, L4_EXREGS_CANCEL); } /* above root: it is the current thread then */

/* 1: a closed wait whose partner dies goes on waiting: for its timeout. */
static void test_partner_dies(void)
{
    begin();
    wake(B);
    send_tag(SEL(A) | L4_OP_RECV, 0, US(500));
    ok(host_current() == root && b->ipc_state == IPC_RECEIVING, "b waits for a alone");
    delete_slot(A);
    settle();
    thread_make(A, 0, 0); /* the memory of the dead partner is somebody else's now */
    thread_go(A, 120, 0x3000, 0x3100);
    send_tag(SEL(B) | L4_OP_SEND, 7, NOW);
    is(error_of(host_current()), L4_IPC_SEND_TIMEOUT, "who got the dead partner's memory is not the partner");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    pass(500);
    ok(host_current() == b && error_of(b) == L4_IPC_SEND_TIMEOUT + 1, "the wait ends by its timeout");
}

/* 2: a gate is rebound, or deleted, while senders queue at its old thread. */
static void test_gate_moves(void)
{
    begin();
    wake(B);
    send_tag(SEL(GATE) | L4_OP_SEND, 5, 0);
    ok(b->ipc_state == IPC_SENDING, "b waits at a, through the gate");
    is(bind(GATE, L4_SLOT_THREAD, 0x90), 0, "the gate goes to another thread");
    wake(A);
    wait_open();
    ok(host_current() == a || label_of(a) == 5, "the message comes to the old thread");
    is(frame_label(&a->arch.frame), 0x80 | 3, "with the old label");
    begin();
    wake(B);
    send_tag(SEL(GATE) | L4_OP_SEND, 6, 0);
    delete_slot(GATE);
    ok(b->ipc_state == IPC_SENDING, "the gate goes: who queues at the thread queues on");
    wake(A);
    wait_open();
    is(label_of(a), 6, "and is received");
}

/* 3: a reply capability outlives its caller. */
static void test_reply_to_dead(void)
{
    for (unsigned slot = 0; slot < 2; slot++) { /* the implicit one, and an explicit one */
        word_t dest = slot == 0 ? SELF : SEL(9) | L4_SEL_REPLY;

        begin();
        wake(A);
        host_syscall((slot == 0 ? SELF : dest) | WAIT, 0, 0, 0);
        wake(B);
        send_tag(SEL(GATE) | CALL, 1, 0);
        ok(host_current() == a && b->ipc_state == IPC_RECEIVING, "b calls a");
        host_syscall(ME | CALL, 0, 0, NOW); /* a goes on later */
        host_syscall(SELF | L4_OP_RECV, 0, 0, US(300));
        delete_slot(B);
        settle();
        thread_make(B, 0, 0);
        thread_go(B, 110, 0x3000, 0x3100);
        host_syscall(SEL(A) | L4_OP_RECV, 0, 0, 0);
        pass(300);
        ok(host_current() == a, "a wants to answer");
        send_tag(dest | REPLY, 2, NOW);
        is(error_of(a), L4_IPC_NOT_EXISTENT, "the caller has died: there is nobody to answer to");
    }
}

static void up(void) { host_syscall(SEL(SEM) | L4_OP_SEND, l4_tag_make(L4_PROTO_IRQ, 0, 0, 0).raw, 0, 0); }

/* 4: a semaphore is raised in the instant in which the wait for it ends. */
static void test_semaphore_race(void)
{
    struct l4_utcb *u;

    begin();
    create(L4_PROTO_SEMAPHORE, SEM);
    for (unsigned first = 0; first < 2; first++) {
        wake(B);
        u = b->utcb;
        u->mr[0] = L4_OP_SEM_DOWN;
        host_syscall(SEL(SEM) | CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0).raw, 0, US(100));
        ok(b->ipc_state == IPC_SEM, "b waits for the semaphore");
        host_time(100);
        if (first == 0) { /* the up comes before the timer interrupt */
            up();
            pass(0);
            ok(host_current() == b && error_of(b) == 0 && label_of(b) == 0, "up, then timeout: b has it");
        } else {
            pass(0);
            ok(host_current() == b && error_of(b) == L4_IPC_SEND_TIMEOUT + 1, "timeout, then up: b has not");
        }
        park();
        if (first == 1)
            up();
        is(sem_of(cap_obj(cap_slot(root->task, SEM)))->count, first, "the count is right");
    }
}

/* 5: a timeout at the very instant of the wake-up does not hit the next wait. */
static void test_timeout_at_wakeup(void)
{
    begin();
    wake(B);
    host_syscall(SELF | WAIT, 0, 0, US(200));
    host_time(200);
    send_tag(SEL(B) | L4_OP_SEND, 3, NOW);
    ok(host_current() == b && label_of(b) == 3, "the message comes first");
    host_syscall(SELF | WAIT, 0, 0, 0);
    pass(0);
    ok(b->ipc_state == IPC_WAITING && !b->timeout.armed, "its old timeout does not end the next wait");
    send_tag(SEL(B) | L4_OP_SEND, 4, NOW);
    ok(host_current() == b && label_of(b) == 4, "and the next message comes, too");
}

/* 6: a deletion IRQ, and the IRQ is bound elsewhere meanwhile. */
static void test_deletion_irq(void)
{
    begin();
    create(L4_PROTO_IRQ_SENDER, IRQ);
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x1234, 0, 0);
    is(call_words(A, L4_PROTO_THREAD, IRQ, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0, 0), 0, "told when something of a ends");
    delete_slot(GATE);
    host_syscall(SELF | WAIT, 0, 0, NOW);
    is(frame_label(&root->arch.frame), 0x1234, "a gate of a has ended");
    is(call_words(B, L4_PROTO_THREAD, IRQ, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0, 0), 0, "the IRQ goes to b");
    create(L4_PROTO_NONE, GATE);
    bind(GATE, A, 0x80);
    delete_slot(GATE);
    host_syscall(SELF | WAIT, 0, 0, NOW);
    is(error_of(root), L4_IPC_SEND_TIMEOUT + 1, "what ends at a says nothing any more");
    create(L4_PROTO_NONE, GATE);
    bind(GATE, B, 0x80);
    delete_slot(B);
    delete_slot(GATE);
    settle();
    is(call_words(A, L4_PROTO_THREAD, IRQ, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0, 0), 0, "b has died: the IRQ is free");
    delete_slot(IRQ);
    delete_slot(A);
    settle();
    ok(host_current() == root, "registered, and both end");
}

/* One unmap takes a gate and its deletion IRQ. Whoever is first: an IRQ that lives on has told of the gate, one that
 * ends itself leaves nothing. */
static void test_deletion_irq_together(void)
{
    for (unsigned n = 0; n < 4; n++) {
        word_t gate = n & 1 ? PAIR : PAIR + 1, irq = n & 1 ? PAIR + 1 : PAIR;
        bool lives = n >= 2;

        begin();
        create(L4_PROTO_IRQ_SENDER, irq);
        create(L4_PROTO_NONE, gate);
        bind(gate, A, 0x80);
        call_words(irq, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x1234, 0, 0);
        call_words(A, L4_PROTO_THREAD, irq, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0, 0);
        if (lives)
            cap_copy(irq, IRQ, L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S);
        call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF,
                   l4_fpage_make(L4_FPAGE_OBJ, PAIR, 1, 15).raw, 0);
        host_syscall(SELF | WAIT, 0, 0, NOW);
        if (lives)
            is(error_of(root) == 0 ? frame_label(&root->arch.frame) : 0, 0x1234, "the IRQ lives, and has told");
        else
            ok(error_of(root) != 0, "the IRQ has ended with the gate: its message is gone");
        delete_slot(IRQ);
    }
}

/* 7: a cancel between a page fault and its answer. */
static void test_cancel_fault(void)
{
    begin();
    create(L4_PROTO_NONE, PAGER);
    bind(PAGER, L4_SLOT_THREAD, 0xf0);
    wake(B);
    ok(host_touch(HOLE, L4_MEM_R) == NULL && host_current() == root, "b faults");
    host_syscall(SELF | WAIT, 0, 0, NOW);
    is(label_of(root), L4_PROTO_PAGE_FAULT, "the pager knows");
    run_thread(L4_SLOT_THREAD, 200); /* the cancelled thread does not run at once */
    ex_regs(B, L4_EXREGS_CANCEL);
    root->utcb->mr[0] = HOLE | L4_ITEM_MAP;
    root->utcb->mr[1] = l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7).raw;
    host_syscall(SELF | REPLY, l4_tag_make(0, 0, 1, 0).raw, 0, NOW);
    is(error_of(root), 0, "the answer still arrives");
    run_thread(L4_SLOT_THREAD, 100);
    ok(host_current() == b && host_touch(HOLE, L4_MEM_R) != NULL, "b goes on and finds its page");
    host_touch(HOLE + 0x1000, L4_MEM_R);
    host_syscall(SELF | WAIT, 0, 0, NOW);
    ex_regs(B, L4_EXREGS_CANCEL);
    ok(host_current() == b, "cancelled before the answer: b goes on");
    ok(host_touch(HOLE + 0x1000, L4_MEM_R) == NULL && host_current() == root, "  and faults again");
    host_syscall(SELF | REPLY, l4_tag_make(0, 0, 0, 0).raw, 0, NOW);
    is(error_of(root), L4_IPC_NOT_EXISTENT, "the late answer finds nobody");
}

/* 8: the receiver migrates, blocked or queued at, in the middle of a message. */
static void test_migration(void)
{
    begin();
    wake(B);
    send_tag(SEL(GATE) | CALL, 8, (word_t)US(900) << 16);
    ok(b->ipc_state == IPC_SENDING, "b waits until a receives");
    root->utcb->mr[0] = 0;
    for (unsigned set = 0; set < 2; set++) { /* no CPU at all, and back */
        root->utcb->mr[0] = L4_OP_SCHED_RUN_THREAD;
        root->utcb->mr[1] = 0;
        root->utcb->mr[2] = set == 0 ? 0 : 1;
        root->utcb->mr[3] = 110;
        root->utcb->mr[4] = 0;
        root->utcb->mr[5] = L4_ITEM_MAP;
        root->utcb->mr[6] = l4_fpage_make(L4_FPAGE_OBJ, B, 0, 15).raw;
        call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
        is(label_of(root), 0, "the sender loses its CPU, and gets it back");
    }
    wake(A);
    host_syscall(SELF | WAIT, 0, 0, 0);
    ok(host_current() == a && label_of(a) == 8, "the message arrives");
    send_tag(SELF | REPLY, 9, NOW);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    ok(host_current() == b && label_of(b) == 9, "and the answer");
    host_syscall(SELF | L4_OP_RECV, 0, 0, US(100));
    pass(99);
    ok(host_current() == root, "a timeout moves with its thread");
    pass(1);
    ok(host_current() == b, "and fires");
}

/* 9: a page is taken away while a message that gives it waits. */
static void test_unmap_in_flight(void)
{
    begin();
    is(call_words(L4_SLOT_TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, HOLE | L4_ITEM_MAP,
                  l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7).raw, 0), 0, "a page to give away");
    wake(B);
    b->utcb->mr[0] = L4_ITEM_MAP;
    b->utcb->mr[1] = l4_fpage_make(L4_FPAGE_MEM, HOLE >> 12, 12, 7).raw;
    host_syscall(SEL(A) | L4_OP_SEND, l4_tag_make(0, 0, 1, 0).raw, 0, 0);
    ok(b->ipc_state == IPC_SENDING, "b gives it to a, which does not listen yet");
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF,
               l4_fpage_make(L4_FPAGE_MEM, HOLE >> 12, 12, 7).raw, 0);
    wake(A);
    a->utcb->bdr = 0;
    a->utcb->br[0] = L4_ITEM_MAP;
    a->utcb->br[1] = l4_fpage_make(L4_FPAGE_MEM, (HOLE + 0x10000) >> 12, 12, 0).raw;
    host_syscall(SELF | WAIT, 0, 0, 0);
    ok(host_current() == a && error_of(a) == 0, "a receives the message");
    is(a->utcb->mr[0] & 6, L4_GOT_NOTHING, "without the page: it was not there any more");
    ok(host_touch(HOLE + 0x10000, L4_MEM_R) == NULL, "and sees nothing");
}

/* 10: deadlines of every form fire, also when the thread loses its CPU in between, and only once. */
static void test_all_fire(void)
{
    static const unsigned forms[] = {1, 0x3ff, 1u << 10 | 500, 10u << 10 | 1, 16u << 10 | 3, 31u << 10 | 1};

    begin();
    for (unsigned i = 0; i < ARRAY_LEN(forms); i++) {
        uint64_t us = (uint64_t)(forms[i] & 0x3ff) << (forms[i] >> 10);

        wake(B);
        host_syscall(SELF | L4_OP_RECV, 0, 0, forms[i]);
        pass(us - 1);
        ok(host_current() == root, "not before its time");
        pass(1);
        ok(host_current() == b && error_of(b) == L4_IPC_SEND_TIMEOUT + 1, "and at its time");
        host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    }
    wake(B);
    b->utcb->br[3] = ~0ul;
    host_syscall(SELF | L4_OP_RECV, 0, 0, L4_TIMEOUT_ABSOLUTE | 3);
    pass(1ul << 40);
    ok(host_current() == root && b->timeout.armed, "a deadline at the end of time waits");
    delete_slot(B);
    settle();
    pass(1000);
    ok(host_current() == root, "and goes with its thread");
}

/* 11: FPU contents of a dead thread or of another are nobody's. */
static void test_fpu(void)
{
    begin();
    wake(B);
    host_fpu_write(b, 0x5ec4e7);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    wake(A);
    ok(host_fpu_read(a) != 0x5ec4e7, "another thread does not see what was in the registers");
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    delete_slot(B);
    settle();
    b = thread_make(B, 0, 0);
    thread_go(B, 110, 0x3000, 0x3100);
    is(host_fpu_read(b), 0, "nor does the next owner of the memory");
}

int main(void)
{
    machine_start();
    map_fpage_all((struct map_request){.from = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task,
                                    .to = root->task, .item = RAM | L4_ITEM_MAP,
                                    .send = l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7),
                                    .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    test_partner_dies();
    test_gate_moves();
    test_reply_to_dead();
    test_semaphore_race();
    test_timeout_at_wakeup();
    test_deletion_irq();
    test_deletion_irq_together();
    test_cancel_fault();
    test_migration();
    test_unmap_in_flight();
    test_all_fire();
    test_fpu();
    settle();
    machine_check();
    return tap_done();
}
