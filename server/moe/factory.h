/* SPDX-License-Identifier: MIT */
/*
 * Factories: they create everything clients get from this server, pay for it, and take it with them when they go.
 *
 *   F1  Every object is on the list of exactly one factory and lives in that factory's arena.
 *   F2  A sub-factory's limit is taken from its parent's quota as one block, its own structure from the parent's arena.
 */
#pragma once
#include "arena.h"
#include "object.h"

struct factory {
    struct object object;
    struct factory *parent;             /* null: the root factory */
    struct factory *children, *next, **link;
    struct object *objects;
    struct quota quota;
    struct arena arena;
};

extern struct factory root_factory;
extern const struct object_type factory_type;

void factory_init_root(void);

/* Memory for an object of this factory. */
static inline void *factory_take(struct factory *f, word_t size) { return arena_take(&f->arena, size); }
static inline void factory_give(struct factory *f, void *p, word_t size) { arena_give(&f->arena, p, size); }
