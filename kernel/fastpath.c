/* SPDX-License-Identifier: MIT */
/*
 * The short way: a message whose receiver waits, both on this CPU, where nobody has to block or be woken by anything
 * but this message; and operations of objects that answer at once. What it does is what the general path would do in
 * these cases, no more and no less; the simulation runs every history with and without it. Read it top to bottom:
 * operations, receives, call, faults, send (triggers and semaphores), reply-and-wait, and the entry that chooses.
 *
 * A state_word that equals one of the constants says in one comparison: started, not killed, not canceled, no exception
 * or fault in progress, no time-out armed, on no queue, registers as its last system call left them.
 *
 * What cannot go the short way goes the general one, before anything has changed. The functions hand on self, label,
 * dest, tag in this order: so they stay in the registers in which they came.
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
    return unlikely(dest >= (word_t)CAP_SLOTS << L4_SEL_SHIFT) ? 0 : cap_raw(task, dest >> L4_SEL_SHIFT);
}

/* Who gets what is sent through the gate, and the label he sees: in this order (gate.c G2). */
static inline struct thread *gate_receiver(const struct kobj *obj, word_t cap, word_t *label)
{
    const struct gate *gate = gate_of((struct kobj *)obj);
    struct thread *to = __atomic_load_n(&gate->thread, __ATOMIC_ACQUIRE);

    *label = gate->label | (cap & (L4_RIGHT_W | L4_RIGHT_S));
    return to;
}

/* The general way, from the start. */
__attribute__((noinline, cold)) static struct thread *general(struct thread *self, word_t label, word_t dest,
                                                              word_t tag)
{
    arch_frame_store(self, label, dest, tag);
    return syscall_general(self);
}

/* Makes `to` the running thread in place of self and leaves the kernel. */
__attribute__((always_inline)) static inline struct thread *leave_into(struct cpu *c, struct thread *self,
                                                                       struct thread *to, word_t tag, word_t label)
{
    to->state_word = THREAD_STATE_RUNNING;
    c->current = to;
    return arch_switch_fast(&c->arch, self, to, tag, label);
}

static inline struct thread *fail(struct thread *self, word_t label, word_t code)
{
    self->utcb->error = code;
    return arch_resume_fast(self, L4_TAG_ERROR, label);
}

/* ---- operations ---- */

/* The operation has not answered, or its answer is not all. The frame of the caller is as the general path wants it. */
__attribute__((noinline)) static struct thread *operate_slow(struct kobj *obj, struct invoke *in, l4_tag answer)
{
    if (likely(answer.raw < TAG_MUST_WAIT.raw))
        return kernel_leave(ipc_done(in, answer));
    if (answer.raw == TAG_MUST_WAIT.raw)
        return kernel_leave(syscall_begin(in->self));
    if (answer.raw == TAG_AGAIN.raw)
        return kernel_leave(preempt(in->self));
    if (answer.raw == TAG_RESUMED.raw) /* with other registers */
        return kernel_leave(in->self);
    in->wait_slot = NULL; /* no reply: a real receive follows */
    in->timeout = (uint32_t)frame_timeout(&in->self->arch.frame);
    return kernel_leave(ipc_receive(in, obj->type == KOBJ_IRQ ? obj : NULL));
}

/* It has answered, and the caller goes on. (state_word is THREAD_STATE_RUNNING when it is 0.) */
static inline bool operation_over(const struct invoke *in, l4_tag answer)
{
    return answer.raw < TAG_MUST_WAIT.raw && (cpu_self()->attention | in->self->state_word) == 0;
}
_Static_assert(THREAD_STATE_RUNNING == 0, "one test for both");

/* What an operation without receive phase answers. */
static inline l4_tag sent_only(const struct invoke *in, l4_tag answer)
{
    return l4_tag_error(answer) && answer.raw != TAG_NO_REPLY.raw ? answer : in->tag;
}

/* A send to, or a call of, an object that only answers; not a thread. What is needed afterwards waits in the record. */
__attribute__((noinline)) static struct thread *operate(struct thread *self, word_t label, word_t dest, word_t tag,
                                                        word_t cap)
{
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);
    struct invoke in; /* what operate() may look at */
    l4_tag answer;

    if (unlikely(cpu_count > 1 || self->options != 0)) /* a lock; a virtual CPU that may get a message of its own */
        return general(self, label, dest, tag);
    in.self = self;
    in.utcb = self->utcb;
    in.op = dest & L4_OP_MASK;
    in.selector = dest;
    in.tag.raw = tag;
    in.label = label;
    in.rights = (unsigned)(cap & 0xffu);
    answer = obj->ops->operate(obj, &in);
    if (!(in.op & L4_OP_RECV))
        answer = sent_only(&in, answer);
    if (unlikely(!operation_over(&in, answer))) {
        if (cpu_self()->work)
            kobj_work_run(); /* nothing in it looks at the frame of a running thread */
        if (!operation_over(&in, answer)) {
            arch_frame_store(in.self, in.label, in.selector, in.tag.raw);
            in.next = NULL;
            return operate_slow(obj, &in, answer);
        }
    }
    return arch_resume_fast(in.self, answer.raw, in.label);
}

/* The same for a thread, which may be self, may be switched to, and may be looked at or changed. */
__attribute__((noinline)) static struct thread *operate_thread(struct thread *self, word_t label, word_t dest,
                                                               word_t tag, word_t cap)
{
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);
    struct invoke in;
    l4_tag answer;

    arch_frame_store(self, label, dest, tag);
    if (unlikely(cpu_count > 1 || self->options != 0))
        return syscall_general(self);
    in.self = self;
    in.utcb = self->utcb;
    in.op = dest & L4_OP_MASK;
    in.tag.raw = tag;
    in.label = label;
    in.rights = (unsigned)(cap & 0xffu);
    in.next = NULL;
    answer = obj->ops->operate(obj, &in);
    if (!(in.op & L4_OP_RECV))
        answer = sent_only(&in, answer);
    if (likely(operation_over(&in, answer) && in.next == NULL))
        return arch_resume_fast(in.self, answer.raw, in.label);
    return operate_slow(obj, &in, answer);
}

/* Is it the operation of so many words, without items? */
static inline bool message_is(const struct thread *self, word_t tag, long protocol, unsigned words, word_t op)
{
    return (tag & ~L4_TAG_FLAGS) == l4_tag_make(protocol, words, 0, 0).raw && (self->utcb->mr[0] & 0xffffu) == op;
}
_Static_assert((int)L4_OP_IRQ_TRIGGER == (int)L4_OP_SEM_UP, "one message for both");

/* Takes one from a semaphore that has some and belongs to no pin. */
static inline bool semaphore_down(const struct thread *self, struct sem *s, word_t tag, word_t cap)
{
    if (!message_is(self, tag, L4_PROTO_SEMAPHORE, 1, L4_OP_SEM_DOWN) || !(cap & L4_RIGHT_S) || s->count <= 0 ||
        s->base.source != NULL || cpu_count > 1)
        return false;
    s->count--;
    return true;
}

/* Is it the question whether the task has a capability somewhere? */
static inline bool asks_capability(const struct thread *self, word_t tag)
{
    return (tag & ~L4_TAG_FLAGS) == l4_tag_make(L4_PROTO_TASK, 2, 0, 0).raw &&
           self->utcb->mr[0] == L4_OP_TASK_CAP_INFO;
}

/* Or the request to take one capability away from it, wholly? */
static inline bool unmaps_capability(const struct thread *self, word_t tag)
{
    const word_t *mr = self->utcb->mr;
    const word_t kind = 3ul << 4 | 0x3ful << 6; /* of the flexpage: type and order */

    return (tag & ~L4_TAG_FLAGS) == l4_tag_make(L4_PROTO_TASK, 3, 0, 0).raw && mr[0] == L4_OP_TASK_UNMAP &&
           (mr[1] & L4_UNMAP_SELF) && (mr[2] & (kind | L4_RIGHT_R)) == ((word_t)L4_FPAGE_OBJ << 4 | L4_RIGHT_R);
}

/* The request is carried out: the object may have ended with it. */
__attribute__((noinline)) static struct thread *unmap_capability(struct thread *self, word_t label, word_t dest,
                                                                 word_t tag, word_t cap)
{
    word_t *mr = self->utcb->mr;

    if (unlikely(cpu_count > 1 || self->options != 0))
        return general(self, label, dest, tag);
    cap_unmap(task_of((struct kobj *)((int64_t)cap >> 8)), mr[2] >> L4_SEL_SHIFT, (mr[1] & L4_UNMAP_DELETE) != 0);
    mr[2] &= ~15ul;
    if (cpu_self()->work)
        kobj_work_run();
    if (likely((cpu_self()->attention | self->state_word) == 0))
        return arch_resume_fast(self, tag_words(0, 3).raw, label);
    arch_frame_store(self, label, dest, tag);
    frame_set_tag(&self->arch.frame, tag_words(0, 3).raw);
    return kernel_leave(self);
}

static inline word_t capability_valid(const struct thread *self, const struct task *task)
{
    word_t selector = self->utcb->mr[1], cap = selector & L4_SEL_SPECIAL ? 0 : cap_word(task, selector);

    return l4_tag_make(cap != 0 && !((struct kobj *)((int64_t)cap >> 8))->dead, 0, 0, 0).raw;
}

/* Blocks self in the state, a receive phase (a closed one from partner), and lets the most important ready thread go
 * on. */
__attribute__((noinline)) static struct thread *block(struct thread *self, word_t label, word_t dest, word_t tag,
                                                      uint64_t state, uint64_t partner)
{
    struct cpu *c = cpu_self();
    struct thread *next = sched_first(c);

    if (next == NULL || next->state_word != THREAD_STATE_READY || next->resume != NULL ||
        frame_trapno(&next->arch.frame) != ARCH_TRAP_SYSCALL)
        return general(self, label, dest, tag);

    /* ---- commit: nothing below can fail ---- */
    sched_unqueue(c, next);
    c->context = next;
    self->partner = partner;
    self->ipc.wait_slot = &self->reply;
    self->state_word = state;
    return leave_into(c, self, next, frame_tag(&next->arch.frame), frame_label(&next->arch.frame));
}

/* A receive from an IRQ that software alone triggers. */
__attribute__((noinline)) static struct thread *irq_receive(struct thread *self, word_t label, word_t dest, word_t tag,
                                                            word_t cap)
{
    struct irq *irq = irq_of((struct kobj *)((int64_t)cap >> 8));

    if (!message_is(self, tag, L4_PROTO_IRQ, 1, L4_OP_IRQ_EOI) || irq->base.source != NULL || cpu_count > 1 ||
        self->options != 0 || l4_timeout_rcv(frame_timeout(&self->arch.frame)) != L4_TIMEOUT_NEVER)
        return general(self, label, dest, tag);
    if (irq->snd.receiver == self) {
        sender_dequeue(&irq->snd);
        return arch_resume_fast(self, 0, irq->snd.label);
    }
    return irq->snd.receiver == NULL ? block(self, label, dest, tag, THREAD_STATE_RECEIVING, irq->snd.id)
                                     : general(self, label, dest, tag);
}

/* A receive without a send, from anybody or (a sleep: nobody sends to himself) from self. */
__attribute__((noinline)) static struct thread *receive(struct thread *self, word_t label, word_t dest, word_t tag,
                                                        word_t timeout)
{
    if (!(dest & L4_OP_OPEN_WAIT)) {
        if (l4_timeout_rcv(timeout) == L4_TIMEOUT_ZERO) /* the convention for a yield */
            return fail(self, label, L4_IPC_RECV_TIMEOUT);
        if (l4_timeout_rcv(timeout) == L4_TIMEOUT_NEVER)
            return block(self, label, dest, tag, THREAD_STATE_SLEEPING, self->snd.id);
    } else if (l4_timeout_rcv(timeout) == L4_TIMEOUT_NEVER && list_empty(&self->senders)) {
        return block(self, label, dest, tag, THREAD_STATE_WAITING, 0);
    }
    return general(self, label, dest, tag);
}

/* ---- call ---- */

/* The caller waits for the answer, the receiver has its reply capability. */
static inline void call_established(struct thread *self, const struct thread *to, struct reply_slot *slot,
                                    unsigned rights, uint64_t state)
{
    slot->raw = (word_t)(uintptr_t)self << 8 | rights;
    self->held_by = slot;
    self->partner = to->snd.id;
    __atomic_store_n(&self->state_word, state, __ATOMIC_RELEASE); /* last: L5 of smp.h */
}

/* The receiver waits, and what is sent has typed items: mapping may be refused, and may end objects. */
__attribute__((noinline)) static struct thread *call_with_items(struct thread *self, word_t label, word_t dest,
                                                                word_t tag, unsigned rights, struct thread *to)
{
    struct reply_slot *slot = to->ipc.wait_slot;
    struct cpu *c = cpu_self();
    l4_tag seen;
    word_t err;

    if (cpu_count > 1) /* mapping takes the lock */
        return general(self, frame_label(&self->arch.frame), dest, tag);
    err = msg_transfer(self, to, (l4_tag){tag}, rights, &seen);
    if (unlikely(err != 0 || c->work)) {
        arch_frame_store(self, frame_label(&self->arch.frame), dest, tag);
        if (err != 0)
            return kernel_leave(ipc_refused(self, to, err));
        call_established(self, to, slot, rights, THREAD_STATE_RECEIVING);
        to->state_word = THREAD_STATE_RUNNING;
        frame_set_tag(&to->arch.frame, seen.raw);
        frame_set_label(&to->arch.frame, label);
        c->current = to;
        return kernel_leave(to);
    }
    call_established(self, to, slot, rights, THREAD_STATE_RECEIVING);
    return leave_into(c, self, to, seen.raw, label);
}

/* What is neither gate nor thread. */
static inline struct thread *call_object(struct thread *self, word_t label, word_t dest, word_t tag, word_t cap)
{
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);

    if (obj->type == KOBJ_TASK) {
        if (asks_capability(self, tag))
            return arch_resume_fast(self, capability_valid(self, task_of(obj)), label);
        if (unmaps_capability(self, tag))
            return unmap_capability(self, label, dest, tag, cap);
    }
    if (obj->type == KOBJ_IRQ)
        return irq_receive(self, label, dest, tag, cap);
    if (obj->type == KOBJ_SEM && semaphore_down(self, sem_of(obj), tag, cap))
        return arch_resume_fast(self, 0, label);
    return operate(self, label, dest, tag, cap);
}

__attribute__((noinline)) static struct thread *call(struct thread *self, word_t label, word_t dest, word_t tag,
                                                     word_t timeout)
{
    word_t cap = cap_word(self->task, dest), sent = label;
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);
    struct reply_slot *slot;
    struct thread *to;

    if (unlikely(cap == 0))
        return fail(self, label, L4_IPC_NOT_EXISTENT);
    if (likely(obj->type == KOBJ_GATE)) {
        if (unlikely((cap & L4_OBJ_SERVER) && (long)tag >> 16 == L4_PROTO_KOBJECT))
            return general(self, label, dest, tag);
        to = gate_receiver(obj, cap, &sent);
    } else if (likely(obj->type != KOBJ_THREAD)) {
        return call_object(self, label, dest, tag, cap);
    } else {
        if ((long)tag >> 16 == L4_PROTO_THREAD)
            return operate_thread(self, label, dest, tag, cap);
        to = thread_of(obj);
    }
    if (unlikely(not_plain(tag & ~L4_TAG_ITEMS, timeout) || to == NULL || to->state_word != THREAD_STATE_WAITING ||
                 to->home != cpu_self()))
        return general(self, label, dest, tag);
    slot = to->ipc.wait_slot;
    if (unlikely(slot->raw != 0))
        return general(self, label, dest, tag);
    if (unlikely(tag & L4_TAG_ITEMS)) {
        frame_set_label(&self->arch.frame, label); /* six parameters are enough */
        return call_with_items(self, sent, dest, tag, (unsigned)(cap & 0xffu), to);
    }

    /* ---- commit: nothing below can fail ---- */
    copy_words(self, to, tag);
    call_established(self, to, slot, (unsigned)(cap & 0xffu), THREAD_STATE_RECEIVING);
    return leave_into(cpu_self(), self, to, tag, sent); /* on the time slice of the caller */
}

/* ---- faults: calls in the name of a thread ---- */

/* Who waits for the message of self at the gate that its task has there, as the short path wants it; NULL: nobody. */
static inline struct thread *fault_receiver(const struct thread *self, uint32_t index, word_t *cap, word_t *label)
{
    struct kobj *obj;
    struct thread *to;

    if (self->state_word != THREAD_STATE_RUNNING || self->options != 0)
        return NULL;
    *cap = cap_word(self->task, (word_t)index << L4_SEL_SHIFT);
    obj = (struct kobj *)((int64_t)*cap >> 8);
    if (obj == NULL || obj->type != KOBJ_GATE)
        return NULL;
    to = gate_receiver(obj, *cap, label);
    if (to == NULL || to->state_word != THREAD_STATE_WAITING || to->home != cpu_self() || to->ipc.wait_slot->raw != 0)
        return NULL;
    return to;
}

/* The message is in the UTCB of `to`. */
static inline struct thread *fault_leave(struct thread *self, struct thread *to, word_t cap, word_t label, word_t tag,
                                         uint64_t state)
{
    struct cpu *c = cpu_self();

    call_established(self, to, to->ipc.wait_slot, (unsigned)(cap & 0xffu), state);
    to->state_word = THREAD_STATE_RUNNING;
    c->current = to;
    return arch_switch_from_trap(&c->arch, self, to, tag, label);
}

struct thread *fastpath_page_fault(struct thread *self, word_t addr, word_t access)
{
    word_t cap, label;
    struct thread *to = fault_receiver(self, self->pager, &cap, &label);

    if (to == NULL)
        return NULL;
    to->utcb->mr[0] = (addr & ~7ul) | access;
    to->utcb->mr[1] = frame_ip(&self->arch.frame);
    return fault_leave(self, to, cap, label, l4_tag_make(L4_PROTO_PAGE_FAULT, 2, 0, 0).raw, THREAD_STATE_FAULTING);
}

struct thread *fastpath_exception(struct thread *self)
{
    word_t cap, label;
    struct thread *to = fault_receiver(self, self->handler, &cap, &label);

    if (to == NULL || ((to->utcb->bdr & L4_BDR_INHERIT_FPU) && (cap & L4_RIGHT_S)))
        return NULL;
    arch_exc_store(self, to->utcb->mr);
    return fault_leave(self, to, cap, label, l4_tag_make(L4_PROTO_EXCEPTION, L4_EXC_WORDS, 0, L4_TAG_FPU).raw,
                       THREAD_STATE_EXCEPTED);
}

/* ---- send without receive phase ---- */

/* Somebody is ready who is more important than both: a server that has answered goes on only at the next choice. */
static inline bool neither_is_first(struct cpu *c, const struct thread *self, const struct thread *to)
{
    return c->context == self && sched_ready_above(c, to->prio);
}

/* The message goes to a thread of this CPU that waits for it. Both can run then: the more important one does; and who
 * runs on another's time slice hands it on. */
__attribute__((noinline)) static struct thread *deliver(struct cpu *c, struct thread *self, word_t label, word_t tag,
                                                        struct thread *to, word_t sent)
{
    copy_words(self, to, tag);
    if (c->context == self) {
        if (to->prio < self->prio) {
            to->state_word = THREAD_STATE_RUNNING;
            frame_set_tag(&to->arch.frame, tag);
            frame_set_label(&to->arch.frame, sent);
            sched_queue(c, to, true);
            return arch_resume_fast(self, tag, label);
        }
        c->context = to;
    }
    sched_queue(c, self, true);
    frame_set_tag(&self->arch.frame, tag);
    frame_set_label(&self->arch.frame, label);
    return leave_into(c, self, to, tag, sent);
}

/* A message through a gate or to a thread. */
__attribute__((noinline)) static struct thread *send_message(struct thread *self, word_t label, word_t dest, word_t tag,
                                                             word_t cap)
{
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);
    struct cpu *c = cpu_self();
    struct thread *to;
    word_t sent = label;

    if (obj->type == KOBJ_GATE) {
        to = gate_receiver(obj, cap, &sent);
        if ((cap & L4_OBJ_SERVER) && (long)tag >> 16 == L4_PROTO_KOBJECT)
            to = NULL;
    } else {
        to = thread_of(obj);
        if ((long)tag >> 16 == L4_PROTO_THREAD)
            return operate_thread(self, label, dest, tag, cap);
    }
    if (to == NULL || (tag & (L4_TAG_FLAGS | L4_TAG_ITEMS)) || to->home != c ||
        (to->state_word != THREAD_STATE_WAITING &&
         (to->state_word != THREAD_STATE_RECEIVING || to->partner != self->snd.id || to->held_by != NULL)))
        return general(self, label, dest, tag);
    if (neither_is_first(c, self, to))
        return general(self, label, dest, tag);
    return deliver(c, self, label, tag, to, sent);
}

static inline bool waits_for_irq(const struct thread *to, const struct irq *irq)
{
    return to->state_word == THREAD_STATE_RECEIVING ? to->partner == irq->snd.id
                                                    : to->state_word == THREAD_STATE_WAITING;
}

/* A trigger in software. A waiting thread that is more important gets the message, and the CPU, at once; for one that
 * does something else the message is queued. */
__attribute__((noinline)) static struct thread *irq_trigger_now(struct thread *self, word_t label, word_t dest,
                                                                word_t tag, word_t cap)
{
    struct irq *irq = irq_of((struct kobj *)((int64_t)cap >> 8));
    struct thread *to = irq->thread;
    struct cpu *c = cpu_self();

    if (to == NULL || irq->base.source != NULL || irq->snd.receiver != NULL || to->home != c || c->context != self)
        return operate(self, label, dest, tag, cap);
    if (!waits_for_irq(to, irq)) {
        if (to->state_word != THREAD_STATE_READY || to->options != 0 || !list_empty(&to->senders))
            return operate(self, label, dest, tag, cap);
        irq->snd.receiver = to;
        list_init(&irq->snd.group);
        list_push_front(&to->senders, &irq->snd.link);
        return arch_resume_fast(self, tag, label);
    }
    if (to->prio < self->prio || sched_ready_above(c, to->prio))
        return operate(self, label, dest, tag, cap);

    /* ---- commit: nothing below can fail ---- */
    sched_queue(c, self, true);
    frame_set_tag(&self->arch.frame, tag);
    frame_set_label(&self->arch.frame, label);
    c->context = to;
    return leave_into(c, self, to, 0, irq->snd.label);
}

__attribute__((noinline)) static struct thread *send(struct thread *self, word_t label, word_t dest, word_t tag)
{
    word_t cap = cap_word(self->task, dest);
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);

    if (cap == 0)
        return fail(self, label, L4_IPC_NOT_EXISTENT);
    if (message_is(self, tag, L4_PROTO_IRQ, 1, L4_OP_IRQ_TRIGGER) && cpu_count == 1) { /* of a semaphore: up */
        if (obj->type == KOBJ_IRQ)
            return irq_trigger_now(self, label, dest, tag, cap);
        if (obj->type == KOBJ_SEM && list_empty(&sem_of(obj)->waiting) && sem_of(obj)->count < INT64_MAX) {
            sem_of(obj)->count++;
            return arch_resume_fast(self, tag, label);
        }
    }
    if (!obj->ops->answers)
        return send_message(self, label, dest, tag, cap);
    /* The sender gets its own tag back; with the error bit it might be taken for one of the kernel's. */
    return unlikely(tag & L4_TAG_ERROR) ? general(self, label, dest, tag) : operate(self, label, dest, tag, cap);
}

/* A trigger and an open wait in one: the IRQ's thread goes on when it is the most important. */
__attribute__((noinline)) static struct thread *trigger_and_wait(struct thread *self, word_t label, word_t dest,
                                                                 word_t tag, word_t timeout)
{
    word_t cap = cap_word(self->task, dest);
    struct irq *irq = irq_of((struct kobj *)((int64_t)cap >> 8));
    struct cpu *c = cpu_self();
    struct thread *to;

    if (cap == 0 || irq->base.obj.type != KOBJ_IRQ || cpu_count > 1 ||
        !message_is(self, tag, L4_PROTO_IRQ, 1, L4_OP_IRQ_TRIGGER) ||
        l4_timeout_rcv(timeout) != L4_TIMEOUT_NEVER || self->options != 0 || !list_empty(&self->senders))
        return general(self, label, dest, tag);
    to = irq->thread;
    if (to == NULL || irq->base.source != NULL || irq->snd.receiver != NULL || to->home != c ||
        !waits_for_irq(to, irq) || sched_ready_above(c, to->prio))
        return general(self, label, dest, tag);

    /* ---- commit: nothing below can fail ---- */
    self->partner = irq->snd.id;
    self->ipc.wait_slot = &self->reply;
    self->state_word = THREAD_STATE_WAITING;
    c->context = to;
    return leave_into(c, self, to, 0, irq->snd.label);
}

/* ---- reply and wait ---- */

/* The caller goes on if it is the most important, or if self runs on its time slice. */
static inline bool caller_may_run(struct cpu *c, const struct thread *self, const struct thread *to)
{
    return likely(c->context != self) || !sched_ready_above(c, to->prio);
}

/* The caller is not in a system call: answers to faults, which let the thread go on by the way it came. */
__attribute__((noinline)) static struct thread *reply_to_fault(struct thread *self, word_t label, word_t dest,
                                                               word_t tag, struct reply_slot *slot, struct thread *to)
{
    struct cpu *c = cpu_self();
    bool exception = to->state_word == THREAD_STATE_EXCEPTED;
    word_t items = tag & L4_TAG_ITEMS, err = 0;
    l4_tag seen;

    if ((!exception && to->state_word != THREAD_STATE_FAULTING) || (tag & L4_TAG_FLAGS) || (long)tag >> 16 != 0 ||
        (items != 0 && (exception || cpu_count > 1)) || /* mapping takes the lock */
        l4_timeout_rcv(frame_timeout(&self->arch.frame)) != L4_TIMEOUT_NEVER || to->home != c ||
        !list_empty(&self->senders) || !caller_may_run(c, self, to))
        return general(self, label, dest, tag);

    /* ---- commit: the message may be refused, which both learn ---- */
    arch_frame_store(self, label, dest, tag);
    if (items != 0 || exception)
        err = msg_transfer(self, to, (l4_tag){tag}, (unsigned)(slot->raw & 0xffu), &seen);
    if (unlikely(err != 0))
        return kernel_leave(ipc_refused(self, to, err));
    slot->raw = 0;
    to->held_by = NULL;
    self->ipc.wait_slot = slot;
    self->state_word = THREAD_STATE_WAITING;
    to->flags &= ~(uint32_t)THREAD_KERNEL_IPC;
    to->ipc_state = IPC_IDLE;
    if (c->context == self) /* nothing was lent */
        c->context = to;
    c->current = to;
    return unlikely(c->attention) ? kernel_leave(to) : to;
}

/* R1 makes the slot's caller wait for self: checked by the caller of this for explicit slots, which a task shares.
 * The slot is read once: a caller of another CPU may give up, and empty it, at any time. */
__attribute__((always_inline)) static inline struct thread *reply(struct thread *self, word_t label, word_t dest,
                                                                  word_t tag, word_t timeout, struct reply_slot *slot)
{
    struct thread *to = reply_slot_caller(slot);
    struct cpu *c = cpu_self();

    if (unlikely(to == NULL))
        return general(self, label, dest, tag);
    if (unlikely(to->state_word != THREAD_STATE_RECEIVING))
        return reply_to_fault(self, label, dest, tag, slot, to);
    if (unlikely(not_plain(tag, timeout) || to->home != c || !list_empty(&self->senders)))
        return general(self, label, dest, tag);
    if (unlikely(c->context == self)) { /* nothing was lent: the caller goes on if it is the most important */
        if (!caller_may_run(c, self, to))
            return general(self, label, dest, tag);
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

__attribute__((noinline)) static struct thread *reply_and_wait(struct thread *self, word_t label, word_t dest,
                                                               word_t tag, word_t timeout)
{
    return reply(self, label, dest, tag, timeout, &self->reply);
}

/* An answer, and self goes on. */
__attribute__((noinline)) static struct thread *reply_only(struct thread *self, word_t label, word_t dest, word_t tag)
{
    struct thread *to = reply_slot_caller(&self->reply);
    struct cpu *c = cpu_self();

    if (to == NULL || (tag & (L4_TAG_FLAGS | L4_TAG_ITEMS)) || to->state_word != THREAD_STATE_RECEIVING ||
        to->home != c || neither_is_first(c, self, to))
        return general(self, label, dest, tag);
    self->reply.raw = 0;
    to->held_by = NULL;
    return deliver(c, self, label, tag, to, label);
}

__attribute__((noinline)) static struct thread *explicit_reply_and_wait(struct thread *self, word_t label, word_t dest,
                                                                        word_t tag, word_t timeout)
{
    struct reply_slot *slot = task_reply_slot(self->task, dest >> L4_SEL_SHIFT);

    if (cpu_count > 1 || /* a slot that other CPUs may use */
        slot == NULL || slot->raw == 0 || reply_slot_caller(slot)->partner != self->snd.id)
        return general(self, label, dest, tag);
    return reply(self, label, dest, tag, timeout, slot);
}

/* ---- the entry ---- */

struct thread *kernel_syscall(struct thread *self, word_t label, word_t dest, word_t tag, word_t timeout)
{
    if (unlikely(self->state_word != THREAD_STATE_RUNNING))
        return general(self, label, dest, tag);
    if (likely(dest == (L4_SEL_INVALID | L4_OP_MASK))) /* reply and wait, the implicit slot */
        return reply_and_wait(self, label, dest, tag, timeout);
    if (likely((dest & (L4_SEL_SPECIAL | L4_OP_MASK)) == (L4_OP_SEND | L4_OP_RECV)))
        return call(self, label, dest, tag, timeout);
    if ((dest & (L4_SEL_SPECIAL | L4_OP_MASK)) == L4_OP_SEND)
        return send(self, label, dest, tag);
    if ((dest & (L4_SEL_SPECIAL | L4_OP_MASK)) == (L4_SEL_REPLY | L4_OP_MASK))
        return explicit_reply_and_wait(self, label, dest, tag, timeout);
    if ((dest & (L4_SEL_SPECIAL | L4_OP_MASK)) == (L4_OP_SEND | L4_OP_RECV | L4_OP_OPEN_WAIT))
        return trigger_and_wait(self, label, dest, tag, timeout);
    if (dest == (L4_SEL_INVALID | L4_OP_SEND | L4_OP_REPLY))
        return reply_only(self, label, dest, tag);
    if ((dest & ~(word_t)L4_OP_OPEN_WAIT) == (L4_SEL_INVALID | L4_OP_RECV))
        return receive(self, label, dest, tag, timeout);
    return general(self, label, dest, tag);
}
