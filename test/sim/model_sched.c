/* SPDX-License-Identifier: MIT */
/*
 * The reference model, see model.h: who runs. Fixed priorities; within one, a thread that becomes ready or is preempted
 * goes to the front, one whose quantum is over or that slept goes to the back. A woken thread preempts unless the
 * time slice in use belongs to a more important one.
 */
#include "model.h"

#define QUANTUM_US 10000

static void ready_add(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];
    bool back = (t->flags & F_BACK) != 0;
    int16_t *at = &m->on[t->cpu].first;

    while (*at != NOBODY && (m->t[*at].prio > t->prio || (back && m->t[*at].prio == t->prio)))
        at = &m->t[*at].ready_next;
    t->ready_next = *at;
    *at = (int16_t)x;
    t->flags = (uint16_t)((t->flags & ~F_BACK) | F_READY);
}

void model_dequeue(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    if (!(t->flags & F_READY))
        return;
    for (int16_t *at = &m->on[t->cpu].first; *at != NOBODY; at = &m->t[*at].ready_next)
        if (*at == x) {
            *at = t->ready_next;
            break;
        }
    t->ready_next = NOBODY;
    t->flags &= (uint16_t)~F_READY;
}

/* The priority of whose time slice is in use; idle: 0. */
static int context_prio(const struct model *m, const struct model_cpu *c)
{
    return c->context == NOBODY ? 0 : m->t[c->context].prio;
}

/* x, which is not running, is found by its CPU. */
void model_ready(struct model *m, int x)
{
    struct model_cpu *c = &m->on[m->t[x].cpu];

    ready_add(m, x);
    if (m->t[x].prio >= context_prio(m, c))
        c->reschedule = true;
}

/* Is that CPU told at once? Nobody needs to wait for a CPU that sleeps. */
static bool reached(struct model *m, int cpu)
{
    if (cpu == m->cpu || (m->reached >> cpu & 1))
        return true;
    if ((model_choose(2) != 0) == (m->on[cpu].current == NOBODY))
        return false;
    model_reach(m, cpu);
    return true;
}

bool model_tell(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    if (t->cpu == NOBODY || reached(m, t->cpu))
        return true;
    if (!(t->flags & (F_BOXED | F_READY))) {
        int16_t *at = &m->on[t->cpu].box;

        while (*at != NOBODY)
            at = &m->t[*at].ready_next;
        *at = (int16_t)x;
        t->flags |= F_BOXED;
    }
    return false;
}

void model_wake(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    if (t->cpu == NOBODY || (t->flags & (F_READY | F_BOXED)) || !(t->flags & F_STARTED) || t->state == M_DEAD ||
        m->on[t->cpu].current == x)
        return;
    if (model_tell(m, x) && !(t->flags & F_READY))
        model_ready(m, x);
}

static void run(struct model *m, struct model_cpu *c, int x)
{
    c->current = c->context = (int16_t)x;
    if (x != NOBODY)
        model_dequeue(m, x);
}

void model_pick(struct model *m)
{
    struct model_cpu *c = &m->on[m->cpu];

    c->reschedule = false;
    run(m, c, c->first);
}

void model_switch(struct model *m, int self, int to)
{
    struct model_cpu *c = &m->on[m->cpu];

    model_dequeue(m, to);
    m->t[to].flags &= (uint16_t)~F_BACK;
    if (m->t[self].state == M_READY)
        ready_add(m, self);
    c->current = (int16_t)to;
}

/* A more important thread, or an equal one that was just woken, takes the CPU. */
void model_preempt(struct model *m)
{
    struct model_cpu *c = &m->on[m->cpu];
    int self = c->current, next = c->first;

    if (self != NOBODY && m->t[self].cpu != m->cpu) { /* it has been moved away */
        model_pick(m);
        return;
    }
    c->reschedule = false;
    if (next == NOBODY || m->t[next].prio < context_prio(m, c)) {
        if (self != NOBODY)
            m->t[self].flags &= (uint16_t)~F_BACK;
        return;
    }
    if (self != NOBODY && m->t[self].prio > m->t[next].prio) { /* only the slice it was lent is less important */
        c->context = (int16_t)self;
        return;
    }
    model_dequeue(m, next);
    if (self != NOBODY)
        ready_add(m, self);
    c->current = c->context = (int16_t)next;
}

/* Does the CPU look at what lies in its box? */
static void look(struct model *m)
{
    if (m->on[m->cpu].box != NOBODY && (m->interrupted || model_choose(2) != 0))
        model_reach(m, m->cpu);
}

void model_leave(struct model *m)
{
    struct model_cpu *c = &m->on[m->cpu];

    look(m);
    model_destroy_all(m);
    for (unsigned n = 0; n < 4 * MODEL_THREADS && !m->open; n++) {
        if (c->reschedule)
            model_preempt(m);
        look(m); /* or when it has chosen who runs, who has something left to do */
        if (c->current == NOBODY || !model_go_on(m, c->current))
            if (!c->reschedule)
                return;
    }
}

void model_tick(struct model *m, uint64_t passed)
{
    struct model_cpu *c = &m->on[m->cpu];

    if (c->current == NOBODY) {
        c->idle += passed;
    } else {
        struct model_thread *t = &m->t[c->context];

        m->t[c->current].consumed += passed;
        t->left -= passed > INT32_MAX ? INT32_MAX : (int32_t)passed;
        if (t->left <= 0) {
            t->left = t->quantum;
            if (c->context == c->current)
                t->flags |= F_BACK;
            c->context = c->current; /* a donated slice ends */
            c->reschedule = true;
        }
    }
    model_expire(m, m->cpu);
    model_leave(m);
}

void model_schedule(struct model *m, int x, int cpu, unsigned prio, int32_t quantum)
{
    struct model_thread *t = &m->t[x];
    int old = t->cpu;

    model_reach(m, old);

    bool moved = old != NOBODY && old != cpu && m->on[old].current == x;
    bool runs = (t->flags & F_READY) || moved;

    model_dequeue(m, x);
    t->cpu = (int8_t)cpu;
    if (moved) {
        m->on[old].reschedule = true;
        if (old != m->cpu)
            m->on[old].current = m->on[old].context = NOBODY;
    }
    if (old != NOBODY && old != cpu && m->on[old].context == x) { /* a slice that was lent has gone */
        m->on[old].context = m->on[old].current;
        m->on[old].reschedule = true;
    }
    t->prio = (uint8_t)prio;
    t->quantum = t->left = quantum != 0 ? quantum : QUANTUM_US;
    if (cpu == NOBODY)
        return;
    if (old != cpu && t->deadline != 0)
        model_tell(m, x);
    if (runs || (old == NOBODY && (t->flags & F_STARTED) && (t->state == M_READY || t->rest != REST_NONE)))
        model_wake(m, x);
    if ((x == m->on[cpu].current || x == m->on[cpu].context) && m->on[cpu].first != NOBODY &&
        m->t[m->on[cpu].first].prio > t->prio)
        m->on[cpu].reschedule = true;
}
