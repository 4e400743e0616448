/* SPDX-License-Identifier: MIT */
/* Random system calls of hostile programs on two CPUs, see hostile.h: some seconds of them. labe-run: --cpus 2 */
#define HOSTILE_CALLS 100000u
#include "hostile.h"
