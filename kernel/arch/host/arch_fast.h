/* SPDX-License-Identifier: MIT */
/* The processor's pieces of the short message path, as data. */
#pragma once
#include <string.h>

#include "cpu.h"
#include "thread.h"

static inline void arch_copy_words(word_t *to, const word_t *from, unsigned words)
{
    memmove(to, from, words * sizeof(word_t));
}

/* What the entry of a system call has left in registers goes to the frame. */
static inline void registers_save(struct thread *self)
{
    const struct host_registers *live = &cpu_self()->arch.live;
    struct arch_frame *f = &self->arch.frame;

    kassert(live->of == self);
    f->rbx = live->rbx;
    f->rbp = live->rbp;
    f->r12 = live->r12;
    f->r13 = live->r13;
    f->r14 = live->r14;
    f->r15 = live->r15;
}

static inline void arch_frame_store(struct thread *self, word_t label, word_t dest, word_t tag)
{
    frame_set_label(&self->arch.frame, label);
    frame_set_dest(&self->arch.frame, dest);
    frame_set_tag(&self->arch.frame, tag);
    registers_save(self);
}

/* The results go to the frame: the simulator leaves the kernel by returning. */
static inline struct thread *registers_leave(struct thread *t, word_t tag, word_t label)
{
    kassert(frame_trapno(&t->arch.frame) == ARCH_TRAP_SYSCALL);
    frame_set_tag(&t->arch.frame, tag);
    frame_set_label(&t->arch.frame, label);
    return t;
}

/* Nobody has stored the parameters: a processor shows the user old values there, or none. Here they stay what they
 * were, so that histories with and without the short path can be compared. */
static inline void parameters_keep(struct thread *self)
{
    const struct host_registers *live = &cpu_self()->arch.live;
    struct arch_frame *f = &self->arch.frame;

    f->rax = f->rax == HOST_NOT_STORED ? live->rax : f->rax;
    f->rdx = f->rdx == HOST_NOT_STORED ? live->rdx : f->rdx;
    f->rsi = f->rsi == HOST_NOT_STORED ? live->rsi : f->rsi;
}

static inline struct thread *arch_resume_fast(struct thread *self, word_t tag, word_t label)
{
    registers_save(self); /* they are still there */
    parameters_keep(self);
    return registers_leave(self, tag, label);
}

/* Nothing else of a simulated CPU belongs to the thread that it runs. */
static inline struct thread *arch_switch_from_trap(struct arch_cpu *a, struct thread *from, struct thread *to,
                                                   word_t tag, word_t label)
{
    (void)a;
    (void)from;
    return registers_leave(to, tag, label);
}

static inline struct thread *arch_switch_fast(struct arch_cpu *a, struct thread *from, struct thread *to, word_t tag,
                                              word_t label)
{
    registers_save(from);
    parameters_keep(from);
    return arch_switch_from_trap(a, from, to, tag, label);
}
