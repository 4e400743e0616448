/* SPDX-License-Identifier: MIT */
/* A client's session: console protocol, input line, line assembly, history; invariants C2 and C3 are in cons.h. */
#include "cons.h"
#include <l4/sys/icu.h>
#include <l4/sys/ipc.h>
#include <l4/sys/kip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct client *client_new(struct mux *m, const char *name, unsigned colour, const struct client_options *o)
{
    struct client *c = calloc(1, sizeof *c + o->history);

    if (c == NULL)
        return NULL;
    c->obj.cap = L4_INVALID_CAP;
    c->irq = L4_INVALID_CAP;
    c->mux = m;
    line_writer_init(&c->writer, name, strlen(name), colour);
    c->key = o->key;
    c->shown = o->shown;
    c->kept = o->kept;
    c->stamped = o->stamped;
    c->held = o->held;
    c->history_size = o->history;
    c->attr = (l4_vcon_attr_t){L4_VCON_ICRNL, L4_VCON_ONLCR | L4_VCON_ONLRET, L4_VCON_ECHO};
    return c;
}

bool client_is_alive(const struct client *c) { return !l4_is_invalid_cap(c->obj.cap); }

/* ---- output: history, then lines ---- */

static void history_add(struct client *c, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        c->history[(c->history_first + c->history_count) % c->history_size] = text[i];
        if (c->history_count < c->history_size)
            c->history_count++;
        else
            c->history_first = (c->history_first + 1) % c->history_size;
    }
}

static char history_at(const struct client *c, unsigned i)
{
    return c->history[(c->history_first + i) % c->history_size];
}

void client_flush(struct client *c)
{
    c->line_due = 0;
    if (c->line_size == 0)
        return;
    line_put(&c->mux->console, &c->writer, c->line, c->line_size);
    line_flush(&c->mux->console);
    c->line_begun = c->line[c->line_size - 1] != '\n';
    c->line_size = 0;
}

static void line_stamp(struct client *c)
{
    l4_kernel_clock_t ms = l4_kip_clock(l4_kip()) / 1000;
    int n = snprintf(c->line, sizeof c->line, "[%5llu.%03llu] ", (unsigned long long)(ms / 1000),
                     (unsigned long long)(ms % 1000));

    c->line_size = (unsigned)n;
}

/* A line goes out when it is complete or a piece of it fills the buffer. */
static void show(struct client *c, char byte)
{
    if (c->line_size == 0 && !c->line_begun && c->stamped)
        line_stamp(c);
    c->line[c->line_size++] = byte;
    if (byte == '\n' || c->line_size == sizeof c->line)
        client_flush(c);
}

/* The rest of an unfinished line may come soon. */
static void show_end(struct client *c)
{
    if (c->line_size == 0)
        return;
    if (!c->held || c->mux->hold_ms == 0)
        client_flush(c);
    else if (c->line_due == 0)
        c->line_due = l4_kip_clock(l4_kip()) + c->mux->hold_ms * 1000ull;
}

static void client_write(struct client *c, const char *text, size_t size)
{
    history_add(c, text, size);
    if (!c->shown) {
        c->unseen = size < c->history_count - c->unseen ? c->unseen + (unsigned)size : c->history_count;
        return;
    }
    for (size_t i = 0; i < size; i++)
        show(c, text[i] == '\r' && (c->attr.o_flags & L4_VCON_OCRNL) ? '\n' : text[i]);
    show_end(c);
}

static void replay(struct client *c, unsigned from)
{
    for (unsigned i = from; i < c->history_count; i++)
        show(c, history_at(c, i));
    show_end(c);
}

void client_show(struct client *c, bool shown)
{
    if (!shown)
        client_flush(c);
    c->shown = shown;
    if (shown) {
        replay(c, c->history_count - c->unseen);
        c->unseen = 0;
    }
}

void client_tail(struct client *c, unsigned lines)
{
    unsigned from = c->history_count;

    while (from > 0) {
        if (from < c->history_count && history_at(c, from - 1) == '\n' && lines-- <= 1)
            break;
        from--;
    }
    client_flush(c);
    if (c->line_begun)
        show(c, '\n');
    replay(c, from);
    client_flush(c);
}

void client_clear(struct client *c)
{
    c->history_count = 0;
    c->unseen = 0;
}

/* ---- input ---- */

/* The capability is the client's: it may be anything, so nothing here waits for it. */
static void input_tell(struct client *c)
{
    l4_utcb_t *u = l4_utcb();

    if (l4_is_invalid_cap(c->irq))
        return;
    l4_utcb_mr_u(u)->mr[0] = 2; /* trigger */
    l4_ipc_send(c->irq, u, l4_msgtag(L4_PROTO_IRQ, 1, 0, 0), L4_IPC_BOTH_TIMEOUT_0);
}

/* The key as the input flags want it; false: it is dropped. */
static bool input_translate(const struct client *c, char *key)
{
    if (*key == '\n' && (c->attr.i_flags & L4_VCON_INLCR))
        *key = '\r';
    else if (*key == '\r' && (c->attr.i_flags & L4_VCON_IGNCR))
        return false;
    else if (*key == '\r' && (c->attr.i_flags & L4_VCON_ICRNL))
        *key = '\n';
    return true;
}

static bool input_erase(struct client *c)
{
    unsigned last = (c->input_first + c->input_count - 1) % INPUT_SIZE;

    if (c->input_count == 0 || c->input[last] == '\n')
        return false;
    c->input_count--;
    return true;
}

void client_type(struct client *c, const char *keys, size_t size)
{
    bool cooked = c->attr.l_flags & L4_VCON_ICANON, tell = false;

    for (size_t i = 0; i < size; i++) {
        char key = keys[i];
        const char *echo = &key;
        size_t echo_size = 1;

        if (!input_translate(c, &key))
            continue;
        if (cooked && (key == '\b' || key == 0x7f)) {
            if (!input_erase(c))
                continue;
            echo = "\b \b";
            echo_size = 3;
        } else if (c->input_count == INPUT_SIZE) {
            continue; /* lost, as on a real line */
        } else {
            c->input[(c->input_first + c->input_count++) % INPUT_SIZE] = key;
            tell |= !cooked || key == '\n';
        }
        if ((c->attr.l_flags & L4_VCON_ECHO) && key != 0)
            client_write(c, echo, echo_size);
    }
    client_flush(c);
    if (tell)
        input_tell(c);
}

/* How much may be read: with line editing, up to the last complete line. */
static unsigned input_ready(const struct client *c)
{
    unsigned n = c->input_count;

    if ((c->attr.l_flags & L4_VCON_ICANON) && n < INPUT_SIZE)
        while (n > 0 && c->input[(c->input_first + n - 1) % INPUT_SIZE] != '\n')
            n--;
    return n;
}

/* ---- the console protocol ---- */

static struct client *client_of(struct l4re_obj *obj) { return l4re_container(obj, struct client, obj); }

/* A count beyond the message is cut to the message; a zero byte ends the text. */
static long op_write(struct l4re_obj *obj, struct l4re_msg *m)
{
    l4_uint64_t count = l4re_rd_u64(&m->in);

    if (m->in.err != 0)
        return m->in.err;
    const char *text = (const char *)m->in.base + m->in.off;
    size_t rest = m->in.end - m->in.off;
    client_write(client_of(obj), text, strnlen(text, count < rest ? (size_t)count : rest));
    return 0;
}

static long op_read(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct client *c = client_of(obj);
    unsigned wanted = (unsigned)(m->code >> 16) & 0xffffu, ready = input_ready(c);

    if (wanted > L4_VCON_READ_SIZE)
        wanted = L4_VCON_READ_SIZE;
    unsigned n = wanted < ready ? wanted : ready;
    l4re_wr_u64(&m->out, n | (n == ready ? (unsigned)L4_VCON_READ_STAT_DONE : 0u));
    char *to = l4re_wr_data(&m->out, NULL, n, 1);
    for (unsigned i = 0; to != NULL && i < n; i++) {
        to[i] = c->input[c->input_first];
        c->input_first = (c->input_first + 1) % INPUT_SIZE;
        c->input_count--;
    }
    return 0;
}

static long op_set_attr(struct l4re_obj *obj, struct l4re_msg *m)
{
    l4_vcon_attr_t a;

    a.i_flags = l4re_rd_u64(&m->in) & 0xffffffffu;
    a.o_flags = l4re_rd_u64(&m->in) & 0xffffffffu;
    a.l_flags = l4re_rd_u64(&m->in) & 0xffffffffu;
    if (m->in.err != 0)
        return m->in.err;
    client_of(obj)->attr = a;
    return 0;
}

static long op_get_attr(struct l4re_obj *obj, struct l4re_msg *m)
{
    const l4_vcon_attr_t *a = &client_of(obj)->attr;

    l4re_wr_u64(&m->out, 0);
    l4re_wr_u64(&m->out, a->i_flags);
    l4re_wr_u64(&m->out, a->o_flags);
    l4re_wr_u64(&m->out, a->l_flags);
    return 0;
}

/* ---- the interrupt controller with one line: input ---- */

static void irq_forget(struct client *c)
{
    if (!l4_is_invalid_cap(c->irq))
        l4re_caps_drop(server.caps, c->irq);
    c->irq = L4_INVALID_CAP;
}

static long op_bind(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct client *c = client_of(obj);
    l4_uint64_t line = l4re_rd_u64(&m->in);
    l4_cap_idx_t irq = l4re_msg_cap(m);

    if (m->in.err != 0)
        return m->in.err;
    if (line != 0)
        return -L4_EINVAL;
    long r = l4re_msg_take(m, irq);
    if (r < 0)
        return r;
    irq_forget(c); /* whoever binds last hears the keys */
    c->irq = irq;
    return 0;
}

static long op_unbind(struct l4re_obj *obj, struct l4re_msg *m)
{
    l4_uint64_t line = l4re_rd_u64(&m->in);

    l4re_msg_cap(m);
    if (m->in.err != 0)
        return m->in.err;
    if (line == 0)
        irq_forget(client_of(obj));
    return 0;
}

static long op_info(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    l4re_wr_u64(&m->out, 0); /* features */
    l4re_wr_u64(&m->out, 1); /* lines */
    l4re_wr_u64(&m->out, 0); /* MSIs */
    return 0;
}

static long op_set_mode(struct l4re_obj *obj, struct l4re_msg *m)
{
    l4_uint64_t line = l4re_rd_u64(&m->in);

    (void)obj;
    return m->in.err != 0 ? m->in.err : line != 0 ? -L4_EINVAL : 0;
}

/* The line is never masked: a client that has been told and does not read is not told less. */
static long op_mask(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    (void)m;
    return 0;
}

static void session_gone(struct l4re_obj *obj, struct l4re_srv *srv)
{
    struct client *c = client_of(obj);
    struct mux *m = c->mux;

    (void)srv;
    c->obj.cap = L4_INVALID_CAP;
    irq_forget(c);
    client_flush(c);
    if (m->connected == c) {
        mux_connect(m, NULL);
        mux_say(m, "%s has ended", c->writer.tag);
    }
    if (!c->kept)
        mux_drop(m, c);
}

static const struct l4re_op vcon_ops[] = {
    {.code = L4_VCON_WRITE_OP, .send_only = 1, .fn = op_write},
    {.code = L4_VCON_READ_OP, .fn = op_read},
    {.code = L4_VCON_SET_ATTR_OP, .fn = op_set_attr},
    {.code = L4_VCON_GET_ATTR_OP, .fn = op_get_attr},
};
static const struct l4re_op icu_ops[] = {
    {.code = 0, .fn = op_bind},
    {.code = 1, .fn = op_unbind},
    {.code = 2, .fn = op_info},
    {.code = 4, .send_only = 1, .fn = op_mask},
    {.code = 5, .send_only = 1, .fn = op_mask},
    {.code = 6, .fn = op_set_mode},
};
static const struct l4re_proto protos[] = {
    {L4_PROTO_LOG, "N2L44VconE", L4RE_CODE_WORD16, L4RE_OPS(vcon_ops)},
    {L4_PROTO_IRQ, "N2L43IcuE", L4RE_CODE_WORD, L4RE_OPS(icu_ops)},
};
const struct l4re_iface client_iface = {L4RE_IFACE(protos), .gone = session_gone};
