/* SPDX-License-Identifier: MIT */
/* Requests to sigma0; the contract is in mem.h. Everything is mapped where it lies physically. */
#include "mem.h"
#include "page.h"
#include <l4/sys/factory.h>
#include <l4/sys/ipc.h>

#define SIGMA0 L4_BASE_PAGER_CAP
#define SIGMA0_REQUEST(id) (~0xfful | (id))
#define SIGMA0_RAM_AT 0x60ul
#define SIGMA0_RAM_ANY 0x90ul
#define SIGMA0_KIP 0xa0ul
#define RANGES_MAX 256u
#define ORDER_MAX 30u

static struct page_range ranges[RANGES_MAX];

/* 0 and *address of what was mapped, or a negative error. */
static long request(l4_umword_t id, l4_fpage_t what, l4_addr_t *address)
{
    l4_utcb_t *u = l4_utcb();
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
    l4_buf_regs_t *b = l4_utcb_br_u(u);

    mr[0] = SIGMA0_REQUEST(id);
    mr[1] = what.raw;
    b->bdr = 0;
    b->br[0] = L4_ITEM_MAP;
    b->br[1] = l4_fpage(0, L4_WHOLE_ADDRESS_SPACE, L4_FPAGE_RWX).raw;
    b->br[2] = 0;
    l4_msgtag_t tag = l4_ipc_call(SIGMA0, u, l4_msgtag(L4_PROTO_SIGMA0, 2, 0, 0), L4_IPC_NEVER);
    long r = l4_error_u(tag, u);
    if (r >= 0 && l4_msgtag_items(tag) == 0)
        r = -L4_ENOMEM;
    if (r >= 0)
        *address = mr[l4_msgtag_words(tag)] & L4_FPAGE_CONTROL_MASK;
    return r;
}

struct l4_kip *mem_kip(void)
{
    l4_addr_t address;

    if (request(SIGMA0_KIP, l4_fpage(0, L4_PAGESHIFT, L4_FPAGE_RX), &address) < 0)
        return NULL;
    struct l4_kip *kip = (struct l4_kip *)address;
    return kip->magic == L4_KIP_MAGIC ? kip : NULL;
}

bool mem_take_all(void)
{
    unsigned count = 0;
    l4_addr_t address;

    for (unsigned order = ORDER_MAX; order >= L4_PAGESHIFT; order--) {
        while (count < RANGES_MAX && request(SIGMA0_RAM_ANY, l4_fpage(0, order, L4_FPAGE_RWX), &address) >= 0) {
            l4_addr_t end = address + (1ul << order);
            address += address == 0 ? L4_PAGESIZE : 0; /* page 0 stays unused: 0 means "none" everywhere */
            if (address < end)
                ranges[count++] = (struct page_range){address, end};
        }
    }
    return page_init(ranges, count);
}

long mem_take(l4_addr_t start, l4_addr_t end)
{
    l4_addr_t address;

    start = l4_trunc_page(start);
    end = l4_round_page(end);
    while (start < end) {
        unsigned order = L4_PAGESHIFT;
        while ((start & ((2ul << order) - 1)) == 0 && end - start >= 2ul << order)
            order++;
        long r = request(SIGMA0_RAM_AT, l4_fpage(start, order, L4_FPAGE_RWX), &address);
        if (r < 0)
            return r;
        start += 1ul << order;
    }
    return 0;
}

long mem_port(unsigned port)
{
    l4_utcb_t *u = l4_utcb();
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
    l4_buf_regs_t *b = l4_utcb_br_u(u);

    mr[0] = l4_iofpage(port, 0).raw;
    mr[1] = 0;
    b->bdr = l4_bdr(2, 0, 2, 0);
    b->br[0] = L4_ITEM_MAP;
    b->br[1] = l4_iofpage(port, 0).raw;
    b->br[2] = 0;
    l4_msgtag_t tag = l4_ipc_call(SIGMA0, u, l4_msgtag(L4_PROTO_IO_PAGE_FAULT, 2, 0, 0), L4_IPC_NEVER);
    long r = l4_error_u(tag, u);
    return r >= 0 && l4_msgtag_items(tag) == 0 ? -L4_ENOENT : r;
}

long mem_sigma0_gate(l4_cap_idx_t slot) { return l4_error(l4_factory_create(SIGMA0, L4_PROTO_SIGMA0, slot)); }
