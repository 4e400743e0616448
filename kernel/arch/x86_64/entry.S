/* SPDX-License-Identifier: MIT */
/*
 * Entry into the kernel and the way back. Every entry saves the user's registers in the frame of the running thread
 * (X1, X2 in arch_types.h), takes the CPU's one stack from its top, calls a C function with that thread, and resumes
 * the thread it returns. Nothing stays on the stack between entries.
 *
 *   from user mode     gs is the user's: swapgs first, and last on the way out
 *   from the idle loop, and from an interrupt window (preempt.h): interrupts only; what was interrupted is dropped
 *   from the kernel    an exception: prints and stops; but for the iret to a user state that the CPU refuses, which
 *                      becomes exception 13 of that thread
 *   NMI, double fault, machine check have stacks of their own and never touch a frame.
 */
#include "entry.h"
#include "offsets.h"
#include "sites.h"

/* Loads everything but rax, rcx, r11, rsp from the thread in rax. */
.macro LOAD_REGISTERS
    movq THREAD_R15(%rax), %r15
    movq THREAD_R14(%rax), %r14
    movq THREAD_R13(%rax), %r13
    movq THREAD_R12(%rax), %r12
    movq THREAD_R10(%rax), %r10
    movq THREAD_R9(%rax), %r9
    movq THREAD_R8(%rax), %r8
    movq THREAD_RDI(%rax), %rdi
    movq THREAD_RSI(%rax), %rsi
    movq THREAD_RBP(%rax), %rbp
    movq THREAD_RBX(%rax), %rbx
    movq THREAD_RDX(%rax), %rdx
.endm

/* An address that is not canonical would fault in the kernel, at iret. */
.macro CANONICAL register
    shlq $16, \register
    sarq $16, \register
.endm

/* A compiler that cannot be told to leave registers alone wants them stored at once. */
.macro SAVE_AT_ENTRY
#ifdef __clang__
    movq %rbx, THREAD_RBX(%rsp)
    movq %rbp, THREAD_RBP(%rsp)
    movq %r12, THREAD_R12(%rsp)
    movq %r13, THREAD_R13(%rsp)
    movq %r14, THREAD_R14(%rsp)
    movq %r15, THREAD_R15(%rsp)
#endif
.endm

    .section .entry, "ax", @progbits

/* ---- system call: rcx = return address, r11 = flags; the CPU has masked IF, TF, DF, AC, NT, IOPL ----
 * rbx, rbp, r12-r15 stay where they are: the short path leaves them alone, and stores them, with label, destination and
 * tag, when anything but itself may look at the frame (registers_save in arch_fast.h). */
    .balign 64
    .globl syscall_entry
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_USER_SP
    movq %gs:CPU_LOADED, %rsp   /* the thread, for a moment */
    movq %rcx, THREAD_IP(%rsp)
    movq %gs:CPU_USER_SP, %rcx
    movq %rcx, THREAD_SP(%rsp)
    movq %rdi, THREAD_RDI(%rsp)
    movq %r8, THREAD_R8(%rsp)
    movq %r9, THREAD_R9(%rsp)
    movq %r10, THREAD_R10(%rsp)
    movq %r11, THREAD_FLAGS(%rsp)
    SAVE_AT_ENTRY
    movq $TRAP_SYSCALL, THREAD_TRAPNO(%rsp)
    /* kernel_syscall(self, label, destination, tag, timeout): label, destination, timeout are where they must be */
    movq %rsp, %rdi
    movq %rax, %rcx
    movq %gs:CPU_STACK_TOP, %rsp
    SITE SITE_CALL_SYSCALL
    call kernel_syscall

/* ---- the way out: rax = thread ---- */
resume:
    cmpq %gs:CPU_LOADED, %rax
    jne resume_other
resume_loaded:
    cmpq $TRAP_SYSCALL, THREAD_TRAPNO(%rax)
    jne leave_iret
    LOAD_REGISTERS
    movq THREAD_IP(%rax), %rcx
    movq THREAD_FLAGS(%rax), %r11
    movq THREAD_SP(%rax), %rsp
    movq THREAD_RAX(%rax), %rax
    swapgs
    SITE SITE_SYSRET
    sysretq
    .skip 2, 0xcc

leave_iret:
    movq THREAD_IP(%rax), %rcx
    CANONICAL %rcx
    movq %rcx, THREAD_IP(%rax)
    LOAD_REGISTERS
    movq THREAD_R11(%rax), %r11
    movq THREAD_RCX(%rax), %rcx
    leaq THREAD_IP(%rax), %rsp
    movq THREAD_RAX(%rax), %rax
    swapgs
    SITE SITE_IRET
iret_user:
    iretq
    .skip 3, 0xcc

    .balign 8
    .globl iret_ip
iret_ip: .quad iret_user        /* the iret to user mode that is in use */

resume_other:
    movq %gs:CPU_STACK_TOP, %rsp
    cmpq %gs:CPU_IDLE, %rax
    je 1f
    movq %rax, %rbx
    movq %rax, %rdi
    call cpu_load_thread
    movq %rbx, %rax
    jmp resume_loaded
1:  call trap_idle

    .globl arch_resume
arch_resume:
    movq %rdi, %rax
    jmp resume

/* ---- `syscall` in 32-bit code: there is none; exception 6 at the instruction ---- */
    .globl syscall_entry_32
syscall_entry_32:
    swapgs
    movq %rsp, %gs:CPU_USER_SP
    movq %gs:CPU_RSP0, %rsp
    movq (%rsp), %rsp
    subq $2, %rcx
    pushq $SEL_USER_DATA
    pushq %gs:CPU_USER_SP
    pushq %r11
    pushq $SEL_USER_CODE32
    pushq %rcx
    pushq $0
    pushq $6
    jmp exception_save

/* ---- exceptions: the CPU (or the stub) has pushed an error code, the stub the number ---- */
    .globl exception_save, exception_kernel, exception_fatal, interrupt_save, interrupt_idle
exception_common:
    SITE SITE_EXCEPTION
    testb $3, 24(%rsp)          /* cs */
    jz exception_kernel
    swapgs
exception_save:
    PUSH_REGISTERS
    movq %gs:CPU_STACK_TOP, %rsp
    pushq $2                    /* the user's flags end here: AC would switch SMAP off */
    popfq
    movq %gs:CPU_LOADED, %rdi
    SITE SITE_CALL_EXCEPTION
    call trap_exception
    jmp resume

exception_kernel:
    pushq %rax
    movq iret_ip(%rip), %rax
    cmpq %rax, 24(%rsp)
    popq %rax
    jne exception_fatal
    /* The iret above stood with rsp at frame.ip and user registers loaded. The CPU pushed 6 words from the next aligned
     * address downward, the stub one: rsp is 6 words below frame.trapno. The words from ip to ss are untouched. */
    addq $48, %rsp
    movq $VECTOR_GP, (%rsp)
    movq $ERROR_IRET, 8(%rsp)
    movq $SEL_USER_CODE64, 24(%rsp)
    movq $SEL_USER_DATA, 48(%rsp)
    swapgs
    jmp exception_save

fatal_common:
    SITE SITE_FATAL
    .byte 0x0f, 0x1f, 0x44, 0, 0 /* a nop of 5 bytes */
exception_fatal:
    PUSH_REGISTERS
    movq %rsp, %rdi
    andq $-16, %rsp
    cld
    call trap_kernel

nmi_common:
    SITE SITE_NMI
    PUSH_REGISTERS
    movq %rsp, %rdi
    movq %rsp, %rbx
    andq $-16, %rsp
    cld
    call trap_nmi
    movq %rbx, %rsp
    POP_REGISTERS
    addq $16, %rsp
    iretq

    .globl exception_stubs
exception_stubs:
vector = 0
.rept 32
1:  .if vector != 8 && vector != 17 && vector != 21 && vector != 29 && vector != 30 && (vector < 10 || vector > 14)
    pushq $0
    .endif
    pushq $vector
    .if vector == VECTOR_NMI
    jmp nmi_common
    .elseif vector == 8 || vector == 18
    jmp fatal_common
    .else
    jmp exception_common
    .endif
    .skip EXCEPTION_STUB_SIZE - (. - 1b), 0xcc
vector = vector + 1
.endr

/* ---- interrupts, vectors 32-255: the stub pushes vector - 128, which fits a byte, in place of an error code ---- */
interrupt_common:
    SITE SITE_INTERRUPT
    testb $3, 16(%rsp)          /* cs */
    jz interrupt_idle
    swapgs
    pushq $0
interrupt_save:
    PUSH_REGISTERS
    movl 17 * 8(%rsp), %esi
    movq %gs:CPU_STACK_TOP, %rsp
    pushq $2
    popfq
    movq %gs:CPU_LOADED, %rdi
1:  addl $128, %esi
    SITE SITE_CALL_INTERRUPT
    call trap_interrupt
    jmp resume
interrupt_idle:
    movl (%rsp), %esi
    movq %gs:CPU_STACK_TOP, %rsp
    movq %gs:CPU_CURRENT, %rdi
    jmp 1b

/* Groups of stubs in reach of a short jump. */
    .globl interrupt_stubs
interrupt_stubs:
vector = 32
.rept (224 + STUBS_OF_GROUP - 1) / STUBS_OF_GROUP
.rept STUBS_OF_GROUP
    .if vector < 256
    pushq $vector - 128
    jmp 1f
    .endif
vector = vector + 1
.endr
1:  jmp interrupt_common
    .skip STUBS_GROUP_SIZE - 4 * STUBS_OF_GROUP - (. - 1b), 0xcc
.endr

    .section .note.GNU-stack, "", @progbits
