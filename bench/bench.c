/* SPDX-License-Identifier: MIT */
/*
 * What every primitive costs, measured by a root task directly on the kernel. Under QEMU with `-icount shift=0` a tick
 * of the time stamp counter is one executed instruction, and the figures are exact; elsewhere they are cycles. The run
 * finds out which by 1,000 nops. Every figure includes the user's own stub on both sides.
 *
 * Command line: bench [ROUNDS [cpus|across|memory|latency]], at most 10,000 rounds; cpus: only what depends on the
 * number of CPUs, across: only the round trip from one to another, memory: no times, but bytes per object (memory.c),
 * latency: only the loads of latency.c. Output, one line per primitive: `bench NAME MIN MEDIAN P99`, first `bench:
 * unit instructions|cycles`, at last `bench: end`. tool/bench.sh compares the medians with bench/budget.txt.
 *
 * bench/trace/plugin.c follows the run: what lies between the last two reads of the time stamp counter before a call of
 * sample() is a round, and report() ends a row. Neither may be inlined.
 */
#include "bench.h"

unsigned rounds = ROUNDS;
bool only_cpus, only_across, only_memory, only_latency;
uint64_t tick_cost;
static uint32_t samples[ROUNDS];
static unsigned sample_count;

/* ---- results ---- */

__attribute__((noinline)) void sample(uint64_t begin, uint64_t end)
{
    uint64_t took = end - begin;

    if (sample_count < WARM_UP + rounds) {
        if (sample_count >= WARM_UP)
            samples[sample_count - WARM_UP] = (uint32_t)(took > tick_cost ? took - tick_cost : 0);
        sample_count++;
    }
}

void value(uint64_t v)
{
    if (sample_count < WARM_UP)
        sample_count = WARM_UP;
    if (sample_count < WARM_UP + ROUNDS)
        samples[sample_count++ - WARM_UP] = (uint32_t)v;
}

static void sift(unsigned at, unsigned n)
{
    for (unsigned child; (child = 2 * at + 1) < n; at = child) {
        uint32_t v = samples[at];

        if (child + 1 < n && samples[child + 1] > samples[child])
            child++;
        if (v >= samples[child])
            return;
        samples[at] = samples[child];
        samples[child] = v;
    }
}

static void samples_sort(unsigned n)
{
    for (unsigned i = n / 2; i-- > 0;)
        sift(i, n);
    for (unsigned end = n; end-- > 1;) {
        uint32_t v = samples[0];

        samples[0] = samples[end];
        samples[end] = v;
        sift(0, end);
    }
}

__attribute__((noinline)) void report(const char *name)
{
    unsigned n = sample_count > WARM_UP ? sample_count - WARM_UP : 0;

    if (n == 0)
        fail(name, -1);
    samples_sort(n);
    print_padded("bench ", 0);
    print_padded(name, 40);
    print_number(samples[0], 9);
    print_number(samples[n / 2], 9);
    print_number(samples[n - 1 - n / 100], 9);
    print("\n");
    sample_count = 0;
}

/* ---- calibration ---- */

static void calibrate(void)
{
    uint64_t best = ~0ul;

    tick_cost = 0;
    for (unsigned i = 0; i < 16; i++) {
        uint64_t begin = ticks(), end = ticks();

        if (end - begin < best)
            best = end - begin;
    }
    tick_cost = best;
    best = ~0ul;
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks(), end;

        __asm__ volatile(".rept 1000\n\tnop\n\t.endr");
        end = ticks();
        if (end - begin - tick_cost < best)
            best = end - begin - tick_cost;
        sample(begin, end);
    }
    print(best == 1000 ? "bench: unit instructions\n" : "bench: unit cycles\n");
    report("calibration-1000-nops");
}

/* ---- system calls ---- */

static void empty_slot(void)
{
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_ipc_call(slot(SLOT_EMPTY), l4_utcb(), l4_msgtag(0, 0, 0, 0), L4_IPC_NEVER);
        sample(begin, ticks());
    }
    report("syscall-empty-slot");
}

static void cap_valid(void)
{
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_task_cap_valid(L4_BASE_TASK_CAP, L4_BASE_TASK_CAP);
        sample(begin, ticks());
    }
    report("cap-valid");
}

/* The convention for "let others run": a receive from nobody that does not wait. */
static void yield(void)
{
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_ipc_receive(L4_INVALID_CAP, l4_utcb(), L4_IPC_BOTH_TIMEOUT_0);
        sample(begin, ticks());
    }
    report("thread-yield");
}

static void semaphore(void)
{
    must("semaphore", l4_factory_create(L4_BASE_FACTORY_CAP, L4_PROTO_SEMAPHORE, slot(SLOT_SEM)));
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_semaphore_up(slot(SLOT_SEM));
        l4_semaphore_down(slot(SLOT_SEM), L4_IPC_NEVER);
        sample(begin, ticks());
    }
    report("semaphore-up-down");
    l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_SEM));
}

/* ---- IPC ---- */

/* Answers every message with as many words. */
void server_echo(void)
{
    l4_umword_t label;
    l4_msgtag_t tag;

    l4_utcb_br()->bdr = 0;
    l4_utcb_br()->br[0] = 0;
    tag = l4_ipc_wait(l4_utcb(), &label, L4_IPC_NEVER);
    for (;;)
        tag = l4_ipc_reply_and_wait(l4_utcb(), l4_msgtag(0, l4_msgtag_words(tag), 0, 0), &label, L4_IPC_NEVER);
}

void round_trips(const char *name, unsigned words)
{
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_ipc_call(slot(SLOT_GATE), l4_utcb(), l4_msgtag(1, words, 0, 0), L4_IPC_NEVER);
        sample(begin, ticks());
    }
    report(name);
}

static inline void fpu_use(void)
{
    __asm__ volatile("pxor %%xmm0, %%xmm0" ::: "memory");
}

static void server_echo_with_fpu(void)
{
    l4_umword_t label;

    l4_utcb_br()->bdr = 0;
    l4_utcb_br()->br[0] = 0;
    l4_ipc_wait(l4_utcb(), &label, L4_IPC_NEVER);
    for (;;) {
        fpu_use();
        l4_ipc_reply_and_wait(l4_utcb(), l4_msgtag(0, 0, 0, 0), &label, L4_IPC_NEVER);
    }
}

/* The rows of ipc() are those of threads that do not touch FPU and vector registers. Here the caller has touched them
 * once; then both touch them in every round. */
static void ipc_with_fpu(void)
{
    server_start(server_echo, OTHER_TASK, PRIO);
    fpu_use();
    round_trips("round-trip-fpu-state-in-caller", 0);
    server_stop();
    server_start(server_echo_with_fpu, OTHER_TASK, PRIO);
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        fpu_use();
        l4_ipc_call(slot(SLOT_GATE), l4_utcb(), l4_msgtag(1, 0, 0, 0), L4_IPC_NEVER);
        sample(begin, ticks());
    }
    report("round-trip-both-use-fpu");
    server_stop();
}

static void ipc(void)
{
    server_start(server_echo, OTHER_TASK, PRIO);
    round_trips("round-trip-two-tasks-0-words", 0);
    round_trips("round-trip-two-tasks-4-words", 4);
    round_trips("round-trip-two-tasks-8-words", 8);
    round_trips("round-trip-two-tasks-63-words", 63);
    server_stop();
    server_start(server_echo, OWN_TASK, PRIO);
    round_trips("round-trip-same-task-0-words", 0);
    server_stop();
}

/* Takes one capability into a slot, gives it up, answers. */
static void server_take_cap(void)
{
    l4_umword_t label;

    l4_utcb_br()->bdr = 0;
    l4_utcb_br()->br[0] = slot(SLOT_RECEIVE) | L4_RCV_ITEM_SINGLE_CAP;
    l4_utcb_br()->br[1] = 0;
    l4_ipc_wait(l4_utcb(), &label, L4_IPC_NEVER);
    for (;;) {
        l4_task_unmap(slot(SLOT_TASK_OF_SERVER), l4_obj_fpage(slot(SLOT_RECEIVE), 0, L4_FPAGE_RWX), L4_FP_ALL_SPACES);
        l4_ipc_reply_and_wait(l4_utcb(), l4_msgtag(0, 0, 0, 0), &label, L4_IPC_NEVER);
    }
}

static void pass_capability(void)
{
    server_start(server_take_cap, OTHER_TASK, PRIO);
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_utcb_mr()->mr[0] = L4_ITEM_MAP;
        l4_utcb_mr()->mr[1] = l4_obj_fpage(L4_BASE_LOG_CAP, 0, L4_CAP_FPAGE_RWS).raw;
        l4_ipc_call(slot(SLOT_GATE), l4_utcb(), l4_msgtag(1, 0, 1, 0), L4_IPC_NEVER);
        sample(begin, ticks());
    }
    report("call-with-capability");
    server_stop();
}

/* ---- memory ---- */

static void server_take_page(void)
{
    l4_umword_t label;

    l4_utcb_br()->bdr = 0;
    l4_utcb_br()->br[0] = PAGE_WINDOW | L4_ITEM_MAP;
    l4_utcb_br()->br[1] = l4_fpage(PAGE_WINDOW, L4_PAGESHIFT, L4_FPAGE_RWX).raw;
    l4_utcb_br()->br[2] = 0;
    l4_ipc_wait(l4_utcb(), &label, L4_IPC_NEVER);
    for (;;)
        l4_ipc_reply_and_wait(l4_utcb(), l4_msgtag(0, 0, 0, 0), &label, L4_IPC_NEVER);
}

static void map_round(void (*measured)(uint64_t, uint64_t), void (*unmap_measured)(uint64_t, uint64_t))
{
    uint64_t begin = ticks(), end;
    l4_fpage_t page = l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RWX);

    l4_utcb_mr()->mr[0] = L4_ITEM_MAP;
    l4_utcb_mr()->mr[1] = page.raw;
    l4_ipc_call(slot(SLOT_GATE), l4_utcb(), l4_msgtag(1, 0, 1, 0), L4_IPC_NEVER);
    end = ticks();
    if (measured != NULL)
        measured(begin, end);
    begin = ticks();
    l4_task_unmap(L4_BASE_TASK_CAP, page, L4_FP_OTHER_SPACES);
    end = ticks();
    if (unmap_measured != NULL)
        unmap_measured(begin, end);
}

static void map_and_unmap(void)
{
    server_start(server_take_page, OTHER_TASK, PRIO);
    for (unsigned i = 0; i < WARM_UP + rounds; i++)
        map_round(sample, NULL);
    report("map-page-by-call");
    for (unsigned i = 0; i < WARM_UP + rounds; i++)
        map_round(NULL, sample);
    report("unmap-page");
    server_stop();
}

/* ---- faults: the faulting thread measures itself ---- */

static void faulting_thread(void)
{
    l4_fpage_t page = l4_fpage(PAGE_WINDOW, L4_PAGESHIFT, L4_FPAGE_RWX);

    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        (void)*(volatile char *)PAGE_WINDOW;
        sample(begin, ticks());
        l4_task_unmap(slot(SLOT_TASK_OF_SERVER), page, L4_FP_ALL_SPACES);
    }
    finished();
}

static void excepting_thread(void)
{
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        __asm__ volatile("ud2");
        sample(begin, ticks());
    }
    finished();
}

/* Serves the faults of the measured thread until it says that it has finished. */
static void serve_faults(const char *name, void (*body)(void))
{
    l4_umword_t label;
    l4_msgtag_t tag;

    l4_utcb_br()->bdr = 0;
    l4_utcb_br()->br[0] = 0;
    faulter_start(body);
    tag = l4_ipc_wait(l4_utcb(), &label, L4_IPC_NEVER);
    for (;;) {
        l4_msgtag_t answer = l4_msgtag(0, 0, 1, 0);

        if (l4_msgtag_label(tag) == L4_PROTO_PAGE_FAULT) {
            l4_utcb_mr()->mr[0] = PAGE_WINDOW | L4_ITEM_MAP;
            l4_utcb_mr()->mr[1] = l4_fpage((l4_addr_t)spare_page, L4_PAGESHIFT, L4_FPAGE_RWX).raw;
        } else if (l4_msgtag_label(tag) == L4_PROTO_EXCEPTION) {
            l4_utcb_mr()->mr[18] += 2; /* ip: behind the ud2 */
            answer = l4_msgtag(0, 26, 0, 0);
        } else {
            break;
        }
        tag = l4_ipc_reply_and_wait(l4_utcb(), answer, &label, L4_IPC_NEVER);
    }
    report(name);
    server_stop();
}

/* ---- IRQs ---- */

static volatile uint64_t stamp;

static void irq_waiter(void)
{
    for (;;) {
        l4_irq_receive(slot(SLOT_IRQ), L4_IPC_NEVER);
        stamp = ticks();
    }
}

static void irq_answerer(void)
{
    for (;;) {
        l4_irq_receive(slot(SLOT_IRQ), L4_IPC_NEVER);
        l4_irq_trigger(slot(SLOT_IRQ2));
    }
}

/* The same with a trigger and a wait in one system call on either side. */
static l4_msgtag_t trigger_and_wait(l4_cap_idx_t irq)
{
    l4_umword_t label;

    l4_utcb_mr()->mr[0] = L4_IRQ_OP_TRIGGER;
    return l4_ipc_send_and_wait(irq, l4_utcb(), l4_msgtag(L4_PROTO_IRQ, 1, 0, 0), &label, L4_IPC_NEVER);
}

static void irq_answerer_at_once(void)
{
    l4_irq_receive(slot(SLOT_IRQ), L4_IPC_NEVER);
    for (;;)
        trigger_and_wait(slot(SLOT_IRQ2));
}

static void irqs(void)
{
    must("irq", l4_factory_create_irq(L4_BASE_FACTORY_CAP, slot(SLOT_IRQ)));
    must("irq", l4_factory_create_irq(L4_BASE_FACTORY_CAP, slot(SLOT_IRQ2)));
    server_start(irq_waiter, OWN_TASK, PRIO + 10);
    must("bind", l4_rcv_ep_bind_thread(slot(SLOT_IRQ), slot(SLOT_SERVER), 0x100));
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_irq_trigger(slot(SLOT_IRQ));
        sample(begin, stamp);
    }
    report("irq-to-higher-thread");
    server_stop();
    server_start(irq_answerer, OWN_TASK, PRIO + 10);
    must("bind", l4_rcv_ep_bind_thread(slot(SLOT_IRQ), slot(SLOT_SERVER), 0x100));
    must("bind", l4_rcv_ep_bind_thread(slot(SLOT_IRQ2), L4_BASE_THREAD_CAP, 0x200));
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_irq_trigger(slot(SLOT_IRQ));
        l4_irq_receive(slot(SLOT_IRQ2), L4_IPC_NEVER);
        sample(begin, ticks());
    }
    report("irq-round-trip-four-calls");
    server_stop();
    server_start(irq_answerer_at_once, OWN_TASK, PRIO + 10);
    must("bind", l4_rcv_ep_bind_thread(slot(SLOT_IRQ), slot(SLOT_SERVER), 0x100));
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        trigger_and_wait(slot(SLOT_IRQ));
        sample(begin, ticks());
    }
    report("irq-round-trip");
    server_stop();
    l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_IRQ));
    l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_IRQ2));
}

/* ---- objects ---- */

static void first_instruction(void)
{
    stamp = ticks();
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

static void sleeper(void)
{
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

static void threads(void)
{
    uint64_t begin;

    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        begin = ticks();
        worker_start(SLOT_WORKER, OWN_TASK, first_instruction, PRIO + 10);
        sample(begin, stamp);
        worker_stop(SLOT_WORKER);
    }
    report("thread-create-to-first-instruction");
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        begin = ticks();
        worker_start(SLOT_WORKER, OWN_TASK, sleeper, PRIO + 10);
        l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_WORKER));
        sample(begin, ticks());
    }
    report("thread-create-delete");
}

static void gates(void)
{
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();

        l4_factory_create_gate(L4_BASE_FACTORY_CAP, slot(SLOT_GATE), L4_BASE_THREAD_CAP, 0x10);
        l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_GATE));
        sample(begin, ticks());
    }
    report("gate-create-delete");
}

static void tasks(void)
{
    for (unsigned i = 0; i < WARM_UP + rounds; i++) {
        uint64_t begin = ticks();
        l4_fpage_t none = {0};

        l4_factory_create_task(L4_BASE_FACTORY_CAP, slot(SLOT_TASK2), &none);
        l4_task_delete_obj(L4_BASE_TASK_CAP, slot(SLOT_TASK2));
        sample(begin, ticks());
    }
    report("task-create-delete");
}

static void messages_and_faults(void)
{
    empty_slot();
    cap_valid();
    ipc();
    pass_capability();
    irqs();
    semaphore();
    yield();
    map_and_unmap();
    serve_faults("page-fault", faulting_thread);
    serve_faults("exception", excepting_thread);
    ipc_with_fpu();
}

void l4_start(unsigned long arg, void *stack)
{
    (void)arg;
    (void)stack;
    setup();
    calibrate();
    if (only_memory) {
        memory();
    } else if (only_latency) {
        latency();
    } else {
        if (!only_cpus)
            messages_and_faults();
        if (!only_across) {
            threads();
            gates();
            tasks();
        }
        several_cpus();
        if (!only_cpus)
            growth();
    }
    print("bench: end\n");
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}
