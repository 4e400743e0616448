/* SPDX-License-Identifier: MIT */
/*
 * Floating point and vector registers, switched when they are used.
 *
 *   F1  fpu_owner's state is in the registers, and only there; every other thread's is in arch.fpu (NULL: initial
 *       state).
 *   F2  In user mode CR0.TS is clear only while fpu_owner runs, without THREAD_NO_FPU. arch_cpu.ts equals CR0.TS.
 *   F3  fpu_owner has arch.fpu allocated: giving up the registers cannot fail.
 */
#include "memory.h"
#include "x86.h"

#define XCR0_X87 1ul
#define XCR0_SSE 2ul
#define XCR0_AVX 4ul
#define XCR0_AVX512 0xe0ul
#define FXSAVE_SIZE 512u
#define MXCSR_OFFSET 24u
#define FCW_INITIAL 0x37fu
#define MXCSR_INITIAL 0x1f80u
#define SLAB_MAX 1024u /* larger states get pages */

static struct slab fpu_slab;

void fpu_cpu_init(void)
{
    if (cpu_features.xsave)
        __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)cpu_features.xcr0), "d"(0));
}

static boot_code void fpu_state_size(void)
{
    struct cpu_features *f = &cpu_features;

    f->fpu_size = FXSAVE_SIZE;
    if (!f->xsave)
        return;
    struct cpuid leaf = cpuid(0xd, 0);
    f->xcr0 = leaf.a & (XCR0_X87 | XCR0_SSE | XCR0_AVX);
    if ((f->xcr0 & XCR0_AVX) && (leaf.a & XCR0_AVX512) == XCR0_AVX512)
        f->xcr0 |= XCR0_AVX512;
    fpu_cpu_init();
    f->fpu_size = (cpuid(0xd, 0).b + 63u) & ~63u;
}

void fpu_init(void)
{
    fpu_state_size();
    slab_init(&fpu_slab, "fpu", cpu_features.fpu_size <= SLAB_MAX ? cpu_features.fpu_size : SLAB_MAX);
}

static unsigned state_page_order(void) { return cpu_features.fpu_size > L4_PAGE_SIZE ? 1 : 0; }

/* Initial state; NULL: no memory or quota. */
static void *state_alloc(struct factory *payer)
{
    char *s = cpu_features.fpu_size <= SLAB_MAX ? charged_slab_alloc(payer, &fpu_slab)
                                                : charged_frame_alloc(payer, state_page_order());

    if (s != NULL) {
        *(uint16_t *)s = FCW_INITIAL;
        *(uint32_t *)(s + MXCSR_OFFSET) = MXCSR_INITIAL;
    }
    return s;
}

static void state_free(struct factory *payer, void *s)
{
    if (cpu_features.fpu_size <= SLAB_MAX)
        charged_slab_free(payer, &fpu_slab, s);
    else
        charged_frame_free(payer, s, state_page_order());
}

static void state_save(void *to)
{
    if (cpu_features.xsave)
        __asm__ volatile("xsave64 (%0)" ::"r"(to), "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" ::"r"(to) : "memory");
}

static void state_restore(const void *from)
{
    if (cpu_features.xsave)
        __asm__ volatile("xrstor64 (%0)" ::"r"(from), "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" ::"r"(from) : "memory");
}

void fpu_switch(struct arch_cpu *a, const struct thread *t)
{
    fpu_ts_set(a, a->fpu_owner != t || unlikely(t->flags & THREAD_NO_FPU));
}

void fpu_release(struct arch_cpu *a)
{
    if (a->fpu_owner == NULL)
        return;
    fpu_ts_set(a, false);
    state_save(a->fpu_owner->arch.fpu);
    a->fpu_owner = NULL;
}

bool fpu_take(struct thread *t)
{
    struct arch_cpu *a = &cpu_self()->arch;

    if (t->flags & THREAD_NO_FPU)
        return false;
    if (a->fpu_owner == t) { /* TS was set for no reason: survive */
        a->ts = true;
        fpu_ts_set(a, false);
        return true;
    }
    if (t->arch.fpu == NULL) {
        t->arch.fpu = state_alloc(t->obj.payer);
        if (t->arch.fpu == NULL)
            return false;
    }
    fpu_release(a);
    fpu_ts_set(a, false);
    state_restore(t->arch.fpu);
    a->fpu_owner = t;
    return true;
}

bool arch_fpu_copies(const struct thread *from, const struct thread *to)
{
    return (from->arch.fpu == NULL) == (to->arch.fpu == NULL);
}

void arch_fpu_transfer(struct thread *from, struct thread *to)
{
    struct arch_cpu *a = &cpu_self()->arch;

    if (from == to || (from->arch.fpu == NULL && to->arch.fpu == NULL))
        return;
    if (to->arch.fpu == NULL) {
        to->arch.fpu = state_alloc(to->obj.payer);
        if (to->arch.fpu == NULL)
            return;
    }
    if (a->fpu_owner == from || a->fpu_owner == to)
        fpu_release(a);
    if (from->arch.fpu == NULL) {
        state_free(to->obj.payer, to->arch.fpu);
        to->arch.fpu = NULL; /* initial state */
    } else {
        memcpy(to->arch.fpu, from->arch.fpu, cpu_features.fpu_size);
    }
    if (a->loaded != NULL)
        fpu_switch(a, a->loaded);
}

void arch_thread_free(struct thread *t)
{
    struct arch_cpu *a = &cpu_self()->arch;

    if (a->fpu_owner == t)
        a->fpu_owner = NULL;
    if (a->loaded == t)
        a->loaded = NULL;
    if (t->arch.fpu != NULL)
        state_free(t->obj.payer, t->arch.fpu);
    t->arch.fpu = NULL;
}
