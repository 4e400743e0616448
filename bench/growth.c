/* SPDX-License-Identifier: MIT */
/*
 * Does it matter how much there is? The round trip of ipc() while more and more else is in the system: threads,
 * capabilities, senders queued at another gate, armed timeouts. And what might look through all of them: the lookup of
 * a capability, waking a thread and choosing the next one, arming a timeout and letting it fire, each with 10 and with
 * 10,000. Each step stays when the next one comes. Runs last: nothing of it is taken away.
 */
#include "bench.h"

#define FEW 10u
#define MANY 10000u
#define SENDERS 1000u
#define TIMEOUTS 1000u
#define FIRES 50u
#define LOW (PRIO - 10) /* runs only while this thread sleeps */
#define FIRST_THREAD 0x1000u /* slots of the threads */
#define FIRST_CAP 0x4000u    /* slots from here to the end of both tables: 98,304 */
#define CAP_ORDER 14u
#define LAST_SLOT 0xffffu
#define UTCBS 0x60000000ul
#define UTCB_AREA_ORDER 17u

static char shared_stack[4096] __attribute__((aligned(16))); /* nobody returns from where he blocks */
static unsigned threads, with_timeout;
static volatile uint64_t stamp;

static void rest(void) { l4_ipc_sleep(l4_ipc_timeout(0, 0, 1000, 9)); } /* half a second: whoever is ready runs */

/* Says how long it took to come here from the thread that ran before, and blocks. */
static void sleep_for_ever(void)
{
    uint64_t now = ticks(), before = stamp;

    if (before != 0)
        value(now - before - tick_cost);
    stamp = ticks();
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

/* 100 to 1,000 times 4,194 s: timeouts come in any order. */
static l4_timeout_t long_timeout(unsigned n) { return l4_ipc_timeout(0, 0, 100 + n * 37 % 900, 22); }

static void sleep_long(void)
{
    for (;;)
        l4_ipc_sleep(long_timeout((unsigned)((l4_addr_t)l4_utcb() / L4_UTCB_OFFSET)));
}

static void queue_up(void)
{
    for (;;)
        l4_ipc_call(slot(SLOT_QUEUE), l4_utcb(), l4_msgtag(1, 0, 0, 0), L4_IPC_NEVER);
}

static l4_addr_t stack_top(void) { return (l4_addr_t)(shared_stack + sizeof shared_stack - 8); }

static void crowd_start(unsigned n, void (*body)(void))
{
    l4_sched_param_t sp = l4_sched_param(LOW, 0);

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
        must("start", l4_thread_ex_regs(thread, (l4_addr_t)body, stack_top(), 0));
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

/* ---- what might look through everything ---- */

static void lookup(const char *name)
{
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_task_cap_valid(L4_BASE_TASK_CAP, slot(LAST_SLOT));
        sample(begin, ticks());
    }
    report(name);
}

static void wait_for_irq(void)
{
    for (;;)
        l4_irq_receive(slot(SLOT_IRQ), L4_IPC_NEVER);
}

/* A thread of higher priority wakes up, blocks again, and this one is chosen. */
static void wake(const char *name)
{
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_irq_trigger(slot(SLOT_IRQ));
        sample(begin, ticks());
    }
    report(name);
}

/* Until there are n of them, threads become ready; then each runs, for the first time, when the one before blocks. */
static void ready(unsigned n, const char *wake_name, const char *choose_name)
{
    crowd_start(n - threads, sleep_for_ever);
    wake(wake_name);
    stamp = 0;
    rest();
    report(choose_name);
}

/* What a timeout adds to a call that is answered before it fires. The flag means nothing, but not to the short path:
 * with and without timeout both calls go the general way. */
static uint64_t call_ticks(l4_timeout_t timeout)
{
    uint64_t begin = ticks();

    l4_ipc_call(slot(SLOT_GATE), l4_utcb(), l4_msgtag(1, 0, 0, L4_MSGTAG_PROPAGATE), timeout);
    return ticks() - begin;
}

static void arm(const char *name)
{
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t plain = call_ticks(L4_IPC_NEVER), with = call_ticks(long_timeout(i));

        value(with > plain ? with - plain : 0);
    }
    report(name);
}

static volatile unsigned fires_left;

static void sleep_and_stamp(void)
{
    for (;;) {
        l4_ipc_sleep(l4_ipc_timeout(0, 0, 1000, 1));
        if (fires_left > 0) {
            value(ticks() - stamp - tick_cost);
            fires_left--;
        }
    }
}

/* From the last instruction of the thread that is interrupted to the first one of the thread that has slept. */
static void fire(const char *name)
{
    fires_left = rounds < FIRES ? rounds : FIRES;
    worker_start(SLOT_WORKER, OWN_TASK, sleep_and_stamp, PRIO + 10);
    while (fires_left > 0)
        stamp = ticks();
    report(name);
    worker_stop(SLOT_WORKER);
}

/* Until n of the sleeping threads have a timeout. */
static void timeouts(unsigned n)
{
    for (; with_timeout < n; with_timeout++)
        must("timeout", l4_thread_ex_regs(slot(FIRST_THREAD + with_timeout), (l4_addr_t)sleep_long, stack_top(),
                                          L4_THREAD_EX_REGS_CANCEL));
    rest();
}

void growth(void)
{
    must("irq", l4_factory_create_irq(L4_BASE_FACTORY_CAP, slot(SLOT_IRQ)));
    worker_start(SLOT_SERVER2, OWN_TASK, wait_for_irq, PRIO + 10);
    must("bind", l4_rcv_ep_bind_thread(slot(SLOT_IRQ), slot(SLOT_SERVER2), 0x100));
    server_start(server_echo, OTHER_TASK, PRIO);
    round_trips("growth-empty", 0);
    caps_copy(L4_BASE_TASK_CAP, (unsigned)(L4_BASE_LOG_CAP >> L4_CAP_SHIFT), 0, LAST_SLOT);
    lookup("growth-lookup-10-capabilities");
    ready(FEW, "growth-wake-10-ready", "growth-choose-10-ready");
    timeouts(FEW);
    arm("growth-arm-10-timeouts");
    fire("growth-fire-10-timeouts");
    ready(MANY, "growth-wake-10000-ready", "growth-choose-10000-ready");
    round_trips("growth-10000-threads", 0);
    lookup("growth-lookup-10000-capabilities");
    tables_fill();
    round_trips("growth-100000-capabilities", 0);
    lookup("growth-lookup-100000-capabilities");
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(SLOT_QUEUE), slot(FIRST_THREAD), 0));
    crowd_start(SENDERS, queue_up);
    rest();
    round_trips("growth-1000-queued-senders", 0);
    timeouts(TIMEOUTS);
    round_trips("growth-1000-armed-timeouts", 0);
    timeouts(MANY);
    arm("growth-arm-10000-timeouts");
    fire("growth-fire-10000-timeouts");
    server_stop();
}
