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

/* Everything is in the frame already. */
static inline void arch_frame_store(struct thread *self, word_t label, word_t dest, word_t tag)
{
    (void)self;
    (void)label;
    (void)dest;
    (void)tag;
}

/* The results go to the frame: the simulator leaves the kernel by returning. */
static inline struct thread *arch_resume_fast(struct thread *t, word_t tag, word_t label)
{
    frame_set_tag(&t->arch.frame, tag);
    frame_set_label(&t->arch.frame, label);
    return t;
}

/* Nothing of a simulated CPU belongs to the thread that it runs. */
static inline struct thread *arch_switch_fast(struct arch_cpu *a, struct thread *from, struct thread *to, word_t tag,
                                              word_t label)
{
    (void)a;
    (void)from;
    return arch_resume_fast(to, tag, label);
}

static inline struct thread *arch_switch_from_trap(struct arch_cpu *a, struct thread *from, struct thread *to,
                                                   word_t tag, word_t label)
{
    return arch_switch_fast(a, from, to, tag, label);
}
