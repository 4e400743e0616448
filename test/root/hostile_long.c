/* SPDX-License-Identifier: MIT */
/*
 * Random system calls of hostile programs on two CPUs, see hostile.h: two million of them.
 * labe-run: --cpus 2 --timeout 1700
 * labe-test: long
 */
#define HOSTILE_CALLS 2000000u
#include "hostile.h"
