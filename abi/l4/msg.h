/* SPDX-License-Identifier: MIT */
/*
 * Message tag, timeouts, flexpages, send and receive items. Hand-written pairs of pack and unpack.
 */
#pragma once
#include <l4/types.h>

/* ---- tag: words 0-5, items 6-11, flags 12-15, label 16-63 (signed) ---- */
typedef struct {
    word_t raw;
} l4_tag;

#define L4_TAG_FPU 0x1000ul
#define L4_TAG_SCHEDULE 0x2000ul
#define L4_TAG_PROPAGATE 0x4000ul
#define L4_TAG_ERROR 0x8000ul
#define L4_TAG_FLAGS 0xf000ul
#define L4_TAG_ITEMS 0xfc0ul

static inline l4_tag l4_tag_make(long label, unsigned words, unsigned items, word_t flags)
{
    return (l4_tag){(word_t)label << 16 | (flags & L4_TAG_FLAGS) | (word_t)(items & 63u) << 6 | (words & 63u)};
}
static inline unsigned l4_tag_words(l4_tag t) { return (unsigned)(t.raw & 63u); }
static inline unsigned l4_tag_items(l4_tag t) { return (unsigned)(t.raw >> 6 & 63u); }
static inline word_t l4_tag_flags(l4_tag t) { return t.raw & L4_TAG_FLAGS; }
static inline long l4_tag_label(l4_tag t) { return (long)t.raw >> 16; }
static inline int l4_tag_error(l4_tag t) { return (t.raw & L4_TAG_ERROR) != 0; }

/* ---- timeouts: receive in bits 0-15, send in bits 16-31 ---- */
#define L4_TIMEOUT_NEVER 0u
#define L4_TIMEOUT_ZERO 0x0400u
#define L4_TIMEOUT_ABSOLUTE 0x8000u
#define L4_TIMEOUT_BR_MAX 57u

static inline unsigned l4_timeout_rcv(word_t pair) { return (unsigned)(pair & 0xffffu); }
static inline unsigned l4_timeout_snd(word_t pair) { return (unsigned)(pair >> 16 & 0xffffu); }

/* ---- flexpages: rights 0-3, type 4-5, order 6-11, start 12-63 ---- */
typedef struct {
    word_t raw;
} l4_fpage;

#define L4_FPAGE_SPECIAL 0u
#define L4_FPAGE_MEM 1u
#define L4_FPAGE_IO 2u
#define L4_FPAGE_OBJ 3u
#define L4_FPAGE_ALL 0xfc0ul      /* special, order 63: every space */
#define L4_FPAGE_WHOLE 63u        /* order that means the whole space */

#define L4_MEM_X 1u
#define L4_MEM_W 2u
#define L4_MEM_R 4u
#define L4_MEM_RIGHTS 7u

static inline l4_fpage l4_fpage_make(unsigned type, word_t start, unsigned order, unsigned rights)
{
    return (l4_fpage){start << 12 | (word_t)(order & 63u) << 6 | (type & 3u) << 4 | (rights & 15u)};
}
static inline unsigned l4_fpage_rights(l4_fpage f) { return (unsigned)(f.raw & 15u); }
static inline unsigned l4_fpage_type(l4_fpage f) { return (unsigned)(f.raw >> 4 & 3u); }
static inline unsigned l4_fpage_order(l4_fpage f) { return (unsigned)(f.raw >> 6 & 63u); }
static inline word_t l4_fpage_start(l4_fpage f) { return f.raw >> 12; } /* page, port or slot number */

/* ---- items: bits of the first word ---- */
#define L4_ITEM_COMPOUND 1ul
#define L4_ITEM_GRANT 2ul
#define L4_ITEM_MAP 8ul
#define L4_ITEM_CACHE_SET 0x10ul
#define L4_ITEM_CACHE_MASK 0x70ul
#define L4_ITEM_CACHED 0x30ul
#define L4_ITEM_BUFFERED 0x50ul
#define L4_ITEM_UNCACHED 0x10ul

#define L4_RCV_FORWARD 1ul
#define L4_RCV_SINGLE_CAP 2ul
#define L4_RCV_LOCAL_ID 4ul

/* Kind of a delivered item, bits 1-2 of the return item's first word. */
#define L4_GOT_MAPPED 0ul
#define L4_GOT_NOTHING 2ul
#define L4_GOT_LABEL 4ul
#define L4_GOT_FPAGE 6ul
