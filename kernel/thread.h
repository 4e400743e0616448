/* SPDX-License-Identifier: MIT */
/*
 * Threads. A blocked thread is plain data; whoever ends its wait fills in the result and makes it ready.
 * Who may touch a field: I immutable after bind or create, H home CPU with interrupts off, or who has claimed that CPU
 * (smp.h). held_by and the reply slot it names, when they belong to threads of two CPUs: under the lock.
 */
#pragma once
#include "arch/arch.h"
#include "kobj.h"
#include "preempt.h"
#include "timeout.h"

struct irq;
struct cpu;
struct l4_pf_tramp;
struct l4_vcpu;

/* See the head of ipc.c for the state machine. */
enum ipc_state {
    IPC_IDLE,      /* in no kernel wait: running, ready, or not started */
    IPC_SENDING,   /* on the sender queue of snd.receiver */
    IPC_GATE,      /* on the queue of an unbound gate */
    IPC_RECEIVING, /* closed receive: only from partner */
    IPC_WAITING,   /* open wait: from anybody */
    IPC_SEM,       /* on the queue of a semaphore */
    IPC_AWAY       /* its system call, not begun yet, lies in the guest box of another CPU: guest.c */
};

enum thread_flag {
    THREAD_UNSTARTED = 1u << 0,  /* waits for its first ex_regs */
    THREAD_DYING = 1u << 1,      /* killed, has not yet gone away (thread_exit_resume will) */
    THREAD_GONE = 1u << 2,       /* unbound, never runs again */
    THREAD_CANCELED = 1u << 3,   /* ex_regs CANCEL hit it; cleared at its next system call */
    THREAD_IN_FAULT = 1u << 4,   /* the kernel calls its pager in its name */
    THREAD_IN_EXCEPTION = 1u << 5, /* the kernel calls its exception handler in its name */
    THREAD_TRIGGER = 1u << 6,    /* raise trap 255 before the next user instruction */
    THREAD_ALIEN = 1u << 7,
    THREAD_ALIEN_PASS = 1u << 8, /* the handler allowed the next system call */
    THREAD_ALIEN_AFTER = 1u << 9, /* the allowed call has been made; its exception follows */
    THREAD_CHANGED = 1u << 10,   /* leaves its system call by the general way: somebody has changed its registers */
    THREAD_TO_BACK = 1u << 11,   /* goes to the back of its priority when it is made ready next */
    THREAD_ARCH_SPECIAL = 1u << 12, /* has unusual segments: the processor's quick switch does not do */
    THREAD_TIMED = 1u << 13,     /* timeout is armed */
    THREAD_VCPU_USER = 1u << 14, /* runs in the address space of its vCPU's user task */
    THREAD_VCPU_IPC = 1u << 15,  /* the message that arrives now goes to the vCPU state */
    THREAD_NO_FPU = 1u << 16,    /* vCPU user mode without FPU */
    THREAD_WORK = 1u << 19, /* goes on with the list of kobj.c before it leaves the kernel */
    THREAD_PARTLY = 1u << 18, /* has got a part of a message of `partner`, which goes on with it */
    THREAD_SLOT_SHARED = 1u << 17 /* waits for a caller that goes to a slot which several CPUs may use */
};
/* The values of state_word that the fast path deals with: no flag is set. */
#define THREAD_STATE_RUNNING ((uint64_t)IPC_IDLE)
#define THREAD_STATE_READY ((uint64_t)IPC_IDLE | 1u << 8) /* little endian */
#define THREAD_STATE_RECEIVING ((uint64_t)IPC_RECEIVING)
/* A receive from itself: behind its equals when it wakes up (ipc.c receive_begin). */
#define THREAD_STATE_SLEEPING ((uint64_t)IPC_RECEIVING | (uint64_t)THREAD_TO_BACK << 32)
/* The pager or the exception handler has the message of the thread, and nothing else has happened to it. */
#define THREAD_STATE_FAULTING ((uint64_t)IPC_RECEIVING | (uint64_t)THREAD_IN_FAULT << 32)
#define THREAD_STATE_EXCEPTED ((uint64_t)IPC_RECEIVING | (uint64_t)THREAD_IN_EXCEPTION << 32)
#define THREAD_STATE_WAITING ((uint64_t)IPC_WAITING)

/* thread.options: what IPC does not look at while it finds the receiver waiting. */
#define THREAD_OPT_TRAMPOLINE 1u /* page faults go to the handler of tramp, see trampoline.c */
#define THREAD_OPT_VCPU 2u       /* has a vCPU state, see vcpu.c */
#define THREAD_OPT_MODIFY 4u     /* labels of its senders are being changed, from modify_at on */
/* Looked at before every return to user mode. */
#define THREAD_LEAVE_FLAGS (THREAD_DYING | THREAD_TRIGGER | THREAD_ALIEN_AFTER | THREAD_WORK)
#define THREAD_KERNEL_IPC (THREAD_IN_FAULT | THREAD_IN_EXCEPTION)

/* An entry of a sender queue: a thread or an IRQ. Queues are ordered by priority, first come first served within. The
 * first of each priority are on a ring, in the same order, so that no queue has to be walked. */
struct sender {
    uint64_t id;             /* I, unique for ever: partners are compared by it, so a reused address never matches */
    struct list link;
    struct thread *receiver; /* NULL: on no queue */
    word_t label;            /* what the receiver will see */
    uint8_t prio;
    bool is_irq;
    struct list group; /* the ring; next is NULL: not the first of its priority */
};

/* A reply capability: the caller and the rights of the capability it called with (pointer << 8 | rights), 0 empty.
 * R1  slot names caller c  <=>  c->held_by == &slot, and c is in a closed receive from the slot's thread.
 * R2  A slot that names a caller is emptied by the caller's CPU, or who has claimed it; the implicit one of a thread
 *     that answers also by that (smp.h L5). An empty slot is filled in one atomic step. So threads of several CPUs may
 *     use the slots of their task. */
struct reply_slot {
    word_t raw;
};

/* What a blocked operation needs when it goes on; valid while ipc_state is not IDLE. */
struct ipc_args {
    l4_tag tag;
    uint16_t op;
    uint16_t rights;
    uint32_t timeout;
    struct reply_slot *wait_slot; /* open wait: where the next caller is stored; NULL while SENDING: implicit */
};

/* The short message path looks at the frame and at the two cache lines behind it: at the first of them in sender and
 * receiver, at the second in the receiver alone. */
struct thread {
    struct arch_thread arch __attribute__((aligned(64))); /* ends with the first words of the first line */

    struct l4_utcb *utcb;    /* I, kernel address */
    struct task *task;       /* I, referenced; NULL before bind and after the end */
    union {
        struct {
            uint8_t ipc_state; /* H */
            bool ready;        /* H, on the ready queue of home */
            uint16_t unused;
            uint32_t flags;    /* H, enum thread_flag; 0: nothing unusual */
        };
        uint64_t state_word; /* all of these at once */
    };
    struct reply_slot *held_by;
    uint64_t partner;        /* H, closed receive: sender id of the thread or IRQ, 0 nobody */
    struct arch_space *space; /* H, what it runs on: that of its task, but in vCPU user mode */

    struct cpu *home;        /* H; NULL: never scheduled, does not run */
    struct ipc_args ipc;
    struct reply_slot reply; /* the implicit reply capability */
    struct list senders;     /* who waits to send to this thread */
    struct sender snd;       /* H of the receiver */

    struct thread *(*resume)(struct thread *); /* H, runs instead of the return to user mode */
    uint16_t options;        /* H, THREAD_OPT_* */
    uint8_t prio;            /* H, 1..255 */
    struct list ready_link;
    int32_t quantum_us, left_us; /* H, scheduling context */
    struct timeout timeout;

    struct kobj obj;
    struct op_progress progress; /* of its operation */
    struct list *modify_at;  /* the sender whose label is to be changed next, or the end; by thread modifier */
    uint64_t modifier;
    struct l4_pf_tramp *tramp; /* H, kernel address; NULL: never set up */
    struct l4_vcpu *vcpu;    /* H, kernel address; NULL: none */
    struct task *vcpu_task;  /* H, referenced; NULL: none */
    uint32_t pager, handler; /* capability indices in the own task; THREAD_NO_INDEX never set */
    struct irq *delete_irq;  /* referenced */
    struct list task_link;   /* threads of the task */
    uint64_t consumed_us;
    bool had_cpu;            /* H, home was not NULL once: whoever waits for its end looks at the UTCB */
    uint8_t kernel_error;    /* IPC error code, when kernel_tag has the error bit */
    /* From here on thread_create clears nothing. */
    uint64_t deadline_us;    /* TIMED, and in the inbox of its CPU: to be armed there */
    l4_tag kernel_tag;       /* answer to a page-fault or exception call */
    word_t fault[2];         /* page-fault message */
    word_t tramp_user;       /* H, user address of tramp */
    word_t vcpu_user;        /* H, user address of vcpu */
    word_t utcb_user;        /* I */
};
#define THREAD_NO_INDEX 0xffffffffu
_Static_assert(sizeof(struct thread) <= 1024, "kernel memory per thread");

uint64_t sender_id_next(void);

static inline bool thread_receives(const struct thread *t)
{
    return t->ipc_state == IPC_RECEIVING || t->ipc_state == IPC_WAITING;
}

static inline struct thread *thread_of(struct kobj *obj) { return container_of(obj, struct thread, obj); }
/* Can be sent to. A killed thread still can until it has run for the last time. */
static inline bool thread_alive(const struct thread *t)
{
    return !(t->flags & (THREAD_UNSTARTED | THREAD_GONE));
}

boot_code void thread_module_init(void);
/* Factory: unbound, dead, priority 1, no CPU. NULL: no memory or quota. */
struct thread *thread_create(struct factory *payer);
/* Binds to a task and a UTCB. OK or -INVAL. */
status_t thread_bind(struct thread *t, struct task *task, word_t utcb_user);
/* First start: the thread becomes runnable once it has a CPU. */
void thread_start(struct thread *t, word_t ip, word_t sp);
/* Ends the thread, of this CPU: by its own priority if it could run, at once otherwise. Its capabilities stay. */
void thread_kill(struct thread *t);
/* Ends a wait by cancel; the thread finds out when it runs (ipc.c). */
void thread_cancel(struct thread *t);
extern const struct kobj_ops thread_ops;
void thread_check(const struct thread *t);

/* The end of a killed thread, in its own name when it is chosen to run; returns who runs instead. */
struct thread *thread_exit(struct thread *self);
/* Runs continuations until a thread can return to user mode (syscall.c). */
struct thread *kernel_leave(struct thread *t);

/* ---- fault.c: kernel-generated IPC ---- */
/* The pager or handler has answered (continuation). */
struct thread *fault_answered_resume(struct thread *self);
/* The fault call could not be made yet (unbound gate): makes it again. */
struct thread *fault_restart(struct thread *self);
/* Sends an exception message (trap number and error code are in the frame) to the handler of the thread. */
struct thread *fault_exception(struct thread *self);
/* Trap 255 was triggered: raises it and returns who runs next. */
struct thread *fault_triggered(struct thread *self);
/* System call of an alien thread or in vCPU user mode. */
struct thread *fault_alien_syscall(struct thread *self);
struct thread *fault_alien_after(struct thread *self);

/* ---- trampoline.c ---- */
/* A page fault of self, which has its trampoline on: it goes on at its handler. False: one is in progress. */
bool trampoline_upcall(struct thread *self, word_t fault);
/* The thread operation. */
l4_tag thread_trampoline(struct thread *t, struct invoke *in);

/* ---- vcpu.c; t has THREAD_OPT_VCPU ---- */
/* Does an event (L4_VCPU_*: a page fault, an exception) go to the entry point now? */
bool vcpu_takes(const struct thread *t, unsigned events);
/* self, with the trap in its frame, goes on at its entry point. */
struct thread *vcpu_fault(struct thread *self);
/* t is running or ready, not in a system call, and takes messages: it is at its entry point now, and the caller must
 * deliver a message (or an error). sender: id of who sends. False: nothing has changed. */
bool vcpu_receive_begin(struct thread *t, uint64_t sender);
/* What arrives; the label only with a message. */
void vcpu_set_tag(struct thread *t, l4_tag tag);
void vcpu_set_label(struct thread *t, word_t label);
/* A sender has been queued at t; the last one has left the queue. */
void vcpu_sender_queued(struct thread *t);
void vcpu_senders_gone(struct thread *t);
/* t, in vCPU user mode, is to go on somewhere in its own task: what it did is saved as at an upcall. */
void vcpu_leave_user(struct thread *t);
/* The thread operations vcpu_control and vcpu_resume; any thread. */
l4_tag thread_vcpu_control(struct thread *t, struct invoke *in);
l4_tag thread_vcpu_resume(struct thread *t, struct invoke *in);
/* Continuation: takes the message that waits, if it still does. */
struct thread *vcpu_poll_resume(struct thread *self);
/* A vCPU that ends. */
void vcpu_thread_gone(struct thread *t);
void vcpu_check(const struct thread *t);
