/* SPDX-License-Identifier: MIT */
/*
 * Everything that exists, and the checks that walk it. A weak capability in the manager's table watches each task: it
 * does not keep the task alive and becomes void with it.
 */
#include "factory.h"
#include "ipc.h"
#include "main.h"
#include "map.h"
#include "memory.h"
#include "objects.h"
#include "sim.h"

_Static_assert(WATCH_FIRST + WORLD_TASKS <= CAP_PAGE_SLOTS, "the manager's table stays one page");

struct task *world_task(unsigned i)
{
    unsigned rights;
    struct kobj *obj;

    if (i < 2)
        return i == 0 ? sim.sigma0->task : sim.root->task;
    obj = cap_lookup(sim.root->task, WATCH_FIRST + i - 2, &rights);
    return obj == NULL ? NULL : task_of(obj);
}

static bool task_exists(const struct task *task)
{
    for (unsigned i = 0; i < WORLD_TASKS; i++)
        if (world_task(i) == task)
            return true;
    return false;
}

void world_watch(struct task *owner, word_t slot)
{
    unsigned rights;
    struct kobj *obj = task_exists(owner) ? cap_lookup(owner, slot, &rights) : NULL;

    if (obj == NULL || obj->type != KOBJ_TASK)
        return;
    if (task_exists(task_of(obj)))
        return;
    for (unsigned i = 2; i < WORLD_TASKS; i++)
        if (world_task(i) == NULL) {
            cap_remove(cap_slot(sim.root->task, WATCH_FIRST + i - 2), false); /* of one that is being destroyed */
            cap_insert(cap_slot(sim.root->task, WATCH_FIRST + i - 2), obj, CAP_ALL_RIGHTS | L4_OBJ_WEAK);
            return;
        }
    kpanic("the simulator watches too many tasks", __FILE__, __LINE__);
}

/* ---- capabilities per object, counted anew ---- */

#define OBJECTS 2048u
static struct {
    const struct kobj *obj;
    unsigned slots, counted;
} seen[OBJECTS];

static void seen_add(const struct cap *slot)
{
    const struct kobj *obj = cap_obj(slot);
    unsigned i = (unsigned)((size_t)obj >> 4) % OBJECTS;

    while (seen[i].obj != NULL && seen[i].obj != obj)
        i = (i + 1) % OBJECTS;
    seen[i].obj = obj;
    seen[i].slots++;
    seen[i].counted += !(cap_rights(slot) & L4_OBJ_WEAK);
}

static void table_add(const struct task *task)
{
    for (unsigned p = 0; p < task->cap_pages_end; p++)
        for (unsigned i = 0; task->cap_pages[p] != &cap_page_empty && i < CAP_PAGE_SLOTS; i++)
            if (task->cap_pages[p]->slot[i].raw != 0)
                seen_add(&task->cap_pages[p]->slot[i]);
}

static unsigned slots_listed(const struct kobj *obj)
{
    unsigned n = 0;

    for (uint32_t h = obj->slots; h != 0; h = ((const struct cap *)heap_pointer(h))->next)
        n++;
    return n;
}

/* complete: every task that exists was walked. */
static void seen_check(bool complete)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        const struct kobj *obj = seen[i].obj;

        if (obj == NULL)
            continue;
        if (obj->dead) { /* O1: nobody finds it there; the slots are being emptied */
            seen[i] = (typeof(seen[i])){0};
            continue;
        }
        kassert(slots_listed(obj) >= seen[i].slots);                      /* O3 */
        if (complete) {
            kassert(slots_listed(obj) == seen[i].slots);
            kassert(obj->counted <= (int64_t)seen[i].counted);            /* O2 */
            kassert(obj->type == KOBJ_GATE || obj->counted == (int64_t)seen[i].counted);
        }
        if (obj->type == KOBJ_FACTORY) {
            const struct quota *q = &container_of(obj, const struct factory, obj)->quota;
            kassert(q->used <= q->limit);
        }
        seen[i].obj = NULL;
        seen[i].slots = seen[i].counted = 0;
    }
}

static size_t tasks_existing(void)
{
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        if (s->size >= sizeof(struct task) && s->name[0] == 't' && s->name[1] == 'a')
            return s->used;
    return 0;
}

void world_check(void)
{
    size_t tasks = 0;

    kernel_check_all();
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        slab_check(s);
    for (unsigned i = 0; i < WORLD_TASKS; i++) {
        const struct task *t = world_task(i);

        if (t == NULL)
            continue;
        tasks++;
        task_check(t);
        if (one_in(8))
            io_check(t);
        host_tlb_check(&t->space);
        table_add(t);
    }
    seen_check(tasks == tasks_existing());
    if (sim.cpus == 1 || host_no_limbo)
        audit();
}
