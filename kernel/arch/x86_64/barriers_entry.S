/* SPDX-License-Identifier: MIT */
/*
 * Ways in and out with barriers, each in place of the plain one of entry.S when barriers.c wants it.
 */
#include "entry.h"
#include "offsets.h"

/* ---- out: with the user's tables, if they are others (isolation.h); the flags come from elsewhere ---- */
    .section .entry, "ax", @progbits
    .globl verw_sysret, verw_iret, verw_iret_user
verw_sysret:
    verw verw_selector(%rip)
    sysretq
verw_iret:
    verw verw_selector(%rip)
verw_iret_user:
    iretq
    .balign 2
verw_selector: .word SEL_KERNEL_DATA

/* ---- in: nothing is executed with the other gs base ---- */
    .text
    .globl fenced_exception, fenced_interrupt
fenced_exception:
    testb $3, 24(%rsp)          /* cs */
    jz 1f
    swapgs
    lfence
    jmp exception_save
1:  lfence
    jmp exception_kernel
fenced_interrupt:
    testb $3, 16(%rsp)          /* cs */
    jz 1f
    swapgs
    lfence
    pushq $0
    jmp interrupt_save
1:  lfence
    jmp interrupt_idle

/* ---- in: before the first indirect branch; all registers of the user have been stored or belong to C ---- */
.macro GUARDED function
    movq %rcx, %r9
    movq %rdx, %r10
    movl barriers_entry_msr(%rip), %ecx
    movl barriers_entry_value(%rip), %eax
    xorl %edx, %edx
    wrmsr
    movq %r9, %rcx
    movq %r10, %rdx
    jmp \function
.endm
    .globl guarded_syscall, guarded_exception, guarded_interrupt
guarded_syscall: GUARDED kernel_syscall
guarded_exception: GUARDED trap_exception
guarded_interrupt: GUARDED trap_interrupt

    .section .note.GNU-stack, "", @progbits
