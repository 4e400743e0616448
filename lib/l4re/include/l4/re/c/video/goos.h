/* SPDX-License-Identifier: MIT */
/* Goos: a screen with buffers and views. The functions return >= 0 or a negated error. */
#pragma once
#include <l4/re/c/dataspace.h>
#include <l4/re/c/video/view.h>

typedef l4_cap_idx_t l4re_video_goos_t;

enum l4re_video_goos_info_flags_t {
    F_l4re_video_goos_auto_refresh = 1, /* what is written is seen without refresh */
    F_l4re_video_goos_pointer = 2,
    F_l4re_video_goos_dynamic_views = 4,
    F_l4re_video_goos_dynamic_buffers = 8
};

typedef struct l4re_video_goos_info_t {
    unsigned long width, height;
    unsigned int flags;
    unsigned int num_static_views, num_static_buffers;
    l4re_video_pixel_info_t pixel_info;
} l4re_video_goos_info_t;

_Static_assert(sizeof(l4re_video_goos_info_t) == 40, "screen record");

EXTERN_C_BEGIN
int l4re_video_goos_info(l4re_video_goos_t goos, l4re_video_goos_info_t *ginfo);
/* What lies in this rectangle of the screen has changed. */
int l4re_video_goos_refresh(l4re_video_goos_t goos, int x, int y, int w, int h);
/* A buffer of size bytes, its dataspace in the slot buffer. Returns its index. */
int l4re_video_goos_create_buffer(l4re_video_goos_t goos, unsigned long size, l4_cap_idx_t buffer);
int l4re_video_goos_delete_buffer(l4re_video_goos_t goos, unsigned idx);
/* The dataspace of a buffer that was there before, in the slot buffer. */
int l4re_video_goos_get_static_buffer(l4re_video_goos_t goos, unsigned idx, l4_cap_idx_t buffer);
/* *view: the new view. */
int l4re_video_goos_create_view(l4re_video_goos_t goos, l4re_video_view_t *view);
int l4re_video_goos_delete_view(l4re_video_goos_t goos, l4re_video_view_t *view);
/* *view: view number idx. Nobody is asked whether it exists. */
int l4re_video_goos_get_view(l4re_video_goos_t goos, unsigned idx, l4re_video_view_t *view);
EXTERN_C_END
