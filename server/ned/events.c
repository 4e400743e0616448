/* SPDX-License-Identifier: MIT */
/*
 * What the main thread waits for, in one server loop: programs that ended (an IRQ that the parent thread
 * triggers), keys of the console (an IRQ of its input line), and the command interface (L4.server_loop).
 */
#include "ned.h"
#include <l4/re/consts.h>
#include <l4/sys/icu.h>
#include <l4/sys/irq.h>
#include <string.h>

struct l4re_srv events;
static struct l4re_obj end_irq, keys_irq;
static bool keys_there;
static lua_State *state; /* for handlers, which run below lua_call of events_loop's caller */

static void end_arrived(struct l4re_obj *obj, struct l4re_srv *srv)
{
    (void)obj;
    process_notice(state);
    if (!process_any_running())
        l4re_srv_stop(srv); /* whoever waits for the last program looks again; others come back */
}

static void key_arrived(struct l4re_obj *obj, struct l4re_srv *srv)
{
    (void)obj;
    l4re_srv_stop(srv);
}

static const struct l4re_iface end_iface = {.irq = end_arrived};
static const struct l4re_iface keys_iface = {.irq = key_arrived};

void events_loop(lua_State *L)
{
    state = L;
    process_notice(L);
    events.stop = 0;
    l4re_srv_loop(&events);
}

l4_cap_idx_t events_end_irq(void) { return end_irq.cap; }

long events_keys_bind(l4_cap_idx_t console)
{
    if (!keys_there) {
        int r = l4re_srv_register_irq(&events, &keys_irq, &keys_iface);
        if (r < 0)
            return r;
        keys_there = true;
    }
    l4_icu_unbind(console, 0, keys_irq.cap); /* whatever waited for keys before: the C library's semaphore */
    long r = l4_error(l4_icu_bind(console, 0, keys_irq.cap));
    if (r >= 0)
        l4_irq_unmask(keys_irq.cap);
    return r;
}

void events_keys_unbind(l4_cap_idx_t console)
{
    if (keys_there)
        l4_icu_unbind(console, 0, keys_irq.cap);
}

/* ---- the command interface ---- */

#define ANSWER_MAX 502u

struct command {
    struct l4re_obj obj;
    lua_State *L;
};

static long command_execute(struct l4re_obj *obj, struct l4re_msg *m)
{
    lua_State *L = l4re_container(obj, struct command, obj)->L;
    const char *text = l4re_rd_string(&m->in);
    size_t size;
    int top = lua_gettop(L);

    if (m->in.err != 0)
        return m->in.err;
    if (luaL_loadbufferx(L, text, strlen(text), "=command", "t") != LUA_OK) {
        lua_writestringerror("lua error: %s\n", lua_tostring(L, -1));
        lua_settop(L, top);
        return -L4_EINVAL;
    }
    if (lua_pcall(L, 0, 1, 0) != LUA_OK) {
        lua_writestringerror("lua error: %s\n", luaL_tolstring(L, -1, NULL));
        lua_settop(L, top);
        return -L4_EIO;
    }
    const char *answer = luaL_tolstring(L, -1, &size);
    if (size > ANSWER_MAX)
        size = ANSWER_MAX;
    l4re_wr_u16(&m->out, (l4_uint16_t)size);
    l4re_wr_data(&m->out, answer, (unsigned)size, 1);
    lua_settop(L, top);
    return 0;
}

static const struct l4re_op command_ops[] = {{.code = 0, .fn = command_execute}};
static const struct l4re_proto command_protos[] = {
    {0, "N4L4Re3Ned3CmdE", L4RE_CODE_INT, L4RE_OPS(command_ops)},
};
static const struct l4re_iface command_iface = {L4RE_IFACE(command_protos)};

/* L4.server_loop(cap): commands from here on; does not return. */
static int server_loop(lua_State *L)
{
    struct cap_value *c = cap_check(L, 1);
    struct command *cmd = lua_newuserdatauv(L, sizeof *cmd, 0);

    memset(cmd, 0, sizeof *cmd);
    cmd->L = L;
    int r = l4re_srv_register_cap(&events, &cmd->obj, &command_iface, c->slot);
    if (r < 0)
        return luaL_error(L, "server_loop: the channel cannot be bound: %s (%d)", error_text(r), r);
    for (;;)
        events_loop(L);
}

int events_open(lua_State *L, int sys)
{
    const l4re_env_t *e = l4re_env();
    int r = l4re_srv_init(&events, l4re_util_caps(), e->main_thread, e->factory, L4RE_THIS_TASK_CAP, 0);

    if (r >= 0)
        r = l4re_srv_register_irq(&events, &end_irq, &end_iface);
    lua_pushcfunction(L, server_loop);
    lua_setfield(L, sys, "server_loop");
    return r;
}
