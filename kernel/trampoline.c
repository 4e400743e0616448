/* SPDX-License-Identifier: MIT */
/*
 * Page-fault trampoline: instead of a message to the pager, a page fault continues the thread at a handler of its own.
 * The registers of the fault lie in an area of kernel-user memory until the handler asks to resume.
 *
 *   T1  THREAD_OPT_TRAMPOLINE => tramp != NULL, an area inside kernel-user memory of the thread's task.
 *   T2  The area's IN_PROGRESS bit is the only place that says whether a fault is being handled. User code may change
 *       it, and the registers: all that comes back is checked as a reply to an exception is.
 */
#include "cpu.h"
#include "ipc.h"
#include "map.h"
#include "task.h"
#include <l4/trampoline.h>

_Static_assert(sizeof(struct arch_frame) == L4_TRAMP_REG_WORDS * sizeof(word_t), "the area holds one frame");

bool trampoline_upcall(struct thread *self, word_t fault)
{
    struct l4_pf_tramp *area = self->tramp;
    struct arch_frame *f = &self->arch.frame;

    if (area->flags & L4_TRAMP_IN_PROGRESS)
        return false;
    arch_regs_store(self, area->regs);
    area->saved_mr0 = self->utcb->mr[0];
    area->flags |= L4_TRAMP_IN_PROGRESS;
    frame_set_ip(f, area->handler_ip);
    frame_set_args(f, self->tramp_user, fault);
    return true;
}

/* The handler is done: back to the registers of the area, or on to the exception handler with the fault. */
static l4_tag trampoline_leave(struct thread *t, struct invoke *in, bool reflect)
{
    struct l4_pf_tramp *area = t->tramp;
    bool trigger;

    if (t != in->self)
        return tag_label(-L4_ERR_PERM);
    if (area == NULL || !(area->flags & L4_TRAMP_IN_PROGRESS))
        return tag_label(-L4_ERR_INVAL);

    /* ---- commit: nothing below can fail ---- */
    trigger = (area->flags & L4_TRAMP_TRIGGER) != 0;
    area->flags &= ~(L4_TRAMP_IN_PROGRESS | L4_TRAMP_TRIGGER);
    arch_regs_load(t, area->regs);
    t->utcb->mr[0] = area->saved_mr0;
    if (trigger) {
        t->flags |= THREAD_TRIGGER;
    } else if (reflect) {
        frame_set_trap(&t->arch.frame, ARCH_TRAP_PAGE_FAULT, frame_err(&t->arch.frame));
        t->resume = fault_exception;
    }
    return TAG_RESUMED;
}

static l4_tag trampoline_setup(struct thread *t, struct invoke *in)
{
    word_t user = in->utcb->mr[1];
    struct l4_pf_tramp *area;

    if (l4_tag_words(in->tag) < 2)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    if (l4_tag_words(in->tag) > 2)
        return tag_label(-L4_ERR_MSGTOOLONG);
    area = t->task == NULL || (user & 7u) ? NULL : ku_mem_lookup(t->task, user, sizeof *area);
    if (area == NULL)
        return tag_label(-L4_ERR_INVAL);
    t->tramp = area;
    t->tramp_user = user;
    t->options |= THREAD_OPT_TRAMPOLINE;
    return tag_label(0);
}

l4_tag thread_trampoline(struct thread *t, struct invoke *in)
{
    word_t function = in->utcb->mr[0] >> 16;

    if (l4_tag_items(in->tag) != 0)
        return tag_label(-L4_ERR_MSGTOOLONG);
    if (function == L4_TRAMP_SETUP)
        return trampoline_setup(t, in);
    if (function <= L4_TRAMP_ENABLE && l4_tag_words(in->tag) > 1)
        return tag_label(-L4_ERR_MSGTOOLONG);
    switch (function) {
    case L4_TRAMP_RESUME:
    case L4_TRAMP_REFLECT:
        return trampoline_leave(t, in, function == L4_TRAMP_REFLECT);
    case L4_TRAMP_DISABLE:
        in->utcb->mr[0] = (t->options & THREAD_OPT_TRAMPOLINE) != 0;
        t->options &= (uint16_t)~THREAD_OPT_TRAMPOLINE;
        return tag_words(0, 1);
    case L4_TRAMP_ENABLE:
        if (t->tramp == NULL)
            return tag_label(-L4_ERR_INVAL);
        t->options |= THREAD_OPT_TRAMPOLINE;
        return tag_label(0);
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}
