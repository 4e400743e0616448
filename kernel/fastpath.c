/* SPDX-License-Identifier: MIT */
/*
 * The short way of a message: words only, the receiver waits, both on this CPU, nobody has to block or be woken by
 * anything but this message. What it does is what ipc.c would do in these cases, no more and no less; the simulation runs
 * every history with and without it. Read it top to bottom: call, then reply-and-wait, then send.
 *
 * A state_word that equals one of the three constants says in one comparison: started, not killed, not canceled, no
 * exception or fault in progress, no time-out armed, on no queue, registers as its last system call left them.
 */
#include "fastpath.h"
#include "arch_fast.h"
#include "cpu.h"
#include "ipc.h"
#include "objects.h"
#include "smp.h"
#include "task.h"

static inline void copy_words(const struct thread *from, struct thread *to, word_t tag)
{
    if (tag & 63u)
        arch_copy_words(to->utcb->mr, from->utcb->mr, (unsigned)(tag & 63u));
}

/* Items or flags to deal with, or a receive phase that may end by time. */
static inline bool not_plain(word_t tag, word_t timeout)
{
    return (tag & (L4_TAG_FLAGS | 0xfc0u)) || l4_timeout_rcv(timeout) != L4_TIMEOUT_NEVER;
}

/* The capability behind a plain selector (pointer << 8 | rights); 0 when there is none. */
static inline word_t cap_word(const struct task *task, word_t dest)
{
    if (unlikely(dest >= (word_t)CAP_SLOTS << L4_SEL_SHIFT))
        return 0;
    return task->cap_pages[dest >> L4_SEL_SHIFT >> 8]->slot[dest >> L4_SEL_SHIFT & 0xffu].raw;
}
_Static_assert(CAP_PAGE_SLOTS == 256, "cap_word splits an index at bit 8");

/* Makes `to` the running thread in place of self and leaves the kernel. */
__attribute__((always_inline)) static inline struct thread *leave_into(struct cpu *c, struct thread *self,
                                                                       struct thread *to, word_t tag, word_t label)
{
    to->state_word = THREAD_STATE_RUNNING;
    c->current = to;
    return arch_switch_fast(&c->arch, self, to, tag, label);
}

/* A send to, or a call of, an object that only answers. */
__attribute__((noinline)) static struct thread *operate(struct thread *self, word_t label, word_t dest, word_t tag,
                                                        word_t timeout, word_t cap)
{
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);
    struct invoke in = {.self = self, .utcb = self->utcb, .op = dest & L4_OP_MASK, .selector = dest & ~L4_OP_MASK,
                        .tag = {tag}, .label = label, .timeout = (uint32_t)timeout, .rights = (unsigned)(cap & 0xffu)};
    l4_tag answer;

    if (unlikely(!kernel_enter(self, syscall_begin)))
        return kernel_leave(cpu_self()->current);
    if (unlikely(cpu_count > 1 && obj->dead)) /* destroyed while this CPU waited for the lock: look again */
        return kernel_leave(syscall_execute(self));
    answer = obj->ops->operate(obj, &in);
    if (unlikely(answer.raw >= TAG_MUST_WAIT.raw)) {
        if (answer.raw == TAG_MUST_WAIT.raw)
            return kernel_leave(syscall_begin(self));
        if (answer.raw == TAG_RESUMED.raw)
            return kernel_leave(self);
        if (in.op & L4_OP_RECV) /* no answer: a real receive follows */
            return kernel_leave(ipc_receive(&in, obj->type == KOBJ_IRQ ? obj : NULL));
        answer.raw = tag;
    } else if (!(in.op & L4_OP_RECV) && !l4_tag_error(answer)) {
        answer.raw = tag;
    }
    if (unlikely(cpu_self()->reschedule || self->state_word != THREAD_STATE_RUNNING || kobj_work != NULL ||
                 in.next != NULL))
        return kernel_leave(ipc_done(&in, answer));
    kernel_unlock();
    return arch_resume_fast(self, answer.raw, label);
}

static inline struct thread *not_existent(struct thread *self, word_t label)
{
    self->utcb->error = L4_IPC_NOT_EXISTENT;
    return arch_resume_fast(self, L4_TAG_ERROR, label);
}

__attribute__((always_inline)) static inline struct thread *call(struct cpu *c, struct thread *self, word_t label,
                                                                 word_t dest, word_t tag, word_t timeout)
{
    word_t cap = cap_word(self->task, dest);
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);
    struct reply_slot *slot;
    struct thread *to;

    if (unlikely(cap == 0))
        return not_existent(self, label);
    if (likely(obj->type == KOBJ_GATE)) {
        if (unlikely((cap & L4_OBJ_SERVER) && (long)tag >> 16 == L4_PROTO_KOBJECT))
            return syscall_general(self);
        label = gate_of(obj)->label | (cap & (L4_RIGHT_W | L4_RIGHT_S));
        to = gate_of(obj)->thread;
    } else if (likely(obj->type != KOBJ_THREAD)) {
        return operate(self, label, dest, tag, timeout, cap);
    } else {
        if ((long)tag >> 16 == L4_PROTO_THREAD)
            return syscall_general(self);
        to = thread_of(obj);
    }
    if (unlikely(not_plain(tag, timeout) || to == NULL || to->state_word != THREAD_STATE_WAITING || to->home != c))
        return syscall_general(self);
    slot = to->ipc.wait_slot;
    if (unlikely(slot->raw != 0 || (slot != &to->reply && cpu_count > 1))) /* other CPUs may use an explicit slot */
        return syscall_general(self);

    /* ---- commit: nothing below can fail ---- */
    copy_words(self, to, tag);
    slot->raw = (word_t)(uintptr_t)self << 8 | (cap & 0xffu);
    self->held_by = slot;
    self->partner = to->snd.id;
    self->state_word = THREAD_STATE_RECEIVING;
    return leave_into(c, self, to, tag, label); /* on the time slice of the caller */
}

/* A send without receive phase: to objects that answer nothing (an IRQ, a semaphore). */
static inline struct thread *send(struct thread *self, word_t label, word_t dest, word_t tag, word_t timeout)
{
    word_t cap = cap_word(self->task, dest);

    if (cap == 0)
        return not_existent(self, label);
    if (((struct kobj *)((int64_t)cap >> 8))->ops->answers)
        return operate(self, label, dest, tag, timeout, cap);
    return syscall_general(self);
}

/* R1 makes the slot's caller wait for self: checked by the caller of this for explicit slots, which a task shares. */
__attribute__((always_inline)) static inline struct thread *reply_and_wait(struct cpu *c, struct thread *self,
                                                                           struct reply_slot *slot, word_t label,
                                                                           word_t tag, word_t timeout)
{
    struct thread *to = reply_slot_caller(slot);

    if (unlikely(not_plain(tag, timeout) || to == NULL || to->state_word != THREAD_STATE_RECEIVING || to->home != c ||
                 !list_empty(&self->senders)))
        return syscall_general(self);
    if (unlikely(c->context == self)) { /* nothing was lent: the caller goes on if it is the most important */
        if (sched_ready_above(c, to->prio))
            return syscall_general(self);
        c->context = to;
    }

    /* ---- commit: nothing below can fail ---- */
    copy_words(self, to, tag);
    slot->raw = 0;
    to->held_by = NULL;
    self->ipc.wait_slot = slot;
    self->state_word = THREAD_STATE_WAITING;
    return leave_into(c, self, to, tag, label);
}

__attribute__((noinline)) static struct thread *explicit_reply_and_wait(struct thread *self, word_t label, word_t dest,
                                                                        word_t tag, word_t timeout)
{
    struct reply_slot *slot = task_reply_slot(self->task, dest >> L4_SEL_SHIFT);

    if (cpu_count > 1) /* a slot that other CPUs may use */
        return syscall_general(self);
    if (slot == NULL || slot->raw == 0 || reply_slot_caller(slot)->partner != self->snd.id)
        return syscall_general(self);
    return reply_and_wait(cpu_self(), self, slot, label, tag, timeout);
}

struct thread *kernel_syscall(struct thread *self, word_t label, word_t dest, word_t tag, word_t timeout)
{
    struct cpu *c = cpu_self();

    if (unlikely(self->state_word != THREAD_STATE_RUNNING))
        return syscall_general(self);
    if (likely(dest == (L4_SEL_INVALID | L4_OP_MASK))) /* reply and wait, the implicit slot */
        return reply_and_wait(c, self, &self->reply, label, tag, timeout);
    if (likely((dest & (L4_SEL_SPECIAL | L4_OP_MASK)) == (L4_OP_SEND | L4_OP_RECV)))
        return call(c, self, label, dest, tag, timeout);
    if ((dest & (L4_SEL_SPECIAL | L4_OP_MASK)) == L4_OP_SEND)
        return send(self, label, dest, tag, timeout);
    if ((dest & (L4_SEL_SPECIAL | L4_OP_MASK)) == (L4_SEL_REPLY | L4_OP_MASK))
        return explicit_reply_and_wait(self, label, dest, tag, timeout);
    return syscall_general(self);
}
