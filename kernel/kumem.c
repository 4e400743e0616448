/* SPDX-License-Identifier: MIT */
/*
 * Kernel-user memory: UTCBs and other pages that a task shares with the kernel. An area is one block of frames,
 * zeroed, mapped read-write in 4 KiB pages, and stays until its task dies. No mapping names it, so nobody can map over
 * it, unmap it or derive from it. A large one is made in several steps (preempt.h): who asks for the same area again
 * goes on with what is there.
 *
 *   K1  areas of a task do not overlap, and no user mapping lies where an area is.
 *   K2  the leaf of each of its pages has the area in place of a mapping.
 *   K3  area->kernel is one block of (4 KiB << (order - 12)) bytes, charged to the task's factory like the area itself.
 *   K4  an area of which pages are missing is nobody's UTCB: what is not complete may still be given back.
 */
#include "map.h"
#include "memory.h"
#include "task.h"

#define KU_ORDER_MIN 12u
#define KU_ORDER_MAX 17u

static struct slab area_slab;

void ku_mem_init(void) { slab_init(&area_slab, "ku_area", sizeof(struct ku_area)); }

/* The area that has its page at addr, or NULL. */
static struct ku_area *area_at(const struct task *task, word_t addr)
{
    struct pt_entry e;

    return addr < L4_USER_END && arch_pt_lookup(&task->space, addr, &e) && e.ku ? (struct ku_area *)e.mapping : NULL;
}

/* Zeroes and maps the pages that are not there yet, a window's worth of them. OK, MAP_AGAIN, or -NOMEM. */
static status_t area_map(struct task *task, struct ku_area *a)
{
    while (a->pages << L4_PAGE_SHIFT >> a->order == 0) {
        char *page = a->kernel + ((size_t)a->pages << L4_PAGE_SHIFT);
        struct pt_entry e = {.va = a->user + ((word_t)a->pages << L4_PAGE_SHIFT), .pa = arch_virt_to_phys(page),
                             .order = KU_ORDER_MIN, .rights = L4_MEM_R | L4_MEM_W, .cache = L4_ITEM_CACHED, .ku = true,
                             .mapping = (struct mapping *)a};

        memset(page, 0, L4_PAGE_SIZE);
        if (arch_pt_insert(&task->space, task->obj.payer, &e) != OK)
            return -L4_ERR_NOMEM;
        a->pages++;
        if (a->pages << L4_PAGE_SHIFT >> a->order == 0 && !work_done(30))
            return MAP_AGAIN;
    }
    return OK;
}

static void area_free(struct task *task, struct ku_area *a)
{
    struct factory *payer = task->obj.payer;

    list_remove(&a->link);
    while (a->pages > 0)
        arch_pt_remove(&task->space, a->user + ((word_t)--a->pages << L4_PAGE_SHIFT));
    charged_frame_free(payer, a->kernel, a->order - KU_ORDER_MIN);
    charged_slab_free(payer, &area_slab, a);
}

status_t ku_mem_add(struct task *task, word_t start, unsigned order)
{
    struct factory *payer = task->obj.payer;
    word_t bytes = 1ul << (order & 63u);
    struct ku_area *a;
    struct pt_entry e;
    status_t st;

    if (order < KU_ORDER_MIN || order > KU_ORDER_MAX || start & (L4_PAGE_SIZE - 1))
        return -L4_ERR_INVAL;
    if (start >= L4_USER_END || bytes > L4_USER_END - start)
        return -L4_ERR_INVAL;
    a = area_at(task, start);
    if (a != NULL && a->user == start && a->order == order && a->pages << L4_PAGE_SHIFT < bytes) {
        if (arch_pt_next(&task->space, start + ((word_t)a->pages << L4_PAGE_SHIFT), start + bytes, &e)) {
            area_free(task, a); /* somebody has mapped something there meanwhile */
            return -L4_ERR_EXIST;
        }
    } else {
        if (arch_pt_next(&task->space, start, start + bytes, &e))
            return -L4_ERR_EXIST;
        a = charged_slab_alloc(payer, &area_slab);
        if (a == NULL)
            return -L4_ERR_NOMEM;
        a->kernel = charged_frame_alloc_raw(payer, order - KU_ORDER_MIN);
        if (a->kernel == NULL) {
            charged_slab_free(payer, &area_slab, a);
            return -L4_ERR_NOMEM;
        }
        a->user = start;
        a->order = order;
        list_push_front(&task->ku_areas, &a->link);
    }
    st = area_map(task, a);
    if (st < 0)
        area_free(task, a);
    return st;
}

void *ku_mem_lookup(const struct task *task, word_t addr, size_t size)
{
    const struct ku_area *a = list_first(&task->ku_areas, const struct ku_area, link);
    word_t bytes, off;

    if (list_empty(&task->ku_areas))
        return NULL;
    if (unlikely(addr - a->user >= (word_t)a->pages << L4_PAGE_SHIFT)) { /* not in the newest */
        a = area_at(task, addr);
        if (a == NULL)
            return NULL;
    }
    bytes = (word_t)a->pages << L4_PAGE_SHIFT;
    off = addr - a->user;
    return bytes >> a->order != 0 && off < bytes && size <= bytes - off ? a->kernel + off : NULL; /* K4 */
}

bool ku_mem_free_all(struct task *task)
{
    while (!list_empty(&task->ku_areas)) {
        area_free(task, list_first(&task->ku_areas, struct ku_area, link));
        if (!work_done(150))
            return false;
    }
    return true;
}
