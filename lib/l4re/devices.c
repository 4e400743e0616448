/* SPDX-License-Identifier: MIT */
/* Clients of DMA spaces, event servers and inhibitors; wire formats: protocols sections 10, 11 and 13. */
#include <l4/re/c/dma_space.h>
#include <l4/re/c/event.h>
#include <l4/re/c/event_buffer.h>
#include <l4/re/c/inhibitor.h>
#include <l4/re/c/rm.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <l4/sys/irq.h>
#include <string.h>

#define DMA_ALIGN 21u
#define PROTO_DMA_MANAGER 0l

enum { DMA_MAP, DMA_UNMAP };
enum { MGR_ASSOCIATE, MGR_ASSOCIATE_PHYS, MGR_DISASSOCIATE, MGR_BLOCK_AREA, MGR_SET_LIMITS };
enum { EVENT_BUFFER, EVENT_STREAMS, EVENT_INFO, EVENT_INFO_FOR_ID, EVENT_AXIS };
enum { INHIBIT_ACQUIRE, INHIBIT_RELEASE, INHIBIT_NEXT };

/* ---- DMA ---- */

l4_ret_t l4re_dma_space_map(l4re_dma_space_t dma, l4re_ds_t src, l4re_ds_offset_t offset, l4_size_t *size,
                            unsigned long attrs, enum l4re_dma_space_direction dir,
                            l4re_dma_space_dma_addr_t *dma_addr)
{
    struct l4re_call c;
    long r;

    (void)dir;
    l4re_call_start(&c, DMA_MAP);
    l4re_wr_u64(&c.out, offset);
    l4re_wr_u64(&c.out, *size);
    l4re_wr_u8(&c.out, DMA_ALIGN);
    l4re_wr_u32(&c.out, (l4_uint32_t)attrs);
    l4re_wr_u64(&c.out, *dma_addr);
    l4re_wr_u64(&c.out, ~0ull);
    if (l4_is_valid_cap(src))
        l4re_wr_cap(&c.out, src, L4_CAP_FPAGE_RW);
    r = l4re_call(&c, dma, L4RE_PROTO_DMA_SPACE, L4_IPC_NEVER);
    if (r < 0)
        return r;
    *size = l4re_rd_u64(&c.in);
    *dma_addr = l4re_rd_u64(&c.in);
    return c.in.err ? c.in.err : r;
}

l4_ret_t l4re_dma_space_unmap(l4re_dma_space_t dma, l4re_dma_space_dma_addr_t dma_addr, l4_size_t size,
                              unsigned long attrs, enum l4re_dma_space_direction dir)
{
    struct l4re_call c;

    (void)dir;
    l4re_call_start(&c, DMA_UNMAP);
    l4re_wr_u64(&c.out, dma_addr);
    l4re_wr_u64(&c.out, size);
    l4re_wr_u32(&c.out, (l4_uint32_t)attrs);
    return l4re_call(&c, dma, L4RE_PROTO_DMA_SPACE, L4_IPC_NEVER);
}

static long mgr_call(struct l4re_call *c, l4re_dma_space_mgr_t mgr)
{
    return l4re_call(c, mgr, PROTO_DMA_MANAGER, L4_IPC_NEVER);
}

l4_ret_t l4re_dma_space_mgr_associate(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space, l4_cap_idx_t dma_task,
                                      enum l4re_dma_space_mgr_space_attribs attr)
{
    struct l4re_call c;

    l4re_call_start(&c, MGR_ASSOCIATE);
    l4re_wr_u32(&c.out, (l4_uint32_t)attr);
    l4re_wr_cap(&c.out, dma_space, L4_CAP_FPAGE_RWS);
    l4re_wr_cap(&c.out, dma_task, L4_CAP_FPAGE_RWS);
    return mgr_call(&c, dma_mgr);
}

l4_ret_t l4re_dma_space_mgr_associate_phys(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space,
                                           enum l4re_dma_space_mgr_space_attribs attr)
{
    struct l4re_call c;

    l4re_call_start(&c, MGR_ASSOCIATE_PHYS);
    l4re_wr_u32(&c.out, (l4_uint32_t)attr);
    l4re_wr_cap(&c.out, dma_space, L4_CAP_FPAGE_RWS);
    return mgr_call(&c, dma_mgr);
}

l4_ret_t l4re_dma_space_mgr_disassociate(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space)
{
    struct l4re_call c;

    l4re_call_start(&c, MGR_DISASSOCIATE);
    l4re_wr_cap(&c.out, dma_space, L4_CAP_FPAGE_RWS);
    return mgr_call(&c, dma_mgr);
}

l4_ret_t l4re_dma_space_mgr_block_area(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space,
                                       l4re_dma_space_dma_addr_t *addr, l4re_dma_space_dma_size_t size,
                                       l4re_dma_space_dma_addr_t max_addr, enum l4re_dma_space_mgr_block_flags flags,
                                       unsigned char align)
{
    struct l4re_call c;
    long r;

    l4re_call_start(&c, MGR_BLOCK_AREA);
    l4re_wr_u64(&c.out, *addr);
    l4re_wr_u64(&c.out, size);
    l4re_wr_u64(&c.out, max_addr);
    l4re_wr_u32(&c.out, (l4_uint32_t)flags);
    l4re_wr_u8(&c.out, align);
    l4re_wr_cap(&c.out, dma_space, L4_CAP_FPAGE_RWS);
    r = mgr_call(&c, dma_mgr);
    if (r < 0)
        return r;
    *addr = l4re_rd_u64(&c.in);
    return c.in.err ? c.in.err : r;
}

l4_ret_t l4re_dma_space_mgr_set_limits(l4re_dma_space_mgr_t dma_mgr, l4re_dma_space_t dma_space,
                                       l4re_dma_space_dma_addr_t min_addr, l4re_dma_space_dma_addr_t max_addr)
{
    struct l4re_call c;

    l4re_call_start(&c, MGR_SET_LIMITS);
    l4re_wr_u64(&c.out, min_addr);
    l4re_wr_u64(&c.out, max_addr);
    l4re_wr_cap(&c.out, dma_space, L4_CAP_FPAGE_RWS);
    return mgr_call(&c, dma_mgr);
}

/* ---- inhibitor ---- */

l4_ret_t l4re_inhibitor_acquire(l4_cap_idx_t cap, l4_umword_t id, char const *reason)
{
    struct l4re_call c;

    l4re_call_start(&c, INHIBIT_ACQUIRE);
    l4re_wr_u64(&c.out, id);
    l4re_wr_string(&c.out, reason);
    return l4re_call(&c, cap, L4RE_PROTO_INHIBITOR, L4_IPC_NEVER);
}

l4_ret_t l4re_inhibitor_release(l4_cap_idx_t cap, l4_umword_t id)
{
    struct l4re_call c;

    l4re_call_start(&c, INHIBIT_RELEASE);
    l4re_wr_u64(&c.out, id);
    return l4re_call(&c, cap, L4RE_PROTO_INHIBITOR, L4_IPC_NEVER);
}

l4_ret_t l4re_inhibitor_next_lock_info(l4_cap_idx_t cap, char *name, unsigned len, l4_mword_t current_id)
{
    struct l4re_call c;
    char const *text;
    long r, id;

    l4re_call_start(&c, INHIBIT_NEXT);
    l4re_wr_i64(&c.out, current_id);
    r = l4re_call(&c, cap, L4RE_PROTO_INHIBITOR, L4_IPC_NEVER);
    if (r < 0)
        return r;
    id = (long)l4re_rd_i64(&c.in);
    text = l4re_rd_string(&c.in);
    if (c.in.err)
        return c.in.err;
    if (len) {
        unsigned n = (unsigned)strlen(text);

        n = n < len ? n : len - 1;
        memcpy(name, text, n);
        name[n] = 0;
    }
    return id;
}

/* ---- events ---- */

static long event_call(struct l4re_call *c, l4_cap_idx_t server)
{
    return l4re_call(c, server, L4RE_PROTO_EVENT, L4_IPC_NEVER);
}

l4_ret_t l4re_event_get_buffer(const l4_cap_idx_t server, const l4re_ds_t ds)
{
    struct l4re_call c;

    l4re_call_start(&c, EVENT_BUFFER);
    l4re_call_rcv_cap(&c, ds, 0);
    return event_call(&c, server);
}

l4_ret_t l4re_event_get_num_streams(const l4_cap_idx_t server)
{
    struct l4re_call c;

    l4re_call_start(&c, EVENT_STREAMS);
    return event_call(&c, server);
}

static long stream_info(struct l4re_call *c, l4_cap_idx_t server, l4re_event_stream_info_t *info)
{
    long r = event_call(c, server);
    void *p;

    if (r < 0)
        return r;
    p = l4re_rd_data(&c->in, sizeof *info, 8);
    if (!p)
        return c->in.err;
    memcpy(info, p, sizeof *info);
    return r;
}

l4_ret_t l4re_event_get_stream_info(const l4_cap_idx_t server, int idx, l4re_event_stream_info_t *info)
{
    struct l4re_call c;

    l4re_call_start(&c, EVENT_INFO);
    l4re_wr_i32(&c.out, idx);
    return stream_info(&c, server, info);
}

l4_ret_t l4re_event_get_stream_info_for_id(const l4_cap_idx_t server, l4_umword_t stream_id,
                                           l4re_event_stream_info_t *info)
{
    struct l4re_call c;

    l4re_call_start(&c, EVENT_INFO_FOR_ID);
    l4re_wr_u64(&c.out, stream_id);
    return stream_info(&c, server, info);
}

l4_ret_t l4re_event_get_axis_info(const l4_cap_idx_t server, l4_umword_t id, unsigned naxes, unsigned const *axis,
                                  l4re_event_absinfo_t *info)
{
    struct l4re_call c;
    unsigned n;
    void *p;
    long r;

    l4re_call_start(&c, EVENT_AXIS);
    l4re_wr_u64(&c.out, id);
    l4re_wr_array(&c.out, axis, naxes, sizeof *axis, sizeof *axis);
    r = event_call(&c, server);
    if (r < 0)
        return r;
    p = l4re_rd_array(&c.in, sizeof *info, 4, &n);
    if (!p)
        return c.in.err;
    memcpy(info, p, (n < naxes ? n : naxes) * sizeof *info);
    return r;
}

/* ---- the ring ---- */

struct ring {
    l4re_event_t *events;
    unsigned long count;
    unsigned long next;
};
_Static_assert(sizeof(struct ring) <= sizeof(l4re_event_buffer_consumer_t), "the consumer has room for its state");
_Static_assert(sizeof(l4re_event_t) == 24, "event");

static struct ring *ring_of(l4re_event_buffer_consumer_t *evbuf) { return (struct ring *)(void *)evbuf; }

void l4re_event_free(l4re_event_t *e) { __atomic_store_n(&e->time, 0, __ATOMIC_RELEASE); }

l4_ret_t l4re_event_buffer_attach(l4re_event_buffer_consumer_t *evbuf, l4re_ds_t ds, l4_cap_idx_t rm)
{
    struct ring *b = ring_of(evbuf);
    l4re_ds_stats_t s;
    void *start = NULL;
    long r = l4re_ds_info(ds, &s);

    if (r < 0)
        return r;
    if (s.size < sizeof(l4re_event_t))
        return -L4_EINVAL;
    r = l4re_rm_attach_srv(rm, &start, s.size, L4RE_RM_F_RW | L4RE_RM_F_SEARCH_ADDR, ds, 0, L4_PAGESHIFT);
    if (r < 0)
        return r;
    b->events = start;
    b->count = s.size / sizeof(l4re_event_t);
    b->next = 0;
    return 0;
}

l4_ret_t l4re_event_buffer_detach(l4re_event_buffer_consumer_t *evbuf, l4_cap_idx_t rm)
{
    return l4re_rm_detach_srv(rm, (l4_addr_t)ring_of(evbuf)->events, NULL, L4RE_THIS_TASK_CAP);
}

l4re_event_t *l4re_event_buffer_next(l4re_event_buffer_consumer_t *evbuf)
{
    struct ring *b = ring_of(evbuf);
    l4re_event_t *e = &b->events[b->next];

    if (!__atomic_load_n(&e->time, __ATOMIC_ACQUIRE))
        return NULL;
    b->next = (b->next + 1) % b->count;
    return e;
}

void l4re_event_buffer_consumer_foreach_available_event(l4re_event_buffer_consumer_t *evbuf, void *data,
                                                        l4re_event_buffer_cb_t *cb)
{
    l4re_event_t *e;

    while ((e = l4re_event_buffer_next(evbuf)) != NULL) {
        cb(e, data);
        l4re_event_free(e);
    }
}

void l4re_event_buffer_consumer_process(l4re_event_buffer_consumer_t *evbuf, l4_cap_idx_t irq, l4_cap_idx_t thread,
                                        void *data, l4re_event_buffer_cb_t *cb)
{
    if (l4_error(l4_rcv_ep_bind_thread(irq, thread, 0)) < 0)
        return;
    while (!l4_msgtag_has_error(l4_irq_receive(irq, L4_IPC_NEVER)))
        l4re_event_buffer_consumer_foreach_available_event(evbuf, data, cb);
}
