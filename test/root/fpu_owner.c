/* SPDX-License-Identifier: MIT */
/*
 * FPU registers of a thread that has lost its CPU while another one runs: they are nobody else's.
 */
#pragma GCC target("general-regs-only") /* the registers are used where it is written down, and nowhere else */
#include "root.h"
#include "tap.h"

#define SLOT_OWNER 0x20

static char stack_owner[8192] __attribute__((aligned(16)));

extern char set_and_sleep[];
__asm__(".text\n.globl set_and_sleep\nset_and_sleep: movabsq $0x5ec3e75ec3e7, %rax\n movq %rax, %xmm7\n"
        "1: movq $-2048 + 2, %rdx\n xorl %r8d, %r8d\n xorl %eax, %eax\n syscall\n jmp 1b\n");

static word_t run_nowhere(word_t map)
{
    struct l4_utcb *u = utcb();
    word_t after;

    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = 0;
    u->mr[2] = map;
    u->mr[3] = 120;
    u->mr[4] = 0;
    put_cap_item(5, SLOT_OWNER, 15);
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
    __asm__ volatile("movq %%xmm7, %0" : "=r"(after));
    return after;
}

static int test_main(void)
{
    word_t mine;

    set_priority(L4_SLOT_THREAD, 100);
    is(thread_make(SLOT_OWNER, (struct l4_utcb *)(L4_INITIAL_UTCB + L4_UTCB_SIZE), L4_SLOT_THREAD), 0, "a thread");
    set_priority(SLOT_OWNER, 120);
    __asm__ volatile("movq %0, %%xmm7" ::"r"(0x1111ul));
    thread_ex_regs(SLOT_OWNER, (word_t)set_and_sleep, (word_t)stack_owner + sizeof stack_owner, 0);
    mine = run_nowhere(1ul << 63); /* no such CPU */
    is(mine, 0x1111, "our FPU register is what it was when another thread loses the CPU");
    return tap_done();
}
