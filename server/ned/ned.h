/* SPDX-License-Identifier: MIT */
/*
 * Ned: the Lua init program. C supplies capability values, process objects and waiting; policy.lua and prompt.lua hold
 * everything that can be said in Lua. One Lua state, used by the main thread alone.
 *
 *   main.c     command line, the script, how the program ends
 *   module.c   the C half of module "L4": constants, Env, Info, sleep
 *   cap.c      capability values: a slot, transfer rights, a type number
 *   request.c  what a capability can be asked from Lua: factories, name spaces, Meta
 *   file.c     files of a name space as memory
 *   spawn.c    starting a program (lib/loader does the work)
 *   process.c  process objects; the parent thread, to which programs report their end
 *   events.c   what the main thread waits for: ended programs, keys, commands
 *   console.c  keys from the console for the line editor (lib/edit)
 *   policy.lua prompt.lua  embedded by embed.S
 */
#pragma once
#include <edit/edit.h>
#include <lua.h>
#include <lauxlib.h>
#include <l4/re/caps.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/env.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <l4/re/srv.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- embed.S ---- */
extern const char policy_lua[], policy_lua_end[], prompt_lua[], prompt_lua_end[];

/* ---- module.c ---- */
int ned_module_open(lua_State *L); /* loader of module "L4" */
void ned_chunk_run(lua_State *L, const char *name, const char *text, size_t size, int args, int results);

/* ---- cap.c ---- */
struct cap_value {
    l4_cap_idx_t slot;   /* counted in l4re_util_caps() when it is one of its slots */
    unsigned char rights; /* for whoever it is given to: R 4, W 1, S 2, D 8, attributes in bits 4-7 */
    short type;          /* number of a type in policy.lua; 0: not known yet */
};
#define RIGHTS_RWS 7u
#define RIGHTS_R 4u
void cap_open(lua_State *L, int sys); /* adds its functions to the table at stack index sys */
/* Pushes a value; it takes over one count of the slot. */
struct cap_value *cap_push(lua_State *L, l4_cap_idx_t slot, unsigned rights, int type);
l4_cap_idx_t cap_slot_new(lua_State *L); /* a fresh slot, or L4_INVALID_CAP */
struct cap_value *cap_test(lua_State *L, int index); /* or NULL */
struct cap_value *cap_check(lua_State *L, int index); /* or a Lua error */
/* Field of the table at stack index table as a value, or NULL when it is absent. */
struct cap_value *cap_field(lua_State *L, int table, const char *name);

/* ---- request.c ---- */
void request_open(lua_State *L, int sys);
/* Resolves "capability/path" to a fresh slot: 0 or a negative error. */
long request_path(const char *path, l4_cap_idx_t *slot);
const char *error_text(long error);

/* ---- file.c ---- */
struct file {
    const void *data;
    size_t size;
    l4_cap_idx_t ds;
};
long file_open(const char *path, struct file *f);
void file_close(struct file *f);

/* ---- spawn.c, process.c ---- */
struct process;
void spawn_open(lua_State *L, int sys);
void process_open(lua_State *L, int sys);
/* Pushes the object and gives it the task; task, thread and rm are counted slots that it owns from now on. */
struct process *process_new(lua_State *L);
l4_cap_idx_t process_gate(const struct process *p);
void process_slots(struct process *p, l4_cap_idx_t **task, l4_cap_idx_t **thread, l4_cap_idx_t **rm);
void process_running(struct process *p);
void process_failed(struct process *p); /* the start did not work: gives everything back */
long process_server_start(void);        /* before anything else takes a UTCB */
void process_notice(lua_State *L);      /* programs that have ended become zombies, their handlers run */
bool process_any_running(void);
long process_status(void);              /* first status that was not 0 */
void process_end_wait(void);            /* blocks until a program ends */

/* ---- events.c ---- */
int events_open(lua_State *L, int sys);
extern struct l4re_srv events;
void events_loop(lua_State *L);         /* until something came that its caller may look at */
l4_cap_idx_t events_end_irq(void);      /* the parent thread triggers it */
long events_keys_bind(l4_cap_idx_t console); /* keys of the console end events_loop() */
void events_keys_unbind(l4_cap_idx_t console); /* others may wait for keys */

/* ---- console.c ---- */
void console_open(lua_State *L, int sys);
