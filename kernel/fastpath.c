/* SPDX-License-Identifier: MIT */
/*
 * The short way of a message: words only, the receiver waits, both on this CPU, nobody has to block or be woken by
 * anything but this message. What it does is what ipc.c would do in these cases, no more and no less; the simulation runs
 * every history with and without it. Read it top to bottom: call, then reply-and-wait, then send.
 *
 * A state_word that equals one of the three constants says in one comparison: started, not killed, not canceled, no
 * exception or fault in progress, no time-out armed, on no queue.
 */
#include "fastpath.h"
#include "arch_fast.h"
#include "cpu.h"
#include "ipc.h"
#include "objects.h"
#include "task.h"

static inline uint64_t state(const struct thread *t) { return t->state_word & THREAD_STATE_MASK; }

/* Only the bits that IPC looks at change. */
static inline void state_set(struct thread *t, uint64_t old, uint64_t new) { t->state_word ^= old ^ new; }

static inline void copy_words(const struct thread *from, struct thread *to, word_t tag)
{
    unsigned words = (unsigned)(tag & 63u);

    if (words != 0)
        arch_copy_words(to->utcb->mr, from->utcb->mr, words);
}

/* The object behind a plain selector: capability word (pointer << 8 | rights), 0 when there is none. */
static inline word_t cap_word(const struct task *task, word_t dest)
{
    word_t index = dest >> L4_SEL_SHIFT;
    const struct cap_page *page;

    if (unlikely((dest & L4_SEL_SPECIAL) || index >= CAP_SLOTS || task->cap_dir == NULL))
        return 0;
    page = task->cap_dir[index / CAP_PAGE_SLOTS];
    return page == NULL ? 0 : page->slot[index % CAP_PAGE_SLOTS].raw;
}

/* The thread that a plain message through the capability goes to, and the label it sees; NULL: not a plain one. */
static inline struct thread *receiver_of(word_t cap, word_t tag, word_t sent_label, word_t *label)
{
    struct kobj *obj = (struct kobj *)((int64_t)cap >> 8);
    long protocol = (long)tag >> 16;

    if (likely(obj->type == KOBJ_GATE)) {
        if (unlikely(protocol == L4_PROTO_KOBJECT))
            return NULL;
        *label = gate_of(obj)->label | (cap & (L4_RIGHT_W | L4_RIGHT_S));
        return gate_of(obj)->thread;
    }
    if (obj->type != KOBJ_THREAD || protocol == L4_PROTO_THREAD)
        return NULL;
    *label = sent_label;
    return thread_of(obj);
}

static inline struct thread *switch_to(struct cpu *c, struct thread *self, struct thread *to, word_t tag, word_t label)
{
    frame_set_tag(&to->arch.frame, tag);
    frame_set_label(&to->arch.frame, label);
    c->current = to;
    arch_switch_fast(&c->arch, self, to);
    return to;
}

static inline struct thread *fast_call(struct cpu *c, struct thread *self, word_t dest, word_t tag)
{
    word_t cap = cap_word(self->task, dest), label;
    struct reply_slot *slot;
    struct thread *to;

    if (unlikely(cap == 0 || l4_timeout_rcv(frame_timeout(&self->arch.frame)) != L4_TIMEOUT_NEVER))
        return NULL;
    to = receiver_of(cap, tag, frame_label(&self->arch.frame), &label);
    if (unlikely(to == NULL || state(to) != THREAD_STATE_WAIT_OPEN || to->home != c))
        return NULL;
    slot = to->ipc.wait_slot;
    if (unlikely(slot->raw != 0))
        return NULL;

    /* ---- commit: nothing below can fail ---- */
    copy_words(self, to, tag);
    slot->raw = (word_t)(uintptr_t)self << 8 | (cap & 0xffu);
    self->held_by = slot;
    self->partner = to->snd.id;
    state_set(self, THREAD_STATE_RUNNING, THREAD_STATE_WAIT_CLOSED);
    state_set(to, THREAD_STATE_WAIT_OPEN, THREAD_STATE_RUNNING);
    return switch_to(c, self, to, tag, label); /* on the time slice of the caller */
}

static inline struct thread *fast_reply_and_wait(struct cpu *c, struct thread *self, word_t dest, word_t tag)
{
    struct reply_slot *slot = &self->reply;
    struct thread *to;
    bool own_slice;

    if (unlikely((dest & L4_SEL_SPECIAL) == L4_SEL_REPLY)) {
        slot = task_reply_slot(self->task, dest >> L4_SEL_SHIFT);
        if (slot == NULL)
            return NULL;
    }
    to = reply_slot_caller(slot);
    if (unlikely(to == NULL || state(to) != THREAD_STATE_WAIT_CLOSED || to->home != c))
        return NULL;
    if (unlikely(to->partner != self->snd.id || !list_empty(&self->senders) ||
                 l4_timeout_rcv(frame_timeout(&self->arch.frame)) != L4_TIMEOUT_NEVER))
        return NULL;
    own_slice = c->context == self; /* nothing was lent: the caller runs on its own slice, if it is the most important */
    if (own_slice && unlikely(sched_ready_above(c, to->prio)))
        return NULL;

    /* ---- commit: nothing below can fail ---- */
    if (own_slice)
        c->context = to;
    copy_words(self, to, tag);
    slot->raw = 0;
    to->held_by = NULL;
    self->ipc.wait_slot = slot;
    state_set(self, THREAD_STATE_RUNNING, THREAD_STATE_WAIT_OPEN);
    state_set(to, THREAD_STATE_WAIT_CLOSED, THREAD_STATE_RUNNING);
    return switch_to(c, self, to, tag, frame_label(&self->arch.frame));
}

static inline struct thread *fastpath(struct thread *self)
{
    struct cpu *c = cpu_self();
    word_t dest = frame_dest(&self->arch.frame), tag = frame_tag(&self->arch.frame);

    if (unlikely(state(self) != THREAD_STATE_RUNNING || (tag & (L4_TAG_FLAGS | 0xfc0u))))
        return NULL;
    switch (dest & L4_OP_MASK) {
    case L4_OP_SEND | L4_OP_RECV:
        return fast_call(c, self, dest, tag);
    case L4_OP_REPLY | L4_OP_SEND | L4_OP_RECV | L4_OP_OPEN_WAIT:
        return fast_reply_and_wait(c, self, dest, tag);
    default:
        return NULL;
    }
}

struct thread *kernel_syscall(struct thread *self)
{
    struct thread *next = fastpath(self);

    return likely(next != NULL) ? next : syscall_general(self);
}
