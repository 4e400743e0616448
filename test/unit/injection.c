/* SPDX-License-Identifier: MIT */
/*
 * Every operation that allocates, and every one that must not: its k-th allocation fails, for k = 1, 2, … until it
 * succeeds, each in a copy of this process, from the same state. A failure has its documented error and has changed
 * nothing: no slot, page, port, object, queue or thread but those that learn of it. Two things stay, as described: what
 * a map or a message had mapped before (PARTIAL), and empty tables and pages of slots of the destination, which are its
 * own and are used by the next try (TABLES). That try succeeds.
 */
#include "tap.h"
#include "machine.h"
#include "preempt.h"
#include <l4/trampoline.h>
#include <l4/vcpu.h>
#include <stdio.h>

enum { MADE = 0x40, TARGET = 0x41, WORKER = 0x42, GATE = 0x43, IRQ = 0x44, SEM = 0x45, FAR = 0x200 };
enum { TARGET_SELF = 1, TARGET_FACTORY = 2, TARGET_ROOT = 5 }; /* slots of the target */
#define RAM 0x400000ul
#define HERE 0x40000000ul
#define THERE 0x80000000ul
#define KU_TARGET 0x7000000000ul
#define VCPU 0x2000ul /* in the kernel-user memory of root */
#define NOW ((word_t)L4_TIMEOUT_ZERO << 16 | L4_TIMEOUT_ZERO)

enum flags { TABLES = 1, PARTIAL = 2, LEARNS = 4, NO_MEMORY = 8 };
enum verdict { FIRED = 1, ANSWER = 2, CHANGED = 4, LOST = 8, AGAIN = 16 };

static struct thread *worker;
static struct task *target;

/* ---- what can be observed ---- */

static uint64_t sum;

static void see(uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15ul;
    sum ^= sum >> 29;
}

static void see_bytes(const void *p, size_t bytes)
{
    for (size_t i = 0; i < bytes / 8; i++)
        see(((const uint64_t *)p)[i]);
}

static void see_task(const struct task *t)
{
    struct pt_entry e;

    for (word_t i = 0; i < CAP_SLOTS; i++) {
        const struct cap *c = cap_slot(t, i);

        if (c != NULL && c->raw != 0)
            see(i << 48 ^ c->raw);
    }
    for (word_t va = 0; arch_pt_next(&t->space, va, L4_USER_END, &e); va = e.va + (1ul << e.order)) {
        see(e.va | e.order);
        see(e.pa | e.rights);
        see(e.cache | (e.ku ? 1ul << 40 : 0));
        see((uint64_t)(uintptr_t)e.mapping);
    }
    for (unsigned port = 0; t->space.io_bitmap != NULL && port < ARCH_IO_PORTS / 64; port++)
        see(((const word_t *)t->space.io_bitmap)[port]);
}

static void see_thread(const struct thread *t, bool learns)
{
    see(t->prio | (uint64_t)t->options << 16 | (uint64_t)t->pager << 32);
    see((uint64_t)(uintptr_t)t->home ^ (uint64_t)(uintptr_t)t->task);
    see((uint64_t)(uintptr_t)t->delete_irq);
    if (learns)
        return;
    for (const struct list *l = t->senders.next; l != &t->senders; l = l->next)
        see(container_of(l, struct sender, link)->id);
    see(t->state_word);
    see(t->reply.raw);
    see((uint64_t)(uintptr_t)t->resume);
    see_bytes(&t->arch.frame, sizeof t->arch.frame);
    if (t->utcb != NULL)
        see_bytes(t->utcb, sizeof *t->utcb);
}

/* Objects of every kind; not mappings when some may stay, nor the table of reply capabilities when tables may. */
static void see_objects(unsigned flags)
{
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        if (!((flags & PARTIAL) && s->name[0] == 'm') && !((flags & TABLES) && s->name[0] == 'r'))
            see(s->used);
}

static uint64_t observe(unsigned flags)
{
    bool partial = (flags & PARTIAL) != 0;

    sum = 0;
    if (!partial) {
        see_task(root->task);
        see_task(target);
    }
    see_thread(root, true);
    see_thread(worker, (flags & LEARNS) != 0);
    see_objects(flags);
    return sum;
}

/* ---- helpers ---- */

static long make_at(long proto, word_t slot, word_t argument)
{
    root->utcb->bdr = 0;
    root->utcb->br[0] = SEL(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    return call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 3, (word_t)proto, 0, argument, 0);
}

static l4_fpage mem(word_t addr, unsigned order)
{
    return l4_fpage_make(L4_FPAGE_MEM, addr >> L4_PAGE_SHIFT, order, 7);
}
static l4_fpage obj(word_t slot, unsigned order) { return l4_fpage_make(L4_FPAGE_OBJ, slot, order, 7); }

static long map_to(word_t to, word_t from, word_t item, l4_fpage fp)
{
    return call_words(to, L4_PROTO_TASK, from, 3, L4_OP_TASK_MAP, item | L4_ITEM_MAP, fp.raw, 0);
}

static void put(unsigned at, word_t item, l4_fpage fp)
{
    root->utcb->mr[2 * at] = item | L4_ITEM_MAP;
    root->utcb->mr[2 * at + 1] = fp.raw;
}

/* Root sends that many items; the answer: its error, and the receiver's must fit. */
static long items_send(word_t dest, unsigned items)
{
    bool kernel = (worker->flags & THREAD_KERNEL_IPC) != 0;

    host_syscall(dest, l4_tag_make(0, 0, items, 0).raw, 0, (word_t)L4_TIMEOUT_ZERO << 16);
    while (host_current() != root && host_current() != worker)
        host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    if (error_of(root) != 0 && !kernel && error_of(worker) != error_of(root) + 1)
        return -1;
    return error_of(root) != 0 ? (long)(0x10000 | error_of(root)) : 0;
}

/* ---- operations ---- */

static long op_thread(void) { return create(L4_PROTO_THREAD, MADE); }
static long op_far(void) { return create(L4_PROTO_THREAD, FAR); }
static long op_gate(void) { return create(L4_PROTO_NONE, MADE); }
static long op_gate_bound(void)
{
    root->utcb->bdr = 0;
    root->utcb->br[0] = SEL(MADE) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    return call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, WORKER, 3, (word_t)L4_PROTO_KOBJECT, 0, 0x40, 0);
}
static long op_irq(void) { return create(L4_PROTO_IRQ_SENDER, MADE); }
static long op_sem(void) { return create(L4_PROTO_SEMAPHORE, MADE); }
static long op_task(void) { return make_at(L4_PROTO_TASK, MADE, 0); }
/* With windows: the capability comes before the memory then. */
static long op_task_ku_in_windows(void)
{
    int slice = work_slice;
    long answer;

    work_slice = work_left = 1;
    answer = make_at(L4_PROTO_TASK, FAR, mem(KU_TARGET, 14).raw);
    work_slice = work_left = slice;
    return answer;
}
static long op_task_ku(void) { return make_at(L4_PROTO_TASK, MADE, mem(KU_TARGET, 14).raw); }
static long op_factory(void) { return make_at(L4_PROTO_FACTORY, MADE, 0x10000); }
static long op_ku(void)
{
    return call_words(TARGET, L4_PROTO_TASK, 0, 2, L4_OP_TASK_ADD_KU_MEM, mem(THERE, 13).raw, 0, 0);
}
static long op_page(void) { return map_to(TARGET, L4_SLOT_TASK, THERE, mem(HERE, 12)); }
static long op_pages(void) { return map_to(TARGET, L4_SLOT_TASK, THERE + 0x1fe000, mem(HERE, 14)); }
static long op_large(void) { return map_to(TARGET, L4_SLOT_TASK, THERE, mem(HERE + 0x200000, 21)); }
static long op_part(void) { return map_to(TARGET, L4_SLOT_TASK, THERE, mem(HERE + 0x201000, 12)); }
static long op_grant(void) { return map_to(TARGET, L4_SLOT_TASK, THERE | L4_ITEM_GRANT, mem(HERE, 12)); }
static long op_cap(void) { return map_to(TARGET, L4_SLOT_TASK, SEL(FAR), obj(GATE, 0)); }
static long op_caps(void) { return map_to(TARGET, L4_SLOT_TASK, SEL(FAR), obj(MADE, 3)); }
static long op_cap_grant(void) { return map_to(TARGET, L4_SLOT_TASK, SEL(FAR) | L4_ITEM_GRANT, obj(GATE, 0)); }
static l4_fpage ports(unsigned first, unsigned order) { return l4_fpage_make(L4_FPAGE_IO, first, order, 6); }
static long op_ports(void) { return map_to(TARGET, L4_SLOT_TASK, 0, ports(0x60, 3)); }
static long op_ports_grant(void) { return map_to(TARGET, L4_SLOT_TASK, L4_ITEM_GRANT, ports(0x60, 3)); }

static long op_reply_slot(void)
{
    host_syscall(SEL(700) | L4_SEL_REPLY | WAIT, 0, 0, L4_TIMEOUT_ZERO);
    return error_of(root) == L4_IPC_SEND_TIMEOUT + 1 ? 0 : (long)(0x10000 | error_of(root));
}

static long op_send_page(void)
{
    put(0, THERE, mem(HERE, 12));
    return items_send(SEL(WORKER) | L4_OP_SEND, 1);
}
static long op_send_cap(void)
{
    put(0, SEL(FAR), obj(GATE, 0));
    return items_send(SEL(WORKER) | L4_OP_SEND, 1);
}
static long op_send_ports(void)
{
    put(0, 0, ports(0x60, 3));
    return items_send(SEL(WORKER) | L4_OP_SEND, 1);
}
static long op_send_three(void)
{
    put(0, THERE, mem(HERE, 12));
    put(1, SEL(FAR), obj(GATE, 0));
    put(2, 0, ports(0x60, 3));
    return items_send(SEL(WORKER) | L4_OP_SEND, 3);
}
static long op_reply_page(void)
{
    put(0, THERE, mem(HERE, 12));
    return items_send(SELF | L4_OP_SEND | L4_OP_REPLY, 1);
}

/* The registers, and a page behind them. */
static long op_reply_exception(void)
{
    root->utcb->mr[L4_EXC_WORDS] = THERE | L4_ITEM_MAP;
    root->utcb->mr[L4_EXC_WORDS + 1] = mem(HERE, 12).raw;
    host_syscall(SELF | L4_OP_SEND | L4_OP_REPLY, l4_tag_make(0, L4_EXC_WORDS, 1, 0).raw, 0,
                 (word_t)L4_TIMEOUT_ZERO << 16);
    return error_of(root) != 0 ? (long)(0x10000 | error_of(root)) : 0;
}

/* Root is a vCPU and resumes, with a page for its user task. */
static long op_resume(void)
{
    struct l4_vcpu *v = ku_at(VCPU);

    v->user_task = SEL(TARGET);
    v->saved_state = 0;
    v->regs.rax = 0;
    root->utcb->mr[0] = L4_OP_THREAD_VCPU_RESUME;
    root->utcb->mr[1] = THERE | L4_ITEM_MAP;
    root->utcb->mr[2] = mem(HERE, 12).raw;
    host_syscall(SELF | CALL, l4_tag_make(L4_PROTO_THREAD, 1, 1, 0).raw, 0, 0);
    return error_of(root) != 0 ? (long)(0x10000 | error_of(root)) : 0;
}

/* The worker waits with a page for root, which takes it. */
static long op_receive(void)
{
    root->utcb->bdr = 0;
    root->utcb->br[0] = L4_ITEM_MAP;
    root->utcb->br[1] = mem(THERE, 12).raw;
    host_syscall(SELF | WAIT, 0, 0, L4_TIMEOUT_ZERO);
    word_t error = error_of(worker);
    while (host_current() != root)
        host_syscall(SELF | L4_OP_RECV, 0, 0, 0);
    if (error_of(root) == 0)
        return error == 0 ? 0 : -1;
    return error + 1 == error_of(root) ? (long)(0x10000 | error) : -1;
}

/* ---- operations that need no memory ---- */

static long op_control(void)
{
    root->utcb->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER;
    root->utcb->mr[1] = SEL(TARGET_ROOT);
    call(WORKER, L4_PROTO_THREAD, 6, 0);
    return label_of(root);
}
static long op_ex_regs(void) { return call_words(WORKER, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, ~0ul, ~0ul, 0); }
static long op_delete_irq(void)
{
    return call_words(WORKER, L4_PROTO_THREAD, IRQ, 1, L4_OP_THREAD_DELETE_IRQ, 0, 0, 0);
}
static long op_vcpu(void)
{
    return call_words(WORKER, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_VCPU_CONTROL, KU_TARGET + 0x400, 0, 0);
}
static long op_trampoline(void)
{
    return call_words(WORKER, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_TRAMPOLINE, KU_TARGET + 0x800, 0, 0);
}
static long op_run(void) { return run_thread(WORKER, 90); }
static long op_gate_bind(void) { return call_words(GATE, L4_PROTO_KOBJECT, WORKER, 2, L4_OP_GATE_BIND, 8, 0, 0); }
static long op_irq_bind(void) { return call_words(IRQ, L4_PROTO_KOBJECT, WORKER, 2, L4_OP_IRQ_BIND, 8, 0, 0); }
static long op_icu_bind(void) { return call_words(L4_SLOT_ICU, L4_PROTO_IRQ, IRQ, 2, L4_OP_ICU_BIND, 5, 0, 0); }
static long op_icu_sem(void) { return call_words(L4_SLOT_ICU, L4_PROTO_IRQ, SEM, 2, L4_OP_ICU_BIND, 6, 0, 0); }
static long op_unmap(void)
{
    return call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF,
                      mem(HERE + 0x201000, 12).raw, 0);
}
static long op_unmap_ports(void)
{
    return call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF, ports(0x61, 0).raw, 0);
}
static long op_delete(void)
{
    return call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF | L4_UNMAP_DELETE,
                      l4_fpage_make(L4_FPAGE_OBJ, TARGET, 0, 15).raw, 0);
}
static long op_words(void) { return items_send(SEL(WORKER) | L4_OP_SEND, 0); }
static long op_sleep(void)
{
    host_syscall(SELF | L4_OP_RECV, 0, 0, L4_TIMEOUT_ZERO);
    return error_of(root) == L4_IPC_SEND_TIMEOUT + 1 ? 0 : -1;
}

/* ---- what comes before ---- */

/* The worker goes on, above root, and comes to a wait of some kind. */
static void worker_on(void)
{
    run_thread(WORKER, 120);
    call_words(WORKER, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS | L4_EXREGS_CANCEL, 0x3000, 0x3100, 0);
}

static void before_wait(void)
{
    worker_on();
    worker->utcb->bdr = 0;
    worker->utcb->br[0] = L4_ITEM_MAP;
    worker->utcb->br[1] = L4_FPAGE_ALL;
    worker->utcb->br[2] = L4_ITEM_MAP;
    worker->utcb->br[3] = L4_FPAGE_ALL;
    worker->utcb->br[4] = L4_ITEM_MAP;
    worker->utcb->br[5] = L4_FPAGE_ALL;
    worker->utcb->bdr = 0ul << L4_BDR_MEM_SHIFT | 2ul << L4_BDR_IO_SHIFT | 4ul << L4_BDR_OBJ_SHIFT;
    wait_open();
}

/* ... with a task of its own, that its messages go to, as a window. */
static void before_forward(void)
{
    before_wait();
    worker->utcb->br[0] = L4_ITEM_MAP | L4_RCV_FORWARD;
    worker->utcb->br[2] = SEL(TARGET_SELF);
    worker->utcb->br[3] = 0;
}

static void before_call(void)
{
    worker_on();
    worker->utcb->bdr = 0;
    worker->utcb->br[0] = L4_ITEM_MAP;
    worker->utcb->br[1] = L4_FPAGE_ALL;
    host_syscall(SEL(TARGET_ROOT) | CALL, 0, 0, 0);
    host_syscall(SELF | WAIT, 0, 0, NOW);
}

static void before_fault(void)
{
    worker_on();
    host_touch(THERE, L4_MEM_R);
    host_syscall(SELF | WAIT, 0, 0, NOW);
}

static void before_exception(void)
{
    worker_on();
    host_exception(3, 0);
    root->utcb->bdr = 0;
    root->utcb->br[0] = 0;
    host_syscall(SELF | WAIT, 0, 0, NOW);
}

static void before_resume(void)
{
    call_words(L4_SLOT_THREAD, L4_PROTO_THREAD, 0, 2, L4_OP_THREAD_VCPU_CONTROL, KU_AREA + VCPU, 0, 0);
}

static void before_sender(void)
{
    map_to(TARGET, L4_SLOT_TASK, HERE, mem(HERE, 12));
    worker_on();
    worker->utcb->mr[0] = THERE | L4_ITEM_MAP;
    worker->utcb->mr[1] = mem(HERE, 12).raw;
    host_syscall(SEL(TARGET_ROOT) | L4_OP_SEND, l4_tag_make(0, 0, 1, 0).raw, 0, 0);
}

#define MAP_FAILS (0x10000 | L4_IPC_SEND_MAP_FAILED)
static const struct step {
    const char *name;
    void (*before)(void);
    long (*op)(void);
    long error;
    unsigned flags;
} steps[] = {
    {"create a thread", NULL, op_thread, -L4_ERR_NOMEM, 0},
    {"create into a new page of slots", NULL, op_far, -L4_ERR_NOMEM, TABLES},
    {"create a gate", NULL, op_gate, -L4_ERR_NOMEM, 0},
    {"create a gate for a thread", NULL, op_gate_bound, -L4_ERR_NOMEM, 0},
    {"create an IRQ", NULL, op_irq, -L4_ERR_NOMEM, 0},
    {"create a semaphore", NULL, op_sem, -L4_ERR_NOMEM, 0},
    {"create a task", NULL, op_task, -L4_ERR_NOMEM, 0},
    {"create a task with kernel-user memory", NULL, op_task_ku, -L4_ERR_NOMEM, 0},
    {"create a task with it, in windows", NULL, op_task_ku_in_windows, -L4_ERR_NOMEM, 0},
    {"create a factory", NULL, op_factory, -L4_ERR_NOMEM, 0},
    {"add kernel-user memory", NULL, op_ku, -L4_ERR_NOMEM, TABLES},
    {"map a page", NULL, op_page, MAP_FAILS, TABLES},
    {"map pages across a table", NULL, op_pages, MAP_FAILS, TABLES | PARTIAL},
    {"map a large page", NULL, op_large, MAP_FAILS, TABLES},
    {"map a part of a large page", NULL, op_part, MAP_FAILS, TABLES},
    {"grant a page", NULL, op_grant, MAP_FAILS, TABLES},
    {"map a capability", NULL, op_cap, MAP_FAILS, TABLES},
    {"map several capabilities", NULL, op_caps, MAP_FAILS, TABLES},
    {"grant a capability", NULL, op_cap_grant, MAP_FAILS, TABLES},
    {"map ports", NULL, op_ports, MAP_FAILS, 0},
    {"grant ports", NULL, op_ports_grant, MAP_FAILS, 0},
    {"an explicit reply capability", NULL, op_reply_slot, 0x10000 | L4_IPC_NO_REPLY_CAP, TABLES},
    {"a message with a page", before_wait, op_send_page, MAP_FAILS, TABLES | LEARNS},
    {"a message with a capability", before_wait, op_send_cap, MAP_FAILS, TABLES | LEARNS},
    {"a message with ports", before_wait, op_send_ports, MAP_FAILS, LEARNS},
    {"a message with three items", before_wait, op_send_three, MAP_FAILS, TABLES | PARTIAL | LEARNS},
    {"a message whose page is forwarded", before_forward, op_send_page, MAP_FAILS, TABLES | LEARNS},
    {"a page as the answer to a call", before_call, op_reply_page, MAP_FAILS, TABLES | LEARNS},
    {"a page as the answer to a page fault", before_fault, op_reply_page, MAP_FAILS, TABLES | LEARNS},
    {"a page behind the answer to an exception", before_exception, op_reply_exception, MAP_FAILS, TABLES | LEARNS},
    {"a vCPU resumes, with a page", before_resume, op_resume, MAP_FAILS, TABLES},
    {"a message that waits, with a page", before_sender, op_receive, MAP_FAILS, TABLES | LEARNS},
    {"thread control", NULL, op_control, 0, NO_MEMORY},
    {"ex_regs", NULL, op_ex_regs, 0, NO_MEMORY},
    {"bind a deletion IRQ", NULL, op_delete_irq, 0, NO_MEMORY},
    {"vcpu_control", NULL, op_vcpu, 0, NO_MEMORY},
    {"a trampoline", NULL, op_trampoline, 0, NO_MEMORY},
    {"run_thread", NULL, op_run, 0, NO_MEMORY},
    {"bind a gate", NULL, op_gate_bind, 0, NO_MEMORY},
    {"bind an IRQ", NULL, op_irq_bind, 0, NO_MEMORY},
    {"bind an IRQ to a pin", NULL, op_icu_bind, 0, NO_MEMORY},
    {"bind a semaphore to a pin", NULL, op_icu_sem, 0, NO_MEMORY},
    {"unmap a part of a large page", NULL, op_unmap, 0, NO_MEMORY},
    {"unmap ports out of a range", NULL, op_unmap_ports, 0, NO_MEMORY},
    {"delete a task", NULL, op_delete, 0, NO_MEMORY},
    {"a wait", NULL, op_sleep, 0, NO_MEMORY},
    {"a message of words", before_wait, op_words, 0, NO_MEMORY},
};

/* ---- one try ---- */

static const struct step *step;
static unsigned k;

/* Tables that have come, in bytes: the memory that is missing, and as much quota. */
static bool nothing_lost(size_t used, size_t bytes)
{
    size_t more = root_factory.quota.used - used, less = bytes - frame_free_bytes();

    if (step->flags & PARTIAL)
        return true; /* it has paid for what stays */
    if (step->flags & TABLES)
        return more % L4_PAGE_SIZE == 0 && more <= 8 * L4_PAGE_SIZE && less >= more;
    return more == 0 && less == 0;
}

static void try(void)
{
    unsigned verdict = 0;

    if (step->before != NULL)
        step->before();
    uint64_t seen = observe(step->flags);
    size_t used = root_factory.quota.used, bytes = frame_free_bytes();

    frame_fail_countdown = k;
    long answer = step->op();
    bool fired = frame_fail_countdown == 0;
    frame_fail_countdown = 0;
    verdict |= fired ? FIRED : 0;
    verdict |= answer != (fired ? step->error : 0) ? ANSWER : 0;
    machine_check();
    if (fired) {
        verdict |= observe(step->flags) != seen ? CHANGED : 0;
        verdict |= !nothing_lost(used, bytes) ? LOST : 0;
        if (!(step->flags & LEARNS)) /* its partner is gone */
            verdict |= step->op() != 0 ? AGAIN : 0;
        machine_check();
    }
    exit((int)verdict);
}

static void named(bool passed, const char *what)
{
    char text[120];

    snprintf(text, sizeof text, "%s: %s", step->name, what);
    ok(passed, text);
}

static void test_step(void)
{
    unsigned all = 0;
    int verdict = FIRED;

    for (k = 1; k < 100 && verdict >= 0 && (verdict & FIRED); k++) {
        verdict = in_copy(try);
        all |= verdict < 0 ? 0x80u : (unsigned)verdict;
    }
    if (step->flags & NO_MEMORY) {
        named(all == 0, "needs no memory");
        return;
    }
    named(k > 2 && !(all & (ANSWER | 0x60)), "every allocation that fails gives the documented error");
    named(!(all & (CHANGED | 0x80)), "  and changes nothing");
    named(!(all & LOST), "  nothing is lost");
    named(!(all & AGAIN), "  and the next try succeeds");
}

static void setup(void)
{
    struct task *sigma0 = gate_of(cap_obj(cap_slot(root->task, L4_SLOT_PAGER)))->thread->task;

    map_fpage_all((struct map_request){.from = sigma0, .to = root->task, .item = HERE | L4_ITEM_MAP,
                                       .send = mem(RAM, 14), .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    map_fpage_all((struct map_request){.from = sigma0, .to = root->task, .item = (HERE + 0x200000) | L4_ITEM_MAP,
                                       .send = mem(RAM + 0x200000, 21), .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    map_fpage_all((struct map_request){.from = sigma0, .to = root->task, .item = L4_ITEM_MAP, .send = ports(0, 16),
                                       .window = {L4_FPAGE_ALL}, .rights_mask = 15});
    create(L4_PROTO_NONE, GATE);
    create(L4_PROTO_IRQ_SENDER, IRQ);
    create(L4_PROTO_SEMAPHORE, SEM);
    make_at(L4_PROTO_TASK, TARGET, mem(KU_TARGET, 12).raw);
    target = task_of(cap_obj(cap_slot(root->task, TARGET)));
    map_to(TARGET, L4_SLOT_TASK, SEL(TARGET_SELF), obj(TARGET, 0));
    map_to(TARGET, L4_SLOT_TASK, SEL(TARGET_FACTORY), obj(L4_SLOT_FACTORY, 0));
    map_to(TARGET, L4_SLOT_TASK, SEL(TARGET_ROOT), obj(L4_SLOT_THREAD, 0));
    create(L4_PROTO_THREAD, WORKER);
    worker = thread_at(WORKER);
    root->utcb->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER;
    root->utcb->mr[1] = root->utcb->mr[2] = SEL(TARGET_ROOT);
    root->utcb->mr[5] = KU_TARGET;
    root->utcb->mr[6] = L4_ITEM_MAP;
    root->utcb->mr[7] = obj(TARGET, 0).raw;
    call(WORKER, L4_PROTO_THREAD, 6, 1);
    thread_go(WORKER, 120, 0x3000, 0x3100);
    host_syscall(SELF | L4_OP_RECV, 0, 0, 0); /* asleep for ever, until it is cancelled */
}

int main(void)
{
    machine_start();
    setup();
    ok(host_current() == root && worker->ipc_state == IPC_RECEIVING, "root, and a worker in a task of its own");
    for (step = steps; step < steps + sizeof steps / sizeof *steps; step++)
        test_step();
    return tap_done();
}
