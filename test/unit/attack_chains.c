/* SPDX-License-Identifier: MIT */
/*
 * Depth and number: long chains of objects that own one another, deep and wide trees of mappings, crowded queues. The
 * kernel's stack is small and its time is everybody's: nothing may recurse with the user's structure, and nothing may
 * take time that grows with the square of it. The test runs on a stack of a quarter of a megabyte.
 */
#include "tap.h"
#include "machine.h"
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

enum { FIRST = 0x1000, RECEIVER = 0x40, PAIR = 0x41 };
#define CHAIN 1000u
#define WIDE 10000u
#define CROWD 10000u
#define RAM 0x200000ul
#define UTCBS 0x7000000000ul

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void lasted(double start, double limit, const char *what)
{
    double took = seconds() - start;

    printf("# %s: %.3f s\n", what, took);
    ok(took < limit, what);
}

static void drop(word_t slot)
{
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF,
               l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw, 0);
}

static long into_task(word_t task, word_t item, l4_fpage fp)
{
    return call_words(task, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, item | L4_ITEM_MAP, fp.raw, 0);
}

static long make_by(word_t factory, long proto, word_t slot, word_t argument)
{
    root->utcb->bdr = 0;
    root->utcb->br[0] = SEL(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    return call_words(factory, L4_PROTO_FACTORY, 0, 3, (word_t)proto, 0, argument, 0);
}

/* Pages of the root task's own slots and its page tables stay: they are made before anything is counted. */
static void slots_make(void)
{
    for (unsigned i = 0; i < CROWD + CAP_PAGE_SLOTS; i += CAP_PAGE_SLOTS) {
        create(L4_PROTO_SEMAPHORE, FIRST + i);
        delete_slot(FIRST + i);
    }
}

static void test_tasks(void)
{
    size_t used = root_factory.quota.used;
    bool made = true;
    double start;

    for (unsigned i = 0; i < CHAIN; i++)
        made &= make_by(L4_SLOT_FACTORY, L4_PROTO_TASK, FIRST + i, 0) == 0;
    for (unsigned i = CHAIN - 1; i > 0; i--) {
        made &= into_task(FIRST + i - 1, SEL(1), l4_fpage_make(L4_FPAGE_OBJ, FIRST + i, 0, 15)) == 0;
        drop(FIRST + i);
    }
    ok(made && cap_lookup(root->task, FIRST + 1, &(unsigned){0}) == NULL, "1000 tasks, each has the next");
    start = seconds();
    delete_slot(FIRST);
    lasted(start, 2, "the end of the first is the end of all");
    is(root_factory.quota.used, used, "nothing is left");
}

static void test_factories(void)
{
    size_t used = root_factory.quota.used;
    bool made = make_by(L4_SLOT_FACTORY, L4_PROTO_FACTORY, FIRST, 4ul << 20) == 0;
    double start;

    for (unsigned i = 1; i < CHAIN; i++)
        made &= make_by(FIRST + i - 1, L4_PROTO_FACTORY, FIRST + i, (4ul << 20) - 4096 * i) == 0;
    made &= make_by(FIRST + CHAIN - 1, L4_PROTO_SEMAPHORE, FIRST + CHAIN, 0) == 0;
    ok(made, "1000 factories, one in another, and a semaphore");
    for (unsigned i = 0; i < CHAIN; i++)
        drop(FIRST + i);
    ok(root_factory.quota.used > used, "the semaphore keeps all of them");
    start = seconds();
    drop(FIRST + CHAIN);
    lasted(start, 2, "and takes them with it");
    is(root_factory.quota.used, used, "nothing is left");
}

static void test_deep_mappings(void)
{
    size_t used = root_factory.quota.used;
    bool mapped = true;
    double start;

    for (unsigned i = 0; i < CHAIN; i++)
        mapped &= make_by(L4_SLOT_FACTORY, L4_PROTO_TASK, FIRST + i, 0) == 0;
    mapped &= into_task(FIRST, RAM, l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7)) == 0;
    for (unsigned i = 1; i < CHAIN; i++)
        mapped &= call_words(FIRST + i, L4_PROTO_TASK, FIRST + i - 1, 3, L4_OP_TASK_MAP, RAM | L4_ITEM_MAP,
                             l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7).raw, 0) == 0;
    ok(mapped, "a page, given on from task to task a thousand times");
    struct task *last = task_of(cap_obj(cap_slot(root->task, FIRST + CHAIN - 1)));
    word_t pa;
    unsigned rights = 0;

    ok(host_translate(&last->space, RAM, &pa, &rights) && rights == 7, "the last one has it");
    start = seconds();
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, 0,
               l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, L4_MEM_W).raw, 0);
    ok(host_translate(&last->space, RAM, &pa, &rights) && rights == 5, "a right taken from the first is lost to all");
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, 0,
               l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7).raw, 0);
    lasted(start, 1, "so is the page");
    ok(!host_translate(&last->space, RAM, &pa, &rights), "it is gone");
    for (unsigned i = 0; i < CHAIN; i++)
        delete_slot(FIRST + i);
    is(root_factory.quota.used, used, "nothing is left");
}

static void test_wide_mappings(void)
{
    size_t used = root_factory.quota.used;
    bool mapped = make_by(L4_SLOT_FACTORY, L4_PROTO_TASK, FIRST, 0) == 0;
    double start = seconds();

    for (unsigned i = 0; i < WIDE; i++)
        mapped &= into_task(FIRST, RAM + i * L4_PAGE_SIZE, l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7)) == 0;
    ok(mapped, "a page, mapped ten thousand times");
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, 0,
               l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, L4_MEM_W).raw, 0);
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, 0,
               l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7).raw, 0);
    lasted(start, 4, "mapped, downgraded and taken away");
    delete_slot(FIRST);
    is(root_factory.quota.used, used, "nothing is left");
}

/* ---- queues ---- */

static bool crowd_make(void)
{
    bool made = true;

    for (unsigned i = 0; i < CROWD; i++) {
        made &= create(L4_PROTO_THREAD, FIRST + i) == 0;
        root->utcb->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK;
        root->utcb->mr[5] = UTCBS + i * L4_UTCB_SIZE;
        root->utcb->mr[6] = L4_ITEM_MAP;
        root->utcb->mr[7] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_TASK, 0, 15).raw;
        call(FIRST + i, L4_PROTO_THREAD, 6, 1);
        made &= label_of(root) == 0;
    }
    return made;
}

/* Every thread runs once and sends to the receiver, which is busy: all of them queue. */
static bool crowd_send(word_t timeout)
{
    bool waiting = true;

    for (unsigned i = 0; i < CROWD; i++) {
        thread_go(FIRST + i, 120, 0x3000, 0x3100);
        waiting &= host_current() == thread_at(FIRST + i);
        host_syscall(SEL(RECEIVER) | CALL, l4_tag_make((long)i, 0, 0, 0).raw, 0, timeout);
        waiting &= host_current() == root && thread_at(FIRST + i)->ipc_state == IPC_SENDING;
    }
    return waiting;
}

static unsigned crowd_errors(word_t code)
{
    unsigned n = 0;

    while (host_current() != root && n <= CROWD) {
        if (host_idle()) {
            host_time(1);
            host_tick();
            continue;
        }
        n += error_of(host_current()) == code;
        host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    }
    return n;
}

static void test_queue(void)
{
    thread_make(RECEIVER, 0, 0);
    call_words(RECEIVER, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x3100, 0);
    run_thread(RECEIVER, 1);
    double start = seconds();

    ok(crowd_send(0), "ten thousand threads wait for one");
    lasted(start, 10, "queueing");
    start = seconds();
    delete_slot(RECEIVER);
    run_thread(L4_SLOT_THREAD, 1); /* the killed thread comes to its end by itself */
    host_syscall(SELF | L4_OP_RECV, 0, 0, 1);
    is(crowd_errors(L4_IPC_SEND_CANCELED), CROWD, "it dies: all are told");
    lasted(start, 10, "telling");
}

static void test_timeouts(void)
{
    host_time(1000);
    host_tick();
    run_thread(L4_SLOT_THREAD, 100);
    double start = seconds();

    for (unsigned i = 0; i < CROWD; i++) {
        call_words(FIRST + i, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, 0x3000, 0x3100, 0);
        run_thread(FIRST + i, 120);
        host_syscall(SELF | L4_OP_RECV, 0, 0, 6u << 10 | (700u + i % 300));
    }
    ok(host_current() == root, "ten thousand sleep");
    lasted(start, 10, "going to sleep");
    start = seconds();
    run_thread(L4_SLOT_THREAD, 1);
    host_time(100000);
    host_tick();
    is(crowd_errors(L4_IPC_SEND_TIMEOUT + 1), CROWD, "all wake up by time");
    lasted(start, 10, "waking");
}

int main(void)
{
    size_t used;

    setrlimit(RLIMIT_STACK, &(struct rlimit){256 << 10, RLIM_INFINITY});
    machine_start_with(1, 128ul << 20);
    slots_make();
    map_fpage_all((struct map_request){.from = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task,
                                    .to = root->task, .item = RAM | L4_ITEM_MAP,
                                    .send = l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, 7),
                                    .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    test_tasks();
    test_factories();
    test_deep_mappings();
    test_wide_mappings();
    for (unsigned i = 0; i < CROWD / 128 + 1; i++)
        call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 2, L4_OP_TASK_ADD_KU_MEM,
                   l4_fpage_make(L4_FPAGE_MEM, (UTCBS >> L4_PAGE_SHIFT) + i * 32, 17, 6).raw, 0, 0);
    used = root_factory.quota.used;
    ok(crowd_make(), "ten thousand threads");
    test_queue();
    test_timeouts();
    run_thread(L4_SLOT_THREAD, 200);
    double start = seconds();
    for (unsigned i = 0; i < CROWD; i++)
        delete_slot(FIRST + i);
    run_thread(L4_SLOT_THREAD, 1);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 1);
    is(crowd_errors(0), 0, "the root task is alone again");
    lasted(start, 10, "the end of ten thousand threads");
    is(root_factory.quota.used, used, "nothing is left");
    machine_check();
    return tap_done();
}
