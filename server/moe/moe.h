/* SPDX-License-Identifier: MIT */
/* What the whole root task knows: its command line, the limits of user address spaces, where the kernel info page
 * is. */
#pragma once
#include "cmdline.h"
#include "log.h"

struct moe {
    struct cmdline options;
    word_t user_low, user_high; /* first and last address programs may use */
    struct l4_kip *kip;
};
extern struct moe moe;

/* A line of our own, when the command line asks for that kind. */
#define debug(kind, ...) ((moe.options.debug & (kind)) != 0 ? say(__VA_ARGS__) : (void)0)

/* Nothing can go on: says why and stops for good. */
void fatal(const char *why, long error) __attribute__((noreturn));
