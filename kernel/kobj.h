/* SPDX-License-Identifier: MIT */
/*
 * Kernel objects and the capabilities that name them.
 *
 * struct kobj is the header of every object. Life: created (refs 1, "existence") -> kobj_destroy (dead, every slot
 * void at once, existence reference dropped) -> refs 0 -> ops->free gives memory and quota back.
 *   O1  dead => no lookup finds the object: its slots count as empty, and become so before it is destroyed.
 *   O2  counted = number of slots without L4_OBJ_WEAK, minus what dec_refcnt subtracted.
 *   O3  every slot that names the object is on its slot list exactly once.
 *   O4  an object that had a slot and has none any more is dead, whatever counted says; boot objects are not.
 */
#pragma once
#include "base.h"
#include "preempt.h"

struct thread;
struct task;
struct factory;
struct invoke;
struct kobj;
struct reply_slot;

enum kobj_type {
    KOBJ_THREAD,
    KOBJ_TASK,
    KOBJ_GATE,
    KOBJ_IRQ,
    KOBJ_SEM,
    KOBJ_FACTORY,
    KOBJ_ICU,
    KOBJ_SCHED,
    KOBJ_VCON,
    KOBJ_TYPES,
    KOBJ_DEAD = 0x80 /* added to the type of a dead object: nobody takes it for what it was */
};

/* What operate() returns when the operation has no answer: the caller goes on to a real receive phase. */
#define TAG_NO_REPLY ((l4_tag){~0ul})
/* The operation has replaced the caller's registers: there is nobody to answer to, the caller goes on with them. */
#define TAG_RESUMED ((l4_tag){~1ul})
/* Not complete: it goes on after a window (preempt.h). */
#define TAG_AGAIN ((l4_tag){~2ul})
/* Nothing was done: the caller is on its way to another CPU, which makes the system call (guest.c). */
#define TAG_TRAVELS ((l4_tag){~3ul})
/* The operation would have to wait: nothing was done, invoke() must do it. The smallest of these tags. */
#define TAG_MUST_WAIT ((l4_tag){~4ul})

struct kobj_ops {
    const char *name;
    /* A send or call may be executed by operate() alone: the short way of fastpath.c. */
    bool answers;
    /* The whole invocation, any flags; returns the thread that runs next. kobj_invoke does the phases of the
     * objects that only answer, and calls operate. */
    struct thread *(*invoke)(struct kobj *obj, struct invoke *in);
    /* One operation: answers a tag (label, words in the caller's MRs), ipc_error_tag(code), TAG_NO_REPLY or
     * TAG_RESUMED. */
    l4_tag (*operate)(struct kobj *obj, struct invoke *in);
    /* These two do a window's worth of work and answer whether nothing is left to do.
     * The object has become dead, or kobj_work_add has named it: release whoever waits. Must not free. */
    bool (*destroy)(struct kobj *obj);
    /* Last reference is gone: give memory and quota back. */
    bool (*free)(struct kobj *obj);
    /* Asserts the object's invariants (check.c); NULL: it has none of its own. */
    void (*check)(const struct kobj *obj);
};

struct kobj {
    const struct kobj_ops *ops; /* of a dead object: refuses everything */
    struct factory *payer;      /* I, referenced; NULL for static boot objects */
    int64_t counted;            /* see O2 */
    uint32_t refs;              /* kernel references, existence included */
    uint32_t slots;             /* head of the list of slots, a slot handle; 0 none */
    struct kobj *work;          /* on the list of objects to destroy or free: the next one, kobj.c */
    uint8_t type;               /* I, enum kobj_type */
    bool dead;
    bool destroyed;             /* ops->destroy has run */
    bool boot;                  /* boot object: survives the loss of its last counted capability */
    bool listed;                /* on the work list */
    const struct kobj_ops *ends; /* I, what it is, also when it is dead: destroy and free */
};

/* One invocation of a capability, decoded once. */
struct invoke {
    struct thread *self;
    struct l4_utcb *utcb;  /* of self, kernel address */
    word_t op;             /* L4_OP_* flags */
    word_t selector;       /* the destination word without the flags */
    l4_tag tag;
    word_t label;          /* the caller's label register */
    unsigned timeout;      /* timeout pair */
    unsigned rights;       /* of the capability used, L4_RIGHT_* | L4_OBJ_* */
    struct reply_slot *reply_slot; /* REPLY: the slot to reply through; NULL: there is none */
    struct reply_slot *wait_slot; /* open wait: where the next caller is stored */
    struct thread *next;   /* operate() may name a thread to switch to directly; NULL: the usual choice */
};

/* A capability: object pointer << 8 | rights (as in object flexpages and item attributes), and list links. */
struct cap {
    word_t raw;
    uint32_t next, prev; /* slot handles */
};
static inline struct kobj *cap_obj(const struct cap *c) { return (struct kobj *)((int64_t)c->raw >> 8); }
static inline unsigned cap_rights(const struct cap *c) { return (unsigned)(c->raw & 0xffu); }
#define CAP_ALL_RIGHTS \
    (L4_RIGHT_W | L4_RIGHT_S | L4_RIGHT_R | L4_RIGHT_D | L4_OBJ_SERVER | L4_OBJ_RIGHT2 | L4_OBJ_RIGHT3)

/* Two-level capability table: a directory of pages of slots. */
#define CAP_PAGE_SLOTS (L4_PAGE_SIZE / sizeof(struct cap))
#define CAP_DIR_PAGES 256u
#define CAP_SLOTS (CAP_PAGE_SLOTS * CAP_DIR_PAGES)
struct cap_page {
    struct cap slot[CAP_PAGE_SLOTS];
};

/* Sets every field: the memory need not have been cleared. */
void kobj_init(struct kobj *obj, const struct kobj_ops *ops, enum kobj_type type, struct factory *payer);
static inline void kobj_ref(struct kobj *obj) { obj->refs++; }
/* Drops a reference; frees the object with the last one. */
void kobj_unref(struct kobj *obj);
/* Makes the object dead: all slots void. The rest (waiters released, existence reference dropped, memory given back)
 * waits for the end of the kernel entry, so an operation may use whatever it has looked up. Idempotent. */
void kobj_destroy(struct kobj *obj);
/* That rest; kernel_leave calls it when there is something. */
extern struct kobj *kobj_work;
/* A window's worth of it; true: nothing is left. */
bool kobj_work_run(void);
/* There is something to do for ops->destroy, dead or not. */
void kobj_work_add(struct kobj *obj);
/* Phases of an object that only answers (interface description, common rules for kernel-object invocations). */
struct thread *kobj_invoke(struct kobj *obj, struct invoke *in);

/* Slot of the task's table or NULL when out of range or its page does not exist. Never allocates. */
struct cap *cap_slot(const struct task *task, word_t index);
/* The same, allocating the page from the task's quota; NULL when out of range or out of memory. */
struct cap *cap_slot_alloc(struct task *task, word_t index);
/* Object behind a slot or NULL; rights are 0 then. */
struct kobj *cap_lookup(const struct task *task, word_t index, unsigned *rights);
/* Object behind a whole selector: also "self" (the invoking thread with W and S). */
struct kobj *cap_lookup_selector(struct thread *self, word_t selector, unsigned *rights);
/* Stores a capability into an empty slot. Counted unless rights carries L4_OBJ_WEAK. */
void cap_insert(struct cap *slot, struct kobj *obj, unsigned rights);
/* Empties a slot. Destroys the object when it was the last counted capability, or when `del` and the slot has D. */
void cap_remove(struct cap *slot, bool del);
/* Frees the whole table, a window's worth of it; every slot is removed with delete semantics. True: it is done. */
bool cap_table_destroy(struct task *task);
/* Sub-set of rights that can be withdrawn without emptying the slot. */
void cap_revoke(struct cap *slot, unsigned rights);

/* The first typed item of a kernel-object invocation (behind the words): object of class `type` in the caller's task.
 * OK, -INVAL (missing, void, empty slot, other class), or L4_IPC_SEND_OVERFLOW (a positive IPC error code: flexpage is
 * no object flexpage). */
int cap_arg(const struct invoke *in, enum kobj_type type, struct kobj **obj, unsigned *rights);

static inline l4_tag tag_label(long label) { return l4_tag_make(label, 0, 0, 0); }
static inline l4_tag tag_words(long label, unsigned words) { return l4_tag_make(label, words, 0, 0); }
/* Stores the IPC error code in the caller's UTCB and returns a tag with the error bit. */
static inline l4_tag ipc_error_tag(struct l4_utcb *utcb, word_t code)
{
    utcb->error = code;
    return (l4_tag){L4_TAG_ERROR};
}
/* What an operation answers when cap_arg failed. */
static inline l4_tag cap_arg_tag(const struct invoke *in, int st)
{
    return st < 0 ? tag_label(st) : ipc_error_tag(in->utcb, (word_t)st);
}
