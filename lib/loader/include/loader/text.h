/* SPDX-License-Identifier: MIT */
/*
 * Lines of text put together in a buffer: the few printf conversions that the root task and the loader need, without a
 * libc. What does not fit is cut; the text always ends with a zero byte.
 *
 * Conversions: %s string, %c character, %d and %u decimal, %x hexadecimal with 0x, %%; l before d, u and x for a word.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

struct text {
    char *at;    /* where the next character goes */
    char *limit; /* the last byte of the buffer: kept for the zero */
};

void text_start(struct text *t, char *buffer, size_t size);
void text_char(struct text *t, char c);
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_list(struct text *t, const char *format, va_list list);
