/* SPDX-License-Identifier: MIT */
/*
 * Capability slot allocator with reference counts, over storage that the caller gives. Safe for several threads (atomic
 * counters, no lock); no memory is allocated. Count 0: slot free. The program's default allocator is l4re_util_caps()
 * (l4/re/c/util/cap_alloc.h).
 */
#pragma once
#include <l4/sys/types.h>

EXTERN_C_BEGIN

struct l4re_caps {
    unsigned long first; /* number (not selector) of the first slot */
    unsigned count;      /* slots managed */
    unsigned hint;       /* where to search next */
    l4_uint16_t *refs;   /* count counters, all 0 at the start */
};

/* Manages slots first .. first + count - 1 (slot numbers) with the zeroed counters refs. */
void l4re_caps_init(struct l4re_caps *c, unsigned long first, l4_uint16_t *refs, unsigned count);
/* A free slot with count 1, or L4_INVALID_CAP when all are taken. The slot is empty. */
l4_cap_idx_t l4re_caps_alloc(struct l4re_caps *c);
/* One more reference; ignored for slots that are not ours or are free. */
void l4re_caps_take(struct l4re_caps *c, l4_cap_idx_t cap);
/* One reference less; at 0 the slot is emptied (L4_FP_ALL_SPACES, without deleting the object) and free. Returns the
 * count left; ~0u for a slot that is not ours or was free. */
unsigned l4re_caps_drop(struct l4re_caps *c, l4_cap_idx_t cap);
/* Marks the slot free whatever its count, without emptying it. */
void l4re_caps_free(struct l4re_caps *c, l4_cap_idx_t cap);
/* References held, 0 for a free or foreign slot. */
unsigned l4re_caps_refs(struct l4re_caps const *c, l4_cap_idx_t cap);

EXTERN_C_END
