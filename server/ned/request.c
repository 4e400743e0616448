/* SPDX-License-Identifier: MIT */
/* Requests to the object behind a capability value. Errors are numbers here; policy.lua makes words of them. */
#include "ned.h"
#include <l4/re/consts.h>
#include <l4/sys/err.h>
#include <l4/sys/ipc.h>
#include <l4/sys/task.h>
#include <string.h>

const char *error_text(long error) { return l4sys_errtostr(error); }

/* ---- factories ---- */

/* Fractions become their text while no message is being written: making a string may collect garbage, and a capability
 * value that goes sends messages of its own. */
static void prepare_arguments(lua_State *L, int first)
{
    for (int i = first; i <= lua_gettop(L); i++) {
        int exact;
        lua_tointegerx(L, i, &exact);
        if (lua_type(L, i) == LUA_TNUMBER && !exact)
            lua_tostring(L, i);
    }
}

/* Integers, and what can be read as one, are signed words; other strings strings. The list ends where something else
 * comes. */
static void put_arguments(lua_State *L, struct l4re_call *c, int first)
{
    for (int i = first; i <= lua_gettop(L); i++) {
        int exact;
        lua_Integer v = lua_tointegerx(L, i, &exact);
        int type = lua_type(L, i);
        if (type != LUA_TNUMBER && type != LUA_TSTRING)
            return;
        if (exact)
            l4re_wr_varg_int(&c->out, v);
        else
            l4re_wr_varg_str(&c->out, lua_tostring(L, i));
    }
}

/* create(cap, protocol, type, ...): a value, or nil and the error. */
static int sys_create(lua_State *L)
{
    struct cap_value *f = cap_check(L, 1);
    lua_Integer proto = luaL_checkinteger(L, 2);
    int type = (int)luaL_checkinteger(L, 3);
    l4_cap_idx_t slot = cap_slot_new(L);
    struct l4re_call c;

    if (l4_is_invalid_cap(slot)) {
        lua_pushnil(L);
        lua_pushinteger(L, -L4_ENOMEM);
        return 2;
    }
    struct cap_value *v = cap_push(L, slot, RIGHTS_R, type); /* from here on the slot is not lost */
    lua_insert(L, 4);
    prepare_arguments(L, 5);
    l4re_call_start_raw(&c);
    l4re_wr_i64(&c.out, proto);
    put_arguments(L, &c, 5);
    l4re_call_rcv_cap(&c, slot, 0);
    long r = l4re_call(&c, f->slot, L4_PROTO_FACTORY, L4_IPC_NEVER);
    if (r < 0) {
        v->slot = L4_INVALID_CAP;
        l4re_util_cap_free_um(slot);
        lua_pushnil(L);
        lua_pushinteger(L, r);
        return 2;
    }
    lua_pushvalue(L, 4);
    return 1;
}

/* ---- name spaces ---- */

#define RETRY_MS_FIRST 10u
#define RETRY_MS_MOST 160u
#define RETRY_MS_ALL 3600000u
#define NS_PARTLY 0x20

/* One query. *rest: characters at the end of the name that are still to be asked of what came. */
static long ns_query_step(l4_cap_idx_t ns, const char *name, size_t length, l4_cap_idx_t slot, size_t *rest)
{
    struct l4re_call c;
    unsigned left;

    *rest = 0;
    l4re_call_start(&c, 0);
    l4re_wr_name(&c.out, name, (unsigned)length);
    l4re_call_rcv_cap(&c, slot, 0);
    long r = l4re_call(&c, ns, L4RE_PROTO_NAMESPACE, L4_IPC_NEVER);
    if (r < 0 || (r & NS_PARTLY) == 0)
        return r;
    l4re_rd_i32(&c.in);
    l4re_rd_name(&c.in, &left);
    if (c.in.err != 0 || left == 0 || left >= length)
        return -L4_EINVAL;
    *rest = left;
    return 0;
}

/* Asks again while the name is there without an object. */
static long ns_query_wait(l4_cap_idx_t ns, const char *name, size_t length, l4_cap_idx_t slot, size_t *rest)
{
    unsigned pause = RETRY_MS_FIRST, waited = 0;

    for (;;) {
        long r = ns_query_step(ns, name, length, slot, rest);
        if (r != -L4_EAGAIN || waited >= RETRY_MS_ALL)
            return r;
        l4_ipc_sleep_ms(pause);
        waited += pause;
        pause = pause < RETRY_MS_MOST ? 2 * pause : RETRY_MS_MOST;
    }
}

static void slot_move(l4_cap_idx_t from, l4_cap_idx_t to)
{
    l4_task_map(L4RE_THIS_TASK_CAP, L4RE_THIS_TASK_CAP, l4_obj_fpage(from, 0, L4_CAP_FPAGE_RWSD),
                l4_map_obj_control(to, L4_MAP_ITEM_MAP | L4_FPAGE_C_OBJ_RIGHTS));
    l4_task_release_cap(L4RE_THIS_TASK_CAP, from);
}

/* The object of `name` goes to the empty slot. */
static long ns_query(l4_cap_idx_t ns, const char *name, size_t length, l4_cap_idx_t slot)
{
    l4_cap_idx_t directory = L4_INVALID_CAP;
    size_t rest;
    long r;

    for (;;) {
        r = ns_query_wait(ns, name, length, slot, &rest);
        if (r < 0 || rest == 0)
            break;
        if (l4_is_invalid_cap(directory))
            directory = l4re_util_cap_alloc();
        else
            l4_task_release_cap(L4RE_THIS_TASK_CAP, directory);
        if (l4_is_invalid_cap(directory))
            return -L4_ENOMEM;
        slot_move(slot, directory);
        ns = directory;
        name += length - rest;
        length = rest;
    }
    if (l4_is_valid_cap(directory))
        l4re_util_cap_free_um(directory);
    return r;
}

/* query(cap, name, rights, type): a value, or nil and the error. */
static int sys_query(lua_State *L)
{
    struct cap_value *ns = cap_check(L, 1);
    size_t length;
    const char *name = luaL_checklstring(L, 2, &length);
    unsigned rights = (unsigned)luaL_checkinteger(L, 3);
    l4_cap_idx_t slot = cap_slot_new(L);
    long r = l4_is_invalid_cap(slot) ? -L4_ENOMEM : ns_query(ns->slot, name, length, slot);

    if (r < 0) {
        if (l4_is_valid_cap(slot))
            l4re_util_cap_free_um(slot);
        lua_pushnil(L);
        lua_pushinteger(L, r);
        return 2;
    }
    cap_push(L, slot, rights, 0);
    return 1;
}

/* register(cap, name, flags, value) */
static int sys_register(lua_State *L)
{
    struct cap_value *ns = cap_check(L, 1), *v = cap_check(L, 4);
    size_t length;
    const char *name = luaL_checklstring(L, 2, &length);
    struct l4re_call c;

    l4re_call_start(&c, 1);
    l4re_wr_u32(&c.out, (l4_uint32_t)luaL_checkinteger(L, 3));
    l4re_wr_name(&c.out, name, (unsigned)length);
    l4re_wr_cap(&c.out, v->slot, v->rights);
    lua_pushinteger(L, l4re_call(&c, ns->slot, L4RE_PROTO_NAMESPACE, L4_IPC_NEVER));
    return 1;
}

static int sys_unlink(lua_State *L)
{
    struct cap_value *ns = cap_check(L, 1);
    size_t length;
    const char *name = luaL_checklstring(L, 2, &length);
    struct l4re_call c;

    l4re_call_start(&c, 3);
    l4re_wr_name(&c.out, name, (unsigned)length);
    lua_pushinteger(L, l4re_call(&c, ns->slot, L4RE_PROTO_NAMESPACE, L4_IPC_NEVER));
    return 1;
}

long request_path(const char *path, l4_cap_idx_t *slot)
{
    const char *slash = strchr(path, '/');
    size_t first = slash != NULL ? (size_t)(slash - path) : strlen(path);
    const l4re_env_cap_entry_t *e = first > 0 ? l4re_env_get_cap_l(path, (unsigned)first, l4re_env()) : NULL;

    if (e == NULL)
        return -L4_ENOENT;
    *slot = l4re_util_cap_alloc();
    if (l4_is_invalid_cap(*slot))
        return -L4_ENOMEM;
    long r = slash != NULL ? ns_query(e->cap, slash + 1, strlen(slash + 1), *slot) : -L4_ENOENT;
    if (r < 0)
        l4re_util_cap_free_um(*slot);
    return r;
}

/* ---- other interfaces ---- */

/* meta(cap): protocol and type name of interface 0, or nil. */
static int sys_meta(lua_State *L)
{
    struct cap_value *v = cap_check(L, 1);
    struct l4re_call c;

    l4re_call_start(&c, 1);
    l4re_wr_u64(&c.out, 0);
    long r = l4re_call(&c, v->slot, L4_PROTO_META, L4_IPC_NEVER);
    if (r < 0)
        return 0;
    lua_Integer proto = l4re_rd_i64(&c.in);
    const char *name = l4re_rd_string(&c.in);
    if (c.in.err != 0)
        return 0;
    lua_pushinteger(L, proto);
    lua_pushstring(L, name);
    return 2;
}

/* platform(cap, operation, argument): result. Operations: 0 suspend, 1 shut down. */
static int sys_platform(lua_State *L)
{
    struct cap_value *v = cap_check(L, 1);
    struct l4re_call c;

    l4re_call_start_raw(&c);
    l4re_wr_i64(&c.out, luaL_checkinteger(L, 2));
    l4re_wr_i64(&c.out, luaL_checkinteger(L, 3));
    lua_pushinteger(L, l4re_call(&c, v->slot, 0, L4_IPC_NEVER));
    return 1;
}

static int sys_debug(lua_State *L)
{
    struct cap_value *v = cap_check(L, 1);
    struct l4re_call c;

    l4re_call_start_raw(&c);
    l4re_wr_i64(&c.out, luaL_checkinteger(L, 2));
    lua_pushinteger(L, l4re_call(&c, v->slot, L4RE_PROTO_DEBUG, L4_IPC_NEVER));
    return 1;
}

static int sys_error_text(lua_State *L)
{
    lua_pushstring(L, error_text((long)luaL_checkinteger(L, 1)));
    return 1;
}

void request_open(lua_State *L, int sys)
{
    static const luaL_Reg functions[] = {
        {"create", sys_create}, {"query", sys_query}, {"register", sys_register}, {"unlink", sys_unlink},
        {"meta", sys_meta}, {"platform", sys_platform}, {"debug", sys_debug}, {"error_text", sys_error_text},
        {NULL, NULL},
    };

    lua_pushvalue(L, sys);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
