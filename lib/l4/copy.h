/* SPDX-License-Identifier: MIT */
/* Copying without the C library: the first pager is linked with libl4 alone. */
#pragma once

static inline void copy_bytes(void *to, void const *from, unsigned long n)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static inline unsigned text_len(char const *s)
{
    unsigned n = 0;

    while (s[n])
        n++;
    return n;
}
