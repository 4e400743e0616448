/* SPDX-License-Identifier: MIT */
/* State of a page-fault trampoline, in kernel-user memory (l4_thread_pf_trampoline_setup()). */
#pragma once
#include <l4/sys/compiler.h>
#include <l4/sys/l4int.h>

/* Registers at the fault: the exception state up to ss. */
typedef struct l4_pf_trampoline_regs_t {
    l4_umword_t r15, r14, r13, r12, r11, r10, r9, r8;
    l4_umword_t rdi, rsi, rbp, pfa, rbx, rdx, rcx, rax;
    l4_umword_t trapno, err, ip, cs, flags, sp, ss;
} l4_pf_trampoline_regs_t;

enum l4_pf_trampoline_flags {
    Page_fault_in_progress = 1,
    Trigger_exception_after_resume = 2
};

typedef struct l4_pf_trampoline_t {
    l4_umword_t handler_ip;
    l4_umword_t user_data[2];
    l4_umword_t saved_mr0;
    l4_umword_t flags;
    l4_pf_trampoline_regs_t state;
} l4_pf_trampoline_t;

_Static_assert(sizeof(l4_pf_trampoline_t) == 224, "trampoline state");
