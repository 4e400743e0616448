/* SPDX-License-Identifier: MIT */
/* The in-task service: the region map of this program, private memory, rescue ranges, signals and their frames. */
#include <errno.h>
#include <l4/re/c/dataspace.h>
#include <l4/re/c/mem_alloc.h>
#include <l4/re/c/rm.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/c/util/kumem_alloc.h>
#include <l4/re/consts.h>
#include <l4/re/env.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <l4/sys/factory.h>
#include <l4/sys/ipc.h>
#include <l4/sys/scheduler.h>
#include <l4/sys/task.h>
#include <pthread-l4.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <tap.h>

#define SPOT 0x20000000ul
#define PAGE L4_PAGESIZE

/* ---- regions ---- */

static l4_cap_idx_t memory(unsigned long size)
{
    l4_cap_idx_t ds = l4re_util_cap_alloc();

    is(l4re_ma_alloc((long)size, ds, 0), 0, "memory");
    return ds;
}

static void region_tests(void)
{
    l4_cap_idx_t ds = memory(16 * PAGE);
    void *a = (void *)SPOT, *b = (void *)(SPOT + 32 * PAGE);
    l4_addr_t at = SPOT + 4 * PAGE;
    unsigned long size = 1;
    l4re_rm_offset_t offset;
    l4re_rm_flags_t flags;
    l4re_ds_t found;

    is(l4re_rm_attach(&a, 16 * PAGE, L4RE_RM_F_RW, ds, 0, L4_PAGESHIFT), 0, "attach at a place");
    is(l4re_rm_attach(&b, 16 * PAGE, L4RE_RM_F_R, ds, 0, L4_PAGESHIFT), 0, "attach the same once more");
    ((char *)a)[5 * PAGE] = 77;
    is(((char *)b)[5 * PAGE], 77, "both see the same memory");
    l4re_util_cap_free_um(ds);
    ((char *)a)[9 * PAGE] = 78;
    is(((char *)b)[9 * PAGE], 78, "regions outlive the capability they were made with");
    is(l4re_rm_find(&at, &size, &offset, &flags, &found), 0, "find");
    ok(at == SPOT && size == 16 * PAGE && flags == L4RE_RM_F_RW && found == ds, "tells what was attached");
    is(l4re_rm_detach((char *)a + PAGE) & L4RE_RM_DETACH_RESULT_MASK, L4RE_RM_DETACHED_DS, "detach");
    is(l4re_rm_detach(a), -L4_ENOENT, "once only");
    at = SPOT + 4 * PAGE;
    size = 1;
    is(l4re_rm_find(&at, &size, &offset, &flags, &found), -L4_ENOENT, "nothing is there any more");
    is(l4re_rm_detach(b) & L4RE_RM_DETACH_RESULT_MASK, L4RE_RM_DETACHED_DS, "detach the other");
}

/* Strings end with a zero byte, whatever the client has put there. */
static void name_tests(void)
{
    struct l4re_call c;
    char name[48] = "";

    l4re_call_start(&c, 0);
    l4re_wr_u64(&c.out, SPOT);
    l4re_wr_u64(&c.out, PAGE);
    l4re_wr_u32(&c.out, L4RE_RM_F_RW | L4RE_RM_F_ANONYMOUS);
    l4re_wr_u64(&c.out, 0);
    l4re_wr_u8(&c.out, L4_PAGESHIFT);
    l4re_wr_u64(&c.out, L4_INVALID_CAP);
    l4re_wr_name(&c.out, "names", 5);
    l4re_wr_u64(&c.out, 9);
    is(l4re_call(&c, l4re_env()->rm, L4RE_PROTO_RM, L4_IPC_NEVER), 0, "attach with a name without its end");
    is(l4re_rm_get_info(SPOT, name, sizeof name, NULL), 0, "its name");
    ok(strcmp(name, "name") == 0, "has lost the last character");
    l4re_rm_detach((void *)SPOT);
}

/* More regions and areas than the service has memory for at the start. */
static void many_tests(void)
{
    l4_cap_idx_t ds = memory(PAGE);
    unsigned made = 0, gone = 0;

    for (unsigned long i = 0; i < 3000; i++) {
        l4_addr_t at = SPOT + i * 4 * PAGE;
        void *in = (void *)(at + PAGE);
        made += l4re_rm_reserve_area(&at, 3 * PAGE, 0, L4_PAGESHIFT) == 0 &&
                l4re_rm_attach(&in, PAGE, L4RE_RM_F_RW | L4RE_RM_F_IN_AREA, ds, 0, L4_PAGESHIFT) == 0;
    }
    is(made, 3000, "3000 areas with a region in each");
    *(volatile int *)(SPOT + PAGE) = 5;
    is(*(volatile int *)(SPOT + 2999 * 4 * PAGE + PAGE), 5, "the last is the first's memory");
    for (unsigned long i = 0; i < 3000; i++) {
        l4_addr_t at = SPOT + i * 4 * PAGE;
        gone += l4re_rm_detach((void *)(at + PAGE)) >= 0 && l4re_rm_free_area(at) == 0;
    }
    is(gone, 3000, "and all of them away");
    l4re_util_cap_free_um(ds);
}

static void private_tests(void)
{
    l4_cap_idx_t ds = memory(8 * PAGE);
    void *original = (void *)SPOT, *copy = (void *)(SPOT + 16 * PAGE);

    l4re_rm_attach(&original, 8 * PAGE, L4RE_RM_F_RW, ds, 0, L4_PAGESHIFT);
    memset(original, 1, 8 * PAGE);
    is(l4re_rm_attach(&copy, 8 * PAGE, L4RE_RM_F_RW | L4RE_RM_F_PRIVATE, ds, 0, L4_PAGESHIFT), 0, "attach privately");
    char *c = copy, *o = original;
    is(c[3 * PAGE], 1, "reads see the original");
    c[3 * PAGE] = 2;
    ok(o[3 * PAGE] == 1 && c[3 * PAGE] == 2 && c[3 * PAGE + 1] == 1, "a write is ours alone");
    o[3 * PAGE] = 9;
    o[4 * PAGE] = 9;
    ok(c[3 * PAGE] == 2 && c[4 * PAGE] == 9, "the original changes only what we did not copy");
    /* A piece out of the middle: both rests keep their copies. */
    c[PAGE] = 3;
    c[6 * PAGE] = 4;
    is(l4re_rm_detach_range_srv(l4re_env()->rm, SPOT + 20 * PAGE, PAGE, L4RE_RM_DETACH_EXACT, &(l4_addr_t){0},
                                &(unsigned long){0}, &(l4re_ds_t){0}, L4_INVALID_CAP) & L4RE_RM_DETACH_RESULT_MASK,
       L4RE_RM_SPLIT_DS, "a page out of the middle");
    ok(c[PAGE] == 3 && c[3 * PAGE] == 2 && c[6 * PAGE] == 4 && c[7 * PAGE] == 1, "the rests are as they were");
    l4re_rm_detach(copy);
    is(c[6 * PAGE], 4, "also without each other");
    l4re_rm_detach(c + 6 * PAGE);
    l4re_rm_detach(original);
    l4re_util_cap_free_um(ds);
}

static void eager_tests(void)
{
    l4_cap_idx_t ds = memory(8 * PAGE);
    void *at = (void *)SPOT;

    is(l4re_rm_attach(&at, 8 * PAGE, L4RE_RM_F_RW | L4RE_RM_F_EAGER_MAP, ds, 0, L4_PAGESHIFT), 0, "attach eagerly");
    is(((volatile char *)at)[7 * PAGE], 0, "is memory");
    is(l4re_rm_page_in_srv(l4re_env()->rm, SPOT, SPOT + 8 * PAGE - 1, L4RE_RM_F_RW), 0, "page in");
    is(l4re_rm_page_in_srv(l4re_env()->rm, SPOT + 8 * PAGE, SPOT + 9 * PAGE - 1, L4RE_RM_F_RW), -L4_ENOMEM,
       "nothing to page in");
    is(l4re_rm_page_in_srv(l4re_env()->rm, SPOT, SPOT + 8 * PAGE - 1, L4RE_RM_F_RX), -L4_EACCESS, "not these rights");
    l4re_rm_detach(at);
    l4re_util_cap_free_um(ds);
}

/* ---- signals ---- */

struct action {
    void *handler;
    l4_uint64_t flags;
    void *restorer;
    l4_uint64_t mask[16];
};
enum { SIGNAL_ALARM = 14, SIGNAL_USER = 10, SIGNAL_OTHER = 12, SIGNAL_MEMORY = 11 };
enum { WITH_INFO = 4, ON_STACK = 0x08000000 };

static long act(int signal, void *handler, l4_uint64_t flags, l4_uint64_t mask)
{
    struct action a = {handler, flags, NULL, {mask}};
    struct l4re_call c;

    l4re_call_start(&c, 2);
    l4re_wr_i32(&c.out, signal);
    l4re_wr_data(&c.out, &a, sizeof a, 8);
    return l4re_call(&c, l4re_env()->itas, L4RE_PROTO_ITAS, L4_IPC_NEVER);
}

static long raise_at(l4_cap_idx_t thread, int signal)
{
    struct l4re_call c;

    l4re_call_start(&c, 8);
    l4re_wr_i32(&c.out, signal);
    l4re_wr_cap(&c.out, thread, L4_CAP_FPAGE_RWS);
    return l4re_call(&c, l4re_env()->itas, L4RE_PROTO_ITAS, L4_IPC_NEVER);
}

static long mask_set(int how, l4_uint64_t set, l4_uint64_t *old)
{
    struct l4re_call c;
    l4_uint64_t words[16] = {set};

    l4re_call_start(&c, 4);
    l4re_wr_i32(&c.out, how);
    l4re_wr_data(&c.out, words, sizeof words, 8);
    l4re_wr_cap(&c.out, l4re_env()->main_thread, L4_CAP_FPAGE_RWS);
    long r = l4re_call(&c, l4re_env()->itas, L4RE_PROTO_ITAS, L4_IPC_NEVER);
    *old = l4re_rd_u64(&c.in);
    return r;
}

static volatile int calls, last, depth, deepest;
static volatile l4_addr_t handler_sp;

static void count(int signal)
{
    int here;

    calls = calls + 1;
    last = signal;
    handler_sp = (l4_addr_t)&here;
}

static void spoil(int signal)
{
    count(signal);
    __asm__ volatile("pxor %%xmm0, %%xmm0\n pxor %%xmm7, %%xmm7\n pxor %%xmm15, %%xmm15\n fldz\n fstp %%st(0)"
                     : : : "xmm0", "xmm7", "xmm15");
    l4_utcb_mr()->mr[0] = 1;
    l4_utcb_mr()->mr[62] = 2;
    l4_utcb_br()->br[5] = 3;
}

static void nest(int signal)
{
    count(signal);
    depth = depth + 1;
    if (depth > deepest)
        deepest = depth;
    if (depth < 5)
        raise_at(l4re_env()->main_thread, depth % 2 ? SIGNAL_OTHER : SIGNAL_USER);
    depth = depth - 1;
}

static void raise_tests(void)
{
    l4_cap_idx_t self = l4re_env()->main_thread;
    l4_uint64_t old;

    calls = deepest = 0;
    is(act(SIGNAL_USER, count, 0, 0), 0, "a handler");
    is(raise_at(self, SIGNAL_USER), 0, "raise");
    ok(calls == 1 && last == SIGNAL_USER, "the handler has run before raise returns");
    is(mask_set(0, 1ul << (SIGNAL_USER - 1), &old), 0, "block the signal");
    is(raise_at(self, SIGNAL_USER), 0, "raise it");
    is(calls, 1, "it waits");
    is(mask_set(2, old, &old), 0, "unblock it");
    is(calls, 2, "it comes");
    is(old, 1ul << (SIGNAL_USER - 1), "the old mask is told");
    act(SIGNAL_USER, nest, 0x40000000, 0);
    act(SIGNAL_OTHER, nest, 0x40000000, 0);
    raise_at(self, SIGNAL_USER);
    is(deepest, 5, "handlers interrupt handlers");
    act(SIGNAL_USER, NULL, 0, 0);
    act(SIGNAL_OTHER, NULL, 0, 0);
}

static void frame_tests(void)
{
    l4_umword_t before = 0x0123456789abcdef, x0, x7, x15;

    act(SIGNAL_MEMORY, NULL, 0, 0);
    act(SIGNAL_USER, spoil, 0, 0);
    l4_utcb_mr()->mr[62] = before;
    l4_utcb_br()->br[5] = before;
    struct l4re_call c;
    l4re_call_start(&c, 8);
    l4re_wr_i32(&c.out, SIGNAL_USER);
    l4re_wr_cap(&c.out, l4re_env()->main_thread, L4_CAP_FPAGE_RWS);
    l4_msgtag_t tag = l4re_wr_tag(&c.out, L4RE_PROTO_ITAS, 0);
    __asm__ volatile("movq %0, %%xmm0\n movq %0, %%xmm7\n movq %0, %%xmm15" : : "r"(before) : "xmm0", "xmm7", "xmm15");
    l4_ipc_call(l4re_env()->itas, l4_utcb(), tag, L4_IPC_NEVER);
    __asm__ volatile("movq %%xmm0, %0\n movq %%xmm7, %1\n movq %%xmm15, %2" : "=r"(x0), "=r"(x7), "=r"(x15));
    ok(x0 == before && x7 == before && x15 == before, "FPU registers survive a handler");
    ok(l4_utcb_mr()->mr[62] == before && l4_utcb_br()->br[5] == before, "so does the UTCB");
    act(SIGNAL_USER, NULL, 0, 0);
}

static char other_stack[8192] __attribute__((aligned(16)));

static void stack_tests(void)
{
    struct {
        void *start;
        int flags;
        unsigned long size;
    } s = {other_stack, 0, sizeof other_stack};
    struct l4re_call c;

    l4re_call_start(&c, 3);
    l4re_wr_data(&c.out, &s, sizeof s, 8);
    l4re_wr_cap(&c.out, l4re_env()->main_thread, L4_CAP_FPAGE_RWS);
    is(l4re_call(&c, l4re_env()->itas, L4RE_PROTO_ITAS, L4_IPC_NEVER), 0, "an alternate stack");
    act(SIGNAL_USER, count, ON_STACK, 0);
    raise_at(l4re_env()->main_thread, SIGNAL_USER);
    ok(handler_sp - (l4_addr_t)other_stack < sizeof other_stack, "is where the handler runs");
    act(SIGNAL_USER, count, 0, 0);
    raise_at(l4re_env()->main_thread, SIGNAL_USER);
    ok(handler_sp - (l4_addr_t)other_stack >= sizeof other_stack, "if it wants to");
    act(SIGNAL_USER, NULL, 0, 0);
}

/* Brings the missing page in; the faulting instruction is executed again with all its registers. */
static void repair(int signal, const unsigned char *info, void *context)
{
    l4_addr_t address;
    void *at;

    (void)context;
    memcpy(&address, info + 16, sizeof address);
    at = (void *)l4_trunc_page(address);
    count(signal);
    l4re_rm_attach(&at, PAGE, L4RE_RM_F_RW | L4RE_RM_F_ANONYMOUS, L4_INVALID_CAP, 0, L4_PAGESHIFT);
}

static void repair_tests(void)
{
    calls = 0;
    act(SIGNAL_MEMORY, repair, WITH_INFO, 0);
    for (unsigned i = 0; i < 8; i++)
        *(volatile unsigned *)(SPOT + i * PAGE + 8 * i) = i + 1;
    unsigned sum = 0;
    for (unsigned i = 0; i < 8; i++)
        sum += *(volatile unsigned *)(SPOT + i * PAGE + 8 * i);
    ok(calls == 8 && sum == 36, "a handler can supply missing pages");
    act(SIGNAL_MEMORY, NULL, 0, 0);
    for (unsigned i = 0; i < 8; i++)
        l4re_rm_detach((void *)(SPOT + i * PAGE));
}

static volatile int asleep, woken;

static void *sleeper(void *arg)
{
    (void)arg;
    asleep = 1;
    woken = (int)l4_ipc_error(l4_ipc_sleep(L4_IPC_NEVER), l4_utcb());
    return NULL;
}

static void thread_tests(void)
{
    pthread_t t;

    calls = 0;
    act(SIGNAL_USER, count, 0, 0);
    pthread_create(&t, NULL, sleeper, NULL);
    while (!asleep)
        usleep(1000);
    usleep(5000);
    is(raise_at(pthread_l4_cap(t), SIGNAL_USER), 0, "raise at another thread");
    pthread_join(t, NULL);
    is(calls, 1, "it runs the handler");
    is(woken, L4_IPC_RECANCELED, "and its waiting is cancelled");
    act(SIGNAL_USER, NULL, 0, 0);
}

/* ---- the timer ---- */

static long timer(int which, const long set[4], long old[4])
{
    struct l4re_call c;

    l4re_call_start(&c, set != NULL ? 6 : 7);
    l4re_wr_i32(&c.out, which);
    if (set != NULL)
        l4re_wr_data(&c.out, set, 32, 8);
    long r = l4re_call(&c, l4re_env()->itas, L4RE_PROTO_ITAS, L4_IPC_NEVER);
    for (unsigned i = 0; i < 4; i++)
        old[i] = r >= 0 ? (long)l4re_rd_u64(&c.in) : -1;
    return r;
}

static void timer_tests(void)
{
    static const long every[4] = {0, 20000, 0, 30000}, once[4] = {0, 0, 0, 10000}, never[4] = {0};
    static const long wrong[4] = {0, 0, 0, -1};
    long old[4];

    calls = 0;
    act(SIGNAL_ALARM, count, 0, 0);
    is(timer(0, every, old), 0, "an interval timer");
    is(timer(0, NULL, old), 0, "tells what is left");
    ok(old[1] == 20000 && old[2] == 0 && old[3] > 0 && old[3] <= 30000, "and its interval");
    for (int i = 0; i < 200 && calls < 3; i++)
        l4_ipc_sleep_ms(10);
    ok(calls >= 3, "comes again and again");
    is(timer(0, never, old), 0, "is switched off");
    int so_far = calls;
    l4_ipc_sleep_ms(80);
    is(calls, so_far, "and comes no more");
    timer(0, once, old);
    for (int i = 0; i < 200 && calls == so_far; i++)
        l4_ipc_sleep_ms(10);
    l4_ipc_sleep_ms(60);
    is(calls, so_far + 1, "or comes once");
    is(timer(0, wrong, old), -L4_EINVAL, "a time that is none");
    is(timer(1, once, old), -L4_ENOSYS, "only real time is measured");
    is(timer(3, once, old), -L4_EINVAL, "there are three timers");
    act(SIGNAL_ALARM, NULL, 0, 0);
}

/* ---- anything at all ---- */

static l4_uint64_t seed = 1;

static l4_uint64_t chance(l4_uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

/* Words that are likely to mean something. What takes away (detach, free_area) is kept to a range of nothing. */
static l4_uint64_t some_word(int harmless)
{
    static const l4_uint64_t words[] = {0, 1, 2, 3, 8, 0x1000, 0x1fff, 0x2000, 0x10000, 0x20006, 0x40006, 0x80006,
        0x1006, 0x2006, 0x60000, 0xffffffff, ~0ul, ~0xffful, 1ul << 63, 1ul << 47, 0x7fffffffffff, 12, 21, 63, 64,
        L4_INVALID_CAP};

    if (harmless || chance(2) == 0)
        return SPOT + chance(64) * PAGE + (chance(4) == 0 ? chance(PAGE) : 0);
    return words[chance(sizeof words / sizeof *words)];
}

static l4_msgtag_t some_request(int *to_itas)
{
    l4_utcb_t *u = l4_utcb();
    static const int itas_ops[] = {0, 1, 3, 4, 5, 7, 9, -1};
    static const long labels[] = {L4RE_PROTO_RM, L4RE_PROTO_RM, L4RE_PROTO_RM, L4_PROTO_PAGE_FAULT, L4_PROTO_META,
        L4_PROTO_IO_PAGE_FAULT, 0, 0x4000, L4_PROTO_TASK};
    /* None that could wait for us. */
    static const l4_cap_idx_t slots[] = {0, 2, 5, 0x11, 0x14, 0x16, 0x17, 0x18, 0x1000};
    unsigned words = (unsigned)chance(chance(2) == 0 ? 63 : 12), items = (unsigned)chance(3);
    long label = labels[chance(sizeof labels / sizeof *labels)];
    l4_uint64_t op = chance(12);

    *to_itas = chance(4) == 0;
    if (*to_itas) {
        label = L4RE_PROTO_ITAS;
        op = (l4_uint64_t)itas_ops[chance(sizeof itas_ops / sizeof *itas_ops)];
    }
    if (label == L4_PROTO_IO_PAGE_FAULT && chance(50) != 0)
        label = L4RE_PROTO_RM; /* prints a line */
    if (words + 2 * items > 63)
        words = 63 - 2 * items;
    int harmless = label == L4RE_PROTO_RM && (op == 1 || op == 4);
    for (unsigned i = 0; i < words; i++)
        u->mr[i] = harmless ? (i == 2 ? chance(16 * PAGE) : some_word(1)) : some_word(0);
    if (label != L4_PROTO_PAGE_FAULT && words > 0)
        u->mr[0] = op | (harmless ? 0 : chance(2) << 32 | some_word(0) << 32);
    if (*to_itas && op == 4 && words > 1) /* no signal stays blocked, none is unblocked */
        u->mr[0] = 4 | 7ul << 32;
    for (unsigned i = 0; i < items; i++) {
        u->mr[words + 2 * i] = chance(5) == 0 ? 0 : L4_ITEM_MAP | chance(2) << 1 << 4;
        l4_cap_idx_t slot = slots[chance(sizeof slots / sizeof *slots)];
        l4_cap_idx_t cap = chance(4) == 0 ? l4re_env()->rm : slot << L4_CAP_SHIFT;
        u->mr[words + 2 * i + 1] = l4_obj_fpage(cap, 0, (unsigned char)chance(16)).raw;
    }
    u->bdr = 0;
    u->br[0] = 0;
    return l4_msgtag(label, words, items, 0);
}

static void any_tests(void)
{
    unsigned answers = 0, rounds = 40000;

    for (unsigned i = 0; i < rounds; i++) {
        int to_itas;
        l4_msgtag_t tag = some_request(&to_itas);
        tag = l4_ipc_call(to_itas ? l4re_env()->itas : l4re_env()->rm, l4_utcb(), tag, L4_IPC_NEVER);
        answers += !l4_msgtag_has_error(tag);
    }
    is(answers, rounds, "every message is answered, whatever is in it");
    for (l4_addr_t at = SPOT; at < SPOT + 128 * PAGE; at += PAGE) {
        l4re_rm_detach((void *)at);
        l4re_rm_free_area(at);
    }
    region_tests();
    raise_tests();
}

/* ---- threads that come and go, without the C library ---- */

/* It has a CPU, but no instruction to execute. */
static long thread_registered(l4_cap_idx_t thread, l4_addr_t utcb)
{
    l4_sched_param_t p = l4_sched_param(1, 0);
    struct l4re_call c;
    long r = l4_error(l4_factory_create_thread(l4re_env()->factory, thread));

    if (r < 0)
        return r;
    l4re_call_start(&c, 0);
    l4re_wr_u64(&c.out, utcb);
    l4re_wr_cap(&c.out, l4re_env()->main_thread, L4_CAP_FPAGE_RWS);
    l4re_wr_cap(&c.out, thread, L4_CAP_FPAGE_RWS);
    r = l4re_call(&c, l4re_env()->itas, L4RE_PROTO_ITAS, L4_IPC_NEVER);
    return r < 0 ? r : l4_error(l4_scheduler_run_thread(l4re_env()->scheduler, thread, &p));
}

static void thread_deleted(l4_cap_idx_t thread) { l4_task_delete_obj(L4RE_THIS_TASK_CAP, thread); }

/* Nobody has to tell the service of a thread's end; slots and UTCBs come together anew. */
static void register_tests(void)
{
    l4_cap_idx_t a = l4re_util_cap_alloc(), b = l4re_util_cap_alloc();
    l4_addr_t first, second;
    unsigned made = 0;

    is(l4re_util_kumem_alloc(&first, 0, L4RE_THIS_TASK_CAP, l4re_env()->rm), 0, "UTCBs");
    second = first + L4_UTCB_OFFSET;
    is(thread_registered(a, first), 0, "a thread");
    thread_deleted(a);
    is(thread_registered(b, first), 0, "another one with its UTCB");
    is(thread_registered(a, second), 0, "a third one in the slot of the first");
    thread_deleted(a);
    thread_deleted(b);
    for (unsigned i = 0; i < 1500; i++) {
        l4_cap_idx_t t = l4re_util_cap_alloc(); /* never given back */
        made += thread_registered(t, i % 2 != 0 ? first : second) == 0;
        thread_deleted(t);
    }
    is(made, 1500, "1500 threads, each in a slot of its own");
}

int main(void)
{
    region_tests();
    name_tests();
    many_tests();
    private_tests();
    eager_tests();
    raise_tests();
    frame_tests();
    stack_tests();
    repair_tests();
    thread_tests();
    timer_tests();
    register_tests();
    any_tests();
    return tap_done();
}
