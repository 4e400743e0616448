/* SPDX-License-Identifier: MIT */
/* What the root task gets from sigma0: memory, the kernel info page, I/O ports, gates for others. */
#pragma once
#include <l4/sys/types.h>
#include <l4/kip.h>
#include <stdbool.h>

/* The kernel info page; a null pointer when sigma0 refuses. */
struct l4_kip *mem_kip(void);

/* Takes all memory there is and starts the page allocator; false when there is none. */
bool mem_take_all(void);

/* Memory at an address (boot modules): 0 or a negative error. */
long mem_take(l4_addr_t start, l4_addr_t end);

long mem_port(unsigned port);

/* A gate to sigma0 for another client, into an empty slot. */
long mem_sigma0_gate(l4_cap_idx_t slot);
