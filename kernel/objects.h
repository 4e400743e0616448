/* SPDX-License-Identifier: MIT */
/*
 * The smaller objects: IPC gates, IRQs, semaphores, and the boot objects ICU, scheduler, console.
 */
#pragma once
#include "kobj.h"
#include "thread.h"

/* ---- gate.c ---- */
struct gate {
    struct kobj obj;
    struct thread *thread; /* referenced; NULL unbound */
    word_t label;
    struct list waiting;   /* threads blocked while unbound, by snd.link */
};
static inline struct gate *gate_of(struct kobj *obj) { return container_of(obj, struct gate, obj); }
extern const struct kobj_ops gate_ops;
struct gate *gate_create(struct factory *payer, struct thread *thread, word_t label);
/* A thread blocked on the gate gives up (timeout, cancel, end). */
void gate_dequeue(struct thread *t);

/* ---- irq.c: an IRQ sender; also the head of a semaphore, so that both can be bound to a pin ---- */
struct irq_source; /* a pin or MSI of the ICU, console or scheduler line; owned by icu.c */
struct irq_base {
    struct kobj obj;
    struct irq_source *source;              /* NULL: software */
    void (*hit)(struct irq_base *irq);      /* an interrupt of the source arrived */
    bool held; /* an edge came while a message was queued: the source is masked until that is received */
};
struct irq {
    struct irq_base base;
    struct thread *thread;   /* referenced; NULL unbound */
    struct sender snd;       /* queued at thread, label = the IRQ label */
    bool pending;            /* hit while unbound */
    struct thread *deletion_of; /* registered as deletion IRQ of this thread */
};
static inline struct irq *irq_of(struct kobj *obj) { return container_of(obj, struct irq, base.obj); }
extern const struct kobj_ops irq_ops;
struct irq *irq_create(struct factory *payer);
/* Triggers in software (deletion IRQ, trigger operation). */
void irq_trigger(struct irq *irq);
/* A queued IRQ message has been received by its thread: edge sources are unmasked. */
void irq_delivered(struct irq *irq);
/* The thread goes away: a queued IRQ is unbound (edge: pending again). */
void irq_thread_gone(struct irq *irq);

/* ---- sem.c ---- */
struct sem {
    struct irq_base base;
    int64_t count;
    struct list waiting;     /* threads by snd.link, ordered like a sender queue */
};
static inline struct sem *sem_of(struct kobj *obj) { return container_of(obj, struct sem, base.obj); }
extern const struct kobj_ops sem_ops;
struct sem *sem_create(struct factory *payer);
void sem_dequeue(struct thread *t);

/* ---- icu.c ---- */
enum irq_source_kind {
    SOURCE_LINE, /* of a kernel object: cannot be masked */
    SOURCE_PIN,  /* masked at the interrupt controller */
    SOURCE_MSI   /* masked here: one message that comes meanwhile is kept */
};
struct irq_source {
    struct irq_base *irq;    /* bound object or NULL */
    unsigned number;         /* of the pin or MSI */
    uint8_t kind;            /* I, enum irq_source_kind */
    bool level;
    bool masked, pending;    /* MSI */
};
/* What an object with the ICU protocol has to bind to. */
struct irq_lines {
    struct irq_source *pin, *msi;
    unsigned pins, msis;
};
extern const struct kobj_ops icu_ops;
boot_code void icu_init(void);
void irq_source_mask(struct irq_source *s);
void irq_source_unmask(struct irq_source *s);
/* Takes the object off its source (masking it); also when it is not bound. */
void irq_unbind_source(struct irq_base *irq);
/* The ICU operations on a set of lines (ICU, console and scheduler have their own). */
l4_tag icu_operate(struct invoke *in, const struct irq_lines *lines);
extern struct kobj icu_object;

/* ---- platform.c ---- */
l4_tag platform_operate(struct invoke *in);

/* ---- schedobj.c, vcon.c ---- */
extern struct kobj sched_object;
extern const struct kobj_ops sched_ops;
boot_code void schedobj_init(void);
extern struct kobj vcon_object;
extern const struct kobj_ops vcon_ops;
extern struct irq_source vcon_input; /* its interrupt line */
boot_code void vcon_init(void);
/* Prints from inside the kernel; the only other user of the console. Supports %s %d %u %x %lx %p %c. */
void kprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
