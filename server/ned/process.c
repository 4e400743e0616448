/* SPDX-License-Identifier: MIT */
/*
 * Programs that were started, and the parent thread to which they report their end.
 *
 *   initializing -> running   process_running        by spawn.c
 *   running      -> zombie    process_notice         the main thread's loop finds `ended`
 *   running      -> gone      kill, wait             wait passes through zombie
 *   zombie       -> gone      wait, kill
 *
 * The parent thread has no C library state (no thread pointer): it does IPC and touches `ended`, `code` and the
 * slots of a process that has not ended, nothing else.
 *
 * P1  `ended` is written by the parent thread, once, after it has destroyed the task; then the slots are empty.
 * P2  A gate's label is the address of its process. Before a process is freed its gate is deleted and the parent thread
 *     has answered one more message: what it was doing with the label is over.
 */
#include "ned.h"
#include <l4/re/consts.h>
#include <l4/sys/factory.h>
#include <l4/sys/irq.h>
#include <l4/sys/scheduler.h>
#include <l4/sys/task.h>
#include <l4/sys/thread.h>
#include <l4/sys/utcb.h>
#include <stdatomic.h>
#include <stdlib.h>

#define META "l4.process"
#define PRIO_PARENT 0xf1
#define NO_FUNCTION LUA_NOREF

enum state { INITIALIZING, RUNNING, ZOMBIE, GONE };

struct process {
    struct process *next;
    enum state state;
    int handler;  /* registry reference of the exit handler */
    bool held;    /* a Lua object points here */
    l4_cap_idx_t gate, task, thread, rm;
    _Atomic int ended;
    l4_umword_t code;
} __attribute__((aligned(16)));

struct handle { /* what Lua holds */
    struct process *process;
};

static struct process *processes;
static l4_cap_idx_t parent_thread;
static long status;

/* ---- the parent thread ---- */

static char parent_stack[4096] __attribute__((aligned(16)));

#define SIGNAL_EXIT 0u

static void program_ended(struct process *p, l4_umword_t code)
{
    if (atomic_load(&p->ended))
        return;
    p->code = code;
    l4_task_delete_obj(L4RE_THIS_TASK_CAP, p->task);
    l4_task_delete_obj(L4RE_THIS_TASK_CAP, p->thread);
    l4_task_delete_obj(L4RE_THIS_TASK_CAP, p->rm);
    atomic_store(&p->ended, 1);
    l4_irq_trigger(events_end_irq());
}

static l4_msgtag_t answer(long label) { return l4_msgtag(label, 0, 0, 0); }

/* Meta: how many interfaces, which is number n, is there this one? */
static l4_msgtag_t parent_meta(const l4_umword_t *mr, unsigned words)
{
    struct l4re_wr out;

    switch ((unsigned)mr[0]) {
    case 0:
        return answer(1);
    case 1:
        if (words < 2 || mr[1] != 0)
            return answer(words < 2 ? -L4_EMSGTOOSHORT : -L4_ERANGE);
        l4re_wr_init(&out, l4_utcb_mr());
        l4re_wr_i64(&out, L4RE_PROTO_PARENT);
        l4re_wr_string(&out, "N4L4Re6ParentE");
        return l4re_wr_tag(&out, 0, 0);
    case 2:
        return answer(words < 2 ? -L4_EMSGTOOSHORT : mr[1] == L4RE_PROTO_PARENT);
    default:
        return answer(-L4_ENOSYS);
    }
}

static l4_msgtag_t parent_signal(struct process *p, const l4_umword_t *mr, unsigned words)
{
    if ((unsigned)mr[0] != 0)
        return answer(-L4_ENOSYS);
    if (words < 3)
        return answer(-L4_EMSGTOOSHORT);
    if (mr[1] != SIGNAL_EXIT)
        return answer(0);
    program_ended(p, mr[2]);
    return answer(-L4_ENOREPLY); /* nobody is there any more to get a reply */
}

static l4_msgtag_t parent_request(struct process *p, l4_msgtag_t tag)
{
    const l4_umword_t *mr = l4_utcb_mr()->mr;
    unsigned words = l4_msgtag_words(tag);
    long protocol = l4_msgtag_label(tag);

    if (p == NULL)
        return answer(0); /* the main thread makes sure that we are not in the middle of something (P2) */
    if (protocol != L4RE_PROTO_PARENT && protocol != L4_PROTO_META)
        return answer(-L4_EBADPROTO);
    if (words < 1)
        return answer(-L4_EMSGTOOSHORT);
    return protocol == L4_PROTO_META ? parent_meta(mr, words) : parent_signal(p, mr, words);
}

static void parent_loop(void)
{
    l4_utcb_t *u = l4_utcb();
    l4_msgtag_t tag, reply = answer(-L4_ENOREPLY);
    l4_umword_t label;

    for (;;) {
        l4_utcb_br_u(u)->bdr = 0;
        l4_utcb_br_u(u)->br[0] = 0;
        if (l4_msgtag_label(reply) == -L4_ENOREPLY)
            tag = l4_ipc_wait(u, &label, L4_IPC_NEVER);
        else
            tag = l4_ipc_reply_and_wait(u, reply, &label, L4_IPC_SEND_TIMEOUT_0);
        reply = answer(-L4_ENOREPLY);
        if (!l4_msgtag_has_error(tag))
            reply = parent_request((struct process *)(label & ~3ul), tag);
    }
}

static long parent_thread_register(l4_addr_t utcb)
{
    struct l4re_call c;

    l4re_call_start(&c, 0);
    l4re_wr_u64(&c.out, utcb);
    l4re_wr_cap(&c.out, l4re_env()->main_thread, L4_CAP_FPAGE_RWS);
    l4re_wr_cap(&c.out, parent_thread, L4_CAP_FPAGE_RWS);
    return l4re_call(&c, l4re_env()->itas, L4RE_PROTO_ITAS, L4_IPC_NEVER);
}

long process_server_start(void)
{
    l4re_env_t *env = l4re_env();
    l4_addr_t utcb = env->first_free_utcb;
    l4_sched_param_t priority = l4_sched_param(PRIO_PARENT, 0);

    env->first_free_utcb += L4_UTCB_OFFSET;
    parent_thread = l4re_util_cap_alloc();
    long r = l4_error(l4_factory_create_thread(env->factory, parent_thread));
    if (r < 0 || (r = parent_thread_register(utcb)) < 0)
        return r;
    /* As after a call: the function's frame begins 8 bytes below an aligned address. */
    l4_addr_t sp = (l4_addr_t)parent_stack + sizeof parent_stack - 8;
    r = l4_error(l4_thread_ex_regs(parent_thread, (l4_addr_t)parent_loop, sp, 0));
    return r < 0 ? r : l4_error(l4_scheduler_run_thread(env->scheduler, parent_thread, &priority));
}

/* ---- making and freeing ---- */

static void slot_free(l4_cap_idx_t *slot)
{
    if (l4_is_valid_cap(*slot)) {
        l4_task_delete_obj(L4RE_THIS_TASK_CAP, *slot);
        l4re_caps_drop(l4re_util_caps(), *slot); /* the region map's slot is a Lua value's, too */
    }
    *slot = L4_INVALID_CAP;
}

/* From now on nobody reports to p any more. */
static void process_detach(struct process *p)
{
    if (l4_is_invalid_cap(p->gate))
        return;
    slot_free(&p->gate);
    l4_ipc_call(parent_thread, l4_utcb(), l4_msgtag(0, 0, 0, 0), L4_IPC_NEVER); /* label 0: P2 */
    slot_free(&p->task);
    slot_free(&p->thread);
    slot_free(&p->rm);
}

static void process_unlink(struct process *p)
{
    struct process **at = &processes;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    free(p);
}

/* No task, no function: what is left is the object, for as long as Lua holds it. */
static void process_gone(lua_State *L, struct process *p)
{
    process_detach(p);
    p->state = GONE;
    luaL_unref(L, LUA_REGISTRYINDEX, p->handler);
    p->handler = NO_FUNCTION;
    if (!p->held)
        process_unlink(p);
}

struct process *process_new(lua_State *L)
{
    struct handle *h = lua_newuserdatauv(L, sizeof *h, 0);
    struct process *p = aligned_alloc(_Alignof(struct process), sizeof *p);

    h->process = p;
    if (p == NULL)
        luaL_error(L, "out of memory");
    *p = (struct process){.handler = NO_FUNCTION, .held = true, .gate = L4_INVALID_CAP, .task = L4_INVALID_CAP,
                          .thread = L4_INVALID_CAP, .rm = L4_INVALID_CAP};
    luaL_setmetatable(L, META);
    p->next = processes;
    processes = p;
    p->gate = cap_slot_new(L);
    p->task = cap_slot_new(L);
    p->thread = cap_slot_new(L);
    long r = l4_is_invalid_cap(p->thread)
                 ? -L4_ENOMEM
                 : l4_error(l4_factory_create_gate(l4re_env()->factory, p->gate, parent_thread, (l4_umword_t)p));
    if (r < 0) {
        process_failed(p);
        luaL_error(L, "could not create process: parent gate: %s (%d)", error_text(r), (int)r);
    }
    return p;
}

l4_cap_idx_t process_gate(const struct process *p) { return p->gate; }

void process_slots(struct process *p, l4_cap_idx_t **task, l4_cap_idx_t **thread, l4_cap_idx_t **rm)
{
    *task = &p->task;
    *thread = &p->thread;
    *rm = &p->rm;
}

void process_running(struct process *p) { p->state = RUNNING; }

void process_failed(struct process *p)
{
    process_detach(p);
    p->state = GONE;
}

/* ---- noticing ---- */

bool process_any_running(void)
{
    for (const struct process *p = processes; p != NULL; p = p->next)
        if (p->state == RUNNING)
            return true;
    return false;
}

long process_status(void) { return status; }

void process_end_wait(void) { l4_irq_receive(events_end_irq(), L4_IPC_NEVER); }

static void handler_call(lua_State *L, struct process *p, bool with_code)
{
    int handler = p->handler;

    if (handler == NO_FUNCTION)
        return;
    p->handler = NO_FUNCTION;
    lua_rawgeti(L, LUA_REGISTRYINDEX, handler);
    luaL_unref(L, LUA_REGISTRYINDEX, handler);
    if (with_code)
        lua_pushinteger(L, (lua_Integer)p->code);
    else
        lua_pushnil(L);
    lua_call(L, 1, 0);
}

static void become_zombie(struct process *p)
{
    p->state = ZOMBIE;
    if (p->code != 0 && status == 0)
        status = (long)p->code;
}

/* An error in an exit handler is the script's; the others are still called. */
static int notice_one(lua_State *L)
{
    handler_call(L, lua_touserdata(L, 1), true);
    return 0;
}

void process_notice(lua_State *L)
{
    struct process *p = processes;

    while (p != NULL) {
        if (p->state != RUNNING || !atomic_load(&p->ended)) {
            p = p->next;
            continue;
        }
        become_zombie(p);
        lua_pushcfunction(L, notice_one);
        lua_pushlightuserdata(L, p);
        bool held = p->held;
        if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
            lua_writestringerror("lua error: exit handler: %s\n", luaL_tolstring(L, -1, NULL));
            lua_pop(L, 2);
        }
        if (!held)
            process_gone(L, p);
        p = processes; /* a handler may have started and reaped programs */
    }
}

/* ---- Lua ---- */

static struct process *check(lua_State *L) { return ((struct handle *)luaL_checkudata(L, 1, META))->process; }

static int process_state(lua_State *L)
{
    switch (check(L)->state) {
    case INITIALIZING: lua_pushliteral(L, "initializing"); break;
    case RUNNING: lua_pushliteral(L, "running"); break;
    case ZOMBIE: lua_pushliteral(L, "zombie"); break;
    case GONE: lua_pushnil(L); break;
    }
    return 1;
}

static int process_exit_code(lua_State *L)
{
    const struct process *p = check(L);

    if (p->state == ZOMBIE)
        lua_pushinteger(L, (lua_Integer)p->code);
    else
        lua_pushnil(L);
    return 1;
}

static int process_wait(lua_State *L)
{
    struct process *p = check(L);

    if (p->state == GONE) {
        lua_pushnil(L);
        return 1;
    }
    while (!atomic_load(&p->ended))
        process_end_wait();
    if (p->state == RUNNING) {
        become_zombie(p);
        handler_call(L, p, true);
    }
    lua_Integer code = (lua_Integer)p->code;
    if (p->state != GONE) /* the handler may have waited, too */
        process_gone(L, p);
    lua_pushinteger(L, code);
    l4_irq_trigger(events_end_irq()); /* we may have taken the news of another one */
    return 1;
}

static int process_kill(lua_State *L)
{
    struct process *p = check(L);

    switch (p->state) {
    case GONE:
        lua_pushnil(L);
        return 1;
    case ZOMBIE:
        lua_pushinteger(L, (lua_Integer)p->code);
        process_gone(L, p);
        return 1;
    default:
        process_detach(p);
        handler_call(L, p, false);
        process_gone(L, p);
        lua_pushliteral(L, "killed");
        return 1;
    }
}

static int process_exit_handler(lua_State *L)
{
    struct process *p = check(L);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (p->handler != NO_FUNCTION)
        return luaL_error(L, "this process has an exit handler already");
    lua_settop(L, 2);
    p->handler = luaL_ref(L, LUA_REGISTRYINDEX);
    if (p->state == RUNNING || p->state == INITIALIZING) {
        lua_pushboolean(L, 1);
        return 1;
    }
    handler_call(L, p, p->state == ZOMBIE);
    lua_pushboolean(L, 0);
    return 1;
}

/* The program goes on without us. */
static int process_gc(lua_State *L)
{
    struct process *p = check(L);

    if (p == NULL)
        return 0;
    p->held = false;
    if (p->state == ZOMBIE)
        process_gone(L, p);
    else if (p->state == GONE)
        process_unlink(p);
    return 0;
}

static int process_compare(lua_State *L, int or_equal)
{
    struct handle *a = luaL_checkudata(L, 1, META), *b = luaL_checkudata(L, 2, META);

    lua_pushboolean(L, or_equal ? a->process <= b->process : a->process < b->process);
    return 1;
}
static int process_lt(lua_State *L) { return process_compare(L, 0); }
static int process_le(lua_State *L) { return process_compare(L, 1); }

static int process_tostring(lua_State *L)
{
    struct process *p = check(L);

    process_state(L);
    lua_pushfstring(L, "process %p (%s)", (void *)p, p->state == GONE ? "gone" : lua_tostring(L, -1));
    return 1;
}

void process_open(lua_State *L, int sys)
{
    static const luaL_Reg methods[] = {
        {"state", process_state}, {"exit_code", process_exit_code}, {"wait", process_wait}, {"kill", process_kill},
        {"exit_handler", process_exit_handler}, {NULL, NULL},
    };
    static const luaL_Reg meta[] = {
        {"__gc", process_gc}, {"__lt", process_lt}, {"__le", process_le}, {"__tostring", process_tostring},
        {NULL, NULL},
    };

    (void)sys;
    luaL_newmetatable(L, META);
    luaL_setfuncs(L, meta, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
