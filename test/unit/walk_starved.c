/* SPDX-License-Identifier: MIT */
/* A right is taken from a page that is mapped many times; in every window the mapping at which the walk stands is
 * unmapped by its owner, and mapped again. */
#include "tap.h"
#include "machine.h"

enum { TASK = 0x40, ACTOR };
#define RAM 0x400000ul
#define AT 0x10000000ul
#define COPIES 400u

static unsigned windows;

static void disturb(void)
{
    struct mapping *at = cpus[0]->walk.at;
    word_t va;

    if (++windows > 2000 || at == NULL || at == cpus[0]->walk.top)
        return;
    va = mapping_va(at);
    work_left = work_slice = 1 << 30;
    host_set_cpu(1);
    call_words(TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF,
               l4_fpage_make(L4_FPAGE_MEM, va >> 12, 12, 7).raw, 0);
    call_words(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, va | L4_ITEM_MAP,
               l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 5).raw, 0);
    work_left = work_slice = 300;
}

int main(void)
{
    machine_start_cpus(2);
    map_fpage_all((struct map_request){.from = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task,
                                       .to = root->task, .item = RAM | L4_ITEM_MAP,
                                       .send = l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, L4_MEM_RIGHTS),
                                       .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    create(L4_PROTO_TASK, TASK);
    for (unsigned i = 0; i < COPIES; i++)
        call_words(TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, (AT + i * L4_PAGE_SIZE) | L4_ITEM_MAP,
                   l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7).raw, 0);
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
    ok(windows < 100, "it is done all the same");
    is(label_of(root), 0, "and answers");
    machine_check();
    return tap_done();
}
