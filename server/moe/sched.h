/* SPDX-License-Identifier: MIT */
/*
 * Scheduler proxies: the kernel's scheduler with a priority offset, a limit and a set of CPUs. Priority p becomes
 * min(p + base, limit); threads run on requested CPUs that are also allowed.
 */
#pragma once
#include "factory.h"

#define SCHED_MASK_WORDS 4u /* 256 CPUs */

extern const struct object_type sched_type;

/* mask: allowed CPUs, 64 per word; no word at all: every CPU. */
long sched_create(struct factory *f, unsigned limit, unsigned base, const l4_umword_t *mask, unsigned words,
                  struct object **out);
