/* SPDX-License-Identifier: MIT */
/*
 * Messages between threads of one CPU, without the lock (smp.h L6): what fastpath.c leaves alone, when there are
 * several CPUs. A sender that has to queue, a receiver that takes from its queue, time-outs, explicit reply slots, an
 * answer whose sender goes on, a CPU that has nobody else to run. Here it is only found out whether all that the
 * message touches belongs to this CPU; what then happens is ipc.c, which does not know the difference. When the answer
 * is no, nothing has been changed, and the system call is made with the lock.
 *
 * Needs the lock: items (the mapping database), the first FPU state of a thread (memory), IRQs, semaphores, gates
 * without a thread, other objects, virtual CPUs, partners elsewhere; and what fails.
 *
 * What other CPUs may change meanwhile is read once: the capability, the gate (G2), the reply slot (R2).
 */
#include "cpu.h"
#include "fastpath.h"
#include "ipc.h"
#include "objects.h"
#include "smp.h"
#include "task.h"

/* And not in the inbox, where its time-out waits to be armed (smp.h L5). */
static bool is_here(const struct thread *t)
{
    return t->home == cpu_self() && (t->ready || list_empty(&t->ready_link));
}

/* May a caller from here be stored in the slot, in place of another one? */
static bool slot_is_ours(const struct reply_slot *slot)
{
    const struct thread *caller = reply_slot_caller(slot);

    return caller == NULL || is_here(caller);
}

/* Does it touch nothing but the two threads? */
static bool is_plain(word_t tag, const struct thread *from, const struct thread *to)
{
    return !(tag & L4_TAG_ITEMS) && (!(tag & L4_TAG_FPU) || arch_fpu_copies(from, to));
}

/* Can self take the message of s, which is queued? */
static bool sender_is_here(const struct thread *self, struct sender *s)
{
    const struct thread *t = container_of(s, struct thread, snd);

    return !s->is_irq && is_here(t) && is_plain(t->ipc.tag.raw, t, self);
}

static bool receive_is_local(const struct thread *self, word_t op, const struct reply_slot *slot, struct thread *from)
{
    if (!slot_is_ours(slot != NULL ? slot : &self->reply))
        return false;
    if (op & L4_OP_OPEN_WAIT)
        return list_empty(&self->senders) || sender_is_here(self, list_first(&self->senders, struct sender, link));
    /* L5: nobody begins to wait for a thread elsewhere without the lock */
    return is_here(from) && (from->snd.receiver != self || sender_is_here(self, &from->snd));
}

static bool send_is_local(const struct thread *self, word_t tag, const struct thread *to)
{
    return is_here(to) && !(to->options & THREAD_OPT_VCPU) && is_plain(tag, self, to) &&
           (to->ipc_state != IPC_WAITING || slot_is_ours(to->ipc.wait_slot)) &&
           (to->ipc_state != IPC_IDLE || !to->progress.receiving); /* else ipc.c may begin its wait */
}

/* Whom the reply capability names, when he waits for self. */
static struct thread *reply_partner(const struct thread *self, const struct reply_slot *slot, unsigned *rights)
{
    word_t raw = slot == NULL ? 0 : __atomic_load_n(&slot->raw, __ATOMIC_RELAXED);
    struct thread *to = (struct thread *)((int64_t)raw >> 8);

    *rights = (unsigned)(raw & 0xffu);
    return to != NULL && to->partner == self->snd.id ? to : NULL;
}

/* Who is behind the capability; NULL: nobody, or an object that is no partner. */
static struct thread *partner(struct thread *self, word_t selector, word_t tag, unsigned *rights, word_t *label)
{
    struct kobj *obj = cap_lookup_selector(self, selector, rights);
    struct gate *gate;
    struct thread *to;

    if (obj == NULL)
        return NULL;
    if ((obj->type & ~KOBJ_DEAD) == KOBJ_THREAD) /* self */
        return (long)tag >> 16 == L4_PROTO_THREAD ? NULL : thread_of(obj);
    if (obj->type != KOBJ_GATE || ((*rights & L4_OBJ_SERVER) && (long)tag >> 16 == L4_PROTO_KOBJECT))
        return NULL;
    gate = gate_of(obj);
    to = __atomic_load_n(&gate->thread, __ATOMIC_ACQUIRE);
    *label = gate->label | (*rights & (L4_RIGHT_W | L4_RIGHT_S));
    return to;
}

/* NULL: the lock is needed. */
static struct thread *local_message(struct thread *self)
{
    const struct arch_frame *f = &self->arch.frame;
    word_t dest = frame_dest(f), tag = frame_tag(f), label = frame_label(f);
    bool waits = (dest & (L4_OP_RECV | L4_OP_OPEN_WAIT)) == (L4_OP_RECV | L4_OP_OPEN_WAIT);
    struct reply_slot *slot = NULL;
    unsigned rights;
    struct thread *to;

    if ((dest & L4_SEL_SPECIAL) == L4_SEL_REPLY && (waits || (dest & L4_OP_REPLY))) {
        slot = task_reply_slot(self->task, dest >> L4_SEL_SHIFT);
        if (slot == NULL)
            return NULL;
    }
    if (!(dest & L4_OP_REPLY))
        to = partner(self, dest, tag, &rights, &label);
    else
        to = dest & L4_OP_SEND ? reply_partner(self, slot != NULL ? slot : &self->reply, &rights) : NULL;
    if (!waits)
        slot = NULL;
    if (to == NULL || !(dest & (L4_OP_SEND | L4_OP_RECV)) || ((dest & L4_OP_SEND) && !send_is_local(self, tag, to)) ||
        ((dest & L4_OP_RECV) && !receive_is_local(self, dest, slot, to)))
        return NULL;

    struct invoke in = {.self = self, .utcb = self->utcb, .op = dest & L4_OP_MASK, .tag = {tag}, .label = label,
                        .timeout = (uint32_t)frame_timeout(f), .rights = rights, .wait_slot = slot};

    return ipc_run(&in, to, &to->obj);
}

struct thread *local_syscall(struct thread *self)
{
    struct cpu *c = cpu_self();
    struct thread *next = NULL;

    if (!(self->flags & ~(uint32_t)THREAD_ARCH_SPECIAL) && !(self->options & THREAD_OPT_VCPU)) {
        c->lockless = true;
        next = local_message(self);
        c->lockless = false;
    }
    if (next == NULL)
        return kernel_leave(kernel_enter(self, syscall_begin) ? syscall_begin(self) : c->current);
    if (c->reschedule)
        next = sched_exit(next);
    if (!c->work && next->resume == NULL && !(next->flags & THREAD_LEAVE_FLAGS))
        return next;
    kernel_enter(next, NULL);
    return kernel_leave(c->current);
}
