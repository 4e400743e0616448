/* SPDX-License-Identifier: MIT */
/*
 * The pieces of the short message path that are the processor's: copying words, loading the receiver in place of the
 * sender (the common case of cpu_load_thread; everything unusual is left to that function), and the way out.
 */
#pragma once
#include "cpu.h"
#include "sites.h"
#include "task.h"
#include "x86.h"

/* words > 0 */
static inline void arch_copy_words(word_t *to, const word_t *from, unsigned words)
{
    word_t n = words;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}

/* Selectors as every 64-bit program has them: data segments for ds and es, none for fs and gs. */
static inline bool selectors_plain(void)
{
    uint32_t ds, es, fs, gs;

    __asm__ volatile("movl %%ds, %0\n\tmovl %%es, %1\n\tmovl %%fs, %2\n\tmovl %%gs, %3"
                     : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
    return ((ds ^ ARCH_SEL_USER_DATA) | (es ^ ARCH_SEL_USER_DATA) | fs | gs) == 0;
}

/* May the quick switch be used between two threads without unusual segments? */
static inline bool switch_is_quick(const struct arch_cpu *a)
{
    return !a->switch_special && selectors_plain();
}

/* All but the segment bases, which the way out exchanges. */
static inline void switch_quick(struct arch_cpu *a, struct thread *to)
{
    struct arch_space *s = to->space;

    if (a->space != s) {
        a->space = s;
        write_cr3(unlikely(a->pcid) ? arch_pcid_load(s) : s->root_pa); /* without PCIDs it flushes what has to be */
    }
    fpu_ts_set(a, a->fpu_owner != to);
    *a->rsp0 = (word_t)(&to->arch.frame + 1);
    a->loaded = to;
}

/* The bases of `to` in place of those of `from`; gs is the kernel's before and the user's afterwards.
 * Without FSGSBASE, equal bases are no reason to skip a write: a null selector, loaded by user code, sets a base to 0
 * unseen (U2 in cpu.c), and every task may have its UTCB at the same address. Two bases of 0 are. */
static inline void bases_exchange(const struct arch_cpu *a, struct thread *from, const struct thread *to)
{
    if (likely(a->fsgsbase)) {
        __asm__ volatile("rdfsbase %0" : "=r"(from->arch.fs_base));
        __asm__ volatile("wrfsbase %0" ::"r"(to->arch.fs_base));
        __asm__ volatile("swapgs\n\trdgsbase %0" : "=r"(from->arch.gs_base)::"memory");
        __asm__ volatile("wrgsbase %0" ::"r"(to->arch.gs_base) : "memory");
        return;
    }
    if ((from->arch.fs_base | to->arch.fs_base) != 0)
        wrmsr(MSR_FS_BASE, to->arch.fs_base);
    wrmsr(MSR_KERNEL_GS_BASE, to->arch.gs_base);
    __asm__ volatile("swapgs" ::: "memory");
}

/* ---- the registers that C functions preserve: rbx, rbp, r12-r15 ----
 * fastpath.c is compiled so that it does not use them (Makefile), and what it calls gives them back: they are the
 * user's until the end. clang cannot be told so: there they have been stored at the entry (entry.S). */
#ifdef __clang__
#define REGISTERS_SAVE ""
#define REGISTERS_LOAD_OWN REGISTERS_LOAD_PRESERVED
#else
#define REGISTERS_SAVE                                                                                                 \
    "movq %%rbx, %c[rbx](%[f])\n\tmovq %%rbp, %c[rbp](%[f])\n\tmovq %%r12, %c[r12](%[f])\n\t"                          \
    "movq %%r13, %c[r13](%[f])\n\tmovq %%r14, %c[r14](%[f])\n\tmovq %%r15, %c[r15](%[f])"
#define REGISTERS_LOAD_OWN ""
#endif
#define REGISTERS_LOAD_PRESERVED                                                                                       \
    "movq %c[rbx](%[f]), %%rbx\n\tmovq %c[rbp](%[f]), %%rbp\n\tmovq %c[r12](%[f]), %%r12\n\t"                          \
    "movq %c[r13](%[f]), %%r13\n\tmovq %c[r14](%[f]), %%r14\n\tmovq %c[r15](%[f]), %%r15\n\t"
#define REGISTER_OFFSET(reg) [reg] "i"(offsetof(struct arch_frame, reg))
#define REGISTERS_PRESERVED                                                                                            \
    REGISTER_OFFSET(rbx), REGISTER_OFFSET(rbp), REGISTER_OFFSET(r12), REGISTER_OFFSET(r13), REGISTER_OFFSET(r14),      \
        REGISTER_OFFSET(r15)

/* They go to the frame of self, which is in a system call. */
static inline void registers_save(struct thread *self)
{
    __asm__ volatile(REGISTERS_SAVE ::[f] "r"(&self->arch.frame), REGISTERS_PRESERVED : "memory");
}

/* The entry has left the parameters in registers, too: now the frame is as the general path wants it. */
static inline void arch_frame_store(struct thread *self, word_t label, word_t dest, word_t tag)
{
    frame_set_label(&self->arch.frame, label);
    frame_set_dest(&self->arch.frame, dest);
    frame_set_tag(&self->arch.frame, tag);
    registers_save(self);
}

/* sysret with the registers of an unchanged system call frame; gs is the user's already. An instruction pointer that is
 * not canonical would fault here; but `syscall` stored it, and map.c lets nobody execute the last page. rdx belongs
 * to nobody after a system call, but must not show anything of the kernel's. */
#define REGISTERS_LEAVE(preserved, t, tag, label)                                                                      \
    __asm__ volatile("movq %c[ip](%[f]), %%rcx\n\t"                                                                    \
                     "movq %c[flags](%[f]), %%r11\n\t" preserved                                                       \
                     "xorl %%edx, %%edx\n\t"                                                                           \
                     "movq %c[r8](%[f]), %%r8\n\t"                                                                     \
                     "movq %c[r9](%[f]), %%r9\n\t"                                                                     \
                     "movq %c[r10](%[f]), %%r10\n\t"                                                                   \
                     "movq %c[sp](%[f]), %%rsp\n\t"                                                                    \
                     "movq %c[rdi](%[f]), %%rdi\n\t"                                                                   \
                     SITE_ASM(SITE_SYSRET) "sysretq\n\t.skip 2, 0xcc" ::[f] "D"(&(t)->arch.frame),                     \
                     "a"(tag), "S"(label), REGISTERS_PRESERVED, REGISTER_OFFSET(ip), REGISTER_OFFSET(flags),           \
                     REGISTER_OFFSET(r8), REGISTER_OFFSET(r9), REGISTER_OFFSET(r10), REGISTER_OFFSET(sp),              \
                     REGISTER_OFFSET(rdi)                                                                              \
                     : "memory")

/* Leaves the kernel into `to`, which has an unchanged system call frame, in place of the loaded thread `from`, whose
 * frame is complete. Neither has a flag. */
__attribute__((always_inline)) static inline struct thread *
arch_switch_from_trap(struct arch_cpu *a, struct thread *from, struct thread *to, word_t tag, word_t label)
{
    if (unlikely(!switch_is_quick(a))) {
        cpu_load_thread(to);
        __asm__ volatile("swapgs" ::: "memory");
    } else {
        switch_quick(a, to);
        bases_exchange(a, from, to);
    }
    REGISTERS_LEAVE(REGISTERS_LOAD_PRESERVED, to, tag, label);
    __builtin_unreachable();
}

/* The same for a thread in a system call. */
__attribute__((always_inline)) static inline struct thread *
arch_switch_fast(struct arch_cpu *a, struct thread *from, struct thread *to, word_t tag, word_t label)
{
    registers_save(from);
    return arch_switch_from_trap(a, from, to, tag, label);
}

/* The same for the loaded thread itself. */
__attribute__((always_inline)) static inline struct thread *arch_resume_fast(struct thread *self, word_t tag,
                                                                             word_t label)
{
    __asm__ volatile("swapgs" ::: "memory");
    REGISTERS_LEAVE(REGISTERS_LOAD_OWN, self, tag, label);
    __builtin_unreachable();
}
