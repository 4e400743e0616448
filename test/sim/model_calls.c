/* SPDX-License-Identifier: MIT */
/*
 * The reference model, see model.h: what an operation on a kernel object answers, and the phases of such an invocation.
 * When several things are wrong with one request, the description does not say which error comes first: any of them.
 */
#include "model.h"
#include <l4/errors.h>
#include <l4/proto.h>
#include <l4/trampoline.h>
#include <l4/vcpu.h>

static struct answer label(long l) { return answer_label(l); }
static struct answer any(enum answer_kind kind) { return answer_any(kind); }

/* ---- errors that apply ---- */

void error_if(struct errors *e, bool wrong, long l)
{
    if (wrong)
        e->label[e->count++] = l;
}

struct answer errors_answer(const struct errors *e)
{
    long l = e->label[e->count == 1 ? 0 : model_choose(e->count)];

    return l >= ERROR_IPC ? (struct answer){A_ERROR, l - ERROR_IPC, NOBODY} : label(l);
}

static struct answer refused(const struct errors *e) { return errors_answer(e); }

void argument_errors(struct errors *e, const struct model_message *msg, enum model_kind kind)
{
    error_if(e, msg->item == ITEM_MISSING, -L4_ERR_INVAL);
    error_if(e, msg->item == ITEM_OTHER, ERROR_IPC + L4_IPC_SEND_OVERFLOW);
    error_if(e, msg->item == ITEM_GIVEN && msg->argument.kind != kind, -L4_ERR_INVAL);
}

void answer_words(struct model *m, int x, unsigned first, unsigned count, const word_t *mr)
{
    m->words.of = (int16_t)x;
    m->words.first = (uint8_t)first;
    m->words.count = (uint8_t)count;
    for (unsigned i = 0; i < count; i++)
        m->words.mr[i] = mr[i];
}

/* ---- threads ---- */

static struct answer thread_control(struct model *m, int x, int t, unsigned rights, const struct model_message *msg)
{
    struct errors e = {.count = 0};
    bool bind = (msg->mr[0] & L4_THREAD_BIND_TASK) != 0;
    struct model_thread *to = &m->t[t];

    error_if(&e, !(rights & L4_RIGHT_S), -L4_ERR_PERM);
    error_if(&e, msg->words < 6, -L4_ERR_INVAL);
    if (bind) {
        argument_errors(&e, msg, K_TASK);
        error_if(&e, msg->item == ITEM_GIVEN && !(msg->argument.rights & L4_RIGHT_S), -L4_ERR_PERM);
        error_if(&e, to->task != 0 || to->state == M_DEAD || !msg->utcb_fits, -L4_ERR_INVAL);
    }
    if (e.count > 0)
        return refused(&e);
    answer_words(m, x, 1, 2, (const word_t[]){m->world->old_pager(t), m->world->old_handler(t)}); /* as they were */
    if (bind)
        to->task = msg->argument.task;
    if ((msg->mr[0] & L4_THREAD_ALIEN) && to->state != M_DEAD)
        to->flags = (uint16_t)(msg->mr[4] & L4_THREAD_ALIEN ? to->flags | F_ALIEN : to->flags & ~F_ALIEN);
    return label(0);
}

static struct answer thread_ex_regs(struct model *m, int x, int t, const struct model_message *msg)
{
    struct errors e = {.count = 0};
    struct model_thread *to = &m->t[t];
    unsigned flags = 0;
    word_t old[3];

    error_if(&e, msg->words != 3 || (msg->mr[0] & L4_EXREGS_ARCH_MASK) || to->task == 0, -L4_ERR_INVAL);
    if (e.count > 0)
        return refused(&e);
    m->world->registers(t, old);
    answer_words(m, x, 0, 3, old);
    if ((to->flags & F_STARTED) && (msg->mr[1] != ~0ul || msg->mr[2] != ~0ul) &&
        !((to->flags & F_EXCEPTION) && to->state != M_READY && !(msg->mr[0] & L4_EXREGS_CANCEL)) &&
        (to->flags & F_VCPU_USER)) { /* goes on in its own task, and takes what its state area says */
        to->flags &= (uint16_t)~F_VCPU_USER;
        m->upcalls[t] = UPCALLS_UNSURE;
    }
    flags |= msg->mr[0] & L4_EXREGS_CANCEL ? EX_CANCEL : 0u;
    flags |= msg->mr[0] & L4_EXREGS_TRIGGER ? EX_TRIGGER : 0u;
    model_ex_regs(m, t, flags);
    return label(0);
}

static struct answer thread_switch(struct model *m, int x, int t)
{
    struct answer a = label(0);

    if (t != x && (m->t[t].flags & F_READY) && m->t[t].cpu == m->cpu && m->on[m->cpu].current == x)
        a.next = t; /* who is here as a guest has no time to give */
    else if (t != x && m->t[t].cpu == m->cpu)
        m->on[m->cpu].reschedule = true;
    return a;
}

static struct answer thread_deletion_irq(struct model *m, int t, const struct model_message *msg)
{
    struct errors e = {.count = 0};

    argument_errors(&e, msg, K_IRQ);
    error_if(&e, msg->item == ITEM_GIVEN && !(msg->argument.rights & L4_RIGHT_W), -L4_ERR_PERM);
    error_if(&e, m->deletion_irq[t] != NOBODY, -L4_ERR_BUSY);
    return e.count > 0 ? refused(&e) : label(0);
}

static struct answer thread_modify_senders(struct model *m, int x, int t, const struct model_message *msg)
{
    unsigned groups = msg->words < 5 ? 0 : (msg->words - 1) / 4;

    if (m->t[t].state == M_DEAD ? model_choose(2) : m->t[t].cpu != m->t[x].cpu) /* a dead one may have an IRQ queued */
        return label(-L4_ERR_INVAL);
    for (int s = m->t[t].first; s != NOBODY; s = m->sender[s].next)
        for (unsigned g = 0; g < groups; g++) {
            const word_t *group = &msg->mr[1 + 4 * g];

            if ((m->sender[s].label & group[0]) == group[1]) {
                m->sender[s].label = (m->sender[s].label & ~group[2]) | group[3];
                break;
            }
        }
    return label(0);
}

static struct answer thread_vcpu_control(struct model *m, int t, const struct model_message *msg)
{
    if (msg->words < 2)
        return label(-L4_ERR_INVAL);
    if (msg->mr[0] & L4_VCPU_EXTENDED)
        return label(-L4_ERR_NOSYS);
    if (m->t[t].task == 0 || !msg->vcpu_fits)
        return label(-L4_ERR_INVAL);
    if (!(m->t[t].flags & F_VCPU)) /* what the new state area says is the user's business */
        m->upcalls[t] = UPCALLS_UNSURE;
    m->t[t].flags |= F_VCPU;
    return label(0);
}

/* Goes on in the user task, or at what was interrupted, unless a message waits that is wanted first. */
static struct answer thread_vcpu_resume(struct model *m, int x, int t, const struct model_message *msg)
{
    static const long transfer[] = {0, L4_IPC_SEND_OVERFLOW, L4_IPC_SEND_MAP_FAILED};
    const struct model_vcpu *v = &msg->vcpu;
    bool has = v->has_task, dead = v->task_dead, user = (v->saved_state & L4_VCPU_USER_MODE) != 0;
    unsigned op = v->user_task & L4_OP_MASK;

    if (t != x || !(m->t[t].flags & F_VCPU))
        return label(-L4_ERR_INVAL);
    if (op == L4_OP_REPLY) {
        has = false; /* forgotten */
    } else if (op == 0 && !(v->user_task & L4_SEL_SELF)) { /* another one */
        has = v->named.kind == K_TASK;
        if (has && !(v->named.rights & L4_RIGHT_S))
            return label(-L4_ERR_PERM);
        dead = false;
    }
    if (has && msg->items != 0) {
        long error = dead ? 0 : transfer[model_choose(3)];

        if (dead)
            return label(-L4_ERR_NOENT);
        if (error != 0)
            return (struct answer){A_ERROR, error, NOBODY};
    }
    if ((v->saved_state & L4_VCPU_IRQ) && (v->sticky_flags & L4_VCPU_IRQ_PENDING)) {
        m->upcalls[x] = 0;
        m->t[x].rest = REST_POLL;
        return any(A_WAITS);
    }
    if (user && !has)
        return label(-L4_ERR_NOENT);
    m->upcalls[x] = user ? L4_VCPU_IRQ | L4_VCPU_PAGE_FAULTS | L4_VCPU_EXCEPTIONS : (uint8_t)(v->saved_state & 7u);
    if (user)
        m->t[x].flags |= F_VCPU_USER;
    m->result[x] = (struct model_result){.kind = R_NONE, .registers = true, .from = NOBODY};
    return any(A_WAITS);
}

static struct answer thread_trampoline(struct model *m, int x, int t, const struct model_message *msg)
{
    word_t function = msg->mr[0] >> 16;
    bool leave = function == L4_TRAMP_RESUME || function == L4_TRAMP_REFLECT;
    struct errors e = {.count = 0};

    error_if(&e, msg->items != 0, -L4_ERR_MSGTOOLONG);
    error_if(&e, function == L4_TRAMP_SETUP && msg->words < 2, -L4_ERR_MSGTOOSHORT);
    error_if(&e, function == L4_TRAMP_SETUP && msg->words > 2, -L4_ERR_MSGTOOLONG);
    error_if(&e, function == L4_TRAMP_SETUP && !msg->area_fits, -L4_ERR_INVAL);
    error_if(&e, function != L4_TRAMP_SETUP && function <= L4_TRAMP_ENABLE && msg->words > 1, -L4_ERR_MSGTOOLONG);
    error_if(&e, leave && t != x, -L4_ERR_PERM);
    error_if(&e, leave && !msg->area_in_progress, -L4_ERR_INVAL);
    error_if(&e, function == L4_TRAMP_ENABLE && !msg->area, -L4_ERR_INVAL);
    error_if(&e, function > L4_TRAMP_ENABLE, -L4_ERR_NOSYS);
    if (e.count > 0)
        return refused(&e);
    if (!leave)
        return label(0);
    if (msg->area_trigger)
        m->t[x].flags |= F_TRIGGER;
    else if (function == L4_TRAMP_REFLECT)
        m->t[x].rest = REST_REFLECT;
    return any(A_WAITS);
}

static struct answer thread_operate(struct model *m, int x, const struct model_target *target,
                                    const struct model_message *msg)
{
    int t = target->index;

    if (msg->words == 0)
        return label(-L4_ERR_MSGTOOSHORT);
    if ((msg->mr[0] & 0xffff) != L4_OP_THREAD_SWITCH_TO && model_travels(m, x, m->t[t].cpu))
        return any(A_WAITS);
    switch (msg->mr[0] & 0xffff) {
    case L4_OP_THREAD_CONTROL:
        return thread_control(m, x, t, target->rights, msg);
    case L4_OP_THREAD_EX_REGS:
        return thread_ex_regs(m, x, t, msg);
    case L4_OP_THREAD_SWITCH_TO:
        return thread_switch(m, x, t);
    case L4_OP_THREAD_STATS:
        answer_words(m, x, 0, 1, &m->t[t].consumed);
        return m->t[t].state == M_DEAD ? any(A_ANY) : label(0);
    case L4_OP_THREAD_DELETE_IRQ:
        return thread_deletion_irq(m, t, msg);
    case L4_OP_THREAD_MODIFY_SENDERS:
        return thread_modify_senders(m, x, t, msg);
    case L4_OP_THREAD_VCPU_CONTROL:
        return thread_vcpu_control(m, t, msg);
    case L4_OP_THREAD_VCPU_RESUME:
        return thread_vcpu_resume(m, x, t, msg);
    case L4_OP_THREAD_TRAMPOLINE:
        return thread_trampoline(m, x, t, msg);
    case L4_OP_THREAD_GDT:
    case L4_OP_THREAD_SET_BASE:
    case L4_OP_THREAD_SEGMENTS:
        return any(A_ANY);
    default:
        return label(-L4_ERR_NOSYS);
    }
}

/* ---- gates ---- */

static struct answer gate_operate(struct model *m, int x, const struct model_target *target,
                                  const struct model_message *msg)
{
    struct errors e = {.count = 0};

    if (msg->words == 0)
        return label(-L4_ERR_INVAL);
    switch (msg->mr[0]) {
    case L4_OP_GATE_BIND:
        error_if(&e, !(target->rights & L4_RIGHT_S), -L4_ERR_PERM);
        error_if(&e, msg->words < 2, -L4_ERR_MSGTOOSHORT);
        error_if(&e, (msg->mr[1] & 3) != 0, -L4_ERR_INVAL);
        argument_errors(&e, msg, K_THREAD);
        error_if(&e, msg->item == ITEM_GIVEN && !(msg->argument.rights & L4_RIGHT_S), -L4_ERR_PERM);
        if (e.count > 0)
            return refused(&e);
        model_gate_bind(m, target->index, msg->argument.index, msg->mr[1]);
        return label(0);
    case L4_OP_GATE_INFO:
        answer_words(m, x, 0, 1, &m->object[target->index].label);
        return label(0);
    case L4_OP_GATE_DEC_REFCNT:
        return label(msg->words < 2 ? -L4_ERR_INVAL : 0);
    default:
        return label(-L4_ERR_NOSYS);
    }
}

/* ---- IRQs, semaphores ---- */

static struct answer irq_bind(struct model *m, const struct model_target *target, const struct model_message *msg)
{
    struct errors e = {.count = 0};

    error_if(&e, !(target->rights & L4_RIGHT_S), -L4_ERR_PERM);
    argument_errors(&e, msg, K_THREAD);
    error_if(&e, msg->item == ITEM_GIVEN && !(msg->argument.rights & L4_RIGHT_S), -L4_ERR_PERM);
    if (e.count > 0)
        return refused(&e);
    model_irq_bind(m, target->index, msg->argument.index, msg->mr[1]);
    return label(0);
}

static struct answer irq_operate(struct model *m, const struct model_target *target, long proto,
                                 const struct model_message *msg)
{
    word_t op = msg->mr[0] & 0xffff;

    if (proto != L4_PROTO_IRQ && proto != L4_PROTO_KOBJECT && proto != L4_PROTO_IRQ_SENDER)
        return label(-L4_ERR_BADPROTO);
    if (msg->words == 0 && proto != L4_PROTO_IRQ)
        return label(-L4_ERR_INVAL);
    if (proto == L4_PROTO_KOBJECT && op == L4_OP_IRQ_BIND)
        return irq_bind(m, target, msg);
    if (proto == L4_PROTO_IRQ_SENDER && op == L4_OP_IRQ_DETACH) {
        struct errors e = {.count = 0};

        error_if(&e, !(target->rights & L4_RIGHT_S), -L4_ERR_PERM);
        error_if(&e, m->object[target->index].thread == NOBODY, -L4_ERR_NOENT);
        if (e.count > 0)
            return refused(&e);
        return label(model_irq_detach(m, target->index));
    }
    if (proto == L4_PROTO_IRQ && (msg->words == 0 || op == L4_OP_IRQ_TRIGGER)) {
        model_irq_hit(m, target->index);
        return any(A_SILENT);
    }
    return proto == L4_PROTO_IRQ && op == L4_OP_IRQ_EOI ? any(A_SILENT) : label(-L4_ERR_NOSYS);
}

static struct answer sem_operate(struct model *m, int x, const struct model_target *target, long proto,
                                 const struct model_message *msg, unsigned timeout)
{
    word_t op = msg->mr[0] & 0xffff;

    if (proto != L4_PROTO_IRQ && proto != L4_PROTO_SEMAPHORE)
        return label(-L4_ERR_BADPROTO);
    if (msg->words == 0 && proto != L4_PROTO_IRQ)
        return label(-L4_ERR_INVAL);
    if (proto == L4_PROTO_SEMAPHORE) {
        if (op != L4_OP_SEM_DOWN)
            return label(-L4_ERR_NOSYS);
        if (!(target->rights & L4_RIGHT_S))
            return label(-L4_ERR_PERM);
        if (m->object[target->index].count > 0) {
            m->object[target->index].count--;
            return label(0);
        }
        model_sem_down(m, x, target->index, timeout);
        return any(A_WAITS);
    }
    if (msg->words == 0 || op == L4_OP_SEM_UP) {
        model_sem_up(m, target->index);
        return any(A_SILENT);
    }
    return op == L4_OP_SEM_EOI ? any(A_SILENT) : label(-L4_ERR_NOSYS);
}

/* ---- kernel-user memory ---- */

static bool area_fits(l4_fpage fp)
{
    word_t start = l4_fpage_start(fp) << L4_PAGE_SHIFT;
    unsigned order = l4_fpage_order(fp);

    return order >= 12 && order <= 17 && start < L4_USER_END && 1ul << order <= L4_USER_END - start;
}

/* Does one of the flexpages before this one lie there, too? */
static bool area_taken(const struct model_message *msg, unsigned at)
{
    l4_fpage fp = {msg->mr[at]};
    word_t start = l4_fpage_start(fp) << L4_PAGE_SHIFT, end = start + (1ul << l4_fpage_order(fp));

    for (unsigned i = 1; i < at; i++) {
        word_t other = l4_fpage_start((l4_fpage){msg->mr[i]}) << L4_PAGE_SHIFT;

        if (other < end && start < other + (1ul << l4_fpage_order((l4_fpage){msg->mr[i]})))
            return true;
    }
    return msg->taken >> at & 1;
}

/* One after the other, until one cannot be. */
static struct answer add_ku_mem(struct model *m, int x, const struct model_message *msg)
{
    word_t mr[4];

    for (unsigned i = 1; i < msg->words; i++) {
        l4_fpage fp = {msg->mr[i]};

        if (l4_fpage_type(fp) != L4_FPAGE_MEM || !area_fits(fp))
            return label(m->world->memory_short() && model_choose(2) != 0 ? -L4_ERR_NOMEM : -L4_ERR_INVAL);
        if (area_taken(msg, i))
            return label(m->world->memory_short() && model_choose(2) != 0 ? -L4_ERR_NOMEM : -L4_ERR_EXIST);
        if (i <= 4)
            mr[i - 1] = fp.raw & ~15ul;
    }
    if (m->world->memory_short() && model_choose(2) != 0)
        return label(-L4_ERR_NOMEM);
    answer_words(m, x, 0, msg->words > 5 ? 4 : msg->words - 1, mr);
    return label(0);
}

/* ---- factories. Sizes are not described: what a limit is enough for is open, when it is near ---- */

static void gate_create_errors(struct errors *e, const struct model_message *msg)
{
    if (msg->items == 0)
        return;
    error_if(e, msg->words < 3, -L4_ERR_MSGTOOSHORT);
    error_if(e, msg->item != ITEM_GIVEN || msg->argument.kind != K_THREAD, -L4_ERR_INVAL);
    error_if(e, msg->item == ITEM_GIVEN && msg->argument.kind == K_THREAD && !(msg->argument.rights & L4_RIGHT_S),
             -L4_ERR_PERM);
    error_if(e, (msg->mr[2] & 3) != 0, -L4_ERR_INVAL);
}

static struct answer factory_operate(const struct model *m, const struct model_target *target, unsigned op,
                                     const struct model_message *msg)
{
    struct errors e = {.count = 0};
    long proto = (long)msg->mr[0];

    if (!(op & L4_OP_RECV))
        return label(0);
    error_if(&e, !(target->rights & L4_RIGHT_S), -L4_ERR_PERM);
    error_if(&e, msg->words == 0, -L4_ERR_MSGTOOSHORT);
    error_if(&e, !msg->slot_given, ERROR_IPC + L4_IPC_RECV_OVERFLOW);
    error_if(&e, msg->slot_given && !msg->slot_fits, -L4_ERR_NOMEM);
    switch (proto) {
    case L4_PROTO_NONE:
    case L4_PROTO_KOBJECT:
        gate_create_errors(&e, msg);
        break;
    case L4_PROTO_TASK:
        error_if(&e, msg->words < 3, -L4_ERR_INVAL);
        error_if(&e, msg->words >= 3 && msg->mr[2] != 0 && !area_fits((l4_fpage){msg->mr[2]}), -L4_ERR_INVAL);
        break;
    case L4_PROTO_FACTORY:
        error_if(&e, msg->words < 3, -L4_ERR_MSGTOOSHORT);
        error_if(&e, msg->words > 3 || msg->items != 0, -L4_ERR_MSGTOOLONG);
        error_if(&e, msg->words >= 3 && (msg->mr[2] == 0 || msg->mr[2] > msg->quota_left), -L4_ERR_NOMEM);
        break;
    case L4_PROTO_THREAD:
    case L4_PROTO_IRQ_SENDER:
    case L4_PROTO_SEMAPHORE:
        break;
    default:
        error_if(&e, true, -L4_ERR_NODEV);
        break;
    }
    if (e.count > 0) {
        error_if(&e, m->world->memory_short(), -L4_ERR_NOMEM);
        return refused(&e);
    }
    return label(m->world->memory_short() && model_choose(2) != 0 ? -L4_ERR_NOMEM : 0);
}

/* ---- tasks ---- */

static struct answer task_operate(struct model *m, int x, const struct model_target *target,
                                  const struct model_message *msg)
{
    struct errors e = {.count = 0};

    if (msg->words == 0)
        return label(-L4_ERR_INVAL);
    switch (msg->mr[0]) {
    case L4_OP_TASK_MAP:
        error_if(&e, !(target->rights & L4_RIGHT_W), -L4_ERR_PERM);
        argument_errors(&e, msg, K_TASK);
        if (e.count > 0)
            return refused(&e);
        if (m->world->memory_short() && model_choose(2) != 0)
            return (struct answer){A_ERROR, L4_IPC_SEND_MAP_FAILED, NOBODY};
        return label(0);
    case L4_OP_TASK_UNMAP:
        return label(0);
    case L4_OP_TASK_CAP_INFO:
        return msg->words == 2 || msg->words == 3 ? label(msg->cap_info) : label(-L4_ERR_INVAL);
    case L4_OP_TASK_ADD_KU_MEM:
        return add_ku_mem(m, x, msg);
    default:
        return label(-L4_ERR_NOSYS);
    }
}

/* ---- the phases ---- */

static struct answer operate(struct model *m, int x, const struct model_target *target, unsigned op, long proto,
                             const struct model_message *msg, unsigned timeout)
{
    switch (target->kind) {
    case K_THREAD:
        return thread_operate(m, x, target, msg);
    case K_GATE:
        return gate_operate(m, x, target, msg);
    case K_IRQ:
        return irq_operate(m, target, proto, msg);
    case K_SEM:
        return sem_operate(m, x, target, proto, msg, timeout);
    case K_TASK:
        return proto != L4_PROTO_TASK ? label(-L4_ERR_BADPROTO) : task_operate(m, x, target, msg);
    case K_FACTORY:
        return proto != L4_PROTO_FACTORY ? label(-L4_ERR_BADPROTO) : factory_operate(m, target, op, msg);
    default:
        return model_device(m, x, target, proto, msg);
    }
}

void model_operation(struct model *m, int x, const struct model_target *target, const struct model_request *rq,
                     struct model_ipc *ipc)
{
    const struct model_message *msg = m->world->message(x);
    int from = target->kind == K_IRQ ? MODEL_THREADS + target->index : NOBODY;
    struct answer a = any(A_SILENT);

    if ((ipc->op & L4_OP_SEND) || target->kind == K_TASK || (target->kind == K_THREAD && ipc->op == 0))
        a = operate(m, x, target, ipc->op, l4_tag_label((l4_tag){rq->tag}), msg, l4_timeout_rcv(rq->timeouts));
    switch (a.kind) {
    case A_OPEN:
        m->open = true;
        break;
    case A_WAITS:
        break;
    case A_ERROR:
        model_result(m, x, (struct model_result){.kind = R_ERROR, .error = (word_t)a.label});
        break;
    case A_SILENT:
        if (ipc->op & L4_OP_RECV)
            model_receive(m, x, ipc, from);
        else
            model_result(m, x, (struct model_result){.kind = R_TAG, .tag = rq->tag});
        break;
    default:
        if (!(ipc->op & L4_OP_RECV) && a.kind != A_ANY)
            model_result(m, x, (struct model_result){.kind = R_TAG, .tag = rq->tag});
        else
            model_result(m, x, (struct model_result){.kind = a.kind == A_ANY ? R_ANY : R_LABEL,
                                                     .tag = l4_tag_make(a.label, 0, 0, 0).raw});
        break;
    }
    if (a.next != NOBODY)
        model_switch(m, x, a.next);
}
