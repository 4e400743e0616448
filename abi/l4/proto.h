/* SPDX-License-Identifier: MIT */
/*
 * Protocol labels and operation codes of the kernel's objects. ops.def is the table; this header names the codes.
 */
#pragma once
#include <l4/types.h>

#define L4_PROTO_NONE 0l
#define L4_PROTO_ALLOW_SYSCALL 1l
#define L4_PROTO_IRQ (-1l)
#define L4_PROTO_PAGE_FAULT (-2l)
#define L4_PROTO_EXCEPTION (-5l)
#define L4_PROTO_SIGMA0 (-6l)
#define L4_PROTO_IO_PAGE_FAULT (-8l)
#define L4_PROTO_THREAD_GROUP (-9l)
#define L4_PROTO_KOBJECT (-10l)
#define L4_PROTO_TASK (-11l)
#define L4_PROTO_THREAD (-12l)
#define L4_PROTO_LOG (-13l)
#define L4_PROTO_SCHEDULER (-14l)
#define L4_PROTO_FACTORY (-15l)
#define L4_PROTO_VM (-16l)
#define L4_PROTO_DMA_SPACE (-17l)
#define L4_PROTO_IRQ_SENDER (-18l)
#define L4_PROTO_SEMAPHORE (-20l)
#define L4_PROTO_META (-21l)
#define L4_PROTO_IOMMU (-22l)
#define L4_PROTO_DEBUGGER (-23l)
#define L4_PROTO_SMCCC (-24l)
#define L4_PROTO_VCPU_CONTEXT (-25l)

#define L4_OP(object, proto, name, code, right, words, short, handler, errors) L4_OP_##object##_##name = (code),
#define L4_OP_ABSENT(object, proto, name, code) L4_OP_##object##_##name = (code),
enum l4_operation {
#include <l4/ops.def>
    L4_OP_COUNT_END
};

/* Thread control and ex_regs flags, in MR0. */
#define L4_THREAD_SET_PAGER 0x10000ul
#define L4_THREAD_BIND_TASK 0x200000ul
#define L4_THREAD_ALIEN 0x400000ul
#define L4_THREAD_SET_HANDLER 0x1000000ul
#define L4_EXREGS_CANCEL 0x10000ul
#define L4_EXREGS_TRIGGER 0x20000ul
#define L4_EXREGS_ARCH_MASK 0xff000000ul

/* Task unmap mask. */
#define L4_UNMAP_SELF 0x80000000ul
#define L4_UNMAP_DELETE 0x40000000ul

/* ICU. */
#define L4_ICU_MSI 0x80000000ul
#define L4_IRQ_MODE_SET 1u
#define L4_IRQ_MODE_LEVEL 2u
#define L4_IRQ_MODE_NEGATIVE 4u
#define L4_IRQ_MODE_BOTH 8u

/* Vcon. */
#define L4_VCON_WRITE_MAX 488u
#define L4_VCON_READ_MAX 496u
#define L4_VCON_READ_EXHAUSTED 0x80000000ul
#define L4_VCON_INLCR 0x40u
#define L4_VCON_IGNCR 0x80u
#define L4_VCON_ICRNL 0x100u
#define L4_VCON_ONLCR 4u
#define L4_VCON_OCRNL 8u
#define L4_VCON_ONLRET 0x20u
#define L4_VCON_ICANON 2u
#define L4_VCON_ECHO 8u

/* Page-fault message, MR0. */
#define L4_PF_PRESENT 1ul
#define L4_PF_WRITE 2ul
#define L4_PF_FETCH 4ul

/* Exception message (amd64): register words, and trap numbers that no CPU raises. */
#define L4_EXC_WORDS 26u
#define L4_TRAP_SYSCALL 253u
#define L4_TRAP_IPC 254u
#define L4_TRAP_TRIGGERED 255u

struct l4_exc_regs {
    word_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, pfa, rbx, rdx, rcx, rax;
    word_t trapno, err, ip, cs, flags, sp, ss, fs_base, gs_base;
    uint16_t ds, es, fs, gs;
};
_Static_assert(sizeof(struct l4_exc_regs) == L4_EXC_WORDS * 8, "exception state is 26 words");
