/* SPDX-License-Identifier: MIT */
/* The same as edges.c between two CPUs. labe-run: --cpus 2 --timeout 200 */
#include "edges.c"
