/* SPDX-License-Identifier: MIT */
/* Scheduler proxies and their protocols (-14 and -1); the contract is in sched.h. */
#include "sched.h"
#include <l4/sys/icu.h>
#include <l4/sys/scheduler.h>
#include <string.h>

struct sched {
    struct object object;
    unsigned limit, base;
    unsigned words; /* of the mask; 0: every CPU is allowed */
    l4_umword_t mask[SCHED_MASK_WORDS];
    bool is_bound; /* an IRQ of ours is bound to the kernel's hot-plug line */
};

#define GRANULARITY_MAX 24u
#define BITS 64u

static bool is_allowed(const struct sched *s, l4_umword_t cpu)
{
    return s->words == 0 || (cpu / BITS < s->words && (s->mask[cpu / BITS] >> cpu % BITS & 1) != 0);
}

/* CPU number of the first CPU that bit i of a set stands for, and how many it stands for. */
static l4_umword_t set_bit(l4_umword_t gran_offset, unsigned i, l4_umword_t *count)
{
    unsigned g = (unsigned)(gran_offset >> 24 & 0xff);

    g = g < GRANULARITY_MAX ? g : GRANULARITY_MAX;
    *count = 1ul << g;
    return ((gran_offset & 0xfffffful) & ~(*count - 1)) + ((l4_umword_t)i << g);
}

/* Does bit i of a set stand for an allowed CPU? */
static bool bit_is_allowed(const struct sched *s, l4_umword_t gran_offset, unsigned i)
{
    l4_umword_t count, first = set_bit(gran_offset, i, &count);

    if (s->words == 0)
        return true;
    for (l4_umword_t c = first; c < first + count && c < s->words * BITS; c++)
        if (is_allowed(s, c))
            return true;
    return false;
}

/* The requested CPUs that are allowed, as one word of single CPUs: the first 64 that hold one. */
static l4_sched_cpu_set_t set_restrict(const struct sched *s, l4_sched_cpu_set_t asked)
{
    l4_umword_t wanted[SCHED_MASK_WORDS] = {0}, count;

    if (s->words == 0)
        return asked;
    for (unsigned i = 0; i < BITS; i++) {
        if ((asked.map >> i & 1) == 0)
            continue;
        for (l4_umword_t first = set_bit(asked.gran_offset, i, &count), c = first;
             c < first + count && c < s->words * BITS; c++)
            if (is_allowed(s, c))
                wanted[c / BITS] |= 1ul << c % BITS;
    }
    for (unsigned w = 0; w < s->words; w++)
        if (wanted[w] != 0)
            return l4_sched_cpu_set(w * BITS, 0, wanted[w]);
    return l4_sched_cpu_set(0, 0, 0);
}

static long op_info(struct l4re_obj *obj, struct l4re_msg *m)
{
    const struct sched *s = (const struct sched *)obj;
    l4_sched_cpu_set_t set = {.gran_offset = l4re_rd_u64(&m->in)};
    l4_umword_t max, classes;

    if (m->in.err != 0)
        return m->in.err;
    long r = l4_error(l4_scheduler_info_with_classes(L4_BASE_SCHEDULER_CAP, &max, &set, &classes));
    if (r < 0)
        return r;
    for (unsigned i = 0; i < BITS; i++)
        if ((set.map >> i & 1) != 0 && !bit_is_allowed(s, set.gran_offset, i))
            set.map &= ~(1ul << i);
    l4re_wr_u64(&m->out, set.map);
    l4re_wr_u64(&m->out, max);
    l4re_wr_u64(&m->out, classes);
    return r;
}

static long op_run_thread(struct l4re_obj *obj, struct l4re_msg *m)
{
    const struct sched *s = (const struct sched *)obj;
    l4_sched_param_t p;

    p.affinity.gran_offset = l4re_rd_u64(&m->in);
    p.affinity.map = l4re_rd_u64(&m->in);
    p.prio = l4re_rd_u64(&m->in);
    p.quantum = l4re_rd_u64(&m->in);
    l4_cap_idx_t thread = l4re_msg_cap(m);
    if (m->in.err != 0)
        return m->in.err;
    p.prio += s->base;
    p.prio = p.prio < s->limit ? p.prio : s->limit;
    p.affinity = set_restrict(s, p.affinity);
    return l4_error(l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, thread, &p));
}

/* ---- the hot-plug line ---- */

static long op_icu_bind(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct sched *s = (struct sched *)obj;
    l4_umword_t line = l4re_rd_u64(&m->in);
    l4_cap_idx_t irq = l4re_msg_cap(m);

    if (m->in.err != 0)
        return m->in.err;
    if (line != 0)
        return -L4_EINVAL;
    long r = l4_error(l4_icu_bind(L4_BASE_SCHEDULER_CAP, 0, irq));
    s->is_bound = s->is_bound || r >= 0;
    return r;
}

static long op_icu_unbind(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct sched *s = (struct sched *)obj;
    l4_umword_t line = l4re_rd_u64(&m->in);
    l4_cap_idx_t irq = l4re_msg_cap(m);

    if (m->in.err != 0)
        return m->in.err;
    if (line != 0 || !s->is_bound)
        return 0;
    s->is_bound = false;
    return l4_error(l4_icu_unbind(L4_BASE_SCHEDULER_CAP, 0, irq));
}

static long op_icu_info(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    l4re_wr_u64(&m->out, 0);
    l4re_wr_u64(&m->out, 1); /* lines */
    l4re_wr_u64(&m->out, 0);
    return 0;
}

/* ---- creation and end ---- */

long sched_create(struct factory *f, unsigned limit, unsigned base, const l4_umword_t *mask, unsigned words,
                  struct object **out)
{
    struct sched *s = factory_take(f, sizeof *s);

    if (s == NULL)
        return -L4_ENOMEM;
    object_init(&s->object, &sched_type, f);
    s->limit = limit;
    s->base = base;
    s->words = words;
    memcpy(s->mask, mask, words * sizeof *mask);
    *out = &s->object;
    return 0;
}

static void sched_free(struct object *o)
{
    object_remove(o);
    factory_give(o->owner, o, sizeof(struct sched));
}

static const struct l4re_op sched_ops[] = {
    {.code = L4_SCHEDULER_INFO_OP, .fn = op_info},
    {.code = L4_SCHEDULER_RUN_THREAD_OP, .fn = op_run_thread},
};
static const struct l4re_op icu_ops[] = {
    {.code = L4_ICU_OP_BIND, .fn = op_icu_bind},
    {.code = L4_ICU_OP_UNBIND, .fn = op_icu_unbind},
    {.code = L4_ICU_OP_INFO, .fn = op_icu_info},
};
static const struct l4re_proto protos[] = {
    {L4_PROTO_SCHEDULER, "N2L49SchedulerE", L4RE_CODE_WORD, L4RE_OPS(sched_ops)},
    {L4_PROTO_IRQ, "N2L43IcuE", L4RE_CODE_WORD, L4RE_OPS(icu_ops)},
};
const struct object_type sched_type = {
    .iface = {L4RE_IFACE(protos), .gone = object_gate_gone},
    .unused = sched_free,
    .destroy = sched_free,
};
