/* SPDX-License-Identifier: MIT */
/* Operations that the kernel does a window's worth at a time (preempt.h), to their end. */
#pragma once
#include "kobj.h"
#include "map.h"
#include "task.h"

static inline void work_run_all(void)
{
    while (!kobj_work_run())
        work_left = work_slice;
}
static inline int map_fpage_all(struct map_request rq)
{
    struct op_progress p = {0};
    int st;

    rq.progress = &p;
    while ((st = map_fpage(&rq)) == MAP_AGAIN)
        work_left = work_slice;
    return st;
}
static inline unsigned unmap_memory_all(struct task *task, l4_fpage fp, bool self)
{
    struct op_progress p = {0};

    while (!unmap_memory(task, fp, self, &p))
        work_left = work_slice;
    return p.status;
}
static inline void unmap_caps_all(struct task *task, l4_fpage fp, bool del)
{
    struct op_progress p = {0};

    while (!unmap_caps(task, fp, del, &p))
        work_left = work_slice;
}
static inline void unmap_io_all(struct task *task, l4_fpage fp, bool self)
{
    struct op_progress p = {0};

    while (!unmap_io(task, fp, self, &p))
        work_left = work_slice;
}
static inline void unmap_everything(struct task *task)
{
    task->progress = (struct op_progress){0};
    while (!unmap_all(task))
        work_left = work_slice;
}
static inline status_t ku_mem_add_all(struct task *task, word_t start, unsigned order)
{
    status_t st;

    while ((st = ku_mem_add(task, start, order)) == MAP_AGAIN)
        work_left = work_slice;
    return st;
}
static inline void space_free_all(struct arch_space *s, struct factory *payer)
{
    word_t at = 0;

    while (!arch_space_free(s, payer, &at))
        work_left = work_slice;
}
