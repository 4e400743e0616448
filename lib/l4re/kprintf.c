/* SPDX-License-Identifier: MIT */
/* Formatted output without streams. */
#include <l4/sys/kdebug.h>
#include <l4/util/kprintf.h>
#include <stdarg.h>
#include <stdio.h>

int l4_kprintf(const char *fmt, ...)
{
    char text[1024];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n > 0)
        l4_kd_outnstring(text, n < (int)sizeof text ? (unsigned)n : (unsigned)sizeof text - 1);
    return n;
}
