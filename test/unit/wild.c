/* SPDX-License-Identifier: MIT */
/*
 * Programs without sense, on the kernel as a host process: threads of two hostile tasks, and all that these make in
 * turn, do random system calls, faults and exceptions with random registers, message words, buffers and memory shared
 * with the kernel, between random interrupts, on one to four CPUs, while allocations fail. Nothing predicts what comes
 * out; the invariants must hold, no sanitizer may speak, and when all of it is deleted, quota and memory must be what
 * they were.
 *
 *     wild [SEED [STEPS]]      one run; without a seed: some fixed ones and a new one, which is printed
 */
#include "tap.h"
#include "machine.h"
#include "smp.h"
#include <l4/vcpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PURSE = 0x40, FACTORY = 0x41, TASKS = 0x42, THREADS = 0x48, GATES = 0x50, PROBE = 0x58 };
enum { MY_TASK = 1, MY_FACTORY, MY_THREAD, MY_PAGER, THEIR_TASK, THEIR_THREAD, MY_SCHEDULER, MY_ICU, MADE = 0x10 };
#define HOSTILES 4u
#define LIFE_STEPS 4000u
#define SLOTS_USED 0x28u
#define RAM 0x400000ul
#define KU_X 0x6000000000ul
#define MEMORY 0x10000000ul

static uint64_t random_state;

static uint64_t rnd(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545f4914f6cdd1dul;
}

static unsigned below(unsigned n) { return (unsigned)(rnd() % n); }
static bool one_in(unsigned n) { return below(n) == 0; }
static word_t random_slot(void)
{
    return one_in(16) ? below(0x20000) : one_in(2) ? MADE + below(8) : below(SLOTS_USED);
}

static word_t random_address(void)
{
    static const word_t bases[] = {KU_X, MEMORY, MEMORY, RAM, 0x7ffffffff000ul, 0x800000000000ul, 1ul << 63, 0};

    return bases[below(8)] + rnd() % (one_in(2) ? 0x4000 : 0x400000);
}

static word_t random_fpage(void)
{
    unsigned order = one_in(12) ? below(64) : 0, rights = one_in(4) ? below(16) : 15;

    switch (below(8)) {
    case 0:
        return l4_fpage_make(L4_FPAGE_IO, below(0x10000), order ? order : below(4), rights).raw;
    case 1:
    case 2:
    case 3:
        return l4_fpage_make(L4_FPAGE_MEM, random_address() >> 12, order ? order : 12 + below(3), rights).raw;
    case 4:
        return one_in(4) ? rnd() : L4_FPAGE_ALL;
    default:
        return l4_fpage_make(L4_FPAGE_OBJ, random_slot(), order ? order : below(2), rights).raw;
    }
}

static word_t random_word(void)
{
    switch (below(10)) {
    case 0:
        return 0;
    case 1:
        return below(256);
    case 2:
    case 3:
        return L4_ITEM_MAP | SEL(random_slot()) | (one_in(2) ? 0 : below(256));
    case 4:
    case 5:
    case 6:
        return random_fpage();
    case 7:
        return random_address();
    case 8:
        return one_in(2) ? ~0ul : 1ul << below(64);
    default:
        return rnd();
    }
}

static unsigned random_timeout(void)
{
    return one_in(4) ? 0 : one_in(2) ? L4_TIMEOUT_ZERO : one_in(8) ? (unsigned)(rnd() & 0xffff) : 1 + below(1000);
}

/* Tasks that the hostile ones have made in this life. A task that holds its own capability, and is held by nobody else,
 * lives for ever: that is how counting works. So in every other life no tasks are made; in the others they are
 * remembered, and deleted at the end. */
static struct task *made[LIFE_STEPS];
static unsigned made_count;
static bool make_tasks;

static void task_remember(const struct task *task, word_t slot)
{
    unsigned rights;
    struct kobj *obj = cap_lookup(task, slot, &rights);

    if (obj == NULL || obj->type != KOBJ_TASK)
        return;
    for (unsigned i = 0; i < made_count; i++)
        if (made[i] == task_of(obj))
            return;
    kobj_ref(obj);
    made[made_count++] = task_of(obj);
}

static void tasks_delete(void)
{
    for (; made_count > 0; made_count--) {
        kobj_destroy(&made[made_count - 1]->obj);
        kobj_unref(&made[made_count - 1]->obj);
    }
}

/* ---- what a hostile thread does ---- */

static const struct {
    word_t slot;
    long label;
} known[] = {
    {MY_TASK, L4_PROTO_TASK}, {THEIR_TASK, L4_PROTO_TASK}, {MY_FACTORY, L4_PROTO_FACTORY},
    {MY_THREAD, L4_PROTO_THREAD}, {THEIR_THREAD, L4_PROTO_THREAD}, {MY_SCHEDULER, L4_PROTO_SCHEDULER},
    {MY_ICU, L4_PROTO_IRQ}, {MY_PAGER, 0}, {THEIR_THREAD, 2}, {MY_THREAD, 0}, {MADE, L4_PROTO_THREAD},
    {MADE + 1, L4_PROTO_TASK}, {MADE + 2, L4_PROTO_KOBJECT}, {MADE + 2, 1}, {MADE + 3, L4_PROTO_IRQ},
    {MADE + 3, L4_PROTO_IRQ_SENDER}, {MADE + 3, L4_PROTO_KOBJECT}, {MADE + 4, L4_PROTO_SEMAPHORE},
    {MADE + 4, L4_PROTO_IRQ}, {MADE + 5, L4_PROTO_FACTORY}, {MADE + 6, L4_PROTO_THREAD}, {MADE, 3},
};
static const struct {
    long proto;
    word_t slot;
} kinds[] = {{L4_PROTO_THREAD, MADE},       {L4_PROTO_TASK, MADE + 1},      {L4_PROTO_NONE, MADE + 2},
             {L4_PROTO_IRQ_SENDER, MADE + 3}, {L4_PROTO_SEMAPHORE, MADE + 4}, {L4_PROTO_FACTORY, MADE + 5},
             {L4_PROTO_THREAD, MADE + 6}};

static void cap_item(struct l4_utcb *u, unsigned at, word_t slot)
{
    u->mr[at] = L4_ITEM_MAP;
    u->mr[at + 1] = l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw;
}

/* Makes something, and uses it as it is meant to be used: deep states come from there. */
static void sensible_call(struct l4_utcb *u)
{
    unsigned k = (unsigned)(rnd() % ARRAY_LEN(kinds));
    word_t dest = MY_FACTORY;
    l4_tag tag = l4_tag_make(L4_PROTO_FACTORY, 3, 0, 0);
    struct task *task = host_current()->task;

    if (k == 1 && !make_tasks)
        k = 0;
    u->bdr = 0;
    u->br[0] = SEL(kinds[k].slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    switch (below(6)) {
    case 0: /* a thread runs: bound, started, on a CPU */
        u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER;
        u->mr[1] = u->mr[2] = SEL(MY_PAGER);
        u->mr[5] = KU_X + L4_UTCB_SIZE * (below(16));
        cap_item(u, 6, one_in(3) ? MADE + 1 : MY_TASK);
        dest = one_in(2) ? MADE : MADE + 6;
        tag = l4_tag_make(L4_PROTO_THREAD, 6, 1, 0);
        break;
    case 1:
        u->mr[0] = L4_OP_THREAD_EX_REGS | (below(4) << 16);
        u->mr[1] = u->mr[2] = one_in(3) ? ~0ul : random_address();
        dest = one_in(2) ? MADE : MADE + 6;
        tag = l4_tag_make(L4_PROTO_THREAD, 3, 0, 0);
        break;
    case 2:
        u->mr[0] = L4_OP_SCHED_RUN_THREAD;
        u->mr[1] = 0;
        u->mr[2] = below(16);
        u->mr[3] = 1 + below(255);
        u->mr[4] = below(5000);
        cap_item(u, 5, one_in(2) ? MADE : MADE + 6);
        dest = MY_SCHEDULER;
        tag = l4_tag_make(L4_PROTO_SCHEDULER, 5, 1, 0);
        break;
    case 3: /* a gate or an IRQ is bound */
        u->mr[0] = L4_OP_GATE_BIND;
        u->mr[1] = rnd() & 0xfffc;
        cap_item(u, 2, one_in(2) ? MADE : MY_THREAD);
        dest = MADE + 2 + below(2);
        tag = l4_tag_make(L4_PROTO_KOBJECT, 2, 1, 0);
        break;
    default:
        u->mr[0] = (word_t)kinds[k].proto;
        u->mr[1] = 0;
        u->mr[2] = k == 5 ? 0x4000 : k == 1 ? l4_fpage_make(L4_FPAGE_MEM, KU_X >> 12, 12 + below(3), 6).raw : 0;
        break;
    }
    kobj_ref(&task->obj);
    host_syscall(SEL(dest) | CALL, tag.raw, 0, 0);
    if (make_tasks)
        task_remember(task, MADE + 1);
    kobj_unref(&task->obj);
}

/* Parts of the interface that chance alone does not reach: vCPUs, trampolines, items with their windows, IRQs. */
static void rare_call(struct thread *t)
{
    struct l4_utcb *u = t->utcb;
    word_t at = KU_X + 0x2000 + 0x400 * below(8), dest = one_in(2) ? SELF : SEL(one_in(2) ? MADE : MY_THREAD);
    struct l4_vcpu *v = ku_mem_lookup(t->task, at, L4_VCPU_SIZE);
    l4_tag tag = l4_tag_make(L4_PROTO_THREAD, 2, 0, 0);

    u->mr[1] = at;
    switch (below(10)) {
    case 0:
        u->mr[0] = L4_OP_THREAD_VCPU_CONTROL;
        break;
    case 1:
    case 2:
        if (v != NULL) {
            v->saved_state = (uint16_t)(one_in(4) ? rnd() : L4_VCPU_IRQ | L4_VCPU_PAGE_FAULTS | L4_VCPU_EXCEPTIONS |
                                                                (one_in(2) ? L4_VCPU_USER_MODE : 0));
            v->state = (uint16_t)(one_in(2) ? rnd() : v->saved_state);
            v->user_task = one_in(4) ? rnd() : SEL(one_in(2) ? MADE + 1 : THEIR_TASK);
        }
        u->mr[0] = L4_OP_THREAD_VCPU_RESUME;
        dest = SELF;
        tag = l4_tag_make(L4_PROTO_THREAD, 1, one_in(3), 0);
        u->mr[1] = MEMORY | L4_ITEM_MAP;
        u->mr[2] = random_fpage();
        break;
    case 3:
        u->mr[0] = L4_OP_THREAD_TRAMPOLINE | (word_t)below(6) << 16;
        tag = l4_tag_make(L4_PROTO_THREAD, u->mr[0] >> 16 == 0 ? 2 : 1, 0, 0);
        break;
    case 4:
        u->mr[0] = L4_OP_THREAD_DELETE_IRQ;
        cap_item(u, 1, MADE + 3);
        tag = l4_tag_make(L4_PROTO_THREAD, 1, 1, 0);
        break;
    case 5:
        u->mr[0] = L4_OP_ICU_BIND;
        u->mr[1] = below(24) | (one_in(4) ? L4_ICU_MSI : 0);
        cap_item(u, 2, MADE + 3 + below(2));
        dest = SEL(MY_ICU);
        tag = l4_tag_make(L4_PROTO_IRQ, 2, 1, 0);
        break;
    case 6: /* gives something away */
        for (unsigned i = 0; i < 6; i += 2) {
            u->mr[i] = (random_address() & ~0xffful) | L4_ITEM_MAP | below(4);
            u->mr[i + 1] = random_fpage();
        }
        dest = SEL(one_in(2) ? THEIR_THREAD : one_in(2) ? MADE + 2 : MADE);
        tag = l4_tag_make(5, 0, 1 + below(3), one_in(3) ? L4_TAG_FPU : 0);
        break;
    case 7:
    case 8: /* and takes it, answering first or not */
        u->bdr = one_in(2) ? 0 : 2 | 4u << 5 | 6u << 10 | L4_BDR_INHERIT_FPU;
        for (unsigned i = 0; i < 8; i += 2) {
            u->br[i] = L4_ITEM_MAP | (rnd() & 7) | (random_address() & ~0xffful);
            u->br[i + 1] = one_in(3) ? L4_FPAGE_ALL : random_fpage();
        }
        host_syscall((one_in(2) ? SELF : SEL(below(600)) | L4_SEL_REPLY) | WAIT |
                         (one_in(2) ? L4_OP_SEND | L4_OP_REPLY : 0),
                     l4_tag_make(0, below(8), below(2), 0).raw, 0, random_timeout());
        return;
    default:
        u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_ALIEN;
        u->mr[4] = one_in(3) ? L4_THREAD_ALIEN : 0;
        tag = l4_tag_make(L4_PROTO_THREAD, 6, 0, 0);
        break;
    }
    host_syscall(dest | CALL, tag.raw, 0, (word_t)random_timeout() << 16 | random_timeout());
}

static void wild_call(struct l4_utcb *u)
{
    unsigned k = (unsigned)(rnd() % ARRAY_LEN(known));
    word_t dest = SEL(known[k].slot) | (one_in(3) ? rnd() & 15 : CALL);
    long label = known[k].label;
    unsigned words = one_in(6) ? below(64) : below(8);
    l4_tag tag;

    if (one_in(5))
        dest = SEL(random_slot()) | (one_in(2) ? rnd() & 0xc0f : CALL);
    if (one_in(12))
        dest = one_in(2) ? SELF | (rnd() & 15) : rnd();
    for (unsigned i = 0; i < (one_in(16) ? L4_MR_COUNT : 9); i++)
        u->mr[i] = random_word();
    if (!one_in(8))
        u->mr[0] = rnd() % (one_in(3) ? 0x14 : 8) | (one_in(3) ? rnd() & 0x1ff0000 : 0);
    if (words + 2 <= L4_MR_COUNT && one_in(2))
        cap_item(u, words, random_slot());
    u->bdr = one_in(4) ? rnd() : 0;
    for (unsigned i = 0; i < 4; i++)
        u->br[i] = random_word();
    tag = l4_tag_make(label, words, one_in(2) ? 1 : below(4), one_in(4) ? rnd() & L4_TAG_FLAGS : 0);
    if (one_in(30))
        tag.raw = rnd();
    if (l4_tag_label(tag) == 0 && u->mr[1] == 1)
        u->mr[1] = 2; /* not the reboot of the machine */
    if (l4_tag_label(tag) == L4_PROTO_FACTORY && u->mr[0] == (word_t)L4_PROTO_TASK)
        u->mr[0] = (word_t)L4_PROTO_THREAD;
    host_syscall(dest, tag.raw, rnd(), random_timeout() | (word_t)random_timeout() << 16);
}

/* Scribbles in the memory that it shares with the kernel: UTCBs, vCPU state, trampoline areas. */
static void scribble(const struct thread *t)
{
    word_t *w = ku_mem_lookup(t->task, KU_X + (below(0x4000) & ~7ul), 8);

    if (w != NULL)
        *w = one_in(2) ? rnd() : random_word();
}

static void hostile_step(struct thread *t)
{
    switch (below(24)) {
    case 0:
    case 1:
        host_touch(random_address() & (L4_USER_END - 1), one_in(2) ? L4_MEM_R : one_in(2) ? L4_MEM_W : L4_MEM_X);
        break;
    case 2:
        host_exception(one_in(2) ? 6 : below(13), below(8));
        break;
    case 3:
        host_port(below(0x10000));
        break;
    case 4:
        host_fpu_write(t, rnd());
        break;
    case 5:
    case 6:
        scribble(t);
        break;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
        sensible_call(t->utcb);
        break;
    case 13:
    case 14:
    case 15:
    case 16:
        rare_call(t);
        break;
    default:
        wild_call(t->utcb);
        break;
    }
}

/* ---- the root thread ---- */

static long make(word_t factory, word_t slot, long proto, word_t argument)
{
    root->utcb->bdr = 0;
    root->utcb->br[0] = SEL(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    return call_words(factory, L4_PROTO_FACTORY, 0, 3, (word_t)proto, 0, argument, 0);
}

static void give(word_t task, word_t from, word_t to, unsigned rights)
{
    if (cap_lookup(root->task, task, &(unsigned){0}) != NULL)
        call_words(task, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, SEL(to) | L4_ITEM_MAP,
                   l4_fpage_make(L4_FPAGE_OBJ, from, 0, rights).raw, 0);
}

static void give_memory(word_t task)
{
    call_words(task, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, MEMORY | L4_ITEM_MAP,
               l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 22, 7).raw, 0);
    call_words(task, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP, L4_ITEM_MAP,
               l4_fpage_make(L4_FPAGE_IO, 0, 12, 7).raw, 0);
}

static void arm(unsigned t)
{
    give(TASKS + t, TASKS + t, MY_TASK, 7);
    give(TASKS + t, FACTORY, MY_FACTORY, 7);
    give(TASKS + t, THREADS + t, MY_THREAD, 7);
    give(TASKS + t, GATES, MY_PAGER, 7);
    give(TASKS + t, TASKS + (t ^ 1), THEIR_TASK, 7);
    give(TASKS + t, THREADS + (t ^ 1), THEIR_THREAD, 7);
    give(TASKS + t, L4_SLOT_SCHEDULER, MY_SCHEDULER, 7);
    give(TASKS + t, L4_SLOT_ICU, MY_ICU, 7);
}

static void run_on(word_t slot, unsigned prio, unsigned cpu)
{
    root->utcb->mr[4] = 0;
    root->utcb->mr[5] = L4_ITEM_MAP;
    root->utcb->mr[6] = l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw;
    root->utcb->mr[0] = L4_OP_SCHED_RUN_THREAD;
    root->utcb->mr[1] = 0;
    root->utcb->mr[2] = 1ul << cpu;
    root->utcb->mr[3] = prio;
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
}

/* A call of root's may be on its way to another CPU. */
static bool root_is_back(unsigned cpus_used)
{
    for (unsigned n = 1; n <= 2 * cpus_used && (host_cpu != cpus[0] || host_current() != root); n++)
        host_set_cpu(n % cpus_used);
    return host_current() == root;
}

static void life_begin(unsigned cpus_used)
{
    make(PURSE, FACTORY, L4_PROTO_FACTORY, 4ul << 20);
    for (unsigned t = 0; t < 2; t++) {
        make(FACTORY, TASKS + t, L4_PROTO_TASK, l4_fpage_make(L4_FPAGE_MEM, KU_X >> 12, 14, 6).raw);
        give_memory(TASKS + t);
    }
    for (unsigned i = 0; i < HOSTILES; i++) {
        struct l4_utcb *u = root->utcb;

        make(FACTORY, THREADS + i, L4_PROTO_THREAD, 0);
        u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER;
        u->mr[1] = u->mr[2] = SEL(MY_PAGER);
        u->mr[3] = u->mr[4] = 0;
        u->mr[5] = KU_X + i * L4_UTCB_SIZE;
        u->mr[6] = L4_ITEM_MAP;
        u->mr[7] = l4_fpage_make(L4_FPAGE_OBJ, TASKS + i % 2, 0, 15).raw;
        call(THREADS + i, L4_PROTO_THREAD, 6, 1);
    }
    for (unsigned t = 0; t < 2; t++) {
        arm(t);
        if (one_in(3)) { /* these may put an end to everything */
            give(TASKS + t, TASKS + t, MADE + 7, 15);
            give(TASKS + t, FACTORY, MADE + 8, 15);
            give(TASKS + t, THREADS + t, MADE + 9, 15);
        }
    }
    for (unsigned i = 0; i < HOSTILES; i++) {
        call_words(THREADS + i, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, 0x3000, 0x3100, 0);
        run_on(THREADS + i, 100 + i % 3, i % cpus_used);
        kassert(root_is_back(cpus_used));
    }
}

/* The root thread is awake: cancels, gives back, answers; then it sleeps. */
static void root_step(unsigned cpus_used)
{
    l4_tag tag;

    switch (below(4)) {
    case 0:
        for (unsigned i = 0; i < HOSTILES; i++)
            if (cap_lookup(root->task, THREADS + i, &(unsigned){0}) != NULL) {
                call_words(THREADS + i, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, 0x3000, 0x3100,
                           0);
                if (!root_is_back(cpus_used))
                    return;
                run_on(THREADS + i, 100 + i % 3, below(cpus_used));
                if (!root_is_back(cpus_used))
                    return;
            }
        break;
    case 1:
        arm(below(2));
        break;
    default:
        root->utcb->bdr = root->utcb->br[0] = 0;
        host_syscall(SELF | WAIT, 0, 0, L4_TIMEOUT_ZERO);
        if (error_of(root) == 0 && host_current() == root) {
            root->utcb->mr[0] = random_address() | L4_ITEM_MAP;
            root->utcb->mr[1] = l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 12, below(8)).raw;
            tag = l4_tag_make(0, L4_EXC_WORDS, 0, 0);
            if (one_in(2))
                tag = l4_tag_make(one_in(4) ? -1 : 0, 0, 1, 0);
            host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, tag.raw, 0, (word_t)L4_TIMEOUT_ZERO << 16);
        }
        break;
    }
    if (host_current() == root)
        host_syscall(SELF | L4_OP_RECV, 0, 0, 1 + below(500));
}

/* ---- the machine ---- */

static void event(void)
{
    switch (below(8)) {
    case 0:
        host_irq(below(24));
        break;
    case 1:
        host_input("x");
        break;
    default:
        host_time(below(300));
        host_tick();
        break;
    }
}

static void check(void)
{
    kernel_check_all();
    task_check(root->task);
    for (unsigned t = 0; t < 2; t++) {
        unsigned rights;
        struct kobj *obj = cap_lookup(root->task, TASKS + t, &rights);

        if (obj != NULL && obj->type == KOBJ_TASK)
            task_check(task_of(obj));
    }
}

/* One step on some CPU. */
static void step(unsigned cpus_used, bool hostile)
{
    host_set_cpu((unsigned)(below(cpus_used)));
    if (host_idle() || one_in(20)) {
        event();
    } else if (host_current() == root) {
        if (hostile)
            root_step(cpus_used);
    } else if (host_current()->task->is_sigma0) {
        wait_open();
    } else if (hostile) {
        frame_fail_countdown = one_in(6) ? 1 + below(6) : 0; /* an allocation that fails */
        hostile_step(host_current());
        frame_fail_countdown = 0;
    } else {
        host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    }
}

static bool root_runs(unsigned cpus_used)
{
    for (unsigned i = 0; i < 100000; i++) {
        host_set_cpu(0);
        if (host_current() == root)
            return true;
        step(cpus_used, false);
    }
    return false;
}

/* Deletes everything; true: quota and memory are what they were. */
static bool life_end(unsigned cpus_used, size_t used, size_t bytes)
{
    struct factory *purse = factory_of(cap_obj(cap_slot(root->task, PURSE)));

    if (!root_runs(cpus_used))
        return false;
    for (unsigned slot = FACTORY; slot < THREADS + HOSTILES; slot++)
        delete_slot(slot);
    tasks_delete();
    for (unsigned i = 0; i < 100 && purse->quota.used != used; i++) {
        host_syscall(SELF | L4_OP_RECV, 0, 0, 1000);
        for (unsigned k = 0; k < 200; k++)
            step(cpus_used, false);
        if (!root_runs(cpus_used))
            return false;
    }
    limbo_empty();
    if (purse->quota.used == used && frame_free_bytes() == bytes)
        return true;
    if (bytes == 0) /* the first life: this is what there is */
        return true;
    printf("# quota %zu instead of %zu, free memory %zu instead of %zu\n", purse->quota.used, used, frame_free_bytes(),
           bytes);
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        printf("#   %s: %u\n", s->name, s->used);
    return false;
}

static bool run(uint64_t seed, unsigned steps)
{
    unsigned cpus_used = 1u << seed % 3;
    bool back = true;
    size_t used = 0, bytes = 0;

    printf("# wild %lu %u: %u CPUs\n", (unsigned long)seed, steps, cpus_used);
    fflush(stdout);
    random_state = seed * 0x9e3779b97f4a7c15ul | 1;
    machine_start_with(cpus_used, 32ul << 20);
    run_thread(L4_SLOT_THREAD, 255);
    map_fpage_all((struct map_request){.from = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task,
                                    .to = root->task, .item = RAM | L4_ITEM_MAP,
                                    .send = l4_fpage_make(L4_FPAGE_MEM, RAM >> 12, 22, 7),
                                    .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    map_fpage_all((struct map_request){.from = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task,
                                    .to = root->task, .item = L4_ITEM_MAP,
                                    .send = l4_fpage_make(L4_FPAGE_IO, 0, 16, 7), .window = {L4_FPAGE_ALL},
                                    .rights_mask = 15});
    make(L4_SLOT_FACTORY, PURSE, L4_PROTO_FACTORY, 8ul << 20);
    create(L4_PROTO_NONE, GATES);
    call_words(GATES, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_GATE_BIND, 0xf0, 0, 0);
    for (unsigned n = 0; n < steps && back; n += LIFE_STEPS) {
        if (n == LIFE_STEPS) { /* what stays for ever was made in the first life */
            used = factory_of(cap_obj(cap_slot(root->task, PURSE)))->quota.used;
            limbo_empty();
            bytes = frame_free_bytes();
        }
        make_tasks = n / LIFE_STEPS % 2 == 0;
        life_begin(cpus_used);
        host_syscall(SELF | L4_OP_RECV, 0, 0, 100);
        for (unsigned i = 0; i < LIFE_STEPS; i++) {
            step(cpus_used, true);
            if (i % 128 == 0)
                check();
        }
        back = life_end(cpus_used, used, bytes);
        check();
    }
    return back;
}

/* One machine per process. */
static bool run_apart(uint64_t seed, unsigned steps)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(run(seed, steps) ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return run(strtoull(argv[1], NULL, 0), argc > 2 ? (unsigned)atoi(argv[2]) : 200000) ? 0 : 1;
    for (unsigned seed = 1; seed <= 6; seed++)
        ok(run_apart(seed, 60000), "a run with a fixed seed: everything is back");
    ok(run_apart((uint64_t)time(NULL), 200000), "a run with a new one");
    return tap_done();
}
