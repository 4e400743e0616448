/* SPDX-License-Identifier: MIT */
/*
 * From the saved registers to the object, and from there to the thread that runs next. Every kernel entry ends in
 * kernel_leave.
 */
#include "cpu.h"
#include "fastpath.h"
#include "ipc.h"
#include "objects.h"
#include "smp.h"
#include "task.h"

/* An open wait whose selector names an explicit reply slot stores its caller there. False: the slot is unusable. */
static bool wait_slot_find(struct invoke *in)
{
    if ((in->selector & L4_SEL_SPECIAL) != L4_SEL_REPLY || !(in->op & L4_OP_OPEN_WAIT) || !(in->op & L4_OP_RECV))
        return true;
    in->wait_slot = task_reply_slot_alloc(in->self->task, in->selector >> L4_SEL_SHIFT);
    return in->wait_slot != NULL;
}

struct thread *syscall_execute(struct thread *self)
{
    word_t dest = frame_dest(&self->arch.frame);
    struct invoke in = {.self = self,
                        .utcb = self->utcb,
                        .op = dest & L4_OP_MASK,
                        .selector = dest & ~L4_OP_MASK,
                        .tag = {frame_tag(&self->arch.frame)},
                        .label = frame_label(&self->arch.frame),
                        .timeout = (uint32_t)frame_timeout(&self->arch.frame)};
    struct kobj *obj;

    if (unlikely(!wait_slot_find(&in)))
        return ipc_fail(&in, L4_IPC_NO_REPLY_CAP);
    if (unlikely(self->progress.receiving)) { /* what was sent is sent, whatever has become of whom it was sent to */
        in.op &= ~(word_t)(L4_OP_SEND | L4_OP_REPLY);
        if (in.op & L4_OP_OPEN_WAIT)
            return ipc_receive(&in, NULL);
    }
    if (in.op & L4_OP_REPLY) {
        if (!(in.op & L4_OP_SEND))
            return ipc_fail(&in, L4_IPC_NOT_EXISTENT);
        in.reply_slot = (in.selector & L4_SEL_SPECIAL) == L4_SEL_REPLY
                            ? task_reply_slot(self->task, in.selector >> L4_SEL_SHIFT)
                            : &self->reply;
        return ipc_reply(&in);
    }
    obj = cap_lookup_selector(self, in.selector, &in.rights);
    if (unlikely(obj == NULL))
        return ipc_fail(&in, L4_IPC_NOT_EXISTENT);
    return obj->ends->invoke(obj, &in); /* self may be dead, and yet to be killed: it can wait */
}

struct thread *kernel_leave(struct thread *t)
{
    struct cpu *c = cpu_self();

    for (;;) {
        if (unlikely(c->work || t == c->idle) && !kobj_work_run()) {
            t->flags |= THREAD_WORK;
            c->work = false;
            if (c->reschedule)
                sched_exit(t);
            t = kernel_window();
            continue;
        }
        if (c->reschedule)
            t = sched_exit(t);
        if (likely(t->resume == NULL && !(t->flags & THREAD_LEAVE_FLAGS))) {
            kernel_unlock();
            return t;
        }
        if (t->flags & THREAD_WORK) {
            t->flags &= ~(uint32_t)THREAD_WORK;
            c->work = true;
        } else if (t->flags & THREAD_DYING) {
            t = thread_exit(t);
        } else if (t->resume != NULL) {
            struct thread *(*go_on)(struct thread *) = t->resume, *next;

            t->resume = NULL;
            next = go_on(t);
            if (next != t && !work_done(20)) /* a chain of threads that block again */
                next = kernel_window();
            t = next;
        } else if (t->flags & THREAD_ALIEN_AFTER) {
            t = fault_alien_after(t);
        } else {
            t = fault_triggered(t);
        }
    }
}

struct thread *syscall_begin(struct thread *self)
{
    if (unlikely(self->flags & (THREAD_ALIEN | THREAD_VCPU_USER)))
        return fault_alien_syscall(self);
    return syscall_execute(self);
}

struct thread *syscall_general(struct thread *self)
{
    self->flags &= ~(uint32_t)(THREAD_CANCELED | THREAD_CHANGED);
    return unlikely(cpu_count > 1) ? local_syscall(self) : kernel_leave(syscall_begin(self));
}

struct thread *kernel_timer(struct thread *self)
{
    kernel_enter(self, NULL);
    work_left = work_slice; /* W3 */
    guest_tick(cpu_self());
    while (!sched_tick(cpu_self()->current))
        kernel_window();
    return kernel_leave(cpu_self()->current);
}
