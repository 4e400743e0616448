/* SPDX-License-Identifier: MIT */
/*
 * The manager plays the root task, and sigma0. Slots of the manager's table: objects by kind, made and deleted at
 * random, and the watches of world.c.
 */
#include "factory.h"
#include "map.h"
#include "memory.h"
#include "sim.h"
#include <stdio.h>
#include <string.h>

#define MANAGER_PRIO 200u
#define SIGMA0_PRIO 180u
#define WORKER_PRIO_MAX 150u

/* Kinds of objects and their slots. */
static const struct kind {
    long proto;
    unsigned first, count;
} kinds[] = {
    {L4_PROTO_TASK, 0x20, 8},     {L4_PROTO_THREAD, 0x28, 16},   {L4_PROTO_KOBJECT, 0x38, 8},
    {L4_PROTO_IRQ_SENDER, 0x40, 8}, {L4_PROTO_SEMAPHORE, 0x48, 4}, {L4_PROTO_FACTORY, 0x4c, 4},
};
enum { TASK, THREAD, GATE, IRQ, SEM, FACTORY, KINDS };
#define SLOT_FIRST 0x20u
#define SLOT_END 0x50u

static unsigned slot_of(unsigned kind) { return kinds[kind].first + random_below(kinds[kind].count); }

static bool slot_used(unsigned slot)
{
    unsigned rights;

    return cap_lookup(sim.root->task, slot, &rights) != NULL;
}

/* ---- system calls of the manager: the message registers are set, the answer comes at once ---- */

static word_t *mr(void) { return sim.root->utcb->mr; }

static l4_tag call(unsigned slot, long proto, unsigned words, unsigned items)
{
    unsigned home = host_cpu->id;

    sim_syscall(selector(slot) | OP_CALL, l4_tag_make(proto, words, items, 0), 0, ZERO_PAIR);
    for (unsigned n = 1; n < 64 && (host_current() != sim.root || host_cpu->id != home); n++)
        if (!host_raced((home + n) % sim.cpus))
            sim_set_cpu((home + n) % sim.cpus); /* it is on its way to another CPU, or back */
    if (host_current() != sim.root)
        kpanic("somebody has preempted the manager", __FILE__, __LINE__);
    return (l4_tag){frame_tag(&sim.root->arch.frame)};
}

static bool done(l4_tag tag) { return !l4_tag_error(tag) && l4_tag_label(tag) >= 0; }

static void item(unsigned at, unsigned slot)
{
    mr()[at] = L4_ITEM_MAP;
    mr()[at + 1] = obj_page(slot, 0, L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S);
}

static bool create(unsigned kind, unsigned slot, word_t argument, unsigned items)
{
    unsigned factory = kind != FACTORY && one_in(2) ? slot_of(FACTORY) : L4_SLOT_FACTORY;
    struct l4_utcb *u = sim.root->utcb;

    u->bdr = 0;
    u->br[0] = selector(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    mr()[0] = (word_t)kinds[kind].proto;
    mr()[2] = argument;
    if (!slot_used(factory))
        factory = L4_SLOT_FACTORY;
    if (!done(call(factory, L4_PROTO_FACTORY, 3, items)))
        return false;
    sim.counts[COUNT_CREATED]++;
    return true;
}

static void run_thread(unsigned slot, unsigned prio)
{
    mr()[0] = L4_OP_SCHED_RUN_THREAD;
    mr()[1] = 0;
    mr()[2] = random_cpus();
    mr()[3] = prio;
    mr()[4] = one_in(2) ? 0 : 1 + random_below(5000);
    item(5, slot);
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
}

static void unmap(unsigned task, word_t mask, word_t fpage)
{
    mr()[0] = L4_OP_TASK_UNMAP;
    mr()[1] = mask;
    mr()[2] = fpage;
    call(task, L4_PROTO_TASK, 3, 0);
}

static void map_from(unsigned from, unsigned to, word_t first, word_t fpage)
{
    mr()[0] = L4_OP_TASK_MAP;
    mr()[1] = first | L4_ITEM_MAP;
    mr()[2] = fpage;
    item(3, from);
    call(to, L4_PROTO_TASK, 3, 1);
}

static void map(unsigned to, word_t first, word_t fpage) { map_from(L4_SLOT_TASK, to, first, fpage); }

/* ---- what the manager does ---- */

static word_t random_memory(void)
{
    return random_below((unsigned)(host_ram_bytes() >> L4_PAGE_SHIFT)) * L4_PAGE_SIZE;
}

static void give_capability(unsigned task)
{
    static const unsigned boot[] = {L4_SLOT_PAGER, L4_SLOT_LOG, L4_SLOT_ICU, L4_SLOT_SCHEDULER};
    unsigned rights = L4_RIGHT_R | random_below(4), slot;
    word_t attributes = random_below(16) << 4;

    if (one_in(8)) {
        slot = boot[random_below(4)];
    } else {
        slot = slot_of(one_in(2) ? THREAD + random_below(2) : random_below(KINDS));
        if (one_in(4))
            rights |= L4_RIGHT_D;
    }
    map(task, selector(random_below(SLOTS)) | attributes, obj_page(slot, 0, rights));
}

static void give_memory(unsigned task)
{
    unsigned order = one_in(8) ? 21 : 12 + random_below(4);

    map(task, (WINDOW + random_below(WINDOW_PAGES) * L4_PAGE_SIZE) | (one_in(8) ? random_below(8) << 4 : 0),
        mem_page(random_memory(), order, 1 + random_below(7)));
}

/* From anybody to anybody, so that trees of ports grow. */
static void give_ports(void)
{
    unsigned from = one_in(3) ? L4_SLOT_TASK : slot_of(TASK), order = one_in(4) ? random_below(16) : random_below(6);

    map_from(from, slot_of(TASK), from != L4_SLOT_TASK && one_in(4) ? L4_ITEM_GRANT : 0,
             io_page(random_below(64), order, L4_MEM_R));
}

static void make_task(void)
{
    unsigned slot = slot_of(TASK);

    if (!create(TASK, slot, mem_page(UTCBS, 13, 0), 0))
        return;
    world_watch(sim.root->task, slot);
    for (unsigned n = 10 + random_below(40); n > 0; n--)
        give_capability(slot);
    for (unsigned n = random_below(6); n > 0; n--)
        give_memory(slot);
    if (one_in(3))
        map(slot, 0, io_page(random_below(64), random_below(8), L4_MEM_R | L4_MEM_W));
}

/* A slot of the task that can be sent to, when a few tries find one. */
static word_t partner_of(unsigned task_slot)
{
    word_t slot = random_below(SLOTS);
    unsigned rights;
    const struct kobj *task = cap_lookup(sim.root->task, task_slot, &rights);

    for (unsigned tries = 0; task != NULL && tries < 16; tries++, slot = random_below(SLOTS)) {
        const struct kobj *obj = cap_lookup(container_of(task, const struct task, obj), slot, &rights);
        if (obj != NULL && (obj->type == KOBJ_THREAD || obj->type == KOBJ_GATE))
            break;
    }
    return selector(slot);
}

static void make_thread(void)
{
    unsigned slot = slot_of(THREAD), task = slot_of(TASK);

    if (!create(THREAD, slot, 0, 0))
        return;
    mr()[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_BIND_TASK |
              (one_in(8) ? L4_THREAD_ALIEN : 0);
    mr()[1] = partner_of(task);
    mr()[2] = partner_of(task);
    mr()[4] = random_word();
    mr()[5] = UTCBS + random_below(8) * L4_UTCB_SIZE;
    item(6, task);
    call(slot, L4_PROTO_THREAD, 6, 1);
    mr()[0] = L4_OP_THREAD_EX_REGS;
    mr()[1] = 0x1000;
    mr()[2] = 0x2000;
    if (!one_in(16))
        call(slot, L4_PROTO_THREAD, 3, 0);
    if (!one_in(16))
        run_thread(slot, 1 + random_below(WORKER_PRIO_MAX));
}

static void make_other(void)
{
    unsigned kind = GATE + random_below(4), slot = slot_of(kind);

    switch (kind) {
    case GATE:
        item(3, slot_of(THREAD));
        create(kind, slot, random_below(1000) * 4ul, !one_in(6));
        break;
    case FACTORY:
        create(kind, slot, 1 + random_below(400000), 0);
        break;
    default:
        create(kind, slot, 0, 0);
        break;
    }
}

static void bind_irq(void)
{
    unsigned irq = one_in(4) ? slot_of(SEM) : slot_of(IRQ);

    mr()[0] = L4_OP_ICU_BIND;
    mr()[1] = random_below(26);
    item(2, irq);
    call(L4_SLOT_ICU, L4_PROTO_IRQ, 2, 1);
    mr()[0] = L4_OP_ICU_UNMASK;
    call(L4_SLOT_ICU, L4_PROTO_IRQ, 2, 0);
    mr()[0] = L4_OP_IRQ_BIND;
    mr()[1] = random_below(1000);
    item(2, slot_of(THREAD));
    call(irq, L4_PROTO_KOBJECT, 2, 1);
}

static void cancel_thread(word_t flags)
{
    mr()[0] = L4_OP_THREAD_EX_REGS | flags;
    mr()[1] = mr()[2] = ~0ul;
    call(slot_of(THREAD), L4_PROTO_THREAD, 3, 0);
}

static void remove_object(void)
{
    unsigned slot = SLOT_FIRST + random_below(SLOT_END - SLOT_FIRST);

    unmap(L4_SLOT_TASK, one_in(3) ? L4_UNMAP_SELF : L4_UNMAP_SELF | L4_UNMAP_DELETE, obj_page(slot, 0, 15));
}

static void sleep_us(unsigned exponent)
{
    sim_syscall(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, 0, (word_t)(exponent << 10 | (1 + random_below(1000))));
}

void manager_act(void)
{
    switch (random_below(20)) { /* mostly it sleeps: the others run */
    case 0:
        make_task();
        break;
    case 1:
    case 2:
    case 3:
        make_thread();
        break;
    case 4:
    case 5:
        make_other();
        break;
    case 6:
        if (one_in(2))
            remove_object();
        break;
    case 7:
        for (unsigned n = 0; n < 4; n++)
            give_capability(slot_of(TASK));
        break;
    case 8:
        give_memory(slot_of(TASK));
        break;
    case 9:
        unmap(one_in(2) ? L4_SLOT_TASK : slot_of(TASK), 0,
              mem_page(random_memory(), 12 + random_below(11), random_below(8)));
        break;
    case 10:
        unmap(slot_of(TASK), one_in(2) ? 0 : L4_UNMAP_SELF,
              mem_page(WINDOW + random_below(WINDOW_PAGES) * L4_PAGE_SIZE, 12 + random_below(6), random_below(8)));
        break;
    case 11:
        bind_irq();
        break;
    case 12:
        cancel_thread((one_in(2) ? L4_EXREGS_CANCEL : 0) | (one_in(3) ? L4_EXREGS_TRIGGER : 0));
        break;
    case 13:
        run_thread(slot_of(THREAD), 1 + random_below(WORKER_PRIO_MAX));
        break;
    case 14:
        for (unsigned n = 0; n < 4; n++)
            give_ports();
        break;
    case 15:
        mr()[0] = L4_OP_VCON_READ | (word_t)random_below(one_in(4) ? 600 : 40) << 16;
        call(L4_SLOT_LOG, L4_PROTO_LOG, 1, 0);
        break;
    default:
        for (unsigned n = 0; sim.cpus > 1 && n < 4; n++) /* who waits for ever: else all CPUs fall asleep */
            cancel_thread(L4_EXREGS_CANCEL);
        sleep_us(2 + random_below(4));
        break;
    }
}

/* ---- sigma0 ---- */

/* Whoever asks gets what is memory or a port; the message names it, or is a page fault. */
void sigma0_act(struct thread *t)
{
    l4_tag got = {frame_tag(&t->arch.frame)};
    word_t *m = t->utcb->mr;
    unsigned items = 0;
    word_t op = L4_OP_RECV | L4_OP_OPEN_WAIT;

    if (!l4_tag_error(got)) {
        word_t addr = m[0] & ~(L4_PAGE_SIZE - 1);

        op |= L4_OP_SEND | L4_OP_REPLY;
        if (l4_tag_label(got) == L4_PROTO_SIGMA0 && l4_tag_words(got) >= 2) {
            l4_fpage fp = {m[1]};
            bool memory = l4_fpage_type(fp) == L4_FPAGE_MEM && l4_fpage_order(fp) < 24 &&
                          l4_fpage_start(fp) << L4_PAGE_SHIFT < host_ram_bytes();
            items = memory || l4_fpage_type(fp) == L4_FPAGE_IO;
            m[0] |= L4_ITEM_MAP;
        } else if (l4_tag_label(got) == L4_PROTO_PAGE_FAULT) {
            items = 1;
            m[0] = addr | L4_ITEM_MAP;
            m[1] = mem_page(addr % host_ram_bytes(), 12, L4_MEM_RIGHTS);
        }
    }
    t->utcb->bdr = 0;
    t->utcb->br[0] = 0;
    sim_syscall(L4_SEL_INVALID | op, l4_tag_make(0, 0, items, 0), 0, (word_t)L4_TIMEOUT_ZERO << 16);
}

/* ---- the start and the end of a round ---- */

static struct {
    size_t free_bytes, quota_used;
    uint32_t used[32];
} start;

static void state_of(size_t *free_bytes, size_t *quota, uint32_t *used)
{
    unsigned i = 0;

    limbo_empty();
    *free_bytes = frame_free_bytes();
    *quota = root_factory.quota.used;
    for (const struct slab *s = slab_first(); s != NULL && i < 32; s = s->next)
        used[i++] = s->used;
}

static void run_others(void)
{
    if (host_current() == sim.sigma0)
        sigma0_act(sim.sigma0);
    else if (host_current() != sim.root)
        worker_act(host_current());
}

static void ask_sigma0(word_t first, word_t fpage)
{
    struct l4_utcb *u = sim.root->utcb;

    u->bdr = 0; /* one list for all kinds */
    u->br[0] = L4_ITEM_MAP;
    u->br[1] = L4_FPAGE_ALL;
    u->br[2] = 0;
    mr()[0] = first;
    mr()[1] = fpage;
    sim_syscall(selector(L4_SLOT_PAGER) | OP_CALL, l4_tag_make(L4_PROTO_SIGMA0, 2, 0, 0), 0, NEVER_PAIR);
    while (host_current() != sim.root)
        run_others();
    l4_tag tag = {frame_tag(&sim.root->arch.frame)};
    if (l4_tag_error(tag) || l4_tag_items(tag) != 1)
        kpanic("sigma0 did not answer the manager", __FILE__, __LINE__);
}

static void set_priority(struct thread *t, unsigned prio)
{
    word_t *m = t->utcb->mr;

    m[0] = L4_OP_SCHED_RUN_THREAD;
    m[1] = 0;
    m[2] = 1;
    m[3] = prio;
    m[4] = 0;
    m[5] = L4_ITEM_MAP;
    m[6] = obj_page(L4_SLOT_THREAD, 0, L4_RIGHT_R);
    sim_syscall(selector(L4_SLOT_SCHEDULER) | OP_CALL, l4_tag_make(L4_PROTO_SCHEDULER, 5, 1, 0), 0, NEVER_PAIR);
}

void manager_setup(void)
{
    for (unsigned n = 0; n < 2; n++) {
        struct thread *t = host_current();

        if (t->task->is_sigma0) {
            sim.sigma0 = t;
            sim_touch(0xfee00000, L4_MEM_W); /* memory that it has not got yet: the kernel maps it */
            sim_touch(0x300000, L4_MEM_R);
            set_priority(t, SIGMA0_PRIO);
            sim_syscall(L4_SEL_INVALID | L4_OP_RECV | L4_OP_OPEN_WAIT, (l4_tag){0}, 0, NEVER_PAIR);
        } else {
            sim.root = t;
            set_priority(t, MANAGER_PRIO);
            if (sim.sigma0 == NULL)
                sim_syscall(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, 0, 1023);
        }
    }
    while (host_current() != sim.root) {
        sim_tick(TICK_US);
    }
    for (word_t addr = 0; addr < host_ram_bytes(); addr += 2ul << 20)
        ask_sigma0(addr, mem_page(addr, 21, L4_MEM_RIGHTS));
    ask_sigma0(0, io_page(0, 16, L4_MEM_R | L4_MEM_W));
    state_of(&start.free_bytes, &start.quota_used, start.used);
}

/* Lets the others run until the manager is back. */
static void wait_for_manager(void)
{
    for (;;) {
        sim_set_cpu(random_below(sim.cpus));
        if (host_cpu->id == 0 && host_current() == sim.root)
            return;
        if (host_idle() || one_in(2)) {
            sim_tick(TICK_US);
        } else if (host_current() == sim.sigma0) {
            sigma0_act(sim.sigma0);
        } else {
            worker_act(host_current());
        }
    }
}

/* Is there a thread besides sigma0 and the manager that runs, or could, or has been told to end? */
static bool somebody_runs(void)
{
    if (kobj_work != NULL) /* less important threads are at it, or nobody */
        return true;
    for (unsigned i = 0; i < sim.cpus; i++) {
        const struct cpu *c = cpus[i];

        if (c->arch.ipi || (c->current != c->idle && c->current != sim.root && c->current != sim.sigma0))
            return true;
        for (unsigned w = 0; w < 4; w++)
            if (c->ready_map[w] & ~(w == SIGMA0_PRIO / 64 ? 1ul << SIGMA0_PRIO % 64 : 0))
                return true;
    }
    return false;
}

void manager_teardown(void)
{
    unsigned naps = 0;

    wait_for_manager();
    for (unsigned n = 0; n < 3; n++) {
        /* Tasks first: afterwards nobody has capabilities with which to make more. */
        for (unsigned i = 2; i < WORLD_TASKS; i++)
            if (world_task(i) != NULL)
                unmap(L4_SLOT_TASK, L4_UNMAP_SELF | L4_UNMAP_DELETE, obj_page(WATCH_FIRST + i - 2, 0, 15));
        unmap(L4_SLOT_TASK, L4_UNMAP_SELF | L4_UNMAP_DELETE, obj_page(0x20, 5, 15));
        unmap(L4_SLOT_TASK, L4_UNMAP_SELF | L4_UNMAP_DELETE, obj_page(0x40, 4, 15));
        do { /* they end by their own priority */
            sleep_us(4);
            wait_for_manager();
        } while (somebody_runs() && ++naps < 1000);
    }
    unmap(L4_SLOT_TASK, 0, mem_page(0, 63, L4_MEM_RIGHTS));
    unmap(L4_SLOT_TASK, 0, io_page(0, 16, L4_MEM_RIGHTS));
}

void manager_compare(void)
{
    size_t free_bytes, quota;
    uint32_t used[32];
    unsigned i = 0;
    bool same = true;

    state_of(&free_bytes, &quota, used);
    for (const struct slab *s = slab_first(); s != NULL && i < 32; s = s->next, i++)
        if (used[i] != start.used[i]) {
            fprintf(stderr, "sim: %s: %u in use, %u at the start\n", s->name, used[i], start.used[i]);
            same = false;
        }
    if (free_bytes != start.free_bytes) {
        fprintf(stderr, "sim: %zu bytes free, %zu at the start\n", free_bytes, start.free_bytes);
        same = false;
    }
    if (quota != start.quota_used) {
        fprintf(stderr, "sim: %zu bytes charged, %zu at the start\n", quota, start.quota_used);
        same = false;
    }
    if (!same)
        kpanic("the end of the round is not its start", __FILE__, __LINE__);
}
