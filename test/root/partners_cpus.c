/* SPDX-License-Identifier: MIT */
/* The same as partners.c, with those that die on another CPU. labe-run: --cpus 2 --timeout 120 */
#include "partners.c"
