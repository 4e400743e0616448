/* SPDX-License-Identifier: MIT */
/*
 * Page-fault trampoline: where the kernel leaves the state of a faulting thread for the thread's own handler, in
 * kernel-user memory.
 */
#pragma once
#include <l4/types.h>

/* Functions of the thread operation, MR0 bits 16 and up. */
#define L4_TRAMP_SETUP 0u
#define L4_TRAMP_RESUME 1u
#define L4_TRAMP_REFLECT 2u
#define L4_TRAMP_DISABLE 3u
#define L4_TRAMP_ENABLE 4u

#define L4_TRAMP_IN_PROGRESS 1ul /* set by the kernel at the fault, cleared at resume: no second upcall meanwhile */
#define L4_TRAMP_TRIGGER 2ul     /* set by user code: resume raises a triggered exception */

#define L4_TRAMP_REG_WORDS 23u   /* amd64: the exception state up to ss */

struct l4_pf_tramp {
    word_t handler_ip;
    word_t user[2];
    word_t saved_mr0;
    word_t flags;
    word_t regs[L4_TRAMP_REG_WORDS];
};
_Static_assert(sizeof(struct l4_pf_tramp) == 224, "trampoline state");
