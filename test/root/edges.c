/* SPDX-License-Identifier: MIT */
/*
 * Ends in the wrong moment. A thread of another task is brought into every state that a thread can wait in, and then
 * it, its task, or the factory that paid for it is deleted; and it deletes itself, its task, its pager, its handler,
 * its factory. Each time all of its quota must be back, and at the end all memory.
 */
#include "purse.h"

#define SLOT_FACTORY_ 0x21u
#define SLOT_TASK_ 0x28u
#define SLOT_X 0x29u
#define SLOT_Y 0x2au
#define SLOT_GATE 0x30u    /* bound to the root thread; also pager and handler of X */
#define SLOT_UNBOUND 0x31u
#define SLOT_SEM 0x32u
/* Slots of its task. */
#define MY_TASK 1u
#define MY_FACTORY 2u
#define MY_THREAD 3u
#define MY_GATE 4u
#define MY_UNBOUND 5u
#define MY_SEM 6u

#define KU_X 0x6000000000ul
#define FACTORY_BYTES (1ul << 20)
#define STEPS 4u
#define MISSING 0x123456000ul

/* What X does: system calls one after the other, then a touch of an address, an invalid instruction, a sleep. */
struct step {
    word_t dest, tag, timeout, mr[4], br0;
};
struct script {
    struct l4_utcb *utcb;
    word_t steps, at, touch, trap;
    word_t result[STEPS], error[STEPS];
    struct step step[STEPS];
};

static char page_x[4096] __attribute__((aligned(4096)));
static word_t full, x_cpu; /* the last CPU: not that of the root thread, if there are more */
extern char __executable_start[], __bss_start[];

static struct script *script(void) { return (struct script *)page_x; }

void edge_entry(void);
__asm__(".text\n.globl edge_entry\nedge_entry:\n"
        "andq $-4096, %rsp\n movq %rsp, %rdi\n addq $4096, %rsp\n call edge_main\n");

__attribute__((used)) void edge_main(struct script *s)
{
    for (unsigned i = 0; i < s->steps; i++) {
        struct step *p = &s->step[i];

        memcpy(s->utcb->mr, p->mr, sizeof p->mr);
        s->utcb->bdr = 0;
        s->utcb->br[0] = p->br0;
        s->at = i;
        l4_tag tag = invoke(p->dest, (l4_tag){p->tag}, NULL, (unsigned)p->timeout);
        s->result[i] = tag.raw;
        s->error[i] = l4_tag_error(tag) ? s->utcb->error : 0;
    }
    s->at = 100;
    if (s->touch != 0)
        (void)*(volatile char *)s->touch;
    if (s->trap != 0)
        __asm__ volatile("ud2");
    s->at = 200;
    for (;;)
        invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, NEVER);
}

/* ---- making X ---- */

static long make(word_t slot, long proto, word_t ku)
{
    receive_into_slot(slot);
    utcb()->mr[0] = (word_t)proto;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = ku;
    return call(SLOT_FACTORY_, L4_PROTO_FACTORY, 3, 0);
}

static long give_page(word_t address, unsigned rights)
{
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = address | L4_ITEM_MAP;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_MEM, address >> 12, 12, rights).raw;
    put_cap_item(3, L4_SLOT_TASK, 15);
    return call(SLOT_TASK_, L4_PROTO_TASK, 3, 1);
}

static long thread_in(word_t slot, word_t its_utcb)
{
    make(slot, L4_PROTO_THREAD, 0);
    utcb()->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER | L4_THREAD_BIND_TASK;
    utcb()->mr[1] = utcb()->mr[2] = SEL(MY_GATE);
    utcb()->mr[3] = utcb()->mr[4] = 0;
    utcb()->mr[5] = its_utcb;
    put_cap_item(6, SLOT_TASK_, 15);
    return call(slot, L4_PROTO_THREAD, 6, 1);
}

static void x_make(void)
{
    long err = factory_make(SLOT_PURSE, SLOT_FACTORY_, FACTORY_BYTES);

    err |= make(SLOT_TASK_, L4_PROTO_TASK, l4_fpage_make(L4_FPAGE_MEM, KU_X >> 12, 12, 6).raw);
    err |= make(SLOT_UNBOUND, L4_PROTO_NONE, 0);
    err |= make(SLOT_SEM, L4_PROTO_SEMAPHORE, 0);
    err |= thread_in(SLOT_X, KU_X);
    give(SLOT_TASK_, SLOT_TASK_, MY_TASK, 15);
    give(SLOT_TASK_, SLOT_FACTORY_, MY_FACTORY, 15);
    give(SLOT_TASK_, SLOT_X, MY_THREAD, 15);
    give(SLOT_TASK_, SLOT_GATE, MY_GATE, 7);
    give(SLOT_TASK_, SLOT_UNBOUND, MY_UNBOUND, 15);
    give(SLOT_TASK_, SLOT_SEM, MY_SEM, 15);
    for (char *p = __executable_start; p < (char *)((word_t)__bss_start & ~0xffful); p += 4096)
        err |= give_page((word_t)p, L4_MEM_R | L4_MEM_X);
    err |= give_page((word_t)page_x, L4_MEM_R | L4_MEM_W);
    memset(page_x, 0, sizeof(struct script));
    script()->utcb = (struct l4_utcb *)KU_X;
    if (err != 0)
        ok(0, "X was made");
}

static struct step *step_add(word_t dest, l4_tag tag, word_t timeout)
{
    struct step *p = &script()->step[script()->steps++];

    p->dest = dest;
    p->tag = tag.raw;
    p->timeout = timeout;
    return p;
}

static void step_unmap(word_t slot)
{
    struct step *p = step_add(SEL(MY_TASK) | OP_CALL, l4_tag_make(L4_PROTO_TASK, 3, 0, 0), NEVER);

    p->mr[0] = L4_OP_TASK_UNMAP;
    p->mr[1] = L4_UNMAP_SELF | L4_UNMAP_DELETE;
    p->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw;
}

static void x_run(word_t priority)
{
    thread_ex_regs(SLOT_X, (word_t)edge_entry, (word_t)page_x + sizeof page_x - 16, 0);
    run_thread(SLOT_X, priority, x_cpu);
    pause_ms(2);
}

/* Where X is, which has a while to come there: the machine may be slow. */
static word_t x_at(word_t wanted)
{
    for (unsigned tries = 0; tries < 200 && *(volatile word_t *)&script()->at != wanted; tries++)
        pause_ms(1);
    return script()->at;
}

static void x_drop(void)
{
    static const word_t all[] = {SLOT_X, SLOT_Y, SLOT_TASK_, SLOT_UNBOUND, SLOT_SEM, SLOT_FACTORY_};

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        delete(all[i]);
}

static l4_tag root_receive(void)
{
    utcb()->bdr = utcb()->br[0] = 0;
    return invoke(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NULL, 10u << 10 | 20);
}

/* ---- states ---- */

static void s_sleeps(void) { step_add(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NEVER); }
static void s_sends(void) { step_add(SEL(MY_GATE) | L4_OP_SEND, l4_tag_make(7, 4, 0, 0), NEVER); }
static void s_calls(void) { step_add(SEL(MY_GATE) | OP_CALL, l4_tag_make(7, 4, 0, 0), NEVER); }
static void s_waits(void) { step_add(L4_SEL_INVALID | OP_WAIT, (l4_tag){0}, NEVER); }
static void s_waits_slot(void) { step_add(SEL(5) | L4_SEL_REPLY | OP_WAIT, (l4_tag){0}, NEVER); }
static void s_receives(void) { step_add(SEL(MY_THREAD) | L4_OP_RECV, (l4_tag){0}, 20u << 10 | 500); }
static void s_at_gate(void) { step_add(SEL(MY_UNBOUND) | OP_CALL, l4_tag_make(7, 4, 0, 0), NEVER); }
static void s_at_semaphore(void) { step_add(SEL(MY_SEM) | OP_CALL, l4_tag_make(L4_PROTO_SEMAPHORE, 1, 0, 0), NEVER); }
static void s_faults(void) { script()->touch = MISSING; }
static void s_traps(void) { script()->trap = 1; }

/* Gives its own task and thread away while it queues. */
static void s_sends_itself(void)
{
    struct step *p = step_add(SEL(MY_GATE) | L4_OP_SEND, l4_tag_make(7, 0, 2, 0), NEVER);

    p->mr[0] = p->mr[2] = L4_ITEM_MAP | L4_ITEM_GRANT;
    p->mr[1] = l4_fpage_make(L4_FPAGE_OBJ, MY_TASK, 0, 15).raw;
    p->mr[3] = l4_fpage_make(L4_FPAGE_OBJ, MY_THREAD, 0, 15).raw;
}

static const struct state {
    const char *name;
    void (*script)(void);
    int received; /* the root thread takes its message first */
} states[] = {
    {"asleep", s_sleeps, 0},
    {"queued as a sender", s_sends, 0},
    {"queued as a caller", s_calls, 0},
    {"calling", s_calls, 1},
    {"in an open wait", s_waits, 0},
    {"in an open wait with a reply slot", s_waits_slot, 0},
    {"in a closed wait", s_receives, 0},
    {"at an unbound gate", s_at_gate, 0},
    {"at a semaphore", s_at_semaphore, 0},
    {"in a page fault, queued", s_faults, 0},
    {"in a page fault, unanswered", s_faults, 1},
    {"in an exception, queued", s_traps, 0},
    {"in an exception, unanswered", s_traps, 1},
    {"queued with itself in its message", s_sends_itself, 0},
};

static void how_thread(void) { delete(SLOT_X); }
static void how_task(void) { delete(SLOT_TASK_); }
static void how_factory(void) { delete(SLOT_FACTORY_); }

/* The thread loses its CPU first: nobody can let it come to its end by itself. */
static void how_without_cpu(void)
{
    struct l4_utcb *u = utcb();

    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = u->mr[2] = 0;
    u->mr[3] = 1;
    u->mr[4] = 0;
    put_cap_item(5, SLOT_X, 15);
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
    delete(SLOT_X);
}

/* Cancelled and killed before it could notice. */
static void how_cancelled(void)
{
    thread_ex_regs(SLOT_X, ~0ul, ~0ul, L4_EXREGS_CANCEL | L4_EXREGS_TRIGGER);
    delete(SLOT_X);
}

static void (*const how[])(void) = {how_thread, how_task, how_factory, how_without_cpu, how_cancelled};

static void test_states(void)
{
    for (unsigned i = 0; i < sizeof states / sizeof states[0]; i++) {
        int back = 1, there = 1;

        for (unsigned k = 0; k < sizeof how / sizeof how[0]; k++) {
            x_make();
            states[i].script();
            x_run(100);
            word_t before = script()->touch || script()->trap ? 100 : 0;
            there &= x_at(before) == before;
            if (states[i].received)
                there &= !l4_tag_error(root_receive());
            how[k]();
            pause_ms(1);
            x_drop();
            back &= purse_is_full(full);
        }
        root_printf("# %s\n", states[i].name);
        ok(there, "the thread comes into its state");
        ok(back, "deleted there in five ways, it gives everything back");
    }
}

/* ---- what X does to itself ---- */

static void own_case(const char *name, word_t slot, int survives, word_t next_error)
{
    x_make();
    step_unmap(slot);
    struct step *p = step_add(SEL(MY_FACTORY) | OP_CALL, l4_tag_make(L4_PROTO_FACTORY, 1, 0, 0), NEVER);
    p->mr[0] = (word_t)L4_PROTO_SEMAPHORE;
    p->br0 = SEL(0x40) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    x_run(100);
    is((survives ? x_at(200) : script()->at) == 200, survives, name);
    if (survives)
        is(script()->error[1], next_error, "  and what it finds afterwards");
    x_drop();
    ok(purse_is_full(full), "  everything is back");
}

static void test_own(void)
{
    own_case("it deletes itself", MY_THREAD, 0, 0);
    own_case("it deletes its task", MY_TASK, 0, 0);
    own_case("it deletes the factory that paid for it", MY_FACTORY, 1, L4_IPC_NOT_EXISTENT);
    own_case("it loses its pager", MY_GATE, 1, 0);
    own_case("it deletes nothing", 0x77, 1, 0);

    x_make();
    step_unmap(MY_GATE);
    script()->touch = MISSING;
    x_run(100);
    is(x_at(100), 100, "a fault without a pager is the end");
    thread_ex_regs(SLOT_X, (word_t)edge_entry, ~0ul, L4_EXREGS_CANCEL);
    script()->touch = script()->steps = 0;
    pause_ms(1);
    is(script()->at, 100, "  for ever");
    x_drop();
    ok(purse_is_full(full), "  everything is back");

    x_make();
    step_unmap(MY_GATE);
    script()->trap = 1;
    x_run(100);
    is(x_at(100), 100, "an exception without a handler: it sleeps");
    script()->trap = script()->steps = 0;
    thread_ex_regs(SLOT_X, (word_t)edge_entry, (word_t)page_x + sizeof page_x - 16, L4_EXREGS_CANCEL);
    is(x_at(200), 200, "  until a cancel");
    x_drop();
    ok(purse_is_full(full), "  everything is back");
}

/* ---- where UTCBs may be ---- */

static void test_utcbs(void)
{
    static const word_t bad[] = {KU_X + 0xc08, KU_X + 0xfff, KU_X + 4, KU_X - 8, KU_X + 0x1000, 0, 0x8000000000000000ul,
                                 0xffff800000000000ul, ~0ul - 1023, ~0ul, 0x7ffffffffc00ul};
    int refused = 1;

    x_make();
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refused &= thread_in(SLOT_Y, bad[i]) == -L4_ERR_INVAL;
    ok(refused, "no UTCB outside kernel-user memory, nor at an odd address");
    is(thread_in(SLOT_Y, KU_X + 0xc00), 0, "one at the end of the area");
    is(thread_in(SLOT_Y, KU_X + 8), 0, "one that overlaps another is nobody's harm but theirs");
    s_calls();
    script()->step[0].tag = l4_tag_make(7, 63, 0, 0).raw;
    thread_ex_regs(SLOT_Y, (word_t)edge_entry, (word_t)page_x + sizeof page_x - 16, 0);
    x_run(100);
    ok(!l4_tag_error(root_receive()), "it can send");
    run_thread(SLOT_Y, 100, x_cpu);
    pause_ms(1);
    root_receive();
    x_drop();
    ok(purse_is_full(full), "everything is back");
}

static int test_main(void)
{
    word_t before;

    page_x[0] = 0;
    for (char *p = __executable_start; p < __bss_start; p += 4096)
        (void)*(volatile char *)p;
    utcb()->mr[0] = L4_OP_SCHED_INFO;
    utcb()->mr[1] = 0;
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 2, 0);
    x_cpu = (word_t)__builtin_popcountl(utcb()->mr[0]) - 1;
    set_priority(L4_SLOT_THREAD, 255);
    create(SLOT_GATE, L4_PROTO_NONE);
    utcb()->mr[0] = L4_OP_GATE_BIND;
    utcb()->mr[1] = 0x40;
    put_cap_item(2, L4_SLOT_THREAD, 15);
    call(SLOT_GATE, L4_PROTO_KOBJECT, 2, 1);
    is(factory_make(L4_SLOT_FACTORY, SLOT_PURSE, PURSE_BYTES), 0, "the factory that pays");
    full = purse_left();
    x_make();
    x_drop();
    ok(purse_is_full(full), "made and dropped: everything is back");
    before = kernel_free();
    test_states();
    test_own();
    test_utcbs();
    is(kernel_free(), before, "free kernel memory is what it was");
    return tap_done();
}
