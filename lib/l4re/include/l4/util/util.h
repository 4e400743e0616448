/* SPDX-License-Identifier: MIT */
/* Sleeping and touching memory. */
#pragma once
#include <l4/sys/ipc.h>

EXTERN_C_BEGIN
/* Half timeout of us microseconds. */
l4_timeout_s l4util_micros2l4to(l4_uint64_t us);
/* Sleeps ms milliseconds; ~0: for ever. An end by anything but the time-out is reported on the log. */
void l4_sleep(l4_uint32_t ms);
/* Sleeps us microseconds. */
void l4_usleep(l4_uint64_t us);
/* Sleeps until the thread is deleted. */
L4_NORETURN void l4_sleep_forever(void);
/* Reads, or reads and writes back, one byte of every page of [addr, addr + size): the pages are mapped afterwards. */
void l4_touch_ro(const void *addr, unsigned size);
void l4_touch_rw(const void *addr, unsigned size);
EXTERN_C_END
