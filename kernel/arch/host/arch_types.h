/* SPDX-License-Identifier: MIT */
/*
 * Host: the machine is data in a Linux process. Frames have the layout of the exception message (amd64), so that the
 * same messages are seen; page tables have the format of x86-64 and are walked by trap.c.
 *
 *   H1  arch.space of a CPU is the space of the thread that runs there (NULL: the idle thread, or the CPU was claimed
 *       and has not gone on yet).
 *   H2  a TLB entry of a CPU whose bit in tlb_stale is clear agrees with its page table (pt.c invariant T4).
 */
#pragma once
#include <l4/proto.h>
#include <l4/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu;
struct thread;

#define ARCH_TRAP_SYSCALL 0x100u
#define ARCH_TRAP_PAGE_FAULT 14u

/* Words 0-22 of the exception state. */
struct arch_frame {
    word_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, pfa, rbx, rdx, rcx, rax;
    word_t trapno, err, ip, cs, flags, sp, ss;
};
_Static_assert(sizeof(struct arch_frame) == offsetof(struct l4_exc_regs, fs_base), "frame is the exception state");

struct arch_thread {
    struct arch_frame frame;
    word_t fs_base, gs_base;
    void *fpu; /* FPU state, NULL: never used */
};

#define HOST_TLB_SIZE 16u
#define HOST_CPUS 4u /* at most */
#define HOST_PCIDS 6u /* fewer than there are spaces: some have to share (pcid.c N1) */
struct host_tlb_entry {
    word_t va, pa; /* of one 4 KiB page; va 1: empty */
    unsigned pcid; /* of the space it belongs to */
    unsigned order; /* of the leaf it came from: flushing any part of that flushes it */
    unsigned rights;
};

struct arch_space {
    word_t root_pa;
    void *io_bitmap;
    uint64_t tlb_stale; /* bit per CPU */
    uint16_t pcid;
};

/* Registers of the user that the entry of a system call does not store; what their places in the frame hold then. */
#define HOST_NOT_STORED 0xbadbadbadbadbadul
struct host_registers {
    struct thread *of;
    word_t rbx, rbp, r12, r13, r14, r15, rax, rdx, rsi;
};

struct arch_cpu {
    struct host_registers live;
    struct arch_space *space; /* H1 */
    struct host_tlb_entry tlb[HOST_TLB_SIZE];
    bool ipi;                 /* on its way */
    bool stopped;             /* by a claim, which it notices before it does anything else */
};

/* ---- what pt.c needs ---- */
extern char *host_memory; /* physical address 0 */
#define ARCH_DIRECT_BASE ((word_t)host_memory)
extern word_t space_upper[256];
extern unsigned arch_phys_bits;
extern bool arch_has_1g_pages;
boot_code void arch_pcid_init(unsigned count);
void arch_pcid_take(struct arch_space *s);
void arch_pcid_give(struct arch_space *s);
word_t arch_pcid_load(struct arch_space *s);
#define ARCH_CR3_KEEP (1ul << 63)
void arch_tlb_flush_page(struct arch_space *s, word_t va);
void arch_space_unload(struct arch_space *s);

/* ---- accessors ---- */
static inline word_t frame_tag(const struct arch_frame *f) { return f->rax; }
static inline word_t frame_dest(const struct arch_frame *f) { return f->rdx; }
static inline word_t frame_label(const struct arch_frame *f) { return f->rsi; }
static inline word_t frame_timeout(const struct arch_frame *f) { return f->r8; }
static inline void frame_set_tag(struct arch_frame *f, word_t v) { f->rax = v; }
static inline void frame_set_dest(struct arch_frame *f, word_t v) { f->rdx = v; }
static inline void frame_set_label(struct arch_frame *f, word_t v) { f->rsi = v; }
static inline word_t frame_ip(const struct arch_frame *f) { return f->ip; }
static inline word_t frame_sp(const struct arch_frame *f) { return f->sp; }
static inline word_t frame_flags(const struct arch_frame *f) { return f->flags; }
static inline void frame_set_ip(struct arch_frame *f, word_t v) { f->ip = v; }
static inline void frame_set_sp(struct arch_frame *f, word_t v) { f->sp = v; }
static inline word_t frame_trapno(const struct arch_frame *f) { return f->trapno; }
static inline word_t frame_err(const struct arch_frame *f) { return f->err; }
static inline word_t frame_fault_addr(const struct arch_frame *f) { return f->pfa; }
static inline void frame_set_trap(struct arch_frame *f, word_t trapno, word_t err)
{
    f->trapno = trapno;
    f->err = err;
}
static inline void frame_set_arg(struct arch_frame *f, word_t v) { f->rdi = v; }
static inline void frame_set_args(struct arch_frame *f, word_t first, word_t second)
{
    f->rdi = first;
    f->rsi = second;
}

static inline word_t arch_index(word_t index, word_t limit) { return index < limit ? index : 0; }

extern struct cpu *host_cpu;
static inline struct cpu *cpu_self(void) { return host_cpu; }
