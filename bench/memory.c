/* SPDX-License-Identifier: MIT */
/*
 * Bytes of kernel memory per object: what is free before and after many of them were made, through their number, so
 * what is lost in slabs and by rounding to pages is in the figure. What is free is found out by taking all of it, as
 * kernel-user memory of a task that is deleted at once. Tables that stay (of capabilities, of pages) are made by a
 * first round and counted apart. A round that does not give back all that it took fails.
 *
 * One line per figure: `figure NAME BYTES`; tool/bench.sh compares them with bench/budget.txt.
 */
#include "bench.h"

#define MANY 8192u
#define TASKS 512u
#define FIRST_SLOT 0x1000u
#define PAGES 0x40000000ul /* in the other task, MANY pages */
#define UTCBS 0x60000000ul
#define UTCB_AREA_ORDER 17u
#define FILL 0x70000000ul
#define FILL_ORDER_MAX 17u
#define TABLE_BYTES 8192u /* a page table, for 2 MiB, and the mappings of its pages */
#define TABLE_ORDER 21u

static char shared_stack[4096] __attribute__((aligned(16))); /* nobody returns from where he blocks */

/* Killed threads need the CPU once more. */
static void rest(void) { l4_ipc_sleep(l4_ipc_timeout(0, 0, 625, 4)); }

static uint64_t free_memory(void)
{
    l4_addr_t at = FILL;
    l4_fpage_t none = {0};

    rest();
    must("task to fill", l4_factory_create_task(L4_BASE_FACTORY_CAP, slot(SLOT_TASK2), &none));
    for (unsigned order = FILL_ORDER_MAX; order >= L4_PAGESHIFT; order--) {
        l4_fpage_t area = l4_fpage(at, order, L4_FPAGE_RW);

        while (l4_error(l4_task_add_ku_mem(slot(SLOT_TASK2), &area)) >= 0) {
            at += 1ul << order;
            area = l4_fpage(at, order, L4_FPAGE_RW);
        }
    }
    must("end of it", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_TASK2)));
    rest();
    return at - FILL + ((at - FILL) >> TABLE_ORDER) * TABLE_BYTES;
}

/* ---- the objects ---- */

static void wait_for_ever(void)
{
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

static void wait_with_fpu(void)
{
    __asm__ volatile("pxor %%xmm0, %%xmm0" ::: "memory");
    wait_for_ever();
}

/* Has run, and waits for a message. */
static void thread_make(unsigned n, void (*body)(void))
{
    l4_sched_param_t sp = l4_sched_param(PRIO + 10, 0);
    l4_cap_idx_t thread = slot(FIRST_SLOT + n);

    must("thread", l4_factory_create_thread(L4_BASE_FACTORY_CAP, thread));
    l4_thread_control_start();
    l4_thread_control_bind((l4_utcb_t *)(UTCBS + (l4_addr_t)n * L4_UTCB_OFFSET), L4_BASE_TASK_CAP);
    must("bind", l4_thread_control_commit(thread));
    must("start", l4_thread_ex_regs(thread, (l4_addr_t)body, (l4_addr_t)(shared_stack + sizeof shared_stack - 8), 0));
    must("run", l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, thread, &sp));
}
static void make_thread(unsigned n) { thread_make(n, wait_for_ever); }
static void make_thread_fpu(unsigned n) { thread_make(n, wait_with_fpu); }
static void make_gate(unsigned n)
{
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(FIRST_SLOT + n), L4_BASE_THREAD_CAP, 16ul * n));
}
static void make_irq(unsigned n) { must("irq", l4_factory_create_irq(L4_BASE_FACTORY_CAP, slot(FIRST_SLOT + n))); }
static void make_semaphore(unsigned n)
{
    must("semaphore", l4_factory_create(L4_BASE_FACTORY_CAP, L4_PROTO_SEMAPHORE, slot(FIRST_SLOT + n)));
}
static void make_factory(unsigned n)
{
    must("factory", l4_factory_create_factory(L4_BASE_FACTORY_CAP, slot(FIRST_SLOT + n), 4096));
}
static void make_task(unsigned n)
{
    l4_fpage_t none = {0};

    must("task", l4_factory_create_task(L4_BASE_FACTORY_CAP, slot(FIRST_SLOT + n), &none));
}
static void make_mapping(unsigned n)
{
    must("map", l4_task_map(slot(SLOT_OTHER_TASK), L4_BASE_TASK_CAP,
                            l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RW),
                            (PAGES + n * L4_PAGESIZE) | L4_ITEM_MAP));
}

static void delete_object(unsigned n)
{
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(FIRST_SLOT + n)));
}
static void delete_mapping(unsigned n)
{
    l4_task_unmap(slot(SLOT_OTHER_TASK), l4_fpage(PAGES + n * L4_PAGESIZE, L4_PAGESHIFT, L4_FPAGE_RWX),
                  L4_FP_ALL_SPACES);
}

/* ---- the figures ---- */

static void figure(const char *name, uint64_t bytes, unsigned count)
{
    print("figure ");
    print_padded(name, 40);
    print_number((bytes + count - 1) / count, 9);
    print("\n");
}

static void all(unsigned count, void (*step)(unsigned n))
{
    for (unsigned n = 0; n < count; n++)
        step(n);
}

/* tables: the figure of what the first round leaves behind, or NULL. */
static void measure(const char *name, unsigned count, void (*make)(unsigned n), void (*delete)(unsigned n),
                    const char *tables)
{
    uint64_t first = free_memory(), before, with, after;

    all(count, make);
    all(count, delete);
    before = free_memory();
    if (tables != NULL)
        figure(tables, first - before, count);
    all(count, make);
    with = free_memory();
    figure(name, before - with, count);
    all(count, delete);
    after = free_memory();
    if (after != before)
        fail("bytes of kernel memory that are not given back: ", (long)(before - after));
}

static void add_utcbs(void)
{
    for (unsigned n = 0; n < MANY * L4_UTCB_OFFSET >> UTCB_AREA_ORDER; n++) {
        l4_fpage_t area = l4_fpage(UTCBS + ((l4_addr_t)n << UTCB_AREA_ORDER), UTCB_AREA_ORDER, L4_FPAGE_RW);

        must("memory for UTCBs", l4_task_add_ku_mem(L4_BASE_TASK_CAP, &area));
    }
}

void memory(void)
{
    add_utcbs();
    measure("memory-gate", MANY, make_gate, delete_object, "memory-capability-slot");
    measure("memory-thread", MANY, make_thread, delete_object, NULL);
    measure("memory-thread-with-fpu-state", MANY, make_thread_fpu, delete_object, NULL);
    figure("memory-utcb", L4_UTCB_OFFSET, 1);
    measure("memory-irq", MANY, make_irq, delete_object, NULL);
    measure("memory-semaphore", MANY, make_semaphore, delete_object, NULL);
    measure("memory-factory", MANY, make_factory, delete_object, NULL);
    measure("memory-mapping", MANY, make_mapping, delete_mapping, "memory-page-table-entry");
    measure("memory-empty-task", TASKS, make_task, delete_object, NULL);
}
