/* SPDX-License-Identifier: MIT */
/*
 * Ned's command line, the script, and how the program ends.
 *
 *   ned [--exit | --wait-and-exit] [-e STATEMENT | --execute STATEMENT]... [SCRIPT [ARGUMENTS]]
 *
 * Without a script there is the prompt. Afterwards the loop runs: for ever, with --exit not at all, with --wait-
 * and-exit until every program that was started has ended. Exit status: 1 when the script failed, else the first
 * status of a program that was not 0.
 */
#include "ned.h"
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum ending { FOR_EVER, AT_ONCE, AFTER_LAST };

static struct {
    enum ending ending;
    int failed;
} ned;

/* ---- errors ---- */

/* Errors of factories are tables { msg, code }. */
static const char *message(lua_State *L)
{
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "msg");
        if (lua_isstring(L, -1))
            return lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    return luaL_tolstring(L, -1, NULL);
}

static void report(lua_State *L)
{
    fflush(stdout);
    lua_writestringerror("lua error: %s\n", message(L));
    lua_settop(L, 0);
    ned.failed = 1;
}

/* ---- Lua ---- */

/* _G.L4 without a key of that name: scripts may leave out `local L4 =`, and the prompt needs no require at all. */
static int global_index(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "L4") != 0)
        return 0;
    lua_getglobal(L, "require");
    lua_pushliteral(L, "L4");
    lua_call(L, 1, 1);
    return 1;
}

static void libraries_open(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base}, {LUA_LOADLIBNAME, luaopen_package}, {LUA_TABLIBNAME, luaopen_table},
        {LUA_IOLIBNAME, luaopen_io}, {LUA_STRLIBNAME, luaopen_string}, {LUA_DBLIBNAME, luaopen_debug}, {NULL, NULL},
    };

    for (const luaL_Reg *l = libraries; l->func != NULL; l++) {
        luaL_requiref(L, l->name, l->func, 1);
        lua_pop(L, 1);
    }
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, ned_module_open);
    lua_setfield(L, -2, "L4");
    lua_pop(L, 1);
    lua_getglobal(L, "package");
    lua_pushliteral(L, "rom/?.lua;rom/?");
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, ""); /* there is nothing to load C modules from */
    lua_setfield(L, -2, "cpath");
    lua_pop(L, 1);
    lua_pushglobaltable(L);
    lua_newtable(L);
    lua_pushcfunction(L, global_index);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

/* The event loop belongs to the module: it is opened in any case. */
static int module_open(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "L4");
    lua_call(L, 1, 0);
    return 0;
}

static void statement_run(lua_State *L, const char *text)
{
    if (luaL_loadbufferx(L, text, strlen(text), "=command line", "t") != LUA_OK || lua_pcall(L, 0, 0, 0) != LUA_OK)
        report(L);
}

static void prompt_run(lua_State *L)
{
    statement_run(L, "require('L4').prompt()");
    printf("ned: the prompt has ended; programs go on\n");
    fflush(stdout);
}

static void script_run(lua_State *L, const char *path)
{
    struct file f;

    printf("ned: loading '%s'\n", path);
    fflush(stdout);
    long r = file_open(path, &f);
    if (r < 0) {
        lua_pushfstring(L, "cannot open '%s': %s (%d)", path, r == -L4_ENOENT ? "no such file" : error_text(r), (int)r);
        report(L);
        return;
    }
    lua_pushfstring(L, "@%s", path);
    int e = luaL_loadbufferx(L, f.data, f.size, lua_tostring(L, -1), "bt");
    file_close(&f);
    if (e != LUA_OK || lua_pcall(L, 0, 0, 0) != LUA_OK)
        report(L);
}

static void arguments_set(lua_State *L, int argc, char **argv)
{
    lua_createtable(L, argc, 1);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setglobal(L, "arg");
}

/* ---- the loop afterwards ---- */

static int loop_step(lua_State *L)
{
    events_loop(L);
    return 0;
}

static void loop(lua_State *L)
{
    for (;;) {
        process_notice(L);
        if (ned.ending == AFTER_LAST && !process_any_running())
            return;
        lua_pushcfunction(L, loop_step);
        if (lua_pcall(L, 0, 0, 0) != LUA_OK)
            report(L);
    }
}

/* ---- command line ---- */

static int usage(const char *what)
{
    fprintf(stderr, "lua error: ned: %s\n"
            "usage: ned [--exit | --wait-and-exit] [-e STATEMENT]... [SCRIPT [ARGUMENTS]]\n", what);
    return 1;
}

static int options_run(lua_State *L, int argc, char **argv, int *at)
{
    int i = 1;

    if (i < argc && strcmp(argv[i], "--exit") == 0) {
        ned.ending = AT_ONCE;
        i++;
    } else if (i < argc && strcmp(argv[i], "--wait-and-exit") == 0) {
        ned.ending = AFTER_LAST;
        i++;
    }
    while (i < argc && argv[i][0] == '-') {
        if (strcmp(argv[i], "-e") != 0 && strcmp(argv[i], "--execute") != 0)
            return usage("unknown option (--exit and --wait-and-exit must come first)");
        if (i + 1 >= argc)
            return usage("-e needs a statement");
        statement_run(L, argv[i + 1]);
        i += 2;
    }
    *at = i;
    return 0;
}

int main(int argc, char **argv)
{
    int at = 1;
    long r = process_server_start();

    if (r < 0) {
        fprintf(stderr, "lua error: ned: the parent thread does not start: %s (%ld)\n", error_text(r), r);
        return 1;
    }
    lua_State *L = luaL_newstate();
    if (L == NULL) {
        fprintf(stderr, "lua error: ned: no memory for Lua\n");
        return 1;
    }
    printf("ned: Lua init, %s\n", LUA_VERSION);
    libraries_open(L);
    lua_pushcfunction(L, module_open);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        report(L);
        return 1;
    }
    if (options_run(L, argc, argv, &at) != 0)
        return 1;
    if (at < argc) {
        arguments_set(L, argc - at, argv + at);
        script_run(L, argv[at]);
    } else {
        arguments_set(L, 0, argv);
        prompt_run(L);
    }
    if (ned.ending != AT_ONCE)
        loop(L);
    fflush(NULL);
    return ned.failed ? 1 : (int)process_status();
}
