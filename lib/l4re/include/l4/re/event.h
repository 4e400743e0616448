/* SPDX-License-Identifier: MIT */
/* Input streams: descriptions and axes. */
#pragma once
#include <l4/sys/types.h>
#include <l4/re/event_enums.h>

enum L4re_event_stream_consts {
    L4RE_EVENT_EV_MAX = 0x1f,
    L4RE_EVENT_KEY_MAX = 0x1ff,
    L4RE_EVENT_REL_MAX = 0xf,
    L4RE_EVENT_ABS_MAX = 0x3f,
    L4RE_EVENT_PROP_MAX = 0x1f,
    L4RE_EVENT_SW_MAX = 0xf,
    L4RE_EVENT_STREAM_CALIBRATE = 1
};

typedef struct l4re_event_stream_id_t {
    l4_uint16_t bustype, vendor, product, version;
} l4re_event_stream_id_t;

typedef struct l4re_event_absinfo_t {
    l4_int32_t value, min, max, fuzz, flat, resolution;
} l4re_event_absinfo_t;

typedef struct l4re_event_stream_info_t {
    l4_umword_t stream_id;
    char name[32];
    char phys[32];
    l4re_event_stream_id_t id;
    l4_umword_t propbits[1];
    l4_umword_t evbits[1];
    l4_umword_t keybits[8];
    l4_umword_t relbits[1];
    l4_umword_t absbits[1];
    l4_umword_t swbits[1];
} l4re_event_stream_info_t;

_Static_assert(sizeof(l4re_event_stream_info_t) == 184 && sizeof(l4re_event_absinfo_t) == 24, "event records");
