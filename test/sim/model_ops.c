/* SPDX-License-Identifier: MIT */
/* The reference model, see model.h: operations on threads, gates, IRQs and semaphores. */
#include "model.h"
#include <l4/errors.h>
#include <l4/proto.h>

/* ---- threads ---- */

void model_ex_regs(struct model *m, int x, unsigned flags)
{
    struct model_thread *t = &m->t[x];

    if ((t->flags & F_EXCEPTION) && t->state != M_READY && !(flags & EX_CANCEL))
        return; /* its state is with the handler: it is only read */
    if (!(t->flags & F_STARTED)) {
        t->flags |= F_STARTED;
        model_wake(m, x);
    }
    if (flags & EX_TRIGGER)
        t->flags |= F_TRIGGER;
    if (flags & EX_CANCEL)
        model_cancel(m, x);
}

/* ---- gates ---- */

/* Who waited makes the call again when it runs. One that was cancelled gets its error, outside of the queue. */
void model_gate_bind(struct model *m, int gate, int x, word_t label)
{
    struct model_object *g = &m->object[gate];

    g->thread = (int16_t)x;
    g->label = label;
    while (g->first != NOBODY) {
        int s = g->first;

        if (m->t[s].rest == REST_CANCEL) {
            queue_remove(m, &g->first, s);
            m->t[s].at = NOBODY;
            continue;
        }
        model_unblock(m, s);
        m->t[s].rest = REST_AGAIN;
        model_wake(m, s);
    }
}

void model_gate_destroy(struct model *m, int gate)
{
    struct model_object *g = &m->object[gate];

    while (g->first != NOBODY)
        model_abort(m, g->first, L4_IPC_NOT_EXISTENT);
    g->kind = K_VOID;
    if (g->thread != NOBODY && m->deletion_irq[g->thread] != NOBODY &&
        m->object[m->deletion_irq[g->thread]].kind == K_IRQ) /* one that has just ended itself tells nobody */
        model_irq_hit(m, m->deletion_irq[g->thread]);
}

/* ---- IRQs ---- */

void model_irq_hit(struct model *m, int irq)
{
    struct model_object *o = &m->object[irq];
    bool level = o->source && o->level;

    if (o->thread == NOBODY)
        o->pending = o->pending || !level;
    else if (m->t[o->thread].state != M_DEAD && !m->sender[MODEL_THREADS + irq].queued)
        model_irq_send(m, irq); /* one message at most */
}

void model_irq_bind(struct model *m, int irq, int x, word_t label)
{
    struct model_object *o = &m->object[irq];
    bool waits = o->pending || m->sender[MODEL_THREADS + irq].queued;

    m->sender[MODEL_THREADS + irq].label = label;
    if (o->thread == x)
        return;
    model_irq_unqueue(m, irq);
    o->thread = (int16_t)x;
    o->pending = false;
    if (waits)
        model_irq_send(m, irq);
}

bool model_irq_detach(struct model *m, int irq)
{
    bool queued = m->sender[MODEL_THREADS + irq].queued;

    model_irq_unqueue(m, irq);
    m->object[irq].thread = NOBODY;
    return queued;
}

void model_irq_destroy(struct model *m, int irq)
{
    model_irq_unqueue(m, irq);
    m->object[irq].kind = K_VOID;
}

/* ---- semaphores ---- */

void model_sem_up(struct model *m, int sem)
{
    struct model_object *o = &m->object[sem];
    int x = o->first;

    if (x == NOBODY) {
        o->count += o->count < INT64_MAX;
        return;
    }
    model_unblock(m, x);
    if (m->t[x].request.dest & L4_OP_RECV)
        model_result(m, x, (struct model_result){.kind = R_LABEL});
    else
        model_result(m, x, (struct model_result){.kind = R_TAG, .tag = m->t[x].request.tag});
    model_wake(m, x);
}

void model_sem_down(struct model *m, int x, int sem, unsigned timeout)
{
    struct model_object *o = &m->object[sem];
    word_t error;

    if (o->count > 0) {
        o->count--;
        model_result(m, x, (struct model_result){.kind = R_LABEL});
        return;
    }
    error = model_wait(m, x, M_SEM, sem, timeout);
    if (error != 0)
        model_result(m, x, (struct model_result){.kind = R_ERROR, .error = error});
    else
        model_block(m, x);
}

void model_sem_destroy(struct model *m, int sem)
{
    while (m->object[sem].first != NOBODY)
        model_abort(m, m->object[sem].first, L4_IPC_NOT_EXISTENT);
    m->object[sem].kind = K_VOID;
}

/* ---- destruction ---- */

#define ORDERS_TRIED 4u /* so many objects in every order; more in the one that the world guesses */

static void destroy(struct model *m, int who)
{
    int object = who - MODEL_THREADS;

    if (object < 0) {
        m->t[who].flags |= F_DELETED;
        model_kill(m, who);
    } else if (m->object[object].kind == K_GATE) {
        model_gate_destroy(m, object);
    } else if (m->object[object].kind == K_IRQ) {
        model_irq_destroy(m, object);
    } else if (m->object[object].kind == K_SEM) {
        model_sem_destroy(m, object);
    }
}

/* The deletion IRQ of a thread is hit for each of its gates that ends; gates that nobody uses are not in the model. */
static void unknown_gates_end(struct model *m)
{
    for (unsigned i = 0; i < m->threads; i++)
        if (m->deletion_irq[i] != NOBODY && m->object[m->deletion_irq[i]].kind == K_IRQ)
            for (unsigned hits = model_choose(3); hits > 0; hits--)
                model_irq_hit(m, m->deletion_irq[i]);
}

static bool tells(const struct model *m, int thread) { return thread != NOBODY && m->deletion_irq[thread] != NOBODY; }

static bool is_deletion_irq(const struct model *m, int object)
{
    for (unsigned i = 0; i < m->threads; i++)
        if (m->deletion_irq[i] == object)
            return true;
    return false;
}

/* Would it get the message that a gate has ended? */
static bool is_told(const struct model *m, int thread)
{
    for (unsigned i = 0; i < m->threads; i++)
        if (tells(m, (int)i) && m->object[m->deletion_irq[i]].thread == thread)
            return true;
    return false;
}

/* Does nobody learn of its end? Then it does not matter when it comes. */
static bool ends_quietly(const struct model *m, int who)
{
    const struct model_object *o;

    if (who < MODEL_THREADS) {
        const struct model_thread *t = &m->t[who];

        return (t->state == M_DEAD || !(t->flags & F_STARTED) || t->cpu == NOBODY) && t->first == NOBODY &&
               m->reply[who].caller == NOBODY && !tells(m, who) && !is_told(m, who);
    }
    o = &m->object[who - MODEL_THREADS];
    if (o->kind == K_IRQ)
        return !m->sender[who].queued && !is_deletion_irq(m, who - MODEL_THREADS);
    return o->first == NOBODY && (o->kind == K_SEM || !tells(m, o->thread));
}

static int destroyed_take(struct model *m, unsigned i)
{
    int who = m->destroyed[i];

    m->destroyed_count--;
    for (; i < m->destroyed_count; i++)
        m->destroyed[i] = m->destroyed[i + 1];
    return who;
}

void model_destroy_all(struct model *m)
{
    if (!m->ends_known)
        unknown_gates_end(m);
    for (unsigned i = 0; i < m->destroyed_count;)
        if (ends_quietly(m, m->destroyed[i]))
            destroy(m, destroyed_take(m, i));
        else
            i++;
    if (m->destroyed_count > ORDERS_TRIED && model_choose(2) != 0)
        m->open = true;
    for (bool guessed = m->destroyed_count > ORDERS_TRIED; m->destroyed_count > 0 && !m->open;)
        destroy(m, destroyed_take(m, guessed || m->destroyed_count == 1 ? 0 : model_choose(m->destroyed_count)));
}
