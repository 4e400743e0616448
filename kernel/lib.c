/* SPDX-License-Identifier: MIT */
/* What the compiler may call, and the end of everything. */
#include "arch/arch.h"
#include "objects.h"

void *memset(void *to, int byte, size_t n)
{
    unsigned char *p = to;

    while (n-- > 0)
        *p++ = (unsigned char)byte;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    unsigned char *p = to;
    const unsigned char *q = from;

    while (n-- > 0)
        *p++ = *q++;
    return to;
}

_Noreturn void kpanic(const char *what, const char *file, int line)
{
    kprintf("\nkernel: panic: %s (%s:%d)\n", what, file, line);
    arch_halt();
}
