/* SPDX-License-Identifier: MIT */
/*
 * The reference model, see model.h: the rendezvous. In the order of the description: blocking, receive phase, send
 * phase, reply, the system call; abort; faults.
 */
#include "model.h"
#include <l4/errors.h>
#include <l4/proto.h>
#include <l4/utcb.h>
#include <l4/vcpu.h>
#include <string.h>

#define CALL (L4_OP_SEND | L4_OP_RECV)

void model_copy(struct model *to, const struct model *from)
{
    memcpy(to, from, offsetof(struct model, sender));
    memcpy(to->sender, from->sender, from->threads * sizeof *to->sender);
    memcpy(to->sender + MODEL_THREADS, from->sender + MODEL_THREADS, from->objects * sizeof *to->sender);
    memcpy(to->object, from->object, from->objects * sizeof *to->object);
    memcpy(to->reply, from->reply, from->threads * sizeof *to->reply);
    memcpy(to->deletion_irq, from->deletion_irq, from->threads * sizeof *to->deletion_irq);
    memcpy(to->upcalls, from->upcalls, from->threads * sizeof *to->upcalls);
    memcpy(to->result, from->result, from->threads * sizeof *to->result);
    memcpy(to->t, from->t, from->threads * sizeof *to->t);
}

/* ---- choices ---- */

#define CHOICES 24u
static struct {
    uint8_t answer[CHOICES], answers[CHOICES];
    unsigned asked, known;
} choices;

void model_choices_begin(void) { choices.asked = choices.known = 0; }

unsigned model_choose(unsigned n)
{
    unsigned at = choices.asked;

    if (at == CHOICES)
        return 0;
    choices.asked++;
    if (at == choices.known) {
        choices.known++;
        choices.answer[at] = 0;
    }
    choices.answers[at] = (uint8_t)n;
    return choices.answer[at];
}

bool model_choices_next(void)
{
    choices.known = choices.asked;
    choices.asked = 0;
    while (choices.known > 0) {
        if (++choices.answer[choices.known - 1] < choices.answers[choices.known - 1])
            return true;
        choices.known--;
    }
    return false;
}

/* ---- queues: by priority, first come first served within one ---- */

void queue_add(struct model *m, int16_t *queue, int s)
{
    int16_t *at = queue;

    while (*at != NOBODY && m->sender[*at].prio >= m->sender[s].prio)
        at = &m->sender[*at].next;
    m->sender[s].next = *at;
    m->sender[s].queued = true;
    *at = (int16_t)s;
}

void queue_remove(struct model *m, int16_t *queue, int s)
{
    for (int16_t *at = queue; *at != NOBODY; at = &m->sender[*at].next)
        if (*at == s) {
            *at = m->sender[s].next;
            break;
        }
    m->sender[s].next = NOBODY;
    m->sender[s].queued = false;
}

/* ---- reply slots ---- */

static struct model_slot *slot_at(struct model *m, int slot)
{
    return slot < MODEL_THREADS ? &m->reply[slot] : &m->explicit[slot - MODEL_THREADS];
}

static void slot_clear(struct model *m, int slot)
{
    struct model_slot *s = slot_at(m, slot);

    if (s->caller != NOBODY)
        m->t[s->caller].held_by = NOBODY;
    *s = (struct model_slot){NOBODY, 0};
}

static void slot_set(struct model *m, int slot, int caller, unsigned rights)
{
    slot_clear(m, slot); /* an earlier caller waits on; nobody is told */
    *slot_at(m, slot) = (struct model_slot){(int16_t)caller, (uint16_t)rights};
    m->t[caller].held_by = (int16_t)slot;
}

/* ---- the end of an operation ---- */

void model_result(struct model *m, int x, struct model_result r)
{
    struct model_thread *t = &m->t[x];

    if (!(t->flags & F_KERNEL_IPC)) {
        m->result[x] = r;
        return;
    }
    if (r.kind == R_ERROR && (t->flags & F_EXCEPTION)) { /* the error word is its own; a page fault leaves it */
        m->result[x].kind = R_ANY;
        m->result[x].error = r.error;
    }
    t->rest = REST_ANSWERED; /* what becomes of the fault is decided when it runs */
    t->answer = r.kind == R_ERROR ? L4_TAG_ERROR | r.error : r.tag & ~L4_TAG_ERROR;
}

static void result_error(struct model *m, int x, word_t error)
{
    model_result(m, x, (struct model_result){.kind = R_ERROR, .error = error});
}

/* ---- blocking ---- */

/* A 16-bit time-out becomes a deadline (0: never). False: it is over already. */
static bool deadline_of(const struct model *m, int x, unsigned timeout, uint64_t *deadline)
{
    *deadline = 0;
    if (timeout == L4_TIMEOUT_NEVER)
        return true;
    if (timeout & L4_TIMEOUT_ABSOLUTE)
        *deadline = m->world->buffer(x, (timeout & 63u) > L4_TIMEOUT_BR_MAX ? L4_TIMEOUT_BR_MAX : timeout & 63u);
    else
        *deadline = m->now + ((uint64_t)(timeout & 1023u) << (timeout >> 10 & 31u));
    return *deadline > m->now;
}

/* 0, or the error of the phase (0 send, 1 receive). */
static word_t block(struct model *m, int x, unsigned timeout, word_t phase)
{
    if (m->t[x].flags & F_CANCELLED)
        return L4_IPC_SEND_CANCELED | phase;
    if (!deadline_of(m, x, timeout, &m->t[x].deadline)) {
        m->t[x].deadline = 0;
        return L4_IPC_SEND_TIMEOUT | phase;
    }
    if (m->t[x].deadline != 0)
        model_tell(m, x);
    return 0;
}

word_t model_wait(struct model *m, int x, enum model_state state, int at, unsigned timeout)
{
    word_t error = block(m, x, timeout, state == M_SEM);

    if (error != 0)
        return error;
    m->t[x].state = (uint8_t)state;
    m->t[x].at = (int16_t)at;
    m->sender[x].prio = m->t[x].prio;
    m->sender[x].label = 0;
    queue_add(m, &m->object[at].first, x);
    return 0;
}

/* x waits no more, whatever it waited for. */
void model_unblock(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    if (t->deadline != 0)
        model_tell(m, x);
    if (t->state == M_AWAY)
        queue_remove(m, &m->on[t->at].guests, x);
    if (t->state == M_SEND)
        queue_remove(m, &m->t[t->at].first, x);
    if ((t->state == M_GATE || t->state == M_SEM) && t->at != NOBODY)
        queue_remove(m, &m->object[t->at].first, x);
    if (t->held_by >= 0)
        slot_clear(m, t->held_by);
    t->held_by = NOBODY;
    t->state = M_READY;
    t->at = NOBODY;
    t->deadline = 0;
}

void model_abort(struct model *m, int x, word_t error)
{
    model_unblock(m, x);
    result_error(m, x, error);
    model_wake(m, x);
}

/* Is the system call of x, which runs nowhere now, made here for it? */
static bool is_guest(const struct model *m, int x) { return m->on[m->cpu].current != x; }

void model_block(struct model *m, int x)
{
    if (!is_guest(m, x))
        model_pick(m);
}

/* ---- receive phase ---- */

static bool is_call(unsigned op) { return (op & (CALL | L4_OP_OPEN_WAIT)) == CALL; }

static word_t receive_begin(struct model *m, int x, bool open, int from, int slot, unsigned timeout)
{
    struct model_thread *t = &m->t[x];
    word_t error = block(m, x, timeout, 1);

    if (error != 0)
        return error;
    t->state = open ? M_WAIT : M_RECEIVE;
    t->at = (int16_t)(open ? NOBODY : from);
    t->ipc.slot = (int16_t)slot;
    if (!open && (from == NOBODY || from == x)) /* a sleep */
        t->flags |= F_BACK;
    return 0;
}

/* The message of s, which is no IRQ, arrives at r; 0 or the error of the sender. */
static word_t transfer(struct model *m, int s, int r, word_t tag, unsigned rights)
{
    bool short_answer = (m->t[r].flags & F_EXCEPTION) && l4_tag_words((l4_tag){tag}) < L4_EXC_WORDS;
    word_t error;

    if ((m->t[r].flags & F_KERNEL_IPC) && ((m->t[s].flags & F_KERNEL_IPC) || short_answer))
        return 0; /* nothing but the label counts */
    error = m->world->items(m, s, r, tag, rights);
    if (m->t[r].flags & F_EXCEPTION) { /* also when an item is refused */
        m->result[r].registers = true;
        m->result[r].from = (int16_t)s;
    }
    return error;
}

/* r has got the message; when it was a call into an open wait, slot names the caller from now on. */
static void receive_end(struct model *m, int r, int s, unsigned op, unsigned rights, word_t tag, int slot)
{
    model_unblock(m, r);
    model_result(m, r, (struct model_result){.kind = R_MESSAGE, .from = (int16_t)s, .tag = tag & ~L4_TAG_ERROR,
                                           .kernel = (m->t[s].flags & F_KERNEL_IPC) != 0,
                                           .label = m->sender[s].label});
    if (slot != NOBODY && is_call(op))
        slot_set(m, slot, s, rights);
}

/* The message of s was taken by r while s waited: its second phase, or its end. */
static void send_end(struct model *m, int s, int r, word_t error)
{
    struct model_thread *t = &m->t[s];
    bool open = (t->ipc.op & L4_OP_OPEN_WAIT) != 0;

    if (error == 0 && (t->ipc.op & L4_OP_RECV)) {
        if (open && t->first != NOBODY) {
            t->rest = REST_LATER;
            model_wake(m, s);
            return;
        }
        error = receive_begin(m, s, open, r, t->ipc.slot, l4_timeout_rcv(t->ipc.timeouts));
        if (error == 0)
            return;
    }
    if (error != 0)
        result_error(m, s, error);
    else
        model_result(m, s, (struct model_result){.kind = R_TAG, .tag = t->ipc.tag & ~L4_TAG_ERROR});
    model_wake(m, s);
}

/* x, in its receive phase, takes the message of the waiting thread s. */
static void take(struct model *m, int x, int s, bool open, int slot)
{
    struct model_ipc ipc = m->t[s].ipc;
    word_t error;

    model_unblock(m, s);
    error = transfer(m, s, x, ipc.tag, ipc.rights);
    if (error != 0) {
        send_end(m, s, x, error);
        model_unblock(m, x);
        result_error(m, x, error | 1);
        return;
    }
    send_end(m, s, x, 0);
    if (open && is_call(ipc.op) && m->t[s].state != M_RECEIVE) {
        slot_clear(m, slot); /* nobody waits for an answer; an earlier caller is forgotten all the same */
        ipc.op = L4_OP_SEND;
    }
    receive_end(m, x, s, ipc.op, ipc.rights, ipc.tag, open ? slot : NOBODY);
}

static void take_irq(struct model *m, int x, int s)
{
    model_irq_unqueue(m, s - MODEL_THREADS);
    model_unblock(m, x);
    model_result(m, x, (struct model_result){.kind = R_MESSAGE, .from = NOBODY, .label = m->sender[s].label});
}

/* Whose message can the receive phase take now? */
static int sender_for(const struct model *m, int x, bool open, int from)
{
    if (open)
        return m->t[x].first;
    if (from == NOBODY || from == UNKNOWN)
        return NOBODY;
    if (from >= MODEL_THREADS) /* or it is still on its way to x */
        return m->sender[from].queued && m->object[from - MODEL_THREADS].thread == x ? from : NOBODY;
    for (int s = m->t[x].first; s != NOBODY; s = m->sender[s].next)
        if (s == from)
            return s;
    return NOBODY;
}

void model_receive(struct model *m, int x, const struct model_ipc *ipc, int from)
{
    bool open = (ipc->op & L4_OP_OPEN_WAIT) != 0;
    int s = sender_for(m, x, open, from);
    word_t error;

    if (is_guest(m, x)) { /* at home */
        m->t[x].rest = REST_RECEIVE;
        return;
    }
    if (s >= MODEL_THREADS) {
        take_irq(m, x, s);
    } else if (s != NOBODY) {
        take(m, x, s, open, ipc->slot);
    } else {
        error = receive_begin(m, x, open, from, ipc->slot, l4_timeout_rcv(ipc->timeouts));
        if (error != 0)
            result_error(m, x, error);
        else
            model_block(m, x);
    }
}

/* ---- send phase ---- */

static bool upcall_taken(const struct model *m, int x, unsigned events)
{
    return m->upcalls[x] == UPCALLS_UNSURE ? model_choose(2) != 0 : (m->upcalls[x] & events) != 0;
}

/* r is home again after its message was sent elsewhere: who has it finds r waiting. */
static bool wait_begins(struct model *m, int r)
{
    struct model_thread *t = &m->t[r];
    word_t dest = t->request.dest;
    int slot = r;

    if (t->rest != REST_RECEIVE || t->state != M_READY || t->cpu == NOBODY || m->on[t->cpu].current == r ||
        (t->flags & (F_KERNEL_IPC | F_DYING)) || !(dest & L4_OP_OPEN_WAIT) || t->first != NOBODY)
        return false;
    if ((dest & L4_SEL_SPECIAL) == L4_SEL_REPLY)
        slot = m->world->explicit_slot(r, (dest & ~L4_OP_MASK) >> L4_SEL_SHIFT, false);
    if (receive_begin(m, r, true, NOBODY, slot, l4_timeout_rcv((uint32_t)t->request.timeouts)) != 0)
        return false;
    model_dequeue(m, r);
    t->rest = REST_NONE;
    return true;
}

/* Does r take a message of s now? A vCPU may, in between, in an upcall. */
static bool takes_now(struct model *m, int r, int s, bool *upcall)
{
    const struct model_thread *t = &m->t[r];

    *upcall = false;
    if (t->state == M_WAIT || (t->state == M_RECEIVE && t->at == s) || wait_begins(m, r))
        return true;
    if (!(t->flags & F_VCPU) || t->state != M_READY || t->cpu == NOBODY || t->rest != REST_NONE || r == s)
        return false;
    if (!(t->flags & F_STARTED) || (t->flags & (F_KERNEL_IPC | F_DYING | F_TRIGGER | F_AFTER)))
        return false;
    *upcall = upcall_taken(m, r, L4_VCPU_IRQ);
    return *upcall;
}

/* It goes on at its entry point. */
static void upcall_made(struct model *m, int x)
{
    m->t[x].flags &= (uint16_t)~F_VCPU_USER;
    m->upcalls[x] = 0;
}

static void upcall_result(struct model *m, int r, bool upcall)
{
    if (upcall) {
        upcall_made(m, r);
        m->result[r].upcall = true;
    }
}

static void send_block(struct model *m, int x, int to, const struct model_ipc *ipc)
{
    word_t error = block(m, x, l4_timeout_snd(ipc->timeouts), 0);

    if (error != 0) {
        result_error(m, x, error);
        return;
    }
    m->t[x].state = M_SEND;
    m->t[x].at = (int16_t)to;
    m->t[x].ipc = *ipc;
    m->sender[x].prio = m->t[x].prio;
    queue_add(m, &m->t[to].first, x);
    model_block(m, x);
}

/* The message of x has arrived at `to`: the receive phase of x, and who goes on. */
static void after_send(struct model *m, int x, int to, const struct model_ipc *ipc)
{
    bool open = (ipc->op & L4_OP_OPEN_WAIT) != 0, blocked = false;
    word_t error;

    if (!(ipc->op & L4_OP_RECV)) {
        model_result(m, x, (struct model_result){.kind = R_TAG, .tag = ipc->tag});
    } else if ((open && is_guest(m, x)) || sender_for(m, x, open, to) != NOBODY) {
        model_wake(m, to);
        model_receive(m, x, ipc, to);
        return;
    } else {
        error = receive_begin(m, x, open, to, ipc->slot, l4_timeout_rcv(ipc->timeouts));
        if (error != 0) {
            if (m->t[x].held_by >= 0)
                slot_clear(m, m->t[x].held_by);
            model_wake(m, to);
            result_error(m, x, error);
            return;
        }
        blocked = true;
    }
    /* The time slice goes along with a call, and with the answer to one. */
    if (!(ipc->tag & L4_TAG_SCHEDULE) && m->t[to].cpu == m->cpu && !is_guest(m, x) &&
        (is_call(ipc->op) || m->on[m->cpu].context != x)) {
        model_switch(m, x, to);
        return;
    }
    model_wake(m, to);
    if (blocked)
        model_block(m, x);
}

static void send(struct model *m, int x, int to, const struct model_ipc *ipc, word_t label)
{
    struct model_thread *r = &m->t[to];
    bool upcall;
    word_t error;
    int slot;

    m->sender[x].label = label;
    if (!(r->flags & F_STARTED) || r->state == M_DEAD) {
        result_error(m, x, L4_IPC_NOT_EXISTENT);
        return;
    }
    if (!takes_now(m, to, x, &upcall)) {
        send_block(m, x, to, ipc);
        return;
    }
    slot = r->state == M_WAIT ? r->ipc.slot : upcall ? to : NOBODY;
    error = transfer(m, x, to, ipc->tag, ipc->rights);
    if (error != 0) {
        model_unblock(m, to);
        result_error(m, to, error | 1);
        upcall_result(m, to, upcall);
        model_wake(m, to);
        result_error(m, x, error);
        return;
    }
    receive_end(m, to, x, ipc->op, ipc->rights, ipc->tag, slot);
    upcall_result(m, to, upcall);
    after_send(m, x, to, ipc);
}

/* Does the message of x go to the CPU of `to` first? Who waits for nobody but x can be answered from anywhere: what
 * lies in the box of its CPU stays there. */
static bool message_travels(struct model *m, int x, int to)
{
    const struct model_thread *r = &m->t[to];
    bool still = r->state == M_RECEIVE && r->at == x;

    if (r->cpu == m->cpu || (still && model_choose(2) == 0))
        return false;
    return model_travels(m, x, r->cpu);
}

/* from: partner of a closed receive without send phase. */
static void ipc_run(struct model *m, int x, int to, const struct model_ipc *ipc, word_t label, int from)
{
    if (!(ipc->op & L4_OP_SEND)) {
        if (ipc->op & L4_OP_RECV)
            model_receive(m, x, ipc, from);
        else
            result_error(m, x, L4_IPC_NOT_EXISTENT);
    } else if (!message_travels(m, x, to)) {
        send(m, x, to, ipc, label);
    }
}

/* ---- the system call ---- */

static void reply(struct model *m, int x, int slot, struct model_ipc *ipc, word_t label)
{
    int to = slot < 0 ? NOBODY : slot_at(m, slot)->caller;

    if (to == NOBODY) {
        result_error(m, x, L4_IPC_NOT_EXISTENT);
        return;
    }
    if (message_travels(m, x, to))
        return;
    ipc->rights = slot_at(m, slot)->rights;
    slot_clear(m, slot);
    send(m, x, to, ipc, label);
}

static void through_gate(struct model *m, int x, const struct model_target *target, const struct model_ipc *ipc)
{
    const struct model_object *g = &m->object[target->index];
    word_t error;

    if (ipc->op == 0) {
        result_error(m, x, L4_IPC_NOT_EXISTENT);
    } else if ((ipc->op & L4_OP_OPEN_WAIT) && !(ipc->op & L4_OP_SEND)) {
        model_receive(m, x, ipc, NOBODY);
    } else if (g->thread == NOBODY) {
        error = model_wait(m, x, M_GATE, target->index, l4_timeout_snd(ipc->timeouts));
        if (error != 0)
            result_error(m, x, error);
        else
            model_block(m, x);
    } else {
        ipc_run(m, x, g->thread, ipc, g->label | (target->rights & (L4_RIGHT_W | L4_RIGHT_S)), g->thread);
    }
}

void model_invoke(struct model *m, int x, const struct model_request *rq)
{
    word_t selector = rq->dest & ~L4_OP_MASK;
    bool explicit = (selector & L4_SEL_SPECIAL) == L4_SEL_REPLY;
    struct model_ipc ipc = {.tag = rq->tag, .timeouts = (uint32_t)rq->timeouts, .op = rq->dest & L4_OP_MASK,
                            .slot = (int16_t)x};
    struct model_target target;
    long label = l4_tag_label((l4_tag){rq->tag});

    m->t[x].request = *rq; /* it may be made again */
    if (explicit && (ipc.op & L4_OP_OPEN_WAIT) && (ipc.op & L4_OP_RECV)) {
        ipc.slot = (int16_t)m->world->explicit_slot(x, selector >> L4_SEL_SHIFT, true);
        if (ipc.slot < 0) {
            result_error(m, x, L4_IPC_NO_REPLY_CAP);
            return;
        }
    }
    if (ipc.op & L4_OP_REPLY) {
        int from = explicit ? m->world->explicit_slot(x, selector >> L4_SEL_SHIFT, false) : x;

        if (ipc.op & L4_OP_SEND)
            reply(m, x, from, &ipc, rq->label);
        else
            result_error(m, x, L4_IPC_NOT_EXISTENT);
        return;
    }
    target = m->world->lookup(x, selector);
    ipc.rights = target.rights;
    switch (target.kind) {
    case K_VOID:
        result_error(m, x, L4_IPC_NOT_EXISTENT);
        break;
    case K_THREAD:
        if (label == L4_PROTO_THREAD && ((ipc.op & L4_OP_SEND) || ipc.op == 0))
            model_operation(m, x, &target, rq, &ipc);
        else
            ipc_run(m, x, target.index, &ipc, rq->label, target.index);
        break;
    case K_GATE:
        if (label == L4_PROTO_KOBJECT && (target.rights & L4_OBJ_SERVER) && (ipc.op & L4_OP_SEND))
            model_operation(m, x, &target, rq, &ipc);
        else
            through_gate(m, x, &target, &ipc);
        break;
    default:
        model_operation(m, x, &target, rq, &ipc);
        break;
    }
}

static void syscall_begin(struct model *m, int x, const struct model_request *rq)
{
    struct model_thread *t = &m->t[x];

    if (t->flags & (F_ALIEN | F_VCPU_USER)) {
        if (!(t->flags & F_PASS) || (t->flags & F_VCPU_USER)) {
            model_exception_call(m, x, false);
            return;
        }
        t->flags = (uint16_t)((t->flags & ~F_PASS) | F_AFTER);
    }
    model_invoke(m, x, rq);
}

void model_syscall(struct model *m, const struct model_request *rq)
{
    int x = m->on[m->cpu].current;

    m->t[x].flags &= (uint16_t)~F_CANCELLED;
    syscall_begin(m, x, rq);
    model_leave(m);
}

/* ---- between CPUs ---- */

/* Is what belongs to that CPU (NOBODY: to none) out of reach? What was reached for one thread may not be for the next.
 */
static bool is_elsewhere(struct model *m, int cpu)
{
    if (cpu == NOBODY || cpu == m->cpu || ((m->reached >> cpu & 1) && model_choose(2) == 0))
        return false;
    m->reached &= ~(1u << cpu);
    return true;
}

static void guest_add(struct model *m, int cpu, int s)
{
    int16_t *at = &m->on[cpu].guests;

    while (*at != NOBODY)
        at = &m->sender[*at].next;
    *at = (int16_t)s;
    m->sender[s].next = NOBODY;
    m->sender[s].queued = true;
}

bool model_travels(struct model *m, int x, int cpu)
{
    struct model_thread *t = &m->t[x];

    if (!is_elsewhere(m, cpu))
        return false;
    if ((model_choose(2) != 0) == (m->on[cpu].current != NOBODY && !(t->flags & F_VCPU))) {
        model_reach(m, cpu);
        return false;
    }
    if (is_guest(m, x) && cpu == t->cpu) { /* it can do that itself */
        t->rest = REST_AGAIN;
        return true;
    }
    t->state = M_AWAY;
    t->at = (int16_t)cpu;
    m->sender[x] = (struct model_sender){.prio = 0};
    guest_add(m, cpu, x);
    model_block(m, x);
    return true;
}

void model_reach(struct model *m, int cpu)
{
    struct model_cpu *c;

    if (cpu == NOBODY)
        return;
    c = &m->on[cpu];
    m->reached |= 1u << cpu;
    while (c->box != NOBODY) {
        int x = c->box;
        struct model_thread *t = &m->t[x];

        c->box = t->ready_next;
        t->ready_next = NOBODY;
        t->flags &= (uint16_t)~F_BOXED;
        if (t->state == M_READY || t->rest != REST_NONE || (t->flags & F_DYING))
            model_wake(m, x);
    }
}

void model_boxes(struct model *m)
{
    for (unsigned i = 0; i < m->cpus; i++)
        if (m->on[i].box != NOBODY && (((int)i == m->cpu && m->interrupted) || model_choose(2) != 0))
            model_reach(m, (int)i);
    m->reached = 0; /* that may have been for something that happens later in the event */
}

static void again(struct model *m, int x);

static void serve(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    t->state = M_READY;
    t->at = NOBODY;
    if (t->flags & F_DYING)
        return;
    if (t->cpu == NOBODY) { /* it was taken off its CPU: when it gets one */
        t->rest = REST_AGAIN;
        return;
    }
    m->open = m->open || m->world->overwritten(m, x);
    again(m, x);
    if (t->state == M_READY)
        model_wake(m, x);
}

void model_serve(struct model *m)
{
    int16_t *guests = &m->on[m->cpu].guests, s = *guests;

    if (s == NOBODY)
        return;
    queue_remove(m, guests, s);
    if (s >= MODEL_THREADS)
        model_irq_hit(m, s - MODEL_THREADS);
    else
        serve(m, s);
    if (*guests != NOBODY)
        m->reached = 0; /* after a window */
}

/* ---- IRQs as senders ---- */

void model_irq_send(struct model *m, int object)
{
    int t = m->object[object].thread, s = MODEL_THREADS + object;
    bool upcall;

    m->sender[s].prio = 255;
    if (is_elsewhere(m, m->t[t].cpu)) {
        if ((model_choose(2) != 0) == (m->on[m->t[t].cpu].current == NOBODY)) {
            guest_add(m, m->t[t].cpu, s);
            return;
        }
        model_reach(m, m->t[t].cpu);
    }
    if (!takes_now(m, t, s, &upcall)) {
        queue_add(m, &m->t[t].first, s);
        return;
    }
    model_unblock(m, t);
    model_result(m, t, (struct model_result){.kind = R_MESSAGE, .from = NOBODY, .label = m->sender[s].label});
    upcall_result(m, t, upcall);
    model_wake(m, t);
}

void model_irq_unqueue(struct model *m, int object)
{
    if (!m->sender[MODEL_THREADS + object].queued)
        return;
    queue_remove(m, &m->t[m->object[object].thread].first, MODEL_THREADS + object);
    for (unsigned i = 0; i < m->cpus; i++) /* or it is still on its way */
        queue_remove(m, &m->on[i].guests, MODEL_THREADS + object);
}

/* ---- abort ---- */

void model_cancel(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    t->flags |= F_CANCELLED;
    if (t->state == M_READY || t->state == M_AWAY || t->state == M_DEAD)
        return;
    t->rest = REST_CANCEL;
    model_wake(m, x);
}

/* Time-outs that are over, in the order of time. */
void model_expire(struct model *m, int cpu)
{
    for (;;) {
        int next = NOBODY;

        for (unsigned i = 0; i < m->threads; i++) {
            const struct model_thread *t = &m->t[i];

            if (t->deadline != 0 && t->deadline <= m->now && (t->cpu == NOBODY ? 0 : t->cpu) == cpu &&
                (next == NOBODY || t->deadline < m->t[next].deadline))
                next = (int)i;
        }
        if (next == NOBODY)
            return;
        int same = 0, chosen; /* at the same instant: in any order */
        for (unsigned i = 0; i < m->threads; i++)
            same += m->t[i].deadline == m->t[next].deadline && (m->t[i].cpu == NOBODY ? 0 : m->t[i].cpu) == cpu;
        chosen = same > 1 ? (int)model_choose((unsigned)same) : 0;
        for (unsigned i = 0; i < m->threads; i++)
            if (m->t[i].deadline == m->t[next].deadline && (m->t[i].cpu == NOBODY ? 0 : m->t[i].cpu) == cpu &&
                chosen-- == 0) {
                next = (int)i;
                break;
            }
        uint8_t state = m->t[next].state;

        model_abort(m, next, L4_IPC_SEND_TIMEOUT | (state == M_RECEIVE || state == M_WAIT || state == M_SEM));
    }
}

/* The explicit reply capabilities of a task end with its last thread. */
static void leave_task(struct model *m, int x)
{
    uint32_t task = m->t[x].task;

    m->t[x].task = 0;
    for (unsigned i = 0; i < m->threads; i++)
        if (m->t[i].task == task)
            return;
    for (unsigned i = 0; i < m->explicits; i++)
        if (m->explicit_task[i] == task)
            slot_clear(m, (int)(MODEL_THREADS + i));
}

/* Threads that wait to send to x fail; IRQs are unbound, and those of edges stay pending. */
static void senders_end(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    while (t->first != NOBODY) {
        int s = t->first;

        if (s < MODEL_THREADS) {
            model_abort(m, s, L4_IPC_SEND_CANCELED);
        } else {
            struct model_object *irq = &m->object[s - MODEL_THREADS];

            queue_remove(m, &t->first, s);
            irq->thread = NOBODY;
            irq->pending = !(irq->source && irq->level);
        }
    }
}

/* The end of x: its senders fail, those who wait for its answers wait on. */
static void gone(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    model_reach(m, t->cpu);
    model_unblock(m, x);
    t->flags &= (uint16_t)~(F_DYING | F_TRIGGER | F_AFTER | F_VCPU | F_VCPU_USER);
    t->rest = REST_NONE;
    t->state = M_DEAD;
    m->deletion_irq[x] = NOBODY; /* what ends at it from now on tells nobody */
    senders_end(m, x);
    slot_clear(m, x);
    leave_task(m, x);
    model_dequeue(m, x);
    if (t->cpu != NOBODY && m->on[t->cpu].context == x)
        m->on[t->cpu].context = m->on[t->cpu].current;
    m->result[x].kind = R_NONE;
}

void model_kill(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];

    if (t->state == M_DEAD && t->first != NOBODY && model_choose(2) != 0) /* an IRQ that was bound to it since: open */
        senders_end(m, x);
    if ((t->flags & F_DYING) || t->state == M_DEAD)
        return;
    if (!(t->flags & F_STARTED) || t->cpu == NOBODY) {
        gone(m, x);
        return;
    }
    t->flags |= F_DYING;
    model_wake(m, x);
}

/* ---- faults ---- */

static void kernel_call(struct model *m, int x, word_t selector, word_t tag)
{
    struct model_request rq = {.dest = selector | CALL, .tag = tag};
    struct model_ipc nobody = {.op = L4_OP_RECV, .slot = (int16_t)x};

    if (m->world->lookup(x, selector).kind == K_VOID)
        model_receive(m, x, &nobody, NOBODY); /* nobody will ever answer, but a cancel ends it */
    else
        model_invoke(m, x, &rq);
}

void model_exception_call(struct model *m, int x, bool page_fault)
{
    unsigned events = page_fault ? L4_VCPU_EXCEPTIONS | L4_VCPU_PAGE_FAULTS : L4_VCPU_EXCEPTIONS;

    if ((m->t[x].flags & F_VCPU) && upcall_taken(m, x, events)) {
        upcall_made(m, x);
        m->result[x].kind = R_NONE; /* it is among the saved registers */
        return;
    }
    m->t[x].flags |= F_EXCEPTION;
    kernel_call(m, x, m->world->handler(x), l4_tag_make(L4_PROTO_EXCEPTION, L4_EXC_WORDS, 0, L4_TAG_FPU).raw);
}

void model_fault_call(struct model *m, int x)
{
    m->t[x].flags |= F_FAULT;
    kernel_call(m, x, m->world->pager(x), l4_tag_make(L4_PROTO_PAGE_FAULT, 2, 0, 0).raw);
}

void model_exception(struct model *m, bool page_fault)
{
    int x = m->on[m->cpu].current;

    m->t[x].flags &= (uint16_t)~F_CANCELLED;
    model_exception_call(m, x, page_fault);
    model_leave(m);
}

void model_page_fault(struct model *m)
{
    int x = m->on[m->cpu].current;
    struct model_thread *t = &m->t[x];

    t->flags &= (uint16_t)~F_CANCELLED;
    if ((t->flags & F_VCPU) && upcall_taken(m, x, L4_VCPU_PAGE_FAULTS))
        upcall_made(m, x);
    else if (m->world->trampoline(x))
        ; /* goes on at its handler */
    else if (t->flags & F_ALIEN)
        model_exception_call(m, x, true);
    else if (m->world->lookup(x, m->world->pager(x)).kind == K_VOID)
        model_kill(m, x); /* nobody could ever resolve it */
    else
        model_fault_call(m, x);
    model_leave(m);
}

/* The answer to a fault. */
static void answered(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];
    bool fault = (t->flags & F_FAULT) != 0, error = (t->answer & L4_TAG_ERROR) != 0;
    long label = l4_tag_label((l4_tag){t->answer});

    t->flags &= (uint16_t)~F_KERNEL_IPC;
    if (fault && (error ? (t->answer & 0x1f) == L4_IPC_NOT_EXISTENT : label < 0))
        model_exception_call(m, x, true); /* rejected */
    else if (!fault && !error && label == L4_PROTO_ALLOW_SYSCALL)
        t->flags |= F_PASS;
}

/* The system call, or what the kernel does for a fault, from the start. */
static void again(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];
    struct model_request rq = t->request;
    bool fault = (t->flags & F_FAULT) != 0;

    if (t->flags & F_EXCEPTION)
        model_exception_call(m, x, m->world->trap_is_fault(x));
    else if (fault && is_guest(m, x) && m->world->lookup(x, m->world->pager(x)).kind != K_VOID)
        model_fault_call(m, x);
    else if (fault)
        t->flags &= (uint16_t)~F_FAULT; /* the instruction is executed again */
    else
        model_invoke(m, x, &rq);
}

bool model_go_on(struct model *m, int x)
{
    struct model_thread *t = &m->t[x];
    struct model_ipc wait = {.op = L4_OP_RECV | L4_OP_OPEN_WAIT};
    uint8_t rest = t->rest;

    if (t->flags & F_DYING) {
        gone(m, x);
        model_pick(m);
        return true;
    }
    t->rest = REST_NONE;
    switch (rest) {
    case REST_NONE:
        break;
    case REST_CANCEL:
        if (t->state != M_READY) {
            uint8_t state = t->state;

            model_unblock(m, x);
            result_error(m, x, L4_IPC_SEND_CANCELED | (state == M_RECEIVE || state == M_WAIT || state == M_SEM));
        }
        return true;
    case REST_AGAIN:
        again(m, x);
        return true;
    case REST_RECEIVE:
        m->reached = 0; /* after a window */
        t->request.dest &= ~(word_t)(L4_OP_SEND | L4_OP_REPLY);
        if ((t->request.dest & L4_OP_OPEN_WAIT) && (t->request.dest & L4_SEL_SPECIAL) != L4_SEL_REPLY)
            t->request.dest = L4_SEL_INVALID | (t->request.dest & L4_OP_MASK); /* whatever was sent to */
        again(m, x);
        return true;
    case REST_LATER:
        wait.timeouts = t->ipc.timeouts;
        wait.slot = t->ipc.slot;
        model_receive(m, x, &wait, NOBODY);
        return true;
    case REST_ANSWERED:
        answered(m, x);
        return true;
    case REST_REFLECT:
        model_exception_call(m, x, m->world->trap_is_fault(x));
        return true;
    case REST_POLL:
        wait.timeouts = L4_TIMEOUT_ZERO;
        wait.slot = (int16_t)x;
        model_receive(m, x, &wait, NOBODY);
        m->result[x].upcall = true;
        return true;
    default:
        m->open = true;
        return false;
    }
    if (t->flags & F_AFTER) {
        t->flags &= (uint16_t)~F_AFTER;
        model_exception_call(m, x, false);
        return true;
    }
    if (t->flags & F_TRIGGER) { /* a cancel that came with it was not meant for the exception's own message */
        t->flags &= (uint16_t)~(F_TRIGGER | F_CANCELLED);
        model_exception_call(m, x, false);
        return true;
    }
    return false;
}
