/* SPDX-License-Identifier: MIT */
/*
 * Interrupt windows (preempt.h) of every operation that has some, one after the other: in the k-th window of the
 * operation somebody more important does the worst he can, on the same CPU (an interrupt lets him run) or on another
 * one. Then the operation goes on to its end. The invariants hold, the outcome is one of those that the manual allows,
 * and when all is deleted, memory and quota are as before.
 */
#include "tap.h"
#include "machine.h"
#include <stdio.h>
#include <string.h>

enum { TASK = 0x40, RECEIVER, WORKER, GATE, NEW, OTHER, ACTOR, SENDER, CAPS = 0x80 };
#define SENDERS 5u
#define CAPS_ORDER 4u
#define RAM 0x400000ul        /* pages of root */
#define AT 0x10000000ul       /* where they are in the task */
#define KU_NEW 0x7000000000ul /* kernel-user memory that is added */
#define PAGES_ORDER 15u       /* 8 pages */
#define PAGES (1u << (PAGES_ORDER - 12))
#define ALL_ONCE (1 << 30)
#define LABEL(i) (0x100ul * ((i) + 1))
#define MARK 0x8ul

static struct thread *worker, *receiver, *actor, *sender[SENDERS + 1];
static struct task *task;
static unsigned windows, stop_at;
static bool other_cpu, done, received, serves, acted;
static long result;
static l4_tag answer;
static word_t window; /* where the receiver takes pages: elsewhere after another message */
#define OTHER_LABEL 0x77ul
static void receiver_buffers(void);
static void (*act)(void);

/* ---- threads ---- */

static l4_fpage ram(unsigned first, unsigned order)
{
    return l4_fpage_make(L4_FPAGE_MEM, (RAM >> 12) + first, order, L4_MEM_RIGHTS);
}

static l4_fpage caps(word_t first, unsigned order) { return l4_fpage_make(L4_FPAGE_OBJ, first, order, 15); }

static struct thread *thread_in(word_t slot, word_t task_slot, word_t utcb, unsigned cpu, unsigned prio)
{
    struct l4_utcb *u = host_current()->utcb;

    create(L4_PROTO_THREAD, slot);
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK;
    u->mr[5] = utcb;
    u->mr[6] = L4_ITEM_MAP;
    u->mr[7] = caps(task_slot, 0).raw;
    call(slot, L4_PROTO_THREAD, 6, 1);
    call_words(slot, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x4000, 0);
    run_thread_on(slot, 1ul << cpu, prio);
    return thread_at(slot);
}

/* As call_words, by a thread that may not be there any more when it is over. */
static void ask(word_t slot, long label, word_t item, unsigned words, word_t w0, word_t w1, word_t w2)
{
    word_t *mr = host_current()->utcb->mr;

    mr[0] = w0;
    mr[1] = w1;
    mr[2] = w2;
    mr[words] = L4_ITEM_MAP;
    mr[words + 1] = caps(item, 0).raw;
    call(slot, label, words, item != 0);
}

/* Root sleeps until the next tick. */
static void nap(void) { host_syscall(SELF | L4_OP_RECV, 0, 0, 1000); }
static void sleep_for_ever(void) { host_syscall(SELF | L4_OP_RECV, 0, 0, 0); }

/* Whoever runs on this CPU sleeps for ever; the receiver, when it serves, answers and waits for the next. */
static void play(void)
{
    for (unsigned n = 0; n < 100 && host_current() != root && host_current() != actor && !host_idle(); n++) {
        struct thread *t = host_current();

        if (t == worker && !done) {
            done = true;
            answer = tag_of(worker);
            result = error_of(worker) != 0 ? (long)(0x10000 | error_of(worker)) : label_of(worker);
        }
        if (t == receiver && serves) {
            received |= error_of(receiver) == 0;
            if (error_of(receiver) == 0 && frame_label(&receiver->arch.frame) == OTHER_LABEL) {
                window = AT + 0x200000;
                receiver_buffers();
            }
            if (receiver->reply.raw != 0)
                host_syscall(SELF | WAIT | L4_OP_SEND | L4_OP_REPLY, 0, 0, (word_t)L4_TIMEOUT_ZERO << 16);
            else
                wait_open();
        } else {
            sleep_for_ever();
        }
    }
}

/* Root naps: everybody goes on as far as he can. Then root runs again. */
static void settle(void)
{
    for (unsigned n = 0; n < 6; n++) {
        play();
        if (!other_cpu)
            continue;
        host_set_cpu(1);
        play();
        host_set_cpu(0);
    }
    for (unsigned n = 0; n < 10 && host_current() != root; n++) {
        host_time(2000);
        host_tick();
        play();
    }
}
static void rest(void)
{
    nap();
    settle();
}

/* ---- what is done in a window ---- */

static void nothing(void) {}
static void source_unmapped(void)
{
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, ram(0, PAGES_ORDER).raw, 0);
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, caps(CAPS, CAPS_ORDER).raw, 0);
}
static void receiver_deleted(void) { delete_slot(RECEIVER); }
static void task_deleted(void) { delete_slot(TASK); }
static void worker_killed(void) { delete_slot(WORKER); }
static void cancel(word_t slot)
{
    call_words(slot, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, ~0ul, ~0ul, 0);
}
static void worker_canceled(void) { cancel(WORKER); }
static void receiver_canceled(void) { cancel(RECEIVER); }
static void gate_deleted(void) { delete_slot(GATE); }
static void senders_killed(void)
{
    delete_slot(SENDER);
    delete_slot(SENDER + 3);
}
static void sender_canceled(void) { cancel(SENDER + 2); }
static void task_used(void)
{
    call_words(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, AT | L4_ITEM_MAP, ram(PAGES, 12).raw, 0);
    call_words(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, (KU_NEW + 0x5000) | L4_ITEM_MAP,
               ram(PAGES, 12).raw, 0);
    call_words(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, SEL(CAPS) | L4_ITEM_MAP,
               l4_fpage_make(L4_FPAGE_OBJ, GATE, 0, 15 & ~L4_RIGHT_D).raw, 0);
}
/* All but the first two. */
static void pages_given_up(void)
{
    call_words(TASK, L4_PROTO_TASK, 0, 4, L4_OP_TASK_UNMAP, L4_UNMAP_SELF,
               l4_fpage_make(L4_FPAGE_MEM, (AT >> 12) + 2, 13, 7).raw,
               l4_fpage_make(L4_FPAGE_MEM, (AT >> 12) + 4, 14, 7).raw);
}
static void slot_taken(void) { create(L4_PROTO_SEMAPHORE, NEW); }
static void slot_emptied(void) { delete_slot(NEW); }
static void message_comes(void)
{
    host_syscall(SEL(RECEIVER) | L4_OP_SEND, 0, OTHER_LABEL, (word_t)L4_TIMEOUT_ZERO << 16);
}
static void gate_rebound(void)
{
    call_words(GATE, L4_PROTO_KOBJECT, OTHER, 2, L4_OP_GATE_BIND, 0x40, 0, 0);
}
static void labels_change(void)
{
    word_t all[6] = {L4_OP_THREAD_MODIFY_SENDERS, 0, 0, 0, MARK, 0};

    memcpy(host_current()->utcb->mr, all, sizeof all);
    call(RECEIVER, L4_PROTO_THREAD, 5, 0);
}
static void worker_moved(void) { run_thread_on(WORKER, 2, 100); }
static void receiver_moved(void) { run_thread_on(RECEIVER, 2, 150); }

static const struct {
    const char *name;
    void (*act)(void);
    bool two;
} acts[] = {
    {"nothing happens", nothing, false},
    {"the source is unmapped", source_unmapped, false},
    {"the receiver is deleted", receiver_deleted, false},
    {"the task is deleted", task_deleted, false},
    {"the worker is killed", worker_killed, false},
    {"the worker is canceled", worker_canceled, false},
    {"the receiver is canceled", receiver_canceled, false},
    {"the gate is deleted", gate_deleted, false},
    {"senders are killed", senders_killed, false},
    {"a sender is canceled", sender_canceled, false},
    {"somebody else maps into the task", task_used, false},
    {"the task gives up most of its pages", pages_given_up, false},
    {"the slot is taken", slot_taken, false},
    {"the slot is emptied", slot_emptied, false},
    {"another message comes", message_comes, false},
    {"the gate is bound anew", gate_rebound, false},
    {"the labels are changed by another", labels_change, false},
    {"the worker goes to another CPU", worker_moved, true},
    {"the receiver goes to another CPU", receiver_moved, true},
};

static void in_window(void)
{
    if (++windows != stop_at)
        return;
    if (!other_cpu) { /* lets root run; run() acts */
        host_time(2000);
        host_interrupt(HOST_TICK, 0);
    }
    work_slice = work_left = ALL_ONCE;
    host_set_cpu(1);
    if (host_current() == actor) {
        acted = true;
        act();
    }
    work_slice = work_left = 1;
}

static void windows_begin(void)
{
    work_slice = work_left = 1;
    host_window = in_window;
}

static void windows_end(void)
{
    host_window = NULL;
    work_slice = work_left = ALL_ONCE;
}

/* ---- the operations: prepare is done by root, begin by the worker ---- */

static void unmap_slot(word_t slot)
{
    ask(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF | L4_UNMAP_DELETE, caps(slot, 0).raw);
}
static unsigned pages_at(word_t va, unsigned count)
{
    unsigned found = 0;

    for (unsigned i = 0; i < count; i++) {
        word_t pa;
        unsigned rights;

        found += host_translate(&task->space, va + i * L4_PAGE_SIZE, &pa, &rights);
    }
    return found;
}
static unsigned caps_of(const struct task *t)
{
    unsigned found = 0;

    for (unsigned i = 0; i < 1u << CAPS_ORDER; i++)
        found += cap_slot(t, CAPS + i) != NULL && cap_slot(t, CAPS + i)->raw != 0;
    return found;
}
static bool task_alive(void) { return cap_slot(root->task, TASK)->raw != 0 && !task->obj.dead; }
static bool ended(void) { return done || act == worker_killed; }
/* It did all it should, and nobody has undone it. */
static bool undisturbed(void) { return act == nothing || act == worker_canceled || act == worker_moved; }

static void pages_map(void)
{
    ask(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, AT | L4_ITEM_MAP, ram(0, PAGES_ORDER).raw);
}
static bool map_right(void)
{
    if (!ended() || (undisturbed() && (result != 0 || pages_at(AT, PAGES) != PAGES)))
        return false;
    return act != source_unmapped || pages_at(AT, PAGES) == 0;
}

static void pages_unmap(void)
{
    ask(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, 0, ram(0, PAGES_ORDER).raw);
}
static bool unmap_right(void)
{
    return ended() && (!done || (result == 0 && (!task_alive() || act == task_used || pages_at(AT, PAGES) == 0)));
}

/* One page, eight times side by side. */
static void tree_map(void)
{
    for (word_t i = 0; i < PAGES; i++)
        ask(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, (AT + i * L4_PAGE_SIZE) | L4_ITEM_MAP,
            ram(0, 12).raw);
}
static void tree_unmap(void)
{
    ask(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, 0, ram(0, 12).raw);
}

static void caps_map(void)
{
    ask(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, SEL(CAPS) | L4_ITEM_MAP,
               caps(CAPS, CAPS_ORDER).raw);
}
static bool caps_map_right(void)
{
    return ended() && (!undisturbed() || (result == 0 && caps_of(task) == 1u << CAPS_ORDER));
}
static void caps_unmap(void)
{
    ask(TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, caps(CAPS, CAPS_ORDER).raw);
}
static bool caps_unmap_right(void)
{
    return ended() && (!done || !task_alive() || act == task_used || (result == 0 && caps_of(task) == 0));
}

/* Three pages apart, a window of capabilities, and one more page: five items, three buffers. */
static void receiver_buffers(void)
{
    struct l4_utcb *u = receiver->utcb;

    u->bdr = 4ul << L4_BDR_OBJ_SHIFT;
    u->br[0] = L4_ITEM_MAP;
    u->br[1] = l4_fpage_make(L4_FPAGE_MEM, window >> 12, PAGES_ORDER, 7).raw;
    u->br[2] = L4_ITEM_MAP;
    u->br[3] = l4_fpage_make(L4_FPAGE_MEM, (window + 0x100000) >> 12, 12, 7).raw;
    u->br[4] = L4_ITEM_MAP;
    u->br[5] = caps(CAPS, CAPS_ORDER).raw;
    u->br[6] = 0;
}
static void receiver_waits(void)
{
    receiver_buffers();
    serves = true;
    cancel(RECEIVER);
    rest();
}
static void items_call(void)
{
    word_t *mr = worker->utcb->mr;

    for (unsigned i = 0; i < 3; i++) {
        mr[1 + 2 * i] = (2ul * i << 12) | L4_ITEM_MAP | (i < 2 ? L4_ITEM_COMPOUND : 0);
        mr[2 + 2 * i] = ram(2 * i, 13).raw;
    }
    mr[7] = SEL(0) | L4_ITEM_MAP;
    mr[8] = caps(CAPS, CAPS_ORDER).raw;
    mr[9] = L4_ITEM_MAP;
    mr[10] = ram(PAGES, 12).raw;
    mr[0] = 0x1234;
    host_syscall(SEL(GATE) | CALL, l4_tag_make(0, 1, 5, 0).raw, 0, 0);
}
static void items_queued(void)
{
    items_call(); /* the receiver does not wait */
    settle();
    receiver_buffers();
    serves = true;
    cancel(RECEIVER);
    nap();
    windows_begin();
    if (host_current() == receiver)
        wait_open();
}
static bool message_right(void)
{
    if (act == worker_killed || act == source_unmapped)
        return ended();
    if (act == receiver_deleted || act == task_deleted) /* before the message, or before the answer */
        return done || worker->ipc_state == IPC_RECEIVING;
    if (act == worker_canceled || act == gate_deleted || act == gate_rebound || act == worker_moved ||
        act == receiver_moved)
        return done || worker->ipc_state != IPC_IDLE;
    if (!done || result != 0 || !received)
        return false;
    if (act == task_used || act == pages_given_up)
        return true;
    return pages_at(window, 6) == 6 && pages_at(window + 0x100000, 1) == 1 && caps_of(task) == 1u << CAPS_ORDER;
}

static void memory_add(void)
{
    ask(TASK, L4_PROTO_TASK, 0, 2, L4_OP_TASK_ADD_KU_MEM,
               l4_fpage_make(L4_FPAGE_MEM, KU_NEW >> 12, PAGES_ORDER, 6).raw, 0);
}
static bool memory_right(void)
{
    if (!ended() || (undisturbed() && (result != 0 || pages_at(KU_NEW, PAGES) != PAGES)))
        return false;
    return result == 0 || act == task_used || act == task_deleted;
}

static void task_create_new(void)
{
    host_current()->utcb->bdr = 0;
    host_current()->utcb->br[0] = SEL(NEW) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    ask(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 3, (word_t)L4_PROTO_TASK, 1,
               l4_fpage_make(L4_FPAGE_MEM, KU_NEW >> 12, PAGES_ORDER, 6).raw);
}
static bool create_right(void)
{
    struct kobj *obj = cap_obj(cap_slot(root->task, NEW));

    if (!ended() || (done && result != 0))
        return false;
    if (act == slot_taken)
        return obj != NULL && (windows < stop_at || obj->type == KOBJ_SEM);
    if (!undisturbed())
        return true;
    return obj != NULL && obj->type == KOBJ_TASK && ku_mem_lookup(task_of(obj), KU_NEW + 0x7000, 8) != NULL &&
           l4_tag_words(answer) == 1 && l4_tag_items(answer) == 1;
}

static void delete_task(void) { unmap_slot(TASK); }
static bool deleted_right(void) { return ended() && cap_slot(root->task, TASK)->raw == 0; }

static void sender_do(unsigned i, word_t slot, long protocol)
{
    cancel(SENDER + i);
    nap();
    if (host_current() == sender[i]) {
        sender[i]->utcb->mr[0] = L4_OP_SEM_DOWN;
        host_syscall(SEL(slot) | CALL, l4_tag_make(protocol, 1, 0, 0).raw, LABEL(i), 0);
    }
    settle();
}
static void senders_at(word_t slot, long kind, long protocol)
{
    if (slot == GATE) {
        delete_slot(GATE);
        create(kind, GATE);
    }
    for (unsigned i = 0; i < SENDERS; i++)
        sender_do(i, slot, protocol);
}
static void senders_at_gate(void) { senders_at(GATE, L4_PROTO_KOBJECT, 0); }
static void senders_at_receiver(void) { senders_at(RECEIVER, 0, 0); }
static void senders_at_semaphore(void) { senders_at(GATE, L4_PROTO_SEMAPHORE, L4_PROTO_SEMAPHORE); }
static bool sender_lives(unsigned i) { return cap_slot(root->task, SENDER + i)->raw != 0; }
/* Nobody stays where nobody comes. */
static bool senders_in(enum ipc_state state)
{
    bool all = true;

    for (unsigned i = 0; i < SENDERS; i++)
        all &= !sender_lives(i) || sender[i]->ipc_state == state || (act == sender_canceled && i == 2);
    return all;
}
static bool senders_released(enum ipc_state from)
{
    bool all = true;

    for (unsigned i = 0; i < SENDERS; i++)
        all &= !sender_lives(i) || sender[i]->ipc_state != from;
    return all;
}
static void bind(void) { ask(GATE, L4_PROTO_KOBJECT, RECEIVER, 2, L4_OP_GATE_BIND, 0x40, 0); }
static bool bind_right(void)
{
    if (!ended() || !senders_released(IPC_GATE))
        return false;
    return !undisturbed() || (result == 0 && senders_in(IPC_SENDING));
}
static void modify(void) { labels_change(); }
static bool modify_right(void)
{
    bool all = true;

    if (!ended() || (done && result != 0 && act != labels_change && act != receiver_deleted && act != receiver_moved &&
                     act != worker_moved))
        return false;
    if (act == labels_change)
        return result == (other_cpu ? 0 : -L4_ERR_BUSY); /* from another CPU nobody can */
    if (act != nothing && act != worker_canceled && act != senders_killed && act != sender_canceled)
        return true;
    for (unsigned i = 0; i < SENDERS; i++)
        all &= !sender_lives(i) || sender[i]->ipc_state != IPC_SENDING || sender[i]->snd.label == (LABEL(i) | MARK);
    return all && receiver->modify_at == &receiver->senders && !(receiver->options & THREAD_OPT_MODIFY);
}
static void delete_receiver(void) { unmap_slot(RECEIVER); }
static bool receiver_gone_right(void) { return ended() && senders_released(IPC_SENDING); }
static void delete_gate(void) { unmap_slot(GATE); }
static bool gate_gone_right(void) { return ended() && senders_released(IPC_GATE) && senders_released(IPC_SEM); }

static void text_write(void)
{
    host_output(true);
    worker->utcb->mr[0] = L4_OP_VCON_WRITE;
    worker->utcb->mr[1] = 8;
    memcpy(&worker->utcb->mr[2], "one\ntwo\n", 8);
    host_syscall(SEL(L4_SLOT_LOG) | L4_OP_SEND, l4_tag_make(L4_PROTO_LOG, 3, 0, 0).raw, 0, 0);
}
static bool text_right(void) { return act == worker_killed || !strcmp(host_output(false), "one\r\ntwo\r\n"); }

static void flexpages_unmap(void)
{
    word_t *mr = worker->utcb->mr;

    mr[0] = L4_OP_TASK_UNMAP;
    mr[1] = 0;
    for (unsigned i = 0; i < PAGES; i++)
        mr[2 + i] = ram(i, 12).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 2 + PAGES, 0);
}

static const struct operation {
    const char *name;
    void (*prepare)(void);
    void (*begin)(void);
    bool (*right)(void);
    bool later; /* begin says when the windows are looked at */
} operations[] = {
    {"map", nothing, pages_map, map_right, false},
    {"unmap", pages_map, pages_unmap, unmap_right, false},
    {"unmap of many flexpages", pages_map, flexpages_unmap, unmap_right, false},
    {"unmap of a tree", tree_map, tree_unmap, unmap_right, false},
    {"map of capabilities", nothing, caps_map, caps_map_right, false},
    {"unmap of capabilities", caps_map, caps_unmap, caps_unmap_right, false},
    {"message with items", receiver_waits, items_call, message_right, false},
    {"message with items from a queue", nothing, items_queued, message_right, true},
    {"kernel-user memory", nothing, memory_add, memory_right, false},
    {"a task with kernel-user memory", nothing, task_create_new, create_right, false},
    {"deletion of a task", pages_map, delete_task, deleted_right, false},
    {"bind of a gate", senders_at_gate, bind, bind_right, false},
    {"change of labels", senders_at_receiver, modify, modify_right, false},
    {"deletion of a receiver", senders_at_receiver, delete_receiver, receiver_gone_right, false},
    {"deletion of a gate", senders_at_gate, delete_gate, gate_gone_right, false},
    {"deletion of a semaphore", senders_at_semaphore, delete_gate, gate_gone_right, false},
    {"text", nothing, text_write, text_right, false},
};

/* ---- one run ---- */

static void world_make(void)
{
    map_fpage_all((struct map_request){.from = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task,
                                       .to = root->task, .item = RAM | L4_ITEM_MAP, .send = ram(0, PAGES_ORDER + 1),
                                       .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    create(L4_PROTO_KOBJECT, GATE);
    root->utcb->br[0] = SEL(TASK) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 3, (word_t)L4_PROTO_TASK, 1,
               l4_fpage_make(L4_FPAGE_MEM, KU_AREA >> 12, 12, 6).raw, 0);
    task = task_of(cap_obj(cap_slot(root->task, TASK)));
    receiver = thread_in(RECEIVER, TASK, KU_AREA, 0, 150);
    call_words(GATE, L4_PROTO_KOBJECT, RECEIVER, 2, L4_OP_GATE_BIND, 0x40, 0, 0);
    for (unsigned i = 0; i < 1u << CAPS_ORDER; i++)
        cap_copy(GATE, CAPS + i, 15 & ~L4_RIGHT_D); /* mapped twice, one with it deletes */
    for (unsigned i = 0; i < SENDERS; i++)
        sender[i] = thread_in(SENDER + i, L4_SLOT_TASK, KU_AREA + 0x1000 + 0x400ul * i, 0, 151 + i);
    thread_in(OTHER, L4_SLOT_TASK, KU_AREA + 0x800, 0, 50);
    worker = NULL;
    window = AT;
    done = received = serves = acted = false;
    result = 0;
    rest();
    if (!other_cpu)
        return;
    actor = thread_in(ACTOR, L4_SLOT_TASK, KU_AREA + 0xc00, 1, 200);
    host_set_cpu(1);
    host_set_cpu(0);
}

static void world_end(void)
{
    static const word_t slots[] = {TASK, RECEIVER, WORKER, GATE, NEW, OTHER, ACTOR, SENDER, SENDER + 1, SENDER + 2,
                                   SENDER + 3, SENDER + 4};

    worker = receiver = actor = NULL;
    for (unsigned i = 0; i < ARRAY_LEN(slots); i++)
        delete_slot(slots[i]);
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, ram(0, PAGES_ORDER + 1).raw, 0);
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, caps(CAPS, CAPS_ORDER).raw, 0);
    rest();
}

/* Whether there is a k-th window; *right: how it ended. */
static bool run(const struct operation *o, unsigned k, void (*in_kth)(void), bool *right)
{
    bool reached;

    act = nothing;
    world_make();
    o->prepare();
    worker = thread_in(WORKER, L4_SLOT_TASK, KU_AREA + 0x400, 0, 100);
    act = in_kth;
    stop_at = k;
    windows = 0;
    nap();
    *right = host_current() == worker;
    if (!o->later)
        windows_begin();
    o->begin();
    if (windows < k)
        play(); /* who dies does it himself */
    reached = windows >= k;
    stop_at = 0;
    actor = NULL; /* sleeps now, as all others do */
    if (reached && !other_cpu) {
        *right &= host_current() == root;
        windows_end();
        acted = true;
        act();
        work_slice = work_left = 1;
        host_window = in_window;
        nap();
    }
    settle();
    windows_end();
    machine_check();
    if (!reached)
        act = nothing;
    *right &= host_current() == root && acted == reached && o->right();
    world_end();
    return reached;
}

static void test_all(bool two)
{
    size_t bytes, used;
    bool right;

    machine_start_cpus(two ? 2 : 1);
    host_no_limbo = true;
    other_cpu = two;
    run_thread(L4_SLOT_THREAD, 200);
    cap_slot_alloc(root->task, CAPS);
    run(&operations[0], ~0u, nothing, &right); /* tables that stay */
    bytes = frame_free_bytes();
    used = root_factory.quota.used;
    for (const struct operation *o = operations; o < operations + ARRAY_LEN(operations); o++)
        for (unsigned i = 0; i < ARRAY_LEN(acts); i++) {
            char name[120];
            unsigned k = 0;
            bool leak = false;

            if (acts[i].two && !two)
                continue;
            do {
                right = false;
                k++;
                bool more = run(o, k, acts[i].act, &right);
                leak = frame_free_bytes() != bytes || root_factory.quota.used != used;
                if (!more)
                    break;
            } while (right && !leak);
            snprintf(name, sizeof name, "%s, and in each of %u windows %s%s", o->name, k - 1,
                     two ? "on another CPU " : "", acts[i].name);
            ok(right && !leak, name);
            if (!right || leak) {
                tap_printf("# window %u of %u: %s, result %lx, %s, %s\n", k, windows, leak ? "leak" : "wrong",
                           (unsigned long)result, done ? "done" : "not done", received ? "received" : "not received");
                return; /* what follows would be wrong, too */
            }
            if (i == 0)
                ok(k > 4, "there are some");
        }
}

/* The receiver has root's call, and a sender is queued with a message of many windows. The receiver answers through
 * whatever `through` is, and waits for anybody: that does not depend on it. */
static word_t through;

static void answers_and_waits(void)
{
    struct thread *s;

    machine_start();
    cap_slot_alloc(root->task, CAPS);
    receiver = thread_in(RECEIVER, L4_SLOT_TASK, KU_AREA, 0, 120);
    host_syscall((through & L4_SEL_SPECIAL ? through : SELF) | WAIT, 0, 0, 0);
    s = thread_in(SENDER, L4_SLOT_TASK, KU_AREA + 0x400, 0, 130);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 50);
    call(RECEIVER, 1, 0, 0);
    host_time(50);
    host_tick();
    kassert(host_current() == s);
    s->utcb->mr[0] = L4_ITEM_MAP;
    s->utcb->mr[1] = caps(0, CAPS_ORDER).raw;
    receiver->utcb->br[0] = L4_ITEM_MAP;
    receiver->utcb->br[1] = caps(CAPS, CAPS_ORDER).raw;
    host_syscall(SEL(RECEIVER) | L4_OP_SEND, l4_tag_make(0x77, 0, 1, 0).raw, 0xbb, 0);
    kassert(host_current() == receiver && s->ipc_state == IPC_SENDING);
    windows = stop_at = 0;
    windows_begin();
    host_syscall(through | WAIT | L4_OP_SEND | L4_OP_REPLY, l4_tag_make(2, 0, 0, 0).raw, 0, 0);
    while (host_current() == s)
        sleep_for_ever();
    windows_end();
    machine_check();
    if (windows < 4 || host_current() != receiver || error_of(receiver) != 0 || label_of(receiver) != 0x77 ||
        frame_label(&receiver->arch.frame) != 0xbb)
        exit(1);
    sleep_for_ever();
    exit(host_current() != root || label_of(root) != 2);
}

/* What has been taken of one message does not count for the next of the same sender. The receiver sends eight items and
 * waits for anybody (sends), or only takes; the sender's message is queued, or queued anew in a window. */
static bool sends;

static void eight_items(struct thread *t, word_t window_slot)
{
    for (unsigned i = 0; i < 8; i++) {
        t->utcb->mr[2 * i] = SEL(i) | L4_ITEM_MAP | (i < 7 ? L4_ITEM_COMPOUND : 0);
        t->utcb->mr[2 * i + 1] = l4_fpage_make(L4_FPAGE_OBJ, CAPS + i, 0, 7).raw;
    }
    t->utcb->br[0] = L4_ITEM_MAP;
    t->utcb->br[1] = caps(window_slot, 3).raw;
}

static bool eight_arrived(word_t at)
{
    unsigned found = 0;

    for (unsigned i = 0; i < 8; i++)
        found += cap_slot(root->task, at + i)->raw != 0;
    return found == 8;
}

static void send_eight(word_t dest) { host_syscall(dest, l4_tag_make(0x77, 0, 8, 0).raw, 0xbb, 0); }

static void sixth_window(void)
{
    if (++windows != 6 || sends)
        return;
    host_time(50);
    host_interrupt(HOST_TICK, 0);
}

static void takes_two(void)
{
    struct thread *s, *other;

    machine_start();
    create(L4_PROTO_NONE, GATE);
    for (unsigned i = 0; i < 8; i++)
        cap_copy(GATE, CAPS + i, 7);
    other = thread_in(OTHER, L4_SLOT_TASK, KU_AREA + 0x800, 0, 140);
    wait_open();
    s = thread_in(SENDER, L4_SLOT_TASK, KU_AREA + 0x400, 0, 130);
    wait_open();
    call(SENDER, 1, 0, 0);
    eight_items(s, CAPS + 24);
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY | L4_OP_RECV, 0, 0, 50);
    eight_items(root, CAPS + 8);
    eight_items(other, CAPS + 16);
    host_time(60);
    host_tick();
    kassert(host_current() == s);
    send_eight(SEL(L4_SLOT_THREAD) | L4_OP_SEND);
    kassert(host_current() == root && s->ipc_state == IPC_SENDING);
    if (!sends) {
        host_syscall(SEL(OTHER) | L4_OP_SEND, 0, 0, 0);
        host_syscall(SELF | L4_OP_RECV, 0, 0, 50);
    }
    windows = 0;
    work_slice = work_left = 1;
    host_window = sixth_window;
    if (sends)
        send_eight(SEL(OTHER) | L4_OP_SEND | WAIT);
    else
        wait_open();
    if (!sends) {
        kassert(host_current() == other);
        work_slice = work_left = ALL_ONCE;
        cancel(SENDER);
        call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, caps(CAPS + 8, 3).raw, 0);
        wait_open();
        kassert(host_current() == s);
        eight_items(s, CAPS + 24);
        send_eight(SEL(L4_SLOT_THREAD) | L4_OP_SEND);
        work_slice = work_left = 1;
    }
    while (host_current() != root && !host_idle())
        sleep_for_ever();
    windows_end();
    exit(windows < 6 || label_of(root) != 0x77 || (sends && !eight_arrived(CAPS + 16)) || !eight_arrived(CAPS + 8));
}

static void test_two_messages(void)
{
    sends = true;
    is(in_copy(takes_two), 0, "a message of many windows, then one that is taken");
    sends = false;
    is(in_copy(takes_two), 0, "one that is taken, and in a window another one in its place");
}

static void test_answers(void)
{
    static const struct { word_t through; const char *name; } ways[] = {
        {SELF, "an answer, then a message of many windows"},
        {SEL(0x777), "the same through an empty slot"},
        {SEL(L4_SLOT_TASK), "through something that is no thread"},
        {SEL(3) | L4_SEL_REPLY, "through a reply slot that is empty by then"}};

    for (unsigned i = 0; i < ARRAY_LEN(ways); i++) {
        through = ways[i].through;
        is(in_copy(answers_and_waits), 0, ways[i].name);
    }
}

/* Each machine has a process of its own; what this one finds in detail: `windows two`. */
static void on_two_cpus(void)
{
    if (freopen("/dev/null", "w", stdout) == NULL)
        exit(2);
    test_all(true);
    exit(tap_failed != 0);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        test_all(true);
        return tap_done();
    }
    test_answers();
    test_two_messages();
    ok(in_copy(on_two_cpus) == 0, "all of this with somebody on another CPU");
    test_all(false);
    return tap_done();
}
