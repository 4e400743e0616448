/* SPDX-License-Identifier: MIT */
/*
 * Entry of programs without the C library's start code: calls l4_start(rdi, stack) with the register rdi as it was at
 * the first instruction (sigma0: address of the KIP) and the address of argc on the stack that the creator built. A
 * program started with stack pointer 0 (sigma0, the root task) gets stack = NULL and runs on l4_start_stack.
 */
    .text
    .globl _start
    .type _start, @function
_start:
    xorl %ebp, %ebp
    movq %rsp, %rsi
    testq %rsp, %rsp
    jnz 1f
    leaq l4_start_stack(%rip), %rsp
    addq l4_start_stack_size(%rip), %rsp
1:  andq $-16, %rsp
    call l4_start
    ud2
    .size _start, . - _start
    .section .note.GNU-stack, "", @progbits
