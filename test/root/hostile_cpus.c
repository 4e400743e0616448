/* SPDX-License-Identifier: MIT */
/*
 * Random system calls of hostile programs on two CPUs, see hostile.h: some seconds of them.
 * labe-run: --cpus 2 --timeout 240
 */
#define HOSTILE_CALLS 20000u
#include "hostile.h"
