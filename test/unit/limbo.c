/* SPDX-License-Identifier: MIT */
/* limbo.c: what is freed on one CPU stays readable until no other CPU can be looking at it. */
#include "tap.h"
#include "factory.h"
#include "machine.h"
#include "objects.h"
#include "preempt.h"
#include "smp.h"
#include <string.h>

enum { A = 0x40, GATE = 0x41, VICTIM = 0x42, OTHER = 0x43, MANY = 0x100 };

static struct thread *a;

/* Can the memory of a gate be had again, without new memory for its slab? */
static bool is_free(const void *gate)
{
    struct slab *s = (struct slab *)(uintptr_t)slab_first();
    void *taken[256];
    unsigned n = 0;
    bool found = false;

    while (strcmp(s->name, "gate") != 0)
        s = s->next;
    while (!found && n < ARRAY_LEN(taken) && !list_empty(&s->partial)) {
        taken[n] = slab_alloc_raw(s);
        found = taken[n++] == gate;
    }
    while (n > 0)
        slab_free(s, taken[--n]);
    return found;
}

/* A gate of root's, made and deleted; where it was. */
static struct gate *gate_gone(void)
{
    struct gate *g;

    create(L4_PROTO_NONE, VICTIM);
    g = gate_of(cap_obj(cap_slot(root->task, VICTIM)));
    delete_slot(VICTIM);
    return g;
}

/* An entry of CPU n that takes the lock and gives it back. */
static void passes(unsigned n)
{
    host_set_cpu(n);
    host_tick();
    host_set_cpu(0);
}

static void test_waits(void)
{
    size_t used;
    struct gate *g;
    word_t label;

    create(L4_PROTO_NONE, VICTIM); /* the gates of this test are not alone in their block */
    g = gate_of(cap_obj(cap_slot(root->task, VICTIM)));
    label = g->label;
    used = root_factory.quota.used;
    delete_slot(VICTIM);
    ok(root_factory.quota.used == used - ((sizeof *g + 15) & ~15ul), "quota is back at once");
    ok(!is_free(g), "the other CPU runs: memory waits");
    ok(g->obj.ends == &gate_ops && g->label == label, "and says what it said");
    passes(0);
    ok(!is_free(g), "this CPU does not count");
    passes(1);
    ok(is_free(g), "the other CPU has been in the kernel: it is free");
}

static void test_generations(void)
{
    struct gate *first = gate_gone(), *second;

    second = gate_gone();
    ok(first != second, "the memory is not used again");
    passes(1);
    ok(is_free(first) && !is_free(second), "what came later waits for the next time");
    passes(0);
    passes(1);
    ok(is_free(second), "which comes");
}

static void test_stopped(void)
{
    struct gate *g;

    create(L4_PROTO_THREAD, OTHER);
    run_thread_on(OTHER, 2, 10);
    passes(1);
    passes(0);
    passes(1); /* nothing else waits */
    g = gate_gone();
    delete_slot(OTHER); /* claims its CPU */
    ok(is_free(g), "a claimed CPU looks at nothing");
}

static void test_asleep(void)
{
    struct gate *g;

    host_set_cpu(1);
    wait_open();
    ok(host_idle(), "the other CPU sleeps");
    host_set_cpu(0);
    g = gate_gone();
    ok(is_free(g), "memory is free at once");
    call(A, 7, 0, 0);
    host_set_cpu(1);
    host_syscall(SELF | WAIT | L4_OP_SEND | L4_OP_REPLY, 0, 0, 0);
    ok(host_idle(), "it sleeps again");
    host_set_cpu(0);
}

static void wake(void)
{
    host_syscall(SEL(A) | L4_OP_SEND, l4_tag_make(1, 0, 0, 0).raw, 0, 0);
    host_set_cpu(1);
    ok(host_current() == a, "the other CPU runs");
    host_set_cpu(0);
}

/* However many objects end: few of them wait, and who ends one more does not free many at once. */
static void test_many(void)
{
    struct kobj *gone[120];
    unsigned freed = 0;
    int before;

    for (unsigned i = 0; i < 120; i++) {
        create(L4_PROTO_NONE, MANY + i);
        gone[i] = cap_obj(cap_slot(root->task, MANY + i));
    }
    kernel_enter(root, NULL);
    for (unsigned i = 0; i < 120; i++)
        if (i % 11 != 0) { /* some stay, so that no block of their slab becomes empty */
            cap_remove(cap_slot(root->task, MANY + i), true);
            before = work_left;
            kobj_work_run();
            ok(before - work_left < 50, "little is done for one object");
        }
    for (unsigned i = 0; i < 120; i++)
        freed += is_free(gone[i]);
    is(freed, 109 - 32, "all but 32 are free");
    is(cpus[1]->claim, CPU_STOPPED, "because the other CPU was stopped");
    host_enter(kernel_leave(root));
    for (unsigned n = 0; n < 4; n++)
        passes(1 - n % 2);
    freed = 0;
    for (unsigned i = 0; i < 120; i++)
        freed += is_free(gone[i]);
    is(freed, 109, "the rest is when both have been in the kernel");
    for (unsigned i = 0; i < 120; i += 11)
        delete_slot(MANY + i);
    for (unsigned n = 0; n < 4; n++)
        passes(1 - n % 2);
}

/* Interrupts are off while memory is freed: pages are much work, objects little. */
static void test_piecemeal(void)
{
    size_t before = frame_free_bytes();
    unsigned pages = 0;

    for (unsigned i = 0; i < 30; i++) {
        void *page = charged_frame_alloc_raw(&root_factory, 0);

        kernel_enter(root, NULL);
        charged_page_retire(&root_factory, page);
        kernel_unlock();
    }
    is(before - frame_free_bytes(), 30 * L4_PAGE_SIZE, "30 pages wait");
    for (unsigned round = 0; round < 8 && pages != 30; round++) {
        size_t then = frame_free_bytes();

        passes(round % 2 == 0);
        ok(frame_free_bytes() - then <= 10 * L4_PAGE_SIZE, "at most 10 of them are freed at once");
        pages = 30 - (unsigned)((before - frame_free_bytes()) / L4_PAGE_SIZE);
    }
    is(pages, 30, "all of them, one after the other");
}

static void *pages_take(void **pages)
{
    void *p = *pages;

    *pages = *(void **)p;
    root_factory.quota.used += L4_PAGE_SIZE; /* as if it had been charged */
    return p;
}

/* Memory that waits is there when it is needed. */
static void test_needed(void)
{
    void *pages = NULL, *p;
    struct gate *g;

    delete_slot(GATE);
    while ((p = frame_take(0)) != NULL) {
        *(void **)p = pages;
        pages = p;
    }
    g = gate_gone();
    ok(g != NULL && !is_free(g), "with the last memory");
    kernel_enter(root, NULL);
    ok(!limbo_force(0), "it gives no page");
    ok(is_free(g) && cpus[1]->claim == CPU_STOPPED, "while the other CPU stands still");
    charged_page_retire(&root_factory, pages_take(&pages));
    charged_page_retire(&root_factory, pages_take(&pages));
    ok(frame_free_bytes() == 0 && limbo_force(0), "a page does");
    is(frame_free_bytes(), L4_PAGE_SIZE, "the other one waits on");
    ok(!limbo_force(FRAME_ORDER_MAX), "there is no more");
    is(frame_free_bytes(), 2 * L4_PAGE_SIZE, "when all was tried");
    host_enter(kernel_leave(root));
    ok(cpus[1]->claim == CPU_FREE, "and then goes on");
    while (pages != NULL) {
        p = pages;
        pages = *(void **)p;
        frame_free(p, 0);
    }
}

/* An allocation that would fail takes it from there. */
static void test_exhausted(void)
{
    static struct slab slab;
    void *all = NULL, *p;
    unsigned before = 0, after = 0, gone = 0;

    slab_init(&slab, "half a page", 2000);
    kernel_enter(root, NULL);
    while ((p = slab_alloc(&slab)) != NULL) {
        *(void **)p = all;
        all = p;
        before++;
    }
    for (void **kept = all; *kept != NULL && gone < 40; kept = *kept) { /* every second: no block becomes empty */
        void **out = *kept;

        *kept = *out;
        root_factory.quota.used += slab.size;
        charged_slab_retire(&root_factory, &slab, out);
        gone++;
    }
    is(slab.used, before - 40, "40 objects wait");
    while ((p = slab_alloc(&slab)) != NULL) {
        *(void **)p = all;
        all = p;
        after++;
    }
    is(after, 40, "each of them is found when there is no other memory");
    slab_check(&slab);
    while (all != NULL) {
        p = all;
        all = *(void **)p;
        slab_free(&slab, p);
    }
    host_enter(kernel_leave(root));
}

/* A task with capabilities: their pages, its root of page tables and itself. */
static void test_pages(void)
{
    size_t free_bytes = frame_free_bytes(), used = root_factory.quota.used;

    is(create(L4_PROTO_TASK, VICTIM), 0, "a task");
    is(call_words(VICTIM, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, SEL(0x500) | L4_ITEM_MAP,
                  l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_LOG, 0, 15).raw, 0), 0, "with a capability");
    delete_slot(VICTIM);
    is(root_factory.quota.used, used, "quota of a task is back at once");
    for (unsigned i = 0; i < 4; i++)
        passes(1);
    is(frame_free_bytes(), free_bytes, "and its pages when the other CPU has been in the kernel");
}

int main(void)
{
    machine_start_cpus(2);
    create(L4_PROTO_NONE, GATE);
    a = thread_make(A, GATE, GATE);
    run_thread_on(A, 2, 50);
    call_words(A, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x3100, 0);
    host_set_cpu(1);
    ok(host_current() == a, "a thread runs on the second CPU");
    host_set_cpu(0);
    create(L4_PROTO_NONE, 0x43); /* what this file's gates share a block with */
    test_waits();
    test_pages();
    test_generations();
    test_stopped();
    test_asleep();
    wake();
    test_many();
    test_piecemeal();
    test_needed();
    test_exhausted();
    machine_check();
    return tap_done();
}
