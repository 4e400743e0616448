/* SPDX-License-Identifier: MIT */
/* The tags of TLB entries of the host machine: those of x86-64, the same code. */
#include "../x86_64/pcid.c"
