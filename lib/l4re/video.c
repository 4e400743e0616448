/* SPDX-License-Identifier: MIT */
/* Client of screens; wire format: protocols section 12. */
#include <l4/re/c/rm.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/c/util/video/goos_fb.h>
#include <l4/re/env.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <string.h>

enum {
    OP_INFO,
    OP_GET_STATIC_BUFFER,
    OP_CREATE_BUFFER,
    OP_CREATE_VIEW,
    OP_DELETE_BUFFER,
    OP_DELETE_VIEW,
    OP_VIEW_INFO,
    OP_SET_VIEW_INFO,
    OP_VIEW_STACK,
    OP_VIEW_REFRESH,
    OP_REFRESH
};

static int goos_call(struct l4re_call *c, l4re_video_goos_t goos)
{
    return (int)l4re_call(c, goos, L4RE_PROTO_GOOS, L4_IPC_NEVER);
}

/* A call whose answer is a record of size bytes. */
static int record_get(struct l4re_call *c, l4re_video_goos_t goos, void *record, unsigned size)
{
    int r = goos_call(c, goos);
    void *p;

    if (r < 0)
        return r;
    p = l4re_rd_data(&c->in, size, 8);
    if (!p)
        return (int)c->in.err;
    memcpy(record, p, size);
    return r;
}

static void rectangle_put(struct l4re_call *c, int x, int y, int w, int h)
{
    l4re_wr_i32(&c->out, x);
    l4re_wr_i32(&c->out, y);
    l4re_wr_i32(&c->out, w);
    l4re_wr_i32(&c->out, h);
}

/* ---- the screen ---- */

int l4re_video_goos_info(l4re_video_goos_t goos, l4re_video_goos_info_t *ginfo)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_INFO);
    return record_get(&c, goos, ginfo, sizeof *ginfo);
}

int l4re_video_goos_refresh(l4re_video_goos_t goos, int x, int y, int w, int h)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_REFRESH);
    rectangle_put(&c, x, y, w, h);
    return goos_call(&c, goos);
}

int l4re_video_goos_create_buffer(l4re_video_goos_t goos, unsigned long size, l4_cap_idx_t buffer)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_CREATE_BUFFER);
    l4re_wr_u64(&c.out, size);
    l4re_call_rcv_cap(&c, buffer, 0);
    return goos_call(&c, goos);
}

static int index_call(l4re_video_goos_t goos, l4_int32_t op, unsigned idx, l4_cap_idx_t receive)
{
    struct l4re_call c;

    l4re_call_start(&c, op);
    l4re_wr_u32(&c.out, idx);
    if (l4_is_valid_cap(receive))
        l4re_call_rcv_cap(&c, receive, 0);
    return goos_call(&c, goos);
}

int l4re_video_goos_delete_buffer(l4re_video_goos_t goos, unsigned idx)
{
    return index_call(goos, OP_DELETE_BUFFER, idx, L4_INVALID_CAP);
}

int l4re_video_goos_get_static_buffer(l4re_video_goos_t goos, unsigned idx, l4_cap_idx_t buffer)
{
    return index_call(goos, OP_GET_STATIC_BUFFER, idx, buffer);
}

int l4re_video_goos_create_view(l4re_video_goos_t goos, l4re_video_view_t *view)
{
    struct l4re_call c;
    int r;

    l4re_call_start(&c, OP_CREATE_VIEW);
    r = goos_call(&c, goos);
    return r < 0 ? r : l4re_video_goos_get_view(goos, (unsigned)r, view);
}

int l4re_video_goos_delete_view(l4re_video_goos_t goos, l4re_video_view_t *view)
{
    return index_call(goos, OP_DELETE_VIEW, view->idx, L4_INVALID_CAP);
}

int l4re_video_goos_get_view(l4re_video_goos_t goos, unsigned idx, l4re_video_view_t *view)
{
    view->goos = goos;
    view->idx = idx;
    return 0;
}

/* ---- views ---- */

int l4re_video_view_refresh(l4re_video_view_t *view, int x, int y, int w, int h)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_VIEW_REFRESH);
    l4re_wr_u32(&c.out, view->idx);
    rectangle_put(&c, x, y, w, h);
    return goos_call(&c, view->goos);
}

int l4re_video_view_get_info(l4re_video_view_t *view, l4re_video_view_info_t *info)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_VIEW_INFO);
    l4re_wr_u32(&c.out, view->idx);
    return record_get(&c, view->goos, info, sizeof *info);
}

int l4re_video_view_set_info(l4re_video_view_t *view, l4re_video_view_info_t *info)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_SET_VIEW_INFO);
    l4re_wr_u32(&c.out, view->idx);
    l4re_wr_data(&c.out, info, sizeof *info, 8);
    return goos_call(&c, view->goos);
}

int l4re_video_view_set_viewport(l4re_video_view_t *view, int x, int y, int w, int h, unsigned long bofs)
{
    l4re_video_view_info_t info;

    memset(&info, 0, sizeof info);
    info.flags = F_l4re_video_view_set_buffer_offset | F_l4re_video_view_set_position;
    info.xpos = (unsigned long)x;
    info.ypos = (unsigned long)y;
    info.width = (unsigned long)w;
    info.height = (unsigned long)h;
    info.buffer_offset = bofs;
    return l4re_video_view_set_info(view, &info);
}

int l4re_video_view_stack(l4re_video_view_t *view, l4re_video_view_t *pivot, int behind)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_VIEW_STACK);
    l4re_wr_u32(&c.out, view->idx);
    l4re_wr_u32(&c.out, pivot->idx);
    l4re_wr_u8(&c.out, behind != 0);
    return goos_call(&c, view->goos);
}

/* ---- the frame buffer ---- */

/* A view of the whole screen on a buffer of its size. */
static int fb_create(l4re_util_video_goos_fb_t *fb, l4re_video_goos_info_t const *screen)
{
    unsigned long line = screen->width * screen->pixel_info.bytes_per_pixel;
    l4re_video_goos_t goos = fb->view.goos;
    l4re_video_view_info_t info;
    int r = l4re_video_goos_create_buffer(goos, l4_round_page(line * screen->height), fb->buffer);

    if (r < 0)
        return r;
    fb->buffer_index = (unsigned)r;
    r = l4re_video_goos_create_view(goos, &fb->view);
    if (r < 0) {
        l4re_video_goos_delete_buffer(goos, fb->buffer_index);
        return r;
    }
    fb->created = 1;
    memset(&info, 0, sizeof info);
    info.flags = F_l4re_video_view_set_buffer | F_l4re_video_view_set_buffer_offset |
                 F_l4re_video_view_set_bytes_per_line | F_l4re_video_view_set_pixel | F_l4re_video_view_set_position;
    info.view_index = fb->view.idx;
    info.width = screen->width;
    info.height = screen->height;
    info.bytes_per_line = line;
    info.pixel_info = screen->pixel_info;
    info.buffer_index = fb->buffer_index;
    r = l4re_video_view_set_info(&fb->view, &info);
    if (r >= 0)
        r = l4re_video_view_stack(&fb->view, &(l4re_video_view_t){goos, ~0u}, 0);
    return r;
}

/* The first static view and the buffer it shows. */
static int fb_find(l4re_util_video_goos_fb_t *fb)
{
    l4re_video_view_info_t info;
    int r;

    l4re_video_goos_get_view(fb->view.goos, 0, &fb->view);
    r = l4re_video_view_get_info(&fb->view, &info);
    return r < 0 ? r : l4re_video_goos_get_static_buffer(fb->view.goos, info.buffer_index, fb->buffer);
}

int l4re_util_video_goos_fb_setup_name(l4re_util_video_goos_fb_t *goosfb, char const *name)
{
    l4re_video_goos_info_t screen;
    l4_cap_idx_t goos = l4re_env_get_cap(name);
    int r;

    memset(goosfb, 0, sizeof *goosfb);
    goosfb->view.goos = goos;
    goosfb->buffer = L4_INVALID_CAP;
    if (l4_is_invalid_cap(goos))
        return -L4_ENOENT;
    r = l4re_video_goos_info(goos, &screen);
    if (r < 0)
        return r;
    goosfb->buffer = l4re_util_cap_alloc();
    if (l4_is_invalid_cap(goosfb->buffer))
        return -L4_ENOMEM;
    r = screen.flags & F_l4re_video_goos_dynamic_views && screen.flags & F_l4re_video_goos_dynamic_buffers
            ? fb_create(goosfb, &screen) : fb_find(goosfb);
    if (r < 0) {
        l4re_util_video_goos_fb_destroy(goosfb);
        return r;
    }
    return 0;
}

void l4re_util_video_goos_fb_destroy(l4re_util_video_goos_fb_t *goosfb)
{
    if (goosfb->start)
        l4re_rm_detach(goosfb->start);
    if (goosfb->created) {
        l4re_video_goos_delete_view(goosfb->view.goos, &goosfb->view);
        l4re_video_goos_delete_buffer(goosfb->view.goos, goosfb->buffer_index);
    }
    if (l4_is_valid_cap(goosfb->buffer))
        l4re_util_cap_free_um(goosfb->buffer);
    goosfb->start = NULL;
    goosfb->created = 0;
    goosfb->buffer = L4_INVALID_CAP;
}

int l4re_util_video_goos_fb_view_info(l4re_util_video_goos_fb_t *goosfb, l4re_video_view_info_t *info)
{
    return l4re_video_view_get_info(&goosfb->view, info);
}

void *l4re_util_video_goos_fb_attach_buffer(l4re_util_video_goos_fb_t *goosfb)
{
    l4re_ds_size_t size;

    if (goosfb->start)
        return goosfb->start;
    size = l4re_ds_size(goosfb->buffer);
    if (!size || l4re_rm_attach(&goosfb->start, size, L4RE_RM_F_SEARCH_ADDR | L4RE_RM_F_RW, goosfb->buffer, 0,
                                L4_LOG2_SUPERPAGESIZE) < 0)
        goosfb->start = NULL;
    return goosfb->start;
}

int l4re_util_video_goos_fb_refresh(l4re_util_video_goos_fb_t *goosfb, int x, int y, int w, int h)
{
    return l4re_video_view_refresh(&goosfb->view, x, y, w, h);
}
