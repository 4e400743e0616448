/* SPDX-License-Identifier: MIT */
/*
 * Log objects: consoles without input whose lines carry a tag and a colour. Also this server's own messages.
 * How lines are put together is in line/line.h.
 */
#pragma once
#include "factory.h"
#include <line/line.h>

extern const struct object_type log_type;

long log_create(struct factory *f, const char *tag, size_t tag_size, unsigned colour, struct object **out);

/* When an unfinished line shall be shown as it is (kernel clock), 0: there is none. */
l4_kernel_clock_t log_deadline(void);
void log_flush(void);

/* A line of our own. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
