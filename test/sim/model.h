/* SPDX-License-Identifier: MIT */
/*
 * A reference model of the small world (small.h), made from the description of the interface and not from the kernel:
 * it says for each event what every thread must have afterwards: state, partner, place in a queue, result tag, error,
 * label, word; which reply capability names whom; what each task has mapped. It knows nothing of scheduling: when a
 * thread runs that was cancelled, killed or released from a gate meanwhile, it is told (model_ran).
 */
#pragma once
#include <l4/msg.h>
#include <l4/types.h>
#include <stdbool.h>
#include <stdint.h>

#define MODEL_THREADS 3
#define MODEL_TASKS 2
#define NOBODY (-1)
enum model_state {
    M_READY,
    M_SEND,    /* on the queue of `partner` */
    M_GATE,    /* on the gate's queue */
    M_RECEIVE, /* closed, from `partner` */
    M_WAIT,    /* open */
    M_AGAIN,   /* released from the gate: makes its send again when it runs */
    M_LATER,   /* its message was taken: enters its open wait when it runs */
    M_DEAD
};
enum model_slot { SLOT_NONE = -1, SLOT_IMPLICIT = 0, SLOT_EXPLICIT = MODEL_THREADS }; /* + thread, + task */
#define MODEL_SLOTS (MODEL_THREADS + MODEL_TASKS)

/* An IPC as it was asked for. */
struct model_ipc {
    bool send, receive, open, gate;
    int8_t to, from;    /* NOBODY: the send phase goes to the gate */
    int8_t slot;        /* where an open wait stores its caller */
    bool send_zero;     /* send time-out: zero, else never */
    bool receive_timed; /* receive time-out: 1 ms, else never */
    word_t label, tag, word;
};
struct model_result {
    bool known, message, answer; /* message: label and word, too; answer: of the tag only the label */
    word_t tag, error, label, word;
};
struct model_thread {
    uint8_t state;
    int8_t partner;
    int8_t held_by;     /* the reply slot that names it */
    uint8_t cpu;
    bool cancel_due;    /* cancelled in a wait, and has not run since */
    bool cancelled;     /* until its next system call */
    bool dying, deleted;
    uint64_t deadline;  /* 0: none */
    struct model_ipc ipc;
    struct model_result result;
    int8_t queue[MODEL_THREADS]; /* who waits to send to it, in order */
    uint8_t queued;
};
struct model {
    struct model_thread t[MODEL_THREADS];
    int8_t slot[MODEL_SLOTS];
    int8_t gate_thread; /* NOBODY: unbound */
    word_t gate_label;
    bool gate_dead;
    int8_t gate_queue[MODEL_THREADS];
    uint8_t gate_queued;
    bool gate_cap[MODEL_TASKS];   /* the task's own capability of the gate, counted, with all rights */
    uint8_t spare[MODEL_TASKS];   /* rights of the gate capability in the spare slot */
    bool spare_weak[MODEL_TASKS];
    uint8_t page[MODEL_TASKS];    /* rights of the one page, 0: not mapped */
    int8_t page_parent[MODEL_TASKS]; /* the task that it came from; NOBODY: none of these */
    uint64_t now;
};
static inline int model_task_of(int thread) { return thread == 2 ? 1 : 0; }

void model_init(struct model *m, unsigned cpus);
void model_ipc(struct model *m, int self, const struct model_ipc *ipc);
void model_reply(struct model *m, int self, int slot, const struct model_ipc *ipc);
/* An operation of self on an object has answered: a label, or an IPC error. */
void model_answer(struct model *m, int self, long label, word_t error);
void model_cancel(struct model *m, int x);
void model_delete(struct model *m, int x);
void model_bind(struct model *m, int x, word_t label);
void model_gate_delete(struct model *m);
void model_tick(struct model *m, unsigned cpu, uint64_t us);
void model_map_page(struct model *m, int from, uint8_t rights, bool grant);
/* The gate capability of task `from` goes to the spare slot of the other one. */
void model_map_cap(struct model *m, int from, uint8_t rights, bool weak);
/* del: with delete semantics. */
void model_unmap_spare(struct model *m, int task, bool del);
void model_unmap_gate(struct model *m, int task);
void model_unmap_page(struct model *m, int task, bool self, uint8_t rights);
/* x has run since it was cancelled, killed, or released. */
void model_ran(struct model *m, int x);
