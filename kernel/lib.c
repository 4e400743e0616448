/* SPDX-License-Identifier: MIT */
/* The end of everything. */
#include "arch/arch.h"
#include "objects.h"

_Noreturn void kpanic(const char *what, const char *file, int line)
{
    kprintf("\nkernel: panic: %s (%s:%d)\n", what, file, line);
    arch_halt();
}
