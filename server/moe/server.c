/* SPDX-License-Identifier: MIT */
/* The server loop: one thread, one loop; objects that end do so between two requests (O4). */
#include "log.h"
#include "object.h"
#include "page.h"
#include "rm.h"
#include <l4/sys/thread.h>
#include <string.h>

#define SLOT_FIRST 0x20u
#define SLOTS_PER_PAGE 2u /* of memory: what clients can create grows with it */
#define SLOTS_MAX 262144u
#define RECEIVE_CAPS 2u

struct l4re_srv server;
static struct l4re_caps slots;

/* Before each wait: what the last request has left to be ended ends, then the receive buffers. Only capabilities are
 * taken, and of our own gates only the label. */
static void setup_wait(struct l4re_srv *srv, l4_utcb_t *utcb)
{
    l4_buf_regs_t *b = l4_utcb_br_u(utcb);

    object_doomed_end();
    b->bdr = l4_bdr(srv->rcv_count, srv->rcv_count, 0, 0);
    for (unsigned i = 0; i < srv->rcv_count; i++)
        b->br[i] = srv->rcv[i] | L4_RCV_ITEM_SINGLE_CAP | L4_RCV_ITEM_LOCAL_ID;
    b->br[srv->rcv_count] = 0;
}

static l4_kernel_clock_t deadline(struct l4re_srv *srv)
{
    (void)srv;
    return log_deadline();
}

static void timeout(struct l4re_srv *srv)
{
    (void)srv;
    log_flush();
}

static void reply_failed(struct l4re_srv *srv, struct l4re_msg *m, l4_umword_t error)
{
    (void)srv;
    if (error == L4_IPC_SEMAPFAILED && l4_msgtag_label(m->tag) == L4_PROTO_PAGE_FAULT)
        rm_fault_unmapped((struct l4re_obj *)(m->label & ~3ul));
}

static const struct l4re_srv_hooks hooks = {
    .setup_wait = setup_wait, .deadline = deadline, .timeout = timeout, .reply_failed = reply_failed};

static long slots_init(void)
{
    word_t count = page_total() * SLOTS_PER_PAGE < SLOTS_MAX ? page_total() * SLOTS_PER_PAGE : SLOTS_MAX;
    word_t bytes = count * sizeof *slots.refs, pages = (bytes + L4_PAGE_SIZE - 1) >> L4_PAGE_SHIFT;
    l4_uint16_t *refs = (l4_uint16_t *)page_range_alloc(pages, 0);

    if (refs == NULL)
        return -L4_ENOMEM;
    memset(refs, 0, pages << L4_PAGE_SHIFT);
    l4re_caps_init(&slots, SLOT_FIRST, refs, (unsigned)count);
    return 0;
}

long server_init(void)
{
    long r = slots_init();
    if (r < 0)
        return r;
    r = l4re_srv_init(&server, &slots, L4_BASE_THREAD_CAP, L4_BASE_FACTORY_CAP, L4_BASE_TASK_CAP, RECEIVE_CAPS);
    if (r < 0)
        return r;
    server.hooks = &hooks;
    return l4re_srv_watch(&server);
}

void server_run(void)
{
    for (;;)
        l4re_srv_loop(&server);
}
