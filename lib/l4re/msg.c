/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing messages with every access checked, and calls built from them. See l4/re/msg.h.
 *
 *  M1  Reader: off <= end, item <= item_end <= 63; nothing outside [base, base + 504) is touched.
 *  M2  Writer: off + 16 * items <= 504; data is word aligned as soon as there is an item.
 *  M3  Once err is set nothing moves any more.
 */
#include <l4/re/msg.h>
#include <l4/sys/ipc.h>
#include <string.h>

#define MSG_WORDS L4_UTCB_GENERIC_DATA_SIZE
#define MSG_BYTES (MSG_WORDS * 8u)

static unsigned align_up(unsigned off, unsigned align) { return (off + align - 1) & ~(align - 1); }

/* ---- reading ---- */

void l4re_rd_init(struct l4re_rd *r, void *base, l4_msgtag_t tag)
{
    unsigned words = l4_msgtag_words(tag), items = l4_msgtag_items(tag);

    memset(r, 0, sizeof *r);
    r->base = base;
    if (words + 2 * items > MSG_WORDS) {
        r->err = -L4_EMSGTOOSHORT;
        return;
    }
    r->end = words * 8;
    r->item = words;
    r->item_end = words + 2 * items;
}

void *l4re_rd_data(struct l4re_rd *r, unsigned size, unsigned align)
{
    unsigned off = align_up(r->off, align);
    void *p = r->base + off;

    if (r->err)
        return NULL;
    if (off > r->end || size > r->end - off) {
        r->err = -L4_EMSGTOOSHORT;
        return NULL;
    }
    r->off = off + size;
    return p;
}

int l4re_rd_has(struct l4re_rd const *r, unsigned size)
{
    unsigned off = align_up(r->off, size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1);

    return !r->err && off <= r->end && size <= r->end - off;
}

l4_uint8_t l4re_rd_u8(struct l4re_rd *r)
{
    l4_uint8_t *p = l4re_rd_data(r, sizeof *p, sizeof *p);

    return p ? *p : 0;
}

l4_uint16_t l4re_rd_u16(struct l4re_rd *r)
{
    l4_uint16_t *p = l4re_rd_data(r, sizeof *p, sizeof *p);

    return p ? *p : 0;
}

l4_uint32_t l4re_rd_u32(struct l4re_rd *r)
{
    l4_uint32_t *p = l4re_rd_data(r, sizeof *p, sizeof *p);

    return p ? *p : 0;
}

l4_uint64_t l4re_rd_u64(struct l4re_rd *r)
{
    l4_uint64_t *p = l4re_rd_data(r, sizeof *p, sizeof *p);

    return p ? *p : 0;
}

void *l4re_rd_array(struct l4re_rd *r, unsigned elem, unsigned align, unsigned *count)
{
    l4_uint64_t n = l4re_rd_u64(r);
    void *p;

    *count = 0;
    if (!r->err && n > MSG_BYTES / elem)
        r->err = -L4_EMSGTOOSHORT;
    p = l4re_rd_data(r, (unsigned)n * elem, align);
    if (p)
        *count = (unsigned)n;
    return p;
}

char const *l4re_rd_string(struct l4re_rd *r)
{
    unsigned count;
    char *p = l4re_rd_array(r, 1, 1, &count);

    if (!p)
        return "";
    if (!count) {
        r->err = -L4_EMSGTOOSHORT;
        return "";
    }
    p[count - 1] = 0;
    return p;
}

char const *l4re_rd_name(struct l4re_rd *r, unsigned *len)
{
    char *p = l4re_rd_array(r, 1, 1, len);

    return p ? p : "";
}

struct l4re_item l4re_rd_item(struct l4re_rd *r)
{
    struct l4re_item it = {0};
    l4_umword_t *mr = (l4_umword_t *)(void *)r->base;

    if (r->err || r->item + 2 > r->item_end)
        return it;
    it.ctl = mr[r->item];
    it.data = mr[r->item + 1];
    r->item += 2;
    if (!(it.ctl & L4_ITEM_MAP))
        return it;
    it.kind = (enum l4re_item_kind)(L4RE_ITEM_MAPPED + (it.ctl >> 1 & 3));
    it.type = (unsigned)(it.ctl >> 4 & 3);
    it.order = (unsigned)(it.ctl >> 6 & 63);
    it.spot = it.ctl & ~0xffful;
    return it;
}

int l4re_rd_varg(struct l4re_rd *r, struct l4re_varg *v)
{
    l4_umword_t type;
    char *value;

    memset(v, 0, sizeof *v);
    v->str = "";
    if (r->err)
        return (int)r->err;
    if (!l4re_rd_has(r, 8))
        return 0;
    type = l4re_rd_u64(r);
    if (!type)
        return 0;
    v->type = type & 0xff;
    v->len = type >> 16 > MSG_BYTES ? MSG_BYTES + 1 : (unsigned)(type >> 16);
    value = l4re_rd_data(r, align_up(v->len, 8), 8);
    if (!value)
        return (int)r->err;
    if (v->type == L4_VARG_TYPE_STRING) {
        if (v->len) {
            value[v->len - 1] = 0;
            v->str = value;
        }
    } else {
        memcpy(&v->value, value, v->len < sizeof v->value ? v->len : sizeof v->value);
    }
    return 1;
}

/* ---- writing ---- */

void l4re_wr_init(struct l4re_wr *w, void *base)
{
    memset(w, 0, sizeof *w);
    w->base = base;
}

/* Appends size zero bytes at an alignment; NULL when they do not fit. */
static void *wr_room(struct l4re_wr *w, unsigned size, unsigned align)
{
    unsigned off = align_up(w->off, align);

    if (w->err)
        return NULL;
    if (w->items || size > MSG_BYTES || off > MSG_BYTES - size) {
        w->err = w->items ? -L4_EINVAL : -L4_EMSGTOOLONG;
        return NULL;
    }
    memset(w->base + w->off, 0, off + size - w->off);
    w->off = off + size;
    return w->base + off;
}

void *l4re_wr_data(struct l4re_wr *w, void const *p, unsigned size, unsigned align)
{
    void *to = wr_room(w, size, align);

    if (to && p)
        memcpy(to, p, size);
    return to;
}

void l4re_wr_u8(struct l4re_wr *w, l4_uint8_t v) { l4re_wr_data(w, &v, sizeof v, sizeof v); }
void l4re_wr_u16(struct l4re_wr *w, l4_uint16_t v) { l4re_wr_data(w, &v, sizeof v, sizeof v); }
void l4re_wr_u32(struct l4re_wr *w, l4_uint32_t v) { l4re_wr_data(w, &v, sizeof v, sizeof v); }
void l4re_wr_u64(struct l4re_wr *w, l4_uint64_t v) { l4re_wr_data(w, &v, sizeof v, sizeof v); }

void l4re_wr_array(struct l4re_wr *w, void const *p, unsigned count, unsigned elem, unsigned align)
{
    l4re_wr_u64(w, count);
    if (count > MSG_BYTES / elem) {
        w->err = w->err ? w->err : -L4_EMSGTOOLONG;
        return;
    }
    l4re_wr_data(w, p, count * elem, align);
}

/* Length of s, but no more than what could never fit. */
static unsigned text_len_capped(char const *s)
{
    unsigned n = 0;

    while (n <= MSG_BYTES && s[n])
        n++;
    return n;
}

void l4re_wr_string(struct l4re_wr *w, char const *s) { l4re_wr_array(w, s, text_len_capped(s) + 1, 1, 1); }
void l4re_wr_name(struct l4re_wr *w, char const *s, unsigned len) { l4re_wr_array(w, s, len, 1, 1); }

void l4re_wr_item(struct l4re_wr *w, l4_umword_t ctl, l4_fpage_t fp)
{
    unsigned off = align_up(w->off, 8);
    l4_umword_t *to;

    if (w->err)
        return;
    if (off + 16 * (w->items + 1) > MSG_BYTES) {
        w->err = -L4_EMSGTOOLONG;
        return;
    }
    memset(w->base + w->off, 0, off - w->off);
    w->off = off;
    to = (l4_umword_t *)(void *)(w->base + off + 16 * w->items);
    to[0] = ctl | L4_ITEM_MAP;
    to[1] = fp.raw;
    w->items++;
}

void l4re_wr_cap(struct l4re_wr *w, l4_cap_idx_t cap, unsigned rights)
{
    if (l4_is_invalid_cap(cap)) {
        w->err = w->err ? w->err : -L4_EMSGMISSARG;
        return;
    }
    l4re_wr_item(w, rights & 0xf0u, l4_obj_fpage(cap, 0, (unsigned char)(rights & 15u)));
}

static void wr_varg(struct l4re_wr *w, unsigned type, void const *value, unsigned len)
{
    l4re_wr_u64(w, type | (l4_umword_t)len << 16);
    l4re_wr_data(w, value, len, 8);
    wr_room(w, 0, 8);
}

void l4re_wr_varg_int(struct l4re_wr *w, l4_mword_t v) { wr_varg(w, L4_VARG_TYPE_MWORD, &v, sizeof v); }
void l4re_wr_varg_uint(struct l4re_wr *w, l4_umword_t v) { wr_varg(w, L4_VARG_TYPE_UMWORD, &v, sizeof v); }
void l4re_wr_varg_str(struct l4re_wr *w, char const *s) { wr_varg(w, L4_VARG_TYPE_STRING, s, text_len_capped(s) + 1); }
void l4re_wr_varg_fpage(struct l4re_wr *w, l4_fpage_t fp) { wr_varg(w, L4_VARG_TYPE_FPAGE, &fp.raw, sizeof fp.raw); }
void l4re_wr_varg_nil(struct l4re_wr *w) { l4re_wr_u64(w, L4_VARG_TYPE_NIL); }

l4_msgtag_t l4re_wr_tag(struct l4re_wr *w, long label, unsigned flags)
{
    unsigned off = align_up(w->off, 8);

    memset(w->base + w->off, 0, off - w->off);
    w->off = off;
    return l4_msgtag(label, off / 8, w->items, flags);
}

/* ---- calls ---- */

void l4re_call_start_raw(struct l4re_call *c)
{
    c->utcb = l4_utcb();
    c->buffers = 0;
    l4re_wr_init(&c->out, l4_utcb_mr_u(c->utcb)->mr);
    memset(&c->in, 0, sizeof c->in);
}

void l4re_call_start(struct l4re_call *c, l4_int32_t opcode)
{
    l4re_call_start_raw(c);
    l4re_wr_i32(&c->out, opcode);
}

/* One buffer register more; the last one stays free for the end mark. */
static void add_buffer(struct l4re_call *c, l4_umword_t word)
{
    if (c->buffers + 1 >= L4_UTCB_GENERIC_BUFFERS_SIZE) {
        c->out.err = c->out.err ? c->out.err : -L4_EMSGTOOLONG;
        return;
    }
    l4_utcb_br_u(c->utcb)->br[c->buffers++] = word;
}

void l4re_call_rcv_cap(struct l4re_call *c, l4_cap_idx_t cap, unsigned flags)
{
    if (l4_is_invalid_cap(cap)) /* the kernel would drop what comes, and its sender would not know */
        c->out.err = c->out.err ? c->out.err : -L4_EINVAL;
    add_buffer(c, (cap & ~0xffful) | L4_RCV_ITEM_SINGLE_CAP | flags);
}

void l4re_call_rcv_fpage(struct l4re_call *c, l4_fpage_t fp, l4_cap_idx_t task)
{
    add_buffer(c, L4_ITEM_MAP | (l4_is_valid_cap(task) ? L4_RCV_ITEM_FORWARD_MAPPINGS : 0));
    add_buffer(c, fp.raw);
    if (l4_is_valid_cap(task))
        add_buffer(c, task);
}

/* What keeps the message from being sent, or 0. An invalid selector would name the calling thread, which would wait for
 * itself. */
static long call_refused(struct l4re_call *c, l4_cap_idx_t obj)
{
    return c->out.err ? c->out.err : l4_is_invalid_cap(obj) ? l4_ipc_to_errno(L4_IPC_ENOT_EXISTENT) : 0;
}

long l4re_call(struct l4re_call *c, l4_cap_idx_t obj, long proto, l4_timeout_t to)
{
    l4_buf_regs_t *b = l4_utcb_br_u(c->utcb);
    l4_msgtag_t tag;
    long r = call_refused(c, obj);

    if (r < 0)
        return r;
    b->bdr = 0;
    b->br[c->buffers] = 0;
    tag = l4_ipc_call(obj, c->utcb, l4re_wr_tag(&c->out, proto, 0), to);
    r = l4_error_u(tag, c->utcb);
    if (r >= 0)
        l4re_rd_init(&c->in, l4_utcb_mr_u(c->utcb)->mr, tag);
    return r;
}

long l4re_call_send(struct l4re_call *c, l4_cap_idx_t obj, long proto, unsigned flags, l4_timeout_t to)
{
    l4_msgtag_t tag;
    long r = call_refused(c, obj);

    if (r < 0)
        return r;
    tag = l4_ipc_send(obj, c->utcb, l4re_wr_tag(&c->out, proto, flags), to);
    return l4_msgtag_has_error(tag) ? l4_error_u(tag, c->utcb) : 0;
}
