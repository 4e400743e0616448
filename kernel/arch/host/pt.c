/* SPDX-License-Identifier: MIT */
/*
 * Page tables of the host machine: those of x86-64, the same code, so that tests on the host are tests of it. What the
 * processor would do with them (walk, accessed and dirty bits, TLB) is in trap.c.
 */
#include "../x86_64/pt.c"
