/* SPDX-License-Identifier: MIT */
/* Memory and text: what the compiler expects to exist, and the small parsers of command lines. No state. */
#include "boot.h"

void *memcpy(void *to, const void *from, size_t size)
{
    void *start = to;
    size_t words = size / 8, rest = size % 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to - (uintptr_t)from >= size)
        return memcpy(to, from, size);
    for (size_t i = size; i > 0; i--)
        ((volatile char *)to)[i - 1] = ((const char *)from)[i - 1];
    return to;
}

void *memset(void *to, int value, size_t size)
{
    void *start = to;
    size_t words = size / 8, rest = size % 8;
    uint64_t pattern = (uint8_t)value * 0x0101010101010101ul;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a, *y = b;
    for (; size > 0; size--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n] != 0)
        n++;
    return n;
}

bool text_has_prefix(const char *s, const char *prefix)
{
    for (; *prefix != 0; s++, prefix++)
        if (*s != *prefix)
            return false;
    return true;
}

/* The first word of a command line without its path. */
const char *name_of(const char *cmdline, unsigned *length)
{
    const char *name = cmdline;
    const char *p = cmdline;

    for (; *p != 0 && *p != ' '; p++)
        if (*p == '/')
            name = p + 1;
    *length = (unsigned)(p - name);
    return name;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* C notation: 0x…, 0…, decimal. *end (may be NULL) is the first character that does not belong to it. */
uint64_t number_parse(const char *s, const char **end)
{
    int base = 10;
    uint64_t value = 0;

    if (s[0] == '0') {
        base = 8;
        if ((s[1] == 'x' || s[1] == 'X') && digit_value(s[2]) < 16) {
            base = 16;
            s += 2;
        }
    }
    for (; digit_value(*s) < base; s++)
        value = value * (uint64_t)base + (uint64_t)digit_value(*s);
    if (end != NULL)
        *end = s;
    return value;
}

/* Finds " -name" as a word; returns what follows it ("", "=value…", " value…"), or NULL. */
const char *option_find(const char *cmdline, const char *name)
{
    for (const char *p = cmdline; *p != 0; p++) {
        if (p[0] != ' ' || p[1] != '-' || !text_has_prefix(p + 2, name))
            continue;
        const char *after = p + 2 + strlen(name);
        if (*after == 0 || *after == ' ' || *after == '=')
            return after;
    }
    return NULL;
}
