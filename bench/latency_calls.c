/* SPDX-License-Identifier: MIT */
/* Loads for `./labe bench latency`, see latency.c: I/O ports, and single system calls with much to do. */
#include "latency.h"

/* ---- ports: who has them from whom ---- */

#define PORT_TASKS 400u
#define ORIGINS 15u /* from which one task has ports */
#define ALL_PORTS 16u
#define PORTS_OF_ONE 8u /* order */

static void ports_map(unsigned from, unsigned to, l4_fpage_t ports, l4_umword_t grant)
{
    must("ports", l4_task_map(victim(to), victim(from), ports, grant));
}

static void ports_get(void)
{
    l4_utcb_mr()->mr[0] = l4_iofpage(0, ALL_PORTS).raw;
    l4_utcb_br()->bdr = 0;
    l4_utcb_br()->br[0] = L4_ITEM_MAP;
    l4_utcb_br()->br[1] = l4_iofpage(0, ALL_PORTS).raw;
    l4_utcb_br()->br[2] = 0;
    must("ports", l4_ipc_call(L4_BASE_PAGER_CAP, l4_utcb(), l4_msgtag(L4_PROTO_IO_PAGE_FAULT, 2, 0, 0), L4_IPC_NEVER));
}

static void port_tasks_delete(unsigned first)
{
    for (unsigned n = first; n < PORT_TASKS; n++)
        must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(n)));
    rest();
}

void latency_ports(void)
{
    l4_fpage_t all = l4_iofpage(0, ALL_PORTS);

    ports_get();
    for (unsigned n = 0; n < PORT_TASKS; n++) {
        task_make(n);
        must("ports", l4_task_map(victim(n), L4_BASE_TASK_CAP, all, 0));
    }
    load("map-ports-into-400-tasks");
    for (unsigned n = 1; n < PORT_TASKS; n++)
        for (unsigned i = 0; i < ORIGINS && i < n; i++)
            ports_map(n - 1 - i, n, l4_iofpage(i << PORTS_OF_ONE, PORTS_OF_ONE), 0);
    load("map-ports-from-16-tasks-into-one");
    l4_task_unmap(L4_BASE_TASK_CAP, all, L4_FP_OTHER_SPACES);
    load("unmap-ports-in-400-tasks");

    must("ports", l4_task_map(victim(0), L4_BASE_TASK_CAP, all, 0));
    for (unsigned n = 2; n < PORT_TASKS; n++)
        ports_map(0, n, all, 0);
    load("map-ports-onward-into-400-tasks");
    ports_map(0, 1, all, L4_MAP_ITEM_GRANT);
    load("grant-ports-that-400-tasks-have");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(1)));
    rest();
    load("delete-a-task-whose-ports-400-tasks-have");
    task_make(1);
    must("ports", l4_task_map(victim(0), L4_BASE_TASK_CAP, all, 0));
    for (unsigned n = 1; n < PORT_TASKS; n++)
        ports_map(n - 1, n, all, 0);
    load("map-ports-through-400-tasks");
    l4_task_unmap(victim(0), all, L4_FP_ALL_SPACES);
    load("unmap-ports-through-400-tasks");
    port_tasks_delete(0);
    load("delete-400-tasks");
}

/* ---- single calls ---- */

static void utcbs(void)
{
    l4_fpage_t area = l4_fpage(UTCBS, UTCB_AREA_ORDER, L4_FPAGE_RW), more[16];

    must("task", l4_factory_create_task(L4_BASE_FACTORY_CAP, victim(0), &area));
    load("create-a-task-with-128-kib-of-utcbs");
    for (unsigned i = 0; i < 16; i++) {
        more[i] = l4_fpage(UTCBS + ((i + 1ul) << UTCB_AREA_ORDER), UTCB_AREA_ORDER, L4_FPAGE_RW);
        must("memory", l4_task_add_ku_mem(victim(0), &more[i]));
    }
    load("2-mib-of-utcbs");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(0)));
    rest();
    load("delete-a-task-with-2-mib-of-utcbs");
}

/* Flexpages in which there is nothing. */
static void nothing(void)
{
    l4_fpage_t many[60];

    task_make(0);
    for (unsigned i = 0; i < 60; i++)
        many[i] = l4_obj_fpage(slot(0), 16, L4_CAP_FPAGE_RWS);
    l4_task_unmap_batch(victim(0), many, 60, L4_FP_ALL_SPACES);
    load("unmap-60-empty-tables-of-capabilities");
    for (unsigned i = 0; i < 60; i++)
        many[i] = l4_fpage(0, 47, L4_FPAGE_RWX);
    l4_task_unmap_batch(victim(0), many, 60, L4_FP_ALL_SPACES);
    load("unmap-60-empty-address-spaces");
    for (unsigned i = 0; i < 60; i++)
        many[i] = l4_iofpage(0, ALL_PORTS);
    l4_task_unmap_batch(L4_BASE_TASK_CAP, many, 60, L4_FP_OTHER_SPACES);
    load("unmap-ports-60-times");
    must("map", l4_task_map(L4_BASE_TASK_CAP, victim(0), l4_obj_fpage(slot(0), 16, L4_CAP_FPAGE_RWS), 0));
    load("map-an-empty-table-of-capabilities");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(0)));
}

static void console(void)
{
    static char lines[L4_VCON_WRITE_SIZE];

    for (unsigned i = 0; i < sizeof lines; i++)
        lines[i] = '\n';
    l4_vcon_send(L4_BASE_LOG_CAP, lines, sizeof lines);
    load("write-488-line-ends");
}

static void questions(void)
{
    l4_sched_cpu_set_t cpus = l4_sched_cpu_set(0, 0, 0);
    l4_umword_t count;
    l4_kernel_clock_t idle;

    l4_scheduler_info(L4_BASE_SCHEDULER_CAP, &count, &cpus);
    cpus = l4_sched_cpu_set(0, 0, 1);
    l4_scheduler_idle_time(L4_BASE_SCHEDULER_CAP, &cpus, &idle);
    load("questions-about-cpus");
}

/* ---- no memory: what is kept until no other CPU can look at it (limbo.c) is freed by force ---- */

#define KEPT 32u /* as much as may be kept */
#define FIRST_KEPT 0x3000u

/* Takes all memory there is, in ever smaller pieces. */
static void exhaust(void)
{
    l4_addr_t at = UTCBS;
    l4_fpage_t area;

    for (unsigned order = UTCB_AREA_ORDER; order >= L4_PAGESHIFT; order--)
        do {
            area = l4_fpage(at, order, L4_FPAGE_RW);
            at += 1ul << UTCB_AREA_ORDER;
        } while (l4_error(l4_task_add_ku_mem(victim(0), &area)) == 0);
    load("take-all-memory");
}

/* A page is mapped where all page tables are missing. */
static long map_with_tables(void)
{
    return l4_error(l4_task_map(victim(1), L4_BASE_TASK_CAP,
                                l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RW), 0));
}

static void no_memory(void)
{
    for (unsigned n = 0; n < 3; n++)
        task_make(n);
    for (unsigned i = 0; i < 2 * KEPT; i++)
        must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(FIRST_KEPT + i), L4_BASE_THREAD_CAP, 0x10));
    for (unsigned i = 0; i < KEPT; i++) /* capabilities, each in a page of its own */
        must("capability", l4_task_map(victim(2), L4_BASE_TASK_CAP,
                                       l4_obj_fpage(L4_BASE_LOG_CAP, 0, L4_CAP_FPAGE_RWS), slot(i * 0x100)));
    exhaust();
    for (unsigned i = 0; i < 2 * KEPT; i += 2) /* their blocks stay: no page comes of them */
        must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(FIRST_KEPT + i)));
    if (map_with_tables() == 0)
        fail("there is memory left", 0);
    load("32-objects-freed-for-want-of-a-page-table");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(2)));
    if (map_with_tables() != 0)
        fail("no memory has come back", 0);
    load("pages-freed-for-want-of-a-page-table");
    for (unsigned i = 1; i < 2 * KEPT; i += 2)
        must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(FIRST_KEPT + i)));
    for (unsigned n = 0; n < 2; n++)
        must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(n)));
    rest();
}

void latency_calls(void)
{
    no_memory();
    utcbs();
    nothing();
    console();
    questions();
}
