/* SPDX-License-Identifier: MIT */
/*
 * The reference model: what the interface description says that one event does to threads, queues, reply capabilities
 * and CPUs. It knows nothing of how the kernel does it: load.c makes this abstract state from the kernel's data before
 * and after each event, the model makes its own successor of the first, and the two successors must be equal
 * (oracle.c; small.c for the small world).
 *
 *   model.c        rendezvous: send, receive, call, reply, time-outs, cancel, the end of a thread; faults
 *   model_sched.c  who runs next; the tick
 *   model_calls.c  what operations on kernel objects answer; model_devices.c, model_console.c: those on boot objects
 *   model_ops.c    what those on threads, gates, IRQs and semaphores change
 *
 * Where the description leaves it open, or where the model does not know enough (does the memory for an item suffice?),
 * it asks model_choose; the caller tries every answer, and the kernel must agree with one of them.
 */
#pragma once
#include <l4/msg.h>
#include <l4/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_THREADS 256
#define MODEL_OBJECTS 128                          /* gates, IRQs and semaphores that somebody waits at or uses */
#define MODEL_SENDERS (MODEL_THREADS + MODEL_OBJECTS) /* who can stand in a queue: a thread, an IRQ */
#define MODEL_EXPLICIT 64                          /* explicit reply capabilities in use */
#define MODEL_SLOTS (MODEL_THREADS + MODEL_EXPLICIT) /* the implicit one of each thread, then these */
#define MODEL_CPUS 4
#define UPCALLS_UNSURE 0x80u
#define NOBODY (-1)
#define UNKNOWN (-2) /* somebody who does not exist any more */

enum model_state {
    M_READY,
    M_SEND,    /* on the queue of the thread `at` */
    M_GATE,    /* on the queue of the unbound gate `at` */
    M_SEM,     /* on the queue of the semaphore `at` */
    M_RECEIVE, /* closed, from `at`: a thread, an IRQ, itself, or NOBODY */
    M_WAIT,    /* open */
    M_AWAY,    /* on its way to the CPU `at`, which is going to make its system call, or to call for its fault */
    M_DEAD
};

/* What a thread has to do when it runs next, before anything else. */
enum model_rest {
    REST_NONE,
    REST_CANCEL,   /* it was cancelled while it waited: its wait ends, if nothing has ended it meanwhile */
    REST_AGAIN,    /* its gate was bound: the system call (or fault) from the start */
    REST_LATER,    /* its message was taken: enters its open wait */
    REST_RECEIVE,  /* its message was sent by another CPU: the receive phase of its system call */
    REST_ANSWERED, /* its fault was answered */
    REST_REFLECT,  /* its fault becomes, or what it raised is, an exception */
    REST_POLL,     /* a vCPU that resumes takes the message that waits, if it still does */
    REST_OTHER     /* something that is not modelled */
};

enum model_flag {
    F_STARTED = 1u << 0,    /* by its first ex_regs */
    F_CANCELLED = 1u << 1,  /* until its next system call */
    F_DYING = 1u << 2,      /* killed, and has not run since */
    F_FAULT = 1u << 3,      /* the kernel calls its pager for it */
    F_EXCEPTION = 1u << 4,  /* the kernel calls its exception handler for it */
    F_TRIGGER = 1u << 5,    /* raises exception 255 first */
    F_ALIEN = 1u << 6,
    F_PASS = 1u << 7,       /* its next system call is allowed */
    F_AFTER = 1u << 8,      /* the allowed one has been made */
    F_BACK = 1u << 9,       /* goes to the back of its priority next time */
    F_READY = 1u << 10,     /* on the ready queue of its CPU */
    F_VCPU = 1u << 11,
    F_VCPU_USER = 1u << 12, /* in its user task */
    F_DELETED = 1u << 13,   /* all its capabilities are void */
    F_BOXED = 1u << 14      /* lies in the box of its CPU, which does not know yet what has become of it */
};
#define F_KERNEL_IPC (F_FAULT | F_EXCEPTION)

/* A message that waits to be taken. */
struct model_ipc {
    word_t tag;
    uint32_t timeouts;
    uint16_t op;     /* L4_OP_* */
    uint16_t rights; /* of the capability it went through */
    int16_t slot;    /* where an open wait stores its caller */
};
/* A system call that is made again. */
struct model_request {
    word_t dest, tag, label, timeouts;
};
struct model_thread {
    uint8_t state, rest, prio;
    int8_t cpu; /* NOBODY: does not run */
    uint16_t flags;
    int16_t at;
    int16_t first;   /* who waits to send to it: head of a queue */
    int16_t held_by; /* the reply slot that names it */
    int16_t ready_next;
    int16_t unused;
    uint32_t task;   /* 0: none */
    uint64_t deadline; /* 0: none */
    int32_t quantum, left;
    uint64_t consumed; /* µs */
    struct model_ipc ipc;         /* M_SEND, REST_LATER; M_WAIT: the slot */
    struct model_request request; /* model_keeps_request */
    word_t answer;                /* REST_ANSWERED: tag, or the error bit and the error code */
};
/* Is what it has asked for still needed? */
static inline bool model_keeps_request(const struct model_thread *t)
{
    return !(t->flags & F_KERNEL_IPC) && (t->state == M_GATE || t->state == M_SEM || t->state == M_AWAY ||
                                          t->rest == REST_AGAIN || t->rest == REST_RECEIVE);
}
/* An element of a queue: in priority order, first come first served within one. */
struct model_sender {
    int16_t next;
    uint8_t prio;
    bool queued;
    int32_t unused;
    word_t label;
};
enum model_kind { K_VOID, K_THREAD, K_GATE, K_IRQ, K_SEM, K_TASK, K_FACTORY, K_SCHEDULER, K_ICU, K_LOG };
struct model_object { /* gate, IRQ, semaphore */
    uint8_t kind;
    bool pending;   /* IRQ: hit while unbound */
    int16_t thread; /* gate, IRQ: bound to */
    int16_t first;  /* gate, semaphore: who waits */
    int16_t unused;
    word_t label;   /* gate */
    int64_t count;  /* semaphore */
    bool source;    /* IRQ, semaphore: bound to a pin */
    bool level;
};
struct model_slot {
    int16_t caller;
    uint16_t rights;
};
struct model_cpu {
    int16_t current, context, first; /* NOBODY: idle; first: head of the ready threads, most important first */
    int16_t box;                     /* its threads that it has to look at, in order, by ready_next */
    int16_t guests;                  /* who is on his way here, in order, by sender.next: threads, IRQs */
    bool reschedule;
    uint64_t idle; /* µs */
};

/* What a thread learns when its operation ends. */
enum model_result_kind { R_NONE, R_ANY, R_ERROR, R_TAG, R_LABEL, R_MESSAGE };
struct model_result {
    uint8_t kind;   /* R_TAG: exactly this tag; R_LABEL: of the tag only the label */
    bool upcall;    /* into the state of a vCPU */
    bool registers; /* its registers were loaded: from the message of `from`, or (NOBODY) from its own state area */
    bool kernel;    /* R_MESSAGE: the kernel speaks for `from` */
    int16_t from;   /* R_MESSAGE: whose words */
    word_t tag, label, error;
};

/* A capability, looked up. */
struct model_target {
    uint8_t kind;
    uint16_t rights;
    int16_t index;
    uint32_t task; /* K_TASK */
};
/* Words of an answer beside its label. */
struct model_words {
    int16_t of; /* NOBODY: none are known */
    uint8_t first, count;
    word_t mr[4];
};
/* What a vCPU that resumes finds in its state area, and what is left from the time before. */
struct model_vcpu {
    struct model_target named; /* by the field of the user task */
    word_t user_task;          /* the field */
    uint16_t saved_state, sticky_flags;
    bool has_task, task_dead;
};
/* An interrupt line that a request names. */
enum model_pin { PIN_NONE, PIN_FREE, PIN_BOUND, PIN_UNSURE };
/* The message of an operation. */
enum model_item { ITEM_MISSING, ITEM_OTHER, ITEM_GIVEN }; /* OTHER: its flexpage names no capability */
struct model_message {
    const word_t *mr;
    unsigned words, items;
    uint8_t item;                 /* the first one, a capability */
    struct model_target argument; /* looked up */
    bool utcb_fits, vcpu_fits, area_fits; /* is there kernel-user memory for a UTCB, a vCPU, a trampoline? */
    bool area, area_in_progress, area_trigger; /* the trampoline of the caller */
    struct model_vcpu vcpu;
    uint8_t pin;                  /* enum model_pin */
    struct model_target bound;    /* PIN_BOUND: to this one, if it is known */
    word_t pins, msis;            /* of the interrupt controller that is asked */
    uint64_t taken;               /* bit per word: something is mapped in this flexpage of the target */
    word_t quota_left;            /* of the factory that is asked */
    bool slot_fits;               /* is the slot for a new object one of the table? */
    bool slot_given;              /* is there a buffer register for a new object? */
    long cap_info;                /* what it must answer */
};

struct model;
/* What the model asks about what is not in it. x: whose capability table, whose buffer registers. */
struct model_world {
    struct model_target (*lookup)(int x, word_t selector);
    word_t (*buffer)(int x, unsigned register_number);
    int (*explicit_slot)(int x, word_t index, bool make); /* NOBODY: there is none; UNKNOWN: it cannot be made */
    /* Typed items and FPU state of a message that s sends to r; 0 or an (even) IPC error. */
    word_t (*items)(struct model *m, int s, int r, word_t tag, unsigned rights);
    const struct model_message *(*message)(int x);
    bool (*memory_short)(void); /* or quota: it may be; sizes are not described */
    bool (*trap_is_fault)(int x); /* was its last exception a page fault? */
    bool (*trampoline)(int x);   /* does a page fault go there? (Or: is it sigma0, for which the kernel maps?) */
    word_t (*pager)(int x), (*handler)(int x); /* selectors */
    word_t (*old_pager)(int x), (*old_handler)(int x); /* those before the event */
    bool (*overwritten)(const struct model *m, int x); /* may its message be another one by now? */
    void (*registers)(int x, word_t *flags_ip_sp); /* before the event */
};

/* The console. When it is not known (CPUs have raced), neither are its answers. */
struct model_console {
    bool known;
    unsigned count;
    word_t flags[3]; /* input, output, local */
    char ring[256];  /* what was typed and is not yet read */
};

struct model {
    const struct model_world *world;
    uint64_t now, met; /* met: load.c's */
    int cpu;        /* where the event happens */
    bool interrupted; /* the event is an interrupt, or the like: the CPU looks at all that is on its way there */
    unsigned reached; /* bit per CPU whose box has been emptied in this event: it is told of everything at once */
    unsigned cpus, threads, objects, explicits;
    bool ends_known; /* all that ends in this event is in the model */
    bool open;      /* something has happened that is not modelled: whatever the kernel does is accepted */
    int16_t destroyed[MODEL_SENDERS]; /* whose capabilities this event has made void, in a likely order */
    unsigned destroyed_count;
    struct model_console console;
    struct model_cpu on[MODEL_CPUS];
    struct model_slot explicit[MODEL_EXPLICIT];
    uint32_t explicit_task[MODEL_EXPLICIT];
    struct model_sender sender[MODEL_SENDERS]; /* threads, then objects */
    struct model_object object[MODEL_OBJECTS];
    struct model_slot reply[MODEL_THREADS];
    int16_t deletion_irq[MODEL_THREADS];
    uint8_t upcalls[MODEL_THREADS]; /* which events a vCPU takes now, L4_VCPU_*, or UPCALLS_UNSURE */
    struct model_words words;
    struct model_result result[MODEL_THREADS];
    struct model_thread t[MODEL_THREADS];
};
void model_copy(struct model *to, const struct model *from);

/* ---- choices ---- */
/* One of 0 … n-1. */
unsigned model_choose(unsigned n);
void model_choices_begin(void);
/* Another combination of answers? */
bool model_choices_next(void);

/* ---- model.c ---- */
/* Kernel entries of the thread that runs on m->cpu; each ends with the choice of who runs (model_leave). */
void model_syscall(struct model *m, const struct model_request *request);
void model_page_fault(struct model *m);
void model_exception(struct model *m, bool page_fault);
/* The same without the beginning and the end of an entry: for operations that end in IPC, and for continuations. */
void model_invoke(struct model *m, int x, const struct model_request *request);
void model_fault_call(struct model *m, int x);
void model_exception_call(struct model *m, int x, bool page_fault);
void model_result(struct model *m, int x, struct model_result r);
/* Only the receive phase; from: a thread, MODEL_THREADS + an IRQ, or NOBODY. */
void model_receive(struct model *m, int x, const struct model_ipc *ipc, int from);
/* x waits at an object. 0, or the IPC error. */
word_t model_wait(struct model *m, int x, enum model_state state, int at, unsigned timeout);
void model_abort(struct model *m, int x, word_t error);
void model_cancel(struct model *m, int x);
void model_kill(struct model *m, int x);
void model_expire(struct model *m, int cpu);
void model_irq_send(struct model *m, int object);
void model_irq_unqueue(struct model *m, int object);
/* Does what x has left to do before it can go on in user mode. False: nothing was left. */
bool model_go_on(struct model *m, int x);
/* x blocks; it runs on this CPU, or is a guest. */
void model_block(struct model *m, int x);
/* What lies in the box of that CPU is known there now. */
void model_reach(struct model *m, int cpu);
/* The same, or not, of all CPUs. */
void model_boxes(struct model *m);
/* x needs what belongs to that CPU. True: it is on its way there, or home, and nothing else happens now. */
bool model_travels(struct model *m, int x, int cpu);
/* The first guest of this CPU gets what it wants. */
void model_serve(struct model *m);
void queue_add(struct model *m, int16_t *queue, int s);
void queue_remove(struct model *m, int16_t *queue, int s);
void model_unblock(struct model *m, int x);

/* ---- model_calls.c ---- */
/* An invocation of an object that answers. */
void model_operation(struct model *m, int x, const struct model_target *target, const struct model_request *rq,
                     struct model_ipc *ipc);

enum answer_kind {
    A_LABEL,  /* exactly this label */
    A_ANY,    /* some answer; nothing of the model changes */
    A_ERROR,  /* an IPC error */
    A_SILENT, /* no answer: a receive phase follows */
    A_WAITS,  /* has waited, or has its result */
    A_OPEN    /* not modelled */
};
struct answer {
    enum answer_kind kind;
    long label; /* or the IPC error */
    int next;   /* goes on at once in place of the caller; NOBODY: the usual choice */
};
/* Errors that apply to one request. */
struct errors {
    long label[12]; /* an IPC error: + ERROR_IPC */
    unsigned count;
};
#define ERROR_IPC 10000
static inline struct answer answer_label(long l) { return (struct answer){A_LABEL, l, NOBODY}; }
static inline struct answer answer_any(enum answer_kind kind) { return (struct answer){kind, 0, NOBODY}; }
void error_if(struct errors *e, bool wrong, long l);
struct answer errors_answer(const struct errors *e);
void argument_errors(struct errors *e, const struct model_message *msg, enum model_kind kind);
/* The answer has these words, too. */
void answer_words(struct model *m, int x, unsigned first, unsigned count, const word_t *mr);

/* ---- model_console.c ---- */
struct answer model_console(struct model *m, int x, const struct model_target *target, const struct model_message *msg);
void model_console_reset(struct model_console *c);
/* Somebody types. Does that hit the interrupt? */
bool model_console_type(struct model_console *c, const char *text);
/* What the event has printed; what has been read, and by whom (NOBODY: nobody). */
extern struct model_console_answer {
    int16_t of;
    unsigned length;
    char text[2048];
} model_printed, model_read;
void model_console_begin(void);

/* ---- model_devices.c: scheduler, interrupt controller, platform control ---- */
struct answer model_device(struct model *m, int x, const struct model_target *target, long proto,
                           const struct model_message *msg);

/* ---- model_sched.c ---- */
void model_wake(struct model *m, int x);
/* Something about the wait of x is for its CPU to do. True: it knows at once. */
bool model_tell(struct model *m, int x);
void model_ready(struct model *m, int x);
void model_preempt(struct model *m);
/* The thread that runs has blocked: who runs? */
void model_pick(struct model *m);
/* `to` runs at once on the time slice of `self`. */
void model_switch(struct model *m, int self, int to);
void model_dequeue(struct model *m, int x);
/* The end of every kernel entry. */
void model_leave(struct model *m);
void model_tick(struct model *m, uint64_t passed);
void model_schedule(struct model *m, int x, int cpu, unsigned prio, int32_t quantum);

/* ---- model_ops.c ---- */
enum model_ex_regs { EX_CANCEL = 1, EX_TRIGGER = 2 };
void model_ex_regs(struct model *m, int x, unsigned flags);
void model_gate_bind(struct model *m, int gate, int x, word_t label);
void model_gate_destroy(struct model *m, int gate);
void model_irq_bind(struct model *m, int irq, int x, word_t label);
/* Was a message of it waiting? */
bool model_irq_detach(struct model *m, int irq);
void model_irq_hit(struct model *m, int irq);
void model_irq_destroy(struct model *m, int irq);
void model_sem_up(struct model *m, int sem);
void model_sem_down(struct model *m, int x, int sem, unsigned timeout);
void model_sem_destroy(struct model *m, int sem);
/* What has been destroyed ends, in any order. */
void model_destroy_all(struct model *m);
