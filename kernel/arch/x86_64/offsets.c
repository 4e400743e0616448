/* SPDX-License-Identifier: MIT */
/*
 * Numbers that the assembler files need: the compiler writes them, the makefile turns each "#def NAME value" of the
 * assembler output into a #define in offsets.h. Never linked.
 */
#include "cpu.h"
#include "thread.h"

#define NUMBER(name, value) __asm__ volatile("#def " #name " %c0" ::"i"(value))
#define CPU(name, field) NUMBER(name, offsetof(struct cpu, field))
#define REG(name, reg) NUMBER(name, offsetof(struct thread, arch.frame.reg))

void offsets(void);
void offsets(void)
{
    CPU(CPU_USER_SP, arch.user_sp);
    CPU(CPU_RSP0, arch.rsp0);
    CPU(CPU_STACK_TOP, arch.stack_top);
    CPU(CPU_LOADED, arch.loaded);
    CPU(CPU_IDLE, idle);
    CPU(CPU_CURRENT, current);
    CPU(CPU_USER_CR3, arch.user_cr3);
    CPU(CPU_IRET_FRAME, arch.iret_frame);
    NUMBER(SPACE_PCID, offsetof(struct arch_space, pcid));
    REG(THREAD_R15, r15);
    REG(THREAD_R14, r14);
    REG(THREAD_R13, r13);
    REG(THREAD_R12, r12);
    REG(THREAD_R11, r11);
    REG(THREAD_R10, r10);
    REG(THREAD_R9, r9);
    REG(THREAD_R8, r8);
    REG(THREAD_RDI, rdi);
    REG(THREAD_RSI, rsi);
    REG(THREAD_RBP, rbp);
    REG(THREAD_RBX, rbx);
    REG(THREAD_RDX, rdx);
    REG(THREAD_RCX, rcx);
    REG(THREAD_RAX, rax);
    REG(THREAD_TRAPNO, trapno);
    REG(THREAD_ERR, err);
    REG(THREAD_IP, ip);
    REG(THREAD_CS, cs);
    REG(THREAD_FLAGS, flags);
    REG(THREAD_SP, sp);
    REG(THREAD_SS, ss);
    NUMBER(TRAP_SYSCALL, ARCH_TRAP_SYSCALL);
    NUMBER(SEL_KERNEL_DATA, ARCH_SEL_KERNEL_DATA);
    NUMBER(SEL_USER_CODE32, ARCH_SEL_USER_CODE32);
    NUMBER(SEL_USER_DATA, ARCH_SEL_USER_DATA);
    NUMBER(SEL_USER_CODE64, ARCH_SEL_USER_CODE64);
}

_Static_assert(offsetof(struct cpu, arch) == 0, "gs:0 is the address of the CPU block");
_Static_assert((offsetof(struct thread, arch.frame) + sizeof(struct arch_frame)) % 16 == 0, "X1: frame end");
_Static_assert(_Alignof(struct thread) == 64 && offsetof(struct thread, arch.fs_base) % 64 == 0, "lines of thread.h");
_Static_assert(offsetof(struct thread, home) - offsetof(struct thread, arch.fs_base) == 64, "lines of thread.h");
_Static_assert(offsetof(struct thread, snd.id) - offsetof(struct thread, home) == 56, "lines of thread.h");
