/* SPDX-License-Identifier: MIT */
/*
 * The two pieces of the short message path that are the processor's: copying words, and loading the receiver in place of
 * the sender. The common case of cpu_load_thread, inline; everything unusual is left to that function.
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
#define SELECTORS_PLAIN ((word_t)ARCH_SEL_USER_DATA | (word_t)ARCH_SEL_USER_DATA << 16)

/* from is the thread that is loaded. Afterwards to is. */
static inline void arch_switch_fast(struct arch_cpu *a, struct thread *from, struct thread *to)
{
    struct arch_space *s = &to->task->space;

    if (unlikely(a->switch_special || to->arch.gdt_used || !selectors_plain() ||
                 from->arch.selectors != SELECTORS_PLAIN || to->arch.selectors != SELECTORS_PLAIN ||
                 a->ts != (a->fpu_owner != to))) {
        cpu_load_thread(to);
        return;
    }
    if (from->arch.fs_base != to->arch.fs_base)
        wrmsr(MSR_FS_BASE, to->arch.fs_base);
    if (from->arch.gs_base != to->arch.gs_base)
        wrmsr(MSR_KERNEL_GS_BASE, to->arch.gs_base);
    if (a->space != s) {
        a->space = s;
        s->tlb_stale = false;
        write_cr3(s->root_pa);
    }
    a->frame_end = (word_t)(&to->arch.frame + 1);
    *a->rsp0 = a->frame_end;
    a->loaded = to;
}
