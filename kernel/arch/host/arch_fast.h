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

/* Nothing of a simulated CPU belongs to the thread that it runs. */
static inline void arch_switch_fast(struct arch_cpu *a, struct thread *from, struct thread *to)
{
    (void)a;
    (void)from;
    (void)to;
}
