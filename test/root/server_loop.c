/* SPDX-License-Identifier: MIT */
/*
 * The server framework on the kernel: a server thread with the loop, the main thread as its client. Operations,
 * rights, received and handed-out capabilities, IRQs, time-outs, deferred replies, objects that end with their last
 * client; and afterwards nothing is left over.
 */
#include "libl4.h"
#include "../../lib/l4re/caps.c"
#include "../../lib/l4re/msg.c"
#include "../../lib/l4re/srv.c"
#include <l4/sys/irq.h>
#include <l4/sys/semaphore.h>

enum { THREAD = 0x20, CLIENT = 0x21, SPARE = 0x22, SERVER_FIRST = 0x40, SERVER_SLOTS = 32 };
enum { OP_ADD, OP_KEEP, OP_LOOK, OP_MAKE, OP_ONCE, OP_LATER, OP_WAKE, OP_STOP, OP_ECHO };

struct counter {
    struct l4re_obj obj;
    l4_uint64_t value;
    int gone;
};

static struct l4re_srv srv;
static struct l4re_caps caps;
static l4_uint16_t refs[SERVER_SLOTS];
static struct counter root, child;
static struct l4re_obj irq_object;
static l4_cap_idx_t kept = L4_INVALID_CAP, later = L4_INVALID_CAP;
static volatile int irqs, timeouts, ended, replies;
static l4_kernel_clock_t deadline_at;
static char server_stack[16384] __attribute__((aligned(16)));

/* ---- the server ---- */

static struct l4re_iface const child_iface;

static long add(struct l4re_obj *obj, struct l4re_msg *m)
{
    struct counter *c = l4re_container(obj, struct counter, obj);
    l4_uint64_t n = l4re_rd_u64(&m->in);

    if (m->in.err)
        return m->in.err;
    l4_thread_switch(L4_BASE_THREAD_CAP); /* any system call: the message registers are lost, the request is not */
    c->value += n;
    l4re_wr_u64(&m->out, c->value);
    l4_task_cap_valid(L4_BASE_TASK_CAP, 0);
    return 0;
}

static long keep(struct l4re_obj *obj, struct l4re_msg *m)
{
    l4_cap_idx_t cap = l4re_msg_cap(m);

    (void)obj;
    if (m->in.err)
        return m->in.err;
    if (l4_is_valid_cap(kept))
        l4re_caps_drop(&caps, kept);
    kept = cap;
    return l4re_msg_take(m, cap);
}

static long look(struct l4re_obj *obj, struct l4re_msg *m)
{
    l4_cap_idx_t cap = l4re_msg_cap(m);

    (void)obj;
    if (m->in.err)
        return m->in.err;
    return l4_error(l4_task_cap_valid(L4_BASE_TASK_CAP, cap));
}

static long make(struct l4re_obj *obj, struct l4re_msg *m)
{
    long r = l4re_srv_register(&srv, &child.obj, &child_iface);

    (void)obj;
    if (r < 0)
        return r;
    child.value = child.gone = 0;
    l4re_wr_cap(&m->out, child.obj.cap, L4_CAP_FPAGE_RW);
    return l4re_srv_weaken(&srv, &child.obj);
}

static long once(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj, (void)m;
    replies++;
    return 0;
}

static long defer(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    later = l4re_msg_defer(m);
    return l4_is_valid_cap(later) ? -L4_ENOREPLY : -L4_ENOMEM;
}

static long stop(struct l4re_obj *obj, struct l4re_msg *m)
{
    (void)obj;
    l4re_srv_stop(m->srv);
    return 77;
}

static long echo(struct l4re_obj *obj, struct l4re_msg *m)
{
    char const *s = l4re_rd_string(&m->in);

    (void)obj;
    if (m->in.err)
        return m->in.err;
    l4re_wr_u32(&m->out, 1);
    l4re_wr_string(&m->out, s);
    return 3;
}

static void on_irq(struct l4re_obj *obj, struct l4re_srv *s)
{
    (void)obj;
    irqs++;
    if (l4_is_valid_cap(later)) {
        l4_umword_t words[63];
        struct l4re_wr out;

        l4re_wr_init(&out, words);
        l4re_wr_u64(&out, 0x1234);
        l4re_srv_reply(s, later, 5, &out);
        later = L4_INVALID_CAP;
    }
}

static void on_gone(struct l4re_obj *obj, struct l4re_srv *s)
{
    (void)s;
    l4re_container(obj, struct counter, obj)->gone = 1;
}

static l4_kernel_clock_t deadline(struct l4re_srv *s)
{
    (void)s;
    return deadline_at;
}

static void on_timeout(struct l4re_srv *s)
{
    (void)s;
    timeouts++;
    deadline_at = 0;
}

static struct l4re_op const ops[] = {
    {.code = OP_ADD, .fn = add},
    {.code = OP_KEEP, .fn = keep},
    {.code = OP_LOOK, .fn = look},
    {.code = OP_MAKE, .rights = L4_CAP_FPAGE_S, .fn = make},
    {.code = OP_ONCE, .send_only = 1, .fn = once},
    {.code = OP_LATER, .fn = defer},
    {.code = OP_STOP, .fn = stop},
    {.code = OP_ECHO, .fn = echo},
};
static struct l4re_proto const protos[] = {{0x44, "7Counter", L4RE_CODE_INT, L4RE_OPS(ops)}};
static struct l4re_iface const iface = {L4RE_IFACE(protos)};
static struct l4re_iface const child_iface = {L4RE_IFACE(protos), .gone = on_gone};
static struct l4re_iface const irq_iface = {.irq = on_irq};
static struct l4re_srv_hooks const hooks = {.deadline = deadline, .timeout = on_timeout};

static void server(void)
{
    l4re_srv_loop(&srv);
    ended = 1;
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

/* ---- the client ---- */

/* What a call brings lies in the message registers: it is read before the next line is printed. */
static struct l4re_call c;
static l4_uint64_t sum;

static long call(l4_cap_idx_t cap) { return l4re_call(&c, cap, 0x44, L4_IPC_NEVER); }

static long call_add(l4_cap_idx_t cap, l4_uint64_t n)
{
    long r;

    l4re_call_start(&c, OP_ADD);
    l4re_wr_u64(&c.out, n);
    r = call(cap);
    sum = r >= 0 ? l4re_rd_u64(&c.in) : 0;
    return r;
}

static long call_cap(l4_cap_idx_t cap, int op, l4_cap_idx_t arg)
{
    l4re_call_start(&c, op);
    l4re_wr_cap(&c.out, arg, L4_CAP_FPAGE_RWSD);
    return call(cap);
}

static void setup(void)
{
    l4re_caps_init(&caps, SERVER_FIRST, refs, SERVER_SLOTS);
    is(l4re_srv_init(&srv, &caps, SLOT(THREAD), L4_BASE_FACTORY_CAP, L4_BASE_TASK_CAP, 2), 0, "loop prepared");
    srv.hooks = &hooks;
    is(l4re_srv_reply_slots(&srv, 0, 4), 0, "reply slots");
    is(thread_begin(SLOT(THREAD), 1, server, server_stack + sizeof server_stack, 20), 0, "server thread");
    /* The server has run up to its first wait: objects may still be registered from here. */
    is(l4re_srv_register(&srv, &root.obj, &iface), 0, "object");
    is(l4re_srv_register_irq(&srv, &irq_object, &irq_iface), 0, "IRQ");
    is(l4re_srv_watch(&srv), 0, "deletion notices");
}

static void operations(l4_cap_idx_t o)
{
    l4_uint32_t number;
    int same;
    long r;

    is(call_add(o, 5), 0, "operation");
    is(sum, 5, "result");
    call_add(o, 6);
    is(sum, 11, "the object keeps its state");
    l4re_call_start(&c, OP_ADD);
    is(call(o), -L4_EMSGTOOSHORT, "argument missing");
    l4re_call_start(&c, 99);
    is(call(o), -L4_ENOSYS, "unknown opcode");
    l4re_call_start(&c, OP_ADD);
    is(l4re_call(&c, o, 0x45, L4_IPC_NEVER), -L4_EBADPROTO, "unknown protocol");
    l4re_call_start(&c, 0);
    is(l4re_call(&c, o, L4_PROTO_META, L4_IPC_NEVER), 1, "meta");
    l4re_call_start(&c, OP_ONCE);
    is(l4re_call_send(&c, o, 0x44, 0, L4_IPC_NEVER), 0, "send only");
    is(replies, 1, "was handled");
    l4re_call_start(&c, OP_ECHO);
    l4re_wr_string(&c.out, "a text of some length");
    r = call(o);
    number = l4re_rd_u32(&c.in);
    same = !__builtin_memcmp(l4re_rd_string(&c.in), "a text of some length", 22);
    is(r, 3, "string");
    is(number, 1, "number in front of it");
    ok(same, "the same string");
    l4_task_map(L4_BASE_TASK_CAP, L4_BASE_TASK_CAP, l4_obj_fpage(o, 0, L4_CAP_FPAGE_RW),
                l4_map_obj_control(SLOT(SPARE), 0));
    l4re_call_start(&c, OP_MAKE);
    is(call(SLOT(SPARE)), -L4_EPERM, "S right demanded");
    l4_task_release_cap(L4_BASE_TASK_CAP, SLOT(SPARE));
}

static void capabilities(l4_cap_idx_t o)
{
    unsigned used = slots_used(SERVER_FIRST, SERVER_FIRST + SERVER_SLOTS);

    is(call_cap(o, OP_LOOK, L4_BASE_LOG_CAP), 1, "a capability arrives");
    is(slots_used(SERVER_FIRST, SERVER_FIRST + SERVER_SLOTS), used, "and is gone after the handler");
    is(call_cap(o, OP_KEEP, L4_BASE_LOG_CAP), 0, "a capability that is kept");
    is(slots_used(SERVER_FIRST, SERVER_FIRST + SERVER_SLOTS), used + 1, "stays");
    l4_factory_create_irq(L4_BASE_FACTORY_CAP, SLOT(SPARE));
    is(call_cap(o, OP_LOOK, SLOT(SPARE)), 1, "one with the right to delete");
    is(l4_error(l4_task_cap_valid(L4_BASE_TASK_CAP, SLOT(SPARE))), 1, "is not deleted with the server's copy");
    is(call_cap(o, OP_LOOK, L4_BASE_LOG_CAP), 1, "nor by the next one");
    is(l4_error(l4_task_cap_valid(L4_BASE_TASK_CAP, SLOT(SPARE))), 1, "which arrives at the same place");
    l4_task_delete_obj(L4_BASE_TASK_CAP, SLOT(SPARE));
    is(call_cap(o, OP_LOOK, SLOT(SPARE)), -L4_EINVAL, "an empty slot is sent");
    l4re_call_start(&c, OP_LOOK);
    is(call(o), -L4_EMSGTOOSHORT, "no item is sent");
    l4re_call_start(&c, OP_LOOK);
    l4re_wr_cap(&c.out, L4_BASE_LOG_CAP, 7);
    l4re_wr_cap(&c.out, L4_BASE_LOG_CAP, 7);
    l4re_wr_cap(&c.out, L4_BASE_LOG_CAP, 7);
    is(call(o), -2008, "more items than buffers");
    is(call_add(o, 0), 0, "the server goes on");
    is(slots_used(SERVER_FIRST, SERVER_FIRST + SERVER_SLOTS), used + 1, "and keeps nothing of it");
}

static void lifetimes(l4_cap_idx_t o)
{
    unsigned used = slots_used(SERVER_FIRST, SERVER_FIRST + SERVER_SLOTS);

    l4re_call_start(&c, OP_MAKE);
    l4re_call_rcv_cap(&c, SLOT(CLIENT), 0);
    is(call(o), 0, "a new object");
    is(call_add(SLOT(CLIENT), 3), 0, "works");
    is(child.gone, 0, "and lives");
    is(call_add(o, 0), 0, "other requests change nothing");
    is(child.gone, 0, "it still lives");
    l4_task_release_cap(L4_BASE_TASK_CAP, SLOT(CLIENT));
    call_add(o, 0);
    is(child.gone, 1, "it goes with its last client");
    is(slots_used(SERVER_FIRST, SERVER_FIRST + SERVER_SLOTS), used, "without a trace");
    l4re_call_start(&c, OP_MAKE);
    is(call(o), -2009, "a client that has no room for it");
    call_add(o, 0);
    is(child.gone, 1, "leaves no object behind");
    is(slots_used(SERVER_FIRST, SERVER_FIRST + SERVER_SLOTS), used, "and no slot");
}

/* Messages of any shape; afterwards the server serves as before and holds what it held. */
static void random_requests(l4_cap_idx_t o)
{
    static signed char const codes[] = {OP_ADD, OP_KEEP, OP_LOOK, OP_MAKE, OP_ECHO, 99, -1};
    static short const labels[] = {0x44, 0x44, 0x44, -21, 0, -6, 0x45};
    unsigned used = slots_used(SERVER_FIRST, SERVER_FIRST + SERVER_SLOTS), lost = 0;
    l4_uint64_t x = 88172645463325252ull;

    for (unsigned n = 0; n < 20000; n++) {
        l4_utcb_t *u = l4_utcb();
        l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
        unsigned words, items;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        words = (unsigned)(x >> 8) % 12;
        items = (unsigned)(x >> 16) % 4;
        for (unsigned i = 0; i < words; i++)
            mr[i] = (x >> i) % (x & 0x1000000 ? 64 : ~0ul);
        if (words)
            mr[0] = (l4_uint32_t)codes[(x >> 24) % sizeof codes] | (x << 32);
        for (unsigned i = 0; i < items; i++) {
            mr[words + 2 * i] = (x >> (20 + i) & 3) ? 8 | (x >> (30 + i) & 1) : 0;
            /* Without the D right: a second item for the same buffer would delete what the first brought. */
            mr[words + 2 * i + 1] = l4_obj_fpage(SLOT((x >> (10 + 3 * i)) % 9), 0, L4_CAP_FPAGE_RWS).raw;
        }
        l4_utcb_br_u(u)->bdr = 0;
        l4_utcb_br_u(u)->br[0] = SLOT(CLIENT) | L4_RCV_ITEM_SINGLE_CAP;
        l4_utcb_br_u(u)->br[1] = 0;
        lost += l4_ipc_error(l4_ipc_call(o, u, l4_msgtag(labels[(x >> 32) % 7], words, items, 0),
                                         l4_ipc_timeout(0, 0, 500, 10)),
                             u) == L4_IPC_RETIMEOUT;
        if (!child.gone)
            l4_task_release_cap(L4_BASE_TASK_CAP, SLOT(CLIENT)); /* OP_MAKE has only one object to give */
        call_add(o, 0);
    }
    is(lost, 0, "20000 random requests are answered");
    is(call_add(o, 0), 0, "and it still serves");
    is(slots_used(SERVER_FIRST, SERVER_FIRST + SERVER_SLOTS), used, "and holds no slot more");
}

static void events(l4_cap_idx_t o)
{
    l4_irq_trigger(irq_object.cap);
    call_add(o, 0);
    is(irqs, 1, "IRQ");
    deadline_at = l4_kip_clock(l4_kip()) + 5000;
    call_add(o, 0);
    is(timeouts, 0, "not yet");
    l4_ipc_sleep_ms(30);
    is(timeouts, 1, "time-out");
}

static volatile long later_result;
static volatile l4_uint64_t later_value;

static void client_later(void)
{
    struct l4re_call own;

    l4re_call_start(&own, OP_LATER);
    later_result = l4re_call(&own, root.obj.cap, 0x44, L4_IPC_NEVER);
    later_value = l4re_rd_u64(&own.in);
    ended = 2;
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

static char client_stack[16384] __attribute__((aligned(16)));

static void deferred(l4_cap_idx_t o)
{
    is(thread_begin(SLOT(SPARE), 2, client_later, client_stack + sizeof client_stack, 10), 0, "second client");
    l4_ipc_sleep_ms(20);
    ok(l4_is_valid_cap(later), "its call is waiting");
    is(call_add(o, 1), 0, "the server serves others meanwhile");
    l4_irq_trigger(irq_object.cap);
    l4_ipc_sleep_ms(20);
    is(ended, 2, "it has got its answer");
    is(later_result, 5, "the deferred one");
    is(later_value, 0x1234, "with its value");
    l4_task_delete_obj(L4_BASE_TASK_CAP, SLOT(SPARE));
}

static int test_main(void)
{
    l4_sched_param_t sp = l4_sched_param(15, 0);

    l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, L4_BASE_THREAD_CAP, &sp);
    setup();
    operations(root.obj.cap);
    capabilities(root.obj.cap);
    lifetimes(root.obj.cap);
    random_requests(root.obj.cap);
    events(root.obj.cap);
    deferred(root.obj.cap);
    l4re_call_start(&c, OP_STOP);
    is(call(root.obj.cap), 77, "the last request is answered");
    l4_ipc_sleep_ms(5);
    is(ended, 1, "then the loop ends");
    return tap_done();
}
