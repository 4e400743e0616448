/* SPDX-License-Identifier: MIT */
/* What the compiler may call behind our back; sigma0 is linked with libl4 alone. */
#include <stddef.h>

void *memcpy(void *to, void const *from, size_t n);
void *memmove(void *to, void const *from, size_t n);
void *memset(void *to, int c, size_t n);

void *memcpy(void *to, void const *from, size_t n)
{
    void *d = to;

    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n) : : "memory");
    return to;
}

void *memmove(void *to, void const *from, size_t n)
{
    if ((char *)to <= (char const *)from || (char *)to >= (char const *)from + n)
        return memcpy(to, from, n);
    char *d = (char *)to + n - 1;
    char const *s = (char const *)from + n - 1;

    __asm__ volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    return to;
}

void *memset(void *to, int c, size_t n)
{
    void *d = to;

    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return to;
}
