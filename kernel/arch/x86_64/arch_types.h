/* SPDX-License-Identifier: MIT */
/*
 * x86-64: the data that the architecture keeps inside threads, tasks and CPUs, and the accessors of the saved frame.
 *
 *   X1  A thread that is not running has its user registers in arch.frame. The frame ends 16-byte aligned, and the CPU
 *       that runs the thread has TSS.rsp0 = end of that frame: exceptions and interrupts are pushed straight into it.
 *   X2  frame.trapno == ARCH_TRAP_SYSCALL  <=>  the frame was made by `syscall` and nobody has changed registers that
 *       sysret cannot restore (rcx, r11). Every other frame leaves by iret. In such a frame rcx, r11, err, cs and ss
 *       are not stored: frame_complete makes them. rax, rdx and rsi are what the general path was called with, or
 *       old after a message by the short path: the first and the last get their results, the second belongs to nobody.
 *   X3  Segment bases, selectors and user GDT entries of the thread arch_cpu.loaded are in the CPU, those of all other
 *       threads in arch_thread. FPU registers of arch_cpu.fpu_owner are in the CPU.
 *   X4  CR3 holds the root of arch_cpu.space (with page-table isolation in user mode: isolation.h). A space that is not
 *       loaded here and whose tables lost rights has this CPU's bit in tlb_stale.
 */
#pragma once
#include <l4/proto.h>
#include <l4/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu;
struct thread;

/* Addresses. Physical memory below 4 GiB (as far as there is RAM) appears at ARCH_DIRECT_BASE, writable, not
 * executable; the kernel heap lies there. The kernel image appears at ARCH_IMAGE_BASE + physical address. */
#define ARCH_DIRECT_BASE 0xffff800000000000ul
#define ARCH_IMAGE_BASE 0xffffffff80000000ul
#define ARCH_MMIO_BASE 0xffffffffc0000000ul /* 2 MiB of uncached 4 KiB pages for device registers */
#define ARCH_DIRECT_END 0x100000000ul       /* physical */

/* Selectors. */
#define ARCH_SEL_KERNEL_CODE 0x08u
#define ARCH_SEL_KERNEL_DATA 0x10u
#define ARCH_SEL_USER_CODE32 0x1bu
#define ARCH_SEL_USER_DATA 0x23u
#define ARCH_SEL_USER_CODE64 0x2bu
#define ARCH_SEL_TSS 0x30u
#define ARCH_GDT_USER_FIRST 11u
#define ARCH_GDT_USER_COUNT 4u

#define ARCH_TRAP_SYSCALL 0x100u /* trap number of an unchanged system call frame */
#define ARCH_TRAP_PAGE_FAULT 14u

/* Words 0-22 of the exception state (struct l4_exc_regs), in the order in which the entry code pushes them. */
struct arch_frame {
    word_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, pfa, rbx, rdx, rcx, rax;
    word_t trapno, err, ip, cs, flags, sp, ss;
};
_Static_assert(sizeof(struct arch_frame) == 23 * 8, "frame is the exception state up to ss");
_Static_assert(offsetof(struct arch_frame, pfa) == offsetof(struct l4_exc_regs, pfa), "frame order");
_Static_assert(offsetof(struct arch_frame, ss) == offsetof(struct l4_exc_regs, ss), "frame order");

struct arch_thread {
    void *fpu;                       /* saved FPU state, NULL: never used */
    word_t gdt[ARCH_GDT_USER_COUNT]; /* descriptors set by the thread operation */
    bool gdt_used;                   /* any of gdt[] is not 0 */
    word_t selectors;                /* ds, es, fs, gs: 16 bits each, from bit 0 */
    word_t pad[2];                   /* the frame fills three lines and ends with the third */
    struct arch_frame frame;
    word_t fs_base, gs_base;         /* in one line with what the neutral kernel looks at first (thread.h) */
} __attribute__((aligned(16)));

struct arch_space {
    word_t root_pa;    /* physical address of the top-level page table */
    void *io_bitmap;   /* 8 KiB, bit set = port denied; NULL: none allowed. Owned by iospace.c */
    uint16_t pcid;     /* 0: shared, flushed at every load */
    uint64_t tlb_stale; /* bit per CPU: its TLB may hold entries that the tables have lost; flush when loaded next */
};

typedef word_t __attribute__((aligned(4))) word4_t; /* words of the TSS are aligned to four bytes */

struct cpu_tables; /* GDT, TSS with I/O bitmap: cpu.c */

struct arch_cpu {
    struct cpu *self;          /* the address of this block; first: read through gs */
    word_t user_sp;            /* scratch of the system call entry */
    word_t stack_top;          /* of this CPU's kernel stack */
    struct thread *loaded;     /* X3; NULL: nobody's */
    struct arch_space *space;  /* X4; NULL: the kernel's own tables */
    struct thread *fpu_owner;  /* NULL: FPU registers are nobody's */
    word4_t *rsp0;             /* in the TSS: where the CPU pushes the state of the running thread */
    bool begun;                /* takes part; see ap.c */
    bool ts;                   /* CR0.TS as it is */
    bool gdt_used;             /* the user entries of the GDT are not all empty */
    bool switch_special;       /* arch_switch_fast must leave the switch to cpu_load_thread */
    bool fsgsbase, pcid;       /* as in cpu_features: what the short path needs is in one line */
    struct arch_space *io_space; /* whose I/O bitmap is in the TSS; NULL: nobody's */
    struct cpu_tables *tables;
    word_t user_cr3;           /* with page-table isolation, as the two below: isolation.h */
    word_t iret_frame;         /* where the words of iret go */
    word_t frame_end;          /* what rsp0 points to: the end of the frame of the running thread */
    uint32_t apic_id;
};

/* ---- what pt.c needs to know about the CPU, and does with the TLB (cpu.c) ---- */
extern word_t kernel_pml4[512];
extern word_t space_upper[256];        /* upper half of every root; complete before the first space */
extern unsigned arch_phys_bits;        /* width of physical addresses */
extern bool arch_has_1g_pages;
/* pcid.c. count: how many the CPU has, 0: none. Before the first space is made. */
boot_code void arch_pcid_init(unsigned count);
/* A PCID for a new space (may be 0), and back. Sets tlb_stale. */
void arch_pcid_take(struct arch_space *s);
void arch_pcid_give(struct arch_space *s);
/* What CR3 becomes when s is loaded here (arch_cpu.space names it already). */
word_t arch_pcid_load(struct arch_space *s);
#define ARCH_CR3_KEEP (1ul << 63) /* do not flush the entries of the PCID */
/* An entry for va has lost rights or was removed. */
void arch_tlb_flush_page(struct arch_space *s, word_t va);
/* The space goes away: this CPU leaves its tables and its I/O bitmap. Before the root is freed. */
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
/* What the entry of a system call leaves out. The slot of rcx shows the timeout: the user's rcx is lost anyway. */
static inline void frame_complete(struct arch_frame *f)
{
    if (f->trapno == ARCH_TRAP_SYSCALL) {
        f->rcx = f->r8;
        f->r11 = f->flags;
        f->err = 0;
        f->cs = ARCH_SEL_USER_CODE64;
        f->ss = ARCH_SEL_USER_DATA;
    }
}
/* Ends X2: the frame leaves by iret. */
static inline void frame_set_trap(struct arch_frame *f, word_t trapno, word_t err)
{
    frame_complete(f);
    f->trapno = trapno;
    f->err = err;
}
/* First argument of a new thread's entry function (the KIP for sigma0). */
static inline void frame_set_arg(struct arch_frame *f, word_t v) { f->rdi = v; }
static inline void frame_set_args(struct arch_frame *f, word_t first, word_t second)
{
    f->rdi = first;
    f->rsi = second;
}

/* Data depend on it, no branch does; the compiler must not know what the check before has told. */
static inline word_t arch_index(word_t index, word_t limit)
{
    word_t mask;

    if (__builtin_constant_p(limit) && (limit & (limit - 1)) == 0 && limit <= 0x80000000ul) {
        __asm__("andl %1, %k0" : "+r"(index) : "ri"((uint32_t)(limit - 1)) : "cc");
        return index;
    }
    __asm__("cmpq %2, %1\n\tsbbq %0, %0" : "=r"(mask) : "r"(index), "r"(limit) : "cc");
    return index & mask;
}

/* struct cpu begins with struct arch_cpu; in the kernel the gs base is its address. */
static inline struct cpu *cpu_self(void)
{
    struct cpu *self;
    __asm__("movq %%gs:0, %0" : "=r"(self));
    return self;
}
