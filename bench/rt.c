/* SPDX-License-Identifier: MIT */
/* Surroundings of the measurements: the command line, a second task with the same memory, threads, output. */
#include "bench.h"
#include <l4/sigma0/sigma0.h>

#define UTCB_AREA 0xb0000000ul
#define STACK_SIZE 8192u
#define KIP_WINDOW 0x5fff0000ul
#define MODULE_ROOT_TASK 3u

extern char __executable_start[], _end[];

char l4_start_stack[16384] __attribute__((aligned(16)));
const unsigned long l4_start_stack_size = sizeof l4_start_stack;
char spare_page[L4_PAGESIZE] __attribute__((aligned(L4_PAGESIZE)));
static char stacks[SLOT_THREADS_END - SLOT_SERVER][STACK_SIZE] __attribute__((aligned(16)));

/* A compiler may make calls of it out of loops. */
void *memset(void *to, int byte, size_t n)
{
    for (volatile char *p = to; n > 0; n--)
        *p++ = (char)byte;
    return to;
}

void print(const char *text)
{
    size_t n = 0;

    while (text[n] != '\0') {
        n++;
        __asm__ volatile("" ::: "memory"); /* keeps the compiler from calling strlen, which is not there */
    }
    l4_vcon_write(L4_BASE_LOG_CAP, text, (unsigned)n);
}

void print_padded(const char *text, unsigned width)
{
    print(text);
    for (; *text != '\0' && width > 0; text++)
        width--;
    for (; width > 0; width--)
        print(" ");
}

void print_number(uint64_t n, unsigned width)
{
    char text[24], *p = text + sizeof text - 1;

    *p = '\0';
    do {
        *--p = (char)('0' + n % 10);
        width -= width > 0;
    } while ((n /= 10) != 0);
    for (width++; width > 0 && p > text; width--)
        *--p = ' ';
    print(p);
}

_Noreturn void fail(const char *what, long code)
{
    print("bench: failed: ");
    print(what);
    print_number((uint64_t)(code < 0 ? -code : code), 0);
    print("\nbench: end\n");
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

void must(const char *what, l4_msgtag_t tag)
{
    long e = l4_error(tag);

    if (e < 0)
        fail(what, e);
}

static l4_cap_idx_t task_cap(enum bench_task where)
{
    return where == OWN_TASK ? L4_BASE_TASK_CAP : slot(SLOT_OTHER_TASK);
}

void worker_start(unsigned in_slot, enum bench_task where, void (*body)(void), unsigned prio)
{
    worker_start_on(0, in_slot, where, body, prio);
}

void worker_start_on(unsigned cpu, unsigned in_slot, enum bench_task where, void (*body)(void), unsigned prio)
{
    unsigned n = in_slot - SLOT_SERVER;
    l4_sched_param_t sp = l4_sched_param(prio, 0);

    sp.affinity = l4_sched_cpu_set(cpu, 0, 1);
    must("thread", l4_factory_create_thread(L4_BASE_FACTORY_CAP, slot(in_slot)));
    l4_thread_control_start();
    l4_thread_control_pager(slot(SLOT_FAULT_GATE));
    l4_thread_control_exc_handler(slot(SLOT_FAULT_GATE));
    l4_thread_control_bind((l4_utcb_t *)(UTCB_AREA + n * L4_UTCB_OFFSET), task_cap(where));
    must("bind", l4_thread_control_commit(slot(in_slot)));
    must("start", l4_thread_ex_regs(slot(in_slot), (l4_addr_t)body, (l4_addr_t)(stacks[n] + STACK_SIZE - 8), 0));
    must("run", l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, slot(in_slot), &sp));
}

void worker_stop(unsigned in_slot)
{
    must("stop", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(in_slot)));
    l4_ipc_sleep(l4_ipc_timeout(0, 0, 1000, 1)); /* a killed thread needs the CPU once more */
}

void server_start(void (*body)(void), enum bench_task where, unsigned prio)
{
    worker_start(SLOT_SERVER, where, body, prio);
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(SLOT_GATE), slot(SLOT_SERVER), 0x1230));
    l4_ipc_sleep(l4_ipc_timeout(0, 0, 1000, 2)); /* lets it reach its first wait */
}

void server_stop(void)
{
    l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_GATE));
    worker_stop(SLOT_SERVER);
}

void faulter_start(void (*body)(void))
{
    worker_start(SLOT_SERVER, OTHER_TASK, body, PRIO);
}

_Noreturn void finished(void)
{
    l4_ipc_call(slot(SLOT_FAULT_GATE), l4_utcb(), l4_msgtag(1, 0, 0, 0), L4_IPC_NEVER);
    for (;;)
        ;
}

static void give(l4_cap_idx_t from, unsigned to)
{
    must("give", l4_task_map(slot(SLOT_OTHER_TASK), L4_BASE_TASK_CAP, l4_obj_fpage(from, 0, L4_CAP_FPAGE_RWS),
                             slot(to) | L4_ITEM_MAP));
}

/* The words behind the program's name on its command line: a number of rounds; "cpus", "across", "memory" or "latency".
 */
static void command_line_read(void)
{
    const l4_kernel_info_t *kip = l4sigma0_map_kip(L4_BASE_PAGER_CAP, (void *)KIP_WINDOW, L4_PAGESHIFT);
    const struct l4_module_info *info = kip == NULL ? NULL : (const struct l4_module_info *)kip->user_ptr;
    const char *line = "";
    unsigned n = 0;

    if (info == NULL)
        return;
    for (unsigned i = 0; i < info->count; i++) {
        const struct l4_module *m = (const struct l4_module *)info->modules + i;

        if ((m->flags & 7u) == MODULE_ROOT_TASK && m->cmdline != 0)
            line = (const char *)m->cmdline;
    }
    while (*line != '\0' && *line != ' ')
        line++;
    while (*line == ' ')
        line++;
    if (*line == '\0')
        return;
    for (; *line >= '0' && *line <= '9' && n <= ROUNDS; line++)
        n = n * 10 + (unsigned)(*line - '0');
    if (n == 0 || n > ROUNDS || (*line != '\0' && *line != ' '))
        fail("the command line says no number of rounds from 1 to", ROUNDS);
    rounds = n;
    while (*line == ' ')
        line++;
    only_cpus = *line == 'c' || *line == 'a';
    only_across = *line == 'a';
    only_memory = *line == 'm';
    only_latency = *line == 'l';
}

void program_map(l4_cap_idx_t task)
{
    for (char *p = __executable_start; p < _end; p += L4_PAGESIZE) {
        *(volatile char *)p; /* present here, so that it can be mapped on */
        if (p >= (char *)&l4_start_stack || p >= spare_page)
            *(volatile char *)p = *(volatile char *)p;
        must("memory", l4_task_map(task, L4_BASE_TASK_CAP, l4_fpage((l4_addr_t)p, L4_PAGESHIFT, L4_FPAGE_RWX),
                                   (l4_addr_t)p | L4_ITEM_MAP));
    }
}

void setup(void)
{
    l4_fpage_t utcbs = l4_fpage(UTCB_AREA, L4_PAGESHIFT, L4_FPAGE_RW), own = utcbs;
    l4_sched_param_t sp = l4_sched_param(PRIO, 0);

    sp.affinity = l4_sched_cpu_set(0, 0, 1);
    command_line_read();
    must("priority", l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, L4_BASE_THREAD_CAP, &sp));
    must("memory for UTCBs", l4_task_add_ku_mem(L4_BASE_TASK_CAP, &own));
    must("task", l4_factory_create_task(L4_BASE_FACTORY_CAP, slot(SLOT_OTHER_TASK), &utcbs));
    program_map(slot(SLOT_OTHER_TASK));
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(SLOT_FAULT_GATE), L4_BASE_THREAD_CAP, 0x4560));
    give(slot(SLOT_FAULT_GATE), SLOT_FAULT_GATE);
    give(slot(SLOT_OTHER_TASK), SLOT_TASK_OF_SERVER);
}
