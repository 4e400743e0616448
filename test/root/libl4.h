/* SPDX-License-Identifier: MIT */
/*
 * What a test of the libraries that is booted as root task stands on: libl4's start stub, output to the kernel
 * console, a helper thread. Include it once per program, before tap.h; define `int test_main(void)`. (root.h is the
 * same without any library.)
 */
#pragma once
#include <l4/sigma0/sigma0.h>
#include <l4/sys/factory.h>
#include <l4/sys/kdebug.h>
#include <l4/sys/memdesc.h>
#include <l4/sys/rcv_endpoint.h>
#include <l4/sys/scheduler.h>
#include <l4/sys/task.h>
#include <l4/sys/thread.h>
#include <l4/sys/vcon.h>

static int test_main(void);
static int root_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define tap_printf root_printf
#include <tap.h>

#define SLOT(n) ((l4_cap_idx_t)(n) << L4_CAP_SHIFT)

void l4_start(unsigned long rdi, l4_umword_t *stack);

void *memcpy(void *to, void const *from, size_t n)
{
    void *d = to;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n)::"memory");
    return to;
}
void *memset(void *to, int byte, size_t n)
{
    void *d = to;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(byte) : "memory");
    return to;
}
int memcmp(void const *a, void const *b, size_t n)
{
    unsigned char const *x = a, *y = b;

    for (; n && *x == *y; n--)
        x++, y++;
    return n ? *x - *y : 0;
}

/* ---- output ---- */

#define ROOT_LINE_SIZE L4_VCON_WRITE_SIZE
#include "line.h"

static void root_flush(void)
{
    l4_vcon_write(L4_BASE_LOG_CAP, root_line, root_line_length);
    root_line_length = 0;
}

/* ---- a thread beside the main one ---- */

/* Starts entry on stack_end in the own task, at UTCB number n (1..3) of the initial page. 0 or an error. */
static inline long thread_begin(l4_cap_idx_t thread, unsigned n, void (*entry)(void), char *stack_end, unsigned prio)
{
    l4_sched_param_t sp = l4_sched_param(prio, 0);
    long r = l4_error(l4_factory_create_thread(L4_BASE_FACTORY_CAP, thread));

    if (r < 0)
        return r;
    l4_thread_control_start();
    l4_thread_control_pager(L4_BASE_PAGER_CAP);
    l4_thread_control_bind((l4_utcb_t *)(L4_INITIAL_UTCB + n * L4_UTCB_OFFSET), L4_BASE_TASK_CAP);
    r = l4_error(l4_thread_control_commit(thread));
    if (r >= 0)
        r = l4_error(l4_thread_ex_regs(thread, (l4_addr_t)entry,
                                       l4_align_stack_for_direct_fncall((l4_addr_t)stack_end), 0));
    if (r >= 0)
        r = l4_error(l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, thread, &sp));
    return r;
}

/* Number of used slots in from..to (slot numbers). */
static inline unsigned slots_used(unsigned from, unsigned to)
{
    unsigned n = 0;

    for (; from <= to; from++)
        n += l4_error(l4_task_cap_valid(L4_BASE_TASK_CAP, SLOT(from))) == 1;
    return n;
}

/* ---- start ---- */

void l4_start(unsigned long rdi, l4_umword_t *stack)
{
    int failed;

    (void)rdi, (void)stack;
    l4_global_kip = l4sigma0_map_kip(L4_BASE_PAGER_CAP, NULL, L4_WHOLE_ADDRESS_SPACE);
    failed = test_main();
    root_printf("# root task ends: %s\n", failed ? "failed" : "passed");
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}
