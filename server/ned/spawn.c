/* SPDX-License-Identifier: MIT */
/*
 * Starting a program: from the table that policy.lua prepared to a plan for lib/loader, whose memory is made and
 * attached by messages to the program's own memory allocator and region map.
 */
#include "ned.h"
#include <l4/re/c/dataspace.h>
#include <l4/re/c/mem_alloc.h>
#include <l4/re/c/rm.h>
#include <l4/sys/factory.h>
#include <loader/task.h>
#include <region/region.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_SIZE 0x10000u
#define UTCB_ORDER L4_PAGESHIFT

struct context {
    l4_cap_idx_t mem, rm, kip;
    const struct file *service;
    unsigned long memory_flags;
};

/* ---- how memory is made and attached ---- */

static long memory_new(void *context, word_t size, void **handle)
{
    struct context *c = context;
    l4_cap_idx_t ds = l4re_util_cap_alloc();

    if (l4_is_invalid_cap(ds))
        return -L4_ENOMEM;
    long r = l4re_ma_alloc_align_srv(c->mem, (long)size, ds, c->memory_flags, 0);
    if (r < 0) {
        l4re_util_cap_free_um(ds);
        return r;
    }
    *handle = (void *)ds;
    return 0;
}

static void memory_end(void *context, void *handle)
{
    (void)context;
    l4re_util_cap_free_um((l4_cap_idx_t)handle);
}

static long memory_write(void *context, void *handle, word_t offset, const void *data, word_t size)
{
    word_t first = l4_trunc_page(offset);
    void *at = NULL;

    (void)context;
    long r = l4re_rm_attach(&at, offset + size - first, L4RE_RM_F_SEARCH_ADDR | L4RE_RM_F_RW, (l4_cap_idx_t)handle,
                            first, L4_PAGESHIFT);
    if (r < 0)
        return r;
    memcpy((char *)at + (offset - first), data, size);
    l4re_rm_detach(at);
    return 0;
}

static long memory_copy(void *context, void *handle, word_t offset, word_t file_offset, word_t size)
{
    const struct context *c = context;

    return l4re_ds_copy_in((l4_cap_idx_t)handle, offset, c->service->ds, file_offset, size);
}

static long attach_any(const struct context *c, l4_cap_idx_t ds, word_t offset, word_t start, word_t size,
                       unsigned flags, const char *name)
{
    void *at = (void *)start;

    return l4re_rm_attach_w_info_srv(c->rm, &at, size, flags, ds, offset, L4_PAGESHIFT, name, 0);
}

static long attach(void *context, void *handle, word_t start, word_t size, unsigned flags, const char *name)
{
    return attach_any(context, handle != NULL ? (l4_cap_idx_t)handle : L4_INVALID_CAP, 0, start, size, flags, name);
}

static long attach_file(void *context, word_t file_offset, word_t start, word_t size, unsigned flags, const char *name)
{
    const struct context *c = context;

    return attach_any(c, c->service->ds, file_offset, start, size, flags, name);
}

static long attach_kip(void *context, word_t start, word_t size, unsigned flags, const char *name)
{
    const struct context *c = context;

    return attach_any(c, c->kip, 0, start, size, flags, name);
}

static long reserve(void *context, word_t start, word_t size)
{
    const struct context *c = context;
    l4_addr_t at = start;

    return l4re_rm_reserve_area_srv(c->rm, &at, size, L4RE_RM_F_RESERVED, L4_PAGESHIFT);
}

static const struct loader_ops ops = {
    memory_new, memory_write, memory_copy, memory_end, attach, attach_file, attach_kip, reserve,
};

/* ---- from the table to the plan ---- */

static lua_Integer number_field(lua_State *L, const char *name, lua_Integer missing)
{
    lua_getfield(L, 1, name);
    lua_Integer v = luaL_optinteger(L, -1, missing);

    lua_pop(L, 1);
    return v;
}

static const char *string_field(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
    const char *s = luaL_checkstring(L, -1);

    lua_pop(L, 1); /* the table keeps it */
    return s;
}

/* A list of strings as an array that lies on the Lua stack. */
static const char **string_list(lua_State *L, const char *name, unsigned *count)
{
    lua_getfield(L, 1, name);
    lua_Unsigned n = lua_rawlen(L, -1);
    const char **list = lua_newuserdatauv(L, (n + 1) * sizeof *list, 0);

    for (lua_Unsigned i = 0; i < n; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        list[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    list[n] = NULL;
    *count = (unsigned)n;
    return list;
}

static struct loader_cap cap_standard(const struct cap_value *c)
{
    return (struct loader_cap){NULL, c != NULL ? c->slot : L4_INVALID_CAP, L4_CAP_FPAGE_RWS, 0};
}

/* Rows { name, value } as an array that lies on the Lua stack. */
static struct loader_cap *cap_list(lua_State *L, unsigned *count)
{
    lua_getfield(L, 1, "caps");
    lua_Unsigned n = lua_rawlen(L, -1);
    struct loader_cap *list = lua_newuserdatauv(L, (n + 1) * sizeof *list, 0);

    for (lua_Unsigned i = 0; i < n; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        const struct cap_value *c = cap_check(L, -1);
        list[i] = (struct loader_cap){luaL_checkstring(L, -2), c->slot, c->rights & 15u, c->rights & 0xf0u};
        lua_pop(L, 3);
    }
    *count = (unsigned)n;
    return list;
}

static void plan_fill(lua_State *L, struct loader_plan *p, struct context *c, const struct file *service)
{
    const struct cap_value *rm = cap_field(L, 1, "rm"), *mem = cap_field(L, 1, "mem");

    p->ops = &ops;
    p->context = c;
    p->binary = string_field(L, "binary");
    p->args = string_list(L, "argv", &p->arg_count);
    p->envs = string_list(L, "env", &p->env_count);
    p->caps = cap_list(L, &p->cap_count);
    p->loader_flags = (unsigned)number_field(L, "ldr_flags", 0);
    p->debug_level = (unsigned)number_field(L, "l4re_dbg", 0);
    p->base = (word_t)number_field(L, "base", -1);
    p->utcb_order = UTCB_ORDER;
    p->service = service->data;
    p->service_size = service->size;
    p->service_name = p->binary; /* the root task names the program by it when the service itself fails */
    p->factory = cap_standard(cap_field(L, 1, "factory"));
    p->kernel_factory = p->factory.cap;
    p->run_scheduler = L4_INVALID_CAP;
    p->scheduler = cap_standard(cap_field(L, 1, "scheduler"));
    p->log = cap_standard(cap_field(L, 1, "log"));
    p->dbg_events = cap_standard(cap_field(L, 1, "dbg_events"));
    p->rm = cap_standard(rm);
    p->mem_alloc = cap_standard(mem);
    p->kip = (struct loader_cap){NULL, c->kip, L4_CAP_FPAGE_RWS, 0};
    c->service = service;
    c->rm = rm->slot;
    c->mem = mem->slot;
    c->memory_flags = (p->loader_flags & LOADER_PINNED) != 0 ? L4RE_MA_PINNED : 0;
}

/* ---- the in-task service's file: the last one stays open ---- */

static struct file service;
static char *service_path;

static long service_open(const char *path)
{
    if (service_path != NULL && strcmp(service_path, path) == 0)
        return 0;
    struct file f;
    long r = file_open(path, &f);
    if (r < 0)
        return r;
    if (service_path != NULL)
        file_close(&service);
    free(service_path);
    service = f;
    service_path = strdup(path);
    return 0;
}

/* ---- Lua ---- */

static int failed(lua_State *L, const char *what, long error)
{
    lua_pushnil(L);
    lua_pushfstring(L, "could not create process: %s: %s (%d)", what, error_text(error), (int)error);
    return 2;
}

/* With less the in-task service could not even say what is wrong: it would stop at a page that nobody supplies. */
#define MEMORY_LEAST 0x14000u

static int too_small(lua_State *L, const char *what, lua_Integer least)
{
    lua_pushnil(L);
    lua_pushfstring(L, "could not create process: the quota of %s is too small: at least %I bytes must be left (%d)",
                    what, (LUAI_UACINT)least, -L4_ENOMEM);
    return 2;
}

/* A kernel factory does not tell what it has left; but it makes no smaller factory of more than that. */
#define KERNEL_LEAST 0x16000u

static int kernel_memory_too_small(lua_State *L, l4_cap_idx_t factory)
{
    l4_cap_idx_t slot = cap_slot_new(L);

    if (l4_is_invalid_cap(slot))
        return 0;
    long r = l4_error(l4_factory_create_factory(factory, slot, KERNEL_LEAST));
    l4re_util_cap_free_um(slot);
    return r == -L4_ENOMEM ? too_small(L, "its kernel factory", KERNEL_LEAST) : 0;
}

static int memory_too_small(lua_State *L, l4_cap_idx_t mem)
{
    l4re_ma_stats_t s;

    if (l4re_ma_info_srv(mem, &s) < 0 || s.quota_limit == 0 || s.quota_limit == ~0ul)
        return 0; /* no quota, or an allocator that does not tell */
    return s.quota_limit - s.quota_used < MEMORY_LEAST ? too_small(L, "its memory allocator", MEMORY_LEAST) : 0;
}

/* spawn{...}: the process object, or nil and what went wrong. */
static int sys_spawn(lua_State *L)
{
    struct context context = {.kip = (l4_cap_idx_t)LOADER_SLOT_KIP << L4_CAP_SHIFT};
    struct loader_plan plan = {0};
    struct loader_problem problem;
    l4_cap_idx_t *task, *thread, *rm;

    luaL_checktype(L, 1, LUA_TTABLE);
    const char *path = string_field(L, "l4re");
    long r = service_open(path);
    if (r < 0)
        return failed(L, path, r);
    plan_fill(L, &plan, &context, &service);
    int results = memory_too_small(L, context.mem);
    if (results == 0)
        results = kernel_memory_too_small(L, plan.factory.cap);
    if (results > 0)
        return results;
    struct process *p = process_new(L);
    process_slots(p, &task, &thread, &rm);
    plan.parent = (struct loader_cap){NULL, process_gate(p), L4_CAP_FPAGE_RWS, 0};
    plan.task = *task;
    plan.thread = *thread;
    plan.scratch = malloc(SCRATCH_SIZE);
    plan.scratch_size = SCRATCH_SIZE;
    *rm = context.rm;
    l4re_caps_take(l4re_util_caps(), *rm);
    process_running(p);
    r = plan.scratch != NULL ? loader_start(&plan, &problem) : -L4_ENOMEM;
    free(plan.scratch);
    if (r >= 0)
        return 1;
    process_failed(p);
    if (plan.scratch == NULL)
        return failed(L, "stack contents", r);
    if (problem.elf.fault != ELF_FINE) {
        char line[200];
        struct text t;
        text_start(&t, line, sizeof line);
        elf_problem_text(&problem.elf, &t);
        lua_pushnil(L);
        lua_pushfstring(L, "could not create process: %s: %s (%d)", path, line, (int)r);
        return 2;
    }
    return failed(L, problem.step, r);
}

void spawn_open(lua_State *L, int sys)
{
    lua_pushcfunction(L, sys_spawn);
    lua_setfield(L, sys, "spawn");
}
