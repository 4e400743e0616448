/* SPDX-License-Identifier: MIT */
/*
 * Region maps: which dataspace lies where in a task, and the pager and exception handler of the thread that serves the
 * task itself (the outer region map).
 *
 *   M1  An attachment is on its dataspace's list while it has one; a dataspace that ends leaves its regions without.
 *   M2  Regions and areas obey R1-R3 of region/region.h.
 */
#pragma once
#include "ds.h"
#include <region/region.h>

struct rm;
struct attachment {
    struct region region; /* first: the map knows attachments as regions */
    struct rm *rm;
    struct ds *ds;
    struct attachment *next, **link;
};

struct rescue; /* a range of instructions that may fault, and where the thread goes on then */

struct rm {
    struct object object;
    struct region_map map;
    struct rescue *rescues;
    bool no_tables; /* the task's kernel factory could not pay for its page tables: faults are refused */
};

extern const struct object_type rm_type;

long rm_create(struct factory *f, struct rm **out);

/* Attaches memory: 0 or a negative error; *start is where it went. `ds` may be null for anonymous, reserved and kernel
 * memory. ds_rights: what the caller may do with the dataspace. */
struct attach_request {
    word_t start, size, offset;
    uint32_t flags;
    unsigned align;
    struct ds *ds;
    unsigned ds_rights;
    word_t client_ref, backing;
    const char *name;
};
long rm_attach(struct rm *rm, struct attach_request *a);
long rm_reserve(struct rm *rm, word_t *start, word_t size, uint32_t flags, unsigned align);

/* The answer to the last page fault of a region map could not be mapped: the kernel would let the instruction fault
 * again for ever. From now on its faults are refused. */
void rm_fault_unmapped(const struct l4re_obj *obj);

/* The dataspace of this attachment ends. */
void rm_attachment_void(struct attachment *a);
