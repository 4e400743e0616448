/* SPDX-License-Identifier: MIT */
/* Physical memory as the kernel sees it: the direct map, the image, and what may be given to users. */
#include "arch.h"
#include "memory.h"

void *arch_phys_to_virt(word_t pa) { return (void *)(ARCH_DIRECT_BASE + pa); }

word_t arch_virt_to_phys(const void *va)
{
    word_t v = (word_t)va;

    return v >= ARCH_IMAGE_BASE ? v - ARCH_IMAGE_BASE : v - ARCH_DIRECT_BASE;
}

/* Whatever the CPU can address, but never the kernel's own heap. */
bool arch_phys_valid(word_t pa, unsigned order)
{
    word_t first, last;

    if (order > arch_phys_bits || pa > (1ul << arch_phys_bits) - (1ul << order))
        return false;
    frame_range(&first, &last);
    return pa + (1ul << order) - 1 < arch_virt_to_phys((void *)first) || pa > arch_virt_to_phys((void *)last);
}
