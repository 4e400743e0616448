/* SPDX-License-Identifier: MIT */
/*
 * The message loop. A label tells which gate was used: the region map, the in-task service, or one thread's own
 * gate (its page faults and exceptions). The two low bits are the caller's rights; nothing here asks for any.
 *
 * A faulting thread's FPU state comes with its exception and goes back with the answer. In between it lies in
 * fpu_state: our own code may use the registers.
 *
 * Arguments that name capabilities arrive as the sender's own selector, because the sender lives in this task. What
 * arrives as a real capability came from another task: it is dropped again, and the argument counts as missing.
 */
#include "signal.h"
#include "thread.h"

#define BUFFERS 2u
static l4_cap_idx_t buffer[BUFFERS];

#define KIND_MASK 0x3eul
#define KIND_LOCAL 0x3eul
#define KIND_MAPPED 0x38ul

/* 0 and the selector; -1001 without the item; -2 when it is not one of ours. */
long arg_cap(struct rpc *in, unsigned item, l4_cap_idx_t *cap)
{
    unsigned at = in->limit / 8 + 2 * item;

    if (item >= in->items || at + 2 > L4_UTCB_GENERIC_DATA_SIZE)
        return -L4_EMSGTOOSHORT;
    if ((l4_utcb_mr_u(in->utcb)->mr[at] & KIND_MASK) != KIND_LOCAL)
        return -L4_ENOENT;
    *cap = l4_utcb_mr_u(in->utcb)->mr[at + 1] & L4_FPAGE_ADDR_MASK;
    return 0;
}

static int arrived_for_real(const struct rpc *in)
{
    for (unsigned i = 0; i < in->items; i++) {
        unsigned at = in->limit / 8 + 2 * i;
        if (at < L4_UTCB_GENERIC_DATA_SIZE && (l4_utcb_mr_u(in->utcb)->mr[at] & KIND_MASK) == KIND_MAPPED)
            return 1;
    }
    return 0;
}

static long answer(l4_umword_t label, long protocol, struct rpc *in, struct rpc *out)
{
    struct thread *t = label == LABEL_RM || label == LABEL_ITAS ? 0 : thread_of_label(label);

    if (protocol == L4_PROTO_META)
        return service_meta(in, out, label);
    if (label == LABEL_ITAS)
        return protocol == PROTO_ITAS ? service_itas(in, out) : -L4_EBADPROTO;
    if (label != LABEL_RM && t == 0)
        return -L4_EBADPROTO;
    switch (protocol) {
    case L4_PROTO_PAGE_FAULT: return service_fault(in, out);
    case L4_PROTO_EXCEPTION: return exception(in, out, t);
    case L4_PROTO_IO_PAGE_FAULT: return service_io_fault(in);
    case PROTO_RM: return label == LABEL_RM ? service_rm(in, out) : -L4_EBADPROTO;
    case PROTO_DEBUG: return label == LABEL_RM ? service_debug(in) : -L4_EBADPROTO;
    default: return -L4_EBADPROTO;
    }
}

/* The request is copied away first: answering it sends messages of our own. */
static l4_msgtag_t request(l4_umword_t label, l4_msgtag_t tag)
{
    static l4_utcb_t shadow;
    struct rpc in = rpc_read(tag);
    int drop = arrived_for_real(&in);

    unsigned used = l4_msgtag_words(tag) + 2 * l4_msgtag_items(tag);
    memcpy(shadow.mr, l4_utcb_mr(), (used < L4_UTCB_GENERIC_DATA_SIZE ? used : L4_UTCB_GENERIC_DATA_SIZE) * 8);
    in.utcb = &shadow;

    static l4_utcb_t reply;
    struct rpc out = {.utcb = &reply, .limit = RPC_BYTES};
    long r = answer(label & ~3ul, l4_msgtag_label(tag), &in, &out);
    if (drop)
        for (unsigned i = 0; i < BUFFERS; i++)
            l4_task_release_cap(L4_BASE_TASK_CAP, buffer[i]);
    if (r < 0)
        return l4_msgtag(r, 0, 0, 0);
    l4_msgtag_t result = rpc_tag(&out, r);
    memcpy(l4_utcb_mr(), reply.mr, (l4_msgtag_words(result) + 2 * l4_msgtag_items(result)) * 8);
    return result;
}

/* ---- FPU state ---- */

unsigned char fpu_state[FPU_STATE_SIZE] __attribute__((aligned(16)));
static bool fpu_here;

static inline void fpu_take(l4_msgtag_t tag)
{
    fpu_here = (l4_msgtag_flags(tag) & L4_MSGTAG_TRANSFER_FPU) != 0;
    if (fpu_here)
        __asm__ volatile("fxsave64 %0" : "=m"(fpu_state));
}

/* Right before the reply. */
static inline l4_msgtag_t fpu_give(l4_msgtag_t tag)
{
    if (fpu_here) {
        tag.raw |= L4_MSGTAG_TRANSFER_FPU;
        __asm__ volatile("fxrstor64 %0" : : "m"(fpu_state) : "memory");
    }
    return tag;
}

static void buffers_load(void)
{
    l4_buf_regs_t *b = l4_utcb_br();

    b->bdr = L4_UTCB_INHERIT_FPU;
    for (unsigned i = 0; i < BUFFERS; i++)
        b->br[i] = buffer[i] | L4_RCV_ITEM_SINGLE_CAP | L4_RCV_ITEM_LOCAL_ID;
    b->br[BUFFERS] = 0;
}

static void prio_raise(void)
{
    struct rpc m = rpc_write();

    rpc_put64(&m, 1);
    rpc_put64(&m, 0xff000000);
    rpc_put64(&m, 1);
    rpc_put64(&m, PRIO_SERVICE);
    rpc_put64(&m, 0);
    rpc_put_cap(&m, startup.env->main_thread, L4_CAP_FPAGE_RS);
    rpc_call(&m, startup.env->scheduler, L4_PROTO_SCHEDULER);
}

/* One wait, after the reply if there is one: the next message, its label, and what its sender's FPU had. */
static l4_msgtag_t next(const l4_msgtag_t *reply, l4_umword_t *label)
{
    l4_timeout_t timeout = timer_timeout();
    l4_msgtag_t tag;

    buffers_load();
    if (reply != 0)
        tag = l4_ipc_reply_and_wait(l4_utcb(), fpu_give(*reply), label, timeout);
    else
        tag = l4_ipc_wait(l4_utcb(), label, timeout);
    fpu_take(tag);
    return tag;
}

/* Somebody gets an answer, if one is due, and somebody, perhaps the same, an interrupt behind it. */
static void reply_and_interrupt(const l4_msgtag_t *reply, struct thread *t)
{
    if (reply != 0) {
        l4_msgtag_t tag = fpu_give(*reply);
        /* Without "schedule" the answered thread would run on with the time slice that it lent us. */
        tag.raw |= L4_MSGTAG_SCHEDULE;
        l4_ipc_reply(L4_INVALID_REPLY_CAP, l4_utcb(), tag, L4_IPC_SEND_TIMEOUT_0);
    }
    signal_interrupt(t);
}

void serve(void)
{
    l4_umword_t label;
    const l4_msgtag_t *reply = 0;
    l4_msgtag_t result;
    struct thread *t;

    for (unsigned i = 0; i < BUFFERS; i++)
        buffer[i] = slot_take();
    prio_raise();
    for (;;) {
        l4_msgtag_t tag = next(reply, &label);
        /* An error: whom we answered is gone, a transfer failed, or it is time for the timer. */
        result = l4_msgtag_has_error(tag) ? l4_msgtag(NO_REPLY, 0, 0, 0) : request(label, tag);
        reply = l4_msgtag_label(result) == NO_REPLY ? 0 : &result;
        if ((t = signal_after_reply()) != 0) {
            reply_and_interrupt(reply, t);
            reply = 0;
        }
        if (timer_expired())
            signal_raise_process(SIGNAL_ALARM);
        if ((t = signal_after_reply()) != 0) {
            reply_and_interrupt(reply, t);
            reply = 0;
        }
    }
}
