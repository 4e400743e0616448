/* SPDX-License-Identifier: MIT */
/*
 * libl4re's clients against the real servers: dataspaces, the region map, name spaces, the allocator, kernel-user
 * memory, threads without a C library, l4util; what is right, and what each answers to wrong use. Nothing is left over
 * at the end: neither memory nor slots.
 */
#include <l4/re/c/dataspace.h>
#include <l4/re/c/dma_space.h>
#include <l4/re/c/event.h>
#include <l4/re/c/event_buffer.h>
#include <l4/re/c/inhibitor.h>
#include <l4/re/c/log.h>
#include <l4/re/c/mem_alloc.h>
#include <l4/re/c/namespace.h>
#include <l4/re/c/rm.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/c/util/kumem_alloc.h>
#include <l4/re/protocols.h>
#include <l4/sys/factory.h>
#include <l4/sys/semaphore.h>
#include <l4/sys/task.h>
#include <l4/util/backtrace.h>
#include <l4/util/bitops.h>
#include <l4/util/printf_helpers.h>
#include <l4/util/rdtsc.h>
#include <l4/util/splitlog2.h>
#include <l4/util/thread.h>
#include <l4/util/util.h>
#include <string.h>
#include <tap.h>

#define PAGE L4_PAGESIZE

static l4_uint64_t clock_us(void) { return l4_kip_clock(l4re_kip()); }

static void dataspaces(void)
{
    l4re_ds_t a = l4re_util_cap_alloc(), b = l4re_util_cap_alloc(), none = l4re_util_cap_alloc();
    l4re_ds_stats_t s;
    l4_addr_t start, end;
    char *p = NULL, *q = NULL;

    is(l4re_ma_alloc(3 * PAGE + 100, a, 0), 0, "a dataspace");
    is(l4re_ds_info(a, &s), 0, "info");
    is(s.size, 3 * PAGE + 100, "its size as asked for");
    is(s.flags & L4RE_DS_F_RWX, L4RE_DS_F_RWX, "its rights");
    is(l4re_ds_size(none), 0, "size of an empty slot");
    is(l4re_ds_info(none, &s), -2004, "info of an empty slot");
    is(l4re_ma_alloc(0, b, 0), -L4_ERANGE, "size 0");
    is(l4re_ma_alloc(2 * PAGE, b, L4RE_MA_CONTINUOUS), 0, "a continuous one");
    is(l4re_ds_map_info(a, &start, &end), 0, "no fixed address");

    is(l4re_rm_attach((void **)&p, 4 * PAGE, L4RE_RM_F_RW | L4RE_RM_F_SEARCH_ADDR, a, 0, L4_PAGESHIFT), 0, "attach");
    is(l4re_rm_attach((void **)&q, 2 * PAGE, L4RE_RM_F_RW | L4RE_RM_F_SEARCH_ADDR, b, 0, L4_PAGESHIFT), 0, "another");
    ok(p && q && p != q, "at two places");
    is(p[0] | p[3 * PAGE + 99], 0, "zeroed");
    strcpy(p + PAGE, "what was written");
    is(l4re_ds_copy_in(b, 0, a, PAGE, 100), 0, "copy");
    ok(!strcmp(q, "what was written"), "arrives");
    is(l4re_ds_clear(a, PAGE, PAGE), 0, "clear");
    is(p[PAGE], 0, "zero again");
    ok(!strcmp(q, "what was written"), "the copy is a copy");
    is(l4re_ds_clear(a, 5 * PAGE, 1), -L4_ERANGE, "clear behind the end");
    is(l4re_ds_allocate(a, 0, 3 * PAGE), 0, "allocate");
    is(l4re_ds_copy_in(b, 0, l4re_env()->log, 0, 1), -L4_EINVAL, "copy from what is no dataspace");
    ok(l4re_rm_detach(q) >= 0, "detach");
    ok(l4re_rm_detach(p) >= 0, "detach");
    is(l4re_rm_detach(p), -L4_ENOENT, "once only");
    l4re_util_cap_free_um(a);
    l4re_util_cap_free_um(b);
    l4re_util_cap_free(none);
}

static void mapping(void)
{
    l4re_ds_t ds = l4re_util_cap_alloc();
    l4_addr_t area = 0x10000000;
    unsigned order = 0;

    is(l4re_ma_alloc(8 * PAGE, ds, 0), 0, "a dataspace of eight pages");
    is(l4re_rm_reserve_area(&area, 8 * PAGE, L4RE_RM_F_SEARCH_ADDR, L4_PAGESHIFT + 3), 0, "an area");
    is(area & (8 * PAGE - 1), 0, "aligned");
    is(l4re_ds_map(ds, PAGE, L4RE_DS_F_RW, area + PAGE, area, area + 8 * PAGE), 0, "one page, mapped by hand");
    *(volatile int *)(area + PAGE) = 77;
    is(l4re_ds_map_region(ds, 0, L4RE_DS_F_RW, area, area + 8 * PAGE), 0, "the whole of it");
    is(*(volatile int *)(area + PAGE), 77, "the same page");
    *(volatile int *)(area + 7 * PAGE) = 78;
    is(l4re_ds_map_task(ds, 0, L4RE_DS_F_R, area, area, area + PAGE, L4RE_THIS_TASK_CAP, &order), 0, "into a task");
    is(order, L4_PAGESHIFT, "one page");
    is(l4re_ds_map(ds, 9 * PAGE, L4RE_DS_F_R, area, area, area + PAGE), -L4_ERANGE, "behind the end");
    l4_task_unmap(L4RE_THIS_TASK_CAP, l4_fpage(area, L4_PAGESHIFT + 3, L4_FPAGE_RWX), L4_FP_ALL_SPACES);
    is(l4re_rm_free_area(area), 0, "the area is free again");
    is(l4re_rm_free_area(area), -L4_ENOENT, "once only");
    l4re_util_cap_free_um(ds);
}

static void regions(void)
{
    l4re_ds_t ds = l4re_util_cap_alloc(), found;
    char *p = NULL;
    char name[16];
    l4_addr_t addr;
    unsigned long size;
    l4re_rm_offset_t offset;
    l4re_rm_flags_t flags;
    l4re_rm_range_t list[21];
    int n, seen = 0;

    l4re_ma_alloc(4 * PAGE, ds, 0);
    is(l4re_rm_attach_w_info((void **)&p, 2 * PAGE, L4RE_RM_F_R | L4RE_RM_F_SEARCH_ADDR, ds, PAGE, 16,
                             "a long name of a region", 7),
       0, "attach with a name");
    is((l4_addr_t)p & 0xffff, 0, "alignment");
    addr = (l4_addr_t)p + PAGE + 5;
    size = 1;
    is(l4re_rm_find(&addr, &size, &offset, &flags, &found), 0, "find");
    ok(addr == (l4_addr_t)p && size == 2 * PAGE, "the region");
    is(offset, PAGE, "its offset");
    is(flags & L4RE_RM_F_RWX, L4RE_RM_F_R, "its rights");
    is(l4re_rm_get_info((l4_addr_t)p, name, sizeof name, &offset), 0, "info");
    ok(!strcmp(name, "a long name of "), "name, cut to the buffer");
    is(offset, 7, "backing offset");
    addr = 0;
    do {
        n = l4re_rm_get_regions_srv(l4re_env()->rm, addr, list, 21);
        for (int i = 0; i < n; i++) {
            seen += list[i].start == (l4_addr_t)p && list[i].end == (l4_addr_t)p + 2 * PAGE - 1;
            addr = list[i].end + 1;
        }
    } while (n > 0);
    is(n, 0, "the list of regions ends");
    is(seen, 1, "ours is in it once");
    is(l4re_rm_attach((void **)&p, PAGE, L4RE_RM_F_R, ds, 0, L4_PAGESHIFT), -L4_EADDRNOTAVAIL, "a place that is taken");
    is(l4re_rm_page_in_srv(l4re_env()->rm, (l4_addr_t)p, (l4_addr_t)p + 2 * PAGE - 1, L4_FPAGE_RO), 0, "page in");
    is(l4re_rm_detach_ds(p, &found) & L4RE_RM_DETACH_RESULT_MASK, L4RE_RM_DETACHED_DS, "detach");
    addr = (l4_addr_t)p;
    size = 1;
    is(l4re_rm_find(&addr, &size, &offset, &flags, &found), -L4_ENOENT, "nothing there any more");
    l4re_util_cap_free_um(ds);
}

static void names(void)
{
    l4_cap_idx_t ns = l4re_util_cap_alloc(), sub = l4re_util_cap_alloc(), cap = l4re_util_cap_alloc();
    l4_cap_idx_t rom = l4re_env_get_cap("rom");
    l4_uint64_t begin;

    ok(l4_is_valid_cap(rom), "rom");
    is(l4re_ns_query_srv(rom, "l4re", cap) & ~0x20l, 0, "a file in it");
    ok(l4re_ds_size(cap) > 1000, "is a dataspace");
    l4_task_release_cap(L4RE_THIS_TASK_CAP, cap);
    is(l4re_ns_query_env("rom/l4re", cap, 0) & ~0x20l, 0, "the same by its path");
    ok(l4re_ds_size(cap) > 1000, "is a dataspace");
    l4_task_release_cap(L4RE_THIS_TASK_CAP, cap);
    is(l4re_ns_query_srv(rom, "no-such-file", cap), -L4_ENOENT, "no such file");
    is(l4re_ns_query_srv(rom, "", cap), -L4_EINVAL, "empty name");
    is(l4re_ns_query_env("nowhere/file", cap, 0), -L4_ENOENT, "no such directory");
    is(l4re_ns_register_obj_srv(rom, "new", l4re_env()->log, L4RE_NS_REGISTER_RO), -L4_EPERM, "rom cannot be changed");

    is(l4_error(l4_factory_create(l4re_env()->mem_alloc, L4RE_PROTO_NAMESPACE, ns)), 0, "a name space");
    is(l4_error(l4_factory_create(l4re_env()->mem_alloc, L4RE_PROTO_NAMESPACE, sub)), 0, "another one");
    is(l4re_ns_register_obj_srv(ns, "sub", sub, L4RE_NS_REGISTER_RW), 0, "is registered in it");
    is(l4re_ns_register_obj_srv(ns, "sub", sub, L4RE_NS_REGISTER_RW), -L4_EEXIST, "once");
    is(l4re_ns_register_obj_srv(ns, "a/b", sub, 0), -L4_EINVAL, "not under a path");
    is(l4re_ns_register_obj_srv(sub, "log", l4re_env()->log, L4RE_NS_REGISTER_RW), 0, "an object in the inner one");
    is(l4re_ns_query_srv(ns, "sub/log", cap) & ~0x20l, 0, "is found by its path");
    is(l4_error(l4_task_cap_valid(L4RE_THIS_TASK_CAP, cap)), 1, "and there");
    l4_task_release_cap(L4RE_THIS_TASK_CAP, cap);
    is(l4re_ns_query_srv(ns, "sub/nothing", cap), -L4_ENOENT, "another one is not");
    is(l4re_ns_register_obj_srv(ns, "later", L4_INVALID_CAP, 0), 0, "a place holder");
    begin = clock_us();
    is(l4re_ns_query_to_srv(ns, "later", cap, 60), -L4_EAGAIN, "is waited for");
    ok(clock_us() - begin >= 55000, "as long as asked for");
    is(l4re_ns_unlink_srv(ns, "later"), 0, "unlink");
    is(l4re_ns_unlink_srv(ns, "later"), -L4_ENOENT, "once");
    l4re_util_cap_free_um(ns);
    l4re_util_cap_free_um(sub);
    l4re_util_cap_free_um(cap);
}

/* Devices see physical memory where there is no IOMMU. */
static void dma(void)
{
    l4_cap_idx_t mgr = l4re_env_get_cap("dma_mgr"), space = l4re_util_cap_alloc(), ds = l4re_util_cap_alloc();
    l4re_dma_space_dma_addr_t addr = 0;
    l4_size_t size = 2 * PAGE;

    ok(l4_is_valid_cap(mgr), "DMA manager");
    l4re_ma_alloc(2 * PAGE, ds, L4RE_MA_CONTINUOUS);
    is(l4_error(l4_factory_create(l4re_env()->mem_alloc, L4RE_PROTO_DMA_SPACE, space)), 0, "DMA space");
    is(l4re_dma_space_map(space, ds, 0, &size, 1, L4RE_DMA_SPACE_NONE, &addr), -L4_EINVAL, "map before it is tied");
    is(l4re_dma_space_mgr_associate_phys(mgr, space, 0), 0, "tied to physical memory");
    is(l4re_dma_space_mgr_associate_phys(mgr, space, 0), -L4_EBUSY, "once");
    is(l4re_dma_space_map(space, ds, 0, &size, L4RE_DMA_SPACE_SEARCH_ADDR, L4RE_DMA_SPACE_NONE, &addr), 0, "map");
    ok(addr != 0 && !(addr & (PAGE - 1)) && size == 2 * PAGE, "has an address");
    is(l4re_dma_space_unmap(space, addr, size, 0, L4RE_DMA_SPACE_NONE), 0, "unmap");
    is(l4re_dma_space_mgr_disassociate(mgr, space), 0, "no longer tied");
    is(l4re_event_get_num_streams(mgr), -L4_EBADPROTO, "it is no event server");
    is(l4re_inhibitor_acquire(mgr, 0, "test"), -L4_EBADPROTO, "nor an inhibitor");
    l4re_util_cap_free_um(space);
    l4re_util_cap_free_um(ds);
}

static long long event_sum;
static void event_seen(l4re_event_t *e, void *data) { event_sum += e->value + (data != NULL); }

/* A ring of one page; we are the producer, too. */
static void event_ring(void)
{
    l4re_ds_t ds = l4re_util_cap_alloc();
    l4re_event_buffer_consumer_t ring;
    l4re_event_t *slot = NULL;
    int data;

    l4re_ma_alloc(PAGE, ds, 0);
    l4re_rm_attach((void **)&slot, PAGE, L4RE_RM_F_RW | L4RE_RM_F_SEARCH_ADDR, ds, 0, L4_PAGESHIFT);
    is(l4re_event_buffer_attach(&ring, ds, l4re_env()->rm), 0, "event ring");
    ok(l4re_event_buffer_next(&ring) == NULL, "empty");
    for (unsigned i = 0; i < PAGE / sizeof *slot; i++) {
        slot[i].value = 2;
        slot[i].time = 1;
    }
    l4re_event_buffer_consumer_foreach_available_event(&ring, &data, event_seen);
    is(event_sum, 3 * (long)(PAGE / sizeof *slot), "all events are seen once");
    is(slot[5].time, 0, "and their slots are free");
    slot[0].time = 9;
    ok(l4re_event_buffer_next(&ring) != NULL, "after the last slot comes the first");
    is(l4re_event_buffer_detach(&ring, l4re_env()->rm) >= 0, 1, "detach");
    l4re_rm_detach(slot);
    l4re_util_cap_free_um(ds);
}

static l4_cap_idx_t done;
static volatile long thread_value;
static char thread_stack[8192] __attribute__((aligned(16)));

static void thread_main(void)
{
    thread_value = 4711;
    l4_semaphore_up(done);
    l4_sleep_forever();
}

static void threads(void)
{
    l4_cap_idx_t thread = l4re_util_cap_alloc();
    l4_addr_t kumem = 0;

    done = l4re_util_cap_alloc();
    is(l4re_util_kumem_alloc(&kumem, 0, L4RE_THIS_TASK_CAP, l4re_env()->rm), 0, "kernel-user memory");
    is(l4re_util_kumem_alloc(&kumem, 9, L4RE_THIS_TASK_CAP, l4re_env()->rm), -L4_EINVAL, "too much of it");
    is(l4_error(l4_factory_create(l4re_env()->factory, L4_PROTO_SEMAPHORE, done)), 0, "semaphore");
    is(l4util_create_thread(thread, (l4_utcb_t *)kumem, l4re_env()->factory, (l4_umword_t)thread_main,
                            l4_align_stack_for_direct_fncall((l4_umword_t)thread_stack + sizeof thread_stack),
                            l4re_env()->rm, L4RE_THIS_TASK_CAP, l4re_env()->scheduler, l4_sched_param(2, 0)),
       0, "a thread");
    is(l4_error(l4_semaphore_down(done, l4_timeout(L4_IPC_TIMEOUT_NEVER, l4_timeout_from_us(2000000)))), 0,
       "it has run");
    is(thread_value, 4711, "in our memory");
    is(l4_ipc_error(l4_semaphore_down(done, L4_IPC_RECV_TIMEOUT_0), l4_utcb()), L4_IPC_RETIMEOUT, "semaphore is 0");
    is(l4util_create_thread(L4_INVALID_CAP, NULL, l4re_env()->log, 0, 0, 0, 0, 0, l4_sched_param(2, 0)) < 0, 1,
       "what is no factory makes no thread");
    l4_task_delete_obj(L4RE_THIS_TASK_CAP, thread);
    l4_task_delete_obj(L4RE_THIS_TASK_CAP, done);
    l4re_util_cap_free(thread);
    l4re_util_cap_free(done);
}

/* An invalid selector names the calling thread to the kernel: every client must end with an error instead of waiting
 * for itself. */
static void invalid(void)
{
    l4_cap_idx_t slot = l4re_util_cap_alloc();
    l4re_ma_stats_t before, after;
    l4_addr_t addr = 0;
    unsigned refused = 0;

    is(l4re_ds_size(L4_INVALID_CAP), 0, "no dataspace");
    is(l4re_ds_clear(L4_INVALID_CAP, 0, 1), -2004, "as with an empty slot");
    is(l4re_ns_query_srv(L4_INVALID_CAP, "x", slot), -2004, "no name space");
    is(l4re_ma_alloc_align_srv(L4_INVALID_CAP, PAGE, slot, 0, 0), -2004, "no allocator");
    is(l4re_rm_reserve_area_srv(L4_INVALID_CAP, &addr, PAGE, L4RE_RM_F_SEARCH_ADDR, 0), -2004, "no region map");
    l4re_log_print_srv(L4_INVALID_CAP, "x");
    is(l4re_ma_info_srv(l4re_env()->mem_alloc, &before), 0, "what is used");
    for (unsigned i = 0; i < 100; i++)
        refused += l4re_ma_alloc(16 * PAGE, L4_INVALID_CAP, L4RE_MA_CONTINUOUS) < 0;
    is(l4re_ma_info_srv(l4re_env()->mem_alloc, &after), 0, "afterwards");
    ok(after.quota_used <= before.quota_used + 32 * PAGE, "memory that nobody can hold does not stay");
    is(refused, 100, "and is refused");
    is(l4re_ns_query_srv(l4re_env_get_cap("rom"), "l4re", L4_INVALID_CAP), -L4_EINVAL, "nor does a name");
    l4re_util_cap_free(slot);
}

static long blocks;
static long count_block(l4_addr_t s, l4_addr_t e, int log2size)
{
    blocks = blocks * 100 + log2size;
    return e - s + 1 == 1ul << log2size && (s & (e - s)) == 0 ? 0 : -1;
}

static void util(void)
{
    l4_umword_t bits[2] = {0, 0};
    l4_uint64_t begin = clock_us(), us;
    l4_cpu_time_t tsc;
    char text[24];
    void *pcs[4];

    l4_sleep(30);
    us = clock_us() - begin;
    ok(us >= 30000 && us < 2000000, "sleep takes its time");
    ok(l4_calibrate_tsc(l4re_kip()) != 0, "time-stamp counter");
    begin = clock_us();
    tsc = l4_rdtsc();
    l4_usleep(20000);
    tsc = l4_tsc_to_us(l4_rdtsc() - tsc);
    us = clock_us() - begin;
    ok(tsc <= us + 5000 && us <= tsc + 5000, "both clocks agree");
    is(l4util_bts(65, bits), 0, "set a bit");
    is(l4util_bts(65, bits), 1, "it was set");
    is(l4util_find_first_set_bit(bits, 128), 65, "found");
    is(l4util_bsr(0x1001), 12, "highest bit");
    is(l4util_bsf(0), -1, "no bit");
    is(l4util_next_power2(4097), 8192, "power of two");
    is(l4util_splitlog2_hdl(0x3000, 0xffff, count_block), 0, "range in blocks");
    is(blocks, 121415, "page, 16 KiB, 32 KiB");
    is(l4util_human_readable_size(text, sizeof text, 1023), 6, "size");
    ok(!strcmp(text, "1023 B"), "in bytes");
    l4util_human_readable_size(text, sizeof text, 12 * 1024 * 1024 + 512 * 1024);
    ok(!strcmp(text, "12.5 MiB"), "in megabytes");
    l4util_human_readable_size(text, sizeof text, ~0ull);
    ok(!strcmp(text, "15.9 EiB"), "the largest");
    is(l4util_human_readable_size(text, 4, 1023), 3, "cut to the buffer");
    ok(l4util_backtrace(pcs, 4) >= 1, "return addresses");
}

int main(void)
{
    l4re_ma_stats_t before, after;
    l4_cap_idx_t first = l4re_util_cap_alloc();

    l4re_util_cap_free(first);
    is(l4re_ma_info_srv(l4re_env()->mem_alloc, &before), 0, "the allocator tells what it has");
    ok(before.mem_free > 0, "there is free memory");
    dataspaces();
    mapping();
    regions();
    names();
    dma();
    event_ring();
    threads();
    invalid();
    util();
    l4re_log_print("# a line by the log's own function\n");
    is(l4re_ma_info_srv(l4re_env()->mem_alloc, &after), 0, "the allocator again");
    ok(after.quota_used <= before.quota_used + 64 * PAGE, "no memory is lost");
    for (unsigned i = 0; i < l4re_util_caps()->count; i++)
        if (l4re_util_caps()->refs[i])
            is(i, 0, "a slot that nobody has given back");
    return tap_done();
}
