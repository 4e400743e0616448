/* SPDX-License-Identifier: MIT */
/* The C interface of the user level: every name, type, number and layout of its description. */
#include <l4/re/c/dataspace.h>
#include <l4/re/c/debug.h>
#include <l4/re/c/dma_space.h>
#include <l4/re/c/event.h>
#include <l4/re/c/event_buffer.h>
#include <l4/re/c/inhibitor.h>
#include <l4/re/c/log.h>
#include <l4/re/c/mem_alloc.h>
#include <l4/re/c/namespace.h>
#include <l4/re/c/parent.h>
#include <l4/re/c/rm.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/c/util/kumem_alloc.h>
#include <l4/re/c/util/video/goos_fb.h>
#include <l4/re/c/video/colors.h>
#include <l4/re/c/video/goos.h>
#include <l4/re/c/video/view.h>
#include <l4/re/consts.h>
#include <l4/re/elf_aux.h>
#include <l4/re/env.h>
#include <l4/re/event.h>
#include <l4/re/event_enums.h>
#include <l4/re/l4aux.h>
#include <l4/re/protocols.h>
#include <pthread-l4.h>
#include <api.h>

static const struct api_fact functions[] = {
    /* l4/re/env.h */
    SAME(l4re_env, l4re_env_t *, void),
    SAME(l4re_kip, l4_kernel_info_t const *, void),
    SAME(l4re_env_get_cap, l4_cap_idx_t, char const *),
    SAME(l4re_env_get_cap_e, l4_cap_idx_t, char const *, l4re_env_t const *),
    SAME(l4re_env_get_cap_l, l4re_env_cap_entry_t const *, char const *, unsigned, l4re_env_t const *),
    /* l4/re/c/dataspace.h */
    SAME(l4re_ds_map, l4_ret_t, l4re_ds_t, l4re_ds_offset_t, l4re_ds_flags_t, l4re_ds_map_addr_t, l4re_ds_map_addr_t,
         l4re_ds_map_addr_t),
    SAME(l4re_ds_map_region, l4_ret_t, l4re_ds_t, l4re_ds_offset_t, l4re_ds_flags_t, l4re_ds_map_addr_t,
         l4re_ds_map_addr_t),
    SAME(l4re_ds_clear, l4_ret_t, l4re_ds_t, l4re_ds_offset_t, l4re_ds_size_t),
    SAME(l4re_ds_allocate, l4_ret_t, l4re_ds_t, l4re_ds_offset_t, l4re_ds_size_t),
    SAME(l4re_ds_copy_in, l4_ret_t, l4re_ds_t, l4re_ds_offset_t, l4re_ds_t, l4re_ds_offset_t, l4re_ds_size_t),
    SAME(l4re_ds_size, l4re_ds_size_t, l4re_ds_t),
    SAME(l4re_ds_flags, l4re_ds_flags_t, l4re_ds_t),
    SAME(l4re_ds_info, l4_ret_t, l4re_ds_t, l4re_ds_stats_t *),
    SAME(l4re_ds_map_info, l4_ret_t, l4re_ds_t, l4_addr_t *, l4_addr_t *),
    /* l4/re/c/rm.h */
    SAME(l4re_rm_reserve_area, int, l4_addr_t *, unsigned long, l4re_rm_flags_t, unsigned char),
    SAME(l4re_rm_free_area, int, l4_addr_t),
    SAME(l4re_rm_attach, int, void **, unsigned long, l4re_rm_flags_t, l4re_ds_t, l4re_rm_offset_t, unsigned char),
    SAME(l4re_rm_attach_w_info, int, void **, unsigned long, l4re_rm_flags_t, l4re_ds_t, l4re_rm_offset_t,
         unsigned char, char const *, l4re_ds_offset_t),
    SAME(l4re_rm_detach, int, void *),
    SAME(l4re_rm_detach_ds, int, void *, l4re_ds_t *),
    SAME(l4re_rm_detach_unmap, int, l4_addr_t, l4_cap_idx_t),
    SAME(l4re_rm_detach_ds_unmap, int, void *, l4re_ds_t *, l4_cap_idx_t),
    SAME(l4re_rm_find, int, l4_addr_t *, unsigned long *, l4re_rm_offset_t *, l4re_rm_flags_t *, l4re_ds_t *),
    SAME(l4re_rm_get_info, int, l4_addr_t, char *, unsigned int, l4re_rm_offset_t *),
    SAME(l4re_rm_show_lists, void, void),
    SAME(l4re_rm_reserve_area_srv, int, l4_cap_idx_t, l4_addr_t *, unsigned long, l4re_rm_flags_t, unsigned char),
    SAME(l4re_rm_free_area_srv, int, l4_cap_idx_t, l4_addr_t),
    SAME(l4re_rm_attach_srv, int, l4_cap_idx_t, void **, unsigned long, l4re_rm_flags_t, l4re_ds_t, l4re_rm_offset_t,
         unsigned char),
    SAME(l4re_rm_attach_w_info_srv, int, l4_cap_idx_t, void **, unsigned long, l4re_rm_flags_t, l4re_ds_t,
         l4re_rm_offset_t, unsigned char, char const *, l4re_ds_offset_t),
    SAME(l4re_rm_detach_srv, int, l4_cap_idx_t, l4_addr_t, l4re_ds_t *, l4_cap_idx_t),
    SAME(l4re_rm_find_srv, int, l4_cap_idx_t, l4_addr_t *, unsigned long *, l4re_rm_offset_t *, l4re_rm_flags_t *,
         l4re_ds_t *),
    SAME(l4re_rm_get_info_srv, int, l4_cap_idx_t, l4_addr_t, char *, unsigned int, l4re_rm_offset_t *),
    SAME(l4re_rm_show_lists_srv, void, l4_cap_idx_t),
    /* l4/re/c/mem_alloc.h */
    SAME(l4re_ma_alloc, l4_ret_t, long, l4re_ds_t const, unsigned long),
    SAME(l4re_ma_alloc_align, l4_ret_t, long, l4re_ds_t const, unsigned long, unsigned long),
    SAME(l4re_ma_alloc_align_srv, l4_ret_t, l4_cap_idx_t, long, l4re_ds_t const, unsigned long, unsigned long),
    /* l4/re/c/namespace.h */
    SAME(l4re_ns_query_to_srv, l4_ret_t, l4re_namespace_t, char const *, l4_cap_idx_t const, int),
    SAME(l4re_ns_query_srv, l4_ret_t, l4re_namespace_t, char const *, l4_cap_idx_t const),
    SAME(l4re_ns_register_obj_srv, l4_ret_t, l4re_namespace_t, char const *, l4_cap_idx_t const, unsigned),
    /* l4/re/c/log.h */
    SAME(l4re_log_print, void, char const *),
    SAME(l4re_log_printn, void, char const *, int),
    SAME(l4re_log_print_srv, void, const l4_cap_idx_t, char const *),
    SAME(l4re_log_printn_srv, void, const l4_cap_idx_t, char const *, int),
    /* l4/re/c/parent.h */
    SAME(l4re_parent_signal, long, l4_cap_idx_t, unsigned long, unsigned long),
    /* l4/re/c/debug.h */
    SAME(l4re_debug_obj_debug, l4_ret_t, l4_cap_idx_t, unsigned long),
    /* l4/re/c/event.h */
    SAME(l4re_event_get_buffer, l4_ret_t, const l4_cap_idx_t, const l4re_ds_t),
    SAME(l4re_event_get_num_streams, l4_ret_t, const l4_cap_idx_t),
    SAME(l4re_event_get_stream_info, l4_ret_t, const l4_cap_idx_t, int, l4re_event_stream_info_t *),
    SAME(l4re_event_get_stream_info_for_id, l4_ret_t, const l4_cap_idx_t, l4_umword_t, l4re_event_stream_info_t *),
    SAME(l4re_event_get_axis_info, l4_ret_t, const l4_cap_idx_t, l4_umword_t, unsigned, unsigned const *,
         l4re_event_absinfo_t *),
    /* l4/re/c/event_buffer.h */
    SAME(l4re_event_free, void, l4re_event_t *),
    SAME(l4re_event_buffer_attach, l4_ret_t, l4re_event_buffer_consumer_t *, l4re_ds_t, l4_cap_idx_t),
    SAME(l4re_event_buffer_detach, l4_ret_t, l4re_event_buffer_consumer_t *, l4_cap_idx_t),
    SAME(l4re_event_buffer_next, l4re_event_t *, l4re_event_buffer_consumer_t *),
    SAME(l4re_event_buffer_consumer_foreach_available_event, void, l4re_event_buffer_consumer_t *, void *,
         l4re_event_buffer_cb_t *),
    SAME(l4re_event_buffer_consumer_process, void, l4re_event_buffer_consumer_t *, l4_cap_idx_t, l4_cap_idx_t,
         void *, l4re_event_buffer_cb_t *),
    /* l4/re/c/dma_space.h */
    SAME(l4re_dma_space_map, l4_ret_t, l4re_dma_space_t, l4re_ds_t, l4re_ds_offset_t, l4_size_t *, unsigned long,
         enum l4re_dma_space_direction, l4re_dma_space_dma_addr_t *),
    SAME(l4re_dma_space_unmap, l4_ret_t, l4re_dma_space_t, l4re_dma_space_dma_addr_t, l4_size_t, unsigned long,
         enum l4re_dma_space_direction),
    SAME(l4re_dma_space_mgr_associate, l4_ret_t, l4re_dma_space_mgr_t, l4re_dma_space_t, l4_cap_idx_t,
         enum l4re_dma_space_mgr_space_attribs),
    SAME(l4re_dma_space_mgr_associate_phys, l4_ret_t, l4re_dma_space_mgr_t, l4re_dma_space_t,
         enum l4re_dma_space_mgr_space_attribs),
    SAME(l4re_dma_space_mgr_disassociate, l4_ret_t, l4re_dma_space_mgr_t, l4re_dma_space_t),
    SAME(l4re_dma_space_mgr_block_area, l4_ret_t, l4re_dma_space_mgr_t, l4re_dma_space_t,
         l4re_dma_space_dma_addr_t *, l4re_dma_space_dma_size_t, l4re_dma_space_dma_addr_t,
         enum l4re_dma_space_mgr_block_flags, unsigned char),
    SAME(l4re_dma_space_mgr_set_limits, l4_ret_t, l4re_dma_space_mgr_t, l4re_dma_space_t, l4re_dma_space_dma_addr_t,
         l4re_dma_space_dma_addr_t),
    /* l4/re/c/inhibitor.h */
    SAME(l4re_inhibitor_acquire, l4_ret_t, l4_cap_idx_t, l4_umword_t, char const *),
    SAME(l4re_inhibitor_release, l4_ret_t, l4_cap_idx_t, l4_umword_t),
    SAME(l4re_inhibitor_next_lock_info, l4_ret_t, l4_cap_idx_t, char *, unsigned, l4_mword_t),
    /* l4/re/c/video/goos.h */
    SAME(l4re_video_goos_info, int, l4re_video_goos_t, l4re_video_goos_info_t *),
    SAME(l4re_video_goos_refresh, int, l4re_video_goos_t, int, int, int, int),
    SAME(l4re_video_goos_create_buffer, int, l4re_video_goos_t, unsigned long, l4_cap_idx_t),
    SAME(l4re_video_goos_delete_buffer, int, l4re_video_goos_t, unsigned),
    SAME(l4re_video_goos_get_static_buffer, int, l4re_video_goos_t, unsigned, l4_cap_idx_t),
    SAME(l4re_video_goos_create_view, int, l4re_video_goos_t, l4re_video_view_t *),
    SAME(l4re_video_goos_delete_view, int, l4re_video_goos_t, l4re_video_view_t *),
    SAME(l4re_video_goos_get_view, int, l4re_video_goos_t, unsigned, l4re_video_view_t *),
    /* l4/re/c/video/view.h */
    SAME(l4re_video_view_refresh, int, l4re_video_view_t *, int, int, int, int),
    SAME(l4re_video_view_get_info, int, l4re_video_view_t *, l4re_video_view_info_t *),
    SAME(l4re_video_view_set_info, int, l4re_video_view_t *, l4re_video_view_info_t *),
    SAME(l4re_video_view_set_viewport, int, l4re_video_view_t *, int, int, int, int, unsigned long),
    SAME(l4re_video_view_stack, int, l4re_video_view_t *, l4re_video_view_t *, int),
    /* l4/re/c/video/colors.h */
    SAME(l4re_video_bits_per_pixel, int, l4re_video_pixel_info_t *),
    /* l4/re/c/util/cap_alloc.h */
    SAME(l4re_util_cap_alloc, l4_cap_idx_t, void),
    SAME(l4re_util_cap_free, void, l4_cap_idx_t),
    SAME(l4re_util_cap_free_um, void, l4_cap_idx_t),
    SAME(l4re_util_cap_last, long, void),
    /* l4/re/c/util/kumem_alloc.h */
    SAME(l4re_util_kumem_alloc, int, l4_addr_t *, unsigned, l4_cap_idx_t, l4_cap_idx_t),
    /* l4/re/c/util/video/goos_fb.h */
    SAME(l4re_util_video_goos_fb_setup_name, int, l4re_util_video_goos_fb_t *, char const *),
    SAME(l4re_util_video_goos_fb_destroy, void, l4re_util_video_goos_fb_t *),
    SAME(l4re_util_video_goos_fb_view_info, int, l4re_util_video_goos_fb_t *, l4re_video_view_info_t *),
    SAME(l4re_util_video_goos_fb_attach_buffer, void *, l4re_util_video_goos_fb_t *),
    SAME(l4re_util_video_goos_fb_refresh, int, l4re_util_video_goos_fb_t *, int, int, int, int),
    SAME(l4re_util_video_goos_fb_buffer, l4re_ds_t, l4re_util_video_goos_fb_t *),
    SAME(l4re_util_video_goos_fb_goos, l4_cap_idx_t, l4re_util_video_goos_fb_t *),
    /* pthread-l4.h */
    SAME(pthread_l4_cap, l4_cap_idx_t, pthread_t),
    SAME(pthread_l4_for_each_thread, void, void (*)(pthread_t)),
    SAME(pthread_l4_utcb, l4_utcb_t *, pthread_t),
};

static const struct api_fact constants[] = {
    /* l4/re/consts.h */
    IS(L4RE_THIS_TASK_CAP, 0x1000), IS(L4RE_MAIN_THREAD_PRIO, 2),
    /* l4/re/protocols.h */
    IS(L4RE_PROTO_DATASPACE, 0x4000), IS(L4RE_PROTO_NAMESPACE, 0x4001), IS(L4RE_PROTO_PARENT, 0x4002),
    IS(L4RE_PROTO_GOOS, 0x4003), IS(L4RE_PROTO_RSVD_1, 0x4004), IS(L4RE_PROTO_RM, 0x4005),
    IS(L4RE_PROTO_EVENT, 0x4006), IS(L4RE_PROTO_INHIBITOR, 0x4007), IS(L4RE_PROTO_DMA_SPACE, 0x4008),
    IS(L4RE_PROTO_MMIO_SPACE, 0x4009), IS(L4RE_PROTO_ITAS, 0x400a), IS(L4RE_PROTO_MEM_ALLOC, 0x400b),
    IS(L4RE_PROTO_REMOTE_ACCESS, 0x400c), IS(L4RE_PROTO_DEBUG, -32768),
    /* l4/re/l4aux.h */
    IS(L4RE_AUX_LDR_FLAG_EAGER_MAP, 1), IS(L4RE_AUX_LDR_FLAG_ALL_SEGS_COW, 2), IS(L4RE_AUX_LDR_FLAG_PINNED_SEGS, 4),
    /* l4/re/elf_aux.h */
    IS(L4RE_ELF_AUX_T_NONE, 0), IS(L4RE_ELF_AUX_T_VMA, 1), IS(L4RE_ELF_AUX_T_STACK_SIZE, 2),
    IS(L4RE_ELF_AUX_T_STACK_ADDR, 3), IS(L4RE_ELF_AUX_T_KIP_ADDR, 4), IS(L4RE_ELF_AUX_T_EX_REGS_FLAGS, 5),
    /* l4/re/event.h */
    IS(L4RE_EVENT_EV_MAX, 0x1f), IS(L4RE_EVENT_KEY_MAX, 0x1ff), IS(L4RE_EVENT_REL_MAX, 0xf),
    IS(L4RE_EVENT_ABS_MAX, 0x3f), IS(L4RE_EVENT_PROP_MAX, 0x1f), IS(L4RE_EVENT_SW_MAX, 0xf),
    IS(L4RE_EVENT_STREAM_CALIBRATE, 1),
    /* l4/re/event_enums.h */
    IS(L4RE_EV_SYN, 0), IS(L4RE_EV_KEY, 1), IS(L4RE_EV_REL, 2), IS(L4RE_EV_ABS, 3), IS(L4RE_EV_MSC, 4),
    IS(L4RE_EV_SW, 5), IS(L4RE_EV_LED, 0x11), IS(L4RE_EV_SND, 0x12), IS(L4RE_EV_REP, 0x14), IS(L4RE_EV_FF, 0x15),
    IS(L4RE_EV_PWR, 0x16), IS(L4RE_EV_FF_STATUS, 0x17), IS(L4RE_EV_WINDOW, 0x18), IS(L4RE_EV_PM, 0x1e),
    IS(L4RE_EV_MAX, 0x1f),
    /* l4/re/c/dataspace.h */
    IS(L4RE_DS_F_R, 4), IS(L4RE_DS_F_W, 2), IS(L4RE_DS_F_X, 1), IS(L4RE_DS_F_RW, 6), IS(L4RE_DS_F_RX, 5),
    IS(L4RE_DS_F_RWX, 7), IS(L4RE_DS_F_RIGHTS_MASK, 0xf), IS(L4RE_DS_F_NORMAL, 0), IS(L4RE_DS_F_CACHEABLE, 0),
    IS(L4RE_DS_F_BUFFERABLE, 0x10), IS(L4RE_DS_F_UNCACHEABLE, 0x20), IS(L4RE_DS_F_CACHING_MASK, 0x30),
    IS(L4RE_DS_F_CACHING_SHIFT, 4),
    /* l4/re/c/rm.h */
    IS(L4RE_RM_F_R, 4), IS(L4RE_RM_F_W, 2), IS(L4RE_RM_F_X, 1), IS(L4RE_RM_F_RX, 5), IS(L4RE_RM_F_RW, 6),
    IS(L4RE_RM_F_RWX, 7), IS(L4RE_RM_F_KERNEL, 0x100), IS(L4RE_RM_F_DETACH_FREE, 0x200), IS(L4RE_RM_F_PAGER, 0x400),
    IS(L4RE_RM_F_RESERVED, 0x800), IS(L4RE_RM_CACHING_SHIFT, 4), IS(L4RE_RM_F_CACHING, 0x30),
    IS(L4RE_RM_REGION_FLAGS, 0xffff), IS(L4RE_RM_F_CACHE_NORMAL, 0), IS(L4RE_RM_F_CACHE_BUFFERED, 0x10),
    IS(L4RE_RM_F_CACHE_UNCACHED, 0x20), IS(L4RE_RM_F_SEARCH_ADDR, 0x20000), IS(L4RE_RM_F_IN_AREA, 0x40000),
    IS(L4RE_RM_F_EAGER_MAP, 0x80000), IS(L4RE_RM_F_NO_EAGER_MAP, 0x100000), IS(L4RE_RM_F_ATTACH_FLAGS, 0x1f0000),
    /* l4/re/c/mem_alloc.h */
    IS(L4RE_MA_CONTINUOUS, 1), IS(L4RE_MA_PINNED, 2), IS(L4RE_MA_SUPER_PAGES, 4),
    /* l4/re/c/namespace.h */
    IS(L4RE_NS_REGISTER_RO, 4), IS(L4RE_NS_REGISTER_DIR, 0x10), IS(L4RE_NS_REGISTER_RW, 5),
    IS(L4RE_NS_REGISTER_RWS, 7), IS(L4RE_NS_REGISTER_S, 2),
    /* l4/re/c/dma_space.h */
    IS(L4RE_DMA_SPACE_BIDIRECTIONAL, 0), IS(L4RE_DMA_SPACE_TO_DEVICE, 1), IS(L4RE_DMA_SPACE_FROM_DEVICE, 2),
    IS(L4RE_DMA_SPACE_NONE, 3), IS(L4RE_DMA_SPACE_SEARCH_ADDR, 1), IS(L4RE_DMA_SPACE_PARTIAL_MAP, 2),
    IS(L4RE_DMA_SPACE_RESERVE, 4), IS(L4RE_DMA_SPACE_REPLACE, 8), IS(L4RE_DMA_SPACE_MGR_IDENTITY_MAP, 1),
    IS(L4RE_DMA_SPACE_MGR_SEARCH_ADDR, 1),
};

static const struct api_fact layouts[] = {
    SIZE(l4re_ds_stats_t, 16), AT(l4re_ds_stats_t, size, 0), AT(l4re_ds_stats_t, flags, 8),
    SIZE(l4re_event_t, 24), AT(l4re_event_t, time, 0), AT(l4re_event_t, type, 8), AT(l4re_event_t, code, 10),
    AT(l4re_event_t, value, 12), AT(l4re_event_t, stream_id, 16),
    SIZE(l4re_event_buffer_consumer_t, 64), AT(l4re_event_buffer_consumer_t, _obj_buf, 0),
    SIZE(l4re_video_goos_info_t, 40), AT(l4re_video_goos_info_t, width, 0), AT(l4re_video_goos_info_t, height, 8),
    AT(l4re_video_goos_info_t, flags, 16), AT(l4re_video_goos_info_t, num_static_views, 20),
    AT(l4re_video_goos_info_t, num_static_buffers, 24), AT(l4re_video_goos_info_t, pixel_info, 28),
    SIZE(l4re_video_view_info_t, 72), AT(l4re_video_view_info_t, flags, 0),
    AT(l4re_video_view_info_t, view_index, 4), AT(l4re_video_view_info_t, xpos, 8),
    AT(l4re_video_view_info_t, ypos, 16), AT(l4re_video_view_info_t, width, 24),
    AT(l4re_video_view_info_t, height, 32), AT(l4re_video_view_info_t, buffer_offset, 40),
    AT(l4re_video_view_info_t, bytes_per_line, 48), AT(l4re_video_view_info_t, pixel_info, 56),
    AT(l4re_video_view_info_t, buffer_index, 68),
    SIZE(l4re_video_view_t, 16), AT(l4re_video_view_t, goos, 0), AT(l4re_video_view_t, idx, 8),
    SIZE(l4re_video_color_component_t, 2), AT(l4re_video_color_component_t, size, 0),
    AT(l4re_video_color_component_t, shift, 1),
    SIZE(l4re_video_pixel_info_t, 9), AT(l4re_video_pixel_info_t, r, 0), AT(l4re_video_pixel_info_t, g, 2),
    AT(l4re_video_pixel_info_t, b, 4), AT(l4re_video_pixel_info_t, a, 6),
    AT(l4re_video_pixel_info_t, bytes_per_pixel, 8),
    SIZE(l4re_env_t, 112), AT(l4re_env_t, parent, 0), AT(l4re_env_t, rm, 8), AT(l4re_env_t, mem_alloc, 16),
    AT(l4re_env_t, log, 24), AT(l4re_env_t, main_thread, 32), AT(l4re_env_t, factory, 40),
    AT(l4re_env_t, scheduler, 48), AT(l4re_env_t, itas, 56), AT(l4re_env_t, dbg_events, 64),
    AT(l4re_env_t, first_free_cap, 72), AT(l4re_env_t, first_free_reply_cap, 80), AT(l4re_env_t, utcb_area, 88),
    AT(l4re_env_t, first_free_utcb, 96), AT(l4re_env_t, caps, 104),
    SIZE(l4re_env_cap_entry_t, 32), AT(l4re_env_cap_entry_t, cap, 0), AT(l4re_env_cap_entry_t, flags, 8),
    AT(l4re_env_cap_entry_t, name, 16),
    SIZE(l4re_aux_t, 40), AT(l4re_aux_t, binary, 0), AT(l4re_aux_t, kip_ds, 8), AT(l4re_aux_t, dbg_lvl, 16),
    AT(l4re_aux_t, ldr_flags, 24), AT(l4re_aux_t, ldr_base, 32),
    SIZE(l4re_event_stream_id_t, 8), AT(l4re_event_stream_id_t, bustype, 0), AT(l4re_event_stream_id_t, vendor, 2),
    AT(l4re_event_stream_id_t, product, 4), AT(l4re_event_stream_id_t, version, 6),
    SIZE(l4re_event_absinfo_t, 24), AT(l4re_event_absinfo_t, value, 0), AT(l4re_event_absinfo_t, min, 4),
    AT(l4re_event_absinfo_t, max, 8), AT(l4re_event_absinfo_t, fuzz, 12), AT(l4re_event_absinfo_t, flat, 16),
    AT(l4re_event_absinfo_t, resolution, 20),
};

int main(void)
{
    API_CHECK(functions);
    API_CHECK(constants);
    API_CHECK(layouts);
    return tap_done();
}
