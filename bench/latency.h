/* SPDX-License-Identifier: MIT */
/* What the files of `./labe bench latency` (latency.c, latency_calls.c) share. */
#pragma once
#include "bench.h"

#define FIRST_VICTIM 0x800u /* slots of tasks */
#define UTCBS 0x60000000ul
#define UTCB_AREA_ORDER 17u

static inline l4_cap_idx_t victim(unsigned n) { return slot(FIRST_VICTIM + n); }

/* Since the mark before, `name` was done. */
void load(const char *name);
/* Whoever is to go on does. */
void rest(void);
/* An empty task in the slot victim(n). */
void task_make(unsigned n);

/* latency_calls.c */
void latency_ports(void);
void latency_calls(void);
