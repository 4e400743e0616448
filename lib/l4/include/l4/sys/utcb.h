/* SPDX-License-Identifier: MIT */
/*
 * The UTCB: message registers, buffer registers and thread control registers of the running thread. It is found through
 * gs:0 and belongs to its thread alone: another thread's UTCB must not be used for system calls.
 */
#pragma once
#include <l4/sys/types.h>
#include <l4/utcb.h>

typedef struct l4_utcb l4_utcb_t;

#define L4_UTCB_OFFSET 0x400 /* from one UTCB to the next in a UTCB area */
enum l4_utcb_consts_amd64 {
    L4_UTCB_EXCEPTION_REGS_SIZE = 26,
    L4_UTCB_GENERIC_DATA_SIZE = 63,
    L4_UTCB_GENERIC_BUFFERS_SIZE = 58,
    L4_UTCB_MSG_REGS_OFFSET = 0,
    L4_UTCB_BUF_REGS_OFFSET = 0x200,
    L4_UTCB_THREAD_REGS_OFFSET = 0x3d8,
    L4_UTCB_INHERIT_FPU = 0x1000000
};

/* Message registers. */
typedef union l4_msg_regs_t {
    l4_umword_t mr[L4_UTCB_GENERIC_DATA_SIZE];
    l4_uint64_t mr64[L4_UTCB_GENERIC_DATA_SIZE];
} l4_msg_regs_t;

/* Buffer registers: descriptor (index of the first memory, I/O and object buffer), then the buffers. */
typedef struct l4_buf_regs_t {
    l4_umword_t bdr;
    l4_umword_t br[L4_UTCB_GENERIC_BUFFERS_SIZE];
} l4_buf_regs_t;

/* Thread control registers. */
typedef struct l4_thread_regs_t {
    l4_umword_t error;       /* IPC error code; valid when the tag has L4_MSGTAG_ERROR */
    l4_umword_t free_marker; /* nonzero while a thread uses this UTCB; the kernel stores 0 afterwards */
    l4_umword_t user[3];     /* never touched by the kernel; 0: thread descriptor of the C library */
} l4_thread_regs_t;

/* Register state in an exception message (label L4_PROTO_EXCEPTION, 26 words). */
typedef struct l4_exc_regs_t {
    l4_umword_t r15, r14, r13, r12, r11, r10, r9, r8;
    l4_umword_t rdi, rsi, rbp;
    l4_umword_t pfa; /* page-fault address (trap 14) */
    l4_umword_t rbx, rdx, rcx, rax;
    l4_umword_t trapno; /* x86 trap number; 253 system call, 255 forced by ex_regs */
    l4_umword_t err;    /* error code of the trap */
    l4_umword_t ip;
    l4_umword_t dummy1; /* code segment */
    l4_umword_t flags;
    l4_umword_t sp;
    l4_umword_t ss;
    l4_umword_t fs_base, gs_base;
    l4_uint16_t ds, es, fs, gs;
} l4_exc_regs_t;

_Static_assert(sizeof(l4_exc_regs_t) == 26 * 8, "exception state");
_Static_assert(sizeof(l4_msg_regs_t) == 504 && sizeof(l4_buf_regs_t) == 472, "registers");
_Static_assert(sizeof(l4_thread_regs_t) == 40, "thread control registers");

/* UTCB of the running thread. */
L4_INLINE l4_utcb_t *l4_utcb_direct(void)
{
    l4_utcb_t *u;

    __asm__("mov %%gs:0, %0" : "=r"(u));
    return u;
}
L4_INLINE l4_utcb_t *l4_utcb_wrap(void) { return l4_utcb_direct(); }
L4_INLINE l4_utcb_t *l4_utcb(void) { return l4_utcb_direct(); }

L4_INLINE l4_msg_regs_t *l4_utcb_mr_u(l4_utcb_t *u) { return (l4_msg_regs_t *)(void *)u; }
L4_INLINE l4_buf_regs_t *l4_utcb_br_u(l4_utcb_t *u)
{
    return (l4_buf_regs_t *)(void *)((char *)u + L4_UTCB_BUF_REGS_OFFSET);
}
L4_INLINE l4_thread_regs_t *l4_utcb_tcr_u(l4_utcb_t *u)
{
    return (l4_thread_regs_t *)(void *)((char *)u + L4_UTCB_THREAD_REGS_OFFSET);
}
L4_INLINE l4_exc_regs_t *l4_utcb_exc_u(l4_utcb_t *u) { return (l4_exc_regs_t *)(void *)u; }
/* Message registers: what the next message sends, what the last one brought. Any system call may change them. */
L4_INLINE l4_msg_regs_t *l4_utcb_mr(void) { return l4_utcb_mr_u(l4_utcb()); }
/* Buffer registers: where the next message's items go. */
L4_INLINE l4_buf_regs_t *l4_utcb_br(void) { return l4_utcb_br_u(l4_utcb()); }
/* Thread control registers. */
L4_INLINE l4_thread_regs_t *l4_utcb_tcr(void) { return l4_utcb_tcr_u(l4_utcb()); }
/* The message registers seen as exception state. */
L4_INLINE l4_exc_regs_t *l4_utcb_exc(void) { return l4_utcb_exc_u(l4_utcb()); }

/* Instruction pointer of the exception state. */
L4_INLINE l4_umword_t l4_utcb_exc_pc(l4_exc_regs_t const *u) { return u->ip; }
/* Where the thread goes on after the reply. */
L4_INLINE void l4_utcb_exc_pc_set(l4_exc_regs_t *u, l4_addr_t pc) { u->ip = pc; }
/* Trap number. */
L4_INLINE unsigned long l4_utcb_exc_typeval(l4_exc_regs_t const *u) { return u->trapno; }
/* Is it a page fault? */
L4_INLINE int l4_utcb_exc_is_pf(l4_exc_regs_t const *u) { return u->trapno == 14; }
/* Fault address, in its low bits the access: bit 1 write. */
L4_INLINE l4_addr_t l4_utcb_exc_pfa(l4_exc_regs_t const *u) { return (u->pfa & ~7ul) | (u->err & 2u); }
/* Was it forced by l4_thread_ex_regs() with L4_THREAD_EX_REGS_TRIGGER_EXCEPTION? */
L4_INLINE int l4_utcb_exc_is_ex_regs_exception(l4_exc_regs_t const *u) { return u->trapno == 0xff; }

L4_INLINE void l4_utcb_inherit_fpu_u(l4_utcb_t *u, int switch_on)
{
    if (switch_on)
        l4_utcb_br_u(u)->bdr |= L4_UTCB_INHERIT_FPU;
    else
        l4_utcb_br_u(u)->bdr &= ~(l4_umword_t)L4_UTCB_INHERIT_FPU;
}
/* Accept (1) or refuse (0) FPU state that comes with messages. */
L4_INLINE void l4_utcb_inherit_fpu(int switch_on) { l4_utcb_inherit_fpu_u(l4_utcb(), switch_on); }

/* Buffer descriptor from the indices of the first memory, I/O and object buffer (0..31) and flags
 * (L4_UTCB_INHERIT_FPU). */
L4_INLINE l4_umword_t l4_bdr(l4_umword_t mem, l4_umword_t io, l4_umword_t obj, l4_umword_t flags)
{
    return flags | mem << L4_BDR_MEM_SHIFT | io << L4_BDR_IO_SHIFT | obj << L4_BDR_OBJ_SHIFT;
}
/* Index into mr64 of the 64-bit value at word index idx or behind. */
L4_INLINE unsigned l4_utcb_mr64_idx(unsigned idx) { return idx; }

L4_INLINE l4_timeout_s l4_timeout_abs_u(l4_kernel_clock_t pint, int br, l4_utcb_t *u)
{
    l4_utcb_br_u(u)->br[br] = pint;
    return L4_TIMEOUT_HALF_(0x8000 | br);
}
/* Absolute half timeout: kernel-clock time pint (us since boot) stored in buffer register br (0..57), which must stay
 * unused until the system call. */
L4_INLINE l4_timeout_s l4_timeout_abs(l4_kernel_clock_t pint, int br) { return l4_timeout_abs_u(pint, br, l4_utcb()); }

L4_INLINE l4_kernel_clock_t l4_timeout_get_u(l4_kernel_clock_t cur, l4_timeout_s to, l4_utcb_t *u)
{
    unsigned br = to.t & 0x3fu;

    if (to.t == 0)
        return L4_TIMEOUT_US_NEVER;
    if (!l4_timeout_is_absolute(to))
        return cur + l4_timeout_rel_get(to);
    return l4_utcb_br_u(u)->br[br < L4_UTCB_GENERIC_BUFFERS_SIZE ? br : L4_UTCB_GENERIC_BUFFERS_SIZE - 1];
}
/* Kernel-clock time at which the half expires when it is now cur; L4_TIMEOUT_US_NEVER for "never". */
L4_INLINE l4_kernel_clock_t l4_timeout_get(l4_kernel_clock_t cur, l4_timeout_s to)
{
    return l4_timeout_get_u(cur, to, l4_utcb());
}
