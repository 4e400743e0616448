/* SPDX-License-Identifier: MIT */
/*
 * A worker: one random thing that the current thread does in user mode. Mostly it fits the object in the slot that was
 * picked; sometimes it does not.
 */
#include "ipc.h"
#include "objects.h"
#include "sim.h"
#include <l4/vcpu.h>

#define RIGHTS_RWS (L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S)

static word_t random_address(void)
{
    switch (random_below(8)) {
    case 0:
        return UTCBS + random_below(16) * L4_UTCB_SIZE;
    case 1:
        return random_below((unsigned)host_ram_bytes());
    case 2:
        return random_word() >> random_below(40);
    default:
        return WINDOW + random_below(WINDOW_PAGES << L4_PAGE_SHIFT);
    }
}

static word_t random_slot(void) { return one_in(32) ? random_below(0x11000) : random_below(SLOTS); }

/* A slot that holds an object of one of the types (a bit each), when a few tries find one. */
static word_t pick_slot(const struct task *task, unsigned types)
{
    word_t slot = random_slot();
    unsigned rights;

    for (unsigned tries = 0; tries < 16; tries++) {
        const struct kobj *obj = cap_lookup(task, slot, &rights);
        if (obj != NULL && (types >> obj->type & 1u))
            break;
        slot = random_slot();
    }
    return slot;
}
#define ANY_TYPE (~0u)

/* A slot through which somebody who waits can be reached, when a few tries find one. */
static word_t pick_waiting(const struct task *task)
{
    word_t slot = random_slot();
    unsigned rights;

    for (unsigned tries = 0; tries < 32; tries++, slot = random_slot()) {
        struct kobj *obj = cap_lookup(task, slot, &rights);
        const struct thread *t = NULL;

        if (obj != NULL && obj->type == KOBJ_GATE)
            t = gate_of(obj)->thread;
        else if (obj != NULL && obj->type == KOBJ_THREAD)
            t = thread_of(obj);
        if (t != NULL && t != sim.sigma0 && thread_receives(t))
            break;
    }
    return slot;
}
#define PARTNERS (1u << KOBJ_THREAD | 1u << KOBJ_GATE)
static word_t random_order(void) { return one_in(12) ? random_below(64) : 12 + random_below(4); }

static word_t random_mem_page(void)
{
    return mem_page(random_address(), (unsigned)random_order(), random_below(8));
}

/* Something to pass on: a capability, memory or ports that the task probably has. */
static word_t random_fpage(const struct task *task)
{
    switch (random_below(8)) {
    case 0:
        return io_page(random_below(64), one_in(8) ? random_below(20) : random_below(6), random_below(8));
    case 1:
        return one_in(4) ? random_word() : L4_FPAGE_ALL;
    case 2:
    case 3:
    case 4:
        return obj_page(pick_slot(task, ANY_TYPE), one_in(6) ? random_below(7) : 0,
                        one_in(3) ? random_below(16) : L4_RIGHT_R | random_below(4));
    default:
        return random_mem_page();
    }
}

static word_t random_hot_spot(word_t fpage)
{
    word_t hot = l4_fpage_type((l4_fpage){fpage}) == L4_FPAGE_OBJ ? selector(random_slot()) : random_address();

    return hot & ~(L4_PAGE_SIZE - 1);
}

static void put_item(word_t *at, word_t fpage)
{
    at[0] = random_hot_spot(fpage) | L4_ITEM_MAP | (random_below(16) << 4) | (one_in(5) ? L4_ITEM_GRANT : 0) |
            (one_in(5) ? L4_ITEM_COMPOUND : 0);
    at[1] = fpage;
    if (one_in(30))
        at[0] = one_in(2) ? 0 : random_word();
}

/* Receive buffers for every kind; sometimes none. */
static void put_buffers(struct l4_utcb *u)
{
    u->bdr = 0ul << L4_BDR_MEM_SHIFT | 6ul << L4_BDR_IO_SHIFT | 10ul << L4_BDR_OBJ_SHIFT |
             (one_in(4) ? L4_BDR_INHERIT_FPU : 0);
    if (one_in(20))
        u->bdr = random_word();
    for (unsigned i = 0; i < 6; i += 2) {
        u->br[i] = one_in(10) ? 0 : L4_ITEM_MAP;
        u->br[i + 1] = one_in(3) ? L4_FPAGE_ALL | random_below(16) : random_mem_page();
    }
    u->br[6] = L4_ITEM_MAP;
    u->br[7] = one_in(2) ? L4_FPAGE_ALL : io_page(0, 16, 0);
    u->br[8] = 0;
    for (unsigned i = 10; i < 16; i++)
        u->br[i] = selector(random_slot()) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP | (one_in(4) ? L4_RCV_LOCAL_ID : 0);
    if (one_in(4)) {
        u->br[10] = L4_ITEM_MAP | (one_in(3) ? L4_RCV_FORWARD : 0);
        u->br[11] = one_in(2) ? L4_FPAGE_ALL : obj_page(random_below(SLOTS), random_below(5), 0);
        u->br[12] = selector(random_slot());
    }
    u->br[16] = 0;
}

static unsigned random_timeout(struct l4_utcb *u)
{
    switch (random_below(8)) {
    case 0:
        return L4_TIMEOUT_NEVER;
    case 1:
        return L4_TIMEOUT_ZERO;
    case 2:
        u->br[40] = host_clock_us() + random_below(5000);
        return L4_TIMEOUT_ABSOLUTE | 40;
    default:
        return random_below(6) << 10 | random_below(1024);
    }
}

static word_t timeouts(struct l4_utcb *u)
{
    word_t send = one_in(2) ? L4_TIMEOUT_ZERO : random_timeout(u); /* who waits for nothing can be sent to */

    return send << 16 | random_timeout(u);
}

static word_t pick_partner(const struct task *task)
{
    return one_in(2) ? pick_waiting(task) : pick_slot(task, PARTNERS);
}

static void invoke(struct thread *t, word_t dest, l4_tag tag)
{
    sim_syscall(dest, tag, random_below(4096), timeouts(t->utcb));
}

/* ---- messages ---- */

/* Words only, to somebody who may wait, with nothing to give up for: what the short message path is for. */
static void do_plain_ipc(struct thread *t)
{
    static const word_t ops[] = {
        OP_CALL, OP_CALL, OP_CALL, L4_OP_SEND, L4_OP_REPLY | L4_OP_SEND, L4_OP_RECV | L4_OP_OPEN_WAIT,
        L4_OP_RECV | L4_OP_OPEN_WAIT, L4_OP_MASK, L4_OP_MASK, L4_OP_MASK,
    };
    word_t op = ops[random_below(10)];
    word_t dest = op == OP_CALL || op == L4_OP_SEND ? selector(pick_partner(t->task)) : L4_SEL_INVALID;
    word_t receive = one_in(4) ? random_below(3) << 10 | random_below(1024) : 0;

    if (op != OP_CALL && op != L4_OP_SEND && one_in(4))
        dest = selector(random_below(4)) | L4_SEL_REPLY;
    t->utcb->mr[random_below(6)] = random_word();
    put_buffers(t->utcb); /* somebody else may have items for it */
    sim_syscall((dest & ~L4_OP_MASK) | op, l4_tag_make((long)random_below(3), one_in(20) ? 63 : random_below(9), 0, 0),
                random_below(4096), (word_t)(one_in(sim.cpus > 1 ? 2 : 8) ? 0 : L4_TIMEOUT_ZERO) << 16 | receive);
}

static void do_ipc(struct thread *t)
{
    static const word_t ops[] = {
        L4_OP_SEND, L4_OP_RECV, L4_OP_RECV | L4_OP_OPEN_WAIT, L4_OP_RECV | L4_OP_OPEN_WAIT, OP_CALL, OP_CALL,
        L4_OP_SEND | L4_OP_RECV | L4_OP_OPEN_WAIT, L4_OP_REPLY | L4_OP_SEND,
        L4_OP_REPLY | L4_OP_SEND | L4_OP_RECV | L4_OP_OPEN_WAIT,
        L4_OP_REPLY | L4_OP_SEND | L4_OP_RECV | L4_OP_OPEN_WAIT,
    };
    static const long labels[] = {0, 1, 42, L4_PROTO_SIGMA0, L4_PROTO_PAGE_FAULT, L4_PROTO_EXCEPTION, -1};
    struct l4_utcb *u = t->utcb;
    word_t op = one_in(20) ? random_below(16) : ops[random_below(10)];
    unsigned words = one_in(20) ? random_below(64) : one_in(12) ? L4_EXC_WORDS : random_below(6);
    unsigned items = one_in(2) ? 0 : one_in(2) ? 1 : random_below(4);
    word_t dest = selector(pick_partner(t->task));

    if (one_in(10))
        dest = one_in(2) ? L4_SEL_INVALID : random_word();
    if ((op & (L4_OP_REPLY | L4_OP_OPEN_WAIT)) && one_in(3))
        dest = selector(random_below(600)) | L4_SEL_REPLY;
    for (unsigned i = 0; i < words && i < L4_MR_COUNT; i++)
        u->mr[i] = i == 0 ? random_address() : i == 1 ? random_mem_page() : random_word();
    for (unsigned i = 0; i < items && words + 2 * i + 2 <= L4_MR_COUNT; i++)
        put_item(&u->mr[words + 2 * i], random_fpage(t->task));
    put_buffers(u);
    invoke(t, (dest & ~L4_OP_MASK) | (op & L4_OP_MASK),
           l4_tag_make(labels[random_below(7)], words, items, one_in(4) ? random_word() : 0));
}

/* A server: answers whoever it has taken a call of, in the way that he expects. */
static void do_serve(struct thread *t)
{
    struct l4_utcb *u = t->utcb;
    long asked = l4_tag_label((l4_tag){frame_tag(&t->arch.frame)});
    word_t op = one_in(3) ? L4_OP_REPLY | L4_OP_SEND : L4_OP_MASK;
    word_t timeout = one_in(3) ? (word_t)L4_TIMEOUT_ZERO << 16 | random_below(1024) : (word_t)L4_TIMEOUT_ZERO << 16;
    l4_tag tag = l4_tag_make(0, random_below(6), one_in(3), 0);

    if (asked == L4_PROTO_PAGE_FAULT) {
        u->mr[0] = (u->mr[0] & ~(L4_PAGE_SIZE - 1)) | L4_ITEM_MAP;
        u->mr[1] = mem_page(WINDOW + random_below(WINDOW_PAGES) * L4_PAGE_SIZE, 12, 1 + random_below(7));
        tag = l4_tag_make(one_in(6) ? -1 : 0, 0, !one_in(4), 0);
    } else if (asked == L4_PROTO_EXCEPTION) {
        u->mr[18] = 0x5000 + random_below(16); /* the instruction pointer */
        tag = l4_tag_make((long)random_below(2), one_in(8) ? 3 : L4_EXC_WORDS, one_in(4), one_in(4) ? L4_TAG_FPU : 0);
        put_item(&u->mr[l4_tag_words(tag)], random_fpage(t->task));
    } else {
        put_item(&u->mr[l4_tag_words(tag)], random_fpage(t->task));
    }
    put_buffers(u);
    sim_syscall(L4_SEL_INVALID | op, tag, 0, timeout);
}

/* Every third thread is mostly a server: so there is somebody who waits. */
static bool is_server(const struct thread *t) { return t->snd.id % 3 == 0; }

static void do_server(struct thread *t)
{
    if (t->reply.raw != 0) {
        do_serve(t);
        return;
    }
    put_buffers(t->utcb);
    sim_syscall(L4_SEL_INVALID | L4_OP_RECV | L4_OP_OPEN_WAIT, (l4_tag){0}, 0,
                one_in(4) ? 4u << 10 | random_below(1024) : 0);
}

/* With several CPUs: a client that calls, a server that answers and waits, for ever; much of it is between CPUs. */
static void do_chat(struct thread *t)
{
    word_t dest = selector(pick_waiting(t->task)) | OP_CALL;

    if (t->reply.raw != 0)
        dest = L4_SEL_INVALID | (one_in(4) ? L4_OP_REPLY | L4_OP_SEND : L4_OP_MASK);
    else if (is_server(t))
        dest = L4_SEL_INVALID | L4_OP_RECV | L4_OP_OPEN_WAIT;
    put_buffers(t->utcb);
    t->utcb->mr[0] = random_word();
    sim_syscall(dest, l4_tag_make(1, 1, 0, 0), random_below(4096), NEVER_PAIR);
}

/* ---- operations on objects ---- */

/* The message of an operation with a capability argument of that type. */
static l4_tag with_item(const struct task *task, struct l4_utcb *u, long proto, unsigned words, unsigned type)
{
    word_t slot = pick_slot(task, type == KOBJ_TYPES ? ANY_TYPE : 1u << type);

    u->mr[words] = L4_ITEM_MAP;
    u->mr[words + 1] = one_in(40) ? random_fpage(task) : obj_page(slot, 0, RIGHTS_RWS);
    return l4_tag_make(proto, words, 1, 0);
}

static l4_tag task_message(const struct task *task, struct l4_utcb *u)
{
    word_t *m = u->mr;
    unsigned n = 2 + random_below(4);

    switch (random_below(6)) {
    case 0:
        m[0] = L4_OP_TASK_CAP_INFO;
        m[1] = selector(random_slot());
        m[2] = selector(random_slot());
        return l4_tag_make(L4_PROTO_TASK, 1 + random_below(3), 0, 0);
    case 1:
        m[0] = L4_OP_TASK_ADD_KU_MEM;
        m[1] = mem_page(WINDOW + random_below(80) * L4_PAGE_SIZE, 11 + random_below(4), 0);
        return l4_tag_make(L4_PROTO_TASK, 2, 0, 0);
    case 2:
    case 3:
        m[0] = L4_OP_TASK_UNMAP;
        m[1] = random_below(4) << 30;
        for (unsigned i = 2; i < n; i++)
            m[i] = random_fpage(task);
        return l4_tag_make(L4_PROTO_TASK, n, 0, 0);
    default:
        m[0] = L4_OP_TASK_MAP;
        put_item(&m[1], random_fpage(task));
        return with_item(task, u, L4_PROTO_TASK, 3, KOBJ_TASK);
    }
}

static l4_tag thread_message(const struct task *task, struct l4_utcb *u)
{
    word_t *m = u->mr;

    m[0] = random_below(10);
    switch (m[0]) {
    case L4_OP_THREAD_CONTROL:
        m[0] |= random_word() & (L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_BIND_TASK | L4_THREAD_ALIEN);
        m[1] = selector(pick_slot(task, PARTNERS));
        m[2] = selector(pick_slot(task, PARTNERS));
        m[4] = random_word();
        m[5] = UTCBS + random_below(9) * L4_UTCB_SIZE;
        return with_item(task, u, L4_PROTO_THREAD, 6, KOBJ_TASK);
    case L4_OP_THREAD_EX_REGS:
        m[0] |= random_word() & (L4_EXREGS_CANCEL | L4_EXREGS_TRIGGER);
        m[1] = one_in(2) ? ~0ul : 0x1000;
        m[2] = one_in(2) ? ~0ul : 0x2000;
        return l4_tag_make(L4_PROTO_THREAD, 3, 0, 0);
    case L4_OP_THREAD_MODIFY_SENDERS:
        for (unsigned i = 1; i < 9; i++)
            m[i] = random_below(4);
        return l4_tag_make(L4_PROTO_THREAD, 1 + random_below(9), 0, 0);
    case L4_OP_THREAD_TRAMPOLINE:
        m[0] |= (word_t)random_below(8) << 16;
        m[1] = one_in(3) ? 0 : UTCBS + 0x1000 + random_below(5) * 0x400;
        return l4_tag_make(L4_PROTO_THREAD, 1 + random_below(3), 0, 0);
    case L4_OP_THREAD_DELETE_IRQ:
        return with_item(task, u, L4_PROTO_THREAD, 1, KOBJ_IRQ);
    default:
        return l4_tag_make(L4_PROTO_THREAD, 1 + random_below(2), 0, 0);
    }
}

static l4_tag gate_message(const struct task *task, struct l4_utcb *u)
{
    static const word_t ops[] = {L4_OP_GATE_BIND, L4_OP_GATE_BIND, L4_OP_GATE_INFO, L4_OP_GATE_DEC_REFCNT};

    u->mr[0] = ops[random_below(4)];
    u->mr[1] = u->mr[0] == L4_OP_GATE_DEC_REFCNT ? random_below(2) : random_below(100) * (one_in(8) ? 1ul : 4ul);
    return with_item(task, u, L4_PROTO_KOBJECT, 2, KOBJ_THREAD);
}

static l4_tag irq_message(const struct task *task, struct l4_utcb *u)
{
    u->mr[1] = random_below(100);
    switch (random_below(4)) {
    case 0:
        u->mr[0] = L4_OP_IRQ_BIND;
        return with_item(task, u, L4_PROTO_KOBJECT, 2, KOBJ_THREAD);
    case 1:
        u->mr[0] = L4_OP_IRQ_DETACH;
        return l4_tag_make(L4_PROTO_IRQ_SENDER, 1, 0, 0);
    default:
        u->mr[0] = one_in(2) ? L4_OP_IRQ_TRIGGER : L4_OP_IRQ_EOI;
        return l4_tag_make(L4_PROTO_IRQ, 1, 0, 0);
    }
}

static l4_tag sem_message(struct l4_utcb *u)
{
    bool up = one_in(2);

    u->mr[0] = up ? L4_OP_SEM_UP : L4_OP_SEM_DOWN;
    return l4_tag_make(up ? L4_PROTO_IRQ : L4_PROTO_SEMAPHORE, 1, 0, 0);
}

static l4_tag factory_message(const struct task *task, struct l4_utcb *u)
{
    static const long protos[] = {L4_PROTO_NONE, L4_PROTO_KOBJECT, L4_PROTO_TASK, L4_PROTO_THREAD, L4_PROTO_FACTORY,
                                  L4_PROTO_IRQ_SENDER, L4_PROTO_SEMAPHORE, L4_PROTO_VM, 77};
    long proto = protos[random_below(9)];

    u->mr[0] = (word_t)proto;
    u->mr[2] = proto == L4_PROTO_FACTORY ? random_below(100000) : one_in(2) ? 0 : random_below(64) * 4ul;
    if (proto == L4_PROTO_TASK && one_in(2))
        u->mr[2] = mem_page(UTCBS, 12 + random_below(2), 0);
    if ((proto == L4_PROTO_NONE || proto == L4_PROTO_KOBJECT) && one_in(2))
        return with_item(task, u, L4_PROTO_FACTORY, 3, KOBJ_THREAD);
    return l4_tag_make(L4_PROTO_FACTORY, one_in(10) ? random_below(5) : 3, 0, 0);
}

static l4_tag boot_object_message(const struct task *task, struct l4_utcb *u, unsigned type)
{
    word_t *m = u->mr;

    if (type == KOBJ_SCHED && !one_in(4)) {
        m[0] = L4_OP_SCHED_RUN_THREAD;
        m[1] = one_in(8) ? random_word() : 0;
        m[2] = one_in(8) ? 0 : random_cpus();
        m[3] = 1 + random_below(150);
        m[4] = random_below(20000);
        return with_item(task, u, L4_PROTO_SCHEDULER, 5, KOBJ_THREAD);
    }
    if (type == KOBJ_VCON && !one_in(8)) {
        m[0] = random_below(4);
        m[1] = one_in(8) ? random_word() : random_below(64);
        for (unsigned i = 2; i < 10; i++)
            m[i] = 0x2020202020202020u ^ random_below(2) * 0x2a; /* a line feed, or none */
        if (m[0] == L4_OP_VCON_READ)
            m[0] |= (word_t)random_below(one_in(4) ? 600 : 8) << 16;
        if (m[0] == L4_OP_VCON_SET_ATTR) /* those that mean something */
            m[1] = random_word() & (L4_VCON_INLCR | L4_VCON_IGNCR | L4_VCON_ICRNL);
        return l4_tag_make(L4_PROTO_LOG, 1 + random_below(9), 0, 0);
    }
    if (type == KOBJ_SCHED && one_in(2)) {
        m[0] = one_in(8) ? 3 : one_in(2) ? L4_OP_SCHED_INFO : L4_OP_SCHED_IDLE_TIME;
        m[1] = random_below(5) | (word_t)random_below(4) << 24;
        m[2] = random_below(8);
        return l4_tag_make(L4_PROTO_SCHEDULER, 1 + random_below(3), 0, 0);
    }
    m[0] = random_below(8);
    m[1] = one_in(8) ? L4_ICU_MSI | random_below(40) : random_below(26);
    m[2] = random_below(16);
    if (type == KOBJ_ICU && one_in(8) && m[0] != L4_OP_PLATFORM_SHUTDOWN)
        return l4_tag_make(L4_PROTO_NONE, random_below(3), 0, 0);
    return with_item(task, u, L4_PROTO_IRQ, 2 + random_below(2), one_in(2) ? KOBJ_IRQ : KOBJ_SEM);
}

static void do_operation(struct thread *t, word_t slot, unsigned type)
{
    struct l4_utcb *u = t->utcb;
    word_t op = one_in(16) ? random_below(8) : OP_CALL;
    struct task *task = t->task;
    l4_tag tag;

    if ((type == KOBJ_IRQ || type == KOBJ_SEM) && one_in(2))
        op = L4_OP_SEND;

    put_buffers(u);
    switch (type) {
    case KOBJ_TASK:
        tag = task_message(task, u);
        break;
    case KOBJ_THREAD:
        tag = thread_message(task, u);
        break;
    case KOBJ_GATE:
        tag = gate_message(task, u);
        break;
    case KOBJ_IRQ:
        tag = irq_message(task, u);
        break;
    case KOBJ_SEM:
        tag = one_in(4) ? irq_message(task, u) : sem_message(u);
        break;
    case KOBJ_FACTORY:
        tag = factory_message(task, u);
        break;
    default:
        tag = boot_object_message(task, u, type);
        break;
    }
    word_t made = u->br[10] & L4_RCV_SINGLE_CAP ? u->br[10] >> L4_SEL_SHIFT : l4_fpage_start((l4_fpage){u->br[11]});
    if (type == KOBJ_FACTORY && (u->bdr >> L4_BDR_OBJ_SHIFT & L4_BDR_INDEX_MASK) != 10)
        u->bdr = 10ul << L4_BDR_OBJ_SHIFT;
    invoke(t, selector(slot) | op, tag);
    if (type == KOBJ_FACTORY)
        world_watch(task, made);
}

/* ---- software vCPU ---- */

/* Makes the thread a vCPU; later puts some state into its area and resumes. */
static void do_vcpu(struct thread *t)
{
    static const word_t fields[] = {0, 0, 0, L4_OP_SEND, L4_OP_REPLY};
    struct l4_utcb *u = t->utcb;
    struct l4_vcpu *v = t->vcpu;

    put_buffers(u);
    if (!(t->options & THREAD_OPT_VCPU) || one_in(20)) {
        u->mr[0] = L4_OP_THREAD_VCPU_CONTROL;
        u->mr[1] = UTCBS + 0x1800 + random_below(5) * L4_VCPU_SIZE;
        invoke(t, L4_SEL_INVALID | OP_CALL, l4_tag_make(L4_PROTO_THREAD, 2, 0, 0));
        return;
    }
    v->saved_state = (uint16_t)(random_word() & 0xa7u);
    if (one_in(2))
        v->saved_state |= L4_VCPU_USER_MODE;
    v->user_task = selector(pick_slot(t->task, 1u << KOBJ_TASK)) | fields[random_below(5)];
    v->entry_ip = 0x3000;
    v->entry_sp = 0x4000;
    if (one_in(10))
        v->state = (uint16_t)random_word();
    u->mr[0] = L4_OP_THREAD_VCPU_RESUME;
    u->mr[1] = 0;
    if (one_in(4))
        put_item(&u->mr[1], random_fpage(t->task));
    invoke(t, L4_SEL_INVALID | OP_CALL, l4_tag_make(L4_PROTO_THREAD, 1, one_in(4), 0));
}

/* ---- everything else ---- */

static void do_touch(struct thread *t)
{
    static const unsigned kinds[] = {L4_MEM_R, L4_MEM_R, L4_MEM_W, L4_MEM_X};
    unsigned access = kinds[random_below(4)];
    word_t va = random_address();
    bool ours = va - UTCBS < 16 * L4_UTCB_SIZE;

    sim_trace("%p touch %lx access %u", (void *)t, va, access);
    unsigned char *p = sim_touch(va, access);
    if (p == NULL)
        sim.counts[COUNT_FAULT]++;
    else if (access == L4_MEM_W && !ours)
        *p = (unsigned char)random_word();
}

void worker_act(struct thread *t)
{
    unsigned what = random_below(100), rights;
    word_t slot;
    const struct kobj *obj;

    t->utcb->free_marker = 1;
    if (sim.cpus > 1 && one_in(2)) {
        do_chat(t);
    } else if (is_server(t) && !one_in(6)) {
        do_server(t);
    } else if (what < 8) {
        do_touch(t);
    } else if (what < 10) {
        sim_trace("%p exception", (void *)t);
        sim.counts[COUNT_EXCEPTION]++;
        sim_exception(random_below(20));
    } else if (what < 12) {
        sim_trace("%p port", (void *)t);
        sim_port(random_below(128));
    } else if (what < 13) {
        host_fpu_write(t, random_word());
    } else if (what < 16 || (t->options & THREAD_OPT_VCPU && what < 24)) {
        do_vcpu(t);
    } else if (t->reply.raw != 0 && what < 50) {
        do_serve(t);
    } else if (what < 40) {
        do_plain_ipc(t);
    } else if (what < 64) {
        do_ipc(t);
    } else {
        slot = pick_slot(t->task, ANY_TYPE);
        obj = cap_lookup(t->task, slot, &rights);
        do_operation(t, slot, obj == NULL ? random_below(KOBJ_TYPES) : obj->type);
    }
}
