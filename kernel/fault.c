/* SPDX-License-Identifier: MIT */
/*
 * Page faults and exceptions become IPC: the kernel makes a call in the name of the faulting thread. What is sent comes
 * from the saved registers; the thread's own UTCB stays as it is.
 *   F1  At most one of THREAD_IN_FAULT and THREAD_IN_EXCEPTION is set, from the fault until its answer was looked at.
 */
#include "cpu.h"
#include "fastpath.h"
#include "ipc.h"
#include "map.h"
#include "objects.h"
#include "smp.h"
#include "task.h"
#include <l4/vcpu.h>

static struct thread *fault_call(struct thread *self, word_t index, l4_tag tag)
{
    struct invoke in = {.self = self, .utcb = self->utcb, .op = L4_OP_SEND | L4_OP_RECV,
                        .selector = index << L4_SEL_SHIFT, .tag = tag, .timeout = 0};
    struct kobj *obj = cap_lookup(self->task, index, &in.rights);

    if (obj == NULL) { /* exceptions only: nobody will ever answer, but a cancel ends it */
        if (self->task->is_sigma0) {
            const struct arch_frame *f = &self->arch.frame;

            kprintf("\nsigma0: exception %lu, error code 0x%lx, at 0x%lx, last fault address 0x%lx\n", frame_trapno(f),
                    frame_err(f), frame_ip(f), frame_fault_addr(f));
            kpanic("exception in sigma0", __FILE__, __LINE__);
        }
        in.op = L4_OP_RECV;
        return ipc_receive(&in, NULL);
    }
    return obj->ops->invoke(obj, &in);
}

/* Exceptions that a vCPU may want: a page fault is one, too. */
static unsigned vcpu_events(const struct thread *self)
{
    bool page_fault = frame_trapno(&self->arch.frame) == ARCH_TRAP_PAGE_FAULT;

    return page_fault ? L4_VCPU_PAGE_FAULTS | L4_VCPU_EXCEPTIONS : L4_VCPU_EXCEPTIONS;
}

struct thread *fault_exception(struct thread *self)
{
    if ((self->options & THREAD_OPT_VCPU) && vcpu_takes(self, vcpu_events(self)))
        return vcpu_fault(self);
    self->flags |= THREAD_IN_EXCEPTION;
    arch_thread_full_exit(self);
    return fault_call(self, self->handler, l4_tag_make(L4_PROTO_EXCEPTION, L4_EXC_WORDS, 0, L4_TAG_FPU));
}

struct thread *fault_triggered(struct thread *self)
{
    /* A cancel that came with the trigger has done its work: it is not meant for the exception's own message. */
    self->flags &= ~(uint32_t)(THREAD_TRIGGER | THREAD_CANCELED);
    frame_set_trap(&self->arch.frame, L4_TRAP_TRIGGERED, 0);
    return fault_exception(self);
}

struct thread *fault_alien_syscall(struct thread *self)
{
    if ((self->flags & THREAD_ALIEN_PASS) && !(self->flags & THREAD_VCPU_USER)) {
        self->flags = (self->flags & ~(uint32_t)THREAD_ALIEN_PASS) | THREAD_ALIEN_AFTER;
        return syscall_execute(self);
    }
    arch_syscall_rewind(self);
    frame_set_trap(&self->arch.frame, L4_TRAP_SYSCALL, 0);
    return fault_exception(self);
}

struct thread *fault_alien_after(struct thread *self)
{
    self->flags &= ~(uint32_t)THREAD_ALIEN_AFTER;
    frame_set_trap(&self->arch.frame, L4_TRAP_SYSCALL, 1);
    return fault_exception(self);
}

static struct thread *page_fault_call(struct thread *self)
{
    return fault_call(self, self->pager, l4_tag_make(L4_PROTO_PAGE_FAULT, 2, 0, 0));
}

struct thread *fault_restart(struct thread *self)
{
    unsigned rights;

    if (self->flags & THREAD_IN_EXCEPTION) {
        self->flags &= ~(uint32_t)THREAD_IN_EXCEPTION; /* it may have become a vCPU, which takes it */
        return fault_exception(self);
    }
    if (is_guest(self) && cap_lookup(self->task, self->pager, &rights) != NULL)
        return page_fault_call(self);
    self->flags &= ~(uint32_t)THREAD_IN_FAULT;
    return self;
}

static struct thread *page_fault_answered(struct thread *self, l4_tag tag)
{
    if (l4_tag_error(tag))
        /* A pager that does not exist has rejected the fault; after any other error the instruction faults again. */
        return self->kernel_error == L4_IPC_NOT_EXISTENT ? fault_exception(self) : self;
    return l4_tag_label(tag) < 0 ? fault_exception(self) : self;
}

struct thread *fault_answered_resume(struct thread *self)
{
    l4_tag tag = self->kernel_tag;
    bool page_fault = (self->flags & THREAD_IN_FAULT) != 0;

    self->flags &= ~(uint32_t)THREAD_KERNEL_IPC;
    if (page_fault)
        return page_fault_answered(self, tag);
    if (!l4_tag_error(tag) && l4_tag_label(tag) == L4_PROTO_ALLOW_SYSCALL)
        self->flags |= THREAD_ALIEN_PASS;
    return self;
}

struct thread *fault_page_general(struct thread *self, word_t addr, word_t access)
{
    unsigned rights;

    self->flags &= ~(uint32_t)THREAD_CANCELED;
    if (unlikely(!kernel_enter(self, NULL)))
        return kernel_leave(cpu_self()->current);
    if ((self->options & THREAD_OPT_VCPU) && vcpu_takes(self, L4_VCPU_PAGE_FAULTS))
        return kernel_leave(vcpu_fault(self));
    if (self->task->is_sigma0) {
        if (!map_sigma0_fault(self->task, addr))
            kpanic("sigma0 touches memory that does not exist", __FILE__, __LINE__);
        return kernel_leave(self);
    }
    if ((self->options & THREAD_OPT_TRAMPOLINE) && trampoline_upcall(self, (addr & ~7ul) | access))
        return kernel_leave(self);
    if (self->flags & THREAD_ALIEN)
        return kernel_leave(fault_exception(self));
    if (cap_lookup(self->task, self->pager, &rights) == NULL) {
        thread_kill(self); /* nobody could ever resolve it */
        return kernel_leave(self);
    }
    self->flags |= THREAD_IN_FAULT;
    self->fault[0] = (addr & ~7ul) | access;
    self->fault[1] = frame_ip(&self->arch.frame);
    return kernel_leave(page_fault_call(self));
}

struct thread *fault_exception_general(struct thread *self)
{
    self->flags &= ~(uint32_t)THREAD_CANCELED;
    if (unlikely(!kernel_enter(self, fault_exception)))
        return kernel_leave(cpu_self()->current);
    return kernel_leave(fault_exception(self));
}

struct thread *kernel_page_fault(struct thread *self, word_t addr, word_t access)
{
    struct thread *next = fastpath_page_fault(self, addr, access);

    return next != NULL ? next : fault_page_general(self, addr, access);
}

struct thread *kernel_exception(struct thread *self)
{
    struct thread *next = fastpath_exception(self);

    return next != NULL ? next : fault_exception_general(self);
}
