/* SPDX-License-Identifier: MIT */
/* What the files of the ways in and out share: sizes of stubs, and macros for those in assembler. */
#pragma once

#define VECTOR_NMI 2
#define VECTOR_GP 13
#define ERROR_IRET 0x20          /* of a refused iret: not 0, which a port has (cpu_io_reload) */
#define EXCEPTION_STUB_SIZE 9
#define STUBS_OF_GROUP 30       /* of interrupts */
#define STUBS_GROUP_SIZE (4 * STUBS_OF_GROUP + 5)

#ifdef __ASSEMBLER__

/* Pushes the registers below trapno (arch_frame order). */
.macro PUSH_REGISTERS
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    subq $8, %rsp               /* fault address: stays what it was */
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro POP_REGISTERS
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rbp
    addq $8, %rsp
    popq %rbx
    popq %rdx
    popq %rcx
    popq %rax
.endm
#endif
