/* SPDX-License-Identifier: MIT */
/* The consumer's side of an event ring in shared memory: a slot with time 0 is free; the producer writes the time
 * last. */
#pragma once
#include <l4/re/c/dataspace.h>

typedef struct l4re_event_t {
    long long time;
    unsigned short type;
    unsigned short code;
    int value;
    l4_umword_t stream_id;
} l4re_event_t;

typedef struct l4re_event_buffer_consumer_t {
    unsigned long _obj_buf[8];
} l4re_event_buffer_consumer_t;

typedef void l4re_event_buffer_cb_t(l4re_event_t *ev, void *data);

EXTERN_C_BEGIN
/* Gives the slot back to the producer. */
void l4re_event_free(l4re_event_t *e);
/* Attaches the ring ds at the region map rm. */
l4_ret_t l4re_event_buffer_attach(l4re_event_buffer_consumer_t *evbuf, l4re_ds_t ds, l4_cap_idx_t rm);
l4_ret_t l4re_event_buffer_detach(l4re_event_buffer_consumer_t *evbuf, l4_cap_idx_t rm);
/* Next event, to be freed by l4re_event_free(); NULL when there is none. */
l4re_event_t *l4re_event_buffer_next(l4re_event_buffer_consumer_t *evbuf);
/* Calls cb for every event that is there, and frees them. */
void l4re_event_buffer_consumer_foreach_available_event(l4re_event_buffer_consumer_t *evbuf, void *data,
                                                        l4re_event_buffer_cb_t *cb);
/* Binds irq to thread (the caller), and for ever waits for it and calls cb for the events. Returns only when binding or
 * waiting fails. */
void l4re_event_buffer_consumer_process(l4re_event_buffer_consumer_t *evbuf, l4_cap_idx_t irq, l4_cap_idx_t thread,
                                        void *data, l4re_event_buffer_cb_t *cb);
EXTERN_C_END
