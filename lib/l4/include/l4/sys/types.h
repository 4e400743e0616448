/* SPDX-License-Identifier: MIT */
/*
 * Message tag, protocol labels, capability selector helpers. Programs include this header, never abi's l4/msg.h,
 * whose names are the kernel's.
 */
#pragma once
#include <l4/sys/consts.h>
#include <l4/sys/err.h>
#include <l4/proto.h>

/* Beside the protocol labels of the contract: */
#define L4_PROTO_PF_EXCEPTION 1l /* reply label to an exception; same number as ALLOW_SYSCALL */

/* Type words of variable arguments (factory create): type in bits 0-15, size of the value in bytes in bits 16-31. */
enum l4_varg_type {
    L4_VARG_TYPE_NIL = 0,
    L4_VARG_TYPE_UMWORD = 1,
    L4_VARG_TYPE_MWORD = 0x81,
    L4_VARG_TYPE_STRING = 2,
    L4_VARG_TYPE_FPAGE = 3,
    L4_VARG_TYPE_SIGN = 0x80
};

/* Tag: words in bits 0-5, items 6-11, flags 12-15, label 16-63 (signed). */
typedef struct l4_msgtag_t {
    l4_mword_t raw;
#ifdef __cplusplus
    long label() const { return raw >> 16; }
    unsigned words() const { return (unsigned)(raw & 0x3f); }
    unsigned items() const { return (unsigned)(raw >> 6 & 0x3f); }
    unsigned flags() const { return (unsigned)(raw & 0xf000); }
    unsigned has_error() const { return (unsigned)(raw & 0x8000); }
#endif
} l4_msgtag_t;

enum l4_msgtag_flags {
    L4_MSGTAG_ERROR = 0x8000,        /* set by the kernel: see the UTCB's error word */
    L4_MSGTAG_TRANSFER_FPU = 0x1000, /* the FPU state goes along, if the receiver inherits it */
    L4_MSGTAG_SCHEDULE = 0x2000,     /* do not give the time slice to the partner */
    L4_MSGTAG_PROPAGATE = 0x4000,    /* no function in the kernel */
    L4_MSGTAG_FLAGS = 0xf000
};

/* Builds a tag. label: -2^47..2^47-1; words 0..63; items 0..31 (words + 2 * items <= 63); flags: L4_MSGTAG_*. */
L4_INLINE l4_msgtag_t l4_msgtag(long label, unsigned words, unsigned items, unsigned flags)
{
    l4_msgtag_t t;

    t.raw = (l4_mword_t)((l4_umword_t)label << 16 | (flags & L4_MSGTAG_FLAGS) | (items & 0x3fu) << 6 | (words & 0x3fu));
    return t;
}
/* Protocol of a request, result of a reply (negative: error). */
L4_INLINE long l4_msgtag_label(l4_msgtag_t t) { return t.raw >> 16; }
/* Number of untyped words, 0..63. */
L4_INLINE unsigned l4_msgtag_words(l4_msgtag_t t) { return (unsigned)(t.raw & 0x3f); }
/* Number of typed items, each two words behind the untyped ones. */
L4_INLINE unsigned l4_msgtag_items(l4_msgtag_t t) { return (unsigned)(t.raw >> 6 & 0x3f); }
/* L4_MSGTAG_* bits. */
L4_INLINE unsigned l4_msgtag_flags(l4_msgtag_t t) { return (unsigned)(t.raw & L4_MSGTAG_FLAGS); }
/* Nonzero when the IPC failed; then nothing else in the tag is valid and l4_ipc_error() tells the cause. */
L4_INLINE unsigned l4_msgtag_has_error(l4_msgtag_t t) { return (unsigned)(t.raw & L4_MSGTAG_ERROR); }
L4_INLINE unsigned l4_msgtag_is_page_fault(l4_msgtag_t t) { return l4_msgtag_label(t) == L4_PROTO_PAGE_FAULT; }
L4_INLINE unsigned l4_msgtag_is_exception(l4_msgtag_t t) { return l4_msgtag_label(t) == L4_PROTO_EXCEPTION; }
L4_INLINE unsigned l4_msgtag_is_sigma0(l4_msgtag_t t) { return l4_msgtag_label(t) == L4_PROTO_SIGMA0; }
L4_INLINE unsigned l4_msgtag_is_io_page_fault(l4_msgtag_t t) { return l4_msgtag_label(t) == L4_PROTO_IO_PAGE_FAULT; }

/* Validity of a selector is bit 11 alone: whether an object lies in the slot only the kernel knows
 * (l4_task_cap_valid). */
L4_INLINE unsigned l4_is_invalid_cap(l4_cap_idx_t c) { return (c & L4_INVALID_CAP_BIT) != 0; }
L4_INLINE unsigned l4_is_valid_cap(l4_cap_idx_t c) { return (c & L4_INVALID_CAP_BIT) == 0; }
/* Same slot? (Same object: l4_task_cap_equal.) */
L4_INLINE unsigned l4_capability_equal(l4_cap_idx_t c1, l4_cap_idx_t c2)
{
    return c1 >> L4_CAP_SHIFT == c2 >> L4_CAP_SHIFT;
}
/* The slot behind c. */
L4_INLINE l4_cap_idx_t l4_capability_next(l4_cap_idx_t c) { return c + L4_CAP_OFFSET; }

#include <l4/sys/__l4_fpage.h>
#include <l4/sys/__timeout.h>
