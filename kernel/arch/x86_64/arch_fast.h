/* SPDX-License-Identifier: MIT */
/*
 * The pieces of the short message path that are the processor's: copying words, loading the receiver in place of the
 * sender (the common case of cpu_load_thread, inline; everything unusual is left to that function), and the way out.
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

/* from is the thread that is loaded; neither has THREAD_ARCH_SPECIAL. Afterwards to is loaded. */
static inline void arch_switch_fast(struct arch_cpu *a, struct thread *from, struct thread *to)
{
    struct arch_space *s = to->space;

    if (unlikely(a->switch_special || !selectors_plain())) {
        cpu_load_thread(to);
        return;
    }
    /* Equal bases are no reason to skip a write: a null selector, loaded by user code, sets a base to 0 unseen (U2 in
     * cpu.c), and every task may have its UTCB at the same address. Two bases of 0 are. */
    if ((from->arch.fs_base | to->arch.fs_base) != 0)
        wrmsr(MSR_FS_BASE, to->arch.fs_base);
    wrmsr(MSR_KERNEL_GS_BASE, to->arch.gs_base);
    if (a->space != s) { /* no PCIDs here: loading the root flushes what has to be */
        a->space = s;
        write_cr3(s->root_pa);
    }
    fpu_ts_set(a, a->fpu_owner != to);
    *a->rsp0 = (word_t)(&to->arch.frame + 1);
    a->loaded = to;
}

/* Leaves the kernel into t, which is loaded and has an unchanged system call frame, with this tag and label. */
static inline struct thread *arch_resume_fast(const struct thread *t, word_t tag, word_t label)
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
                     "swapgs\n\tsysretq"
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
