/* SPDX-License-Identifier: MIT */
/*
 * DMA spaces: addresses that devices use, and the manager that ties a space to a task or to physical memory. Errors:
 * -L4_EINVAL, -L4_ERANGE, -L4_EPERM, -L4_EADDRNOTAVAIL, -L4_ENOMEM, -L4_EBUSY, and -(2000 + IPC error).
 */
#pragma once
#include <l4/re/c/dataspace.h>

typedef l4_cap_idx_t l4re_dma_space_t;
typedef l4_cap_idx_t l4re_dma_space_mgr_t;
typedef l4_uint64_t l4re_dma_space_dma_addr_t;
typedef l4_uint64_t l4re_dma_space_dma_size_t;

enum l4re_dma_space_direction {
    L4RE_DMA_SPACE_BIDIRECTIONAL = 0,
    L4RE_DMA_SPACE_TO_DEVICE = 1,
    L4RE_DMA_SPACE_FROM_DEVICE = 2,
    L4RE_DMA_SPACE_NONE = 3
};
enum l4re_dma_space_attribs {
    L4RE_DMA_SPACE_SEARCH_ADDR = 1,
    L4RE_DMA_SPACE_PARTIAL_MAP = 2,
    L4RE_DMA_SPACE_RESERVE = 4,
    L4RE_DMA_SPACE_REPLACE = 8
};
enum l4re_dma_space_mgr_space_attribs { L4RE_DMA_SPACE_MGR_IDENTITY_MAP = 1 };
enum l4re_dma_space_mgr_block_flags { L4RE_DMA_SPACE_MGR_SEARCH_ADDR = 1 };

EXTERN_C_BEGIN
/* Makes *size bytes of src from offset on visible to devices. *size: what was mapped; *dma_addr: where (in: wanted
 * address without L4RE_DMA_SPACE_SEARCH_ADDR). dir is the caller's promise and not sent. */
l4_ret_t l4re_dma_space_map(l4re_dma_space_t dma, l4re_ds_t src, l4re_ds_offset_t offset, l4_size_t *size,
                            unsigned long attrs, enum l4re_dma_space_direction dir,
                            l4re_dma_space_dma_addr_t *dma_addr);
l4_ret_t l4re_dma_space_unmap(l4re_dma_space_t dma, l4re_dma_space_dma_addr_t dma_addr, l4_size_t size,
                              unsigned long attrs, enum l4re_dma_space_direction dir);
/* Ties dma_space to the addresses of dma_task (a task or kernel DMA space). */
l4_ret_t l4re_dma_space_mgr_associate(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space, l4_cap_idx_t dma_task,
                                      enum l4re_dma_space_mgr_space_attribs attr);
/* Ties it to physical addresses. */
l4_ret_t l4re_dma_space_mgr_associate_phys(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space,
                                           enum l4re_dma_space_mgr_space_attribs attr);
l4_ret_t l4re_dma_space_mgr_disassociate(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space);
/* Keeps size bytes at *addr (or found up to max_addr) free; align: log2. */
l4_ret_t l4re_dma_space_mgr_block_area(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space,
                                       l4re_dma_space_dma_addr_t *addr, l4re_dma_space_dma_size_t size,
                                       l4re_dma_space_dma_addr_t max_addr, enum l4re_dma_space_mgr_block_flags flags,
                                       unsigned char align);
l4_ret_t l4re_dma_space_mgr_set_limits(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space,
                                       l4re_dma_space_dma_addr_t min_addr, l4re_dma_space_dma_addr_t max_addr);
EXTERN_C_END
