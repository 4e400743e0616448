/* SPDX-License-Identifier: MIT */
/* Two CPUs. labe-run: --cpus 2 --timeout 280 */
#include "smp_test.h"

static int test_main(void) { return smp_test(2); }
