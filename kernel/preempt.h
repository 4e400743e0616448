/* SPDX-License-Identifier: MIT */
/*
 * Preemption points: no operation keeps interrupts off for long. An operation of many steps counts what it does
 * (work_done), and when a window's worth of work is done it stops between two steps, where everything is consistent,
 * notes in struct op_progress how far it has come, and answers "again" (TAG_AGAIN, MAP_AGAIN, MSG_AGAIN, false). Then
 * interrupts, and other CPUs, are let in, and the thread makes its system call once more: everything is decoded again,
 * so nothing that was looked up before has to be kept alive. doc/preemption.md tells the whole story.
 *
 *   W1  A step is done before the count is looked at: what is begun again comes further.
 *   W2  Between its windows a thread has the continuation preempt_resume or preempt_again, or is on its way to
 *       another CPU (guest.c); progress means something only then, and is 0 otherwise.
 *   W3  Operations that never stop count, too; a tick begins a new count, so that theirs cannot run away.
 */
#pragma once
#include "base.h"

struct thread;

/* How far the operation has come. Its arguments may have changed meanwhile (they lie in memory of the user): whoever
 * goes on takes this as a hint about the present ones. */
struct op_progress {
    word_t at;      /* inside the item or flexpage: offset or address from which to go on */
    uint16_t collisions; /* msg.c: how often somebody else had sent a part to the same receiver */
    uint8_t item;   /* how many items or flexpages are done */
    uint8_t status; /* page status seen so far */
    bool found;     /* something was mapped of this item */
    bool again;     /* not from the start */
    bool receiving; /* the send phase is over */
    bool walking;   /* a walk of mapdb.c has stopped, and goes on */
};

/* Of the holder of the lock. A unit is about 20 instructions. */
extern int work_left, work_slice;
/* The step that was just done was so much work. False: time to stop, if there is more to do. */
static inline bool work_done(int units) { return likely((work_left -= units) > 0); }

/* The operation of self is not complete: it goes on after a window. Returns self. */
struct thread *preempt(struct thread *self);
struct thread *preempt_resume(struct thread *self);
/* Continuation: the system call again. */
struct thread *preempt_again(struct thread *self);
/* Gives the lock back, lets interrupts in, and takes the lock again. An interrupt drops the kernel's stack: whoever
 * runs must be in a state in which kernel_leave can go on with it. Returns the thread that is running then. */
struct thread *kernel_window(void);
