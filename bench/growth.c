/* SPDX-License-Identifier: MIT */
/*
 * The round trip of ipc() again, while more and more else is in the system: threads, capabilities, senders queued at
 * another gate, armed timeouts. Each step stays when the next one comes. Runs last: nothing of it is taken away.
 */
#include "bench.h"

#define SLEEPERS 10000u
#define SENDERS 1000u
#define TIMEOUTS 1000u
#define FIRST_THREAD 0x1000u /* slots of the threads */
#define FIRST_CAP 0x4000u    /* slots from here to the end of both tables: 98,304 */
#define CAP_ORDER 14u
#define UTCBS 0x60000000ul
#define UTCB_AREA_ORDER 17u

static char shared_stack[4096] __attribute__((aligned(16))); /* nobody returns from where he blocks */
static unsigned threads;

static void sleep_for_ever(void)
{
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

static void sleep_long(void)
{
    for (;;)
        l4_ipc_sleep(l4_ipc_timeout(0, 0, 1000, 22)); /* more than an hour */
}

static void queue_up(void)
{
    for (;;)
        l4_ipc_call(slot(SLOT_QUEUE), l4_utcb(), l4_msgtag(1, 0, 0, 0), L4_IPC_NEVER);
}

/* Every one runs at once until it blocks. */
static void crowd_start(unsigned n, void (*body)(void))
{
    l4_sched_param_t sp = l4_sched_param(PRIO + 10, 0);
    l4_addr_t stack = (l4_addr_t)(shared_stack + sizeof shared_stack - 8);

    for (; n > 0; n--, threads++) {
        l4_addr_t utcb = UTCBS + (l4_addr_t)threads * L4_UTCB_OFFSET;
        l4_cap_idx_t thread = slot(FIRST_THREAD + threads);

        if (!(utcb & ((1ul << UTCB_AREA_ORDER) - 1))) {
            l4_fpage_t area = l4_fpage(utcb, UTCB_AREA_ORDER, L4_FPAGE_RW);

            must("memory for UTCBs", l4_task_add_ku_mem(L4_BASE_TASK_CAP, &area));
        }
        must("thread", l4_factory_create_thread(L4_BASE_FACTORY_CAP, thread));
        l4_thread_control_start();
        l4_thread_control_bind((l4_utcb_t *)utcb, L4_BASE_TASK_CAP);
        must("bind", l4_thread_control_commit(thread));
        must("start", l4_thread_ex_regs(thread, (l4_addr_t)body, stack, 0));
        must("run", l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, thread, &sp));
    }
}

static void caps_copy(l4_cap_idx_t to_task, unsigned from, unsigned order, unsigned to)
{
    must("capabilities", l4_task_map(to_task, L4_BASE_TASK_CAP, l4_obj_fpage(slot(from), order, L4_CAP_FPAGE_RWS),
                                     slot(to) | L4_ITEM_MAP));
}

static void tables_fill(void)
{
    caps_copy(L4_BASE_TASK_CAP, (unsigned)(L4_BASE_LOG_CAP >> L4_CAP_SHIFT), 0, FIRST_CAP);
    for (unsigned order = 0; order < CAP_ORDER; order++)
        caps_copy(L4_BASE_TASK_CAP, FIRST_CAP, order, FIRST_CAP + (1u << order));
    for (unsigned to = FIRST_CAP + (1u << CAP_ORDER); to < 0x10000; to += 1u << CAP_ORDER)
        caps_copy(L4_BASE_TASK_CAP, FIRST_CAP, CAP_ORDER, to);
    for (unsigned to = FIRST_CAP; to < 0x10000; to += 1u << CAP_ORDER)
        caps_copy(slot(SLOT_OTHER_TASK), FIRST_CAP, CAP_ORDER, to);
    if (l4_error(l4_task_cap_valid(L4_BASE_TASK_CAP, slot(0xffff))) <= 0)
        fail("the last slot is empty", 0);
}

void growth(void)
{
    server_start(server_echo, OTHER_TASK, PRIO);
    round_trips("growth-empty", 0);
    crowd_start(SLEEPERS, sleep_for_ever);
    round_trips("growth-10000-threads", 0);
    tables_fill();
    round_trips("growth-100000-capabilities", 0);
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(SLOT_QUEUE), slot(FIRST_THREAD), 0));
    crowd_start(SENDERS, queue_up);
    round_trips("growth-1000-queued-senders", 0);
    crowd_start(TIMEOUTS, sleep_long);
    round_trips("growth-1000-armed-timeouts", 0);
    server_stop();
}
