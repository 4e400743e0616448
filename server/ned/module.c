/* SPDX-License-Identifier: MIT */
/* The C half of module "L4": constants, our own capabilities, what can be known about the machine, sleep. */
#include "ned.h"
#include <l4/kip.h>
#include <l4/re/consts.h>
#include <l4/sys/ipc.h>
#include <l4/sys/kip.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

struct constant {
    const char *name;
    lua_Integer value;
};

static const struct constant proto[] = {
    {"Dataspace", 0x4000}, {"Namespace", 0x4001}, {"Goos", 0x4003}, {"Mem_alloc", 0x4004}, {"Rm", 0x4005},
    {"Event", 0x4006}, {"Inhibitor", 0x4007}, {"Sigma0", -6}, {"Log", -13}, {"Scheduler", -14}, {"Factory", -15},
    {"Vm", -16}, {"Dma_space", -17}, {"Irq_sender", -18}, {"Semaphore", -20}, {"Iommu", -22}, {"Ipc_gate", 0},
    {NULL, 0},
};
static const struct constant rights[] = {
    {"s", 2}, {"w", 1}, {"r", 4}, {"d", 8}, {"n", 16}, {"c", 32}, {"ro", 4}, {"rw", 5}, {"rws", 7}, {NULL, 0},
};
static const struct constant ldr_flags[] = {{"eager_map", 1}, {"all_segs_cow", 2}, {"pinned_segs", 4}, {NULL, 0}};
static const struct constant mem_flags[] = {{"Continuous", 1}, {"Pinned", 2}, {"Super_pages", 4}, {NULL, 0}};
static const struct constant dbg[] = {
    {"Info", 1}, {"Warn", 2}, {"Boot", 4}, {"Server", 0x10}, {"Exceptions", 0x20}, {"Cmd_line", 0x40}, {"Loader", 0x80},
    {"Name_space", 0x400}, {"All", 0xffffffff}, {NULL, 0},
};

static void constants(lua_State *L, int table, const char *name, const struct constant *list)
{
    lua_newtable(L);
    for (; list->name != NULL; list++) {
        lua_pushinteger(L, list->value);
        lua_setfield(L, -2, list->name);
    }
    lua_setfield(L, table, name);
}

/* ---- Env ---- */

static void env_cap(lua_State *L, const char *name, l4_cap_idx_t cap)
{
    if (l4_is_invalid_cap(cap))
        return;
    cap_push(L, cap, RIGHTS_RWS, 0);
    lua_setfield(L, -2, name);
}

/* Named capabilities last: a name that is also a standard one means the named one. */
static void env_table(lua_State *L, int table)
{
    const l4re_env_t *e = l4re_env();

    lua_newtable(L);
    env_cap(L, "parent", e->parent);
    env_cap(L, "mem_alloc", e->mem_alloc);
    lua_getfield(L, -1, "mem_alloc");
    lua_setfield(L, -2, "user_factory"); /* the very same value */
    env_cap(L, "rm", e->rm);
    env_cap(L, "log", e->log);
    env_cap(L, "factory", e->factory);
    env_cap(L, "scheduler", e->scheduler);
    for (const l4re_env_cap_entry_t *c = e->caps; c != NULL && c->flags != ~0ul; c++) {
        char name[sizeof c->name + 1] = {0};
        memcpy(name, c->name, sizeof c->name);
        env_cap(L, name, c->cap);
    }
    lua_setfield(L, table, "Env");
}

/* ---- Info ---- */

static int info_arch(lua_State *L)
{
    lua_pushliteral(L, "amd64");
    return 1;
}

static int info_bits(lua_State *L)
{
    lua_pushinteger(L, 64);
    return 1;
}

static const struct l4_kip *kip(void) { return (const struct l4_kip *)l4re_kip(); }

static int info_platform(lua_State *L)
{
    char name[sizeof kip()->platform + 1] = {0};

    if (kip() != NULL)
        memcpy(name, kip()->platform, sizeof kip()->platform);
    lua_pushstring(L, name);
    return 1;
}

/* The version string, then the names of the kernel's features, separated by blanks. */
static int info_kip_str(lua_State *L)
{
    luaL_Buffer b;
    const char *s = kip() != NULL ? (const char *)kip() + kip()->strings_offset * 16u : "";

    luaL_buffinit(L, &b);
    for (; *s != 0; s += strlen(s) + 1) {
        if (luaL_bufflen(&b) > 0)
            luaL_addchar(&b, ' ');
        luaL_addstring(&b, s);
    }
    luaL_pushresult(&b);
    return 1;
}

static void info_table(lua_State *L, int table)
{
    static const luaL_Reg info[] = {
        {"arch", info_arch}, {"mword_bits", info_bits}, {"platform", info_platform}, {NULL, NULL},
    };

    luaL_newlib(L, info);
    lua_newtable(L);
    lua_pushcfunction(L, info_kip_str);
    lua_setfield(L, -2, "str");
    lua_setfield(L, -2, "Kip");
    lua_setfield(L, table, "Info");
}

/* ---- sleep ---- */

#define MS_MAX 0x7fffffff

static int sleep_ms(lua_State *L, lua_Number ms, const char *text)
{
    if (!(ms > 0))
        return 0;
    if (ms > MS_MAX)
        return luaL_error(L, "cannot sleep that long");
    printf("ned: sleeping %s\n", text);
    fflush(stdout);
    l4_ipc_sleep_ms((l4_uint32_t)ms);
    return 0;
}

static int ned_sleep(lua_State *L)
{
    lua_Number s = luaL_optnumber(L, 1, 0);

    return sleep_ms(L, s * 1000, lua_pushfstring(L, "%f seconds", s));
}

static int ned_msleep(lua_State *L)
{
    lua_Number ms = luaL_optnumber(L, 1, 0);

    return sleep_ms(L, ms, lua_pushfstring(L, "%f milliseconds", ms));
}

static int sys_tointeger(lua_State *L)
{
    int exact = 0;
    lua_Integer v = lua_isnone(L, 1) ? 0 : lua_tointegerx(L, 1, &exact);

    if (exact)
        lua_pushinteger(L, v);
    else
        lua_pushnil(L);
    return 1;
}

static int sys_read_file(lua_State *L)
{
    struct file f;
    long r = file_open(luaL_checkstring(L, 1), &f);

    if (r < 0)
        return 0;
    lua_pushlstring(L, f.data, f.size);
    file_close(&f);
    return 1;
}

/* ---- putting it together ---- */

void ned_chunk_run(lua_State *L, const char *name, const char *text, size_t size, int args, int results)
{
    if (luaL_loadbufferx(L, text, size, name, "t") != LUA_OK)
        lua_error(L);
    lua_insert(L, -1 - args);
    lua_call(L, args, results);
}

/* Called by require("L4"): leaves the module table. */
int ned_module_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"sleep", ned_sleep}, {"msleep", ned_msleep}, {NULL, NULL}};
    static const luaL_Reg primitives[] = {{"tointeger", sys_tointeger}, {"read_file", sys_read_file}, {NULL, NULL}};

    lua_settop(L, 0);
    lua_newtable(L);           /* 1: the module */
    lua_newtable(L);           /* 2: primitives for policy.lua */
    luaL_setfuncs(L, primitives, 0);
    cap_open(L, 2);
    request_open(L, 2);
    spawn_open(L, 2);
    process_open(L, 2);
    console_open(L, 2);
    lua_pushvalue(L, 1);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
    constants(L, 1, "Proto", proto);
    constants(L, 1, "Rights", rights);
    constants(L, 1, "Ldr_flags", ldr_flags);
    constants(L, 1, "Mem_alloc_flags", mem_flags);
    constants(L, 1, "Dbg", dbg);
    env_table(L, 1);
    info_table(L, 1);
    lua_pushvalue(L, 1);
    int r = events_open(L, 1);
    lua_pop(L, 1);
    if (r < 0)
        return luaL_error(L, "no event loop: %s (%d)", error_text(r), r);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    ned_chunk_run(L, "=policy", policy_lua, (size_t)(policy_lua_end - policy_lua), 2, 0);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    ned_chunk_run(L, "=prompt", prompt_lua, (size_t)(prompt_lua_end - prompt_lua), 2, 0);
    lua_settop(L, 1);
    return 1;
}
