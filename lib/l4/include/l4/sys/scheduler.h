/* SPDX-License-Identifier: MIT */
/* Scheduler: puts threads on CPUs with a priority and a quantum. Protocol L4_PROTO_SCHEDULER. */
#pragma once
#include <l4/sys/kernel_object.h>

enum L4_scheduler_ops {
    L4_SCHEDULER_INFO_OP = 0,
    L4_SCHEDULER_RUN_THREAD_OP = 1,
    L4_SCHEDULER_IDLE_TIME_OP = 2
};
enum l4_scheduler_classes { L4_SCHEDULER_CLASS_FIXED_PRIO = 2, L4_SCHEDULER_CLASS_WFQ = 4 };

/* A set of CPUs: bit i of map stands for the CPUs offset + i * 2^g .. offset + (i + 1) * 2^g - 1. */
typedef struct l4_sched_cpu_set_t {
    l4_umword_t gran_offset; /* offset in bits 0-23, granularity g in bits 24-31 */
    l4_umword_t map;
} l4_sched_cpu_set_t;
typedef struct l4_sched_param_t {
    l4_sched_cpu_set_t affinity;
    l4_umword_t prio;    /* 1..255 */
    l4_umword_t quantum; /* microseconds, 0: default */
} l4_sched_param_t;

L4_INLINE l4_sched_cpu_set_t l4_sched_cpu_set(l4_umword_t offset, unsigned char granularity,
                                              l4_umword_t map L4_DEFAULT_PARAM(1))
{
    l4_sched_cpu_set_t s;

    s.gran_offset = (l4_umword_t)granularity << 24 | (offset & 0xfffffful);
    s.map = map;
    return s;
}
/* Parameters for l4_scheduler_run_thread(): prio 1..255, quantum in microseconds (0: default), all CPUs. */
L4_INLINE l4_sched_param_t l4_sched_param(unsigned prio, l4_umword_t quantum L4_DEFAULT_PARAM(0))
{
    l4_sched_param_t p;

    p.affinity = l4_sched_cpu_set(0, 0xff, 1);
    p.prio = prio;
    p.quantum = quantum;
    return p;
}

L4_INLINE l4_msgtag_t l4_scheduler_info_with_classes_u(l4_cap_idx_t scheduler, l4_umword_t *cpu_max,
                                                       l4_sched_cpu_set_t *cpus, l4_umword_t *sched_classes,
                                                       l4_utcb_t *u)
{
    l4_msgtag_t tag;

    l4_utcb_mr_u(u)->mr[0] = L4_SCHEDULER_INFO_OP;
    l4_utcb_mr_u(u)->mr[1] = cpus->gran_offset;
    tag = l4_kobject_call_(scheduler, u, L4_PROTO_SCHEDULER, 2, 0);
    if (l4_error_u(tag, u) < 0)
        return tag;
    cpus->map = l4_utcb_mr_u(u)->mr[0];
    if (cpu_max)
        *cpu_max = l4_utcb_mr_u(u)->mr[1];
    if (sched_classes)
        *sched_classes = l4_utcb_mr_u(u)->mr[2];
    return tag;
}
/* As l4_scheduler_info(); *sched_classes: L4_SCHEDULER_CLASS_* bits. */
L4_INLINE l4_msgtag_t l4_scheduler_info_with_classes(l4_cap_idx_t scheduler, l4_umword_t *cpu_max,
                                                     l4_sched_cpu_set_t *cpus, l4_umword_t *sched_classes)
{
    return l4_scheduler_info_with_classes_u(scheduler, cpu_max, cpus, sched_classes, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_scheduler_info_u(l4_cap_idx_t scheduler, l4_umword_t *cpu_max, l4_sched_cpu_set_t *cpus,
                                          l4_utcb_t *u)
{
    return l4_scheduler_info_with_classes_u(scheduler, cpu_max, cpus, (l4_umword_t *)0, u);
}
/* cpus->gran_offset in: what to look at; cpus->map out: CPUs present there. *cpu_max: number of CPUs (may be NULL).
 * Errors: -L4_ERANGE (offset beyond). */
L4_INLINE l4_msgtag_t l4_scheduler_info(l4_cap_idx_t scheduler, l4_umword_t *cpu_max, l4_sched_cpu_set_t *cpus)
{
    return l4_scheduler_info_u(scheduler, cpu_max, cpus, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_scheduler_run_thread_u(l4_cap_idx_t scheduler, l4_cap_idx_t thread,
                                                l4_sched_param_t const *sp, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_SCHEDULER_RUN_THREAD_OP;
    l4_utcb_mr_u(u)->mr[1] = sp->affinity.gran_offset;
    l4_utcb_mr_u(u)->mr[2] = sp->affinity.map;
    l4_utcb_mr_u(u)->mr[3] = sp->prio;
    l4_utcb_mr_u(u)->mr[4] = sp->quantum;
    l4_kobject_arg_(u, 5, thread);
    return l4_kobject_call_(scheduler, u, L4_PROTO_SCHEDULER, 5, 1);
}
/* Priority, quantum and CPUs of thread; a thread that was started runs from now on. Errors: -L4_EINVAL (priority 0, no
 * thread). */
L4_INLINE l4_msgtag_t l4_scheduler_run_thread(l4_cap_idx_t scheduler, l4_cap_idx_t thread, l4_sched_param_t const *sp)
{
    return l4_scheduler_run_thread_u(scheduler, thread, sp, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_scheduler_idle_time_u(l4_cap_idx_t scheduler, l4_sched_cpu_set_t const *cpus,
                                               l4_kernel_clock_t *us, l4_utcb_t *u)
{
    l4_msgtag_t tag;

    l4_utcb_mr_u(u)->mr[0] = L4_SCHEDULER_IDLE_TIME_OP;
    l4_utcb_mr_u(u)->mr[1] = cpus->gran_offset;
    l4_utcb_mr_u(u)->mr[2] = cpus->map;
    tag = l4_kobject_call_(scheduler, u, L4_PROTO_SCHEDULER, 3, 0);
    if (l4_error_u(tag, u) >= 0)
        *us = l4_utcb_mr_u(u)->mr64[0];
    return tag;
}
/* *us: idle time of the first CPU of the set in microseconds. Errors: -L4_EINVAL (none online). */
L4_INLINE l4_msgtag_t l4_scheduler_idle_time(l4_cap_idx_t scheduler, l4_sched_cpu_set_t const *cpus,
                                             l4_kernel_clock_t *us)
{
    return l4_scheduler_idle_time_u(scheduler, cpus, us, l4_utcb());
}
L4_INLINE int l4_scheduler_is_online_u(l4_cap_idx_t scheduler, l4_umword_t cpu, l4_utcb_t *u)
{
    l4_sched_cpu_set_t s = l4_sched_cpu_set(cpu, 0, 1);

    if (l4_error_u(l4_scheduler_info_u(scheduler, (l4_umword_t *)0, &s, u), u) < 0)
        return 0;
    return (int)(s.map & 1);
}
/* 1: CPU number cpu is there, 0: it is not. */
L4_INLINE int l4_scheduler_is_online(l4_cap_idx_t scheduler, l4_umword_t cpu)
{
    return l4_scheduler_is_online_u(scheduler, cpu, l4_utcb());
}
