/* SPDX-License-Identifier: MIT */
/* How a pixel is made of its colours. */
#pragma once
#include <l4/sys/compiler.h>

typedef struct l4re_video_color_component_t {
    unsigned char size;  /* bits */
    unsigned char shift; /* of the lowest one in the pixel */
} l4re_video_color_component_t;

typedef struct l4re_video_pixel_info_t {
    l4re_video_color_component_t r, g, b, a;
    unsigned char bytes_per_pixel;
} l4re_video_pixel_info_t;

_Static_assert(sizeof(l4re_video_pixel_info_t) == 9, "pixel record");

/* Bits that mean something: the sum of all components'. */
L4_INLINE int l4re_video_bits_per_pixel(l4re_video_pixel_info_t *p)
{
    return p->r.size + p->g.size + p->b.size + p->a.size;
}
