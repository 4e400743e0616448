/* SPDX-License-Identifier: MIT */
/*
 * Speculation barriers, a build choice (barriers.c, or barriers_none.c for BARRIERS=none).
 */
#pragma once
#include "base.h"

extern const bool barriers_built;
extern bool barriers_at_switch; /* barriers_switch must be called */

/* These remedies (speculation.h) are switched on: the ways in and out are changed. Once, before text is read-only, and
 * after isolation_init. */
boot_code void barriers_init(uint32_t on);
/* The control registers of this CPU. */
boot_code void barriers_cpu_init(void);
/* Another address space is about to be loaded. */
void barriers_switch(void);
