/* SPDX-License-Identifier: MIT */
/* Screens: every request word by word, answers that are too short, and that a failed setup leaves nothing. */
#include <l4/sys/ipc.h>
#include <string.h>
#include <tap.h>

static struct l4_utcb utcb;
static l4_umword_t request[63], answer[63];
static l4_msgtag_t request_tag, answer_tag;
static unsigned calls, fail_at, slots, attached;

static l4_utcb_t *test_utcb(void) { return &utcb; }

/* The server: notes the request; opcode fail_at is refused; everything else gets the prepared answer. */
static l4_msgtag_t test_call(l4_cap_idx_t obj, l4_utcb_t *u, l4_msgtag_t tag, l4_timeout_t to)
{
    (void)obj, (void)to;
    calls++;
    request_tag = tag;
    memcpy(request, l4_utcb_mr_u(u)->mr, sizeof request);
    if ((unsigned)request[0] == fail_at)
        return l4_msgtag(-L4_EINVAL, 0, 0, 0);
    memcpy(l4_utcb_mr_u(u)->mr, answer, sizeof answer);
    return answer_tag;
}

#define l4_utcb test_utcb
#define l4_ipc_call test_call
#include "../../lib/l4re/env.c"
#include "../../lib/l4re/msg.c"
#include "../../lib/l4re/video.c"

l4_kernel_info_t const *l4_global_kip;
l4_cap_idx_t l4re_util_cap_alloc(void) { return (l4_cap_idx_t)(0x100 + slots++) << L4_CAP_SHIFT; }
void l4re_util_cap_free_um(l4_cap_idx_t cap) { slots -= l4_is_valid_cap(cap); }
l4re_ds_size_t l4re_ds_size(l4re_ds_t ds) { return l4_is_valid_cap(ds) ? 0x300000 : 0; }

int l4re_rm_attach_srv(l4_cap_idx_t rm, void **start, unsigned long size, l4re_rm_flags_t flags, l4re_ds_t mem,
                       l4re_rm_offset_t offs, unsigned char align)
{
    (void)rm, (void)flags, (void)mem, (void)offs, (void)align;
    attached++;
    *start = (void *)0x40000000ul;
    return size == 0x300000 ? 0 : -L4_EINVAL;
}

int l4re_rm_detach_srv(l4_cap_idx_t rm, l4_addr_t addr, l4re_ds_t *ds, l4_cap_idx_t task)
{
    (void)rm, (void)ds, (void)task;
    attached -= addr == 0x40000000;
    return 0;
}

static void begin(long label, unsigned words)
{
    memset(request, 0, sizeof request);
    answer_tag = l4_msgtag(label, words, 0, 0);
    fail_at = ~0u;
    calls = 0;
}

static void screen(void)
{
    l4re_video_goos_info_t info;

    begin(0, 5);
    answer[0] = 1024;
    answer[1] = 768;
    answer[2] = 1ul << 32 | 0xc;
    answer[3] = 0x0808100800000001;
    answer[4] = 0x0400000008;
    is(l4re_video_goos_info(0x5000, &info), 0, "info");
    is(request_tag.raw, l4_msgtag(0x4003, 1, 0, 0).raw, "its tag");
    ok(info.width == 1024 && info.height == 768 && info.flags == 0xc && info.num_static_views == 1, "screen");
    ok(info.num_static_buffers == 1 && info.pixel_info.r.shift == 16 && info.pixel_info.bytes_per_pixel == 4, "pixel");
    begin(0, 4);
    is(l4re_video_goos_info(0x5000, &info), -L4_EMSGTOOSHORT, "a record that is cut");
    begin(0, 0);
    is(l4re_video_goos_refresh(0x5000, -1, 2, 3, 4), 0, "refresh");
    ok(request[0] == (0xfffffffful << 32 | 10) && request[1] == (3ul << 32 | 2) && request[2] == 4, "rectangle");
    begin(7, 0);
    is(l4re_video_goos_create_buffer(0x5000, 0x3000, 0x9000), 7, "create buffer: index");
    ok(request[0] == 2 && request[1] == 0x3000 && utcb.br[0] == (0x9000 | 0xa), "size, slot");
    begin(0, 0);
    is(l4re_video_goos_get_static_buffer(0x5000, 3, 0x9000), 0, "static buffer");
    ok(request[0] == (3ul << 32 | 1) && utcb.br[0] == (0x9000 | 0xa), "index, slot");
    is(l4re_video_goos_delete_buffer(0x5000, 3), 0, "delete buffer");
    ok(request[0] == (3ul << 32 | 4) && utcb.br[0] == 0, "index, nothing to receive");
}

static void views(void)
{
    l4re_video_view_t view, other = {0x5000, 9};
    l4re_video_view_info_t info;

    begin(5, 0);
    is(l4re_video_goos_create_view(0x5000, &view), 0, "create view");
    ok(request[0] == 3 && view.goos == 0x5000 && view.idx == 5, "view 5");
    begin(0, 0);
    is(l4re_video_view_refresh(&view, 1, 2, 3, 4), 0, "refresh");
    ok(request[0] == (5ul << 32 | 9) && request[1] == (2ul << 32 | 1) && request[2] == (4ul << 32 | 3), "of view 5");
    is(l4re_video_view_stack(&view, &other, 1), 0, "stack");
    ok(request[0] == (5ul << 32 | 8) && request[1] == (1ul << 32 | 9), "behind view 9");
    is(l4re_video_view_set_viewport(&view, 10, 20, 30, 40, 50), 0, "viewport");
    ok(request[0] == (5ul << 32 | 7) && (unsigned)request[1] == 0x12, "what changes");
    ok(request[2] == 10 && request[3] == 20 && request[4] == 30 && request[5] == 40 && request[6] == 50, "to this");
    is(l4_msgtag_words(request_tag), 10, "whole record");
    begin(0, 9);
    answer[7] = 1ul << 32;
    answer[8] = 77ul << 32;
    is(l4re_video_view_get_info(&view, &info), 0, "info");
    ok(request[0] == (5ul << 32 | 6) && info.buffer_index == 77, "of view 5");
    begin(0, 8);
    is(l4re_video_view_get_info(&view, &info), -L4_EMSGTOOSHORT, "a record that is cut");
    begin(0, 0);
    is(l4re_video_goos_delete_view(0x5000, &view), 0, "delete view");
    ok(request[0] == (5ul << 32 | 5), "view 5");
}

static void frame_buffer(void)
{
    static l4re_env_cap_entry_t caps[] = {{0x5000, 0, "fb"}, {0, ~0ul, ""}};
    static l4re_env_t env = {.caps = caps};
    l4re_util_video_goos_fb_t fb;
    unsigned steps;

    l4re_global_env = &env;
    begin(0, 9);
    memset(answer, 0, sizeof answer);
    is(l4re_util_video_goos_fb_setup_name(&fb, "none"), -L4_ENOENT, "no such screen");
    ok(calls == 0 && slots == 0, "nobody is asked, nothing taken");
    l4re_util_video_goos_fb_destroy(&fb);
    for (unsigned dynamic = 0; dynamic < 2; dynamic++) {
        answer[2] = dynamic ? 0xc : 0;
        begin(0, 9);
        is(l4re_util_video_goos_fb_setup_name(&fb, "fb"), 0, dynamic ? "a view of our own" : "the screen's view");
        steps = calls;
        is(slots, 1, "a slot for the buffer");
        ok(l4re_util_video_goos_fb_attach_buffer(&fb) == (void *)0x40000000ul, "attached");
        ok(l4re_util_video_goos_fb_attach_buffer(&fb) == (void *)0x40000000ul && attached == 1, "once");
        is(l4re_util_video_goos_fb_goos(&fb), 0x5000, "its screen");
        begin(0, 9);
        l4re_util_video_goos_fb_destroy(&fb);
        ok(slots == 0 && attached == 0, "all is given back");
        is(calls, dynamic ? 2 : 0, "to the screen, too");
        for (unsigned op = 0; op <= OP_REFRESH; op++) {
            begin(0, 9);
            fail_at = op;
            if (l4re_util_video_goos_fb_setup_name(&fb, "fb") == 0)
                l4re_util_video_goos_fb_destroy(&fb);
            is(slots, 0, "nothing is left when a step fails");
        }
        ok(steps >= 3, "info, view, buffer");
    }
}

int main(void)
{
    screen();
    views();
    frame_buffer();
    return tap_done();
}
