/* SPDX-License-Identifier: MIT */
/* Eight CPUs. labe-run: --cpus 8 --timeout 280 */
#include "smp_test.h"

static int test_main(void) { return smp_test(8); }
