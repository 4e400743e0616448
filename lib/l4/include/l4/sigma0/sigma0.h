/* SPDX-License-Identifier: MIT */
/*
 * Client of sigma0, the first pager. sigma0: capability of a gate to it (the root task's slot 4). The functions return
 * 0 or -(L4SIGMA0_*).
 */
#pragma once
#include <l4/sys/kip.h>
#include <l4/sys/types.h>

enum l4sigma0_return_flags_t {
    L4SIGMA0_OK = 0,
    L4SIGMA0_NOTALIGNED = 1,  /* phys, virt or size is not page aligned */
    L4SIGMA0_IPCERROR = 2,
    L4SIGMA0_NOFPAGE = 3,     /* sigma0 gives nothing there */
    L4SIGMA0_4 = 4,
    L4SIGMA0_5 = 5,
    L4SIGMA0_SMALLERFPAGE = 6 /* less than asked for */
};

/* Requests: MR0 of a message with label L4_PROTO_SIGMA0. */
#define SIGMA0_REQ_MAGIC (~0xfful)
#define SIGMA0_REQ_MASK (~0xfful)
#define SIGMA0_REQ_ID_MASK 0xf0ul
#define SIGMA0_REQ_ID_FPAGE_RAM 0x60ul
#define SIGMA0_REQ_ID_FPAGE_IOMEM 0x70ul
#define SIGMA0_REQ_ID_FPAGE_IOMEM_CACHED 0x80ul
#define SIGMA0_REQ_ID_FPAGE_ANY 0x90ul
#define SIGMA0_REQ_ID_KIP 0xa0ul
#define SIGMA0_REQ_ID_DEBUG_DUMP 0xc0ul
#define SIGMA0_REQ_ID_COV 0xe0ul
#define SIGMA0_REQ_FPAGE_RAM (SIGMA0_REQ_MAGIC | SIGMA0_REQ_ID_FPAGE_RAM)
#define SIGMA0_REQ_FPAGE_IOMEM (SIGMA0_REQ_MAGIC | SIGMA0_REQ_ID_FPAGE_IOMEM)
#define SIGMA0_REQ_FPAGE_IOMEM_CACHED (SIGMA0_REQ_MAGIC | SIGMA0_REQ_ID_FPAGE_IOMEM_CACHED)
#define SIGMA0_REQ_FPAGE_ANY (SIGMA0_REQ_MAGIC | SIGMA0_REQ_ID_FPAGE_ANY)
#define SIGMA0_REQ_KIP (SIGMA0_REQ_MAGIC | SIGMA0_REQ_ID_KIP)
#define SIGMA0_REQ_DEBUG_DUMP (SIGMA0_REQ_MAGIC | SIGMA0_REQ_ID_DEBUG_DUMP)
#define SIGMA0_REQ_COV (SIGMA0_REQ_MAGIC | SIGMA0_REQ_ID_COV)

EXTERN_C_BEGIN
/* Maps the kernel interface page into the window of 2^log2_size bytes at addr (order 12: to addr itself; the whole
 * address space, 0 and 63: at its physical address). Returns where it lies, NULL on failure. */
l4_kernel_info_t *l4sigma0_map_kip(l4_cap_idx_t sigma0, void *addr, unsigned log2_size);
/* Maps size bytes of RAM at phys to virt. First come, first served. */
int l4sigma0_map_mem(l4_cap_idx_t sigma0, l4_addr_t phys, l4_addr_t virt, l4_addr_t size);
/* Maps device memory; cached: 0 uncached, 1 cached. */
int l4sigma0_map_iomem(l4_cap_idx_t sigma0, l4_addr_t phys, l4_addr_t virt, l4_addr_t size, int cached);
/* Maps any 2^sz bytes of RAM into the window of 2^log2_map_size bytes at map_area. *base: physical address. */
int l4sigma0_map_anypage(l4_cap_idx_t sigma0, l4_addr_t map_area, unsigned log2_map_size, l4_addr_t *base, unsigned sz);
/* Has sigma0 print its tables. */
void l4sigma0_debug_dump(l4_cap_idx_t sigma0);
/* Text of a result. */
char const *l4sigma0_map_errstr(int err);
/* Has a sigma0 built for coverage print its data; nothing happens otherwise. */
void l4sigma0_print_cov_data(l4_cap_idx_t pager);
EXTERN_C_END
