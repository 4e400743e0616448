/* SPDX-License-Identifier: MIT */
/*
 * The rendezvous: send, receive, call, reply, timeout, cancel. Read it top to bottom, the way a message travels.
 *
 * States of thread.ipc_state, and who moves it:
 *   IDLE      -> SENDING     ipc_send_block     receiver not ready, the caller may wait
 *   IDLE      -> GATE, SEM   gate.c, sem.c
 *   IDLE      -> RECEIVING, WAITING  receive_begin   no matching sender is queued (closed receive, open wait)
 *   SENDING   -> RECEIVING   send_finished      the receiver took the message of a call
 *   any wait  -> IDLE        ipc_unblock        message, time-out, cancel, end
 *
 *   I1  SENDING   => on exactly one sender queue, that of snd.receiver.
 *   I2  RECEIVING, WAITING => on no queue. RECEIVING: partner is the id of the only sender that is taken.
 *   I3  IDLE      => on no queue, no timeout armed, held_by NULL.
 *   I4  A thread in an open wait has an empty sender queue. A thread in a closed wait has not got its partner queued.
 *   I5  ipc_state != IDLE and ready => canceled or killed: resume says which; the wait still stands until it runs, and
 *       a message may still end it.
 *
 * Send and receive phase are one step: a sender whose message is taken is put into its receive phase by whoever took
 * it.
 */
#include "ipc.h"
#include "cpu.h"
#include "objects.h"
#include "smp.h"
#include "task.h"

/* ---- results ---- */

/* The result of the running or blocked operation of t. */
static void result_set(struct thread *t, l4_tag tag)
{
    if (likely(!(t->flags & (THREAD_KERNEL_IPC | THREAD_VCPU_IPC)))) {
        frame_set_tag(&t->arch.frame, tag.raw);
    } else if (t->flags & THREAD_VCPU_IPC) {
        vcpu_set_tag(t, tag);
    } else {
        t->kernel_tag = tag;
        t->resume = fault_answered_resume;
    }
}

/* The same when it is a message: the label is stored, too. A fault has no use for it. */
static void result_message(struct thread *t, l4_tag tag, word_t label)
{
    if (likely(!(t->flags & (THREAD_KERNEL_IPC | THREAD_VCPU_IPC))))
        frame_set_label(&t->arch.frame, label);
    else if (t->flags & THREAD_VCPU_IPC)
        vcpu_set_label(t, label);
    result_set(t, tag);
}

static void result_error(struct thread *t, word_t code)
{
    if (unlikely(t->flags & THREAD_KERNEL_IPC))
        t->kernel_error = (uint8_t)code;
    if (likely(!(t->flags & THREAD_IN_FAULT))) /* a page fault may happen anywhere: the error word stays what it was */
        t->utcb->error = code;
    result_set(t, (l4_tag){L4_TAG_ERROR});
}

struct thread *ipc_done(struct invoke *in, l4_tag tag)
{
    result_set(in->self, tag);
    return in->next != NULL ? sched_switch(in->self, in->next) : in->self;
}

struct thread *ipc_fail(struct invoke *in, word_t code)
{
    result_error(in->self, code);
    return in->self;
}

/* ---- timeouts ---- */

/* Deadline of a 16-bit timeout; 0: never. False: it has expired already. */
static bool timeout_deadline(const struct thread *t, unsigned timeout16, uint64_t *deadline)
{
    uint64_t now, value;

    *deadline = 0;
    if (timeout16 == L4_TIMEOUT_NEVER)
        return true;
    if (timeout16 == L4_TIMEOUT_ZERO)
        return false;
    now = arch_clock_us();
    if (timeout16 & L4_TIMEOUT_ABSOLUTE) {
        unsigned br = timeout16 & 63u;

        *deadline = t->utcb->br[br > L4_TIMEOUT_BR_MAX ? L4_TIMEOUT_BR_MAX : br];
    } else {
        value = (uint64_t)(timeout16 & 1023u) << (timeout16 >> 10 & 31u);
        *deadline = now + value;
    }
    return *deadline > now;
}

/* ---- blocking and unblocking ---- */

/* s waits for r to receive from it. */
static void sender_wait(struct thread *r, struct sender *s)
{
    kassert(cpu_claimed(r->home));
    s->receiver = r;
    if (unlikely(r->partner == s->id)) /* what r has of an earlier message is not of this one: items_send */
        r->partner = 0;
    sender_enqueue(&r->senders, s);
    if (unlikely(r->options & THREAD_OPT_VCPU))
        vcpu_sender_queued(r);
}

/* The caller sets the state (and queues the thread) after this has answered 0; else an IPC error of the phase. */
static word_t block_allowed(struct thread *self, unsigned timeout16, word_t phase)
{
    uint64_t deadline;

    if (unlikely(self->flags & THREAD_CANCELED))
        return L4_IPC_SEND_CANCELED | phase;
    if (!timeout_deadline(self, timeout16, &deadline))
        return L4_IPC_SEND_TIMEOUT | phase;
    if (deadline != 0)
        wait_arm(self, deadline);
    return 0;
}

word_t ipc_block(struct thread *self, enum ipc_state state, unsigned timeout16)
{
    word_t code = block_allowed(self, timeout16, state == IPC_SEM ? 1 : 0);

    if (code == 0)
        self->ipc_state = (uint8_t)state;
    return code;
}

void ipc_abort(struct thread *t, word_t code)
{
    ipc_claim(t, false);
    ipc_unblock(t);
    result_error(t, code);
    ipc_wake(t);
}

static word_t wait_phase(const struct thread *t)
{
    return thread_receives(t) || t->ipc_state == IPC_SEM ? 1 : 0;
}

void ipc_timeout(struct thread *t)
{
    ipc_abort(t, L4_IPC_SEND_TIMEOUT | wait_phase(t));
}

struct thread *ipc_cancel_resume(struct thread *self)
{
    if (self->ipc_state != IPC_IDLE) { /* I5: nothing else has ended the wait meanwhile */
        word_t code = L4_IPC_SEND_CANCELED | wait_phase(self);

        ipc_unblock(self);
        result_error(self, code);
    }
    return self;
}

struct thread *ipc_restart_resume(struct thread *self)
{
    if (self->flags & THREAD_KERNEL_IPC) /* the faulting instruction is executed again and faults again */
        return fault_restart(self);
    return syscall_execute(self);
}

/* ---- reply capabilities ---- */

static void reply_slot_set(struct reply_slot *slot, struct thread *caller, unsigned rights)
{
    word_t raw = (word_t)(uintptr_t)caller << 8 | rights, empty = 0;

    reply_slot_clear(slot); /* an earlier caller waits on; nobody is told */
    kassert(caller->held_by == NULL);
    if (likely(cpu_count == 1))
        slot->raw = raw;
    else if (!__atomic_compare_exchange_n(&slot->raw, &empty, raw, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return; /* another CPU has put a later one there */
    caller->held_by = slot;
}

static bool op_is_call(word_t op)
{
    return (op & (L4_OP_SEND | L4_OP_RECV | L4_OP_OPEN_WAIT)) == (L4_OP_SEND | L4_OP_RECV);
}

/* ---- receive phase ---- */

static bool receiver_matches(const struct thread *r, uint64_t sender_id)
{
    return r->ipc_state == IPC_WAITING || (r->ipc_state == IPC_RECEIVING && r->partner == sender_id);
}

/* t enters its receive phase, no matching sender being queued. Returns 0 or the receive error (then t stays IDLE). */
static word_t receive_begin(struct thread *t, bool open, uint64_t partner, struct reply_slot *slot, unsigned timeout16)
{
    word_t code = block_allowed(t, timeout16, 1);

    if (code != 0)
        return code;
    t->ipc.wait_slot = slot != NULL ? slot : &t->reply;
    if (unlikely(cpu_count > 1 && t->ipc.wait_slot != &t->reply))
        t->flags |= THREAD_SLOT_SHARED; /* the short path must not touch it */
    t->partner = partner;
    __atomic_store_n(&t->ipc_state, (uint8_t)(open ? IPC_WAITING : IPC_RECEIVING), __ATOMIC_RELEASE); /* L5 */
    if (!open && (partner == 0 || partner == t->snd.id)) /* a sleep: goes to the back of its priority when it wakes */
        t->flags |= THREAD_TO_BACK;
    return 0;
}

/* r has sent to a thread of another CPU, is home again (guest.c E3) and about to wait for anybody: who has its message
 * already must not find it elsewhere. True: now it waits. */
static cold_path bool wait_begins(struct thread *r)
{
    word_t dest = frame_dest(&r->arch.frame);
    struct reply_slot *slot = NULL;

    if (!r->progress.receiving || !r->ready || (r->flags & (THREAD_KERNEL_IPC | THREAD_DYING)) ||
        !(dest & L4_OP_OPEN_WAIT) || !list_empty(&r->senders))
        return false;
    if ((dest & L4_SEL_SPECIAL) == L4_SEL_REPLY)
        slot = task_reply_slot(r->task, dest >> L4_SEL_SHIFT);
    if (receive_begin(r, true, 0, slot, l4_timeout_rcv(frame_timeout(&r->arch.frame))) != 0)
        return false; /* it finds out itself */
    sched_dequeue(r);
    r->resume = NULL;
    r->progress = (struct op_progress){0};
    return true;
}

/* r takes a message of the sender now: it waits for one, or it is a vCPU that takes it in between (and stands at its
 * entry point afterwards: the caller must deliver). */
static bool receiver_ready(struct thread *r, uint64_t sender_id)
{
    return likely(receiver_matches(r, sender_id)) ||
           (unlikely(r->options & THREAD_OPT_VCPU) && vcpu_receive_begin(r, sender_id)) ||
           (unlikely(cpu_count > 1 && r->ipc_state == IPC_IDLE) && wait_begins(r));
}

/* A finished transfer: the receiver's result and, for a call into an open wait (slot), the reply capability. */
static void receive_finished(struct thread *r, struct thread *s, word_t s_op, unsigned rights, word_t err, l4_tag tag,
                             struct reply_slot *slot)
{
    ipc_unblock(r);
    if (err != 0) {
        result_error(r, err | 1);
        return;
    }
    result_message(r, tag, s->snd.label);
    if (slot != NULL && op_is_call(s_op))
        reply_slot_set(slot, s, rights);
}

/* The queued sender s has had its message taken by r (err 0) or refused: its own second phase, or the end. */
static void send_finished(struct thread *s, struct thread *r, word_t err)
{
    word_t op = s->ipc.op, code;
    l4_tag tag = s->ipc.tag;

    if (err != 0) {
        result_error(s, err);
    } else if (!(op & L4_OP_RECV)) {
        result_set(s, (l4_tag){tag.raw & ~L4_TAG_ERROR});
    } else if ((op & L4_OP_OPEN_WAIT) && !list_empty(&s->senders)) {
        s->resume = ipc_receive_resume; /* takes the head of its queue when it runs */
    } else {
        code = receive_begin(s, (op & L4_OP_OPEN_WAIT) != 0, r->snd.id, s->ipc.wait_slot,
                             l4_timeout_rcv(s->ipc.timeout));
        if (code == 0)
            return;
        result_error(s, code);
    }
    ipc_wake(s);
}

/* The running thread takes the message of the queued thread s. */
static void take_from_thread(struct thread *self, struct thread *s, bool open, struct reply_slot *slot)
{
    word_t op = s->ipc.op;
    unsigned rights = s->ipc.rights;
    l4_tag tag;
    word_t err;

    ipc_claim(s, (s->ipc.tag.raw & L4_TAG_FPU) != 0);
    err = msg_transfer(s, self, s->ipc.tag, rights, &tag);
    if (unlikely(err == MSG_AGAIN)) {
        self->progress.receiving = true;
        preempt(self);
        return;
    }
    ipc_unblock(s);
    /* The caller is in its receive phase before it is named by the reply capability (R1). */
    if (err == 0 && open && op_is_call(op)) {
        send_finished(s, self, 0);
        if (s->ipc_state != IPC_RECEIVING) { /* its receive timeout was zero: there is nobody to reply to */
            reply_slot_clear(slot != NULL ? slot : &self->reply); /* as when it sends to a waiting receiver */
            op = L4_OP_SEND;
        }
    } else {
        send_finished(s, self, err);
    }
    receive_finished(self, s, op, rights, err, tag, !open ? NULL : slot != NULL ? slot : &self->reply);
}

static void take_from_irq(struct thread *self, struct irq *irq)
{
    sender_dequeue(&irq->snd);
    ipc_unblock(self);
    result_message(self, (l4_tag){0}, irq->snd.label);
    irq_delivered(irq);
}

/* The sender that the receive phase can take now, or NULL. */
static struct sender *sender_for(struct thread *self, bool open, struct sender *partner)
{
    if (open)
        return list_empty(&self->senders) ? NULL : list_first(&self->senders, struct sender, link);
    return partner != NULL && partner->receiver == self ? partner : NULL;
}

static struct sender *sender_of(struct kobj *obj)
{
    if (obj == NULL)
        return NULL;
    if ((obj->type & ~KOBJ_DEAD) == KOBJ_THREAD) /* what a gate is bound to may be dead */
        return &thread_of(obj)->snd;
    return obj->type == KOBJ_IRQ ? &irq_of(obj)->snd : NULL;
}

__attribute__((noinline)) struct thread *ipc_receive(struct invoke *in, struct kobj *from)
{
    struct thread *self = in->self;
    bool open = (in->op & L4_OP_OPEN_WAIT) != 0;
    struct sender *partner = sender_of(from);
    struct sender *s;
    word_t code;

    if (is_guest(self)) { /* its queue belongs to its own CPU */
        self->progress = (struct op_progress){.receiving = true, .again = true};
        self->resume = preempt_again; /* without a window: it begins when it is home */
        return self;
    }
    s = sender_for(self, open, partner);
    if (s != NULL) {
        if (s->is_irq)
            take_from_irq(self, container_of(s, struct irq, snd));
        else
            take_from_thread(self, container_of(s, struct thread, snd), open, in->wait_slot);
        return self;
    }
    code = receive_begin(self, open, partner != NULL ? partner->id : 0, in->wait_slot, l4_timeout_rcv(in->timeout));
    if (code != 0)
        return ipc_fail(in, code);
    return sched_pick(self);
}

struct thread *ipc_receive_resume(struct thread *self)
{
    struct invoke in = {.self = self, .utcb = self->utcb, .op = L4_OP_RECV | L4_OP_OPEN_WAIT,
                        .timeout = self->ipc.timeout, .wait_slot = self->ipc.wait_slot};

    return ipc_receive(&in, NULL);
}

/* ---- send phase ---- */

__attribute__((noinline)) static void sending_begin(const struct invoke *in)
{
    struct thread *self = in->self;

    self->ipc_state = IPC_SENDING;
    self->ipc = (struct ipc_args){.tag = in->tag, .op = (uint16_t)in->op, .rights = (uint16_t)in->rights,
                                  .timeout = in->timeout, .wait_slot = in->wait_slot};
    self->snd.prio = self->prio;
}

static struct thread *ipc_send_block(struct invoke *in, struct thread *to)
{
    struct thread *self = in->self;
    word_t code = block_allowed(self, l4_timeout_snd(in->timeout), 0);

    if (code != 0)
        return ipc_fail(in, code);
    sending_begin(in);
    sender_wait(to, &self->snd);
    return sched_pick(self);
}

/* The message has arrived at `to`, which is ready to run; now self's receive phase and the choice of who goes on. */
static struct thread *ipc_after_send(struct invoke *in, struct thread *to)
{
    struct thread *self = in->self;
    struct cpu *c = cpu_self();
    bool open = (in->op & L4_OP_OPEN_WAIT) != 0, blocked = false, direct;

    if (in->op & L4_OP_RECV) {
        if ((open && is_guest(self)) || sender_for(self, open, &to->snd) != NULL) {
            ipc_wake(to);
            return ipc_receive(in, &to->obj);
        }
        word_t code = receive_begin(self, open, to->snd.id, in->wait_slot, l4_timeout_rcv(in->timeout));

        if (code != 0) {
            ipc_unblock(self);
            ipc_wake(to);
            return ipc_fail(in, code);
        }
        blocked = true;
    } else {
        result_set(self, in->tag);
    }
    /* Donation: a call, or a thread that itself runs on another's time slice, hands the CPU over directly. */
    direct = !(l4_tag_flags(in->tag) & L4_TAG_SCHEDULE) && to->home == c && to != self && !is_guest(self) &&
             (op_is_call(in->op) || c->context != self);
    if (direct)
        return sched_switch(self, to);
    ipc_wake(to);
    return blocked ? sched_pick(self) : self;
}

struct thread *ipc_refused(struct thread *self, struct thread *to, word_t err)
{
    if (err == MSG_AGAIN)
        return preempt(self);
    ipc_unblock(to);
    result_error(to, err | 1);
    ipc_wake(to);
    result_error(self, err);
    return self;
}

/* An answer to who waits for nobody else can be given from here (L5). Who waits in a queue has one of his own, which
 * his CPU uses without the lock: a message to him travels. */
static cold_path bool message_travels(struct invoke *in, struct thread *to)
{
    if (!is_guest(in->self) && wait_is_still(to, false, (in->tag.raw & L4_TAG_FPU) != 0))
        return false;
    return travels(in, to->home);
}

struct thread *ipc_run(struct invoke *in, struct thread *to, struct kobj *from)
{
    struct thread *self = in->self;
    l4_tag tag;
    word_t err;

    if (!(in->op & L4_OP_SEND))
        return in->op & L4_OP_RECV ? ipc_receive(in, from) : ipc_fail(in, L4_IPC_NOT_EXISTENT);
    self->snd.label = in->label;
    if (unlikely(cpu_count > 1) && to->home != cpu_self() && message_travels(in, to))
        return sched_pick(self);
    if (!thread_alive(to))
        return ipc_fail(in, L4_IPC_NOT_EXISTENT);
    if (!receiver_ready(to, self->snd.id))
        return ipc_send_block(in, to);

    err = msg_transfer(self, to, in->tag, in->rights, &tag);
    if (unlikely(err != 0))
        return ipc_refused(self, to, err);
    receive_finished(to, self, in->op, in->rights, 0, tag, to->ipc_state == IPC_WAITING ? to->ipc.wait_slot : NULL);
    return ipc_after_send(in, to);
}

struct thread *ipc_reply(struct invoke *in)
{
    struct reply_slot *slot = in->reply_slot;
    struct thread *caller = slot == NULL ? NULL : reply_slot_caller(slot);

    if (caller != NULL && slot != &in->self->reply) { /* R2 */
        if (travels(in, caller->home))
            return sched_pick(in->self);
        if (reply_slot_caller(slot) != caller)
            caller = NULL; /* somebody else has answered */
    }
    if (caller == NULL)
        return ipc_fail(in, L4_IPC_NOT_EXISTENT);
    in->rights = (unsigned)(slot->raw & 0xffu);
    if (!receiver_matches(caller, in->self->snd.id)) /* it waits for another thread of the task */
        reply_slot_clear(slot);
    return ipc_run(in, caller, &caller->obj);
}

/* ---- IRQs as senders ---- */

void ipc_irq_send(struct irq *irq)
{
    struct thread *t = irq->thread;

    if (unlikely(cpu_count > 1) && irq_travels(irq, t->home))
        return;
    if (receiver_ready(t, irq->snd.id)) {
        ipc_unblock(t);
        result_message(t, (l4_tag){0}, irq->snd.label);
        irq_delivered(irq);
        sched_wake(t);
        return;
    }
    sender_wait(t, &irq->snd);
}
