/* SPDX-License-Identifier: MIT */
/* Lines of text on the program's log, and the two ways to end the program. */
#include "rm.h"

#define WRITE_MAX 488u

static void log_write(const char *line, size_t length)
{
    l4_utcb_t *u = l4_utcb();

    while (length > 0) {
        unsigned n = length < WRITE_MAX ? (unsigned)length : WRITE_MAX;
        struct rpc m = rpc_write();
        rpc_put64(&m, 0);
        rpc_put64(&m, n);
        rpc_put_raw(&m, line, n);
        l4_ipc_send(startup.env->log, u, l4_msgtag(L4_PROTO_LOG, (m.pos + 7) / 8, 0, L4_MSGTAG_SCHEDULE), L4_IPC_NEVER);
        line += n;
        length -= n;
    }
}

static void say_list(const char *format, va_list list)
{
    char line[1024];
    struct text t;

    text_start(&t, line, sizeof line - 1);
    text_add_list(&t, format, list);
    *t.at++ = '\n';
    if (startup.env != 0 && l4_is_valid_cap(startup.env->log))
        log_write(line, (size_t)(t.at - line));
}

void say(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say_list(format, list);
    va_end(list);
}

/* The parent destroys this task during the call; should it not, nothing here runs any more. */
void leave(long code)
{
    for (;;) {
        struct rpc m = rpc_write();
        rpc_put32(&m, 0);
        rpc_put64(&m, 0);
        rpc_put64(&m, (uint64_t)code);
        rpc_call(&m, startup.env->parent, PROTO_PARENT);
        l4_ipc_sleep(L4_IPC_NEVER);
    }
}

void die(int code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say_list(format, list);
    va_end(list);
    leave(code);
}
