/* SPDX-License-Identifier: MIT */
/*
 * The person at the console: keys for the line editor, from the log capability. While we wait for a key, ended programs
 * and commands are served.
 */
#include "ned.h"
#include <l4/sys/ipc.h>
#include <l4/sys/vcon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct console {
    l4_cap_idx_t vcon;
    lua_State *L;
    char keys[64];
    unsigned first, count;
    bool bound;
};
static struct console console = {.vcon = L4_INVALID_CAP};

static bool keys_fetch(struct console *c)
{
    int n = l4_vcon_read(c->vcon, c->keys, sizeof c->keys);

    c->first = 0;
    c->count = n < 0 ? 0 : (unsigned)n > sizeof c->keys ? (unsigned)sizeof c->keys : (unsigned)n;
    return c->count > 0;
}

/* We echo ourselves while a line is typed: what is typed is not always what is shown. */
static void echo_set(l4_cap_idx_t vcon, bool on)
{
    l4_vcon_attr_t a;

    if (l4_error(l4_vcon_get_attr(vcon, &a)) < 0)
        return;
    a.l_flags = on ? a.l_flags | L4_VCON_ECHO : a.l_flags & ~(unsigned)L4_VCON_ECHO;
    l4_vcon_set_attr(vcon, &a);
}

static int console_key(void *context)
{
    struct console *c = context;

    while (c->first == c->count) {
        fflush(stdout);
        if (keys_fetch(c))
            break;
        if (!c->bound) {
            if (events_keys_bind(c->vcon) < 0)
                return -1; /* this console has no input */
            c->bound = true;
            continue; /* a key may have come before */
        }
        events_loop(c->L);
    }
    return (unsigned char)c->keys[c->first++];
}

/* A pasted or escaped sequence arrives as fast as the line allows: give it a moment. */
#define SEQUENCE_MS 20u

static int console_more(void *context)
{
    struct console *c = context;

    if (c->first < c->count || keys_fetch(c))
        return 1;
    l4_ipc_sleep_ms(SEQUENCE_MS);
    return keys_fetch(c);
}

static void console_write(void *context, const char *text, size_t size)
{
    (void)context;
    fwrite(text, 1, size, stdout);
}

/* Calls the Lua function at index 2 of the running read_line: line up to the cursor -> what to insert, or nil. */
static char *console_complete(void *context, const char *line, size_t at)
{
    lua_State *L = ((struct console *)context)->L;
    char *result = NULL;

    if (!lua_isfunction(L, 2))
        return NULL;
    fflush(stdout);
    lua_pushvalue(L, 2);
    lua_pushlstring(L, line, at);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_isstring(L, -1))
        result = strdup(lua_tostring(L, -1));
    lua_pop(L, 1);
    return result;
}

/* read_line(prompt, complete): a line, or nil at the end of input. */
static int sys_read_line(lua_State *L)
{
    static const struct edit_ops ops = {console_key, console_more, console_write, console_complete, &console};
    static struct edit edit = {.ops = &ops};
    const char *prompt = luaL_checkstring(L, 1);

    lua_settop(L, 2);
    console.vcon = l4re_env()->log;
    echo_set(console.vcon, false);
    console.L = L;
    long n = edit_line(&edit, prompt);
    fflush(stdout);
    events_keys_unbind(console.vcon); /* what is run now may read from the console itself */
    console.bound = false;
    echo_set(console.vcon, true);
    if (n < 0)
        return 0;
    lua_pushlstring(L, edit.line, (size_t)n);
    return 1;
}

void console_open(lua_State *L, int sys)
{
    lua_pushcfunction(L, sys_read_line);
    lua_setfield(L, sys, "read_line");
}
