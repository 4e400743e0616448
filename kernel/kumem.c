/* SPDX-License-Identifier: MIT */
/*
 * Kernel-user memory: UTCBs and other pages that a task shares with the kernel. An area is one block of frames,
 * zeroed, mapped read-write in 4 KiB pages, and stays until its task dies. No mapping names it, so nobody can map over
 * it, unmap it or derive from it.
 *
 *   K1  areas of a task do not overlap, and no user mapping lies where an area is.
 *   K2  area->kernel is one block of (4 KiB << (order - 12)) bytes, charged to the task's factory like the area itself.
 */
#include "map.h"
#include "memory.h"
#include "task.h"

#define KU_ORDER_MIN 12u
#define KU_ORDER_MAX 17u

static struct slab area_slab;

void ku_mem_init(void) { slab_init(&area_slab, "ku_area", sizeof(struct ku_area)); }

static void area_unmap(struct task *task, word_t start, word_t bytes)
{
    for (word_t off = 0; off < bytes; off += L4_PAGE_SIZE)
        arch_pt_remove(&task->space, start + off);
}

static status_t area_map(struct task *task, word_t start, char *kernel, word_t bytes)
{
    for (word_t off = 0; off < bytes; off += L4_PAGE_SIZE) {
        struct pt_entry e = {.va = start + off, .pa = arch_virt_to_phys(kernel + off), .order = KU_ORDER_MIN,
                             .rights = L4_MEM_R | L4_MEM_W, .cache = L4_ITEM_CACHED, .ku = true};
        status_t st = arch_pt_insert(&task->space, task->obj.payer, &e);
        if (st != OK) {
            area_unmap(task, start, off);
            return st;
        }
    }
    return OK;
}

status_t ku_mem_add(struct task *task, word_t start, unsigned order)
{
    struct factory *payer = task->obj.payer;
    word_t bytes = 1ul << (order & 63u);
    struct pt_entry e;

    if (order < KU_ORDER_MIN || order > KU_ORDER_MAX || start & (L4_PAGE_SIZE - 1))
        return -L4_ERR_INVAL;
    if (start >= L4_USER_END || bytes > L4_USER_END - start)
        return -L4_ERR_INVAL;
    if (arch_pt_next(&task->space, start, start + bytes, &e))
        return -L4_ERR_EXIST;

    struct ku_area *area = charged_slab_alloc(payer, &area_slab);
    if (area == NULL)
        return -L4_ERR_NOMEM;
    area->kernel = charged_frame_alloc(payer, order - KU_ORDER_MIN);
    if (area->kernel == NULL)
        goto free_area;
    if (area_map(task, start, area->kernel, bytes) != OK)
        goto free_frames;
    area->user = start;
    area->order = order;
    area->next = task->ku_areas;
    task->ku_areas = area;
    return OK;

free_frames:
    charged_frame_free(payer, area->kernel, order - KU_ORDER_MIN);
free_area:
    charged_slab_free(payer, &area_slab, area);
    return -L4_ERR_NOMEM;
}

void *ku_mem_lookup(const struct task *task, word_t addr, size_t size)
{
    for (const struct ku_area *a = task->ku_areas; a != NULL; a = a->next) {
        word_t bytes = 1ul << a->order, off = addr - a->user;
        if (off < bytes && size <= bytes - off)
            return a->kernel + off;
    }
    return NULL;
}

void ku_mem_free_all(struct task *task)
{
    struct factory *payer = task->obj.payer;

    while (task->ku_areas != NULL) {
        struct ku_area *a = task->ku_areas;
        task->ku_areas = a->next;
        area_unmap(task, a->user, 1ul << a->order);
        charged_frame_free(payer, a->kernel, a->order - KU_ORDER_MIN);
        charged_slab_free(payer, &area_slab, a);
    }
}
