/* SPDX-License-Identifier: MIT */
/* The rendezvous (ipc.c) and the copying of one message (msg.c). */
#pragma once
#include "kobj.h"
#include "smp.h"
#include "thread.h"

/* One IPC of in->self: send phase to `to` when in->op has SEND, then receive phase when it has RECV.
 * from: partner of a closed receive. wait_slot: where an open wait stores its caller; NULL: implicit.
 * Returns the thread that runs next. */
struct thread *ipc_run(struct invoke *in, struct thread *to, struct kobj *from);
/* Only the receive phase of in->self (after an operation without answer). */
struct thread *ipc_receive(struct invoke *in, struct kobj *from);
/* IPC through a reply capability. */
struct thread *ipc_reply(struct invoke *in);
/* Ends the current invocation with an IPC error or a tag and goes on. */
struct thread *ipc_fail(struct invoke *in, word_t code);
struct thread *ipc_done(struct invoke *in, l4_tag tag);
/* The transfer from the running thread to the waiting `to` has failed: both learn it, and both go on. Returns self. */
struct thread *ipc_refused(struct thread *self, struct thread *to, word_t err);

/* Queue order of a sender (gate and semaphore queues too). */
void sender_enqueue(struct list *queue, struct sender *s);
void sender_unqueue(struct sender *s);
/* Blocks self in `state` with its 16-bit timeout. 0, or the IPC error (expired, canceled): then nothing has changed. */
word_t ipc_block(struct thread *self, enum ipc_state state, unsigned timeout16);
/* May the caller end the wait of t without more than the lock (smp.h L5)? queued: also when t waits in a queue. fpu: it
 * needs the FPU state of t. */
bool wait_is_still(const struct thread *t, bool queued, bool fpu);
/* The caller is about to end the wait of t: claims its CPU when that may touch t meanwhile. */
void ipc_claim_other(struct thread *t, bool fpu);
static inline void ipc_claim(struct thread *t, bool fpu)
{
    if (unlikely(cpu_count > 1))
        ipc_claim_other(t, fpu);
}
/* A wait of t with a time-out begins. */
void wait_arm(struct thread *t, uint64_t deadline_us);
/* The wait of t has ended, perhaps without a claim (L5): then its CPU makes it ready when it is in the kernel next. */
void ipc_wake(struct thread *t);
/* Removes t from whatever queue it waits on and disarms its timeout; state becomes IDLE. */
void ipc_unblock(struct thread *t);
/* Ends the wait of a blocked thread with an error code and makes it ready. */
void ipc_abort(struct thread *t, word_t code);
/* A timeout fired. */
void ipc_timeout(struct thread *t);
/* Continuations. */
struct thread *ipc_restart_resume(struct thread *self);  /* run the system call (or the fault) again from its start */
struct thread *ipc_cancel_resume(struct thread *self);   /* canceled while blocked */
struct thread *ipc_receive_resume(struct thread *self);  /* receive phase of a send-and-wait whose message was taken */
/* An IRQ has something for its thread: delivers at once when the thread waits for it, else queues. */
void ipc_irq_send(struct irq *irq);
/* May the caller in the slot, who belongs to another CPU, be taken out of it (R2)? Without the lock he may not: he has
 * come this moment, and so after the one who would take his place. */
bool reply_slot_claim(const struct reply_slot *slot, const struct thread *caller);
/* Empties a reply slot that holds a caller; clears the caller's back pointer. */
void reply_slot_clear(struct reply_slot *slot);
static inline struct thread *reply_slot_caller(const struct reply_slot *slot)
{
    return (struct thread *)((int64_t)__atomic_load_n(&slot->raw, __ATOMIC_RELAXED) >> 8);
}
/* Ends the part of a dying thread in IPC: its senders get SEND_CANCELED, its slots are emptied. A window's worth of it;
 * true: it is done. */
bool ipc_thread_gone(struct thread *t);
/* The same for everybody in a queue of senders. */
bool senders_abort(struct list *queue, word_t code);

/* s leaves the sender queue of its receiver. */
void sender_dequeue(struct sender *s);

/* ---- syscall.c ---- */
/* The system call in the frame of self, from its start. */
struct thread *syscall_execute(struct thread *self);

/* ---- msg.c ---- */
/* In place of an error code: not all items are transferred, the operation of the running thread goes on after a window.
 */
#define MSG_AGAIN (~0ul)
/* Copies a message of s into r; the one of them that does not wait does it. rights: of the capability used.
 * Returns 0 or the (even) IPC error code of the sender; the receiver's code is one more. *out is the tag the receiver
 * sees. */
word_t msg_transfer(struct thread *s, struct thread *r, l4_tag tag, unsigned rights, l4_tag *out);
/* Maps the items of the message that s has made into a task, anywhere in it. 0 or the sender's error code. */
word_t msg_items_into(struct thread *s, struct task *to, l4_tag tag);
