/* SPDX-License-Identifier: MIT */
/* Operations of the region-map and Itas interfaces: decode completely, act, encode. */
#include "signal.h"
#include "thread.h"

/* ---- rescue ranges: where an exception inside [begin, end) continues ---- */

struct rescue {
    struct rescue *next;
    l4_addr_t begin, end, pc;
};
static struct rescue *rescues;

static long rescue_add(l4_addr_t begin, l4_addr_t end, l4_addr_t pc)
{
    if (begin >= end)
        return -L4_EINVAL;
    for (const struct rescue *r = rescues; r != 0; r = r->next)
        if (begin < r->end && r->begin < end)
            return -L4_EEXIST;
    struct rescue *r = pool_take(sizeof *r);
    if (r == 0)
        return -L4_ENOMEM;
    *r = (struct rescue){rescues, begin, end, pc};
    rescues = r;
    return 0;
}

static long rescue_remove(l4_addr_t pc)
{
    for (struct rescue **at = &rescues; *at != 0; at = &(*at)->next) {
        struct rescue *r = *at;
        if (pc >= r->begin && pc < r->end) {
            *at = r->next;
            pool_give(r, sizeof *r);
            return 0;
        }
    }
    return -L4_ENOENT;
}

int service_rescue(l4_umword_t *ip)
{
    for (const struct rescue *r = rescues; r != 0; r = r->next) {
        if (*ip >= r->begin && *ip < r->end) {
            *ip = r->pc;
            return 1;
        }
    }
    return 0;
}

/* ---- region map ---- */

static long op_attach(struct rpc *in, struct rpc *out)
{
    struct attach_request a = {.start = rpc_get64(in)};
    char name[REGION_NAME_LEN];
    uint64_t length;

    a.size = rpc_get64(in);
    a.flags = rpc_get32(in);
    a.offset = rpc_get64(in);
    a.align = rpc_get8(in);
    a.client_ref = rpc_get64(in);
    const char *chars = rpc_get_chars(in, &length);
    a.backing = rpc_get64(in);
    if (in->bad || length == 0)
        return -L4_EMSGTOOSHORT;
    a.name = name;
    a.name_length = length - 1 < sizeof name ? length - 1 : sizeof name; /* the last one counts as the zero byte */
    memcpy(name, chars, a.name_length);
    if (arg_cap(in, 0, &a.ds) < 0)
        a.ds = CAP_NONE;
    long r = space_attach(&a);
    rpc_put64(out, a.start);
    return r;
}

static long op_detach(struct rpc *in, struct rpc *out)
{
    l4_addr_t addr = rpc_get64(in), start = 0;
    l4_umword_t size = rpc_get64(in), length = 0, ref = 0;
    uint32_t flags = rpc_get32(in);

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    long r = space_detach(addr, size, flags, &start, &length, &ref);
    rpc_put64(out, start);
    rpc_put64(out, length);
    rpc_put64(out, ref);
    return r;
}

static long op_find(struct rpc *in, struct rpc *out)
{
    l4_addr_t addr = rpc_get64(in);
    l4_umword_t size = rpc_get64(in);

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    if (size == 0 || addr + size - 1 < addr)
        return -L4_EINVAL;
    const struct region *r = region_find(&space, addr, addr + size - 1);
    uint32_t extra = 0;
    if (r == 0) {
        r = region_area_find(&space, addr, addr + size - 1);
        extra = REGION_IN_AREA;
    }
    if (r == 0)
        return -L4_ENOENT;
    rpc_put64(out, r->start);
    rpc_put64(out, r->end + 1 - r->start);
    rpc_put32(out, r->flags | extra);
    rpc_put64(out, r->offset);
    rpc_put64(out, r->client_ref);
    return 0;
}

static long op_reserve_area(struct rpc *in, struct rpc *out)
{
    l4_addr_t start = rpc_get64(in);
    l4_umword_t size = rpc_get64(in);
    uint32_t flags = rpc_get32(in);
    unsigned align = rpc_get8(in);

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    long r = space_reserve(&start, size, flags, align);
    rpc_put64(out, start);
    return r;
}

static long op_free_area(struct rpc *in, struct rpc *out)
{
    l4_addr_t addr = rpc_get64(in);

    (void)out;
    return in->bad ? -L4_EMSGTOOSHORT : space_free_area(addr);
}

#define RECORDS_MAX 21u /* 24 bytes each, in 504 */

static long list(struct rpc *in, struct rpc *out, struct region *(*find)(const struct region_map *, word_t, word_t))
{
    l4_addr_t from = rpc_get64(in);
    const struct region *r;
    long n = 0;

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    while (n < (long)RECORDS_MAX && (r = find(&space, from, ~0ul)) != 0) {
        rpc_put64(out, r->start);
        rpc_put64(out, r->end);
        rpc_put64(out, r->flags);
        n++;
        if (r->end == ~0ul)
            break;
        from = r->end + 1;
    }
    return n;
}
static long op_get_regions(struct rpc *in, struct rpc *out) { return list(in, out, region_find); }
static long op_get_areas(struct rpc *in, struct rpc *out) { return list(in, out, region_area_find); }

static long op_get_info(struct rpc *in, struct rpc *out)
{
    l4_addr_t addr = rpc_get64(in);

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    const struct region *r = region_find(&space, addr, addr);
    if (r == 0)
        return -L4_ENOENT;
    rpc_put_chars(out, r->name, (unsigned)strlen(r->name) + 1);
    rpc_put64(out, r->backing);
    return 0;
}

static long op_add_rescue(struct rpc *in, struct rpc *out)
{
    l4_addr_t begin = rpc_get64(in), end = rpc_get64(in), pc = rpc_get64(in);

    (void)out;
    return in->bad ? -L4_EMSGTOOSHORT : rescue_add(begin, end, pc);
}

static long op_remove_rescue(struct rpc *in, struct rpc *out)
{
    l4_addr_t pc = rpc_get64(in);

    (void)out;
    return in->bad ? -L4_EMSGTOOSHORT : rescue_remove(pc);
}

/*
 * Runs in the caller's own context, on its stack, with its UTCB: brings in [min, max] by asking us page by page, as the
 * kernel would. Lies in our text, which every thread of the task can execute.
 */
static long page_in_helper(l4_addr_t min, l4_addr_t max, unsigned rights)
{
    unsigned access = (rights & REGION_W) != 0 ? ACCESS_WRITE : (rights & REGION_X) != 0 ? ACCESS_FETCH : 0;

    if (((min | (max + 1)) & (L4_PAGESIZE - 1)) != 0 || max < min)
        return -L4_EINVAL;
    for (l4_addr_t at = min;; at += L4_PAGESIZE) {
        struct rpc m = rpc_write();
        rpc_put64(&m, at | access);
        rpc_put64(&m, 0);
        rpc_buffer(&m, L4_ITEM_MAP);
        rpc_buffer(&m, l4_fpage(0, L4_WHOLE_ADDRESS_SPACE, 0).raw);
        long r = rpc_call(&m, rm_gate, L4_PROTO_PAGE_FAULT);
        if (r < 0 || max - at < L4_PAGESIZE)
            return r;
    }
}

static long op_page_in(struct rpc *in, struct rpc *out)
{
    rpc_get64(in);
    rpc_get64(in);
    rpc_get16(in);
    if (in->bad)
        return -L4_EMSGTOOSHORT;
    rpc_put64(out, (uint64_t)page_in_helper);
    rpc_item(out, 0, 0);
    return 0;
}

typedef long operation(struct rpc *in, struct rpc *out);

static long dispatch(struct rpc *in, struct rpc *out, operation *const *table, unsigned count)
{
    uint32_t op = rpc_get32(in);

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    return op < count ? table[op](in, out) : -L4_ENOSYS;
}

long service_rm(struct rpc *in, struct rpc *out)
{
    static operation *const table[] = {op_attach, op_detach, op_find, op_reserve_area, op_free_area, op_get_regions,
                                       op_get_areas, op_get_info, op_add_rescue, op_remove_rescue, op_page_in};

    return dispatch(in, out, table, sizeof table / sizeof *table);
}

/* The page is in place when we answer; the item is void. */
long service_fault(struct rpc *in, struct rpc *out)
{
    l4_umword_t address = rpc_get64(in), ip = rpc_get64(in);

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    long r = fault_resolve(address & ~7ul, address & (ACCESS_WRITE | ACCESS_FETCH), ip);
    rpc_item(out, 0, 0);
    return r < 0 ? r : 0;
}

long service_io_fault(struct rpc *in)
{
    l4_umword_t ports = rpc_get64(in), ip = rpc_get64(in);

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    say("%s: no access to I/O port %lx, instruction pointer %lx", program_name(), ports >> 12, ip);
    return -L4_ENOMEM;
}

long service_debug(struct rpc *in)
{
    rpc_get64(in);
    if (in->bad)
        return -L4_EMSGTOOSHORT;
    space_dump();
    return 0;
}

/* ---- Itas ---- */

/* The thread that item n names; a slot that holds none of the registered threads: -3. */
static long arg_thread(struct rpc *in, unsigned n, struct thread **t)
{
    l4_cap_idx_t slot;
    long r = arg_cap(in, n, &slot);

    if (r < 0)
        return r;
    *t = thread_find(slot);
    return *t != 0 ? 0 : -3;
}

static long op_register_thread(struct rpc *in, struct rpc *out)
{
    l4_addr_t utcb = rpc_get64(in);
    l4_cap_idx_t parent, slot;
    struct thread *t;

    (void)out;
    if (in->bad)
        return -L4_EMSGTOOSHORT;
    long r = arg_cap(in, 0, &parent);
    if (r >= 0)
        r = arg_cap(in, 1, &slot);
    if (r < 0)
        return r;
    r = thread_register(slot, utcb, &t);
    if (r < 0)
        return r;
    ((l4_utcb_t *)utcb)->free_marker = 1;
    const struct thread *p = thread_find(parent);
    if (p != 0)
        t->blocked = p->blocked;
    return 0;
}

static long op_unregister_thread(struct rpc *in, struct rpc *out)
{
    l4_cap_idx_t slot;
    long r = arg_cap(in, 0, &slot);

    (void)out;
    return r < 0 ? r : thread_unregister(slot);
}

static long op_sigaction(struct rpc *in, struct rpc *out)
{
    int signal = (int)rpc_get32(in);
    struct signal_action a, old;

    rpc_fits(in, 0, 8);
    const void *raw = rpc_get_raw(in, sizeof a);
    if (raw == 0)
        return -L4_EMSGTOOSHORT;
    memcpy(&a, raw, sizeof a);
    long r = signal_action_change(signal, &a, &old);
    if (r >= 0)
        rpc_put_raw(out, &old, sizeof old);
    return r;
}

static long op_sigaltstack(struct rpc *in, struct rpc *out)
{
    struct thread *t;

    rpc_fits(in, 0, 8);
    const void *raw = rpc_get_raw(in, sizeof t->stack);
    if (raw == 0)
        return -L4_EMSGTOOSHORT;
    long r = arg_thread(in, 0, &t);
    if (r < 0)
        return r;
    rpc_put_raw(out, &t->stack, sizeof t->stack);
    memcpy(&t->stack, raw, sizeof t->stack);
    return 0;
}

#define SET_BYTES 128u

static long put_set(struct rpc *out, uint64_t set)
{
    rpc_put64(out, set);
    for (unsigned i = 8; i < SET_BYTES; i += 8)
        rpc_put64(out, 0);
    return 0;
}

static long op_sigprocmask(struct rpc *in, struct rpc *out)
{
    int how = (int)rpc_get32(in);
    uint64_t set = rpc_get64(in), old;
    struct thread *t;

    if (rpc_get_raw(in, SET_BYTES - 8) == 0)
        return -L4_EMSGTOOSHORT;
    long r = arg_thread(in, 0, &t);
    if (r >= 0)
        r = signal_mask_change(how, set, t, &old);
    return r < 0 ? r : put_set(out, old);
}

static long op_sigpending(struct rpc *in, struct rpc *out)
{
    struct thread *t;
    long r = arg_thread(in, 0, &t);

    return r < 0 ? r : put_set(out, t->pending);
}

static long op_setitimer(struct rpc *in, struct rpc *out)
{
    unsigned which = rpc_get32(in);
    struct timer_setting s, old;

    rpc_fits(in, 0, 8);
    const void *raw = rpc_get_raw(in, sizeof s);
    if (raw == 0)
        return -L4_EMSGTOOSHORT;
    memcpy(&s, raw, sizeof s);
    long r = timer_set(which, &s, &old);
    if (r >= 0)
        rpc_put_raw(out, &old, sizeof old);
    return r;
}

static long op_getitimer(struct rpc *in, struct rpc *out)
{
    unsigned which = rpc_get32(in);
    struct timer_setting s;

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    long r = timer_get(which, &s);
    if (r >= 0)
        rpc_put_raw(out, &s, sizeof s);
    return r;
}

static long op_raise(struct rpc *in, struct rpc *out)
{
    int signal = (int)rpc_get32(in);
    struct thread *t;

    (void)out;
    if (in->bad)
        return -L4_EMSGTOOSHORT;
    long r = arg_thread(in, 0, &t);
    return r < 0 ? r : signal_raise(signal, t);
}

long service_itas(struct rpc *in, struct rpc *out)
{
    static operation *const table[] = {op_register_thread, op_unregister_thread, op_sigaction, op_sigaltstack,
                                       op_sigprocmask, op_sigpending, op_setitimer, op_getitimer, op_raise};

    return dispatch(in, out, table, sizeof table / sizeof *table);
}

/* ---- what we are ---- */

struct interface {
    int64_t protocol;
    const char *name;
};
static const struct interface rm_interfaces[] = {
    {0, "v"}, {PROTO_RM, "N4L4Re2RmE"}, {L4_PROTO_PAGE_FAULT, "N2L45PagerE"},
    {L4_PROTO_IO_PAGE_FAULT, "N2L48Io_pagerE"}, {L4_PROTO_EXCEPTION, "N2L49ExceptionE"},
    {PROTO_DEBUG, "N4L4Re9Debug_objE"},
};
static const struct interface itas_interfaces[] = {{PROTO_ITAS, "N4L4Re4ItasE"}};

long service_meta(struct rpc *in, struct rpc *out, l4_umword_t label)
{
    const struct interface *list_of = label == LABEL_RM ? rm_interfaces : itas_interfaces;
    unsigned count = label == LABEL_RM ? sizeof rm_interfaces / sizeof *rm_interfaces : 1;
    uint32_t op = rpc_get32(in);

    if (in->bad)
        return -L4_EMSGTOOSHORT;
    if (op == 0)
        return count;
    if (op > 2)
        return -L4_ENOSYS;
    uint64_t which = rpc_get64(in);
    if (in->bad)
        return -L4_EMSGTOOSHORT;
    if (op == 2) {
        for (unsigned i = 0; i < count; i++)
            if (which != 0 && list_of[i].protocol == (int64_t)which)
                return 1;
        return 0;
    }
    if (which >= count)
        return -L4_ERANGE;
    rpc_put64(out, (uint64_t)list_of[which].protocol);
    rpc_put_chars(out, list_of[which].name, (unsigned)strlen(list_of[which].name) + 1);
    return 0;
}
