/* SPDX-License-Identifier: MIT */
/*
 * Messages as the user-level protocols write them: values at their natural alignment in the message registers, items
 * behind the last word, receive buffers beside. One cursor serves both directions.
 *
 * Reading past the end of a message sets `bad` and yields zeros; the caller looks once, after the last argument.
 */
#pragma once
#include <l4/sys/ipc.h>
#include <string.h>

struct rpc {
    l4_utcb_t *utcb;
    unsigned pos;   /* byte offset in the message registers */
    unsigned limit; /* readable or writable bytes */
    unsigned items;
    unsigned buffers;
    int bad;
};

#define RPC_BYTES (L4_UTCB_GENERIC_DATA_SIZE * 8u)

static inline void *rpc_at(const struct rpc *m) { return (char *)l4_utcb_mr_u(m->utcb)->mr + m->pos; }

static inline int rpc_fits(struct rpc *m, unsigned size, unsigned align)
{
    m->pos = (m->pos + align - 1) & ~(align - 1);
    if (m->pos <= m->limit && m->limit - m->pos >= size)
        return 1;
    m->bad = 1;
    return 0;
}

/* ---- writing a request or a reply ---- */

static inline struct rpc rpc_write(void)
{
    struct rpc m = {.utcb = l4_utcb(), .limit = RPC_BYTES};

    l4_utcb_br_u(m.utcb)->bdr = 0;
    l4_utcb_br_u(m.utcb)->br[0] = 0;
    return m;
}

static inline void rpc_put(struct rpc *m, const void *value, unsigned size)
{
    if (rpc_fits(m, size, size)) {
        memcpy(rpc_at(m), value, size);
        m->pos += size;
    }
}
static inline void rpc_put8(struct rpc *m, uint8_t v) { rpc_put(m, &v, sizeof v); }
static inline void rpc_put16(struct rpc *m, uint16_t v) { rpc_put(m, &v, sizeof v); }
static inline void rpc_put32(struct rpc *m, uint32_t v) { rpc_put(m, &v, sizeof v); }
static inline void rpc_put64(struct rpc *m, uint64_t v) { rpc_put(m, &v, sizeof v); }

static inline void rpc_put_raw(struct rpc *m, const void *bytes, unsigned size)
{
    if (rpc_fits(m, size, 1)) {
        memcpy(rpc_at(m), bytes, size);
        m->pos += size;
    }
}
/* An array of characters: its count, then the characters. A string's count includes the zero byte. */
static inline void rpc_put_chars(struct rpc *m, const char *chars, unsigned size)
{
    rpc_put64(m, size);
    rpc_put_raw(m, chars, size);
}

static inline void rpc_item(struct rpc *m, l4_umword_t control, l4_umword_t fpage)
{
    m->pos = (m->pos + 7) & ~7u;
    unsigned at = m->pos / 8 + 2 * m->items;
    if (at + 2 > L4_UTCB_GENERIC_DATA_SIZE) {
        m->bad = 1;
        return;
    }
    l4_utcb_mr_u(m->utcb)->mr[at] = control;
    l4_utcb_mr_u(m->utcb)->mr[at + 1] = fpage;
    m->items++;
}
/* Only after the last value. rights: low four bits, and attributes in bits 4-7. */
static inline void rpc_put_cap(struct rpc *m, l4_cap_idx_t cap, unsigned rights)
{
    rpc_item(m, L4_ITEM_MAP | (rights & 0xf0u), l4_obj_fpage(cap, 0, (unsigned char)(rights & 15u)).raw);
}

static inline void rpc_buffer(struct rpc *m, l4_umword_t word)
{
    l4_utcb_br_u(m->utcb)->br[m->buffers++] = word;
    l4_utcb_br_u(m->utcb)->br[m->buffers] = 0;
}
static inline void rpc_want_cap(struct rpc *m, l4_cap_idx_t slot) { rpc_buffer(m, slot | L4_RCV_ITEM_SINGLE_CAP); }
static inline void rpc_want_memory(struct rpc *m, l4_addr_t address, unsigned order)
{
    rpc_buffer(m, L4_ITEM_MAP);
    rpc_buffer(m, l4_fpage(address, order, 0).raw);
}

static inline l4_msgtag_t rpc_tag(const struct rpc *m, long label)
{
    return l4_msgtag(label, (m->pos + 7) / 8, m->items, 0);
}

/* Calls; afterwards *m reads the reply. The reply's label, or -(2000 + IPC error). */
static inline long rpc_call(struct rpc *m, l4_cap_idx_t cap, long protocol)
{
    if (m->bad)
        return -L4_EMSGTOOLONG;
    l4_msgtag_t tag = l4_ipc_call(cap, m->utcb, rpc_tag(m, protocol), L4_IPC_NEVER);
    m->pos = 0;
    m->limit = l4_msgtag_words(tag) * 8;
    m->items = l4_msgtag_items(tag);
    if (l4_msgtag_has_error(tag))
        return -(long)(L4_EIPC_LO + l4_ipc_error_code(m->utcb));
    return l4_msgtag_label(tag);
}

/* ---- reading ---- */

static inline struct rpc rpc_read(l4_msgtag_t tag)
{
    return (struct rpc){.utcb = l4_utcb(), .limit = l4_msgtag_words(tag) * 8, .items = l4_msgtag_items(tag)};
}

static inline uint64_t rpc_get(struct rpc *m, unsigned size)
{
    uint64_t v = 0;

    if (rpc_fits(m, size, size)) {
        memcpy(&v, rpc_at(m), size);
        m->pos += size;
    }
    return v;
}
static inline uint8_t rpc_get8(struct rpc *m) { return (uint8_t)rpc_get(m, 1); }
static inline uint16_t rpc_get16(struct rpc *m) { return (uint16_t)rpc_get(m, 2); }
static inline uint32_t rpc_get32(struct rpc *m) { return (uint32_t)rpc_get(m, 4); }
static inline uint64_t rpc_get64(struct rpc *m) { return rpc_get(m, 8); }

/* Bytes inside the message registers; valid until the next message. */
static inline const void *rpc_get_raw(struct rpc *m, unsigned size)
{
    const void *at = 0;

    if (rpc_fits(m, size, 1)) {
        at = rpc_at(m);
        m->pos += size;
    }
    return at;
}
static inline const char *rpc_get_chars(struct rpc *m, uint64_t *count)
{
    *count = rpc_get64(m);
    if (*count > RPC_BYTES) {
        m->bad = 1;
        return 0;
    }
    return rpc_get_raw(m, (unsigned)*count);
}
