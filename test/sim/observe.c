/* SPDX-License-Identifier: MIT */
/*
 * What can be observed: one number from everything that users, or the kernel's next decision, can see. Two runs of one
 * history that agree in it after every event agree in every result, error, label, word, mapping and right, and in who
 * runs next. Addresses may go in: the processes that are compared have the same.
 */
#include "ipc.h"
#include "objects.h"
#include "sim.h"
#include "smp.h"

static uint64_t sum;

static inline void see(uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15ul;
    sum ^= sum >> 29;
}

static void see_bytes(const void *p, size_t bytes)
{
    const uint64_t *w = p;

    for (size_t i = 0; i < bytes / sizeof *w; i++)
        see(w[i]);
}

static void see_queue(const struct list *queue)
{
    for (const struct list *l = queue->next; l != queue; l = l->next) {
        const struct sender *s = container_of(l, struct sender, link);

        see(s->id);
        see(s->label);
        see(s->prio);
    }
    see(0);
}

static void see_thread(const struct thread *t)
{
    see(t->state_word);
    see(t->options | (uint64_t)t->prio << 16);
    see((uint64_t)(uintptr_t)t->home);
    see((uint64_t)(uintptr_t)t->resume);
    see((uint64_t)(uint32_t)t->quantum_us << 32 | (uint32_t)t->left_us);
    see_bytes(&t->arch.frame, sizeof t->arch.frame);
    see(t->timeout.armed ? t->timeout.deadline_us : 0);
    see(t->ipc_state == IPC_RECEIVING ? t->partner : 0);
    see(t->ipc_state == IPC_WAITING ? (uint64_t)(uintptr_t)t->ipc.wait_slot : 0);
    see(t->reply.raw);
    see((uint64_t)(uintptr_t)t->held_by);
    see(t->consumed_us);
    see_queue(&t->senders);
    if (t->utcb != NULL)
        see_bytes(t->utcb, sizeof *t->utcb);
}

static void see_caps(const struct task *task)
{
    for (unsigned p = 0; p < task->cap_pages_end; p++)
        for (unsigned i = 0; task->cap_pages[p] != &cap_page_empty && i < CAP_PAGE_SLOTS; i++)
            if (task->cap_pages[p]->slot[i].raw != 0) {
                see(p << 8 | i);
                see(task->cap_pages[p]->slot[i].raw);
            }
}

static void see_pages(const struct task *task)
{
    struct pt_entry e;
    word_t va = 0;

    while (arch_pt_next(&task->space, va, L4_USER_END, &e)) {
        see(e.va | e.rights << 1 | e.order << 4);
        see(e.pa | e.cache);
        va = e.va + (1ul << e.order);
    }
}

static void see_cpu(const struct cpu *c)
{
    see((uint64_t)(uintptr_t)c->current);
    see((uint64_t)(uintptr_t)c->context);
    see((c->reschedule ? 1u : 0) | (c->arch.ipi ? 2u : 0) | (c->arch.stopped ? 4u : 0) | (uint64_t)c->claim << 8);
    for (unsigned w = 0; w < 4; w++)
        for (uint64_t map = c->ready_map[w]; map != 0; map &= map - 1) {
            const struct list *queue = &c->ready[w * 64 + (unsigned)__builtin_ctzl(map)];

            for (const struct list *l = queue->next; l != queue; l = l->next)
                see((uint64_t)(uintptr_t)l);
        }
    for (const struct list *l = c->inbox.next; l != &c->inbox; l = l->next)
        see((uint64_t)(uintptr_t)l);
    for (const struct list *l = c->guests.next; l != &c->guests; l = l->next)
        see((uint64_t)(uintptr_t)l);
}

uint64_t observe(bool everything)
{
    sum = 0;
    for (unsigned i = 0; i < cpu_count; i++) {
        const struct thread *t = cpus[i]->current;

        see_cpu(cpus[i]);
        if (t != cpus[i]->idle) {
            see(t->state_word);
            see_bytes(&t->arch.frame, sizeof t->arch.frame);
            see_bytes(t->utcb, sizeof *t->utcb);
        }
    }
    for (unsigned i = 0; everything && i < WORLD_TASKS; i++) {
        const struct task *task = world_task(i);

        if (task == NULL)
            continue;
        see(i);
        see_caps(task);
        see_pages(task);
        for (const struct list *l = task->threads.next; l != &task->threads; l = l->next)
            see_thread(container_of(l, struct thread, task_link));
    }
    return sum;
}
