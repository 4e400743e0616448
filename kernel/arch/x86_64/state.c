/* SPDX-License-Identifier: MIT */
/*
 * The register state of a thread as others see and change it: start, UTCB pointer, exception messages, the segment
 * operations of the thread protocol. Nothing that a user supplies gets into a frame unchecked: flags keep IF set and
 * IOPL clear, cs is never taken, bases are canonical; a stack segment that the CPU refuses ends in exception 13.
 */
#include "x86.h"
#include <l4/vcpu.h>

#define DESC_SYSTEM (1ul << 44) /* clear: system descriptor */
#define DESC_DPL (3ul << 45)
#define DESC_STACK (10ul << 40) /* mask of code and writable */
#define DESC_WRITABLE (2ul << 40)
#define DESC_BIG (1ul << 54)
#define SYSCALL_LENGTH 2u

void arch_thread_init(struct thread *t)
{
    struct arch_thread *a = &t->arch;

    memset(a, 0, sizeof *a);
    a->frame.cs = ARCH_SEL_USER_CODE64;
    a->frame.ss = ARCH_SEL_USER_DATA;
    a->frame.flags = FLAG_IF | 2;
    a->selectors = ARCH_SEL_USER_DATA | ARCH_SEL_USER_DATA << 16;
}

void arch_thread_bind(struct thread *t, word_t user_addr, struct l4_utcb *utcb)
{
    utcb->self = user_addr;
    t->arch.gs_base = user_addr + offsetof(struct l4_utcb, self);
}

void arch_thread_full_exit(struct thread *t)
{
    if (t->arch.frame.trapno != ARCH_TRAP_SYSCALL)
        return;
    frame_set_trap(&t->arch.frame, 0, 0);
    t->flags |= THREAD_CHANGED;
}

void arch_syscall_rewind(struct thread *t)
{
    t->arch.frame.ip -= SYSCALL_LENGTH;
}

/* ---- exception messages ---- */

void arch_exc_store(const struct thread *t, word_t *words)
{
    struct l4_exc_regs *r = (struct l4_exc_regs *)words;

    cpu_segments_sync((struct thread *)t);
    memcpy(r, &t->arch.frame, sizeof t->arch.frame);
    r->fs_base = t->arch.fs_base;
    r->gs_base = t->arch.gs_base;
    memcpy(&r->ds, &t->arch.selectors, sizeof t->arch.selectors);
}

void arch_regs_store(const struct thread *t, word_t *words)
{
    struct arch_frame f = t->arch.frame;

    frame_complete(&f);
    memcpy(words, &f, sizeof f);
}

/* Checks the copy, not the words: they are memory that user code on another CPU may write meanwhile. */
void arch_regs_load(struct thread *t, const word_t *words)
{
    struct arch_frame *f = &t->arch.frame;
    word_t cs = f->cs;

    memcpy(f, words, sizeof *f);
    f->trapno &= 0xff; /* X2 */
    f->cs = cs;
    f->flags = (f->flags & FLAGS_USER) | FLAG_IF | 2;
    f->ss &= 0xffff;
}

static word_t canonical_or_0(word_t address) { return cpu_canonical(address) ? address : 0; }

/* Bases and the four selectors from memory of the user. A selector that the CPU refuses counts as 0. */
static void segments_set(struct thread *t, const volatile word_t *fs_base, const volatile word_t *gs_base,
                         const uint16_t *selectors)
{
    t->arch.fs_base = canonical_or_0(*fs_base);
    t->arch.gs_base = canonical_or_0(*gs_base);
    memcpy(&t->arch.selectors, selectors, sizeof t->arch.selectors);
    thread_special_update(t);
    cpu_segments_reload(t);
}

void arch_exc_load(struct thread *t, const word_t *words)
{
    const struct l4_exc_regs *r = (const struct l4_exc_regs *)words;

    arch_regs_load(t, words);
    segments_set(t, &r->fs_base, &r->gs_base, &r->ds);
}

/* ---- vCPU ---- */

void arch_vcpu_init(struct thread *t, struct l4_vcpu *v)
{
    cpu_segments_sync(t);
    v->host_fs_base = t->arch.fs_base;
    v->host_gs_base = t->arch.gs_base;
    if (!(t->flags & THREAD_UNSTARTED)) /* a thread that never ran has used none */
        memcpy(&v->host_ds, &t->arch.selectors, sizeof t->arch.selectors);
    else
        memset(&v->host_ds, 0, sizeof t->arch.selectors);
    v->user_data32 = ARCH_SEL_USER_DATA;
    v->user_code64 = ARCH_SEL_USER_CODE64;
    v->user_code32 = ARCH_SEL_USER_CODE32;
}

void arch_vcpu_entry(struct thread *t, const struct l4_vcpu *v, bool host_segments)
{
    t->arch.frame = (struct arch_frame){.cs = ARCH_SEL_USER_CODE64, .ss = ARCH_SEL_USER_DATA, .flags = FLAG_IF | 2};
    if (host_segments)
        segments_set(t, &v->host_fs_base, &v->host_gs_base, &v->host_ds);
}

void arch_vcpu_load(struct thread *t, const struct l4_vcpu *v, bool all)
{
    bool code32 = (v->regs.cs & 0xffff) == ARCH_SEL_USER_CODE32;

    arch_regs_load(t, (const word_t *)&v->regs);
    t->arch.frame.cs = code32 ? ARCH_SEL_USER_CODE32 : ARCH_SEL_USER_CODE64;
    if (all)
        segments_set(t, &v->regs.fs_base, &v->regs.gs_base, &v->regs.ds);
}

/* ---- thread operations ---- */

/* Harmless in user mode: empty, or code or data of privilege level 3; but no stack of 16 bits: iret to one leaves the
 * upper half of esp as it was here. */
static bool descriptor_allowed(word_t d)
{
    bool stack16 = (d & DESC_STACK) == DESC_WRITABLE && !(d & DESC_BIG);

    return d == 0 || ((d & DESC_SYSTEM) && (d & DESC_DPL) == DESC_DPL && !stack16);
}

static l4_tag op_gdt(struct thread *t, struct invoke *in)
{
    unsigned words = l4_tag_words(in->tag);
    word_t entry = in->utcb->mr[1];

    if (words == 1) {
        in->utcb->mr[0] = ARCH_GDT_USER_FIRST;
        return tag_words(0, 1);
    }
    cpu_segments_sync(t);
    for (unsigned i = 2; i < words && entry + i - 2 < ARCH_GDT_USER_COUNT && entry < ARCH_GDT_USER_COUNT; i++) {
        word_t descriptor = *(volatile word_t *)&in->utcb->mr[i]; /* read once: what is checked is what is stored */

        if (!descriptor_allowed(descriptor))
            return tag_label(-L4_ERR_INVAL);
        t->arch.gdt[entry + i - 2] = descriptor;
        t->arch.gdt_used = true;
        thread_special_update(t);
        cpu_segments_reload(t);
    }
    return tag_label((long)((entry << 3) + (ARCH_GDT_USER_FIRST << 3 | 3)));
}

static l4_tag op_set_base(struct thread *t, struct invoke *in)
{
    word_t which = in->utcb->mr[0] >> 16 & 0xffff;
    word_t base = in->utcb->mr[1];

    if (which > 1 || !cpu_canonical(base))
        return tag_label(-L4_ERR_INVAL);
    cpu_segments_sync(t);
    if (which == 0)
        t->arch.fs_base = base;
    else
        t->arch.gs_base = base;
    cpu_segments_reload(t);
    return tag_label(0);
}

l4_tag arch_thread_op(struct thread *t, struct invoke *in, unsigned op)
{
    switch (op) {
    case L4_OP_THREAD_GDT:
        return op_gdt(t, in);
    case L4_OP_THREAD_SET_BASE:
        return op_set_base(t, in);
    case L4_OP_THREAD_SEGMENTS:
        in->utcb->mr[0] = ARCH_SEL_USER_DATA;
        in->utcb->mr[1] = ARCH_SEL_USER_CODE64;
        in->utcb->mr[2] = ARCH_SEL_USER_CODE32;
        return tag_words(0, 3);
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}
