/* SPDX-License-Identifier: MIT */
/*
 * Progress of an operation with windows (preempt.h) belongs to the step that made it: what one flexpage, or the send
 * phase, has left of it must not shorten the next.
 */
#include "tap.h"
#include "machine.h"
#include <l4/vcpu.h>

enum { TASK = 0x40, CLIENT, PARTNER, VCPU, GIVEN = 0x60, GOT = 0x61 };
#define RAM 0x400000ul
#define AT 0x10000000ul
#define WINDOW 0x20000000ul
#define PAGES 512u

static struct thread *client, *partner;

static l4_fpage ram(unsigned first, unsigned order)
{
    return l4_fpage_make(L4_FPAGE_MEM, (RAM >> 12) + first, order, L4_MEM_RIGHTS);
}

static unsigned pages_at(const struct task *t, word_t va, unsigned count)
{
    unsigned found = 0;

    for (unsigned i = 0; i < count; i++) {
        word_t pa;
        unsigned rights;

        found += host_translate(&t->space, va + i * L4_PAGE_SIZE, &pa, &rights);
    }
    return found;
}

/* Parts of one large page, one after the other in one call. */
static void test_parts(void)
{
    struct task *task;

    create(L4_PROTO_TASK, TASK);
    task = task_of(cap_obj(cap_slot(root->task, TASK)));
    for (unsigned i = PAGES; i-- > 0;)
        call_words(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, (AT + i * L4_PAGE_SIZE) | L4_ITEM_MAP,
                   ram(i, 12).raw, 0);
    is(pages_at(task, AT, PAGES), PAGES, "small pages derived from a large one");
    work_left = work_slice = 300;
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 4, L4_OP_TASK_UNMAP, 0, ram(0, 19).raw, ram(128, 19).raw);
    is(label_of(root), 0, "two parts of it are taken back");
    is(pages_at(task, AT, 128), 0, "the first is gone");
    is(pages_at(task, AT + 128 * L4_PAGE_SIZE, 128), 0, "the second is gone");
    is(pages_at(task, AT + 256 * L4_PAGE_SIZE, 256), 256, "the rest stays");
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 4, L4_OP_TASK_UNMAP, 0,
               l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 21, L4_MEM_W).raw, ram(0, 21).raw);
    is(pages_at(task, AT, PAGES), 0, "first one right, then all: nothing is left");
    delete_slot(TASK);
    machine_check();
}

/* Root's send phase has many pages, and its receive phase takes a message with an item from whom it had called. */
static void test_phases(void)
{
    struct l4_utcb *u = root->utcb;

    client = thread_make(CLIENT, L4_SLOT_PAGER, L4_SLOT_PAGER);
    partner = thread_make(PARTNER, L4_SLOT_PAGER, L4_SLOT_PAGER);
    thread_go(CLIENT, 110, 0x3000, 0x3100);
    client->utcb->bdr = 0;
    client->utcb->br[0] = L4_ITEM_MAP;
    client->utcb->br[1] = l4_fpage_make(L4_FPAGE_MEM, WINDOW >> 12, 21, 7).raw;
    wait_open();
    thread_go(PARTNER, 110, 0x3000, 0x3100);
    wait_open();
    create(L4_PROTO_SEMAPHORE, GIVEN);
    ok(host_current() == root, "root runs");
    call(PARTNER, 0, 0, 0);
    ok(host_current() == partner, "its partner is called");
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    host_time(20000);
    host_tick();
    ok(host_current() == partner, "it has answered, and is more important");
    partner->utcb->mr[0] = L4_ITEM_MAP;
    partner->utcb->mr[1] = l4_fpage_make(L4_FPAGE_OBJ, GIVEN, 0, 15).raw;
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_SEND, l4_tag_make(0x77, 0, 1, 0).raw, 0, 0);
    ok(host_current() == root && partner->ipc_state == IPC_SENDING, "and sends an item");
    u->bdr = 0;
    u->br[0] = SEL(GOT) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    u->mr[0] = L4_ITEM_MAP;
    u->mr[1] = ram(0, 17).raw;
    work_left = work_slice = 300;
    host_syscall(SEL(CLIENT) | L4_OP_SEND | WAIT, l4_tag_make(0, 0, 1, 0).raw, 0, 0);
    is(pages_at(root->task, WINDOW, 32), 32, "the pages have arrived");
    ok(root->ipc_state == IPC_IDLE && label_of(root) == 0x77, "root has the message");
    ok(cap_slot(root->task, GOT) != NULL && cap_slot(root->task, GOT)->raw != 0, "with its item");
    machine_check();
}

static unsigned windows;
static void tick_in_window(void)
{
    if (++windows != 1)
        return;
    host_time(5000);
    host_interrupt(HOST_TICK, 0);
}

static void partner_sends(unsigned first)
{
    partner->utcb->mr[0] = L4_ITEM_MAP;
    partner->utcb->mr[1] = ram(first, 17).raw;
    host_syscall(SEL(L4_SLOT_THREAD) | L4_OP_SEND, l4_tag_make(first, 0, 1, 0).raw, 0,
                 (word_t)(2u << 10 | 1000) << 16); /* 4 ms */
    while (host_current() == client)
        wait_open();
}

/* Root takes a message from its queue; in a window its sender gives up, and sends another one. */
static void test_messages(void)
{
    struct l4_utcb *u = root->utcb;
    word_t pa = 0;
    unsigned rights;

    ok(host_current() == partner, "the partner goes on");
    partner_sends(32);
    ok(host_current() == root && partner->ipc_state == IPC_SENDING, "and sends pages");
    u->bdr = 0;
    u->br[0] = L4_ITEM_MAP;
    u->br[1] = l4_fpage_make(L4_FPAGE_MEM, (WINDOW >> 12) + 512, 17, 7).raw;
    host_window = tick_in_window;
    work_left = work_slice = 300;
    wait_open();
    ok(host_current() == partner && error_of(partner) == L4_IPC_SEND_TIMEOUT, "in a window it gives up");
    host_window = NULL;
    partner_sends(64);
    is(label_of(root), 64, "root gets the next message");
    is(pages_at(root->task, WINDOW + 512 * L4_PAGE_SIZE, 32), 32, "with all its pages");
    host_translate(&root->task->space, WINDOW + 512 * L4_PAGE_SIZE, &pa, &rights);
    is(pa, RAM + 64 * L4_PAGE_SIZE, "and not those of the one before");
    machine_check();
}

/* What a running vCPU refuses leaves nothing behind. */
static void test_refused(void)
{
    struct thread *vcpu = thread_make(VCPU, L4_SLOT_PAGER, L4_SLOT_PAGER);

    call_words(VCPU, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_VCPU_CONTROL, KU_AREA + 0x1000, 0, 0);
    is(label_of(root), 0, "a vCPU");
    vcpu->vcpu->state = L4_VCPU_IRQ;
    thread_go(VCPU, 90, 0x3000, 0x3100);
    vcpu->utcb->bdr = 0;
    vcpu->utcb->br[0] = L4_ITEM_MAP;
    vcpu->utcb->br[1] = l4_fpage_make(L4_FPAGE_MEM, WINDOW >> 12, 21, 7).raw;
    root->utcb->mr[0] = L4_ITEM_MAP;
    root->utcb->mr[1] = ram(0, 17).raw;
    work_left = work_slice = 300;
    host_syscall(SEL(VCPU) | L4_OP_SEND, l4_tag_make(0, 0, 1, 0).raw, 0, 0);
    is(error_of(root), L4_IPC_SEND_MAP_FAILED, "takes no more than a window's worth of pages");
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, (AT + 0x400000) | L4_ITEM_MAP,
               ram(0, 12).raw, 0);
    is(pages_at(root->task, AT + 0x400000, 1), 1, "the next operation begins at its start");
    machine_check();
}

int main(void)
{
    machine_start();
    map_fpage_all((struct map_request){.from = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task,
                                       .to = root->task, .item = RAM | L4_ITEM_MAP, .send = ram(0, 21),
                                       .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    test_refused();
    test_parts();
    test_phases();
    test_messages();
    return tap_done();
}
