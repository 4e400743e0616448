/* SPDX-License-Identifier: MIT */
/*
 * Capability values. A value is one reference to a slot; other values with other rights may share it. The last one
 * empties the slot (the object lives on if anybody else has a counted capability). What methods a value has is decided
 * in policy.lua.
 */
#include "ned.h"

#define META "l4.cap"

struct cap_value *cap_push(lua_State *L, l4_cap_idx_t slot, unsigned rights, int type)
{
    struct cap_value *c = lua_newuserdatauv(L, sizeof *c, 0);

    c->slot = slot;
    c->rights = (unsigned char)rights;
    c->type = (short)type;
    luaL_setmetatable(L, META);
    return c;
}

/* Values that nobody uses any more hold their slots until they are collected. */
l4_cap_idx_t cap_slot_new(lua_State *L)
{
    l4_cap_idx_t slot = l4re_util_cap_alloc();

    if (l4_is_invalid_cap(slot)) {
        lua_gc(L, LUA_GCCOLLECT);
        slot = l4re_util_cap_alloc();
    }
    return slot;
}

struct cap_value *cap_test(lua_State *L, int index) { return luaL_testudata(L, index, META); }
struct cap_value *cap_check(lua_State *L, int index) { return luaL_checkudata(L, index, META); }

struct cap_value *cap_field(lua_State *L, int table, const char *name)
{
    lua_getfield(L, table, name);
    struct cap_value *c = cap_test(L, -1);
    lua_pop(L, 1); /* the table keeps it */
    return c;
}

static int cap_gc(lua_State *L)
{
    struct cap_value *c = cap_check(L, 1);

    l4re_caps_drop(l4re_util_caps(), c->slot);
    c->slot = L4_INVALID_CAP;
    return 0;
}

static int cap_newindex(lua_State *L)
{
    return luaL_error(L, "a capability has no field '%s' to set", luaL_tolstring(L, 2, NULL));
}

static int sys_is_cap(lua_State *L)
{
    lua_pushboolean(L, cap_test(L, 1) != NULL);
    return 1;
}

static int sys_is_valid(lua_State *L)
{
    struct cap_value *c = cap_check(L, 1);

    lua_pushboolean(L, l4_is_valid_cap(c->slot)); /* whether the object still lives is another question */
    return 1;
}

static int sys_cap_get(lua_State *L)
{
    struct cap_value *c = cap_check(L, 1);

    lua_pushinteger(L, (lua_Integer)c->slot);
    lua_pushinteger(L, c->rights);
    lua_pushinteger(L, c->type);
    return 3;
}

static int sys_cap_with(lua_State *L)
{
    struct cap_value *c = cap_check(L, 1);
    unsigned rights = (unsigned)luaL_checkinteger(L, 2);
    int type = (int)luaL_checkinteger(L, 3);

    cap_push(L, c->slot, rights & 0xffu, type);
    l4re_caps_take(l4re_util_caps(), c->slot);
    return 1;
}

static int sys_cap_set_type(lua_State *L)
{
    cap_check(L, 1)->type = (short)luaL_checkinteger(L, 2);
    return 0;
}

/* __index and __tostring are functions of policy.lua, set once it has run. */
static int sys_cap_methods(lua_State *L)
{
    luaL_getmetatable(L, META);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "__tostring");
    return 0;
}

void cap_open(lua_State *L, int sys)
{
    static const luaL_Reg functions[] = {
        {"is_cap", sys_is_cap}, {"is_valid", sys_is_valid}, {"cap_get", sys_cap_get}, {"cap_with", sys_cap_with},
        {"cap_set_type", sys_cap_set_type}, {"cap_methods", sys_cap_methods}, {NULL, NULL},
    };

    luaL_newmetatable(L, META);
    lua_pushcfunction(L, cap_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, cap_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "capability");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lua_pushvalue(L, sys);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
