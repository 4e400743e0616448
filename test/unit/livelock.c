/* SPDX-License-Identifier: MIT */
/* Two threads send many pages each to one that waits for anybody on another CPU, which is awake. */
#include "tap.h"
#include "machine.h"
#include "smp.h"
#include <stdio.h>

enum { FAR = 0x40, LOCAL, NEAR };
#define RAM 0x400000ul
#define WINDOW 0x20000000ul

static l4_fpage ram(unsigned first, unsigned order)
{
    return l4_fpage_make(L4_FPAGE_MEM, (RAM >> 12) + first, order, L4_MEM_RIGHTS);
}

static void sends(unsigned first)
{
    struct thread *t = host_current();

    t->utcb->mr[0] = L4_ITEM_MAP;
    t->utcb->mr[1] = ram(first, 18).raw;
    host_syscall(SEL(FAR) | CALL, l4_tag_make(first, 0, 1, 0).raw, 0, 0);
}

int main(int argc, char **argv)
{
    struct thread *far, *near;
    unsigned rounds = 0, flips = 0;
    uint64_t last = 0;
    bool alone = argc > 1 && argv[1] != NULL;

    machine_start_cpus(2);
    map_fpage_all((struct map_request){.from = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task,
                                       .to = root->task, .item = RAM | L4_ITEM_MAP, .send = ram(0, 21),
                                       .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    far = thread_make(FAR, L4_SLOT_PAGER, L4_SLOT_PAGER);
    near = thread_make(NEAR, L4_SLOT_PAGER, L4_SLOT_PAGER);
    thread_make(LOCAL, L4_SLOT_PAGER, L4_SLOT_PAGER);
    call_words(FAR, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x4000, 0);
    run_thread_on(FAR, 2, 150);
    call_words(LOCAL, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x4000, 0);
    run_thread_on(LOCAL, 2, 50);
    host_set_cpu(1);
    ok(host_current() == far, "far runs");
    far->utcb->bdr = 0;
    far->utcb->br[0] = L4_ITEM_MAP;
    far->utcb->br[1] = l4_fpage_make(L4_FPAGE_MEM, WINDOW >> 12, 21, 7).raw;
    wait_open();
    ok(!host_idle(), "its CPU is awake");
    host_set_cpu(0);
    call_words(NEAR, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x4000, 0);
    run_thread_on(NEAR, 1, 90);
    work_left = work_slice = 300;
    sends(0);
    if (host_current() == near && !alone)
        sends(64);
    while (far->ipc_state == IPC_WAITING && rounds < 20000) {
        rounds++;
        flips += far->partner != last;
        last = far->partner;
        for (unsigned n = 2; n-- > 0;)
            if (host_ipi_pending(n)) {
                cpus[n]->guests_served = 0;
                host_set_cpu(n);
                if (!alone && host_current() == near && near->ipc_state == IPC_IDLE && near->resume == NULL)
                    sends(64);
            }
    }
    printf("# rounds %u flips %u root state %d near state %d\n", rounds, flips, root->ipc_state, near->ipc_state);
    ok(far->ipc_state == IPC_IDLE, "one of them has arrived");
    return tap_done();
}
