/* SPDX-License-Identifier: MIT */
/* A right is taken from a page whose child is mapped many times; in a window one more is derived from the child. */
#include "tap.h"
#include "machine.h"

enum { TASK = 0x40, ACTOR };
#define RAM 0x400000ul
#define AT 0x10000000ul
#define COPIES 400u

static unsigned windows;

static void disturb(void)
{
    if (++windows != 2)
        return;
    work_left = work_slice = 1 << 30;
    host_set_cpu(1);
    call_words(TASK, L4_PROTO_TASK, TASK, 3, L4_OP_TASK_MAP, (AT + 0x800000) | L4_ITEM_MAP,
               l4_fpage_make(L4_FPAGE_MEM, AT >> 12, 12, 7).raw, 0);
    work_left = work_slice = 300;
}

int main(void)
{
    struct task *task;
    word_t pa;
    unsigned rights = 0;

    machine_start_cpus(2);
    map_fpage_all((struct map_request){.from = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task,
                                       .to = root->task, .item = RAM | L4_ITEM_MAP,
                                       .send = l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, L4_MEM_RIGHTS),
                                       .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    create(L4_PROTO_TASK, TASK);
    task = task_of(cap_obj(cap_slot(root->task, TASK)));
    call_words(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, AT | L4_ITEM_MAP,
               l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7).raw, 0);
    for (unsigned i = 1; i < COPIES; i++)
        call_words(TASK, L4_PROTO_TASK, TASK, 3, L4_OP_TASK_MAP, (AT + i * L4_PAGE_SIZE) | L4_ITEM_MAP,
                   l4_fpage_make(L4_FPAGE_MEM, AT >> 12, 12, 7).raw, 0);
    thread_make(ACTOR, L4_SLOT_PAGER, L4_SLOT_PAGER);
    call_words(ACTOR, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x4000, 0);
    run_thread_on(ACTOR, 2, 150);
    host_set_cpu(1);
    host_set_cpu(0);
    work_left = work_slice = 300;
    host_window = disturb;
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, 0,
               l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, L4_MEM_W).raw, 0);
    host_window = NULL;
    is(label_of(root), 0, "write rights are taken away");
    ok(windows > 2, "in windows");
    host_translate(&task->space, AT, &pa, &rights);
    is(rights & L4_MEM_W, 0, "the child has lost them");
    rights = 0;
    ok(host_translate(&task->space, AT + 0x800000, &pa, &rights), "what was derived from it in a window is there");
    is(rights & L4_MEM_W, 0, "and has lost them, too");
    machine_check();
    return tap_done();
}
