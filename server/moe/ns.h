/* SPDX-License-Identifier: MIT */
/*
 * Name spaces: names for capabilities, one path component each.
 *
 *   N1  An entry names one of our objects (and is on its list, with a reference), or holds somebody else's capability
 *       in a slot, or nothing (a placeholder: registered later, or its object has ended).
 */
#pragma once
#include "factory.h"

struct ns_entry {
    struct ns_entry *next;
    unsigned rights;              /* what a query may hand out: R 4, W 1, S 2 */
    bool is_static;               /* built in: cannot be changed */
    l4_cap_idx_t cap;             /* somebody else's object */
    struct object *object;        /* ours */
    struct ns_entry *object_next, **object_link;
    unsigned length;
    char name[];
};

struct ns {
    struct object object;
    struct ns_entry *entries;
};

extern const struct object_type ns_type;

long ns_create(struct factory *f, struct ns **out);

/* Built-in entries: one of our objects under a name; the first of equal names wins. */
long ns_add(struct ns *ns, const char *name, unsigned length, struct object *o, unsigned rights);
struct ns_entry *ns_find(struct ns *ns, const char *name, unsigned length);

/* The object ends: its entries become placeholders. */
void ns_object_gone(struct object *o);
