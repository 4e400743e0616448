/* SPDX-License-Identifier: MIT */
/* The two functions that the compiler itself calls. Short copies on hot paths are written out where they happen. */
#include "base.h"

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    void *d = to;
    size_t words = n / 8, bytes = n % 8;

    __asm__ volatile("rep movsq\n\tmovq %3, %%rcx\n\trep movsb"
                     : "+D"(d), "+S"(from), "+c"(words) : "r"(bytes) : "memory");
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    void *d = to;
    size_t words = n / 8, bytes = n % 8;

    __asm__ volatile("rep stosq\n\tmovq %3, %%rcx\n\trep stosb"
                     : "+D"(d), "+c"(words)
                     : "a"(0x0101010101010101ul * (uint8_t)byte), "r"(bytes)
                     : "memory");
    return to;
}
