/* SPDX-License-Identifier: MIT */
/*
 * Typed access to messages, the same for clients and servers: a reader and a writer over an array of words. Values lie
 * at their natural alignment, items (two words each) behind the last data word. Every access is checked against the
 * message's bounds; the first error stays in `err` and makes everything after it do nothing and yield 0, so a caller
 * checks once, before it acts. No memory is allocated and no system call made here.
 */
#pragma once
#include <l4/sys/types.h>
#include <l4/sys/utcb.h>
#include <l4/sys/err.h>

EXTERN_C_BEGIN

/* ---- reading ---- */

struct l4re_rd {
    unsigned char *base; /* word 0 of the message; writable, strings are terminated in place */
    unsigned off;        /* next byte of data */
    unsigned end;        /* bytes of data */
    unsigned item;       /* word index of the next item */
    unsigned item_end;   /* word index behind the last item */
    long err;            /* 0 or the first error, negated */
};

/* What an item brought. */
enum l4re_item_kind {
    L4RE_ITEM_NONE,   /* no such item, or a void one */
    L4RE_ITEM_MAPPED, /* something was mapped into the receive buffer */
    L4RE_ITEM_EMPTY,  /* a mapping was attempted, but the sender had nothing there */
    L4RE_ITEM_LABEL,  /* data: label of a gate of ours | W and S rights of the capability sent */
    L4RE_ITEM_LOCAL   /* data: the sender's flexpage; sender and receiver share a task */
};
struct l4re_item {
    enum l4re_item_kind kind;
    unsigned type;     /* L4_FPAGE_OBJ, L4_FPAGE_MEMORY, L4_FPAGE_IO */
    unsigned order;    /* of the sent flexpage */
    l4_umword_t spot;  /* hot spot, bits 12.. */
    l4_umword_t data;  /* LABEL, LOCAL: see above */
    l4_umword_t ctl;   /* first word as received */
};

/* Starts reading a message of tag's shape at base. words + 2 items > 63 gives -L4_EMSGTOOSHORT and nothing to read. */
void l4re_rd_init(struct l4re_rd *r, void *base, l4_msgtag_t tag);
/* Next value of that size, at its alignment; -L4_EMSGTOOSHORT when the message ends before. */
l4_uint8_t l4re_rd_u8(struct l4re_rd *r);
l4_uint16_t l4re_rd_u16(struct l4re_rd *r);
l4_uint32_t l4re_rd_u32(struct l4re_rd *r);
l4_uint64_t l4re_rd_u64(struct l4re_rd *r);
static inline l4_int32_t l4re_rd_i32(struct l4re_rd *r) { return (l4_int32_t)l4re_rd_u32(r); }
static inline l4_int64_t l4re_rd_i64(struct l4re_rd *r) { return (l4_int64_t)l4re_rd_u64(r); }
/* Pointer to the next size bytes (alignment 1, 2, 4 or 8), NULL on error. It stays valid as long as the array at
 * base. */
void *l4re_rd_data(struct l4re_rd *r, unsigned size, unsigned align);
/* Array: u64 count, then count elements of elem bytes at alignment align. *count: 0 on error. */
void *l4re_rd_array(struct l4re_rd *r, unsigned elem, unsigned align, unsigned *count);
/* String: an array of char whose count includes the terminating zero (the last char is forced to zero). Count 0 is
 * -L4_EMSGTOOSHORT. Returns "" on error, never NULL. */
char const *l4re_rd_string(struct l4re_rd *r);
/* Name: an array of char without a terminating zero, *len of them. Returns "" on error. */
char const *l4re_rd_name(struct l4re_rd *r, unsigned *len);
/* Is another value of size bytes there? For optional trailing arguments; changes nothing. */
int l4re_rd_has(struct l4re_rd const *r, unsigned size);
/* Next item; kind NONE without error when there is no more (items may be optional). */
struct l4re_item l4re_rd_item(struct l4re_rd *r);

/* One variable argument (factory create). */
struct l4re_varg {
    unsigned type;     /* L4_VARG_TYPE_*; NIL (0): end of the list or a nil argument */
    unsigned len;      /* bytes of value */
    l4_umword_t value; /* UMWORD, MWORD, FPAGE */
    char const *str;   /* STRING: terminated by force when len > 0, "" otherwise */
};
/* Next argument: 1 found, 0 end of the list (v is nil then), negative: malformed, also in err. */
int l4re_rd_varg(struct l4re_rd *r, struct l4re_varg *v);

/* ---- writing ---- */

struct l4re_wr {
    unsigned char *base;
    unsigned off;   /* next byte of data */
    unsigned items; /* items so far; no data may follow the first */
    long err;       /* 0 or -L4_EMSGTOOLONG, -L4_EMSGMISSARG */
};

/* Starts a message at base (63 words). */
void l4re_wr_init(struct l4re_wr *w, void *base);
/* Appends a value at its alignment; padding is zeroed. */
void l4re_wr_u8(struct l4re_wr *w, l4_uint8_t v);
void l4re_wr_u16(struct l4re_wr *w, l4_uint16_t v);
void l4re_wr_u32(struct l4re_wr *w, l4_uint32_t v);
void l4re_wr_u64(struct l4re_wr *w, l4_uint64_t v);
static inline void l4re_wr_i32(struct l4re_wr *w, l4_int32_t v) { l4re_wr_u32(w, (l4_uint32_t)v); }
static inline void l4re_wr_i64(struct l4re_wr *w, l4_int64_t v) { l4re_wr_u64(w, (l4_uint64_t)v); }
/* size bytes at alignment align; p NULL reserves (and zeroes) them. Returns where they lie, NULL when full. */
void *l4re_wr_data(struct l4re_wr *w, void const *p, unsigned size, unsigned align);
/* u64 count, then the elements. */
void l4re_wr_array(struct l4re_wr *w, void const *p, unsigned count, unsigned elem, unsigned align);
/* u64 count including the zero, then the characters. */
void l4re_wr_string(struct l4re_wr *w, char const *s);
/* u64 count, then len characters without a zero. */
void l4re_wr_name(struct l4re_wr *w, char const *s, unsigned len);
/* An item: control word (L4_ITEM_MAP is added) and flexpage. */
void l4re_wr_item(struct l4re_wr *w, l4_umword_t ctl, l4_fpage_t fp);
/* A capability: rights L4_CAP_FPAGE_*, optionally | L4_FPAGE_C_* in bits 4-7. Invalid cap: -L4_EMSGMISSARG. */
void l4re_wr_cap(struct l4re_wr *w, l4_cap_idx_t cap, unsigned rights);
/* Variable arguments. */
void l4re_wr_varg_int(struct l4re_wr *w, l4_mword_t v);
void l4re_wr_varg_uint(struct l4re_wr *w, l4_umword_t v);
void l4re_wr_varg_str(struct l4re_wr *w, char const *s);
void l4re_wr_varg_fpage(struct l4re_wr *w, l4_fpage_t fp);
void l4re_wr_varg_nil(struct l4re_wr *w);
/* The tag of what was written; flags L4_MSGTAG_*. Rounds the data up to words. */
l4_msgtag_t l4re_wr_tag(struct l4re_wr *w, long label, unsigned flags);

/* ---- client side ---- */

/* A request in the caller's UTCB: start, write arguments to out, buffers, call, read results from in. No other system
 * call may come between start and the last read. */
struct l4re_call {
    l4_utcb_t *utcb;
    unsigned buffers; /* buffer registers used */
    struct l4re_wr out;
    struct l4re_rd in;
};
/* Begins a request with an opcode of 32 bits. */
void l4re_call_start(struct l4re_call *c, l4_int32_t opcode);
/* Begins a request without opcode (or with an own one). */
void l4re_call_start_raw(struct l4re_call *c);
/* Receive buffer: one capability into slot cap (no slot: error -L4_EINVAL); flags 0 or L4_RCV_ITEM_LOCAL_ID. Replaces
 * nothing: buffers are used in order. */
void l4re_call_rcv_cap(struct l4re_call *c, l4_cap_idx_t cap, unsigned flags);
/* Receive buffer: memory window fp with hot spot; task: where to map, or L4_INVALID_CAP for the own task. */
void l4re_call_rcv_fpage(struct l4re_call *c, l4_fpage_t fp, l4_cap_idx_t task);
/* Calls obj with label proto. Returns the reply's label, or -(2000 + IPC error), or the writer's error without having
 * called; -2004 when obj is no slot. On success (>= 0) `in` reads the reply. to: timeout pair, normally
 * L4_IPC_NEVER. */
long l4re_call(struct l4re_call *c, l4_cap_idx_t obj, long proto, l4_timeout_t to);
/* Sends without waiting for an answer: 0 or an error. */
long l4re_call_send(struct l4re_call *c, l4_cap_idx_t obj, long proto, unsigned flags, l4_timeout_t to);

EXTERN_C_END
