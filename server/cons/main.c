/* SPDX-License-Identifier: MIT */
/* Command line and server loop of the console multiplexer; what it does for people is in doc/cons.md. */
#include "cons.h"
#include <getopt.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/env.h>
#include <l4/sys/err.h>
#include <l4/sys/kip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct l4re_srv server;
static struct mux *muxes, *last;

static l4_kernel_clock_t deadline(struct l4re_srv *srv)
{
    l4_kernel_clock_t first = 0;

    (void)srv;
    for (const struct mux *m = muxes; m != NULL; m = m->next) {
        l4_kernel_clock_t due = mux_due(m);
        if (due != 0 && (first == 0 || due < first))
            first = due;
    }
    return first;
}

static void timeout(struct l4re_srv *srv)
{
    l4_kernel_clock_t now = l4_kip_clock(l4_kip());

    (void)srv;
    for (struct mux *m = muxes; m != NULL; m = m->next)
        mux_flush_due(m, now);
}

/* While messages keep coming the timeout never does. */
static void before_reply(struct l4re_srv *srv, struct l4re_msg *m, long result)
{
    (void)m;
    (void)result;
    timeout(srv);
}

static const struct l4re_srv_hooks hooks = {.before_reply = before_reply, .deadline = deadline, .timeout = timeout};

/* ---- command line ---- */

static _Noreturn void fail(const char *format, const char *word)
{
    fprintf(stderr, "cons: ");
    fprintf(stderr, format, word);
    fprintf(stderr, "\n");
    exit(1);
}

static void *need(void *memory)
{
    if (memory == NULL)
        fail("no memory%s", "");
    return memory;
}

static struct mux *mux_new(const char *gate_name)
{
    struct mux *m = need(calloc(1, sizeof *m));

    mux_init(m, gate_name);
    if (last != NULL)
        last->next = m;
    else
        muxes = m;
    last = m;
    return m;
}

static void terminal_add(struct mux *m, const char *name, l4_cap_idx_t vcon)
{
    struct terminal *t = need(calloc(1, sizeof *t));

    if (l4_is_invalid_cap(vcon))
        fail("there is no capability '%s' for a terminal", name);
    t->vcon = vcon;
    t->name = name;
    if (terminal_open(m, t) < 0)
        fail("the terminal '%s' cannot be used", name);
}

static unsigned number(const char *what, const char *text, unsigned low, unsigned high)
{
    char *end;
    unsigned long n = strtoul(text, &end, 0);

    if (*text < '0' || *text > '9' || *end != 0 || n < low || n > high) {
        fprintf(stderr, "cons: %s: a number from %u to %u, not '%s'\n", what, low, high, text);
        exit(1);
    }
    return (unsigned)n;
}

#define OPT_HOLD_MS 256
static const struct option long_options[] = {
    {"show-all", no_argument, NULL, 'a'},
    {"buffer-size", required_argument, NULL, 'B'},
    {"autoconnect", required_argument, NULL, 'c'},
    {"frontend", required_argument, NULL, 'f'},
    {"virtio-frontend", required_argument, NULL, 'V'},
    {"keep", no_argument, NULL, 'k'},
    {"no-line-buffering", no_argument, NULL, 'l'},
    {"line-buffering-ms", required_argument, NULL, OPT_HOLD_MS},
    {"mux", required_argument, NULL, 'm'},
    {"default-name", required_argument, NULL, 'n'},
    {"timestamps", no_argument, NULL, 't'},
    {NULL, 0, NULL, 0},
};

/* Options are about the multiplexer that the last -m began; before the first -m, about the default one. */
static void options_read(int argc, char **argv)
{
    struct mux *m = mux_new("cons");
    int option;

    while ((option = getopt_long(argc, argv, "aB:c:f:V:klm:n:t", long_options, NULL)) != -1) {
        switch (option) {
        case 'a': m->defaults.shown = true; break;
        case 'B': m->defaults.history = number("-B", optarg, HISTORY_MIN, HISTORY_MAX); break;
        case 'c': m->autoconnect = optarg; break;
        case 'f': terminal_add(m, optarg, l4re_env_get_cap(optarg)); break;
        case 'k': m->defaults.kept = true; break;
        case 'l': m->defaults.held = false; break;
        case OPT_HOLD_MS: m->hold_ms = number("--line-buffering-ms", optarg, 0, 60000); break;
        case 'm': m = mux_new(optarg); break;
        case 'n': line_writer_init(&muxes->own, optarg, strlen(optarg), 0); break;
        case 't': m->defaults.stamped = true; break;
        case 'V': fail("-V %s: there are no virtio terminals", optarg);
        default: exit(1); /* getopt has said why */
        }
    }
    if (optind < argc)
        fail("'%s' is no option", argv[optind]);
}

int main(int argc, char **argv)
{
    const l4re_env_t *e = l4re_env();
    int r = l4re_srv_init(&server, l4re_util_caps(), e->main_thread, e->factory, L4RE_THIS_TASK_CAP, 1);

    if (r >= 0)
        r = l4re_srv_watch(&server);
    if (r < 0)
        fail("the server loop cannot start: %s", l4sys_errtostr(r));
    server.hooks = &hooks;
    options_read(argc, argv);
    for (struct mux *m = muxes; m != NULL; m = m->next) {
        if (m->terminals == NULL && m == muxes)
            terminal_add(m, "log", e->log);
        if (m->terminals == NULL)
            fail("the multiplexer '%s' has no terminal: -f CAPABILITY", m->gate_name);
        r = mux_open(m);
        if (r < 0)
            fail(r == -L4_ENOENT ? "there is no channel '%s' to serve" : "the channel '%s' cannot be served",
                 m->gate_name);
    }
    l4re_srv_loop(&server);
}
