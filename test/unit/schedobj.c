/* SPDX-License-Identifier: MIT */
/* schedobj.c: CPU sets, run_thread in both its forms, idle time, errors. */
#include "tap.h"
#include "machine.h"
#include "smp.h"

enum { A = 0x40, GATE = 0x41 };

static struct thread *a;

/* run_thread with a set of CPUs. */
static long run_on(word_t slot, word_t offset, word_t map, word_t prio, word_t quantum)
{
    struct l4_utcb *u = root->utcb;

    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = offset;
    u->mr[2] = map;
    u->mr[3] = prio;
    u->mr[4] = quantum;
    u->mr[5] = L4_ITEM_MAP;
    u->mr[6] = l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw;
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
    return label_of(root);
}

/* The form with a scheduling class. */
static long run_class(word_t class, word_t size, word_t quantum, word_t prio)
{
    struct l4_utcb *u = root->utcb;
    word_t words[] = {L4_OP_SCHED_RUN_THREAD, 0, 1, class, size, quantum, prio};

    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        u->mr[i] = words[i];
    u->mr[7] = L4_ITEM_MAP;
    u->mr[8] = l4_fpage_make(L4_FPAGE_OBJ, A, 0, 15).raw;
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 7, 1);
    return label_of(root);
}

static long scheduler(unsigned words, word_t op, word_t w1, word_t w2)
{
    return call_words(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 0, words, op, w1, w2, 0);
}

static void test_info(void)
{
    is(scheduler(2, L4_OP_SCHED_INFO, 0, 0), 0, "information");
    is(root->utcb->mr[0], (1ul << cpu_count) - 1, "the CPUs from 0 on");
    is(root->utcb->mr[1], cpu_count, "how many there can be");
    is(scheduler(2, L4_OP_SCHED_INFO, cpu_count, 0), -L4_ERR_RANGE, "behind the last CPU");
    is(scheduler(2, L4_OP_SCHED_INFO, 5ul << 24, 0), 0, "a bit for each 32 CPUs");
    is(root->utcb->mr[0], 1, "the first bit is set");
    is(scheduler(1, L4_OP_SCHED_INFO, 0, 0), -L4_ERR_MSGTOOSHORT, "a word too few");
}

static void test_run(void)
{
    is(run_on(A, 0, 1, 30, 2000), 0, "a thread gets a CPU");
    ok(a->home == cpu_self() && a->prio == 30 && a->quantum_us == 2000, "a priority and a quantum");
    is(run_on(A, 0, 1, 300, 0), 0, "a priority above all");
    is(a->prio, 255, "is the highest");
    is(run_on(A, 0, 1, 0, 0), -L4_ERR_INVAL, "there is no priority 0");
    is(run_on(A, 7, 1, 40, 0), 0, "a set without a CPU that exists");
    ok(a->home == NULL, "the thread runs nowhere");
    is(run_on(A, 200ul << 24, 1, 40, 0), 0, "a set of large pieces");
    ok(a->home == cpu_self(), "the first of which has every CPU");
    is(run_on(A, 200ul << 24, 2, 40, 0), 0, "and the second none");
    ok(a->home == NULL, "so it runs nowhere");
    is(run_on(L4_SLOT_TASK, 0, 1, 40, 0), -L4_ERR_INVAL, "a task is no thread");
    is(run_class(~0ul, 48, 3000, 60), 0, "the form with a class");
    ok(a->prio == 60 && a->quantum_us == 3000 && a->home != NULL, "says the same");
    is(run_class(~0ul - 1, 48, 0, 60), -L4_ERR_RANGE, "there is only one class");
    is(run_class(~0ul, 47, 0, 60), -L4_ERR_INVAL, "too short for it");
    is(run_class(~0ul, 49, 0, 60), -L4_ERR_INVAL, "longer than the message");
    ok(a->prio == 60, "an error changes nothing");
}

static void test_idle(void)
{
    uint64_t before = cpu_self()->idle_us;

    host_syscall(SELF | L4_OP_RECV, 0, 0, 700);
    ok(host_idle(), "nobody is ready");
    host_time(700);
    host_tick();
    root->utcb->mr[3] = 0;
    is(scheduler(3, L4_OP_SCHED_IDLE_TIME, 0, 1), 0, "idle time");
    is(root->utcb->mr[0], before + 700, "in microseconds");
    is(scheduler(3, L4_OP_SCHED_IDLE_TIME, 0, 0), -L4_ERR_INVAL, "of no CPU");
    is(scheduler(3, 99, 0, 0), -L4_ERR_NOSYS, "no such operation");
    is(scheduler(0, 0, 0, 0), -L4_ERR_MSGTOOSHORT, "no operation");
    is(call_words(L4_SLOT_SCHEDULER, L4_PROTO_TASK, 0, 1, 0, 0, 0, 0), -L4_ERR_BADPROTO, "another protocol");
}

int main(void)
{
    machine_start();
    create(L4_PROTO_NONE, GATE);
    a = thread_make(A, GATE, GATE);
    test_info();
    test_run();
    test_idle();
    machine_check();
    return tap_done();
}
