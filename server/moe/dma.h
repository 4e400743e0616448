/* SPDX-License-Identifier: MIT */
/*
 * DMA spaces on a system without an IOMMU: a device address is the physical address, which here is the address of the
 * memory itself. Only contiguous memory can be mapped.
 */
#pragma once
#include "factory.h"

extern const struct object_type dma_type;
extern struct object dma_manager; /* one, fixed */

long dma_create(struct factory *f, struct object **out);
void dma_init(void);
