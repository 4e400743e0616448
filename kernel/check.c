/* SPDX-License-Identifier: MIT */
/*
 * Walks from the CPUs and the boot tasks to everything that can be reached, and asserts what the head comments promise.
 * Runs after each simulated event; in the running kernel never.
 */
#include "cpu.h"
#include "factory.h"
#include "ipc.h"
#include "main.h"
#include "map.h"
#include "objects.h"
#include "smp.h"
#include "task.h"

static void check_slots(const struct task *task)
{
    for (unsigned p = 0; p < CAP_DIR_PAGES; p++) {
        const struct cap_page *page = task->cap_pages[p];

        for (unsigned i = 0; page != &cap_page_empty && i < CAP_PAGE_SLOTS; i++) {
            const struct cap *slot = &page->slot[i];

            if (slot->raw == 0)
                continue;
            kassert(!cap_obj(slot)->dead || cap_obj(slot)->listed); /* kobj.h O1 */
            kassert(cap_obj(slot)->refs > 0);
            if (cap_obj(slot)->ops->check != NULL)
                cap_obj(slot)->ops->check(cap_obj(slot));
            if (slot->next != 0)
                kassert(((struct cap *)heap_pointer(slot->next))->prev == heap_handle(slot));
            if (slot->prev == 0)
                kassert(heap_pointer(cap_obj(slot)->slots) == (const void *)slot); /* kobj.h O3 */
        }
    }
}

void task_check(const struct task *task)
{
    task_check_objects(task);
    mapping_check(task);
}

void task_check_objects(const struct task *task)
{
    check_slots(task);
    for (const struct list *l = task->threads.next; l != &task->threads; l = l->next) {
        const struct thread *t = container_of(l, struct thread, task_link);

        kassert(t->task == task);
        thread_check(t);
    }
}

void kernel_check_all(void)
{
    frame_check();
    for (unsigned c = 0; c < cpu_count; c++)
        sched_check(cpus[c]);
}
