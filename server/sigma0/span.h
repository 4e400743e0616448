/* SPDX-License-Identifier: MIT */
/*
 * A map of a number line (page frames, I/O ports) to attributes, as a sorted table of change points.
 *
 *  P1  span[0].first == 0; firsts rise strictly; the last span reaches to the end of the line.
 *  P2  No two neighbours have equal attributes: the table is as short as it can be.
 *
 * A change that does not fit into the table is refused as a whole.
 */
#pragma once
#include <l4/sys/types.h>

enum span_kind {
    SPAN_NONE, /* nobody gets it: kernel, sigma0 */
    SPAN_IO,   /* device memory, for everybody; or a free I/O port */
    SPAN_RAM   /* for one client */
};

struct span_attr {
    l4_uint16_t owner; /* client number, 0: free */
    l4_uint8_t kind;
    l4_uint8_t rights; /* L4_FPAGE_*: what page faults get */
};

struct span {
    l4_umword_t first;
    struct span_attr attr;
};

struct span_map {
    struct span *span;
    unsigned count, max;
    l4_umword_t end; /* last number of the line */
};

/* The whole line 0..end with one attribute. table has room for max spans. */
void span_init(struct span_map *m, struct span *table, unsigned max, l4_umword_t end, struct span_attr attr);
/* Index of the span that contains at. */
unsigned span_at(struct span_map const *m, l4_umword_t at);
/* Last number of span i. */
l4_umword_t span_last(struct span_map const *m, unsigned i);
/* Gives first..last another attribute. 0, or -L4_ENOMEM when the table is full: then nothing has changed. */
int span_set(struct span_map *m, l4_umword_t first, l4_umword_t last, struct span_attr attr);
/* Gives all free spans of kind in first..last to owner. -L4_ENOMEM when a part is of another kind or somebody else's,
 * or the table is full; then nothing has changed. What owner has already keeps its rights. */
int span_claim(struct span_map *m, l4_umword_t first, l4_umword_t last, enum span_kind kind, unsigned owner);
/* Is all of first..last of this kind? */
int span_is(struct span_map const *m, l4_umword_t first, l4_umword_t last, enum span_kind kind);
/* First aligned block of 2^order numbers that is free and of kind; 0 or -L4_ENOMEM. */
int span_find(struct span_map const *m, unsigned order, enum span_kind kind, l4_umword_t *first);
