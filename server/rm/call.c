/* SPDX-License-Identifier: MIT */
/* Requests of the in-task service to other servers: dataspaces, the outer region map, name spaces. */
#include "rm.h"

/* ---- dataspaces ---- */

enum { DS_MAP = 0, DS_INFO = 2, DS_COPY_IN = 3 };

long ds_info(l4_cap_idx_t ds, l4_umword_t *size)
{
    struct rpc m = rpc_write();

    rpc_put32(&m, DS_INFO);
    long r = rpc_call(&m, ds, PROTO_DATASPACE);
    *size = rpc_get64(&m);
    return r < 0 ? r : m.bad ? -L4_EMSGTOOSHORT : 0;
}

/*
 * Maps what lies at `offset` to the page of `at`: the receive window is the largest aligned block around it that
 * fits into [min, max], and the server may send any part of it. *order: how much came.
 */
long ds_map(l4_cap_idx_t ds, l4_umword_t offset, l4_addr_t at, l4_addr_t min, l4_addr_t max, unsigned rights,
            unsigned *order)
{
    at = l4_trunc_page(at);
    unsigned window = l4_fpage_max_order(L4_PAGESHIFT, at, min, max, 0);
    l4_addr_t base = l4_trunc_size(at, (unsigned char)window);
    struct rpc m = rpc_write();

    rpc_put32(&m, DS_MAP);
    rpc_put64(&m, l4_trunc_page(offset));
    rpc_put64(&m, at - base);
    rpc_put64(&m, rights);
    rpc_want_memory(&m, base, window);
    long r = rpc_call(&m, ds, PROTO_DATASPACE);
    if (r < 0)
        return r;
    l4_umword_t control = l4_utcb_mr()->mr[m.limit / 8];
    if (m.items == 0 || (control & 0x3e) == 0x1a || control == 0)
        return -L4_ENOMEM; /* nothing was mapped */
    *order = (unsigned)(control >> 6 & 63);
    return 0;
}

long ds_copy_in(l4_cap_idx_t ds, l4_umword_t to, l4_cap_idx_t source, l4_umword_t from, l4_umword_t size)
{
    struct rpc m = rpc_write();

    rpc_put32(&m, DS_COPY_IN);
    rpc_put64(&m, to);
    rpc_put64(&m, from);
    rpc_put64(&m, size);
    rpc_put_cap(&m, source, L4_CAP_FPAGE_RWS);
    return rpc_call(&m, ds, PROTO_DATASPACE);
}

long ds_create(l4_cap_idx_t slot, l4_umword_t size, l4_umword_t flags)
{
    struct rpc m = rpc_write();

    rpc_put64(&m, PROTO_DATASPACE);
    rpc_put64(&m, 8ul << 16 | L4_VARG_TYPE_MWORD);
    rpc_put64(&m, size);
    rpc_put64(&m, 8ul << 16 | L4_VARG_TYPE_UMWORD);
    rpc_put64(&m, flags);
    rpc_want_cap(&m, slot);
    return rpc_call(&m, startup.env->mem_alloc, L4_PROTO_FACTORY);
}

/* ---- the outer region map ---- */

enum { RM_ATTACH = 0, RM_DETACH = 1, RM_GET_REGIONS = 5, RM_GET_INFO = 7 };

long outer_attach(l4_addr_t at, l4_umword_t size, uint32_t flags, l4_cap_idx_t ds, l4_umword_t offset)
{
    struct rpc m = rpc_write();

    rpc_put32(&m, RM_ATTACH);
    rpc_put64(&m, at);
    rpc_put64(&m, size);
    rpc_put32(&m, flags);
    rpc_put64(&m, offset);
    rpc_put8(&m, L4_PAGESHIFT);
    rpc_put64(&m, CAP_NONE);
    rpc_put_chars(&m, "", 1);
    rpc_put64(&m, 0);
    if (l4_is_valid_cap(ds))
        rpc_put_cap(&m, ds, L4_CAP_FPAGE_RWS);
    return rpc_call(&m, startup.env->rm, PROTO_RM);
}

/* The outer map has the same pieces as ours, or smaller ones: goes on until the range is empty. */
long outer_detach(l4_addr_t at, l4_umword_t size)
{
    long r;

    do {
        struct rpc m = rpc_write();
        rpc_put32(&m, RM_DETACH);
        rpc_put64(&m, at);
        rpc_put64(&m, size);
        rpc_put32(&m, REGION_DETACH_EXACT);
        r = rpc_call(&m, startup.env->rm, PROTO_RM);
    } while (r >= 0 && (r & REGION_AGAIN) != 0);
    return r;
}

/* A page fault as the kernel would send it; what is mapped comes into this task, at the same address. */
long outer_fault(l4_addr_t address_and_access, l4_addr_t ip)
{
    struct rpc m = rpc_write();

    rpc_put64(&m, address_and_access);
    rpc_put64(&m, ip);
    rpc_buffer(&m, L4_ITEM_MAP);
    rpc_buffer(&m, l4_fpage(0, L4_WHOLE_ADDRESS_SPACE, 0).raw);
    return rpc_call(&m, startup.env->rm, L4_PROTO_PAGE_FAULT);
}

long outer_list(int opcode, l4_addr_t from, void *records)
{
    struct rpc m = rpc_write();

    rpc_put32(&m, (uint32_t)opcode);
    rpc_put64(&m, from);
    long n = rpc_call(&m, startup.env->rm, PROTO_RM);
    if (n <= 0)
        return n;
    const void *raw = n <= 21 ? rpc_get_raw(&m, (unsigned)n * 24) : 0;
    if (raw == 0)
        return -L4_EMSGTOOSHORT;
    memcpy(records, raw, (size_t)n * 24);
    return n;
}

long outer_name(l4_addr_t address, char name[REGION_NAME_LEN + 1])
{
    struct rpc m = rpc_write();
    uint64_t count;

    name[0] = 0;
    rpc_put32(&m, RM_GET_INFO);
    rpc_put64(&m, address);
    long r = rpc_call(&m, startup.env->rm, PROTO_RM);
    if (r < 0)
        return r;
    const char *chars = rpc_get_chars(&m, &count);
    for (unsigned i = 0; chars != 0 && i < count && i < REGION_NAME_LEN && chars[i] != 0; i++) {
        name[i] = chars[i];
        name[i + 1] = 0;
    }
    return 0;
}

/* ---- names ---- */

/* Names of capabilities are cut to what an entry holds. */
static l4_cap_idx_t named_cap(const char *name, size_t length)
{
    const struct start_cap *c = (const struct start_cap *)startup.env->caps;

    length = length < sizeof c->name ? length : sizeof c->name;
    for (; c->flags != ~0ul; c++) {
        size_t have = 0;
        while (have < sizeof c->name && c->name[have] != 0)
            have++;
        if (have == length && memcmp(c->name, name, length) == 0)
            return c->cap;
    }
    return CAP_NONE;
}

/* One query: the capability goes to `slot`; *rest: how many characters at the end of the path are still to be asked. */
static long ns_query(l4_cap_idx_t ns, const char *path, size_t length, l4_cap_idx_t slot, size_t *rest)
{
    struct rpc m = rpc_write();
    uint64_t left;

    rpc_put32(&m, 0);
    rpc_put_chars(&m, path, (unsigned)length);
    rpc_want_cap(&m, slot);
    long r = rpc_call(&m, ns, PROTO_NAMESPACE);
    *rest = 0;
    if (r < 0 || (r & 0x20) == 0)
        return r;
    rpc_get32(&m);
    rpc_get_chars(&m, &left);
    if (m.bad || left == 0 || left >= length)
        return -L4_EINVAL;
    *rest = left;
    return 0;
}

#define RETRY_MS_FIRST 10u
#define RETRY_MS_MOST 160u
#define PATH_MAX_CHARS 400u

static long query_path(l4_cap_idx_t ns, const char *path, size_t length, l4_cap_idx_t slot)
{
    unsigned pause = RETRY_MS_FIRST;

    for (;;) {
        size_t rest;
        long r = ns_query(ns, path, length, slot, &rest);
        if (r == -L4_EAGAIN) { /* the name is there, its object comes later */
            l4_ipc_sleep_ms(pause);
            pause = pause < RETRY_MS_MOST ? 2 * pause : RETRY_MS_MOST;
            continue;
        }
        if (r < 0 || rest == 0)
            return r;
        path += length - rest;
        length = rest;
        /* The directory stays in a slot of its own while its own answer comes into `slot`. */
        l4_cap_idx_t dir = slot_take();
        if (l4_is_invalid_cap(dir))
            return -L4_ENOMEM;
        l4_task_map(L4_BASE_TASK_CAP, L4_BASE_TASK_CAP, l4_obj_fpage(slot, 0, L4_CAP_FPAGE_RWS),
                    l4_map_obj_control(dir, L4_MAP_ITEM_MAP));
        l4_task_release_cap(L4_BASE_TASK_CAP, slot);
        r = query_path(dir, path, length, slot);
        slot_give(dir);
        return r;
    }
}

long file_open(const char *path, l4_cap_idx_t slot, const char **problem)
{
    size_t first = 0;

    while (path[first] != 0 && path[first] != '/')
        first++;
    l4_cap_idx_t cap = named_cap(path, first);
    if (first == 0 || l4_is_invalid_cap(cap)) {
        *problem = path[0] == 0 ? "no program name" : "no such file (its first part names no capability)";
        return -L4_ENOENT;
    }
    if (path[first] == 0) {
        l4_task_map(L4_BASE_TASK_CAP, L4_BASE_TASK_CAP, l4_obj_fpage(cap, 0, L4_CAP_FPAGE_RWS),
                    l4_map_obj_control(slot, L4_MAP_ITEM_MAP));
        return 0;
    }
    size_t length = strlen(path + first + 1);
    if (length > PATH_MAX_CHARS) {
        *problem = "name too long";
        return -L4_ENAMETOOLONG;
    }
    long r = query_path(cap, path + first + 1, length, slot);
    *problem = r == -L4_ENOENT ? "no such file" : r < 0 ? "the name space does not answer as one" : "";
    return r;
}

/* ---- our own task ---- */

/* Unmaps [start, end] from this task in aligned blocks. */
void range_unmap(l4_addr_t start, l4_addr_t end)
{
    l4_fpage_t block[16];
    unsigned n = 0;

    for (l4_addr_t at = start; at >= start && at < end;) {
        unsigned order = L4_PAGESHIFT;
        while (order < 47 && (at & ((2ul << order) - 1)) == 0 && end - at >= (2ul << order) - 1)
            order++;
        block[n++] = l4_fpage(at, order, L4_FPAGE_RWX);
        at += 1ul << order;
        if (n == sizeof block / sizeof *block) {
            l4_task_unmap_batch(L4_BASE_TASK_CAP, block, n, L4_FP_ALL_SPACES);
            n = 0;
        }
    }
    if (n > 0)
        l4_task_unmap_batch(L4_BASE_TASK_CAP, block, n, L4_FP_ALL_SPACES);
}
