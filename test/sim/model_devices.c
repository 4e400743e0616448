/* SPDX-License-Identifier: MIT */
/*
 * The reference model, see model.h: what the objects answer that the kernel makes at its start: scheduler, interrupt
 * controller with platform control; the console: model_console.c.
 */
#include "model.h"
#include <l4/errors.h>
#include <l4/proto.h>

/* ---- scheduler ---- */

/* Does the set that MR1 (offset, granularity) and MR2 describe contain the CPU? */
static bool set_contains(const struct model_message *msg, unsigned cpu)
{
    unsigned granularity = (unsigned)(msg->mr[1] >> 24 & 0xff);
    word_t first;

    granularity = granularity > 24 ? 24 : granularity;
    first = (msg->mr[1] & 0xffffff) >> granularity << granularity;
    return cpu >= first && (cpu - first) >> granularity < 64 && (msg->mr[2] >> ((cpu - first) >> granularity) & 1);
}

static int cpu_chosen(const struct model *m, int x, int t, const struct model_message *msg)
{
    if (m->t[t].cpu != NOBODY && set_contains(msg, (unsigned)m->t[t].cpu))
        return m->t[t].cpu;
    if (set_contains(msg, (unsigned)m->t[x].cpu))
        return m->t[x].cpu;
    for (unsigned cpu = 0; cpu < m->cpus; cpu++)
        if (set_contains(msg, cpu))
            return (int)cpu;
    return NOBODY;
}

static struct answer run_thread(struct model *m, int x, const struct model_message *msg)
{
    struct errors e = {.count = 0};
    bool fixed = (long)msg->mr[3] < 0;
    int t = msg->argument.index;
    word_t prio = fixed ? msg->mr[6] & 0xffff : msg->mr[3], quantum = fixed ? msg->mr[5] : msg->mr[4];

    error_if(&e, msg->words < 5, -L4_ERR_INVAL);
    argument_errors(&e, msg, K_THREAD);
    error_if(&e, fixed && (long)msg->mr[3] != -1, -L4_ERR_RANGE);
    error_if(&e, fixed && (msg->mr[4] < 48 || msg->mr[4] > (msg->words - 1) * sizeof(word_t)), -L4_ERR_INVAL);
    error_if(&e, prio == 0, -L4_ERR_INVAL);
    if (e.count > 0)
        return errors_answer(&e);
    if (model_travels(m, x, m->t[t].cpu))
        return answer_any(A_WAITS);
    model_schedule(m, t, cpu_chosen(m, x, t, msg), prio > 255 ? 255 : (unsigned)prio,
                   quantum > INT32_MAX ? INT32_MAX : (int32_t)quantum);
    return answer_label(0);
}

static struct answer sched_info(struct model *m, int x, const struct model_message *msg)
{
    struct model_message one = *msg;
    word_t mr[4] = {msg->mr[0], msg->mr[1], 0, 0}, present = 0;

    if (msg->words < 2)
        return answer_label(-L4_ERR_MSGTOOSHORT);
    if ((msg->mr[1] & 0xffffff) >= m->cpus)
        return answer_label(-L4_ERR_RANGE);
    one.mr = mr;
    for (unsigned bit = 0; bit < 64; bit++)
        for (unsigned cpu = 0; cpu < m->cpus; cpu++) {
            mr[2] = 1ul << bit;
            present |= set_contains(&one, cpu) ? 1ul << bit : 0;
        }
    answer_words(m, x, 0, 3, (const word_t[]){present, m->cpus, 2}); /* 2: fixed priorities */
    return answer_label(0);
}

static struct answer idle_time(struct model *m, int x, const struct model_message *msg)
{
    if (msg->words < 3)
        return answer_label(-L4_ERR_MSGTOOSHORT);
    for (unsigned cpu = 0; cpu < m->cpus; cpu++)
        if (set_contains(msg, cpu)) {
            answer_words(m, x, 0, 1, &m->on[cpu].idle);
            return answer_label(0);
        }
    return answer_label(-L4_ERR_INVAL);
}

static struct answer scheduler(struct model *m, int x, const struct model_message *msg)
{
    if (msg->words == 0)
        return answer_label(-L4_ERR_MSGTOOSHORT);
    switch (msg->mr[0]) {
    case L4_OP_SCHED_RUN_THREAD:
        return run_thread(m, x, msg);
    case L4_OP_SCHED_INFO:
        return sched_info(m, x, msg);
    case L4_OP_SCHED_IDLE_TIME:
        return idle_time(m, x, msg);
    default:
        return answer_label(-L4_ERR_NOSYS);
    }
}

/* ---- interrupts ---- */

static void irq_argument_errors(struct errors *e, const struct model_message *msg)
{
    bool fits = msg->argument.kind == K_IRQ || msg->argument.kind == K_SEM;

    error_if(e, msg->words < 2 || msg->items == 0, -L4_ERR_MSGTOOSHORT);
    error_if(e, msg->items != 0 && (msg->item == ITEM_MISSING || (msg->item == ITEM_GIVEN && !fits)), -L4_ERR_INVAL);
    error_if(e, msg->item == ITEM_OTHER, ERROR_IPC + L4_IPC_SEND_OVERFLOW);
}

/* A line that is occupied stays so, and the IRQ has lost what it had. */
static struct answer icu_bind(const struct model_message *msg)
{
    bool same = msg->pin == PIN_BOUND && msg->bound.kind == msg->argument.kind &&
                msg->bound.index == msg->argument.index;
    struct errors e = {.count = 0};

    irq_argument_errors(&e, msg);
    error_if(&e, msg->item == ITEM_GIVEN && !(msg->argument.rights & L4_RIGHT_W), -L4_ERR_PERM);
    error_if(&e, msg->pin == PIN_NONE || (msg->pin == PIN_BOUND && !same), -L4_ERR_INVAL);
    if (e.count > 0)
        return errors_answer(&e);
    return answer_label(msg->pin == PIN_UNSURE && model_choose(2) ? -L4_ERR_INVAL : 0);
}

static struct answer icu_mode(const struct model_message *msg, bool lines)
{
    if (msg->words < 3)
        return answer_label(-L4_ERR_MSGTOOSHORT);
    if (msg->pin == PIN_NONE)
        return answer_label(-L4_ERR_INVAL);
    if (lines || !(msg->mr[2] & L4_IRQ_MODE_SET))
        return answer_label(0);
    if (msg->mr[1] & L4_ICU_MSI)
        return answer_label(msg->mr[2] & L4_IRQ_MODE_LEVEL ? -L4_ERR_INVAL : 0);
    return answer_label(model_choose(2) ? -L4_ERR_INVAL : 0); /* can this pin do it? */
}

static struct answer icu(struct model *m, int x, const struct model_message *msg, bool lines)
{
    struct errors e = {.count = 0};

    if (msg->words == 0)
        return answer_label(-L4_ERR_MSGTOOSHORT);
    switch (msg->mr[0]) {
    case L4_OP_ICU_BIND:
        return icu_bind(msg);
    case L4_OP_ICU_UNBIND:
        irq_argument_errors(&e, msg);
        return e.count > 0 ? errors_answer(&e) : answer_label(0);
    case L4_OP_ICU_INFO:
        answer_words(m, x, 0, 3, (const word_t[]){msg->msis != 0 ? L4_ICU_MSI : 0, msg->pins, msg->msis});
        return answer_label(0);
    case L4_OP_ICU_MSI_INFO:
        if (msg->msis == 0)
            return answer_label(-L4_ERR_NOSYS);
        return answer_label(!(msg->mr[1] & L4_ICU_MSI) || msg->pin == PIN_NONE ? -L4_ERR_RANGE : 0);
    case L4_OP_ICU_MASK:
    case L4_OP_ICU_UNMASK:
        return answer_any(A_SILENT);
    case L4_OP_ICU_SET_MODE:
        return icu_mode(msg, lines);
    default:
        return answer_label(-L4_ERR_NOSYS);
    }
}

/* ---- platform control ---- */

static struct answer platform(const struct model_message *msg)
{
    if (msg->words == 0)
        return answer_label(-L4_ERR_MSGTOOSHORT);
    switch (msg->mr[0]) {
    case L4_OP_PLATFORM_SUSPEND:
        return answer_label(-L4_ERR_NODEV);
    case L4_OP_PLATFORM_SHUTDOWN:
        return answer_label(msg->words != 2 ? -L4_ERR_INVAL : -L4_ERR_NOSYS);
    case L4_OP_PLATFORM_ALLOW_CPU_OFF:
        return answer_label(0);
    default:
        return answer_label(-L4_ERR_NOSYS);
    }
}

struct answer model_device(struct model *m, int x, const struct model_target *target, long proto,
                           const struct model_message *msg)
{
    bool lines = target->kind != K_ICU;

    if (proto == L4_PROTO_IRQ)
        return icu(m, x, msg, lines);
    if (target->kind == K_SCHEDULER && proto == L4_PROTO_SCHEDULER)
        return scheduler(m, x, msg);
    if (target->kind == K_LOG && proto == L4_PROTO_LOG)
        return model_console(m, x, target, msg);
    if (target->kind == K_ICU && proto == L4_PROTO_NONE)
        return platform(msg);
    return answer_label(-L4_ERR_BADPROTO);
}
