/* SPDX-License-Identifier: MIT */
/* Event servers (keyboards, mice, consoles). With the ICU protocol line 0 tells of new events. */
#pragma once
#include <l4/re/c/dataspace.h>
#include <l4/re/event.h>

EXTERN_C_BEGIN
/* Puts the dataspace of the event ring into slot ds. */
l4_ret_t l4re_event_get_buffer(const l4_cap_idx_t server, const l4re_ds_t ds);
/* Number of streams, or a negated error. */
l4_ret_t l4re_event_get_num_streams(const l4_cap_idx_t server);
l4_ret_t l4re_event_get_stream_info(const l4_cap_idx_t server, int idx, l4re_event_stream_info_t *info);
l4_ret_t l4re_event_get_stream_info_for_id(const l4_cap_idx_t server, l4_umword_t stream_id,
                                           l4re_event_stream_info_t *info);
/* Ranges of naxes axes of stream id. */
l4_ret_t l4re_event_get_axis_info(const l4_cap_idx_t server, l4_umword_t id, unsigned naxes, unsigned const *axis,
                                  l4re_event_absinfo_t *info);
EXTERN_C_END
