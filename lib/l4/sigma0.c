/* SPDX-License-Identifier: MIT */
/* Requests to sigma0: request word, flexpage, and a memory window for the answer. */
#include <l4/sigma0/sigma0.h>
#include <l4/sys/ipc.h>

/* One request. *spot: hot spot of the answer, *order: what was mapped. 0 or -L4SIGMA0_*. */
static int ask(l4_cap_idx_t sigma0, l4_umword_t req, l4_fpage_t what, l4_fpage_t window, l4_addr_t *spot,
               unsigned *order)
{
    l4_utcb_t *u = l4_utcb();
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
    l4_buf_regs_t *b = l4_utcb_br_u(u);
    l4_msgtag_t tag;

    mr[0] = req;
    mr[1] = what.raw;
    b->bdr = 0;
    b->br[0] = L4_ITEM_MAP;
    b->br[1] = window.raw;
    b->br[2] = 0;
    tag = l4_ipc_call(sigma0, u, l4_msgtag(L4_PROTO_SIGMA0, 2, 0, 0), L4_IPC_NEVER);
    b->br[0] = 0;
    if (l4_msgtag_has_error(tag))
        return -L4SIGMA0_IPCERROR;
    if (l4_msgtag_label(tag) < 0 || l4_msgtag_items(tag) != 1)
        return -L4SIGMA0_NOFPAGE;
    *spot = mr[l4_msgtag_words(tag)] & L4_PAGEMASK;
    *order = (unsigned)(mr[l4_msgtag_words(tag)] >> 6 & 63);
    return 0;
}

l4_kernel_info_t *l4sigma0_map_kip(l4_cap_idx_t sigma0, void *addr, unsigned log2_size)
{
    l4_addr_t spot;
    unsigned order;

    if (log2_size < L4_PAGESHIFT || log2_size > L4_WHOLE_ADDRESS_SPACE)
        return NULL;
    if (ask(sigma0, SIGMA0_REQ_KIP, l4_fpage_invalid(), l4_fpage((l4_addr_t)addr, log2_size, 0), &spot, &order) < 0)
        return NULL;
    spot &= (1ul << log2_size) - 1;
    return (l4_kernel_info_t *)(l4_trunc_size((l4_addr_t)addr, (unsigned char)log2_size) + spot);
}

static int map_range(l4_cap_idx_t sigma0, l4_umword_t req, l4_addr_t phys, l4_addr_t virt, l4_addr_t size)
{
    if ((phys | virt | size) & ~L4_PAGEMASK)
        return -L4SIGMA0_NOTALIGNED;
    while (size) {
        unsigned order = L4_PAGESHIFT, got;
        l4_addr_t spot;
        int r;

        while (order < 62 && 2ul << order <= size && !((phys | virt) & (1ul << order)))
            order++;
        r = ask(sigma0, req, l4_fpage(phys, order, L4_FPAGE_RWX), l4_fpage(virt, order, 0), &spot, &got);
        if (r < 0)
            return r;
        if (got < order)
            return -L4SIGMA0_SMALLERFPAGE;
        phys += 1ul << order;
        virt += 1ul << order;
        size -= 1ul << order;
    }
    return L4SIGMA0_OK;
}

int l4sigma0_map_mem(l4_cap_idx_t sigma0, l4_addr_t phys, l4_addr_t virt, l4_addr_t size)
{
    return map_range(sigma0, SIGMA0_REQ_FPAGE_RAM, phys, virt, size);
}

int l4sigma0_map_iomem(l4_cap_idx_t sigma0, l4_addr_t phys, l4_addr_t virt, l4_addr_t size, int cached)
{
    return map_range(sigma0, cached ? SIGMA0_REQ_FPAGE_IOMEM_CACHED : SIGMA0_REQ_FPAGE_IOMEM, phys, virt, size);
}

int l4sigma0_map_anypage(l4_cap_idx_t sigma0, l4_addr_t map_area, unsigned log2_map_size, l4_addr_t *base, unsigned sz)
{
    unsigned order;
    int r = ask(sigma0, SIGMA0_REQ_FPAGE_ANY, l4_fpage(0, sz, L4_FPAGE_RWX), l4_fpage(map_area, log2_map_size, 0), base,
                &order);

    if (r < 0)
        return r;
    return order < sz || log2_map_size < sz ? -L4SIGMA0_SMALLERFPAGE : L4SIGMA0_OK;
}

static void tell(l4_cap_idx_t sigma0, l4_umword_t req)
{
    l4_addr_t spot;
    unsigned order;

    ask(sigma0, req, l4_fpage_invalid(), l4_fpage_invalid(), &spot, &order);
}

void l4sigma0_debug_dump(l4_cap_idx_t sigma0) { tell(sigma0, SIGMA0_REQ_DEBUG_DUMP); }
void l4sigma0_print_cov_data(l4_cap_idx_t pager) { tell(pager, SIGMA0_REQ_COV); }

char const *l4sigma0_map_errstr(int err)
{
    switch (-err) {
    case L4SIGMA0_OK:
        return "ok";
    case L4SIGMA0_NOTALIGNED:
        return "address or size is not page aligned";
    case L4SIGMA0_IPCERROR:
        return "IPC error";
    case L4SIGMA0_NOFPAGE:
        return "sigma0 gave nothing";
    case L4SIGMA0_SMALLERFPAGE:
        return "sigma0 gave less than asked for";
    default:
        return "unknown error";
    }
}
