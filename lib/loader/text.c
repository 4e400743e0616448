/* SPDX-License-Identifier: MIT */
/* Lines of text; the contract is in loader/text.h. */
#include <loader/text.h>

void text_start(struct text *t, char *buffer, size_t size)
{
    t->at = buffer;
    t->limit = buffer + size - 1;
    *t->at = 0;
}

void text_char(struct text *t, char c)
{
    if (t->at == t->limit)
        return;
    *t->at++ = c;
    *t->at = 0;
}

static void text_string(struct text *t, const char *s)
{
    for (s = s != NULL ? s : "(null)"; *s != 0; s++)
        text_char(t, *s);
}

static void text_number(struct text *t, unsigned long value, unsigned base)
{
    char digits[20];
    unsigned n = 0;

    do
        digits[n++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (n > 0)
        text_char(t, digits[--n]);
}

static void text_convert(struct text *t, char kind, int wide, va_list *list)
{
    switch (kind) {
    case 'd': {
        long v = wide ? va_arg(*list, long) : va_arg(*list, int);
        if (v < 0)
            text_char(t, '-');
        text_number(t, v < 0 ? -(unsigned long)v : (unsigned long)v, 10);
        break;
    }
    case 'u':
        text_number(t, wide ? va_arg(*list, unsigned long) : va_arg(*list, unsigned), 10);
        break;
    case 'x':
        text_string(t, "0x");
        text_number(t, wide ? va_arg(*list, unsigned long) : va_arg(*list, unsigned), 16);
        break;
    case 's':
        text_string(t, va_arg(*list, const char *));
        break;
    case 'c':
        text_char(t, (char)va_arg(*list, int));
        break;
    default:
        text_char(t, kind);
    }
}

void text_add_list(struct text *t, const char *format, va_list list)
{
    va_list rest;

    va_copy(rest, list);
    for (; *format != 0; format++) {
        if (*format != '%') {
            text_char(t, *format);
            continue;
        }
        int wide = *++format == 'l';
        format += wide;
        if (*format == 0)
            break;
        text_convert(t, *format, wide, &rest);
    }
    va_end(rest);
}

void text_add(struct text *t, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    text_add_list(t, format, list);
    va_end(list);
}
