/* SPDX-License-Identifier: MIT */
/*
 * What everything that clients can call has in common, on top of the server loop's objects (l4/re/srv.h): an owner (the
 * factory that pays), a life, and the name space entries that name it.
 *
 * The server's own reference to a gate does not count, so the kernel destroys the gate with the last client capability.
 *
 *   O1  An object without a gate lives only as long as its type has a use for it (a dataspace that is still attached,
 *       an object that nobody has asked for yet).
 *   O2  Name space entries that name the object are on `entries`; each holds it with a counted reference.
 *   O3  Fixed objects (built in) never end.
 *   O4  An object ends between two requests only: object_doom, then object_doomed_end.
 */
#pragma once
#include <l4/re/srv.h>
#include <stdbool.h>

struct object;
struct factory;
struct ns_entry;

struct object_type {
    struct l4re_iface iface; /* with .gone = object_gate_gone */
    /* The gate is gone, or the last other use: give everything back, including the object's memory, unless it is still
     * of use (O1). Ends no other object at once, but dooms it. */
    void (*unused)(struct object *o);
    /* The owner goes: give everything back now. */
    void (*destroy)(struct object *o);
};

struct object {
    struct l4re_obj obj;         /* first: its address is the gate's label */
    const struct object_type *type;
    struct factory *owner;
    struct object *next, **link; /* the owner's list */
    struct object *doomed;
    struct ns_entry *entries;
    bool is_fixed, is_doomed;
};

/* The one server loop. */
extern struct l4re_srv server;
long server_init(void);
void server_run(void) __attribute__((noreturn));

/* Enters a new object in its owner's list. */
void object_init(struct object *o, const struct object_type *type, struct factory *owner);

/* Makes the gate if there is none. 0 or a negative error. */
long object_gate(struct object *o);
static inline bool object_has_gate(const struct object *o) { return l4_is_valid_cap(o->obj.cap); }

/* Takes gate and entries away and leaves the owner's list; the memory is the caller's. */
void object_remove(struct object *o);

/* Appends the object's capability to the reply. 0 or a negative error. */
long object_reply(struct object *o, struct l4re_msg *m, unsigned rights);

/* A counted reference of the server itself (O2). */
void object_hold(struct object *o);
void object_drop(struct object *o);

/* The object behind a received item, if it is one of ours of that type; else a null pointer. */
struct object *object_of(const struct l4re_item *item, const struct object_type *type);

void object_doom(struct object *o);
void object_doomed_end(void);

void object_gate_gone(struct l4re_obj *obj, struct l4re_srv *srv);
