/* SPDX-License-Identifier: MIT */
/* The same as x86_state.c with victim and handler on two CPUs. labe-run: --cpus 2 --timeout 120 */
#include "x86_state.c"
