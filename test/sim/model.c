/* SPDX-License-Identifier: MIT */
/* The reference model: see model.h. Rules are in the order of the description: rendezvous, abort, reply, objects. */
#include "model.h"
#include <l4/errors.h>
#include <l4/proto.h>
#include <l4/utcb.h>

#define TIMED_US 1000u

void model_init(struct model *m, unsigned cpus)
{
    *m = (struct model){.gate_thread = NOBODY, .gate_label = 0x100, .gate_cap = {true, true},
                        .page = {L4_MEM_RIGHTS, 0}, .page_parent = {NOBODY, NOBODY}};
    for (int i = 0; i < MODEL_SLOTS; i++)
        m->slot[i] = NOBODY;
    for (int i = 0; i < MODEL_THREADS; i++) {
        m->t[i].partner = NOBODY;
        m->t[i].held_by = SLOT_NONE;
        m->t[i].cpu = (uint8_t)(i == 2 && cpus > 1);
    }
}

/* ---- queues, slots, results ---- */

static void queue_remove(int8_t *queue, uint8_t *count, int x)
{
    uint8_t to = 0;

    for (uint8_t i = 0; i < *count; i++)
        if (queue[i] != x)
            queue[to++] = queue[i];
    *count = to;
}

static void slot_clear(struct model *m, int slot)
{
    if (m->slot[slot] != NOBODY)
        m->t[m->slot[slot]].held_by = SLOT_NONE;
    m->slot[slot] = NOBODY;
}

/* x waits no more. */
static void wait_over(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    if (t->state == M_SEND)
        queue_remove(m->t[t->partner].queue, &m->t[t->partner].queued, x);
    if (t->state == M_GATE)
        queue_remove(m->gate_queue, &m->gate_queued, x);
    if (t->held_by != SLOT_NONE)
        slot_clear(m, t->held_by);
    t->state = M_READY;
    t->partner = NOBODY;
    t->deadline = 0;
}

static void fail(struct model *m, int x, word_t error)
{
    wait_over(m, x);
    m->t[x].result = (struct model_result){.known = true, .error = error};
}

static void finish(struct model *m, int x, struct model_result result)
{
    wait_over(m, x);
    result.known = true;
    m->t[x].result = result;
}

/* ---- receive phase ---- */

static void receive_or_wait(struct model *m, int x);

static void wait_begin(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    if (t->cancelled) {
        fail(m, x, L4_IPC_SEND_CANCELED | 1);
        return;
    }
    t->state = t->ipc.open ? M_WAIT : M_RECEIVE;
    t->partner = t->ipc.open ? NOBODY : t->ipc.from;
    t->deadline = t->ipc.receive_timed ? m->now + TIMED_US : 0;
}

/* The message of s goes to r, which takes it in an open wait (slot) or a closed one (SLOT_NONE). s has not been in a
 * wait, or is not any more. at_once: s is running. */
static void deliver(struct model *m, int s, int r, int slot, bool at_once)
{
    struct model_thread *from = &m->t[s];

    finish(m, r, (struct model_result){.message = true, .tag = from->ipc.tag & ~L4_TAG_ERROR, .label = from->ipc.label,
                                       .word = from->ipc.word});
    if (!from->ipc.receive) {
        finish(m, s, (struct model_result){.tag = from->ipc.tag});
        return;
    }
    if (from->ipc.open) {
        if (!at_once && from->queued > 0)
            from->state = M_LATER;
        else
            receive_or_wait(m, s);
        return;
    }
    from->ipc.from = (int8_t)r;
    if (at_once)
        receive_or_wait(m, s);
    else
        wait_begin(m, s);
    if (slot == SLOT_NONE)
        return;
    slot_clear(m, slot); /* an earlier caller is forgotten, even if this one does not wait for an answer any more */
    if (from->state == M_RECEIVE && from->partner == r) {
        m->slot[slot] = (int8_t)s;
        from->held_by = (int8_t)slot;
    }
}

static void receive_or_wait(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];
    int s = NOBODY;

    if (t->ipc.open)
        s = t->queued > 0 ? t->queue[0] : NOBODY;
    else if (t->ipc.from != NOBODY && m->t[t->ipc.from].state == M_SEND && m->t[t->ipc.from].partner == x)
        s = t->ipc.from;
    if (s == NOBODY) {
        wait_begin(m, x);
        return;
    }
    t->state = M_READY;
    wait_over(m, s);
    deliver(m, s, x, t->ipc.open ? t->ipc.slot : SLOT_NONE, false);
}

/* ---- send phase ---- */

static void send_to(struct model *m, int self, int to)
{
    struct model_thread *t = &m->t[self], *r = &m->t[to];

    if (r->state == M_DEAD) {
        fail(m, self, L4_IPC_NOT_EXISTENT);
    } else if (to != self && (r->state == M_WAIT || (r->state == M_RECEIVE && r->partner == self))) {
        deliver(m, self, to, r->state == M_WAIT ? r->ipc.slot : SLOT_NONE, true);
    } else if (t->cancelled) {
        fail(m, self, L4_IPC_SEND_CANCELED);
    } else if (t->ipc.send_zero) {
        fail(m, self, L4_IPC_SEND_TIMEOUT);
    } else {
        t->state = M_SEND;
        t->partner = (int8_t)to;
        r->queue[r->queued++] = (int8_t)self;
    }
}

static void gate_send(struct model *m, int self)
{
    struct model_thread *t = &m->t[self];

    if (!m->gate_cap[model_task_of(self)]) {
        fail(m, self, L4_IPC_NOT_EXISTENT);
    } else if (m->gate_thread != NOBODY) {
        t->ipc.label = m->gate_label | L4_RIGHT_W | L4_RIGHT_S;
        t->ipc.from = m->gate_thread;
        send_to(m, self, m->gate_thread);
    } else if (t->cancelled) {
        fail(m, self, L4_IPC_SEND_CANCELED);
    } else if (t->ipc.send_zero) {
        fail(m, self, L4_IPC_SEND_TIMEOUT);
    } else {
        t->state = M_GATE;
        m->gate_queue[m->gate_queued++] = (int8_t)self;
    }
}

void model_ipc(struct model *m, int self, const struct model_ipc *ipc)
{
    struct model_thread *t = &m->t[self];

    t->cancelled = t->cancel_due = false;
    t->ipc = *ipc;
    if (ipc->gate) {
        gate_send(m, self);
    } else if ((ipc->send && m->t[ipc->to].deleted) || (!ipc->send && !ipc->open && m->t[ipc->from].deleted)) {
        fail(m, self, L4_IPC_NOT_EXISTENT); /* the capability is void */
    } else if (ipc->send) {
        send_to(m, self, ipc->to);
    } else {
        receive_or_wait(m, self);
    }
}

void model_reply(struct model *m, int self, int slot, const struct model_ipc *ipc)
{
    int to = m->slot[slot];

    m->t[self].cancelled = m->t[self].cancel_due = false;
    m->t[self].ipc = *ipc;
    if (to == NOBODY) {
        fail(m, self, L4_IPC_NOT_EXISTENT);
        return;
    }
    slot_clear(m, slot);
    send_to(m, self, to);
}

void model_answer(struct model *m, int self, long label, word_t error)
{
    m->t[self].cancelled = m->t[self].cancel_due = false;
    m->t[self].result = (struct model_result){.known = true, .answer = true, .error = error,
                                              .tag = l4_tag_make(label, 0, 0, 0).raw};
}

/* ---- abort ---- */

void model_cancel(struct model *m, int x)
{
    if (m->t[x].state == M_DEAD)
        return;
    m->t[x].cancelled = true;
    if (m->t[x].state != M_READY && m->t[x].state != M_AGAIN && m->t[x].state != M_LATER)
        m->t[x].cancel_due = true;
}

void model_tick(struct model *m, unsigned cpu, uint64_t us)
{
    m->now += us;
    for (int x = 0; x < MODEL_THREADS; x++) {
        struct model_thread *t = &m->t[x];

        if (t->deadline != 0 && t->deadline <= m->now && t->cpu == cpu)
            fail(m, x, L4_IPC_SEND_TIMEOUT | (t->state == M_RECEIVE || t->state == M_WAIT));
    }
}

void model_delete(struct model *m, int x)
{
    m->t[x].deleted = m->t[x].dying = true;
}

/* The end of x: its senders fail, nobody waits for an answer of its any more. */
static void gone(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];
    bool last = true;

    wait_over(m, x);
    t->dying = false;
    t->state = M_DEAD;
    while (t->queued > 0)
        fail(m, t->queue[0], L4_IPC_SEND_CANCELED);
    slot_clear(m, SLOT_IMPLICIT + x);
    for (int i = 0; i < MODEL_THREADS; i++)
        last = last && (model_task_of(i) != model_task_of(x) || m->t[i].state == M_DEAD);
    if (last)
        slot_clear(m, SLOT_EXPLICIT + model_task_of(x));
}

void model_ran(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    if (t->dying) {
        gone(m, x);
    } else if (t->state == M_AGAIN) {
        t->state = M_READY;
        gate_send(m, x);
    } else if (t->state == M_LATER) {
        t->state = M_READY;
        receive_or_wait(m, x);
    } else if (t->cancel_due && t->state != M_READY) {
        fail(m, x, L4_IPC_SEND_CANCELED | (t->state == M_RECEIVE || t->state == M_WAIT));
    }
    t->cancel_due = false;
}

/* ---- gate and memory ---- */

void model_bind(struct model *m, int x, word_t label)
{
    m->gate_thread = (int8_t)x;
    m->gate_label = label;
    while (m->gate_queued > 0) {
        struct model_thread *t = &m->t[m->gate_queue[0]];
        bool cancelled = t->cancel_due;

        queue_remove(m->gate_queue, &m->gate_queued, m->gate_queue[0]);
        if (!cancelled)
            t->state = M_AGAIN;
    }
}

void model_gate_delete(struct model *m)
{
    m->gate_dead = true;
    for (int i = 0; i < MODEL_TASKS; i++) {
        m->gate_cap[i] = false;
        m->spare[i] = 0;
    }
    while (m->gate_queued > 0)
        fail(m, m->gate_queue[0], L4_IPC_NOT_EXISTENT);
}

/* Objects live as long as somebody has a counted capability. */
static void gate_count(struct model *m)
{
    int counted = 0;

    for (int i = 0; i < MODEL_TASKS; i++)
        counted += m->gate_cap[i] + (m->spare[i] != 0 && !m->spare_weak[i]);
    if (counted == 0 && !m->gate_dead)
        model_gate_delete(m);
}

void model_unmap_spare(struct model *m, int task, bool del)
{
    bool destroyed = del && (m->spare[task] & L4_RIGHT_D);

    m->spare[task] = 0;
    if (destroyed)
        model_gate_delete(m);
    gate_count(m);
}

void model_unmap_gate(struct model *m, int task)
{
    m->gate_cap[task] = false;
    gate_count(m);
}

void model_map_cap(struct model *m, int from, uint8_t rights, bool weak)
{
    int to = 1 - from;

    if (!m->gate_cap[from])
        return;
    model_unmap_spare(m, to, true); /* an occupied slot is emptied first, with delete semantics */
    if (!m->gate_cap[from])
        return;
    m->spare[to] = rights;
    m->spare_weak[to] = weak;
}

void model_map_page(struct model *m, int from, uint8_t rights, bool grant)
{
    int to = 1 - from;

    if (m->page[from] == 0)
        return;
    if (m->page[to] != 0 && m->page_parent[from] == to) { /* onto its own ancestor: both are lost */
        m->page[0] = m->page[1] = 0;
        return;
    }
    m->page[to] |= m->page[from] & rights; /* an older one there is its child: rights are added */
    m->page_parent[to] = (int8_t)from;
    if (grant) {
        m->page_parent[to] = m->page_parent[from];
        m->page[from] = 0;
    }
}

void model_unmap_page(struct model *m, int task, bool self, uint8_t rights)
{
    uint8_t keep = rights & L4_MEM_R ? 0 : (uint8_t)~rights;

    if (m->page_parent[1 - task] == task)
        m->page[1 - task] &= keep;
    if (self)
        m->page[task] &= keep;
}
