/* SPDX-License-Identifier: MIT */
/*
 * The small world: its set-up, its alphabet, and what its events do to capabilities and pages. Threads,
 * queues, results and CPUs are compared with the model (oracle.h).
 */
#include "small.h"
#include "factory.h"
#include "ipc.h"
#include "load.h"
#include "main.h"
#include "map.h"
#include "memory.h"
#include "objects.h"
#include "oracle.h"
#include "smp.h"
#include <stdio.h>
#include <string.h>

/* Slots of both tables. */
#define SLOT_THREADS SMALL_SLOT_THREADS
#define SLOT_GATE SMALL_SLOT_GATE
#define SLOT_TASKS 0x14u
#define SLOT_SPARE SMALL_SLOT_SPARE
#define REPLY_SLOT SMALL_REPLY_SLOT
#define PAGE_PA 0x100000ul
#define QUANTUM (1 << 29)
#define PRIO SMALL_PRIO
#define WAIT_US 1000u
#define TIMEOUT_1MS (10u << 10 | 1u) /* 1 << 10 us: the first tick after 1,000 us is later than both */

#define TASKS SMALL_TASKS
#define THREADS SMALL_THREADS
#define GATE_LABEL 0x100u
static struct task *source, *tasks[TASKS];
static struct thread *threads[THREADS];
static struct gate *gate;
static struct small_parts parts; /* for the hash */

static int task_of_thread(int thread) { return thread == 2 ? 1 : 0; }

/* What each task must have. */
static struct rights {
    bool gate_dead;
    bool gate_cap[TASKS];        /* its own capability of the gate, counted, with all rights */
    uint8_t spare[TASKS];        /* rights of the gate capability in the spare slot */
    bool spare_weak[TASKS];
    uint8_t page[TASKS];         /* rights of the one page, 0: not mapped */
    int8_t page_parent[TASKS];   /* the task that it came from; NOBODY: none of these */
} has = {.gate_cap = {true, true}, .page = {L4_MEM_RIGHTS, 0}, .page_parent = {NOBODY, NOBODY}};

enum op {
    OP_SEND_ZERO, OP_SEND_NEVER, OP_CALL_NEVER, OP_CALL_TIMED, OP_SEND_WAIT, OP_RECEIVE, OP_CANCEL, OP_DELETE,
    OP_BIND, OP_MIGRATE_0, OP_MIGRATE_1,
    OP_GATE_CALL, OP_GATE_SEND, OP_WAIT, OP_WAIT_TIMED, OP_REPLY, OP_REPLY_WAIT, OP_WAIT_EXPLICIT, OP_REPLY_EXPLICIT,
    OP_REPLY_WAIT_EXPLICIT, OP_MAP_READ, OP_MAP_WRITE, OP_UNMAP_OTHERS, OP_UNMAP_WRITE, OP_UNMAP_SELF, OP_GRANT,
    OP_MAP_CAP, OP_MAP_CAP_WEAK, OP_MAP_CAP_DELETE, OP_UNMAP_CAP, OP_DELETE_CAP, OP_UNMAP_GATE, OP_DELETE_GATE,
    OP_TICK, OP_QUANTUM, OP_LOOK
};
static const struct {
    const char *name;
    unsigned partners; /* 2: the two others; 3: all threads; 0: nobody */
} ops[] = {
    [OP_SEND_ZERO] = {"send, zero", 2},     [OP_SEND_NEVER] = {"send", 2},
    [OP_CALL_NEVER] = {"call", 2},          [OP_CALL_TIMED] = {"call, 1 ms", 2},
    [OP_SEND_WAIT] = {"send and wait", 2},  [OP_RECEIVE] = {"receive", 2},
    [OP_CANCEL] = {"cancel", 2},            [OP_DELETE] = {"delete", 2},
    [OP_BIND] = {"bind gate", 3},           [OP_MIGRATE_0] = {"to CPU 0", 3},
    [OP_MIGRATE_1] = {"to CPU 1", 3},       [OP_GATE_CALL] = {"call gate", 0},
    [OP_GATE_SEND] = {"send to gate", 0},   [OP_WAIT] = {"wait", 0},
    [OP_WAIT_TIMED] = {"wait, 1 ms", 0},    [OP_REPLY] = {"reply", 0},
    [OP_REPLY_WAIT] = {"reply and wait", 0}, [OP_WAIT_EXPLICIT] = {"wait, explicit slot", 0},
    [OP_REPLY_EXPLICIT] = {"reply, explicit slot", 0},
    [OP_REPLY_WAIT_EXPLICIT] = {"reply and wait, explicit slot", 0},
    [OP_MAP_READ] = {"map page, r", 0},     [OP_MAP_WRITE] = {"map page, rw", 0},
    [OP_UNMAP_OTHERS] = {"unmap page from others", 0},
    [OP_UNMAP_WRITE] = {"unmap w from others", 0},
    [OP_UNMAP_SELF] = {"unmap page", 0},    [OP_GRANT] = {"grant page, rw", 0},
    [OP_MAP_CAP] = {"map gate capability", 0},
    [OP_MAP_CAP_WEAK] = {"map gate capability, weak", 0},
    [OP_MAP_CAP_DELETE] = {"map gate capability, with right to delete", 0},
    [OP_UNMAP_CAP] = {"unmap the other task's gate capability", 0},
    [OP_DELETE_CAP] = {"delete by the other task's gate capability", 0},
    [OP_UNMAP_GATE] = {"unmap gate", 0},    [OP_DELETE_GATE] = {"delete gate", 0},
    [OP_TICK] = {"tick", 0},                [OP_QUANTUM] = {"tick, quantum over", 0},
    [OP_LOOK] = {"interrupt of another CPU", 0},
};

/* The alphabet: every operation with every partner on every CPU. */
static struct event {
    uint8_t cpu, op, partner;
    bool early; /* before the CPU notices that another one has put something into its box */
} events[256];
static unsigned event_count, look_event[SMALL_CPUS]; /* of each CPU: OP_LOOK */

/* ---- set-up ---- */

static void must(bool good)
{
    if (!good)
        kpanic("the small world cannot be made", __FILE__, __LINE__);
}

static void put(unsigned slot, struct kobj *obj)
{
    for (unsigned i = 0; i < TASKS; i++) {
        struct cap *c = cap_slot_alloc(tasks[i], slot);

        must(c != NULL);
        cap_insert(c, obj, CAP_ALL_RIGHTS);
    }
}

static void make_tasks(void)
{
    source = task_create(&root_factory);
    must(source != NULL);
    source->is_sigma0 = true;
    for (unsigned i = 0; i < TASKS; i++) {
        tasks[i] = task_create(&root_factory);
        must(tasks[i] != NULL && ku_mem_add(tasks[i], UTCBS, 12) == OK);
    }
    for (unsigned i = 0; i < TASKS; i++)
        put(SLOT_TASKS + i, &tasks[i]->obj);
    must(map_sigma0_fault(source, PAGE_PA));
    must(map_fpage(&(struct map_request){.from = source, .to = tasks[0], .item = WINDOW | L4_ITEM_MAP,
                                         .send = {mem_page(PAGE_PA, 12, L4_MEM_RIGHTS)},
                                         .window = {L4_FPAGE_ALL}, .rights_mask = 15,
                                         .progress = &(struct op_progress){.at = 0}}) == MAP_DONE);
}

static void make_threads(void)
{
    for (int i = 0; i < THREADS; i++) {
        threads[i] = thread_create(&root_factory);
        must(threads[i] != NULL);
        kobj_ref(&threads[i]->obj); /* they are looked at after their end */
        put(SLOT_THREADS + (unsigned)i, &threads[i]->obj);
        must(thread_bind(threads[i], tasks[task_of_thread(i)], UTCBS + (word_t)i * L4_UTCB_SIZE) == OK);
        sched_set(threads[i], cpus[i == 2 && cpu_count > 1], PRIO, QUANTUM);
        thread_start(threads[i], 0x1000, 0x2000);
    }
}

/* One of each kind: send, call, receive, wait with a time-out, reply, cancel, delete, bind, migrate, map, unmap. */
static bool is_basic(enum op op)
{
    static const bool basic[OP_LOOK + 1] = {
        [OP_SEND_NEVER] = true, [OP_CALL_NEVER] = true,  [OP_RECEIVE] = true,   [OP_CANCEL] = true,
        [OP_DELETE] = true,     [OP_BIND] = true,        [OP_MIGRATE_0] = true, [OP_MIGRATE_1] = true,
        [OP_GATE_CALL] = true,  [OP_WAIT_TIMED] = true,  [OP_REPLY] = true,     [OP_REPLY_WAIT] = true,
        [OP_MAP_WRITE] = true,  [OP_UNMAP_OTHERS] = true, [OP_TICK] = true,     [OP_LOOK] = true,
    };

    return basic[op];
}

static void make_events(bool basic)
{
    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        for (unsigned op = 0; op <= OP_LOOK; op++) {
            unsigned partners = ops[op].partners == 0 ? 1 : ops[op].partners;

            if (((op == OP_MIGRATE_1 || op == OP_LOOK) && cpu_count == 1) || (basic && !is_basic((enum op)op)))
                continue;
            must(event_count + 2 * partners <= sizeof events / sizeof events[0]);
            if (op == OP_LOOK)
                look_event[cpu] = event_count;
            for (unsigned i = 0; i < partners * (cpu_count > 1 && op != OP_LOOK ? 2 : 1); i++)
                events[event_count++] = (struct event){(uint8_t)cpu, (uint8_t)op,
                                                       (uint8_t)(i % partners + (partners == 2)), i >= partners};
        }
}

void small_start(unsigned cpu_total, bool basic)
{
    host_no_limbo = true; /* what waits there is no part of a state */
    host_start(&(struct host_config){.memory_bytes = (2ul << 20) + (320ul << 10), .heap_bytes = 320ul << 10,
                                     .cpus = cpu_total, .no_poison = true});
    kernel_enter(host_current(), NULL);
    cpu_claim_all(); /* threads are put onto their CPUs */
    make_tasks();
    make_threads();
    gate = gate_create(&root_factory, NULL, GATE_LABEL);
    must(gate != NULL);
    kobj_ref(&gate->obj);
    put(SLOT_GATE, &gate->obj);
    put(L4_SLOT_SCHEDULER, &sched_object);
    host_enter(kernel_leave(host_current()));
    make_events(basic);
    parts = (struct small_parts){.gate = gate};
    memcpy(parts.tasks, tasks, sizeof tasks);
    memcpy(parts.threads, threads, sizeof threads);
    small_hash_start(&parts);
    oracle_start();
    for (int i = 0; i < THREADS; i++)
        load_thread(threads[i]);
    load_object(&gate->obj);
}

unsigned small_events(void) { return event_count; }

const char *small_name(unsigned event)
{
    static char text[100];
    const struct event *e = &events[event];
    unsigned partners = ops[e->op].partners;

    snprintf(text, sizeof text, "CPU %u%s: %s%s", e->cpu, e->early ? ", not yet interrupted" : "", ops[e->op].name,
             partners == 0 || e->partner == 0 ? (partners == 3 ? " (itself)" : "")
             : e->partner == 1                ? " (the next thread)"
                                              : " (the next but one)");
    return text;
}

/* ---- capabilities and pages ---- */

static void gate_deleted(void)
{
    has.gate_dead = true;
    for (int i = 0; i < TASKS; i++) {
        has.gate_cap[i] = false;
        has.spare[i] = 0;
    }
}

/* Objects live as long as somebody has a counted capability. */
static void gate_count(void)
{
    int counted = 0;

    for (int i = 0; i < TASKS; i++)
        counted += has.gate_cap[i] + (has.spare[i] != 0 && !has.spare_weak[i]);
    if (counted == 0 && !has.gate_dead)
        gate_deleted();
}

static void spare_unmap(int task, bool del)
{
    bool destroyed = del && (has.spare[task] & L4_RIGHT_D);

    has.spare[task] = 0;
    if (destroyed)
        gate_deleted();
    gate_count();
}

static void gate_unmap(int task)
{
    has.gate_cap[task] = false;
    gate_count();
}

static void spare_map(int from, uint8_t rights, bool weak)
{
    int to = 1 - from;

    if (!has.gate_cap[from])
        return;
    spare_unmap(to, true); /* an occupied slot is emptied first, with delete semantics */
    if (!has.gate_cap[from])
        return;
    has.spare[to] = rights;
    has.spare_weak[to] = weak;
}

static void page_map(int from, uint8_t rights, bool grant)
{
    int to = 1 - from;

    if (has.page[from] == 0)
        return;
    if (has.page[to] != 0 && has.page_parent[from] == to) { /* onto its own ancestor: both are lost */
        has.page[0] = has.page[1] = 0;
        return;
    }
    has.page[to] |= has.page[from] & rights; /* an older one there is its child: rights are added */
    has.page_parent[to] = (int8_t)from;
    if (grant) {
        has.page_parent[to] = has.page_parent[from];
        has.page[from] = 0;
    }
}

static void page_unmap(int task, bool self, uint8_t rights)
{
    uint8_t keep = rights & L4_MEM_R ? 0 : (uint8_t)~rights;

    if (has.page_parent[1 - task] == task)
        has.page[1 - task] &= keep;
    if (self)
        has.page[task] &= keep;
}

static int index_of(const struct thread *t)
{
    for (int i = 0; i < THREADS; i++)
        if (threads[i] == t)
            return i;
    return NOBODY;
}

unsigned small_page_rights(int task)
{
    word_t pa;
    unsigned rights;

    return host_translate(&tasks[task]->space, WINDOW, &pa, &rights) ? rights : 0;
}

const struct task *small_page_parent(int task)
{
    struct pt_entry e;

    if (!arch_pt_lookup(&tasks[task]->space, WINDOW, &e) || e.mapping == NULL || e.mapping->parent == NULL ||
        e.mapping->parent->task == source)
        return NULL;
    return e.mapping->parent->task;
}

static const char *rights_differ(void)
{
    for (int i = 0; i < TASKS; i++) {
        unsigned rights = 0;

        if (small_page_rights(i) != has.page[i])
            return "the rights of a page";
        if (has.page[i] != 0 &&
            small_page_parent(i) != (has.page_parent[i] == NOBODY ? NULL : tasks[has.page_parent[i]]))
            return "where a page has come from";
        cap_lookup(tasks[i], SLOT_SPARE, &rights);
        if ((rights & 15u) != has.spare[i] || (rights != 0 && !(rights & L4_OBJ_WEAK) == has.spare_weak[i]))
            return "the rights of a capability";
        if ((cap_lookup(tasks[i], SLOT_GATE, &rights) != NULL) != has.gate_cap[i])
            return "a capability";
    }
    return NULL;
}

/* ---- events ---- */

static void message(struct thread *self, int me, word_t dest, word_t timeouts)
{
    struct model_request rq = {dest, l4_tag_make(7 + me, 1, 0, 0).raw, SMALL_THREAD_LABEL((word_t)me), timeouts};

    self->utcb->mr[0] = 0x1000u + (word_t)me;
    oracle_syscall(&rq);
    host_syscall(rq.dest, rq.tag, rq.label, rq.timeouts);
}

static void do_ipc(enum op op, int me, int x)
{
    static const word_t flags[] = {
        [OP_SEND_ZERO] = L4_OP_SEND, [OP_SEND_NEVER] = L4_OP_SEND, [OP_CALL_NEVER] = OP_CALL,
        [OP_CALL_TIMED] = OP_CALL, [OP_SEND_WAIT] = L4_OP_SEND | L4_OP_RECV | L4_OP_OPEN_WAIT,
        [OP_RECEIVE] = L4_OP_RECV, [OP_GATE_CALL] = OP_CALL, [OP_GATE_SEND] = L4_OP_SEND,
        [OP_WAIT] = L4_OP_RECV | L4_OP_OPEN_WAIT, [OP_WAIT_TIMED] = L4_OP_RECV | L4_OP_OPEN_WAIT,
        [OP_WAIT_EXPLICIT] = L4_OP_RECV | L4_OP_OPEN_WAIT,
        [OP_REPLY] = L4_OP_SEND | L4_OP_REPLY, [OP_REPLY_EXPLICIT] = L4_OP_SEND | L4_OP_REPLY,
        [OP_REPLY_WAIT] = L4_OP_MASK, [OP_REPLY_WAIT_EXPLICIT] = L4_OP_MASK,
    };
    bool explicit = op == OP_WAIT_EXPLICIT || op == OP_REPLY_EXPLICIT || op == OP_REPLY_WAIT_EXPLICIT;
    bool timed = op == OP_CALL_TIMED || op == OP_WAIT_TIMED, reply = (flags[op] & L4_OP_REPLY) != 0;
    bool zero = op == OP_SEND_ZERO || reply;
    word_t dest = L4_SEL_INVALID;

    if (explicit) {
        dest = selector(REPLY_SLOT) | L4_SEL_REPLY;
    } else if (op == OP_GATE_CALL || op == OP_GATE_SEND) {
        dest = selector(SLOT_GATE);
    } else if (ops[op].partners != 0) {
        dest = selector(SLOT_THREADS + (unsigned)x);
    }
    message(threads[me], me, (dest & ~L4_OP_MASK) | flags[op],
            (word_t)(zero ? L4_TIMEOUT_ZERO : 0u) << 16 | (timed ? TIMEOUT_1MS : 0u));
}

static void operate(struct thread *self, unsigned slot, long proto, unsigned words, unsigned item)
{
    if (item != 0) {
        self->utcb->mr[words] = L4_ITEM_MAP;
        self->utcb->mr[words + 1] = obj_page(item, 0, 15);
    }
    struct model_request rq = {selector(slot) | OP_CALL, l4_tag_make(proto, words, item != 0, 0).raw, 0, 0};

    oracle_syscall(&rq);
    host_syscall(rq.dest, rq.tag, rq.label, rq.timeouts);
}

static void do_thread(enum op op, int me, int x)
{
    struct thread *self = threads[me];
    word_t *mr = self->utcb->mr;

    switch (op) {
    case OP_CANCEL:
        mr[0] = L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL;
        mr[1] = mr[2] = ~0ul;
        operate(self, SLOT_THREADS + (unsigned)x, L4_PROTO_THREAD, 3, 0);
        break;
    case OP_DELETE:
            mr[0] = L4_OP_TASK_UNMAP;
        mr[1] = L4_UNMAP_SELF | L4_UNMAP_DELETE;
        mr[2] = obj_page(SLOT_THREADS + (unsigned)x, 0, 15);
        operate(self, SLOT_TASKS + (unsigned)task_of_thread(me), L4_PROTO_TASK, 3, 0);
        break;
    case OP_BIND:
        mr[0] = L4_OP_GATE_BIND;
        mr[1] = SMALL_BOUND_LABEL((word_t)x);
        operate(self, SLOT_GATE, L4_PROTO_KOBJECT, 2, SLOT_THREADS + (unsigned)x);
        break;
    default:
        mr[0] = L4_OP_SCHED_RUN_THREAD;
        mr[1] = 0;
        mr[2] = op == OP_MIGRATE_1 ? 2 : 1;
        mr[3] = PRIO;
        mr[4] = QUANTUM;
        operate(self, L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, SLOT_THREADS + (unsigned)x);
        break;
    }
}

static void do_map(enum op op, int me)
{
    int from = task_of_thread(me), to = 1 - from;
    struct thread *self = threads[me];
    word_t *mr = self->utcb->mr;
    unsigned rights = op == OP_MAP_READ ? L4_MEM_R : L4_MEM_R | L4_MEM_W;

    mr[0] = L4_OP_TASK_MAP;
    if (op >= OP_MAP_CAP) {
        rights = L4_RIGHT_R | L4_RIGHT_W | (op == OP_MAP_CAP_DELETE ? L4_RIGHT_D : 0);
        spare_map(from, (uint8_t)rights, op == OP_MAP_CAP_WEAK);
        mr[1] = selector(SLOT_SPARE) | L4_ITEM_MAP | (op == OP_MAP_CAP_WEAK ? L4_OBJ_WEAK : 0);
        mr[2] = obj_page(SLOT_GATE, 0, rights);
    } else {
        page_map(from, (uint8_t)rights, op == OP_GRANT);
        mr[1] = WINDOW | L4_ITEM_MAP | (op == OP_GRANT ? L4_ITEM_GRANT : 0);
        mr[2] = mem_page(WINDOW, 12, rights);
    }
    operate(self, SLOT_TASKS + (unsigned)to, L4_PROTO_TASK, 3, SLOT_TASKS + (unsigned)from);
}

static void do_unmap(enum op op, int me)
{
    int task = task_of_thread(me);
    word_t *mr = threads[me]->utcb->mr, self = L4_UNMAP_SELF;
    word_t fpage = mem_page(WINDOW, 12, op == OP_UNMAP_WRITE ? L4_MEM_W : L4_MEM_RIGHTS);

    switch (op) {
    case OP_UNMAP_CAP:
    case OP_DELETE_CAP:
        task = 1 - task; /* what was mapped there */
        spare_unmap(task, op == OP_DELETE_CAP);
        self |= op == OP_DELETE_CAP ? L4_UNMAP_DELETE : 0;
        fpage = obj_page(SLOT_SPARE, 0, 15);
        break;
    case OP_UNMAP_GATE:
        gate_unmap(task);
        fpage = obj_page(SLOT_GATE, 0, 15);
        break;
    case OP_DELETE_GATE:
        if (has.gate_cap[task])
            gate_deleted();
        self |= L4_UNMAP_DELETE;
        fpage = obj_page(SLOT_GATE, 0, 15);
        break;
    default:
        self = op == OP_UNMAP_SELF ? L4_UNMAP_SELF : 0;
        page_unmap(task, self != 0, op == OP_UNMAP_WRITE ? L4_MEM_W : L4_MEM_RIGHTS);
        break;
    }
    mr[0] = L4_OP_TASK_UNMAP;
    mr[1] = self;
    mr[2] = fpage;
    operate(threads[me], SLOT_TASKS + (unsigned)task, L4_PROTO_TASK, 3, 0);
}

static void do_tick(enum op op)
{
    if (op == OP_QUANTUM) {
        host_cpu->context->left_us = 1;
        oracle_forget();
    }
    host_time(2 * WAIT_US);
    oracle_begin(EVENT_TICK);
    host_tick();
}

/* The CPU notices that another one has interrupted it. */
static const char *look(unsigned cpu)
{
    oracle_look(cpu);
    host_set_cpu(cpu);
    return oracle_compare();
}

static void act(const struct event *e)
{
    int me = index_of(host_current()), x = (me + e->partner) % THREADS;

    if (e->op >= OP_TICK)
        do_tick(e->op);
    else if (e->op == OP_CANCEL || (e->op >= OP_DELETE && e->op <= OP_MIGRATE_1))
        do_thread(e->op, me, x);
    else if (e->op < OP_MAP_READ)
        do_ipc(e->op, me, x);
    else if (e->op <= OP_MAP_WRITE || (e->op >= OP_GRANT && e->op <= OP_MAP_CAP_DELETE))
        do_map(e->op, me);
    else
        do_unmap(e->op, me);
}

static bool apply(const struct event *e, bool looked, const char **wrong)
{
    const struct cpu *c = cpus[e->cpu];

    if ((e->early && !host_ipi_can_wait(e->cpu)) || (e->op < OP_TICK && c->current == c->idle) ||
        (e->op == OP_QUANTUM && c->context == c->idle))
        return false;
    if (e->early)
        host_set_cpu_early(e->cpu);
    else if (!looked)
        host_set_cpu(e->cpu);
    act(e);
    *wrong = oracle_compare();
    if (*wrong == NULL)
        *wrong = rights_differ();
    return true;
}

int small_look(unsigned event)
{
    const struct event *e = &events[event];

    return e->early || e->op == OP_LOOK || !host_ipi_pending(e->cpu) ? -1 : (int)look_event[e->cpu];
}

bool small_apply(unsigned event, const char **wrong)
{
    const struct event *e = &events[event];
    bool looks = host_ipi_pending(e->cpu) && !e->early;

    *wrong = NULL;
    oracle_again();
    if (e->op == OP_LOOK && !looks)
        return false;
    if (looks)
        *wrong = look(e->cpu);
    return e->op == OP_LOOK || *wrong != NULL || apply(e, looks, wrong);
}

bool small_apply_looked(unsigned event, const char **wrong)
{
    *wrong = NULL;
    oracle_again();
    return apply(&events[event], true, wrong);
}

/* ---- invariants ---- */

static bool inside(const void *line, const void *from, size_t bytes)
{
    return (uintptr_t)line - (uintptr_t)from < bytes;
}

bool small_line_of_spaces(const void *line)
{
    for (int i = 0; i < THREADS; i++)
        if (inside(line, threads[i], sizeof *threads[i]) || inside(line, threads[i]->utcb, sizeof *threads[i]->utcb))
            return false;
    for (unsigned i = 0; i < cpu_count; i++)
        if (inside(line, cpus[i], sizeof *cpus[i]))
            return false;
    return inside(line, host_memory, host_memory_bytes());
}

void small_check(bool spaces)
{
    kernel_check_all();
    for (int i = -1; i < TASKS; i++) {
        const struct task *task = i < 0 ? source : tasks[i];

        task_check_objects(task);
        if (spaces)
            mapping_check(task);
        host_tlb_check(&task->space);
    }
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        slab_check(s);
    for (unsigned i = 0; i < cpu_count; i++)
        kassert(cpus[i]->claim == CPU_FREE || (cpus[i]->claim == CPU_PARKED && cpus[i]->current == cpus[i]->idle));
}
