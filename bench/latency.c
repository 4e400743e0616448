/* SPDX-License-Identifier: MIT */
/*
 * The worst loads that a program can make, for `./labe bench latency`: how long does the kernel keep interrupts off?
 * The program only makes the loads. bench/trace/plugin.c counts every instruction of the run, and load() is the mark
 * at which it writes down the longest window since the mark before; so the preparation of a load counts as well.
 */
#include "latency.h"
#include <l4/sigma0/sigma0.h>

#define BIG 0x4000000000ul /* 1 GiB, here and in the victims */
#define BIG_ORDER 30u
#define TABLE_ORDER 21u
#define WINDOW_ORDER 27u /* what one item of the largest message names */
#define VICTIMS 8u
#define CROWD 10000u
#define FEW 240u  /* of the crowd: one of each priority */
#define MOST 250u /* more important than they */
#define FIRST_THREAD 0x2000u /* slots of threads */
#define FIRST_CAP 0x8000u    /* slots from here to the end of the table */
#define CAPS_ORDER 14u
#define SLOTS_ORDER 16u
#define VICTIM_THREADS 1000u
#define VICTIM_CAPS 10000u
#define ITEMS 31u
#define SPACE_ORDER 47u
#define ROOT_ORDER 39u /* what one entry of the highest table covers */
#define KIP_WINDOW 0x5fff0000ul

/* Nobody returns from where he blocks, so one for each CPU is enough. */
static char shared_stacks[2][4096] __attribute__((aligned(16)));
static unsigned cpus = 1;
static volatile uint64_t alarm_time;

/* Since the mark before, `name` was done. */
__attribute__((noinline)) void load(const char *name)
{
    print("latency ");
    print(name);
    print("\n");
}

/* Another CPU takes longer: it waits for this one. */
void rest(void) { l4_ipc_sleep(l4_ipc_timeout(0, 0, 1000, cpus > 1 ? 6 : 1)); }

void task_make(unsigned n)
{
    l4_fpage_t none = {0};

    must("task", l4_factory_create_task(L4_BASE_FACTORY_CAP, victim(n), &none));
}

/* ---- memory ---- */

static l4_fpage_t big(unsigned order, unsigned rights) { return l4_fpage(BIG, order, rights); }

/* Small tables everywhere in the gibibyte, so that it is mapped in small pages. */
static void tables_make(unsigned n)
{
    for (l4_addr_t at = BIG; at < BIG + (1ul << BIG_ORDER); at += 1ul << TABLE_ORDER)
        must("page", l4_task_map(victim(n), L4_BASE_TASK_CAP,
                                 l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RW),
                                 at));
}

static void big_map(l4_cap_idx_t from, l4_cap_idx_t to)
{
    must("map", l4_task_map(to, from, big(BIG_ORDER, L4_FPAGE_RWX), BIG));
}

static void gibibyte(void)
{
    l4_addr_t base;

    if (l4sigma0_map_anypage(L4_BASE_PAGER_CAP, BIG, BIG_ORDER, &base, BIG_ORDER) < 0)
        fail("no gibibyte of memory", 0);
    for (unsigned n = 0; n < VICTIMS; n++) {
        task_make(n);
        tables_make(n);
    }
    load("tables-for-1-gib-in-8-tasks");
    for (unsigned n = 0; n < VICTIMS; n++)
        big_map(L4_BASE_TASK_CAP, victim(n));
    load("map-1-gib-into-8-tasks");
    l4_task_unmap(L4_BASE_TASK_CAP, big(BIG_ORDER, 0), L4_FP_OTHER_SPACES);
    load("status-of-1-gib-in-8-tasks");
    l4_task_unmap(L4_BASE_TASK_CAP, big(BIG_ORDER, L4_FPAGE_W), L4_FP_OTHER_SPACES);
    load("write-protect-1-gib-in-8-tasks");
    l4_task_unmap(L4_BASE_TASK_CAP, big(L4_PAGESHIFT, L4_FPAGE_RWX), L4_FP_OTHER_SPACES);
    load("unmap-1-page-of-1-gib-in-8-tasks");
    l4_task_unmap(L4_BASE_TASK_CAP, big(BIG_ORDER, L4_FPAGE_RWX), L4_FP_OTHER_SPACES);
    load("unmap-1-gib-in-8-tasks");
    l4_task_unmap(victim(0), l4_fpage(0, 47, L4_FPAGE_RWX), L4_FP_ALL_SPACES);
    load("unmap-nothing-from-empty-tables");

    big_map(L4_BASE_TASK_CAP, victim(0));
    for (unsigned n = 1; n < VICTIMS; n++)
        big_map(victim(n - 1), victim(n));
    load("map-1-gib-through-8-tasks");
    l4_task_unmap(victim(0), big(BIG_ORDER, L4_FPAGE_W), L4_FP_ALL_SPACES);
    load("write-protect-1-gib-of-8-tasks");
    for (unsigned n = VICTIMS; n > 4; n--) {
        must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(n - 1)));
        rest();
    }
    load("delete-task-with-1-gib");
    must("grant", l4_task_map(victim(1), victim(0), big(BIG_ORDER, L4_FPAGE_RWX), BIG | L4_MAP_ITEM_GRANT));
    load("grant-1-gib-over-1-gib");
    l4_task_unmap(L4_BASE_TASK_CAP, big(BIG_ORDER, L4_FPAGE_RWX), L4_FP_OTHER_SPACES);
    for (unsigned n = 0; n < 4; n++)
        must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(n)));
    rest();
    load("delete-task-with-empty-tables");
}

/* One page, mapped 20,000 times side by side; then one from the other, as deep. */
static void trees(void)
{
    l4_addr_t at = BIG;

    task_make(0);
    for (unsigned i = 0; i < 20000; i++, at += L4_PAGESIZE)
        must("map", l4_task_map(victim(0), L4_BASE_TASK_CAP,
                                l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RW), at));
    l4_task_unmap(L4_BASE_TASK_CAP, l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_W), L4_FP_OTHER_SPACES);
    l4_task_unmap(L4_BASE_TASK_CAP, l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RWX), L4_FP_OTHER_SPACES);
    load("unmap-1-page-mapped-20000-times");
    must("map", l4_task_map(victim(0), L4_BASE_TASK_CAP,
                            l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RW), BIG));
    for (at = BIG; at < BIG + 20000 * L4_PAGESIZE; at += L4_PAGESIZE)
        must("map", l4_task_map(victim(0), victim(0), l4_fpage(at, L4_PAGESHIFT, L4_FPAGE_RW), at + L4_PAGESIZE));
    l4_task_unmap(L4_BASE_TASK_CAP, l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_W), L4_FP_OTHER_SPACES);
    load("write-protect-1-page-mapped-on-20000-times");
    l4_task_unmap(L4_BASE_TASK_CAP, l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RWX), L4_FP_OTHER_SPACES);
    load("unmap-1-page-mapped-on-20000-times");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(0)));
}

/* ---- the largest message ---- */

static void take_items(l4_fpage_t memory, l4_fpage_t objects)
{
    l4_umword_t label;

    l4_utcb_br()->bdr = 2ul << 10; /* objects: behind the window for memory */
    l4_utcb_br()->br[0] = L4_ITEM_MAP;
    l4_utcb_br()->br[1] = memory.raw;
    l4_utcb_br()->br[2] = L4_ITEM_MAP;
    l4_utcb_br()->br[3] = objects.raw;
    l4_utcb_br()->br[4] = 0;
    l4_ipc_wait(l4_utcb(), &label, L4_IPC_NEVER);
    for (;;)
        l4_ipc_reply_and_wait(l4_utcb(), l4_msgtag(0, 0, 0, 0), &label, L4_IPC_NEVER);
}

static void server_take_items(void)
{
    take_items(l4_fpage(BIG, BIG_ORDER, L4_FPAGE_RWX), l4_obj_fpage(slot(FIRST_CAP), CAPS_ORDER, L4_CAP_FPAGE_RWS));
}

static void server_take_anywhere(void)
{
    take_items(l4_fpage(0, SPACE_ORDER, L4_FPAGE_RWX), l4_obj_fpage(slot(0), SLOTS_ORDER, L4_CAP_FPAGE_RWS));
}

/* All items for one buffer: compound. Each goes `step` behind the one before. */
static void items_send(l4_fpage_t page, l4_umword_t control, l4_umword_t step)
{
    l4_msgtag_t tag;

    for (unsigned i = 0; i < ITEMS; i++, control += step) {
        l4_utcb_mr()->mr[2 * i] = control | L4_ITEM_MAP | (i + 1 < ITEMS ? L4_ITEM_CONT : 0);
        l4_utcb_mr()->mr[2 * i + 1] = page.raw;
    }
    tag = l4_ipc_call(slot(SLOT_GATE), l4_utcb(), l4_msgtag(0, 0, ITEMS, 0), L4_IPC_NEVER);
    if (l4_msgtag_has_error(tag))
        fail("message with items", l4_ipc_error_code(l4_utcb()));
}

static void items(void)
{
    server_start(server_take_items, OTHER_TASK, PRIO);
    for (l4_addr_t at = BIG; at < BIG + (1ul << WINDOW_ORDER); at += 1ul << TABLE_ORDER)
        must("page", l4_task_map(slot(SLOT_OTHER_TASK), L4_BASE_TASK_CAP,
                                 l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RW), at));
    items_send(big(WINDOW_ORDER, L4_FPAGE_RWX), 0, 0);
    load("message-of-31-items-of-memory");
    items_send(l4_obj_fpage(slot(FIRST_CAP), CAPS_ORDER, L4_CAP_FPAGE_RWS), slot(FIRST_CAP), 0);
    load("message-of-31-items-of-capabilities");
    server_stop();
    server_start(server_take_anywhere, OTHER_TASK, PRIO);
    items_send(l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RW), 1ul << ROOT_ORDER, 1ul << ROOT_ORDER);
    load("message-of-31-items-into-new-tables");
    server_stop();
    l4_task_unmap(L4_BASE_TASK_CAP, big(BIG_ORDER, L4_FPAGE_RWX), L4_FP_OTHER_SPACES);
    l4_task_unmap(slot(SLOT_OTHER_TASK), l4_obj_fpage(slot(FIRST_CAP), CAPS_ORDER, L4_CAP_FPAGE_RWS), L4_FP_ALL_SPACES);
    load("items-taken-back");
}

/* ---- capabilities ---- */

static void caps_copy(l4_cap_idx_t to_task, unsigned from, unsigned order, unsigned to)
{
    must("capabilities", l4_task_map(to_task, L4_BASE_TASK_CAP, l4_obj_fpage(slot(from), order, L4_CAP_FPAGE_RWS),
                                     slot(to)));
}

/* The table from FIRST_CAP on: copies of the capability in the first of these slots. */
static void table_fill(void)
{
    for (unsigned order = 0; order < CAPS_ORDER; order++)
        caps_copy(L4_BASE_TASK_CAP, FIRST_CAP, order, FIRST_CAP + (1u << order));
    for (unsigned to = FIRST_CAP + (1u << CAPS_ORDER); to < 1u << SLOTS_ORDER; to += 1u << CAPS_ORDER)
        caps_copy(L4_BASE_TASK_CAP, FIRST_CAP, CAPS_ORDER, to);
}

static void capabilities(void)
{
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(FIRST_CAP), L4_BASE_THREAD_CAP, 0x10));
    table_fill();
    load("fill-a-table-of-capabilities");
    items();
    task_make(0);
    caps_copy(victim(0), 0, SLOTS_ORDER, 0);
    load("map-a-table-of-capabilities");
    l4_task_unmap(victim(0), l4_obj_fpage(0, SLOTS_ORDER, L4_CAP_FPAGE_W), L4_FP_ALL_SPACES);
    load("weaken-a-table-of-capabilities");
    l4_task_unmap(victim(0), l4_obj_fpage(0, SLOTS_ORDER, L4_CAP_FPAGE_RWS), L4_FP_ALL_SPACES);
    load("unmap-a-table-of-capabilities");
    caps_copy(victim(0), 0, SLOTS_ORDER, 0);
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(0)));
    rest();
    load("delete-a-task-with-a-table-of-capabilities");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(FIRST_CAP)));
    rest();
    load("delete-a-gate-with-32768-capabilities");
}

/* ---- crowds of threads, all in this task; the bodies need no stack ---- */

static void sleep_for_ever(void)
{
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

static void sleep_until(void)
{
    l4_timeout_t at = L4_IPC_NEVER;

    at.p.rcv.t = 0x8000; /* absolute, the time lies in buffer register 0 */
    l4_utcb_br()->br[0] = alarm_time;
    l4_ipc_sleep(at);
    sleep_for_ever();
}

static void queue_up(void)
{
    l4_ipc_call(slot(SLOT_QUEUE), l4_utcb(), l4_msgtag(1, 0, 0, 0), L4_IPC_NEVER);
    sleep_for_ever();
}

static void take_down(void)
{
    l4_semaphore_down(slot(SLOT_SEM), L4_IPC_NEVER);
    sleep_for_ever();
}

static void run(unsigned cpu, l4_cap_idx_t thread, void (*body)(void), unsigned prio)
{
    l4_sched_param_t sp = l4_sched_param(prio, 0);

    sp.affinity = l4_sched_cpu_set(cpu, 0, 1);
    must("start", l4_thread_ex_regs(thread, (l4_addr_t)body, (l4_addr_t)(shared_stacks[cpu + 1] - 8),
                                    L4_THREAD_EX_REGS_CANCEL));
    must("run", l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, thread, &sp));
}

/* Every one of the crowd runs at once until it blocks. */
static void crowd_run(void (*body)(void))
{
    for (unsigned n = 0; n < CROWD; n++)
        run(n % cpus, slot(FIRST_THREAD + n), body, PRIO + 1 + n % 50);
    rest();
}

static void thread_make(l4_cap_idx_t task, unsigned in_slot, unsigned n)
{
    l4_addr_t utcb = UTCBS + (l4_addr_t)n * L4_UTCB_OFFSET;

    if (!(utcb & ((1ul << UTCB_AREA_ORDER) - 1))) {
        l4_fpage_t area = l4_fpage(utcb, UTCB_AREA_ORDER, L4_FPAGE_RW);

        must("memory for UTCBs", l4_task_add_ku_mem(task, &area));
    }
    must("thread", l4_factory_create_thread(L4_BASE_FACTORY_CAP, slot(in_slot)));
    l4_thread_control_start();
    l4_thread_control_bind((l4_utcb_t *)utcb, task);
    must("bind", l4_thread_control_commit(slot(in_slot)));
}

static void labels_modify(l4_cap_idx_t thread)
{
    l4_msgtag_t tag = l4_thread_modify_sender_start();

    for (unsigned i = 0; i < 15; i++)
        l4_thread_modify_sender_add(~0xful, 0x1000 + i, ~0ul, 0x2000, &tag);
    must("labels", l4_thread_modify_sender_commit(thread, tag));
}

static void senders(void)
{
    l4_cap_idx_t worker = slot(SLOT_WORKER);

    worker_start(SLOT_WORKER, OWN_TASK, sleep_for_ever, PRIO);
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(SLOT_QUEUE), worker, 0x40));
    crowd_run(queue_up);
    load("10000-threads-queue-up");
    run(0, slot(FIRST_THREAD), queue_up, PRIO + 100);
    load("a-more-important-one-queues-up");
    labels_modify(worker);
    load("change-the-labels-of-10000-messages");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, worker));
    rest();
    load("delete-a-thread-with-10000-senders");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_QUEUE)));

    must("gate", l4_factory_create(L4_BASE_FACTORY_CAP, L4_PROTO_KOBJECT, slot(SLOT_QUEUE)));
    crowd_run(queue_up);
    must("bind", l4_rcv_ep_bind_thread(slot(SLOT_QUEUE), L4_BASE_THREAD_CAP, 0x40));
    rest();
    load("bind-a-gate-with-10000-senders");
    must("gate", l4_factory_create(L4_BASE_FACTORY_CAP, L4_PROTO_KOBJECT, slot(SLOT_QUEUE)));
    crowd_run(queue_up);
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_QUEUE)));
    rest();
    load("delete-a-gate-with-10000-senders");
    must("semaphore", l4_factory_create(L4_BASE_FACTORY_CAP, L4_PROTO_SEMAPHORE, slot(SLOT_SEM)));
    crowd_run(take_down);
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_SEM)));
    rest();
    load("delete-a-semaphore-with-10000-waiters");
    must("semaphore", l4_factory_create(L4_BASE_FACTORY_CAP, L4_PROTO_SEMAPHORE, slot(SLOT_SEM)));
    crowd_run(take_down);
    for (unsigned n = 0; n < CROWD; n++)
        l4_semaphore_up(slot(SLOT_SEM));
    rest();
    load("wake-10000-threads-by-a-semaphore");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_SEM)));
}

static void alarms(void)
{
    const l4_kernel_info_t *kip = (const l4_kernel_info_t *)KIP_WINDOW;

    alarm_time = l4_kip_clock(kip) + (cpus > 1 ? 20000000 : 60000); /* longer than it takes to get them all to sleep */
    crowd_run(sleep_until);
    if (l4_kip_clock(kip) >= alarm_time)
        fail("the alarm was too early", 0);
    while (l4_kip_clock(kip) < alarm_time + 10000)
        rest();
    load("10000-timeouts-at-one-instant");
}

/* A queue of many priorities that everybody who comes has to pass. */
static void priorities(void)
{
    l4_cap_idx_t worker = slot(SLOT_WORKER);

    worker_start(SLOT_WORKER, OWN_TASK, sleep_for_ever, PRIO);
    must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(SLOT_QUEUE), worker, 0x40));
    for (unsigned n = 0; n < FEW; n++)
        run(0, slot(FIRST_THREAD + n), queue_up, 1 + n);
    l4_ipc_sleep(l4_ipc_timeout(0, 0, 1000, 6));
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_QUEUE)));
    must("gate", l4_factory_create(L4_BASE_FACTORY_CAP, L4_PROTO_KOBJECT, slot(SLOT_QUEUE)));
    for (unsigned n = FEW; n < CROWD; n++)
        run(n % cpus, slot(FIRST_THREAD + n), queue_up, MOST);
    must("bind", l4_rcv_ep_bind_thread(slot(SLOT_QUEUE), worker, 0x40));
    rest();
    load("bind-a-gate-whose-senders-pass-240-others");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, worker));
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_QUEUE)));
    rest();
}

static void crowds(void)
{
    for (unsigned n = 0; n < CROWD; n++)
        thread_make(L4_BASE_TASK_CAP, FIRST_THREAD + n, n);
    crowd_run(sleep_for_ever);
    load("make-10000-threads");
    alarms();
    senders();
    priorities();
    must("delete", l4_task_unmap(L4_BASE_TASK_CAP, l4_obj_fpage(slot(FIRST_THREAD), 13, L4_CAP_FPAGE_RWS),
                                 L4_FP_DELETE_OBJ | L4_FP_ALL_SPACES));
    rest();
    load("delete-8192-threads");
}

/* A task that alone has capabilities to its threads and to many gates. */
static void large_task(void)
{
    task_make(0);
    program_map(victim(0));
    for (unsigned n = 0; n < VICTIM_THREADS; n++) {
        unsigned at = FIRST_THREAD + n;

        thread_make(victim(0), at, n);
        run(n % cpus, slot(at), sleep_for_ever, PRIO + 1);
        caps_copy(victim(0), at, 0, at);
    }
    l4_task_unmap(L4_BASE_TASK_CAP, l4_obj_fpage(slot(FIRST_THREAD), 10, L4_CAP_FPAGE_RWS), L4_FP_ALL_SPACES);
    for (unsigned n = 0; n < VICTIM_CAPS; n++) {
        must("gate", l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(FIRST_CAP), L4_BASE_THREAD_CAP, 0x10));
        caps_copy(victim(0), FIRST_CAP, 0, FIRST_CAP + n);
    }
    l4_task_unmap(L4_BASE_TASK_CAP, l4_obj_fpage(slot(FIRST_CAP), 0, L4_CAP_FPAGE_RWS), L4_FP_ALL_SPACES);
    load("make-a-task-with-1000-threads");
    must("delete", l4_task_delete_obj(L4_BASE_TASK_CAP, victim(0)));
    rest();
    load("delete-a-task-with-1000-threads-and-10000-gates");
}

/* The other CPU is never quiet: it makes short system calls while it has nothing better to do. */
static void be_busy(void)
{
    for (;;)
        l4_task_cap_valid(L4_BASE_TASK_CAP, L4_BASE_TASK_CAP);
}

void latency(void)
{
    l4_sched_cpu_set_t set = l4_sched_cpu_set(0, 0, 0);

    must("CPUs", l4_scheduler_info(L4_BASE_SCHEDULER_CAP, NULL, &set));
    if (set.map & 2) {
        cpus = 2;
        worker_start_on(1, SLOT_WORKER2, OWN_TASK, be_busy, 1);
    }
    load("start");
    trees();
    gibibyte();
    latency_ports();
    latency_calls();
    capabilities();
    crowds();
    large_task();
}
