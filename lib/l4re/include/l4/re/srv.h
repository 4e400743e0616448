/* SPDX-License-Identifier: MIT */
/*
 * Server framework: objects, interfaces as tables, the loop. See lib/l4re/README.md for the tour.
 *
 *  - An object is a struct l4re_obj inside the server's own structure. The label of its gate is its address; the
 *    client's W and S rights come in the label's two low bits.
 *  - An interface is a constant table: protocols, and for each its operations with opcode, demanded rights and
 *    handler. The loop decodes protocol and opcode, checks rights and answers the Meta protocol; a handler cannot
 *    forget that.
 *  - The request is copied out of the UTCB before the handler runs and the reply is copied in after it: a handler may
 *    make system calls at any time, and what it has read stays valid until it returns.
 *  - Capabilities received with a request that the handler has not taken are removed again before the next wait.
 *  - One thread per loop; objects belong to one loop. No malloc, no stdio.
 */
#pragma once
#include <l4/re/caps.h>
#include <l4/re/msg.h>
#include <l4/sys/ipc.h>

EXTERN_C_BEGIN

struct l4re_obj;
struct l4re_msg;
struct l4re_srv;

/* Returns the reply's label: >= 0 with the results written to m->out, or a negated error (then nothing else is sent).
 * -L4_ENOREPLY: no reply is sent. */
typedef long l4re_handler(struct l4re_obj *obj, struct l4re_msg *m);

struct l4re_op {
    l4_int32_t code;
    l4_uint8_t rights;    /* demanded of the client's capability: L4_CAP_FPAGE_W, _S or both; else -L4_EPERM */
    l4_uint8_t send_only; /* 1: never replied to, whatever the handler returns */
    l4re_handler *fn;
};

/* How a protocol's requests begin. */
enum l4re_code {
    L4RE_CODE_INT,    /* opcode: signed 32 bits; the L4Re interfaces */
    L4RE_CODE_WORD,   /* opcode: a full word; the kernel's interfaces (ICU, scheduler) */
    L4RE_CODE_WORD16, /* opcode: low 16 bits of a full word; Vcon. The whole word is m->code */
    L4RE_CODE_NONE    /* no opcode: ops[0] gets everything (page fault, exception, factory) */
};

struct l4re_proto {
    long proto;       /* tag label; an entry with proto 0 and no ops is only counted and named by Meta */
    char const *name; /* mangled type name that Meta tells, e.g. "N4L4Re9DataspaceE" */
    enum l4re_code code;
    struct l4re_op const *ops;
    unsigned op_count;
};

struct l4re_iface {
    struct l4re_proto const *protos; /* the object's own protocol first: Meta's order */
    unsigned proto_count;
    /* IRQ objects: called for every message of the IRQ, no reply. The rest of the table may be empty. */
    void (*irq)(struct l4re_obj *obj, struct l4re_srv *srv);
    /* The gate is gone: its last client has dropped it or it was deleted. The object is already unregistered and may be
     * freed here. NULL: nothing to do. Only with l4re_srv_watch(). */
    void (*gone)(struct l4re_obj *obj, struct l4re_srv *srv);
};
#define L4RE_OPS(table) (table), sizeof(table) / sizeof((table)[0])
#define L4RE_IFACE(table) .protos = (table), .proto_count = sizeof(table) / sizeof((table)[0])

struct l4re_obj {
    struct l4re_iface const *iface;
    l4_cap_idx_t cap; /* gate or IRQ; L4_INVALID_CAP while not registered */
    unsigned flags;
    struct l4re_obj *next, **link; /* list of the loop's objects */
};
#define L4RE_OBJ_OWN_CAP 1u /* the slot was allocated by register */
#define L4RE_OBJ_IRQ 2u
#define L4RE_OBJ_WEAK 4u /* the loop's own reference is discounted */

/* From an object to the structure around it: l4re_container(obj, struct ds, obj). */
#define l4re_container(ptr, type, member) ((type *)(void *)((char *)(ptr) - __builtin_offsetof(type, member)))

/* A request being handled. */
struct l4re_msg {
    struct l4re_rd in;  /* arguments, behind the opcode */
    struct l4re_wr out; /* results */
    l4_msgtag_t tag;
    l4_umword_t label; /* as received */
    l4_umword_t code;  /* the opcode word; 0 for L4RE_CODE_NONE */
    unsigned rights;   /* of the client's capability: L4_CAP_FPAGE_W | L4_CAP_FPAGE_S */
    struct l4re_srv *srv;
    unsigned buffer; /* next receive buffer that an item refers to */
    unsigned filled; /* bit n: receive buffer n holds a capability that nobody has taken */
    int deferred;    /* l4re_msg_defer() was called */
    l4_umword_t in_words[L4_UTCB_GENERIC_DATA_SIZE];
    l4_umword_t out_words[L4_UTCB_GENERIC_DATA_SIZE];
};

struct l4re_srv_hooks {
    /* Before each reply (result: its label; -L4_ENOREPLY when none is sent). */
    void (*before_reply)(struct l4re_srv *srv, struct l4re_msg *m, long result);
    /* Loads the receive buffers before each wait, in place of the default ones. */
    void (*setup_wait)(struct l4re_srv *srv, l4_utcb_t *utcb);
    /* Kernel-clock time (us) at which `timeout` is wanted; 0: never. Asked before each wait. */
    l4_kernel_clock_t (*deadline)(struct l4re_srv *srv);
    void (*timeout)(struct l4re_srv *srv);
    /* A message whose label names no object (0 after masking). Result as of a handler; default -L4_ENOENT. */
    long (*foreign)(struct l4re_srv *srv, struct l4re_msg *m);
    /* The reply to m could not be delivered (IPC error code of the send phase): the caller is gone or has no room for
     * it. Default: ignored. */
    void (*reply_failed)(struct l4re_srv *srv, struct l4re_msg *m, l4_umword_t error);
    /* Receive errors other than the timeout; default: ignored. */
    void (*error)(struct l4re_srv *srv, l4_msgtag_t tag);
};

#define L4RE_SRV_RCV_MAX 4u

struct l4re_srv {
    struct l4re_caps *caps; /* slots for gates and receive buffers */
    l4_cap_idx_t thread;    /* the loop's thread */
    l4_cap_idx_t task;
    l4_cap_idx_t factory;
    struct l4re_srv_hooks const *hooks; /* never NULL after init */
    void *data;                         /* the server's own */
    struct l4re_obj *objs;
    l4_cap_idx_t rcv[L4RE_SRV_RCV_MAX];
    unsigned rcv_count;
    unsigned rcv_flags; /* 0 or L4_RCV_ITEM_LOCAL_ID, for all buffers */
    int stop;
    struct l4re_obj watch; /* deletion IRQ */
    unsigned long reply_first; /* explicit reply slots */
    unsigned reply_count;      /* 0: only the implicit one; at most 64 */
    l4_uint64_t reply_used;
    unsigned reply_cur;        /* slot the present wait uses */
};

/* Prepares a loop. caps: for gates and buffers; thread, factory, task: the loop's thread, a kernel factory, the own
 * task; rcv: number of capabilities a request may carry, 0..L4RE_SRV_RCV_MAX. 0, -L4_EINVAL, -L4_ENOMEM (no slots). */
int l4re_srv_init(struct l4re_srv *srv, struct l4re_caps *caps, l4_cap_idx_t thread, l4_cap_idx_t factory,
                  l4_cap_idx_t task, unsigned rcv);

/* Creates a gate for obj and binds it to the loop's thread; obj->cap may then be given to clients. 0 or an error. */
int l4re_srv_register(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_iface const *iface);
/* The same with an existing gate (a named capability of the environment); its slot stays the caller's. */
int l4re_srv_register_cap(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_iface const *iface,
                          l4_cap_idx_t gate);
/* Creates an IRQ bound to the loop; iface->irq is called for each message. */
int l4re_srv_register_irq(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_iface const *iface);
/* Ends it: messages still queued for the object are redirected to the `foreign` hook, a gate made by register is
 * deleted, its slot freed. Does not call iface->gone. */
void l4re_srv_unregister(struct l4re_srv *srv, struct l4re_obj *obj);

/* From now on iface->gone is called when an object's gate is gone. 0 or an error. Once per loop. */
int l4re_srv_watch(struct l4re_srv *srv);
/* Discounts the loop's own reference to obj's gate: it goes when the last client's counted capability goes. Call it
 * once, after a client has got its capability or just before the reply that carries it. 0 or an error. */
int l4re_srv_weaken(struct l4re_srv *srv, struct l4re_obj *obj);

/* Enables deferred replies with the explicit reply slots first .. first + count - 1 (count <= 64). */
int l4re_srv_reply_slots(struct l4re_srv *srv, unsigned long first, unsigned count);
/* In a handler: keeps the caller for later; the handler then returns -L4_ENOREPLY. Returns a selector for
 * l4re_srv_reply(), or L4_INVALID_CAP when no slot is left (then answer now). */
l4_cap_idx_t l4re_msg_defer(struct l4re_msg *m);
/* Answers a deferred caller with label and the results in out (NULL: none; base must not be the UTCB). Does not block;
 * a caller that is gone is no error. Frees the slot. */
void l4re_srv_reply(struct l4re_srv *srv, l4_cap_idx_t reply, long label, struct l4re_wr *out);

/* Serves until l4re_srv_stop(). */
void l4re_srv_loop(struct l4re_srv *srv);
/* In a handler or hook: the loop returns after the present reply. */
static inline void l4re_srv_stop(struct l4re_srv *srv) { srv->stop = 1; }

/* Reads the next item as a capability. Returns the slot it lies in, which stays the loop's and is emptied after the
 * handler, unless l4re_msg_take() keeps it. L4_INVALID_CAP when there is none: m->in.err is -L4_EMSGTOOSHORT if there
 * was no item, -L4_EINVAL if the sender's slot was empty. With L4_RCV_ITEM_LOCAL_ID use l4re_msg_item(). */
l4_cap_idx_t l4re_msg_cap(struct l4re_msg *m);
/* Reads the next item in whatever form it came; *cap: slot when it was mapped (may be NULL). */
struct l4re_item l4re_msg_item(struct l4re_msg *m, l4_cap_idx_t *cap);
/* Keeps a received slot (count 1 in srv->caps; l4re_caps_drop() later); the loop gets a new one. 0, or -L4_ENOMEM when
 * there is no slot left: then it is not kept. */
int l4re_msg_take(struct l4re_msg *m, l4_cap_idx_t cap);

/* Decodes and handles one request that is already in m (in_words, tag, label): what the loop does between wait and
 * reply. Makes no system call of its own. Returns the label. */
long l4re_srv_dispatch(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_msg *m);
/* Fills m from a received message: tag, label and the words at mr. */
void l4re_msg_load(struct l4re_msg *m, struct l4re_srv *srv, l4_msgtag_t tag, l4_umword_t label, l4_umword_t const *mr);

EXTERN_C_END
