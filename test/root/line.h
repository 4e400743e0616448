/* SPDX-License-Identifier: MIT */
/*
 * Formatted output, line by line, of a test that is booted as root task. Before it: ROOT_LINE_SIZE, the longest piece
 * that root_flush writes. The includer defines root_flush: it writes root_line and sets root_line_length to 0.
 */
#pragma once
#include <stdarg.h>

static char root_line[ROOT_LINE_SIZE];
static unsigned root_line_length;

static void root_flush(void);

static inline void root_put(char c)
{
    root_line[root_line_length++] = c;
    if (c == '\n' || root_line_length == sizeof root_line)
        root_flush();
}

static inline void root_put_number(unsigned long long v, unsigned base)
{
    char digits[24];
    unsigned n = 0;

    do
        digits[n++] = "0123456789abcdef"[v % base];
    while ((v /= base) != 0);
    while (n > 0)
        root_put(digits[--n]);
}

/* %s %c %d %u %x, each with l or ll. */
static int root_printf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    for (const char *p = format; *p != '\0'; p++) {
        unsigned wide = 0;
        if (*p != '%') {
            root_put(*p);
            continue;
        }
        while (*++p == 'l')
            wide++;
        if (*p == 's') {
            for (const char *s = va_arg(args, const char *); *s != '\0'; s++)
                root_put(*s);
        } else if (*p == 'c') {
            root_put((char)va_arg(args, int));
        } else if (*p == 'd') {
            long long v = wide ? va_arg(args, long long) : va_arg(args, int);
            if (v < 0)
                root_put('-');
            root_put_number(v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v, 10);
        } else {
            unsigned long long v = wide ? va_arg(args, unsigned long long) : va_arg(args, unsigned);
            root_put_number(v, *p == 'x' ? 16 : 10);
        }
    }
    va_end(args);
    return 0;
}
