/* SPDX-License-Identifier: MIT */
/*
 * The first pager: what it gives, to whom, and that no request, however wrong, stops it. The golden answers of the
 * interface are asked for by the conformance probe; here are clients against each other, page and port faults, the
 * Meta protocol, and many random requests.
 */
#include "libl4.h"

enum { CLIENT_A = 0x30, CLIENT_B = 0x31, WEAK = 0x32, TASK = 0x33 };

#define ORDER_2M 21u

static l4_addr_t spot;

/* A request with label L4_PROTO_SIGMA0 through the gate; spot: address of what came. */
static long ask(l4_cap_idx_t gate, l4_umword_t req, l4_umword_t fp)
{
    l4_utcb_t *u = l4_utcb();
    l4_msgtag_t tag;

    l4_utcb_br_u(u)->bdr = 0;
    l4_utcb_br_u(u)->br[0] = L4_ITEM_MAP;
    l4_utcb_br_u(u)->br[1] = l4_fpage(0, L4_WHOLE_ADDRESS_SPACE, 0).raw;
    l4_utcb_br_u(u)->br[2] = 0;
    l4_utcb_mr_u(u)->mr[0] = req;
    l4_utcb_mr_u(u)->mr[1] = fp;
    tag = l4_ipc_call(gate, u, l4_msgtag(L4_PROTO_SIGMA0, 2, 0, 0), L4_IPC_NEVER);
    spot = l4_utcb_mr_u(u)->mr[0] & L4_PAGEMASK;
    l4_utcb_br_u(u)->br[0] = 0;
    return l4_error_u(tag, u);
}

/* A message of words words; the answer's label. */
static long raw(l4_cap_idx_t gate, long proto, unsigned words, l4_umword_t w0, l4_umword_t w1)
{
    l4_utcb_t *u = l4_utcb();

    l4_utcb_mr_u(u)->mr[0] = w0;
    l4_utcb_mr_u(u)->mr[1] = w1;
    return l4_error_u(l4_ipc_call(gate, u, l4_msgtag(proto, words, 0, 0), L4_IPC_NEVER), u);
}

static long any(l4_cap_idx_t gate, unsigned order)
{
    return ask(gate, SIGMA0_REQ_FPAGE_ANY, l4_fpage(0, order, 7).raw);
}

static long ram(l4_cap_idx_t gate, l4_addr_t addr, unsigned order)
{
    return ask(gate, SIGMA0_REQ_FPAGE_RAM, l4_fpage(addr, order, 7).raw);
}

static long page_fault(l4_cap_idx_t gate, l4_addr_t addr, l4_umword_t flags)
{
    l4_utcb_br()->bdr = 0;
    l4_utcb_br()->br[0] = L4_ITEM_MAP;
    l4_utcb_br()->br[1] = l4_fpage(0, L4_WHOLE_ADDRESS_SPACE, 0).raw;
    l4_utcb_br()->br[2] = 0;
    return raw(gate, L4_PROTO_PAGE_FAULT, 2, addr | flags, 0);
}

static long ports(l4_cap_idx_t gate, unsigned port, unsigned order)
{
    l4_utcb_br()->bdr = l4_bdr(31, 0, 31, 0);
    l4_utcb_br()->br[0] = L4_ITEM_MAP;
    l4_utcb_br()->br[1] = l4_iofpage(0, L4_WHOLE_IOADDRESS_SPACE).raw;
    l4_utcb_br()->br[2] = 0;
    l4_utcb_br()->br[31] = 0;
    return raw(gate, L4_PROTO_IO_PAGE_FAULT, 2, l4_iofpage(port, order).raw, 0);
}

static long client(l4_cap_idx_t slot) { return l4_error(l4_factory_create(L4_BASE_PAGER_CAP, L4_PROTO_SIGMA0, slot)); }

static void clients(void)
{
    l4_addr_t mine, theirs;

    is(client(SLOT(CLIENT_A)), 0, "a new client");
    is(client(SLOT(CLIENT_B)), 0, "another one");
    is(l4_error(l4_task_cap_equal(L4_BASE_TASK_CAP, SLOT(CLIENT_A), SLOT(CLIENT_B))), 0, "with a gate of its own");
    is(any(SLOT(CLIENT_A), 12), 0, "a page for A");
    theirs = spot;
    is(ram(SLOT(CLIENT_A), theirs, 12), 0, "again for A");
    is(ram(SLOT(CLIENT_B), theirs, 12), -L4_ENOMEM, "not for B");
    is(page_fault(SLOT(CLIENT_B), theirs, 0), -L4_ENOMEM, "nor by a page fault of B");
    is(page_fault(SLOT(CLIENT_A), theirs, 2), 0, "by one of A it is");
    is(ram(L4_BASE_PAGER_CAP, theirs, 12), -L4_ENOMEM, "not for the root task");
    is(any(SLOT(CLIENT_B), ORDER_2M), 0, "2 MiB for B");
    mine = spot;
    is(mine & ((1ul << ORDER_2M) - 1), 0, "are aligned");
    is(ram(SLOT(CLIENT_A), mine + 0x5000, 12), -L4_ENOMEM, "and B's in every page");
    is(ram(SLOT(CLIENT_B), mine + 0x5000, 12), 0, "piece by piece");
    l4_task_map(L4_BASE_TASK_CAP, L4_BASE_TASK_CAP, l4_obj_fpage(SLOT(CLIENT_A), 0, L4_CAP_FPAGE_RW),
                l4_map_obj_control(SLOT(WEAK), 0));
    is(l4_error(l4_factory_create(SLOT(WEAK), L4_PROTO_SIGMA0, SLOT(TASK))), -L4_EPERM, "a factory needs the S right");
    is(l4_error(l4_factory_create(SLOT(CLIENT_A), L4_PROTO_TASK, SLOT(TASK))), -L4_ENODEV, "and makes clients only");
    is(l4_error(l4_rcv_ep_bind_thread(SLOT(CLIENT_A), L4_BASE_THREAD_CAP, 0)), -2008,
       "a client cannot bind its gate: the request goes to sigma0, which takes no capability");
}

static void devices(void)
{
    is(ports(SLOT(CLIENT_A), 0x60, 2), 0, "ports for A");
    is(ports(SLOT(CLIENT_A), 0x60, 2), 0, "again");
    is(ports(SLOT(CLIENT_B), 0x60, 0), -L4_ENOMEM, "not for B");
    is(ports(SLOT(CLIENT_B), 0x70, 1), 0, "others for B");
    is(ports(SLOT(CLIENT_B), 0, 16), -L4_ENOMEM, "not all of them");
    is(raw(SLOT(CLIENT_A), L4_PROTO_IO_PAGE_FAULT, 2, l4_iofpage(0, 20).raw, 0), -L4_EINVAL, "too many ports");
    is(ask(SLOT(CLIENT_A), SIGMA0_REQ_FPAGE_IOMEM, l4_fpage(0xfee00000, 12, 7).raw), 0, "device memory for A");
    is(ask(SLOT(CLIENT_B), SIGMA0_REQ_FPAGE_IOMEM, l4_fpage(0xfee00000, 12, 7).raw), 0, "and for B");
    is(ask(SLOT(CLIENT_A), SIGMA0_REQ_FPAGE_IOMEM, l4_fpage(0, 32, 7).raw), -L4_ENOMEM, "not where RAM lies");
    is(page_fault(SLOT(CLIENT_A), 0xfee00000, 0), -L4_ENOMEM, "nor by a page fault");
}

static void boot_memory(void)
{
    l4_addr_t text = (l4_addr_t)l4_start;

    is(page_fault(L4_BASE_PAGER_CAP, text, 0), 0, "text of the root task: read");
    is(page_fault(L4_BASE_PAGER_CAP, text, 4), 0, "executed");
    is(page_fault(L4_BASE_PAGER_CAP, text, 2), -L4_ENOMEM, "not written");
    is(page_fault(SLOT(CLIENT_A), text, 0), -L4_ENOMEM, "no other client's");
    is(page_fault(L4_BASE_PAGER_CAP, l4_kip()->sigma0_ip, 0), -L4_ENOMEM, "nor is sigma0's image");
    is(page_fault(L4_BASE_PAGER_CAP, ~0xffful, 2), -L4_ENOMEM, "nor the last page there is");
}

/* Where the kernel's image (at 2 MiB) ends and the memory begins in which its boot code was. */
static l4_addr_t image_end(void)
{
    l4_kernel_info_t *kip = (l4_kernel_info_t *)l4_kip();
    l4_kernel_info_mem_desc_t *md = l4_kernel_info_get_mem_descs(kip);
    l4_addr_t end = 0;

    for (unsigned i = 0; i < l4_kernel_info_get_num_mem_descs(kip); i++) {
        l4_addr_t last = l4_kernel_info_get_mem_desc_end(&md[i]);
        if (l4_kernel_info_get_mem_desc_type(&md[i]) == l4_mem_type_reserved && last > end && last < 4ul << 20)
            end = last;
    }
    return end + 1;
}

/* test/protection/view.t knows that the page is one of boot code. */
static void boot_code_memory(void)
{
    l4_addr_t at = image_end();
    l4_umword_t const *word = (l4_umword_t const *)at;
    l4_umword_t sum = 0;

    ok(at > 2ul << 20 && !(at & ~L4_PAGEMASK), "the kernel's image ends with a page");
    is(ram(L4_BASE_PAGER_CAP, at - L4_PAGESIZE, 12), -L4_ENOMEM, "which nobody gets");
    is(ram(L4_BASE_PAGER_CAP, at, 12), 0, "what is behind it, the kernel's code for booting, is free memory");
    is(spot, at, "that page");
    for (unsigned i = 0; i < L4_PAGESIZE / sizeof *word; i++)
        sum |= word[i];
    is(sum, 0, "nothing is left in it");
    *(l4_umword_t volatile *)at = 42;
    is(*word, 42, "and it can be written");
}

static void meta(void)
{
    l4_umword_t *mr = l4_utcb_mr()->mr;
    l4_umword_t w0, w1, w2;
    long r;

    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_META, 1, 0, 0), 2, "two interfaces");
    r = raw(L4_BASE_PAGER_CAP, L4_PROTO_META, 2, 1, 0);
    w0 = mr[0], w1 = mr[1], w2 = mr[2];
    is(r, 0, "the first");
    is((long)w0, L4_PROTO_SIGMA0, "is sigma0");
    is(w1, 1, "its name is one byte long");
    is(w2 & 0xff, 0, "the zero");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_META, 2, 1, 2), -L4_ERANGE, "no third");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_META, 2, 2, (l4_umword_t)L4_PROTO_FACTORY), 1, "supports factory");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_META, 2, 2, 0), 0, "not protocol 0");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_META, 1, 2, 0), -L4_EMSGTOOSHORT, "argument missing");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_META, 0, 0, 0), -L4_EMSGTOOSHORT, "opcode missing");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_META, 1, 9, 0), -L4_ENOSYS, "unknown opcode");
}

static void wrong_requests(void)
{
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_SIGMA0, 0, 0, 0), -L4_EMSGTOOSHORT, "nothing");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_SIGMA0, 2, 0x60, 0), -L4_ENOSYS, "no magic");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_SIGMA0, 2, SIGMA0_REQ_MAGIC | 0x10, 0), -L4_ENOSYS, "unknown id");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_SIGMA0, 1, SIGMA0_REQ_FPAGE_RAM, 0), -L4_EMSGTOOSHORT, "flexpage missing");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_PAGE_FAULT, 1, 0, 0), -L4_EMSGTOOSHORT, "half a page fault");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_IO_PAGE_FAULT, 0, 0, 0), -L4_EMSGTOOSHORT, "empty port fault");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_LOG, 3, 0, 0), -L4_EBADPROTO, "unknown protocol");
    is(any(L4_BASE_PAGER_CAP, 63), -L4_ENOMEM, "all there could be");
    is(ram(L4_BASE_PAGER_CAP, 0, 63), -L4_ENOMEM, "half of the world");
    is(ram(L4_BASE_PAGER_CAP, 0x1000, 13), -L4_EINVAL, "misaligned");
    is(raw(L4_BASE_PAGER_CAP, L4_PROTO_SIGMA0, 2, SIGMA0_REQ_FPAGE_ANY, l4_fpage(0, 12, 7).raw), -2009,
       "no window for the answer");
    is(raw(SLOT(CLIENT_A), L4_PROTO_SIGMA0, 2, SIGMA0_REQ_DEBUG_DUMP, 0), -L4_EPERM, "only the root task has it print");
    is(any(L4_BASE_PAGER_CAP, 12), 0, "and it still serves");
}

/* Label, word count and words at random; afterwards it gives a page as before. */
static void random_requests(void)
{
    l4_uint64_t x = 88172645463325252ull;
    unsigned answered = 0;

    for (unsigned n = 0; n < 20000; n++) {
        static long const labels[] = {-6, -6, -6, -2, -8, -15, -21, -5, 0, 0x4000};
        l4_utcb_t *u = l4_utcb();
        unsigned words;
        l4_msgtag_t tag;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        words = (unsigned)(x >> 8) % 5;
        for (unsigned i = 0; i < 4; i++)
            l4_utcb_mr_u(u)->mr[i] = x >> (i * 11) << (x % 40);
        if (x & 0x100000)
            l4_utcb_mr_u(u)->mr[0] |= ~0xfful;
        l4_utcb_br_u(u)->br[0] = 0;
        tag = l4_ipc_call(SLOT(CLIENT_A), u, l4_msgtag(labels[x % 10], words, 0, 0), l4_ipc_timeout(0, 0, 500, 10));
        answered += l4_ipc_error(tag, u) != L4_IPC_RETIMEOUT;
    }
    is(answered, 20000, "20000 random requests are answered");
    is(any(SLOT(CLIENT_B), 12), 0, "and it still serves");
}

static int test_main(void)
{
    ok(l4_kip() != NULL && l4_kip()->magic == L4_KIP_MAGIC, "kernel interface page");
    boot_code_memory();
    clients();
    devices();
    boot_memory();
    meta();
    wrong_requests();
    random_requests();
    return tap_done();
}
