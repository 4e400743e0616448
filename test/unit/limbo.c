/* SPDX-License-Identifier: MIT */
/* limbo.c: what is freed on one CPU stays readable until no other CPU can be looking at it. */
#include "tap.h"
#include "factory.h"
#include "machine.h"
#include "objects.h"
#include "smp.h"
#include <string.h>

enum { A = 0x40, GATE = 0x41, VICTIM = 0x42, MANY = 0x100 };

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
    struct gate *g = gate_gone();

    call_words(A, L4_PROTO_THREAD, 0, 1, L4_OP_THREAD_STATS, 0, 0, 0); /* claims its CPU */
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

/* Interrupts are off while memory is freed. */
static void test_many(void)
{
    struct kobj *gone[120];
    unsigned freed = 0;

    for (unsigned i = 0; i < 120; i++) {
        create(L4_PROTO_NONE, MANY + i);
        gone[i] = cap_obj(cap_slot(root->task, MANY + i));
    }
    for (unsigned i = 0; i < 120; i++)
        if (i % 11 != 0) /* some stay, so that no block of their slab becomes empty */
            delete_slot(MANY + i);
    passes(1);
    for (unsigned round = 0; round < 2; round++) {
        passes(0);
        passes(1);
    }
    for (unsigned i = 0; i < 120; i++)
        freed += is_free(gone[i]);
    ok(freed > 0 && freed < 109, "many objects are freed piece by piece");
    for (unsigned round = 0; round < 4; round++)
        passes(1);
    freed = 0;
    for (unsigned i = 0; i < 120; i++)
        freed += is_free(gone[i]);
    is(freed, 109, "all of them");
    for (unsigned i = 0; i < 120; i += 11)
        delete_slot(MANY + i);
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
    ok(limbo_force(), "it is freed by force");
    ok(is_free(g) && cpus[1]->claim == CPU_STOPPED, "while the other CPU stands still");
    ok(!limbo_force(), "once");
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
    test_needed();
    test_exhausted();
    machine_check();
    return tap_done();
}
