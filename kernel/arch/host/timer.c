/* SPDX-License-Identifier: MIT */
/* Time is a number. */
#include "host.h"

static uint64_t now_us;

void host_time(uint64_t us)
{
    now_us += us;
    kip.clock_us = now_us;
}
uint64_t host_clock_us(void) { return now_us; }
uint64_t arch_clock_us(void) { return now_us; }
uint64_t arch_clock_ticks(void) { return now_us * 1000; }
