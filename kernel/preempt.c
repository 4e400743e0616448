/* SPDX-License-Identifier: MIT */
/* Windows for interrupts in long operations: see preempt.h. */
#include "preempt.h"
#include "cpu.h"
#include "ipc.h"
#include "smp.h"

int work_slice = 300;
int work_left = 300;

cold_path struct thread *kernel_window(void)
{
    struct cpu *c = cpu_self();

    work_left = work_slice;
    kernel_unlock();
    arch_interrupt_window();
    kernel_enter(c->current, NULL);
    return c->current;
}

struct thread *preempt_again(struct thread *self)
{
    struct thread *next = ipc_restart_resume(self);

    if (self->resume != preempt_resume && self->resume != preempt_again && self->ipc_state != IPC_AWAY)
        self->progress = (struct op_progress){0}; /* W2 */
    return next;
}

/* Continuation: first the window. */
struct thread *preempt_resume(struct thread *self)
{
    self->resume = preempt_again;
    return kernel_window();
}

struct thread *preempt(struct thread *self)
{
    self->progress.again = true;
    self->resume = preempt_resume;
    return self;
}
