/* SPDX-License-Identifier: MIT */
/* The same as traps.c with handler and victim on two CPUs. labe-run: --cpus 2 --model max,-smap --timeout 120 */
#define STATES 1000u
#include "traps.c"
