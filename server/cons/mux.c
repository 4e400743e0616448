/* SPDX-License-Identifier: MIT */
/* A multiplexer: the factory of its clients, who is connected, and its own messages. */
#include "cons.h"
#include <l4/re/env.h>
#include <l4/sys/kip.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- output ---- */

static void console_write(struct line_console *c, const char *text, size_t size)
{
    terminals_write(l4re_container(c, struct mux, console), text, size);
}

static l4_kernel_clock_t hold_end(const struct mux *m)
{
    return l4_kip_clock(l4_kip()) + (m->hold_ms + 1) * 1000ull;
}

void mux_piece(struct mux *m, const char *text, size_t size)
{
    line_put(&m->console, &m->own, text, size);
    m->open_due = line_is_pending(&m->console) ? hold_end(m) : 0;
}

void mux_line_start(struct mux *m)
{
    if (m->console.owner == &m->own)
        line_put(&m->console, &m->own, "\n", 1);
    m->own.interrupted = false;
}

void mux_say(struct mux *m, const char *format, ...)
{
    char text[200];
    va_list list;

    mux_line_start(m);
    va_start(list, format);
    int n = vsnprintf(text, sizeof text - 1, format, list);
    va_end(list);
    size_t size = n < 0 ? 0 : (size_t)n < sizeof text - 1 ? (size_t)n : sizeof text - 2;
    text[size++] = '\n';
    mux_piece(m, text, size);
}

l4_kernel_clock_t mux_due(const struct mux *m)
{
    l4_kernel_clock_t due = m->open_due;

    for (const struct client *c = m->clients; c != NULL; c = c->next)
        if (c->line_due != 0 && (due == 0 || c->line_due < due))
            due = c->line_due;
    return due;
}

void mux_flush_due(struct mux *m, l4_kernel_clock_t now)
{
    for (struct client *c = m->clients; c != NULL; c = c->next)
        if (c->line_due != 0 && c->line_due <= now)
            client_flush(c);
    if (m->open_due != 0 && m->open_due <= now) {
        m->open_due = 0;
        line_flush(&m->console);
    }
}

/* ---- clients ---- */

struct client *mux_find_key(struct mux *m, char key)
{
    for (struct client *c = m->clients; c != NULL; c = c->next)
        if (c->key == key && key != 0)
            return c;
    return NULL;
}

/* By name, a live one first; else by attach key. */
struct client *mux_find(struct mux *m, const char *name)
{
    struct client *found = NULL;

    for (struct client *c = m->clients; c != NULL; c = c->next)
        if (strcmp(c->writer.tag, name) == 0 && (found == NULL || !client_is_alive(found)))
            found = c;
    return found == NULL && name[0] != 0 && name[1] == 0 ? mux_find_key(m, name[0]) : found;
}

void mux_connect(struct mux *m, struct client *c)
{
    m->connected = c;
    if (c != NULL)
        client_show(c, true);
}

static void mux_add(struct mux *m, struct client *c)
{
    struct client **at = &m->clients;

    for (char k = '1'; k <= '9' && c->key == 0; k++)
        if (mux_find_key(m, k) == NULL)
            c->key = k;
    while (*at != NULL)
        at = &(*at)->next;
    *at = c;
}

void mux_drop(struct mux *m, struct client *c)
{
    struct client **at = &m->clients;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    line_writer_gone(&m->console, &c->writer);
    free(c);
}

/* ---- the factory ---- */

static bool is_attach_key(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* False: no option we know. */
static bool option_apply(struct mux *m, struct client_options *o, const char *word)
{
    static const struct {
        const char *name;
        size_t member;
        bool value;
    } switches[] = {
        {"show", offsetof(struct client_options, shown), true},
        {"hide", offsetof(struct client_options, shown), false},
        {"keep", offsetof(struct client_options, kept), true},
        {"no-keep", offsetof(struct client_options, kept), false},
        {"timestamp", offsetof(struct client_options, stamped), true},
        {"no-timestamp", offsetof(struct client_options, stamped), false},
        {"line-buffering", offsetof(struct client_options, held), true},
        {"no-line-buffering", offsetof(struct client_options, held), false},
    };

    for (unsigned i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (strcmp(word, switches[i].name) == 0) {
            *(bool *)((char *)o + switches[i].member) = switches[i].value;
            return true;
        }
    }
    if (strncmp(word, "bufsz=", 6) == 0) {
        unsigned long n = strtoul(word + 6, NULL, 0);
        o->history = n < HISTORY_MIN ? HISTORY_MIN : n > HISTORY_MAX ? HISTORY_MAX : (unsigned)n;
        return true;
    }
    if (strncmp(word, "key=", 4) == 0) {
        if (is_attach_key(word[4]) && word[5] == 0 && mux_find_key(m, word[4]) == NULL)
            o->key = word[4];
        return true;
    }
    return false;
}

/* Says who is there. The line stays open: the next output, whosever it is, ends it. */
static void announce(struct mux *m, const struct client *c)
{
    char text[80];
    const char *format = c->key != 0 ? "new client: %s (key %c)" : "new client: %s";
    int n = snprintf(text, sizeof text, format, c->writer.tag, c->key);

    mux_line_start(m);
    mux_piece(m, text, (size_t)n);
}

static long client_open(struct mux *m, struct l4re_msg *msg, struct client *c)
{
    int r = l4re_srv_register(&server, &c->obj, &client_iface);

    if (r >= 0) {
        r = l4re_srv_weaken(&server, &c->obj); /* the session ends with the client's last capability */
        if (r < 0)
            l4re_srv_unregister(&server, &c->obj);
    }
    if (r < 0) {
        free(c);
        return r;
    }
    mux_add(m, c);
    announce(m, c);
    if (m->autoconnect != NULL && strcmp(m->autoconnect, c->writer.tag) == 0)
        mux_connect(m, c);
    l4re_wr_cap(&msg->out, c->obj.cap, L4_CAP_FPAGE_RWS);
    return 0;
}

static long op_create(struct l4re_obj *obj, struct l4re_msg *msg)
{
    struct mux *m = l4re_container(obj, struct mux, gate);
    long type = (long)l4re_rd_i64(&msg->in);
    struct client_options o = m->defaults;
    unsigned colour = LINE_COLOUR_DEFAULT;
    struct l4re_varg name, v;
    int r;

    if (msg->in.err != 0)
        return msg->in.err;
    if (type != L4_PROTO_LOG)
        return -L4_ENOSYS;
    if (l4re_rd_varg(&msg->in, &name) <= 0 || name.type != L4_VARG_TYPE_STRING)
        return -L4_EINVAL;
    for (bool first = true; (r = l4re_rd_varg(&msg->in, &v)) > 0; first = false) {
        if (v.type == L4_VARG_TYPE_STRING && !option_apply(m, &o, v.str) && first)
            colour = line_colour(v.str);
        else if (first && (v.type == L4_VARG_TYPE_UMWORD || v.type == L4_VARG_TYPE_MWORD))
            colour = (unsigned)v.value & 15u;
    }
    if (r < 0)
        return -L4_EINVAL;
    struct client *c = client_new(m, name.str, colour, &o);
    return c == NULL ? -L4_ENOMEM : client_open(m, msg, c);
}

static const struct l4re_op create_ops[] = {{.rights = L4_CAP_FPAGE_S, .fn = op_create}};
static const struct l4re_proto protos[] = {
    {L4_PROTO_FACTORY, "N2L47FactoryE", L4RE_CODE_NONE, L4RE_OPS(create_ops)},
};
static const struct l4re_iface gate_iface = {L4RE_IFACE(protos)};

void mux_init(struct mux *m, const char *name)
{
    m->gate_name = name;
    m->console.write = console_write;
    line_writer_init(&m->own, name, strlen(name), 0);
    m->defaults = (struct client_options){.history = HISTORY_DEFAULT, .held = true};
    m->hold_ms = HOLD_MS_DEFAULT;
}

int mux_open(struct mux *m)
{
    return l4re_srv_register_cap(&server, &m->gate, &gate_iface, l4re_env_get_cap(m->gate_name));
}
