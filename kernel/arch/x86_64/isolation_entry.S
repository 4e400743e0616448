/* SPDX-License-Identifier: MIT */
/*
 * The ways in and out with page-table isolation. They run in the entry area (isolation.h), exchange the page tables,
 * and go on in, or come from, entry.S. r15 is theirs at a system call, by the kernel interface.
 *
 *   from user mode, exceptions and interrupts: the CPU has pushed to entry_stack[0]; with the kernel's tables the words
 *   go to the frame of the running thread, as if they had been pushed there (X1 in arch_types.h).
 */
#include "entry.h"
#include "offsets.h"
#include "sites.h"

    .section .entry, "ax", @progbits

    .globl entry_kernel_cr3
    .balign 8
entry_kernel_cr3: .quad 0

.macro KERNEL_TABLES register
    movq entry_kernel_cr3(%rip), \register
    movq \register, %cr3
.endm

    .globl isolated_syscall, isolated_syscall_32
isolated_syscall:
    KERNEL_TABLES %r15
    xorl %r15d, %r15d
    jmp syscall_entry
isolated_syscall_32:
    KERNEL_TABLES %r15
    xorl %r15d, %r15d
    jmp syscall_entry_32

/* From user mode, rax has been pushed on top of the vector: all 8 words go to the frame, rsp behind rax in it. */
.macro FRAME_TAKE
    KERNEL_TABLES %rax          /* serialises: nothing is speculated with the other gs base */
    swapgs
    movq %gs:CPU_LOADED, %rax
    popq THREAD_RAX(%rax)
    popq THREAD_TRAPNO(%rax)
    popq THREAD_ERR(%rax)
    popq THREAD_IP(%rax)
    popq THREAD_CS(%rax)
    popq THREAD_FLAGS(%rax)
    popq THREAD_SP(%rax)
    popq THREAD_SS(%rax)
    leaq THREAD_TRAPNO(%rax), %rsp
    movq THREAD_RAX(%rax), %rax
.endm

    .globl isolated_exception
isolated_exception:
    testb $3, 24(%rsp)          /* cs */
    jz 2f
1:  pushq %rax
    FRAME_TAKE
    jmp exception_save
2:  lfence
    pushq %rax
    movq iret_ip(%rip), %rax
    cmpq %rax, 24(%rsp)
    KERNEL_TABLES %rax
    popq %rax
    jne exception_fatal
    /* The iret to user mode: the words that it did not like are where the CPU's rsp was. */
    movq 40(%rsp), %rsp
    movq $SEL_USER_CODE64, 8(%rsp)
    movq $SEL_USER_DATA, 32(%rsp)
    pushq $ERROR_IRET
    pushq $VECTOR_GP
    jmp 1b

    .globl isolated_interrupt
isolated_interrupt:
    testb $3, 16(%rsp)          /* cs */
    jz 1f
    pushq $0
    pushq %rax
    FRAME_TAKE
    jmp interrupt_save
1:  lfence
    jmp interrupt_idle

/* NMI, double fault, machine check: on an entry_stack, which is too small for C. What was on it does not stay. */
.macro KERNEL_STACK
    PUSH_REGISTERS
    movq %cr3, %rbx
    KERNEL_TABLES %rax
    movq %rsp, %rdi
    movq %rsp, %rbp
    movq 23 * 8(%rsp), %rsp     /* entry_stack.kernel_stack */
    cld
.endm

    .globl isolated_nmi, isolated_fatal
isolated_nmi:
    KERNEL_STACK
    call trap_nmi
    movq %rbp, %rsp
    movq %rbx, %cr3             /* whichever it was */
    POP_REGISTERS
    .rept 16
    pushq $0
    .endr
    addq $18 * 8, %rsp
    iretq
isolated_fatal:
    KERNEL_STACK
    call trap_kernel

/* ---- the ways out: registers and gs are the user's ---- */
    .globl isolated_sysret
isolated_sysret:
    swapgs
    movq %gs:CPU_USER_CR3, %r15
    swapgs
    movq %r15, %cr3
    xorl %r15d, %r15d
    SITE SITE_SYSRET_ISOLATED
    sysretq
    .skip 2, 0xcc

/* rsp is at frame.ip: the five words go to where the CPU will push the next ones. */
    .globl isolated_iret, isolated_iret_user
isolated_iret:
    swapgs
    movq %rax, %gs:CPU_USER_SP
    movq %gs:CPU_IRET_FRAME, %rax
    popq (%rax)
    popq 8(%rax)
    popq 16(%rax)
    popq 24(%rax)
    popq 32(%rax)
    movq %rax, %rsp
    pushq %gs:CPU_USER_SP
    movq %gs:CPU_USER_CR3, %rax
    swapgs
    movq %rax, %cr3
    popq %rax
    SITE SITE_IRET_ISOLATED
isolated_iret_user:
    iretq
    .skip 3, 0xcc

/* In place of invlpg, with PCIDs: rdi is the address, rsi the space; the user's entries have its PCID, not ours. */
    .text
    .globl isolated_flush
isolated_flush:
    movzwl SPACE_PCID(%rsi), %eax
    pushq %rdi
    pushq %rax
    xorl %eax, %eax             /* one address */
    invpcid (%rsp), %rax
    addq $16, %rsp
    ret

    .section .note.GNU-stack, "", @progbits
