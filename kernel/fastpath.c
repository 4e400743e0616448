/* SPDX-License-Identifier: MIT */
/*
 * The short way: a message whose receiver waits, both on this CPU, where nobody has to block or be woken by anything
 * but this message; and operations of objects that answer at once. What it does is what the general path would do in
 * these cases, no more and no less; the simulation runs every history with and without it. Read it top to bottom:
 * operations, call, send (triggers and semaphores), reply-and-wait, and the entry that chooses.
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
    return (tag & (L4_TAG_FLAGS | L4_TAG_ITEMS)) || l4_timeout_rcv(timeout) != L4_TIMEOUT_NEVER;
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
    struct invoke in; /* what operate() may look at; the rest only if a receive phase follows */
    l4_tag answer;

    in.self = self;
    in.utcb = self->utcb;
    in.op = dest & L4_OP_MASK;
    in.tag.raw = tag;
    in.timeout = (uint32_t)timeout;
    in.rights = (unsigned)(cap & 0xffu);
    in.next = NULL;

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
        in.wait_slot = NULL;
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

static inline struct thread *fail(struct thread *self, word_t label, word_t code)
{
    self->utcb->error = code;
    return arch_resume_fast(self, L4_TAG_ERROR, label);
}

/* Is it the operation without arguments (one word, no items)? */
static inline bool message_is(const struct thread *self, word_t tag, long protocol, word_t op)
{
    return (tag & ~L4_TAG_FLAGS) == l4_tag_make(protocol, 1, 0, 0).raw && (self->utcb->mr[0] & 0xffffu) == op;
}
_Static_assert((int)L4_OP_IRQ_TRIGGER == (int)L4_OP_SEM_UP, "one message for both");

/* Takes one from a semaphore that has some and belongs to no pin. */
static inline bool down_now(const struct thread *self, struct kobj *obj, word_t cap, word_t tag)
{
    struct sem *s = sem_of(obj);

    if (!message_is(self, tag, L4_PROTO_SEMAPHORE, L4_OP_SEM_DOWN) || !(cap & L4_RIGHT_S) || s->count <= 0 ||
        s->base.source != NULL || cpu_count > 1)
        return false;
    s->count--;
    return true;
}

/* The caller waits for the answer, the receiver has its reply capability. */
static inline void call_established(struct thread *self, const struct thread *to, struct reply_slot *slot,
                                    unsigned rights)
{
    slot->raw = (word_t)(uintptr_t)self << 8 | rights;
    self->held_by = slot;
    self->partner = to->snd.id;
    self->state_word = THREAD_STATE_RECEIVING;
}

/* The receiver waits, and what is sent has typed items: mapping may be refused, and may end objects. */
__attribute__((noinline)) static struct thread *call_with_items(struct cpu *c, struct thread *self, struct thread *to,
                                                                word_t label, word_t tag, unsigned rights)
{
    struct reply_slot *slot = to->ipc.wait_slot;
    l4_tag seen;
    word_t err;

    if (cpu_count > 1) /* mapping takes the lock */
        return syscall_general(self);
    err = msg_transfer(self, to, (l4_tag){tag}, rights, &seen);
    if (unlikely(err != 0))
        return kernel_leave(ipc_refused(self, to, err));
    call_established(self, to, slot, rights);
    if (likely(kobj_work == NULL))
        return leave_into(c, self, to, seen.raw, label);
    to->state_word = THREAD_STATE_RUNNING;
    frame_set_tag(&to->arch.frame, seen.raw);
    frame_set_label(&to->arch.frame, label);
    c->current = to;
    return kernel_leave(to);
}

__attribute__((always_inline)) static inline struct thread *call(struct cpu *c, struct thread *self, word_t label,
                                                                 word_t dest, word_t tag, word_t timeout)
{
    word_t cap = cap_word(self->task, dest);
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);
    struct reply_slot *slot;
    struct thread *to;

    if (unlikely(cap == 0))
        return fail(self, label, L4_IPC_NOT_EXISTENT);
    if (likely(obj->type == KOBJ_GATE)) {
        if (unlikely((cap & L4_OBJ_SERVER) && (long)tag >> 16 == L4_PROTO_KOBJECT))
            return syscall_general(self);
        label = gate_of(obj)->label | (cap & (L4_RIGHT_W | L4_RIGHT_S));
        to = gate_of(obj)->thread;
    } else if (likely(obj->type != KOBJ_THREAD)) {
        if (obj->type == KOBJ_SEM && down_now(self, obj, cap, tag))
            return arch_resume_fast(self, 0, label);
        return operate(self, label, dest, tag, timeout, cap);
    } else {
        if ((long)tag >> 16 == L4_PROTO_THREAD)
            return operate(self, label, dest, tag, timeout, cap);
        to = thread_of(obj);
    }
    if (unlikely(not_plain(tag & ~L4_TAG_ITEMS, timeout) || to == NULL || to->state_word != THREAD_STATE_WAITING ||
                 to->home != c))
        return syscall_general(self);
    slot = to->ipc.wait_slot;
    if (unlikely(slot->raw != 0))
        return syscall_general(self);
    if (unlikely(tag & L4_TAG_ITEMS))
        return call_with_items(c, self, to, label, tag, (unsigned)(cap & 0xffu));

    /* ---- commit: nothing below can fail ---- */
    copy_words(self, to, tag);
    call_established(self, to, slot, (unsigned)(cap & 0xffu));
    return leave_into(c, self, to, tag, label); /* on the time slice of the caller */
}

/* A trigger in software that wakes a more important thread: the message of the IRQ, and the CPU, go to it at once. */
__attribute__((noinline)) static struct thread *trigger(struct cpu *c, struct thread *self, struct irq *irq, word_t tag)
{
    struct thread *to = irq->thread;

    sched_requeue(self);
    frame_set_tag(&self->arch.frame, tag);
    c->context = to;
    return leave_into(c, self, to, 0, irq->snd.label);
}

/* May trigger() do it? The receiver waits for this IRQ or for anybody, and only self would run instead of it. */
static inline bool trigger_wakes(const struct cpu *c, const struct thread *self, const struct irq *irq)
{
    const struct thread *to = irq->thread;

    return to != NULL && irq->base.source == NULL && irq->snd.receiver == NULL && to->home == c && c->context == self &&
           to->prio >= self->prio &&
           (to->state_word == THREAD_STATE_WAITING ||
            (to->state_word == THREAD_STATE_RECEIVING && to->partner == irq->snd.id));
}

/* A send without receive phase: to objects that answer nothing (an IRQ, a semaphore). */
static inline struct thread *send(struct thread *self, word_t label, word_t dest, word_t tag, word_t timeout)
{
    word_t cap = cap_word(self->task, dest);
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);

    if (cap == 0)
        return fail(self, label, L4_IPC_NOT_EXISTENT);
    if (message_is(self, tag, L4_PROTO_IRQ, L4_OP_IRQ_TRIGGER) && cpu_count == 1) { /* of a semaphore: up */
        if (obj->type == KOBJ_SEM && list_empty(&sem_of(obj)->waiting) && sem_of(obj)->count < INT64_MAX) {
            sem_of(obj)->count++;
            return arch_resume_fast(self, tag, label);
        }
        if (obj->type == KOBJ_IRQ && trigger_wakes(cpu_self(), self, irq_of(obj)))
            return trigger(cpu_self(), self, irq_of(obj), tag);
    }
    return obj->ops->answers ? operate(self, label, dest, tag, timeout, cap) : syscall_general(self);
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
    if (dest == (L4_SEL_INVALID | L4_OP_RECV) && l4_timeout_rcv(timeout) == L4_TIMEOUT_ZERO)
        return fail(self, label, L4_IPC_RECV_TIMEOUT); /* nobody sends to himself: the convention for a yield */
    return syscall_general(self);
}
