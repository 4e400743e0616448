/* SPDX-License-Identifier: MIT */
/*
 * The pieces of the short message path that are the processor's: copying words, loading the receiver in place of the
 * sender (the common case of cpu_load_thread; everything unusual is left to that function), and the way out.
 */
#pragma once
#include "cpu.h"
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

/* May the quick switch be used between the two? from is the thread that is loaded. */
static inline bool switch_is_quick(const struct arch_cpu *a, const struct thread *from, const struct thread *to)
{
    return !a->switch_special && !((from->flags | to->flags) & THREAD_ARCH_SPECIAL) && selectors_plain();
}

/* All but the segment bases, which the way out exchanges. */
static inline void switch_quick(struct arch_cpu *a, struct thread *to)
{
    struct arch_space *s = to->space;

    if (a->space != s) { /* no PCIDs here: loading the root flushes what has to be */
        a->space = s;
        write_cr3(s->root_pa);
    }
    fpu_ts_set(a, a->fpu_owner != to);
    *a->rsp0 = (word_t)(&to->arch.frame + 1);
    a->loaded = to;
}

/* The bases of `to` in place of those of `from`; gs is the kernel's before and the user's afterwards.
 * Without FSGSBASE, equal bases are no reason to skip a write: a null selector, loaded by user code, sets a base to 0
 * unseen (U2 in cpu.c), and every task may have its UTCB at the same address. Two bases of 0 are. */
static inline void bases_exchange(struct thread *from, const struct thread *to)
{
    if (likely(cpu_features.fsgsbase)) {
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

/* The registers of an unchanged system call frame; gs is the user's already. */
static inline struct thread *registers_load(const struct thread *t, word_t tag, word_t label)
{
    register const struct arch_frame *f __asm__("rdi") = &t->arch.frame;

    __asm__ volatile("movq %c[ip](%%rdi), %%rcx\n\t"
                     "shlq $16, %%rcx\n\tsarq $16, %%rcx\n\t" /* not canonical: would fault here */
                     "movq %c[flags](%%rdi), %%r11\n\t"
                     "movq %c[rdx](%%rdi), %%rdx\n\t"
                     "movq %c[rbx](%%rdi), %%rbx\n\t"
                     "movq %c[rbp](%%rdi), %%rbp\n\t"
                     "movq %c[r8](%%rdi), %%r8\n\t"
                     "movq %c[r9](%%rdi), %%r9\n\t"
                     "movq %c[r10](%%rdi), %%r10\n\t"
                     "movq %c[r12](%%rdi), %%r12\n\t"
                     "movq %c[r13](%%rdi), %%r13\n\t"
                     "movq %c[r14](%%rdi), %%r14\n\t"
                     "movq %c[r15](%%rdi), %%r15\n\t"
                     "movq %c[sp](%%rdi), %%rsp\n\t"
                     "movq %c[rdi](%%rdi), %%rdi\n\t"
                     "sysretq"
                     :
                     : "r"(f), "a"(tag), "S"(label), [ip] "i"(offsetof(struct arch_frame, ip)),
                       [flags] "i"(offsetof(struct arch_frame, flags)), [rdx] "i"(offsetof(struct arch_frame, rdx)),
                       [rbx] "i"(offsetof(struct arch_frame, rbx)), [rbp] "i"(offsetof(struct arch_frame, rbp)),
                       [r8] "i"(offsetof(struct arch_frame, r8)), [r9] "i"(offsetof(struct arch_frame, r9)),
                       [r10] "i"(offsetof(struct arch_frame, r10)), [r12] "i"(offsetof(struct arch_frame, r12)),
                       [r13] "i"(offsetof(struct arch_frame, r13)), [r14] "i"(offsetof(struct arch_frame, r14)),
                       [r15] "i"(offsetof(struct arch_frame, r15)), [sp] "i"(offsetof(struct arch_frame, sp)),
                       [rdi] "i"(offsetof(struct arch_frame, rdi))
                     : "memory");
    __builtin_unreachable();
}

/* Leaves the kernel into `to` in place of the loaded thread `from`, both with unchanged system call frames. */
__attribute__((always_inline)) static inline struct thread *
arch_switch_fast(struct arch_cpu *a, struct thread *from, struct thread *to, word_t tag, word_t label)
{
    if (unlikely(!switch_is_quick(a, from, to))) {
        cpu_load_thread(to);
        __asm__ volatile("swapgs" ::: "memory");
    } else {
        switch_quick(a, to);
        bases_exchange(from, to);
    }
    return registers_load(to, tag, label);
}

/* The same for the loaded thread itself. */
static inline struct thread *arch_resume_fast(struct thread *self, word_t tag, word_t label)
{
    __asm__ volatile("swapgs" ::: "memory");
    return registers_load(self, tag, label);
}
