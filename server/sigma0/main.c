/* SPDX-License-Identifier: MIT */
/*
 * sigma0, the first pager. It owns all memory and all I/O ports at the start and gives each piece to the first client
 * who asks. One thread, one message at a time, static tables, no heap and no C library; no request can stop it:
 * whatever is wrong with one is said in the label of the reply.
 *
 *  - Memory is known by page frame: RAM (free or owned by one client), device memory (for everybody), or nobody's.
 *    Sources: the memory descriptors in the kernel interface page, in order of precedence: reserved and dedicated,
 *    boot loader, other firmware, conventional.
 *  - A client is known by its gate: label = client number << 4. The root task is client 4; further ones are made by
 *    the factory protocol.
 *  - sigma0 maps 1:1. It need not have a page mapped itself to send it.
 */
#include <l4/sys/factory.h>
#include <l4/sys/kdebug.h>
#include <l4/sys/memdesc.h>
#include <l4/sys/scheduler.h>
#include "span.h"

#define PRIORITY 255u
#define CLIENT_SHIFT 4u
#define CLIENT_ROOT 4u
#define CLIENT_FIRST_NEW 12u
#define CLIENT_LAST 0xffffu
#define LABEL_RIGHT_S 2ul
#define FRAME_LAST (~0ul >> L4_PAGESHIFT)
#define PORT_LAST 0xfffful
#define SLOT_NEW_GATE (0x20ul << L4_CAP_SHIFT)
#define PAGE_FAULT_W 2ul
#define PAGE_FAULT_X 4ul

/* Requests with label L4_PROTO_SIGMA0: id in bits 4-7, all bits above 7 set. */
enum request {
    REQ_RAM = 0x60,
    REQ_IOMEM = 0x70,
    REQ_IOMEM_CACHED = 0x80,
    REQ_ANY_RAM = 0x90,
    REQ_KIP = 0xa0,
    REQ_DEBUG_DUMP = 0xc0
};
#define REQ_MAGIC (~0xfful)
#define REQ_ID 0xf0ul

enum { META_COUNT = 0, META_INTERFACE = 1, META_SUPPORTS = 2 };

static struct span frame_table[256], port_table[64];
static struct span_map frames, ports;
static unsigned client_next = CLIENT_FIRST_NEW;

void l4_start(unsigned long kip, l4_umword_t *stack);

/* ---- replies ---- */

static l4_msgtag_t reply_error(long err) { return l4_msgtag(err, 0, 0, 0); }

static l4_msgtag_t reply_item(l4_umword_t control, l4_fpage_t fp)
{
    l4_utcb_mr()->mr[0] = control;
    l4_utcb_mr()->mr[1] = fp.raw;
    return l4_msgtag(0, 0, 1, 0);
}

static l4_msgtag_t reply_memory(l4_addr_t addr, unsigned order, unsigned char rights, unsigned char cache)
{
    return reply_item(l4_map_control(addr, cache, 0), l4_fpage(addr, order, rights));
}

/* ---- the memory map ---- */

/* Descriptors of types in the mask get attr. inward: only whole pages inside, else every page touched. */
static int frames_apply(l4_kernel_info_t *kip, unsigned type_mask, int inward, struct span_attr attr)
{
    l4_kernel_info_mem_desc_t *md = l4_kernel_info_get_mem_descs(kip);
    unsigned count = l4_kernel_info_get_num_mem_descs(kip);

    for (unsigned i = 0; i < count; i++) {
        l4_addr_t start = l4_kernel_info_get_mem_desc_start(&md[i]), last = l4_kernel_info_get_mem_desc_end(&md[i]);
        l4_umword_t first, end;

        if (!(type_mask >> l4_kernel_info_get_mem_desc_type(&md[i]) & 1) ||
            l4_kernel_info_get_mem_desc_is_virtual(&md[i]) || last < start)
            continue;
        first = (inward ? l4_round_page(start) : start) >> L4_PAGESHIFT;
        end = (inward ? last + 1 : l4_trunc_page(last) + L4_PAGESIZE) >> L4_PAGESHIFT; /* 0: to the last frame */
        end = end ? end - 1 : FRAME_LAST;
        if (attr.kind == SPAN_RAM && attr.owner) /* boot loader: rights of the segment */
            attr.rights = (l4_uint8_t)l4_kernel_info_get_mem_desc_subtype(&md[i]) & L4_FPAGE_RWX;
        if (first <= end && span_set(&frames, first, end, attr) < 0)
            return -L4_ENOMEM;
    }
    return 0;
}

static int frames_init(l4_kernel_info_t *kip)
{
    unsigned const device_types = 1u << l4_mem_type_shared | 1u << l4_mem_type_info | 1u << l4_mem_type_archspecific;
    unsigned const nobodys_types = 1u << l4_mem_type_reserved | 1u << l4_mem_type_dedicated | 1u << L4_MEM_KERNEL_TMP;
    struct span_attr const none = {0, SPAN_NONE, 0};
    struct span_attr const io = {0, SPAN_IO, L4_FPAGE_RW};
    struct span_attr const ram = {0, SPAN_RAM, L4_FPAGE_RWX};
    struct span_attr const boot = {CLIENT_ROOT, SPAN_RAM, L4_FPAGE_RWX};

    span_init(&frames, frame_table, sizeof frame_table / sizeof frame_table[0], FRAME_LAST, io);
    span_init(&ports, port_table, sizeof port_table / sizeof port_table[0], PORT_LAST, io);
    if (frames_apply(kip, 1u << l4_mem_type_conventional, 1, ram) < 0 ||
        frames_apply(kip, device_types, 0, io) < 0 ||
        frames_apply(kip, 1u << l4_mem_type_bootloader, 0, boot) < 0 ||
        frames_apply(kip, nobodys_types, 0, none) < 0)
        return -L4_ENOMEM;
    return 0;
}

static void dump(void)
{
    static char const *const kind[] = {"nobody's", "device", "RAM"};

    l4_kd_outstring("sigma0: frames\n");
    for (unsigned i = 0; i < frames.count; i++) {
        l4_kd_outhex64(frames.span[i].first << L4_PAGESHIFT);
        l4_kd_outchar('-');
        l4_kd_outhex64(span_last(&frames, i) << L4_PAGESHIFT | 0xfff);
        l4_kd_outchar(' ');
        l4_kd_outstring(kind[frames.span[i].attr.kind]);
        if (frames.span[i].attr.owner) {
            l4_kd_outstring(" of client ");
            l4_kd_outdec(frames.span[i].attr.owner);
        }
        l4_kd_outchar('\n');
    }
}

/* ---- requests ---- */

static l4_msgtag_t give_ram(unsigned client, l4_fpage_t fp)
{
    l4_umword_t first = l4_fpage_page(fp);
    unsigned order = l4_fpage_size(fp) - L4_PAGESHIFT;
    l4_umword_t pages = 1ul << order;

    if (first & (pages - 1))
        return reply_error(-L4_EINVAL);
    if (span_claim(&frames, first, first + pages - 1, SPAN_RAM, client) < 0)
        return reply_error(-L4_ENOMEM);
    return reply_memory(l4_fpage_memaddr(fp), l4_fpage_size(fp), L4_FPAGE_RWX, L4_FPAGE_CACHEABLE);
}

static l4_msgtag_t give_any_ram(unsigned client, l4_fpage_t fp)
{
    unsigned order = l4_fpage_size(fp) - L4_PAGESHIFT;
    l4_umword_t first;

    if (span_find(&frames, order, SPAN_RAM, &first) < 0 ||
        span_claim(&frames, first, first + (1ul << order) - 1, SPAN_RAM, client) < 0)
        return reply_error(-L4_ENOMEM);
    return reply_memory(first << L4_PAGESHIFT, l4_fpage_size(fp), L4_FPAGE_RWX, L4_FPAGE_CACHEABLE);
}

static l4_msgtag_t give_iomem(l4_fpage_t fp, unsigned char cache)
{
    l4_umword_t first = l4_fpage_page(fp), pages = 1ul << (l4_fpage_size(fp) - L4_PAGESHIFT);

    if (first & (pages - 1))
        return reply_error(-L4_EINVAL);
    if (!span_is(&frames, first, first + pages - 1, SPAN_IO))
        return reply_error(-L4_ENOMEM);
    return reply_memory(l4_fpage_memaddr(fp), l4_fpage_size(fp), L4_FPAGE_RW, cache);
}

static l4_msgtag_t sigma0_request(unsigned client, l4_msgtag_t tag)
{
    l4_umword_t req = l4_utcb_mr()->mr[0];
    l4_fpage_t fp = {.raw = l4_utcb_mr()->mr[1]};
    int memory;

    if (l4_msgtag_words(tag) < 1)
        return reply_error(-L4_EMSGTOOSHORT);
    if ((req & REQ_MAGIC) != REQ_MAGIC)
        return reply_error(-L4_ENOSYS);
    req &= REQ_ID;
    memory = req == REQ_RAM || req == REQ_IOMEM || req == REQ_IOMEM_CACHED || req == REQ_ANY_RAM;
    if (memory && l4_msgtag_words(tag) < 2)
        return reply_error(-L4_EMSGTOOSHORT);
    if (memory && l4_fpage_size(fp) < L4_PAGESHIFT)
        return reply_error(-L4_EINVAL);
    switch (req) {
    case REQ_RAM:
        return give_ram(client, fp);
    case REQ_IOMEM:
        return give_iomem(fp, L4_FPAGE_UNCACHEABLE);
    case REQ_IOMEM_CACHED:
        return give_iomem(fp, L4_FPAGE_CACHEABLE);
    case REQ_ANY_RAM:
        return give_any_ram(client, fp);
    case REQ_KIP:
        return reply_memory((l4_addr_t)l4_kip(), L4_PAGESHIFT, L4_FPAGE_RX, L4_FPAGE_CACHEABLE);
    case REQ_DEBUG_DUMP:
        if (client != CLIENT_ROOT) /* the console is the root task's: nobody else fills it through us */
            return reply_error(-L4_EPERM);
        dump();
        return reply_error(0);
    default:
        return reply_error(-L4_ENOSYS);
    }
}

/* The page at the fault address, 1:1: RAM that is free or the client's, with the rights of the boot loader's segment
 * where there is one. */
static l4_msgtag_t page_fault(unsigned client, l4_msgtag_t tag)
{
    l4_umword_t fault = l4_utcb_mr()->mr[0], frame = fault >> L4_PAGESHIFT;
    struct span_attr attr = frames.span[span_at(&frames, frame)].attr;
    unsigned need = L4_FPAGE_RO;

    if (l4_msgtag_words(tag) < 2)
        return reply_error(-L4_EMSGTOOSHORT);
    if (fault & PAGE_FAULT_W)
        need |= L4_FPAGE_W;
    if (fault & PAGE_FAULT_X)
        need |= L4_FPAGE_X;
    if ((attr.rights & need) != need || span_claim(&frames, frame, frame, SPAN_RAM, client) < 0)
        return reply_error(-L4_ENOMEM);
    return reply_memory(frame << L4_PAGESHIFT, L4_PAGESHIFT, attr.rights, L4_FPAGE_CACHEABLE);
}

static l4_msgtag_t io_fault(unsigned client, l4_msgtag_t tag)
{
    l4_fpage_t fp = {.raw = l4_utcb_mr()->mr[0]};
    l4_umword_t first = l4_fpage_ioport(fp), count;

    if (l4_msgtag_words(tag) < 1)
        return reply_error(-L4_EMSGTOOSHORT);
    if (l4_fpage_type(fp) != L4_FPAGE_IO || l4_fpage_size(fp) > L4_WHOLE_IOADDRESS_SPACE)
        return reply_error(-L4_EINVAL);
    count = 1ul << l4_fpage_size(fp);
    first &= ~(count - 1);
    if (first > PORT_LAST || span_claim(&ports, first, first + count - 1, SPAN_IO, client) < 0)
        return reply_error(-L4_ENOMEM);
    return reply_item(L4_ITEM_MAP, l4_iofpage(first, l4_fpage_size(fp)));
}

/* A gate for a new client. It is granted: the client alone keeps it alive. When the client does not take the answer,
 * the gate stays in our slot until the next one is created there, which deletes it. */
static l4_msgtag_t factory(l4_umword_t label, l4_msgtag_t tag)
{
    long r;

    if (!(label & LABEL_RIGHT_S))
        return reply_error(-L4_EPERM);
    if (l4_msgtag_words(tag) < 1)
        return reply_error(-L4_EMSGTOOSHORT);
    if ((long)l4_utcb_mr()->mr[0] != L4_PROTO_SIGMA0)
        return reply_error(-L4_ENODEV);
    if (client_next > CLIENT_LAST)
        return reply_error(-L4_ENOMEM);
    r = l4_error(l4_factory_create_gate(L4_BASE_FACTORY_CAP, SLOT_NEW_GATE, L4_BASE_THREAD_CAP,
                                        (l4_umword_t)client_next << CLIENT_SHIFT));
    if (r < 0)
        return reply_error(-L4_ENOMEM);
    client_next++;
    return reply_item(l4_map_obj_control(0, L4_MAP_ITEM_GRANT), l4_obj_fpage(SLOT_NEW_GATE, 0, L4_CAP_FPAGE_RWS));
}

/* Two interfaces without names: sigma0 and factory. */
static l4_msgtag_t meta(l4_msgtag_t tag)
{
    static long const protos[] = {L4_PROTO_SIGMA0, L4_PROTO_FACTORY};
    l4_umword_t *mr = l4_utcb_mr()->mr;
    unsigned words = l4_msgtag_words(tag);
    l4_uint32_t op = (l4_uint32_t)mr[0];

    if (words < 1 || ((op == META_INTERFACE || op == META_SUPPORTS) && words < 2))
        return reply_error(-L4_EMSGTOOSHORT);
    switch (op) {
    case META_COUNT:
        return l4_msgtag(2, 0, 0, 0);
    case META_INTERFACE:
        if (mr[1] >= 2)
            return reply_error(-L4_ERANGE);
        mr[0] = (l4_umword_t)protos[mr[1]];
        mr[1] = 1; /* bytes of the name, with its zero */
        mr[2] = 0;
        return l4_msgtag(0, 3, 0, 0);
    case META_SUPPORTS:
        return l4_msgtag((long)mr[1] == protos[0] || (long)mr[1] == protos[1], 0, 0, 0);
    default:
        return reply_error(-L4_ENOSYS);
    }
}

static l4_msgtag_t handle(l4_umword_t label, l4_msgtag_t tag)
{
    unsigned client = (unsigned)(label >> CLIENT_SHIFT) & CLIENT_LAST;

    switch (l4_msgtag_label(tag)) {
    case L4_PROTO_SIGMA0:
        return sigma0_request(client, tag);
    case L4_PROTO_PAGE_FAULT:
        return page_fault(client, tag);
    case L4_PROTO_IO_PAGE_FAULT:
        return io_fault(client, tag);
    case L4_PROTO_FACTORY:
        return factory(label, tag);
    case L4_PROTO_META:
        return meta(tag);
    default:
        return reply_error(-L4_EBADPROTO);
    }
}

/* ---- the loop ---- */

static L4_NORETURN void serve(void)
{
    l4_utcb_t *u = l4_utcb();
    l4_umword_t label = 0;
    l4_msgtag_t tag = l4_msgtag(0, 0, 0, L4_MSGTAG_ERROR); /* nobody to answer yet */

    for (;;) {
        /* An error at the start, when a client has not waited for its answer, or has sent items: nobody to answer. */
        int answer = !l4_msgtag_has_error(tag);

        if (answer)
            tag = handle(label, tag);
        l4_utcb_br_u(u)->bdr = 0; /* no items are accepted; handle() may have used the buffers */
        l4_utcb_br_u(u)->br[0] = 0;
        if (answer)
            tag = l4_ipc_reply_and_wait(u, tag, &label, L4_IPC_SEND_TIMEOUT_0);
        else
            tag = l4_ipc_wait(u, &label, L4_IPC_NEVER);
    }
}

static L4_NORETURN void fail(char const *text)
{
    l4_kd_outstring("sigma0: ");
    l4_kd_outstring(text);
    l4_kd_outstring("\n");
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}

void l4_start(unsigned long kip, l4_umword_t *stack)
{
    l4_sched_param_t sp = l4_sched_param(PRIORITY, 0);

    (void)stack;
    l4_global_kip = (l4_kernel_info_t *)kip;
    if (l4_kip()->magic != L4_KIP_MAGIC || l4_kip()->version >> 24 != L4_KIP_VERSION_FIASCO >> 24)
        fail("the kernel interface page has another magic or version than expected");
    if (frames_init((l4_kernel_info_t *)kip) < 0)
        fail("too many memory descriptors");
    if (l4_error(l4_scheduler_run_thread(L4_BASE_SCHEDULER_CAP, L4_BASE_THREAD_CAP, &sp)) < 0)
        fail("the scheduler refuses priority 255");
    serve();
}
