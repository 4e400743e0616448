/* SPDX-License-Identifier: MIT */
/*
 * The abstract state of the model, made from the kernel's data. Threads and objects get an index when they are first
 * met and keep it until they have been freed (host_serial). Every thread that runs or waits has been looked up by
 * somebody before, so nobody needs to walk all tasks.
 */
#include "load.h"
#include "arch/host/host.h"
#include "ipc.h"
#include "objects.h"
#include "smp.h"
#include "task.h"
#include <string.h>

#define HASH 2048u

static const struct thread *threads[MODEL_THREADS];
static uint64_t ids[MODEL_SENDERS]; /* of threads and IRQs */
static uint32_t serials[MODEL_SENDERS]; /* of all: somebody else may have their memory by now */
static const struct kobj *objects[MODEL_OBJECTS];
static uint8_t types[MODEL_OBJECTS]; /* enum kobj_type */
static struct explicit {
    const struct task *task;
    uint32_t serial;
    word_t index;
} explicits[MODEL_EXPLICIT];
static unsigned thread_count, object_count, explicit_count;
static uint64_t met; /* how often somebody was added */

/* Index + 1 by address and by sender id; rebuilt when somebody is forgotten. */
static struct entry {
    uint64_t key;
    int index;
} table[HASH];
static unsigned used[HASH], used_count;

static struct entry *entry_of(uint64_t key)
{
    unsigned i = (unsigned)((key ^ key >> 11) * 0x9e3779b97f4a7c15ul >> 53);

    while (table[i].key != 0 && table[i].key != key)
        i = (i + 1) % HASH;
    return &table[i];
}

static void entry_add(uint64_t key, int index)
{
    struct entry *e = entry_of(key);

    if (e->key == 0)
        used[used_count++] = (unsigned)(e - table);
    *e = (struct entry){key, index};
}

static int entry_find(uint64_t key)
{
    const struct entry *e = entry_of(key);

    return e->key == 0 ? NOBODY : e->index;
}

static uint64_t key_of(const void *p) { return (uint64_t)(uintptr_t)p << 1 | 1; } /* ids are small and even here */
static uint64_t key_of_id(uint64_t id) { return id << 1; }

static void table_clear(void)
{
    while (used_count > 0)
        table[used[--used_count]] = (struct entry){0, 0};
}

void load_reset(void)
{
    table_clear();
    thread_count = object_count = explicit_count = 0;
}

static void table_fill(void)
{
    table_clear();
    for (unsigned i = 0; i < thread_count; i++) {
        if (threads[i] == NULL)
            continue;
        entry_add(key_of(threads[i]), (int)i);
        entry_add(key_of_id(ids[i]), (int)i);
    }
}

static bool alive[MODEL_THREADS];
static uint64_t alive_since; /* host_taken_back() then */

static bool exists(unsigned i)
{
    if (alive_since != host_taken_back()) {
        alive_since = host_taken_back();
        for (unsigned n = 0; n < thread_count; n++)
            alive[n] = threads[n] != NULL && host_serial(threads[n]) == serials[n] &&
                       threads[n]->snd.id == ids[n];
    }
    return alive[i];
}

static const struct reply_slot *explicit_at(unsigned i)
{
    const struct explicit *e = &explicits[i];

    return host_serial(e->task) == e->serial ? task_reply_slot(e->task, e->index) : NULL;
}

static bool object_exists(unsigned i) { return host_serial(objects[i]) == serials[MODEL_THREADS + i]; }

bool load_forget(void)
{
    static uint64_t freed;
    bool some = object_count > MODEL_OBJECTS / 2 || explicit_count > MODEL_EXPLICIT / 2;

    if (!some && freed == host_taken_back())
        return false;
    freed = host_taken_back();
    for (unsigned i = 0; i < explicit_count; i++)
        some = some || explicit_at(i) == NULL;

    for (unsigned i = 0; i < thread_count; i++)
        if (threads[i] != NULL && !exists(i)) {
            threads[i] = NULL;
            some = true;
        }
    for (unsigned i = 0; i < object_count; i++)
        some = some || !object_exists(i);
    if (!some)
        return false;
    while (thread_count > 0 && threads[thread_count - 1] == NULL)
        thread_count--;
    object_count = explicit_count = 0;
    table_fill();
    return true;
}

int load_thread(const struct thread *t)
{
    int i = entry_find(key_of(t));
    unsigned at = 0;

    if (i != NOBODY)
        return i;
    while (at < thread_count && threads[at] != NULL)
        at++;
    if (at == MODEL_THREADS)
        return NOBODY;
    thread_count += at == thread_count;
    met++;
    threads[at] = t;
    alive[at] = true;
    ids[at] = t->snd.id;
    serials[at] = host_serial(t);
    entry_add(key_of(t), (int)at);
    entry_add(key_of_id(ids[at]), (int)at);
    return (int)at;
}

int load_object(const struct kobj *obj)
{
    int i = entry_find(key_of(obj));

    if (i != NOBODY)
        return i;
    if (object_count == MODEL_OBJECTS)
        return NOBODY;
    met++;
    objects[object_count] = obj;
    types[object_count] = obj->type;
    serials[MODEL_THREADS + object_count] = host_serial(obj);
    entry_add(key_of(obj), (int)object_count);
    if (obj->type == KOBJ_IRQ) {
        ids[MODEL_THREADS + object_count] = irq_of((struct kobj *)obj)->snd.id;
        entry_add(key_of_id(irq_of((struct kobj *)obj)->snd.id), (int)(MODEL_THREADS + object_count));
    }
    return (int)object_count++;
}

const struct kobj *load_kobj(int who)
{
    return who < MODEL_THREADS ? &threads[who]->obj : objects[who - MODEL_THREADS];
}

const struct thread *load_thread_at(int x) { return exists((unsigned)x) ? threads[x] : NULL; }

/* The index of an explicit slot of the task; false: it is none of its. */
static bool explicit_find(const struct task *task, const struct reply_slot *slot, word_t *index)
{
    if (task == NULL || task->reply_dir == NULL)
        return false;
    for (word_t p = 0; p < REPLY_PAGES; p++) {
        const struct reply_slot *page = task->reply_dir[p];

        if (page != NULL && slot >= page && slot < page + REPLY_PAGE_SLOTS) {
            *index = p * REPLY_PAGE_SLOTS + (word_t)(slot - page);
            return true;
        }
    }
    return false;
}

/* Of that thread's task, or (the thread may have died since) of any task. */
static const struct task *explicit_owner(const struct thread *owner, const struct reply_slot *slot, word_t *index)
{
    if (owner != NULL && explicit_find(owner->task, slot, index))
        return owner->task;
    for (unsigned i = 0; i < thread_count; i++)
        if (exists(i) && explicit_find(threads[i]->task, slot, index))
            return threads[i]->task;
    return NULL;
}

int load_slot(const struct reply_slot *slot, const struct thread *owner)
{
    int i;
    struct explicit *e = &explicits[explicit_count];

    if (owner != NULL && (slot == NULL || slot == &owner->reply))
        return load_thread(owner);
    i = entry_find(key_of(slot));
    if (i != NOBODY) {
        e = &explicits[i - MODEL_THREADS];
        if (explicit_at((unsigned)i - MODEL_THREADS) == slot)
            return i; /* else another task has got that memory */
    } else if (explicit_count == MODEL_EXPLICIT) {
        return UNKNOWN;
    }
    e->task = explicit_owner(owner, slot, &e->index);
    if (e->task == NULL)
        return UNKNOWN;
    e->serial = host_serial(e->task);
    if (i != NOBODY)
        return i;
    entry_add(key_of(slot), (int)(MODEL_THREADS + explicit_count));
    return (int)(MODEL_THREADS + explicit_count++);
}

/* ---- one thread ---- */

static uint16_t flags_of(const struct thread *t)
{
    uint32_t f = t->flags;
    unsigned flags = 0;

    flags |= f & THREAD_UNSTARTED ? 0u : F_STARTED;
    if (f != 0) {
        flags |= f & THREAD_CANCELED ? F_CANCELLED : 0u;
        flags |= f & THREAD_DYING ? F_DYING : 0u;
        flags |= f & THREAD_IN_FAULT ? F_FAULT : 0u;
        flags |= f & THREAD_IN_EXCEPTION ? F_EXCEPTION : 0u;
        flags |= f & THREAD_TRIGGER ? F_TRIGGER : 0u;
        flags |= f & THREAD_ALIEN ? F_ALIEN : 0u;
        flags |= f & THREAD_ALIEN_PASS ? F_PASS : 0u;
        flags |= f & THREAD_ALIEN_AFTER ? F_AFTER : 0u;
        flags |= f & THREAD_TO_BACK ? F_BACK : 0u;
        flags |= f & THREAD_VCPU_USER ? F_VCPU_USER : 0u;
    }
    flags |= t->obj.dead ? F_DELETED : 0u;
    flags |= t->ready ? F_READY : 0u;
    flags |= t->options & THREAD_OPT_VCPU ? F_VCPU : 0u;
    return (uint16_t)flags;
}

static uint8_t rest_of(const struct thread *t)
{
    if (t->resume == NULL)
        return REST_NONE;
    if (t->resume == ipc_cancel_resume)
        return REST_CANCEL;
    if (t->resume == ipc_restart_resume)
        return REST_AGAIN;
    if (t->resume == ipc_receive_resume)
        return REST_LATER;
    if (t->resume == fault_answered_resume)
        return REST_ANSWERED;
    if (t->resume == fault_exception)
        return REST_REFLECT;
    if (t->resume == preempt_again || t->resume == preempt_resume)
        return t->progress.receiving ? REST_RECEIVE : REST_AGAIN;
    return t->resume == vcpu_poll_resume ? REST_POLL : REST_OTHER;
}

/* The object at whose queue t waits: the only element of the ring that is no thread. */
static int waits_at(const struct thread *t)
{
    const struct list *l = t->snd.link.next;

    if (list_empty(&t->snd.link)) /* the gate was bound, but it was cancelled before */
        return NOBODY;
    while (entry_find(key_of(container_of(l, const struct thread, snd.link))) != NOBODY)
        l = l->next;
    return load_object(t->ipc_state == IPC_GATE ? &container_of(l, struct gate, waiting)->obj
                                                : &container_of(l, struct sem, waiting)->base.obj);
}

static int partner_of(const struct thread *t)
{
    int i;

    if (t->partner == 0)
        return NOBODY;
    i = entry_find(key_of_id(t->partner));
    return i == NOBODY ? UNKNOWN : i;
}

/* Is there an open wait in which a slot matters? */
static bool opens(unsigned op) { return (op & L4_OP_RECV) && (op & L4_OP_OPEN_WAIT); }

static void load_state(struct model_thread *m, const struct thread *t)
{
    static const uint8_t states[] = {[IPC_IDLE] = M_READY, [IPC_SENDING] = M_SEND, [IPC_GATE] = M_GATE,
                                     [IPC_RECEIVING] = M_RECEIVE, [IPC_WAITING] = M_WAIT, [IPC_SEM] = M_SEM,
                                     [IPC_AWAY] = M_AWAY};

    m->state = states[t->ipc_state];
    switch (m->state) {
    case M_SEND:
        m->at = (int16_t)load_thread(t->snd.receiver);
        break;
    case M_GATE:
    case M_SEM:
        m->at = (int16_t)waits_at(t);
        break;
    case M_RECEIVE:
        m->at = (int16_t)partner_of(t);
        break;
    case M_WAIT:
        m->ipc.slot = (int16_t)load_slot(t->ipc.wait_slot, t);
        break;
    default:
        break;
    }
    if (m->state == M_SEND || m->rest == REST_LATER)
        m->ipc = (struct model_ipc){t->ipc.tag.raw, t->ipc.timeout, t->ipc.op, t->ipc.rights,
                                    (int16_t)load_slot(opens(t->ipc.op) ? t->ipc.wait_slot : NULL, t)};
    if (model_keeps_request(m))
        m->request = (struct model_request){frame_dest(&t->arch.frame), frame_tag(&t->arch.frame),
                                            frame_label(&t->arch.frame), frame_timeout(&t->arch.frame)};
}

static void load_one(struct model *to, int x)
{
    const struct thread *t = threads[x];
    struct model_thread *m = &to->t[x];

    memset(m, 0, sizeof *m);
    m->at = m->first = m->held_by = m->ready_next = NOBODY;
    m->cpu = NOBODY;
    to->reply[x] = (struct model_slot){NOBODY, 0};
    to->sender[x] = (struct model_sender){.next = NOBODY};
    to->result[x].kind = R_NONE;
    to->deletion_irq[x] = NOBODY;
    if (exists((unsigned)x) && t->delete_irq != NULL)
        to->deletion_irq[x] = (int16_t)load_object(&t->delete_irq->base.obj);
    if (!exists((unsigned)x) || (t->flags & THREAD_GONE)) {
        m->state = M_DEAD;
        m->cpu = (int8_t)(!exists((unsigned)x) || t->home == NULL ? NOBODY : (int)t->home->id);
        m->flags = !exists((unsigned)x) || t->obj.dead ? F_DELETED : 0;
        return;
    }
    m->task = t->task == NULL ? 0 : heap_handle(t->task);
    m->prio = t->prio;
    m->cpu = (int8_t)(t->home == NULL ? NOBODY : (int)t->home->id);
    m->flags = flags_of(t);
    m->rest = rest_of(t);
    m->quantum = t->quantum_us;
    m->left = t->left_us;
    m->consumed = t->consumed_us;
    m->deadline = t->timeout.armed ? t->timeout.deadline_us : 0;
    load_state(m, t);
    if (t->held_by != NULL)
        m->held_by = (int16_t)load_slot(t->held_by, m->at < 0 || m->at >= MODEL_THREADS ? NULL : threads[m->at]);
    if (m->rest == REST_ANSWERED)
        m->answer = l4_tag_error(t->kernel_tag) ? L4_TAG_ERROR | t->kernel_error : t->kernel_tag.raw;
    if (t->reply.raw != 0)
        to->reply[x] = (struct model_slot){(int16_t)load_thread(reply_slot_caller(&t->reply)),
                                           (uint16_t)(t->reply.raw & 0xffu)};
}

/* ---- queues, objects, CPUs ---- */

/* messages: what is queued has a label. */
static void load_queue(struct model *m, const struct list *queue, int16_t *at, bool messages)
{
    for (const struct list *l = queue->next; l != queue; l = l->next) {
        const struct sender *s = container_of(l, struct sender, link);
        int i = s->is_irq ? load_object(&container_of(s, struct irq, snd)->base.obj)
                          : load_thread(container_of(s, struct thread, snd));

        if (i == NOBODY)
            break;
        i += s->is_irq ? MODEL_THREADS : 0;
        *at = (int16_t)i;
        m->sender[i] = (struct model_sender){.next = NOBODY, .prio = s->prio, .queued = true,
                                              .label = messages ? s->label : 0};
        at = &m->sender[i].next;
    }
    *at = NOBODY;
}

static int thread_or_nobody(const struct thread *t) { return t == NULL ? NOBODY : load_thread(t); }

static void load_one_object(struct model *m, unsigned i)
{
    const struct kobj *obj = objects[i];
    struct model_object *o = &m->object[i];
    struct model_sender *s = &m->sender[MODEL_THREADS + i];

    memset(o, 0, sizeof *o);
    o->thread = o->first = NOBODY;
    if (!s->queued || types[i] != KOBJ_IRQ)
        *s = (struct model_sender){.next = NOBODY, .prio = types[i] == KOBJ_IRQ ? 255 : 0};
    if (!object_exists(i) || obj->dead)
        return;
    if (types[i] == KOBJ_GATE) {
        const struct gate *g = gate_of((struct kobj *)obj);

        o->kind = K_GATE;
        o->thread = (int16_t)thread_or_nobody(g->thread);
        o->label = g->label;
        load_queue(m, &g->waiting, &o->first, false);
    } else if (types[i] == KOBJ_IRQ) {
        const struct irq *irq = irq_of((struct kobj *)obj);

        o->kind = K_IRQ;
        o->pending = irq->pending;
        o->thread = (int16_t)thread_or_nobody(irq->thread);
        o->source = irq->base.source != NULL;
        o->level = o->source && irq->base.source->level;
        if (irq->snd.receiver == NULL)
            *s = (struct model_sender){.next = NOBODY, .prio = 255};
        s->label = irq->snd.label;
    } else {
        const struct sem *sem = sem_of((struct kobj *)obj);

        o->kind = K_SEM;
        o->count = sem->count;
        o->source = sem->base.source != NULL;
        load_queue(m, &sem->waiting, &o->first, false);
    }
}

/* Who is on his way to that CPU. */
static void load_box(struct model *m, const struct cpu *c, struct model_cpu *to)
{
    int16_t *at = &to->box;

    for (const struct list *l = c->inbox.next; l != &c->inbox; l = l->next) {
        const struct thread *t = container_of(l, const struct thread, ready_link);
        int x = load_thread(t);

        kassert(!(m->t[x].flags & (F_BOXED | F_READY))); /* it lies there once */
        *at = (int16_t)x;
        m->t[x].flags |= F_BOXED;
        m->t[x].deadline = t->flags & THREAD_TIMED ? t->deadline_us : 0; /* as its CPU will arm it */
        at = &m->t[x].ready_next;
    }
    *at = NOBODY;
    load_queue(m, &c->guests, &to->guests, true);
    for (int s = to->guests; s != NOBODY; s = m->sender[s].next)
        if (s < MODEL_THREADS) {
            m->t[s].at = (int16_t)c->id;
            m->sender[s] = (struct model_sender){.next = m->sender[s].next, .queued = true};
        }
    kassert((to->box == NOBODY && to->guests == NOBODY) || host_ipi_pending(c->id)); /* they will be found */
}

static void load_cpu(struct model *m, unsigned id)
{
    const struct cpu *c = cpus[id];
    struct model_cpu *to = &m->on[id];
    int16_t *at = &to->first;

    to->current = (int16_t)(c->current == c->idle ? NOBODY : load_thread(c->current));
    to->context = (int16_t)(c->context == c->idle ? NOBODY : load_thread(c->context));
    to->reschedule = c->reschedule;
    to->idle = c->idle_us;
    for (int w = 3; w >= 0; w--)
        for (uint64_t map = c->ready_map[w]; map != 0;) {
            int bit = 63 - __builtin_clzl(map);
            const struct list *queue = &c->ready[w * 64 + bit];

            map &= ~(1ul << bit);
            for (const struct list *l = queue->next; l != queue; l = l->next) {
                int x = load_thread(container_of(l, struct thread, ready_link));

                *at = (int16_t)x;
                at = &m->t[x].ready_next;
            }
        }
    *at = NOBODY;
    load_box(m, c, to);
}

static void load_explicits(struct model *m)
{
    for (unsigned i = explicit_count; i < MODEL_EXPLICIT; i++)
        m->explicit[i] = (struct model_slot){NOBODY, 0};
    for (unsigned i = 0; i < explicit_count; i++) {
        const struct reply_slot *slot = explicit_at(i);
        const struct thread *caller = slot != NULL ? reply_slot_caller(slot) : NULL;

        m->explicit_task[i] = heap_handle(explicits[i].task);
        m->explicit[i].caller = (int16_t)thread_or_nobody(caller);
        m->explicit[i].rights = (uint16_t)(caller == NULL ? 0 : slot->raw & 0xffu);
    }
}

void load(struct model *m)
{
    unsigned done = 0;
    uint64_t known;

    m->now = host_clock_us();
    m->cpu = (int)host_cpu->id;
    m->cpus = cpu_count;
    m->reached = 0;
    m->interrupted = false;
    m->open = false;
    m->destroyed_count = 0;
    do { /* the last steps may meet somebody new */
        known = met;
        for (; done < thread_count; done++)
            load_one(m, (int)done);
        for (unsigned i = 0; i < thread_count; i++)
            if (exists(i)) /* an IRQ can be bound to a dead thread */
                load_queue(m, &threads[i]->senders, &m->t[i].first, true);
        for (unsigned i = 0; i < object_count; i++)
            load_one_object(m, i);
        load_explicits(m);
        for (unsigned i = 0; i < cpu_count; i++)
            load_cpu(m, i);
        done = 0;
    } while (met != known);
    m->met = met;
    m->threads = thread_count;
    m->objects = object_count;
    m->explicits = explicit_count;
}

bool load_complete(const struct model *m) { return m->met == met; }

const struct irq_base *load_irq_at(int object)
{
    return types[object] == KOBJ_GATE || !object_exists((unsigned)object) || objects[object]->dead
               ? NULL : container_of(objects[object], const struct irq_base, obj);
}
