/* SPDX-License-Identifier: MIT */
/*
 * The scheduler object: CPU sets, run_thread, idle time. Its ICU line 0 would announce CPU hot-plug; CPUs never change.
 */
#include "cpu.h"
#include "ipc.h"
#include "objects.h"
#include "operation.h"
#include "smp.h"

struct kobj sched_object;
static struct irq_source hotplug_line;
static const struct irq_lines hotplug = {.pin = &hotplug_line, .pins = 1};

/* Which bit of the map of a set (descriptor: offset 0-23, granularity 24-31) is the CPU's? 64 or more: none. */
static inline word_t cpu_bit(word_t descriptor, unsigned cpu)
{
    unsigned gran = (unsigned)(descriptor >> 24 & 0xffu);
    word_t offset;

    if (gran > 24)
        gran = 24;
    offset = (descriptor & 0xffffffu) & ~((1ul << gran) - 1);
    return cpu < offset ? 64 : (cpu - offset) >> gran;
}

static bool cpu_in_set(word_t descriptor, word_t map, unsigned cpu)
{
    word_t bit = cpu_bit(descriptor, cpu);

    return bit < 64 && (map >> bit & 1);
}

static cold_path l4_tag sched_info(struct invoke *in)
{
    word_t *mr = in->utcb->mr, present = 0;

    if ((mr[1] & 0xffffffu) >= cpu_count)
        return tag_label(-L4_ERR_RANGE);
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        word_t bit = cpu_bit(mr[1], cpu);

        if (bit < 64)
            present |= 1ul << bit;
    }
    mr[0] = present;
    mr[1] = cpu_count;
    mr[2] = 2; /* fixed priorities */
    return tag_words(0, 3);
}

/* What run_thread asks for, in either form. */
struct sched_request {
    unsigned prio;
    int32_t quantum_us;
};

static status_t request_decode(const struct invoke *in, struct sched_request *rq)
{
    const word_t *mr = in->utcb->mr;
    unsigned words = l4_tag_words(in->tag);
    word_t prio, quantum;

    if ((long)mr[3] >= 0) {
        prio = mr[3];
        quantum = mr[4];
    } else {
        if (mr[3] != ~0ul) /* fixed priorities are class -1, and the only one */
            return -L4_ERR_RANGE;
        if (mr[4] < 48 || mr[4] > (words - 1) * sizeof(word_t))
            return -L4_ERR_INVAL;
        quantum = mr[5];
        prio = mr[6] & 0xffffu;
    }
    if (prio == 0)
        return -L4_ERR_INVAL;
    rq->prio = prio > 255 ? 255 : (unsigned)prio;
    rq->quantum_us = quantum > INT32_MAX ? INT32_MAX : (int32_t)quantum;
    return OK;
}

static l4_tag sched_run_thread(struct invoke *in)
{
    const word_t *mr = in->utcb->mr;
    struct sched_request rq;
    struct cpu *home = NULL;
    struct kobj *obj;
    struct thread *t;
    unsigned rights;
    int st;

    st = cap_arg(in, KOBJ_THREAD, &obj, &rights);
    if (st != OK)
        return cap_arg_tag(in, st);
    st = request_decode(in, &rq);
    if (st != OK)
        return tag_label(st);
    t = thread_of(obj);
    if (travels(in, t->home))
        return TAG_TRAVELS;
    if (t->home != NULL && cpu_in_set(mr[1], mr[2], t->home->id))
        home = t->home;
    else if (cpu_in_set(mr[1], mr[2], in->self->home->id))
        home = in->self->home;
    else
        for (unsigned cpu = 0; cpu < cpu_count && home == NULL; cpu++)
            if (cpu_in_set(mr[1], mr[2], cpu))
                home = cpus[cpu];
    sched_set(t, home, rq.prio, rq.quantum_us);
    return tag_label(0);
}

static cold_path l4_tag sched_idle_time(struct invoke *in)
{
    word_t *mr = in->utcb->mr;

    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        if (cpu_in_set(mr[1], mr[2], cpu)) {
            mr[0] = cpus[cpu]->idle_us;
            return tag_words(0, 1);
        }
    return tag_label(-L4_ERR_INVAL);
}

#define OPERATIONS_OF_SCHED OPERATIONS_MINE
#define OPERATION(handler) sched_##handler(in)

static l4_tag sched_operate(struct kobj *obj, struct invoke *in)
{
    (void)obj;
    if (l4_tag_label(in->tag) == L4_PROTO_IRQ)
        return icu_operate(in, &hotplug);
    if (l4_tag_label(in->tag) != L4_PROTO_SCHEDULER)
        return tag_label(-L4_ERR_BADPROTO);
    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    switch (operation_key(L4_PROTO_SCHEDULER, in->utcb->mr[0])) {
#include <l4/ops.def>
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

static bool sched_keep(struct kobj *obj)
{
    (void)obj;
    return true;
}

const struct kobj_ops sched_ops = {
    .name = "scheduler",
    .answers = true,
    .invoke = kobj_invoke,
    .operate = sched_operate,
    .destroy = sched_keep,
    .free = sched_keep,
};

void schedobj_init(void)
{
    kobj_init(&sched_object, &sched_ops, KOBJ_SCHED, NULL);
    sched_object.boot = true;
}
