/* SPDX-License-Identifier: MIT */
/* A view: a rectangle of the screen that shows a part of a buffer. The functions return 0 or a negated error. */
#pragma once
#include <l4/re/c/video/colors.h>
#include <l4/sys/types.h>

enum l4re_video_view_info_flags_t {
    F_l4re_video_view_none = 0,
    F_l4re_video_view_set_buffer = 1,
    F_l4re_video_view_set_buffer_offset = 2,
    F_l4re_video_view_set_bytes_per_line = 4,
    F_l4re_video_view_set_pixel = 8,
    F_l4re_video_view_set_position = 0x10,
    F_l4re_video_view_dyn_allocated = 0x20,
    F_l4re_video_view_set_background = 0x40,
    F_l4re_video_view_set_flags = 0x80,
    F_l4re_video_view_above = 0x1000
};

/* The set flags say what l4re_video_view_set_info() shall change; in an answer, what can be changed. */
typedef struct l4re_video_view_info_t {
    unsigned int flags;
    unsigned int view_index;
    unsigned long xpos, ypos;
    unsigned long width, height;
    unsigned long buffer_offset;
    unsigned long bytes_per_line;
    l4re_video_pixel_info_t pixel_info;
    unsigned int buffer_index;
} l4re_video_view_info_t;

typedef struct l4re_video_view_t {
    l4_cap_idx_t goos;
    unsigned int idx; /* ~0: behind or before all others, as pivot */
} l4re_video_view_t;

_Static_assert(sizeof(l4re_video_view_info_t) == 72 && sizeof(l4re_video_view_t) == 16, "view records");

EXTERN_C_BEGIN
/* What lies in this rectangle of the view has changed. */
int l4re_video_view_refresh(l4re_video_view_t *view, int x, int y, int w, int h);
int l4re_video_view_get_info(l4re_video_view_t *view, l4re_video_view_info_t *info);
int l4re_video_view_set_info(l4re_video_view_t *view, l4re_video_view_info_t *info);
/* Place and size on the screen, and where in the buffer the first pixel lies. */
int l4re_video_view_set_viewport(l4re_video_view_t *view, int x, int y, int w, int h, unsigned long bofs);
/* Puts the view right before pivot, or behind it. */
int l4re_video_view_stack(l4re_video_view_t *view, l4re_video_view_t *pivot, int behind);
EXTERN_C_END
