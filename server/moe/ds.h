/* SPDX-License-Identifier: MIT */
/*
 * Dataspaces: memory that clients map page by page.
 *
 *   DS_LAZY    pages appear at the first access, zeroed; pages may be shared copy-on-write with other dataspaces
 *   DS_BLOCK   one contiguous block, zeroed at creation
 *   DS_STATIC  memory that was there before (boot modules, the kernel info page)
 *
 *   D1  Every present page of a lazy dataspace counts against its owner's quota, also while it is shared.
 *   D2  A page that is shared, or static, is never mapped writable (PAGE_COW).
 *   D3  No page leaves a dataspace while a client may have it mapped (PAGE_MAPPED).
 *   D4  A dataspace lives while it has a gate or is attached to a region map.
 */
#pragma once
#include "factory.h"
#include "pagemap.h"

enum ds_kind { DS_LAZY, DS_BLOCK, DS_STATIC };

#define DS_X 1u
#define DS_W 2u
#define DS_R 4u
#define DS_RIGHTS 7u
#define DS_COW 0x100u /* reported for dataspaces that can be copied by sharing */

#define DS_CREATE_CONTINUOUS 1u
#define DS_CREATE_PINNED 2u
#define DS_CREATE_SUPER 4u

struct attachment;

struct ds {
    struct object object;
    enum ds_kind kind;
    unsigned flags;       /* rights and DS_COW */
    word_t size;          /* bytes, as created */
    word_t pages;
    word_t address;       /* block, static */
    struct pagemap map;   /* lazy */
    struct attachment *attached;
};

extern const struct object_type ds_type;

/* A lazy or contiguous dataspace of a factory: 0 or a negative error. It has no gate yet. */
long ds_create(struct factory *f, word_t size, unsigned create_flags, unsigned align, struct ds **out);

/* Memory that is there already. */
long ds_create_static(struct factory *f, word_t address, word_t size, unsigned flags, struct ds **out);

/* A piece of memory ready to be sent: the largest block around `offset` that lies at the same place modulo its size as
 * `spot` and inside [low, high] (offsets). rights: what shall be mapped; needs the dataspace's flags. */
long ds_block(struct ds *d, word_t offset, unsigned rights, word_t spot, word_t low, word_t high, l4_fpage_t *out);

/* As ds_block for a fault: maps more rights than `need` (up to `rights`) when nothing stands against it. */
long ds_fault(struct ds *d, word_t offset, unsigned need, unsigned rights, word_t spot, word_t low, word_t high,
              l4_fpage_t *out);

/* Copies, by sharing pages where it can. Clipped at both ends; 0, -12, or -22 when both ranges are of the same
 * dataspace and overlap. */
long ds_copy(struct ds *dst, word_t dst_offset, struct ds *src, word_t src_offset, word_t size);

/* The address of a byte, valid to the end of its page; with `write` of a page that may be written. 0: no memory (or,
 * without `write`, nothing there yet: reads as zero). */
word_t ds_address(struct ds *d, word_t offset, bool write);

/* Takes pages [first, last] of a lazy dataspace away. */
void ds_pages_drop(struct ds *d, word_t first, word_t last);

/* The protocol's table (ds_proto.c). */
extern const struct l4re_proto ds_protos[1];

/* The region map no longer uses it. */
void ds_unattached(struct ds *d);
