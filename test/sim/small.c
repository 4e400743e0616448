/* SPDX-License-Identifier: MIT */
/* The small world: its set-up, its alphabet, its hash, and the comparison with the model (model.h). */
#include "small.h"
#include "factory.h"
#include "ipc.h"
#include "main.h"
#include "map.h"
#include "memory.h"
#include "model.h"
#include "objects.h"
#include "smp.h"
#include <stdio.h>
#include <string.h>

/* Slots of both tables. */
#define SLOT_THREADS 0x10u
#define SLOT_GATE 0x13u
#define SLOT_TASKS 0x14u
#define SLOT_SPARE 0x16u
#define REPLY_SLOT 3u /* explicit */
#define PAGE_PA 0x100000ul
#define QUANTUM (1 << 29)
#define PRIO 10u
#define WAIT_US 1000u
#define TIMEOUT_1MS (10u << 10 | 1u) /* 1 << 10 us: the first tick after 1,000 us is later than both */

static struct task *source, *tasks[MODEL_TASKS];
static struct thread *threads[MODEL_THREADS];
static struct gate *gate;
static struct model model;

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
} events[256];
static unsigned event_count;

/* ---- set-up ---- */

static void must(bool good)
{
    if (!good)
        kpanic("the small world cannot be made", __FILE__, __LINE__);
}

static void put(unsigned slot, struct kobj *obj)
{
    for (unsigned i = 0; i < MODEL_TASKS; i++) {
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
    for (unsigned i = 0; i < MODEL_TASKS; i++) {
        tasks[i] = task_create(&root_factory);
        must(tasks[i] != NULL && ku_mem_add(tasks[i], UTCBS, 12) == OK);
    }
    for (unsigned i = 0; i < MODEL_TASKS; i++)
        put(SLOT_TASKS + i, &tasks[i]->obj);
    must(map_sigma0_fault(source, PAGE_PA));
    must(map_fpage(&(struct map_request){.from = source, .to = tasks[0], .item = WINDOW | L4_ITEM_MAP,
                                         .send = {mem_page(PAGE_PA, 12, L4_MEM_RIGHTS)},
                                         .window = {L4_FPAGE_ALL}, .rights_mask = 15}) == MAP_DONE);
}

static void make_threads(void)
{
    for (int i = 0; i < MODEL_THREADS; i++) {
        threads[i] = thread_create(&root_factory);
        must(threads[i] != NULL);
        kobj_ref(&threads[i]->obj); /* they are looked at after their end */
        put(SLOT_THREADS + (unsigned)i, &threads[i]->obj);
        must(thread_bind(threads[i], tasks[model_task_of(i)], UTCBS + (word_t)i * L4_UTCB_SIZE) == OK);
        sched_set(threads[i], cpus[model.t[i].cpu], PRIO, QUANTUM);
        thread_start(threads[i], 0x1000, 0x2000);
    }
}

static void make_events(void)
{
    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        for (unsigned op = 0; op <= OP_LOOK; op++) {
            unsigned partners = ops[op].partners == 0 ? 1 : ops[op].partners;

            if ((op == OP_MIGRATE_1 || op == OP_LOOK) && cpu_count == 1)
                continue;
            for (unsigned i = 0; i < partners; i++)
                events[event_count++] = (struct event){(uint8_t)cpu, (uint8_t)op, (uint8_t)(i + (partners == 2))};
        }
}

void small_start(unsigned cpu_total)
{
    host_no_limbo = true; /* what waits there is no part of a state */
    host_start(&(struct host_config){.memory_bytes = (2ul << 20) + (320ul << 10), .heap_bytes = 320ul << 10,
                                     .cpus = cpu_total, .no_poison = true});
    model_init(&model, cpu_total);
    kernel_enter(host_current(), NULL);
    make_tasks();
    make_threads();
    gate = gate_create(&root_factory, NULL, model.gate_label);
    must(gate != NULL);
    kobj_ref(&gate->obj);
    put(SLOT_GATE, &gate->obj);
    put(L4_SLOT_SCHEDULER, &sched_object);
    host_enter(kernel_leave(host_current()));
    make_events();
}

unsigned small_events(void) { return event_count; }

const char *small_name(unsigned event)
{
    static char text[80];
    const struct event *e = &events[event];
    unsigned partners = ops[e->op].partners;

    snprintf(text, sizeof text, "CPU %u: %s%s", e->cpu, ops[e->op].name,
             partners == 0 || e->partner == 0 ? (partners == 3 ? " (itself)" : "")
             : e->partner == 1                ? " (the next thread)"
                                              : " (the next but one)");
    return text;
}

/* ---- the kernel against the model ---- */

static int index_of(const struct thread *t)
{
    for (int i = 0; i < MODEL_THREADS; i++)
        if (threads[i] == t)
            return i;
    return NOBODY;
}

static const struct reply_slot *slot_at(int slot)
{
    if (slot < SLOT_EXPLICIT)
        return &threads[slot]->reply;
    return task_reply_slot(tasks[slot - SLOT_EXPLICIT], REPLY_SLOT);
}

static bool state_agrees(const struct thread *t, const struct model_thread *m)
{
    static const uint8_t states[] = {[M_READY] = IPC_IDLE, [M_SEND] = IPC_SENDING,   [M_GATE] = IPC_GATE,
                                     [M_WAIT] = IPC_WAITING, [M_RECEIVE] = IPC_RECEIVING, [M_AGAIN] = IPC_IDLE,
                                     [M_LATER] = IPC_IDLE};

    if (m->state == M_DEAD)
        return (t->flags & THREAD_GONE) != 0;
    if (t->ipc_state != states[m->state])
        return false;
    if (m->state == M_SEND)
        return index_of(t->snd.receiver) == m->partner && t->snd.label == m->ipc.label;
    return m->state != M_RECEIVE || t->partner == threads[m->partner]->snd.id;
}

static bool result_agrees(const struct thread *t, const struct model_thread *m)
{
    l4_tag tag = {frame_tag(&t->arch.frame)};
    const struct model_result *r = &m->result;

    if (m->state != M_READY || m->dying || !r->known)
        return true;
    if (r->error != 0)
        return l4_tag_error(tag) && t->utcb->error == r->error;
    if (r->answer)
        return !l4_tag_error(tag) && l4_tag_label(tag) == l4_tag_label((l4_tag){r->tag});
    if (tag.raw != r->tag)
        return false;
    return !r->message || (frame_label(&t->arch.frame) == r->label && t->utcb->mr[0] == r->word);
}

static bool queue_agrees(const struct list *queue, const int8_t *expected, unsigned count)
{
    const struct list *l = queue->next;

    for (unsigned i = 0; i < count; i++, l = l->next)
        if (l == queue || container_of(l, struct thread, snd.link) != threads[expected[i]])
            return false;
    return l == queue;
}

static unsigned page_rights(int task)
{
    word_t pa;
    unsigned rights;

    return host_translate(&tasks[task]->space, WINDOW, &pa, &rights) ? rights : 0;
}

/* The task that the page has come from; not one of these: NULL. */
static const struct task *page_parent(int task)
{
    struct pt_entry e;

    if (!arch_pt_lookup(&tasks[task]->space, WINDOW, &e) || e.mapping == NULL || e.mapping->parent == NULL ||
        e.mapping->parent->task == source)
        return NULL;
    return e.mapping->parent->task;
}

static const char *objects_differ(const struct model *m)
{
    for (int i = 0; i < MODEL_SLOTS; i++) {
        const struct reply_slot *slot = slot_at(i);
        const struct thread *caller = slot == NULL ? NULL : reply_slot_caller(slot);

        if (index_of(caller) != m->slot[i])
            return i < SLOT_EXPLICIT ? "an implicit reply capability" : "an explicit reply capability";
    }
    for (int i = 0; i < MODEL_TASKS; i++) {
        unsigned rights = 0;

        if (page_rights(i) != m->page[i])
            return "the rights of a page";
        if (m->page[i] != 0 && page_parent(i) != (m->page_parent[i] == NOBODY ? NULL : tasks[m->page_parent[i]]))
            return "where a page has come from";
        cap_lookup(tasks[i], SLOT_SPARE, &rights);
        if ((rights & 15u) != m->spare[i] || (rights != 0 && !(rights & L4_OBJ_WEAK) == m->spare_weak[i]))
            return "the rights of a capability";
        if ((cap_lookup(tasks[i], SLOT_GATE, &rights) != NULL) != m->gate_cap[i])
            return "a capability";
    }
    if (!m->gate_dead && (index_of(gate->thread) != m->gate_thread || gate->label != m->gate_label))
        return "what the gate is bound to";
    if (!queue_agrees(&gate->waiting, m->gate_queue, m->gate_queued))
        return "who waits at the gate";
    return NULL;
}

static const char *differ(const struct model *m)
{
    for (int i = 0; i < MODEL_THREADS; i++) {
        const struct thread *t = threads[i];

        if (!state_agrees(t, &m->t[i]))
            return "the state of a thread";
        if (!result_agrees(t, &m->t[i]))
            return "a result";
        if (!queue_agrees(&t->senders, m->t[i].queue, m->t[i].queued))
            return "a queue of senders";
    }
    return objects_differ(m);
}

/* Has the thread run since something was left for it to do? */
static bool has_run(const struct model *of, int x)
{
    const struct thread *t = threads[x];
    const struct model_thread *m = &of->t[x];

    if (m->dying)
        return (t->flags & THREAD_GONE) != 0;
    if (m->state == M_AGAIN)
        return t->resume != ipc_restart_resume;
    if (m->state == M_LATER)
        return t->resume != ipc_receive_resume;
    return m->cancel_due && t->resume != ipc_cancel_resume;
}

/* Threads that had something left to do have run, in some order: is there one that explains the state of the kernel? */
static const char *settle_from(struct model *m)
{
    const char *wrong = NULL;
    bool some = false;

    for (int x = 0; x < MODEL_THREADS; x++) {
        struct model next;

        if (!has_run(m, x))
            continue;
        some = true;
        next = *m;
        model_ran(&next, x);
        wrong = settle_from(&next);
        if (wrong == NULL) {
            *m = next;
            return NULL;
        }
    }
    return some ? wrong : differ(m);
}

static const char *settle(void) { return settle_from(&model); }

/* ---- events ---- */

static void message(struct thread *self, int me, word_t dest, word_t timeouts)
{
    self->utcb->mr[0] = 0x1000u + (word_t)me;
    host_syscall(dest, l4_tag_make(7 + me, 1, 0, 0).raw, 0x50u + (word_t)me, timeouts);
}

static struct model_ipc ipc_of(int me, word_t op, int to)
{
    return (struct model_ipc){.send = op & L4_OP_SEND, .receive = (op & L4_OP_RECV) != 0,
                              .open = (op & L4_OP_OPEN_WAIT) != 0, .to = (int8_t)to, .from = (int8_t)to,
                              .slot = (int8_t)me, .label = 0x50u + (word_t)me, .word = 0x1000u + (word_t)me,
                              .tag = l4_tag_make(7 + me, 1, 0, 0).raw};
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
    struct model_ipc ipc = ipc_of(me, flags[op], x);
    word_t dest = L4_SEL_INVALID;

    ipc.gate = op == OP_GATE_CALL || op == OP_GATE_SEND;
    ipc.send_zero = zero;
    ipc.receive_timed = timed;
    if (explicit) {
        ipc.slot = (int8_t)(SLOT_EXPLICIT + model_task_of(me));
        dest = selector(REPLY_SLOT) | L4_SEL_REPLY;
    } else if (ipc.gate) {
        dest = selector(SLOT_GATE);
    } else if (ops[op].partners != 0) {
        dest = selector(SLOT_THREADS + (unsigned)x);
    }
    if (reply)
        model_reply(&model, me, ipc.slot, &ipc);
    else
        model_ipc(&model, me, &ipc);
    message(threads[me], me, (dest & ~L4_OP_MASK) | flags[op],
            (word_t)(zero ? L4_TIMEOUT_ZERO : 0u) << 16 | (timed ? TIMEOUT_1MS : 0u));
}

static void operate(struct thread *self, unsigned slot, long proto, unsigned words, unsigned item)
{
    if (item != 0) {
        self->utcb->mr[words] = L4_ITEM_MAP;
        self->utcb->mr[words + 1] = obj_page(item, 0, 15);
    }
    host_syscall(selector(slot) | OP_CALL, l4_tag_make(proto, words, item != 0, 0).raw, 0, 0);
}

static void do_thread(enum op op, int me, int x)
{
    struct thread *self = threads[me];
    word_t *mr = self->utcb->mr;
    bool there = !model.t[x].deleted, usable = model.gate_cap[model_task_of(me)];

    switch (op) {
    case OP_CANCEL:
        model_answer(&model, me, 0, there ? 0 : L4_IPC_NOT_EXISTENT);
        if (there)
            model_cancel(&model, x);
        mr[0] = L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL;
        mr[1] = mr[2] = ~0ul;
        operate(self, SLOT_THREADS + (unsigned)x, L4_PROTO_THREAD, 3, 0);
        break;
    case OP_DELETE:
        model_answer(&model, me, 0, 0);
        if (there)
            model_delete(&model, x);
        mr[0] = L4_OP_TASK_UNMAP;
        mr[1] = L4_UNMAP_SELF | L4_UNMAP_DELETE;
        mr[2] = obj_page(SLOT_THREADS + (unsigned)x, 0, 15);
        operate(self, SLOT_TASKS + (unsigned)model_task_of(me), L4_PROTO_TASK, 3, 0);
        break;
    case OP_BIND:
        model_answer(&model, me, 0, usable ? 0 : L4_IPC_NOT_EXISTENT);
        model.t[me].result.known = there || !usable;
        if (there && usable)
            model_bind(&model, x, 0x200u + 4u * (word_t)x);
        mr[0] = L4_OP_GATE_BIND;
        mr[1] = 0x200u + 4u * (word_t)x;
        operate(self, SLOT_GATE, L4_PROTO_KOBJECT, 2, SLOT_THREADS + (unsigned)x);
        break;
    default:
        model_answer(&model, me, 0, 0);
        model.t[me].result.known = there;
        if (there)
            model.t[x].cpu = op == OP_MIGRATE_1;
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
    int from = model_task_of(me), to = 1 - from;
    struct thread *self = threads[me];
    word_t *mr = self->utcb->mr;
    unsigned rights = op == OP_MAP_READ ? L4_MEM_R : L4_MEM_R | L4_MEM_W;

    model_answer(&model, me, 0, 0);
    mr[0] = L4_OP_TASK_MAP;
    if (op >= OP_MAP_CAP) {
        rights = L4_RIGHT_R | L4_RIGHT_W | (op == OP_MAP_CAP_DELETE ? L4_RIGHT_D : 0);
        model_map_cap(&model, from, (uint8_t)rights, op == OP_MAP_CAP_WEAK);
        mr[1] = selector(SLOT_SPARE) | L4_ITEM_MAP | (op == OP_MAP_CAP_WEAK ? L4_OBJ_WEAK : 0);
        mr[2] = obj_page(SLOT_GATE, 0, rights);
    } else {
        model_map_page(&model, from, (uint8_t)rights, op == OP_GRANT);
        mr[1] = WINDOW | L4_ITEM_MAP | (op == OP_GRANT ? L4_ITEM_GRANT : 0);
        mr[2] = mem_page(WINDOW, 12, rights);
    }
    operate(self, SLOT_TASKS + (unsigned)to, L4_PROTO_TASK, 3, SLOT_TASKS + (unsigned)from);
}

static void do_unmap(enum op op, int me)
{
    int task = model_task_of(me);
    word_t *mr = threads[me]->utcb->mr, self = L4_UNMAP_SELF;
    word_t fpage = mem_page(WINDOW, 12, op == OP_UNMAP_WRITE ? L4_MEM_W : L4_MEM_RIGHTS);

    model_answer(&model, me, 0, 0);
    switch (op) {
    case OP_UNMAP_CAP:
    case OP_DELETE_CAP:
        task = 1 - task; /* what was mapped there */
        model_unmap_spare(&model, task, op == OP_DELETE_CAP);
        self |= op == OP_DELETE_CAP ? L4_UNMAP_DELETE : 0;
        fpage = obj_page(SLOT_SPARE, 0, 15);
        break;
    case OP_UNMAP_GATE:
        model_unmap_gate(&model, task);
        fpage = obj_page(SLOT_GATE, 0, 15);
        break;
    case OP_DELETE_GATE:
        if (model.gate_cap[task])
            model_gate_delete(&model);
        self |= L4_UNMAP_DELETE;
        fpage = obj_page(SLOT_GATE, 0, 15);
        break;
    default:
        self = op == OP_UNMAP_SELF ? L4_UNMAP_SELF : 0;
        model_unmap_page(&model, task, self != 0, op == OP_UNMAP_WRITE ? L4_MEM_W : L4_MEM_RIGHTS);
        break;
    }
    mr[0] = L4_OP_TASK_UNMAP;
    mr[1] = self;
    mr[2] = fpage;
    operate(threads[me], SLOT_TASKS + (unsigned)task, L4_PROTO_TASK, 3, 0);
}

static void do_tick(enum op op)
{
    if (op == OP_QUANTUM)
        host_cpu->context->left_us = 1;
    host_time(2 * WAIT_US);
    model_tick(&model, host_cpu->id, 2 * WAIT_US);
    host_tick();
}

bool small_apply(unsigned event, const char **wrong)
{
    const struct event *e = &events[event];
    bool interrupted = host_ipi_pending(e->cpu);
    int me;

    *wrong = NULL;
    if (e->op == OP_LOOK && !interrupted)
        return false;
    if (e->op < OP_TICK && cpus[e->cpu]->current == cpus[e->cpu]->idle && !interrupted)
        return false;
    if (e->op == OP_QUANTUM && cpus[e->cpu]->context == cpus[e->cpu]->idle)
        return false;
    host_set_cpu(e->cpu);
    *wrong = interrupted ? settle() : NULL;
    if (*wrong != NULL || e->op == OP_LOOK)
        return true;
    if (e->op >= OP_TICK) {
        do_tick(e->op);
    } else {
        me = index_of(host_current());
        if (me == NOBODY)
            return false;
        int x = (me + e->partner) % MODEL_THREADS;

        if (e->op == OP_CANCEL || (e->op >= OP_DELETE && e->op <= OP_MIGRATE_1))
            do_thread(e->op, me, x);
        else if (e->op < OP_MAP_READ)
            do_ipc(e->op, me, x);
        else if (e->op <= OP_MAP_WRITE || (e->op >= OP_GRANT && e->op <= OP_MAP_CAP_DELETE))
            do_map(e->op, me);
        else
            do_unmap(e->op, me);
    }
    *wrong = settle();
    return true;
}

/* ---- the hash of a state ---- */

static uint64_t sum;

static inline void see(uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15ul;
    sum ^= sum >> 29;
}

static void see_thread(const struct thread *t)
{
    bool again = t->resume == ipc_restart_resume || t->ipc_state == IPC_GATE;

    see(t->state_word);
    see((uint64_t)(uintptr_t)t->home);
    see((uint64_t)(uintptr_t)t->resume);
    see(t->timeout.armed ? t->timeout.deadline_us - host_clock_us() : 1);
    see(t->ipc_state == IPC_RECEIVING ? t->partner : 0);
    see(t->ipc_state == IPC_WAITING ? (uint64_t)(uintptr_t)t->ipc.wait_slot : 0);
    see(t->reply.raw);
    see((uint64_t)(uintptr_t)t->held_by);
    for (const struct list *l = t->senders.next; l != &t->senders; l = l->next)
        see((uint64_t)(uintptr_t)l);
    if (again) {
        see(frame_dest(&t->arch.frame));
        see(frame_timeout(&t->arch.frame));
    }
    if (t->ipc_state == IPC_SENDING || t->resume == ipc_receive_resume) {
        see(t->ipc.op | (uint64_t)t->ipc.rights << 16 | (uint64_t)t->ipc.timeout << 32);
        see((uint64_t)(uintptr_t)t->ipc.wait_slot);
        see(t->snd.label);
    }
}

static void see_cpu(const struct cpu *c)
{
    see((uint64_t)(uintptr_t)c->current);
    see((uint64_t)(uintptr_t)c->context);
    see((c->reschedule ? 1u : 0) | (c->arch.ipi ? 2u : 0) | (uint64_t)c->claim << 8);
    for (const struct list *l = c->ready[PRIO].next; l != &c->ready[PRIO]; l = l->next)
        see((uint64_t)(uintptr_t)l);
}

uint64_t small_hash(void)
{
    sum = 0;
    for (unsigned i = 0; i < cpu_count; i++)
        see_cpu(cpus[i]);
    for (int i = 0; i < MODEL_THREADS; i++)
        see_thread(threads[i]);
    for (const struct list *l = gate->waiting.next; l != &gate->waiting; l = l->next)
        see((uint64_t)(uintptr_t)l);
    see((uint64_t)(uintptr_t)gate->thread);
    see(gate->label | gate->obj.dead);
    for (int i = 0; i < MODEL_TASKS; i++) {
        const struct reply_slot *slot = slot_at(SLOT_EXPLICIT + i);

        see(slot == NULL ? 1 : slot->raw);
        see(page_rights(i));
        see((uint64_t)(uintptr_t)page_parent(i));
        see(cap_slot(tasks[i], SLOT_SPARE)->raw);
        see(cap_slot(tasks[i], SLOT_GATE)->raw);
    }
    return sum;
}

void small_check(void)
{
    kernel_check_all();
    task_check(source);
    for (int i = 0; i < MODEL_TASKS; i++) {
        task_check(tasks[i]);
        host_tlb_check(&tasks[i]->space);
    }
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        slab_check(s);
    for (unsigned i = 0; i < cpu_count; i++)
        kassert(cpus[i]->claim == CPU_FREE || (cpus[i]->claim == CPU_PARKED && cpus[i]->current == cpus[i]->idle));
}
