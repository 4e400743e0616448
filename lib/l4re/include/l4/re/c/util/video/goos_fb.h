/* SPDX-License-Identifier: MIT */
/* A screen used as one frame buffer: a view and buffer of its own where the screen allows that, else its first view. */
#pragma once
#include <l4/re/c/video/goos.h>

typedef struct l4re_util_video_goos_fb_t {
    l4re_video_view_t view;
    l4re_ds_t buffer;
    void *start;      /* where the buffer is attached, or NULL */
    unsigned created; /* the view and the buffer are ours */
    unsigned buffer_index;
} l4re_util_video_goos_fb_t;

EXTERN_C_BEGIN
/* Takes the screen that was given to the program as name. 0 or a negated error; then nothing is left. */
int l4re_util_video_goos_fb_setup_name(l4re_util_video_goos_fb_t *goosfb, char const *name);
/* Gives back all that setup and attach have taken. */
void l4re_util_video_goos_fb_destroy(l4re_util_video_goos_fb_t *goosfb);
int l4re_util_video_goos_fb_view_info(l4re_util_video_goos_fb_t *goosfb, l4re_video_view_info_t *info);
/* The buffer in the address space, attached the first time; NULL on failure. */
void *l4re_util_video_goos_fb_attach_buffer(l4re_util_video_goos_fb_t *goosfb);
int l4re_util_video_goos_fb_refresh(l4re_util_video_goos_fb_t *goosfb, int x, int y, int w, int h);
EXTERN_C_END
L4_INLINE l4re_ds_t l4re_util_video_goos_fb_buffer(l4re_util_video_goos_fb_t *goosfb) { return goosfb->buffer; }
L4_INLINE l4_cap_idx_t l4re_util_video_goos_fb_goos(l4re_util_video_goos_fb_t *goosfb) { return goosfb->view.goos; }
