/* SPDX-License-Identifier: MIT */
/* Log objects and their protocol (-13); the contract is in log.h. */
#include "log.h"
#include <l4/sys/kip.h>
#include <l4/sys/vcon.h>
#include <loader/text.h>
#include <string.h>

/* An unfinished line is held back this long, so that a program may build it from several messages. */
#define HOLD_US 100000u
#define SAY_MAX 400u

struct log {
    struct object object;
    struct line_writer writer;
};

static void console_write(struct line_console *c, const char *text, size_t size)
{
    (void)c;
    while (size > 0) {
        unsigned n = size < L4_VCON_WRITE_SIZE ? (unsigned)size : L4_VCON_WRITE_SIZE;
        l4_vcon_send(L4_BASE_LOG_CAP, text, n);
        text += n;
        size -= n;
    }
}

static struct line_console console = {.write = console_write};
static struct line_writer own = {.tag = "moe"};
static l4_kernel_clock_t last_write;

static void put(struct line_writer *w, const char *text, size_t size)
{
    line_put(&console, w, text, size);
    if (line_is_pending(&console))
        last_write = l4_kip_clock(l4_kip());
}

l4_kernel_clock_t log_deadline(void) { return line_is_pending(&console) ? last_write + HOLD_US : 0; }
void log_flush(void) { line_flush(&console); }

void say(const char *format, ...)
{
    char line[SAY_MAX];
    struct text t;
    va_list list;

    text_start(&t, line, sizeof line - 1);
    va_start(list, format);
    text_add_list(&t, format, list);
    va_end(list);
    *t.at++ = '\n';
    put(&own, line, (size_t)(t.at - line));
}

/* A count beyond the message is cut to the message. */
static long op_write(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct log *log = (struct log *)obj;
    l4_uint64_t count = l4re_rd_u64(&m->in);

    if (m->in.err != 0)
        return m->in.err;
    unsigned rest = m->in.end - m->in.off;
    put(&log->writer, (const char *)m->in.base + m->in.off, count < rest ? (size_t)count : rest);
    return 0;
}

long log_create(struct factory *f, const char *tag, size_t tag_size, unsigned colour, struct object **out)
{
    struct log *log = factory_take(f, sizeof *log);

    if (log == NULL)
        return -L4_ENOMEM;
    object_init(&log->object, &log_type, f);
    line_writer_init(&log->writer, tag, tag_size, colour);
    *out = &log->object;
    return 0;
}

static void log_free(struct object *o)
{
    struct log *log = (struct log *)o;

    line_writer_gone(&console, &log->writer);
    object_remove(o);
    factory_give(o->owner, log, sizeof *log);
}

/* The interrupt-controller side exists and has no operation: there is no input. */
static long op_none(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    (void)m;
    return -L4_ENOSYS;
}

static const struct l4re_op ops[] = {{.code = L4_VCON_WRITE_OP, .send_only = 1, .fn = op_write}};
static const struct l4re_op icu_ops[] = {{.fn = op_none}};
static const struct l4re_proto protos[] = {
    {L4_PROTO_LOG, "N2L44VconE", L4RE_CODE_WORD16, L4RE_OPS(ops)},
    {L4_PROTO_IRQ, "N2L43IcuE", L4RE_CODE_NONE, L4RE_OPS(icu_ops)},
};
const struct object_type log_type = {
    .iface = {L4RE_IFACE(protos), .gone = object_gate_gone},
    .unused = log_free,
    .destroy = log_free,
};
