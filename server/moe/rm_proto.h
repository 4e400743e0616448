/* SPDX-License-Identifier: MIT */
/* What the region-map protocol (rm_proto.c) asks of rm.c, and the other way round. */
#pragma once
#include "rm.h"

/* A detach result (REGION_*) or a negative error; *cut says what went, *ref is the client's name for its dataspace when
 * the client may now give it up. */
long rm_detach(struct rm *rm, word_t addr, word_t size, uint32_t flags, struct region_cut *cut, word_t *ref);
long rm_area_free(struct rm *rm, word_t addr);

/* Memory for an access that needs these rights: 0, or -12 nothing there, -13 right missing, -19 kernel or reserved. */
long rm_page(struct rm *rm, word_t addr, unsigned need, l4_fpage_t *page);

long rm_rescue_add(struct rm *rm, word_t start, word_t end, word_t to);
long rm_rescue_remove(struct rm *rm, word_t pc);

/* True when the thread goes on (registers changed); else it was reported and stays stopped. */
bool rm_exception(struct rm *rm, l4_exc_regs_t *regs);

/* The protocols' tables (rm_proto.c). */
#define RM_PROTOS 5u
extern const struct l4re_proto rm_protos[RM_PROTOS];
