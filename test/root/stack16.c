/* SPDX-License-Identifier: MIT */
/*
 * A stack segment of 16 bits: the CPU's return to such a one leaves the upper half of the stack pointer as it was in
 * the kernel. No such segment can be made.
 */
#include "root.h"
#include "tap.h"

#define GDT_FIRST 0x5b
#define DATA16 0x008ff3000000fffful /* writable data, 4 GiB, D/B clear */

volatile uint32_t before, after, count;

/* In 32-bit code with that stack segment, for some ticks: does the stack pointer change? */
void spin32(void);
__asm__(".text\n.globl spin32\nspin32: pushq %rbx\n pushq %rbp\n movq %rsp, %rbp\n movl $0x5b, %eax\n movl %eax, %ss\n"
        "movl %esp, %ebx\n movl $200000000, %ecx\n ljmpl *to32\n"
        ".code32\nin32: 1: cmpl %esp, %ebx\n jne 2f\n decl %ecx\n jnz 1b\n2: movl %esp, %edx\n ljmpl *to64\n"
        ".code64\nin64: movl $0x23, %eax\n movl %eax, %ss\n movq %rbp, %rsp\n movl %ebx, before\n movl %edx, after\n"
        "movl %ecx, count\n popq %rbp\n popq %rbx\n ret\n"
        ".data\nto32: .long in32\n .short 0x1b\nto64: .long in64\n .short 0x2b\n.text\n");

static int test_main(void)
{
    utcb()->mr[0] = L4_OP_THREAD_GDT;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = DATA16;
    long made = call(L4_SLOT_THREAD, L4_PROTO_THREAD, 3, 0);

    is(made, -L4_ERR_INVAL, "no stack segment of 16 bits");
    if (made == GDT_FIRST) {
        spin32();
        root_printf("# %x became %x, %u left\n", before, after, count);
        is(after, before, "the stack pointer stays the user's");
    }
    return tap_done();
}
