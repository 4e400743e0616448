/* SPDX-License-Identifier: MIT */
/*
 * The server loop and its objects. See l4/re/srv.h and README.md.
 *
 *  S1  A label that reaches the loop is the address of a registered object (two low bits: rights), or 0: gates are
 *      bound by register only, and unregister takes the label from queued senders before the object may go.
 *  S2  Every receive buffer rcv[i] is a slot of srv->caps with count 1, and empty while the loop waits.
 *  S3  reply_cur < reply_count: its bit in reply_used is set, and it is the slot of the present wait. Otherwise the
 *      implicit slot is.
 */
#include <l4/re/srv.h>
#include <l4/sys/factory.h>
#include <l4/sys/irq.h>
#include <l4/sys/rcv_endpoint.h>
#include <l4/sys/task.h>
#include <l4/sys/thread.h>
#include <string.h>

#define LABEL_RIGHTS 3ul
#define REPLY_SLOTS_MAX 64u
#define RESULT_MAX 0x7fffl /* results are 16-bit signed in this generation */
#define DEADLINE_BR ((int)L4_UTCB_GENERIC_BUFFERS_SIZE - 1)

enum { META_COUNT = 0, META_INTERFACE = 1, META_SUPPORTS = 2 };

static struct l4re_srv_hooks const no_hooks;

/* ---- objects ---- */

int l4re_srv_init(struct l4re_srv *srv, struct l4re_caps *caps, l4_cap_idx_t thread, l4_cap_idx_t factory,
                  l4_cap_idx_t task, unsigned rcv)
{
    if (rcv > L4RE_SRV_RCV_MAX)
        return -L4_EINVAL;
    memset(srv, 0, sizeof *srv);
    srv->caps = caps;
    srv->thread = thread;
    srv->factory = factory;
    srv->task = task;
    srv->hooks = &no_hooks;
    srv->watch.cap = L4_INVALID_CAP;
    for (; srv->rcv_count < rcv; srv->rcv_count++) {
        srv->rcv[srv->rcv_count] = l4re_caps_alloc(caps);
        if (l4_is_invalid_cap(srv->rcv[srv->rcv_count])) {
            while (srv->rcv_count--)
                l4re_caps_free(caps, srv->rcv[srv->rcv_count]);
            srv->rcv_count = 0;
            return -L4_ENOMEM;
        }
    }
    return 0;
}

static void obj_link(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_iface const *iface, l4_cap_idx_t cap,
                     unsigned flags)
{
    obj->iface = iface;
    obj->cap = cap;
    obj->flags = flags;
    obj->next = srv->objs;
    obj->link = &srv->objs;
    if (obj->next)
        obj->next->link = &obj->next;
    srv->objs = obj;
}

static void obj_unlink(struct l4re_obj *obj)
{
    *obj->link = obj->next;
    if (obj->next)
        obj->next->link = obj->link;
    obj->next = NULL;
    obj->link = NULL;
    obj->cap = L4_INVALID_CAP;
}

/* A new gate or IRQ in a slot of its own, bound to the loop with the object's address as label. */
static int register_new(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_iface const *iface, unsigned flags)
{
    l4_cap_idx_t cap = l4re_caps_alloc(srv->caps);
    long r;

    if (l4_is_invalid_cap(cap))
        return -L4_ENOMEM;
    if (flags & L4RE_OBJ_IRQ) {
        r = l4_error(l4_factory_create_irq(srv->factory, cap));
        if (r >= 0)
            r = l4_error(l4_rcv_ep_bind_thread(cap, srv->thread, (l4_umword_t)obj));
    } else {
        r = l4_error(l4_factory_create_gate(srv->factory, cap, srv->thread, (l4_umword_t)obj));
    }
    if (r < 0) {
        l4re_caps_drop(srv->caps, cap);
        return (int)r;
    }
    obj_link(srv, obj, iface, cap, flags | L4RE_OBJ_OWN_CAP);
    return 0;
}

int l4re_srv_register(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_iface const *iface)
{
    return register_new(srv, obj, iface, 0);
}

int l4re_srv_register_irq(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_iface const *iface)
{
    return register_new(srv, obj, iface, L4RE_OBJ_IRQ);
}

int l4re_srv_register_cap(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_iface const *iface, l4_cap_idx_t gate)
{
    long r;

    if (l4_is_invalid_cap(gate))
        return -L4_ENOENT;
    r = l4_error(l4_rcv_ep_bind_thread(gate, srv->thread, (l4_umword_t)obj));
    if (r < 0)
        return (int)r;
    obj_link(srv, obj, iface, gate, 0);
    return 0;
}

/* Messages queued for the label become messages for nobody: afterwards S1 holds without the object. */
static void labels_forget(struct l4re_srv *srv, l4_umword_t label)
{
    l4_msgtag_t tag = l4_thread_modify_sender_start();

    l4_thread_modify_sender_add(~LABEL_RIGHTS, label, ~0ul, 0, &tag);
    l4_thread_modify_sender_commit(srv->thread, tag);
}

void l4re_srv_unregister(struct l4re_srv *srv, struct l4re_obj *obj)
{
    l4_cap_idx_t cap = obj->cap;

    if (!obj->link)
        return;
    if (obj->flags & L4RE_OBJ_OWN_CAP) {
        l4_task_delete_obj(srv->task, cap);
        l4re_caps_free(srv->caps, cap);
    } else {
        l4_rcv_ep_bind_thread(cap, srv->thread, 0);
    }
    labels_forget(srv, (l4_umword_t)obj);
    obj_unlink(obj);
}

/* ---- the end of objects ---- */

/* The object's gate does not exist any more. */
static void obj_gone(struct l4re_srv *srv, struct l4re_obj *obj)
{
    struct l4re_iface const *iface = obj->iface;

    l4re_srv_unregister(srv, obj);
    if (iface->gone)
        iface->gone(obj, srv);
}

static int gate_is_dead(struct l4re_srv *srv, struct l4re_obj *obj)
{
    return !(obj->flags & L4RE_OBJ_IRQ) && l4_error(l4_task_cap_valid(srv->task, obj->cap)) == 0;
}

/* A weak gate that no client has: nobody can ever call it, and no notice will come. */
static int gate_is_unreachable(struct l4re_obj *obj)
{
    return (obj->flags & L4RE_OBJ_WEAK) && l4_error(l4_kobject_dec_refcnt(obj->cap, 0)) >= 0 &&
           (l4_mword_t)l4_utcb_mr()->mr[0] <= 0;
}

/* Ends all objects whose gate is dead (or, with unreachable, weak and without clients). A callback may unregister any
 * object and so change the list: after each one the search starts again. */
static void objs_collect(struct l4re_srv *srv, int unreachable)
{
    struct l4re_obj *obj = srv->objs;

    while (obj) {
        if (gate_is_dead(srv, obj) || (unreachable && gate_is_unreachable(obj))) {
            obj_gone(srv, obj);
            obj = srv->objs;
        } else {
            obj = obj->next;
        }
    }
}

static void watch_irq(struct l4re_obj *obj, struct l4re_srv *srv)
{
    (void)obj;
    objs_collect(srv, 0);
}

static struct l4re_iface const watch_iface = {.irq = watch_irq};

int l4re_srv_watch(struct l4re_srv *srv)
{
    int r = l4re_srv_register_irq(srv, &srv->watch, &watch_iface);

    if (r < 0)
        return r;
    r = (int)l4_error(l4_thread_register_del_irq(srv->thread, srv->watch.cap));
    if (r < 0)
        l4re_srv_unregister(srv, &srv->watch);
    return r < 0 ? r : 0;
}

int l4re_srv_weaken(struct l4re_srv *srv, struct l4re_obj *obj)
{
    long r;

    (void)srv;
    if (obj->flags & L4RE_OBJ_WEAK)
        return 0;
    r = l4_error(l4_kobject_dec_refcnt(obj->cap, 1));
    if (r < 0)
        return (int)r;
    obj->flags |= L4RE_OBJ_WEAK;
    return 0;
}

/* ---- requests ---- */

/* Which receive buffer the item used: items of capabilities take them in order, compound ones stay on theirs. */
static unsigned item_buffer(l4_umword_t ctl, unsigned *next)
{
    unsigned b = L4RE_SRV_RCV_MAX;

    if ((ctl & L4_ITEM_MAP) && (ctl >> 4 & 3) == L4_FPAGE_OBJ) {
        b = *next;
        if (!(ctl & L4_ITEM_CONT))
            ++*next;
    }
    return b;
}

void l4re_msg_load(struct l4re_msg *m, struct l4re_srv *srv, l4_msgtag_t tag, l4_umword_t label, l4_umword_t const *mr)
{
    unsigned words = l4_msgtag_words(tag) + 2 * l4_msgtag_items(tag);
    unsigned next = 0;

    if (words > L4_UTCB_GENERIC_DATA_SIZE)
        words = L4_UTCB_GENERIC_DATA_SIZE;
    memcpy(m->in_words, mr, words * sizeof mr[0]);
    l4re_rd_init(&m->in, m->in_words, tag);
    l4re_wr_init(&m->out, m->out_words);
    m->tag = tag;
    m->label = label;
    m->code = 0;
    m->rights = (unsigned)(label & LABEL_RIGHTS);
    m->srv = srv;
    m->buffer = 0;
    m->filled = 0;
    m->deferred = 0;
    for (unsigned w = l4_msgtag_words(tag); w + 2 <= words; w += 2) {
        unsigned b = item_buffer(m->in_words[w], &next);

        if (b < srv->rcv_count && !(m->in_words[w] & 6)) /* bits 1-2 clear: something was mapped */
            m->filled |= 1u << b;
    }
}

struct l4re_item l4re_msg_item(struct l4re_msg *m, l4_cap_idx_t *cap)
{
    struct l4re_item it = l4re_rd_item(&m->in);
    unsigned b = item_buffer(it.ctl, &m->buffer);

    if (cap) {
        *cap = L4_INVALID_CAP;
        if (it.kind == L4RE_ITEM_MAPPED && b < m->srv->rcv_count && (m->filled & 1u << b))
            *cap = m->srv->rcv[b];
    }
    return it;
}

l4_cap_idx_t l4re_msg_cap(struct l4re_msg *m)
{
    l4_cap_idx_t cap;
    struct l4re_item it = l4re_msg_item(m, &cap);

    if (l4_is_invalid_cap(cap) && !m->in.err)
        m->in.err = it.kind == L4RE_ITEM_NONE ? -L4_EMSGTOOSHORT : -L4_EINVAL;
    return cap;
}

int l4re_msg_take(struct l4re_msg *m, l4_cap_idx_t cap)
{
    struct l4re_srv *srv = m->srv;

    for (unsigned b = 0; b < srv->rcv_count; b++) {
        l4_cap_idx_t fresh;

        if (srv->rcv[b] != cap || !(m->filled & 1u << b))
            continue;
        fresh = l4re_caps_alloc(srv->caps);
        if (l4_is_invalid_cap(fresh))
            return -L4_ENOMEM;
        srv->rcv[b] = fresh;
        m->filled &= ~(1u << b);
        return 0;
    }
    return -L4_EINVAL;
}

/* Empties the receive buffers that nobody has taken (S2), without deleting what they hold. */
static void buffers_release(struct l4re_srv *srv, unsigned filled)
{
    for (unsigned b = 0; b < srv->rcv_count; b++)
        if (filled & 1u << b)
            l4_task_release_cap(srv->task, srv->rcv[b]);
}

static long meta(struct l4re_iface const *iface, struct l4re_msg *m)
{
    l4_int32_t op = l4re_rd_i32(&m->in);

    if (m->in.err)
        return m->in.err;
    if (op == META_COUNT)
        return (long)iface->proto_count;
    if (op == META_INTERFACE) {
        l4_uint64_t i = l4re_rd_u64(&m->in);

        if (m->in.err)
            return m->in.err;
        if (i >= iface->proto_count)
            return -L4_ERANGE;
        l4re_wr_i64(&m->out, iface->protos[i].proto);
        l4re_wr_string(&m->out, iface->protos[i].name);
        return 0;
    }
    if (op == META_SUPPORTS) {
        l4_int64_t proto = l4re_rd_i64(&m->in);

        if (m->in.err)
            return m->in.err;
        for (unsigned i = 0; i < iface->proto_count; i++)
            if (proto && iface->protos[i].proto == proto)
                return 1;
        return 0;
    }
    return -L4_ENOSYS;
}

static struct l4re_proto const *find_proto(struct l4re_iface const *iface, long proto)
{
    for (unsigned i = 0; i < iface->proto_count; i++)
        if (iface->protos[i].proto == proto && iface->protos[i].op_count)
            return &iface->protos[i];
    return NULL;
}

/* Reads the opcode and finds its row; the result is 0 or why there is none. */
static long find_op(struct l4re_proto const *p, struct l4re_msg *m, struct l4re_op const **op)
{
    l4_int64_t code = 0;

    if (p->code == L4RE_CODE_NONE) {
        *op = &p->ops[0];
        return 0;
    }
    if (p->code == L4RE_CODE_INT)
        code = l4re_rd_i32(&m->in);
    else
        code = l4re_rd_i64(&m->in);
    if (m->in.err)
        return m->in.err;
    m->code = (l4_umword_t)code;
    if (p->code == L4RE_CODE_WORD16)
        code &= 0xffff;
    for (unsigned i = 0; i < p->op_count; i++)
        if (p->ops[i].code == code) {
            *op = &p->ops[i];
            return 0;
        }
    return -L4_ENOSYS;
}

long l4re_srv_dispatch(struct l4re_srv *srv, struct l4re_obj *obj, struct l4re_msg *m)
{
    struct l4re_op const *op = NULL;
    struct l4re_proto const *p;
    long r;

    (void)srv;
    if (m->in.err)
        return m->in.err;
    if (l4_msgtag_label(m->tag) == L4_PROTO_META)
        return meta(obj->iface, m);
    p = find_proto(obj->iface, l4_msgtag_label(m->tag));
    if (!p)
        return -L4_EBADPROTO;
    r = find_op(p, m, &op);
    if (r < 0)
        return r;
    if (op->rights & ~m->rights & LABEL_RIGHTS)
        return -L4_EPERM;
    r = op->fn(obj, m);
    if (op->send_only)
        return -L4_ENOREPLY;
    if (r >= 0 && m->out.err)
        r = m->out.err;
    if (r > RESULT_MAX || r < -RESULT_MAX - 1)
        r = -L4_EMSGERRRANGE;
    return r;
}

/* ---- replies ---- */

int l4re_srv_reply_slots(struct l4re_srv *srv, unsigned long first, unsigned count)
{
    if (count == 0 || count > REPLY_SLOTS_MAX)
        return -L4_EINVAL;
    srv->reply_first = first;
    srv->reply_count = count;
    srv->reply_used = 1;
    srv->reply_cur = 0;
    return 0;
}

static l4_cap_idx_t reply_selector(struct l4re_srv const *srv, unsigned slot)
{
    if (slot >= srv->reply_count)
        return L4_INVALID_CAP;
    return (srv->reply_first + slot) << L4_CAP_SHIFT | L4_REPLY_CAP_BIT;
}

/* Lets the next wait use another slot; 0 when all are taken. */
static int reply_next(struct l4re_srv *srv)
{
    for (unsigned i = 0; i < srv->reply_count; i++)
        if (!(srv->reply_used & 1ull << i)) {
            srv->reply_used |= 1ull << i;
            srv->reply_cur = i;
            return 1;
        }
    return 0;
}

l4_cap_idx_t l4re_msg_defer(struct l4re_msg *m)
{
    struct l4re_srv *srv = m->srv;
    unsigned slot = srv->reply_cur;

    if (m->deferred || slot >= srv->reply_count || !reply_next(srv))
        return L4_INVALID_CAP;
    m->deferred = 1;
    return reply_selector(srv, slot);
}

/* Puts a finished reply into the message registers; nothing may make a system call between this and the reply. */
static l4_msgtag_t reply_store(l4_utcb_t *utcb, struct l4re_wr *out, long label)
{
    l4_msgtag_t tag = l4_msgtag(label, 0, 0, 0);

    if (out && label >= 0) {
        tag = l4re_wr_tag(out, label, 0);
        memcpy(l4_utcb_mr_u(utcb)->mr, out->base, out->off + 16 * out->items);
    }
    return tag;
}

void l4re_srv_reply(struct l4re_srv *srv, l4_cap_idx_t reply, long label, struct l4re_wr *out)
{
    l4_utcb_t *u = l4_utcb();
    unsigned long slot = (reply >> L4_CAP_SHIFT) - srv->reply_first;
    l4_msgtag_t tag;

    if (l4_is_invalid_cap(reply) || slot >= srv->reply_count || slot == srv->reply_cur)
        return;
    if (out && out->err && label >= 0)
        label = out->err;
    tag = l4_ipc_reply(reply, u, reply_store(u, out, label), L4_IPC_BOTH_TIMEOUT_0);
    srv->reply_used &= ~(1ull << slot);
    if (l4_msgtag_has_error(tag) && out && out->items)
        objs_collect(srv, 1);
}

/* ---- the loop ---- */

static void load_buffers(struct l4re_srv *srv, l4_utcb_t *u)
{
    l4_buf_regs_t *b = l4_utcb_br_u(u);

    if (srv->hooks->setup_wait) {
        srv->hooks->setup_wait(srv, u);
        return;
    }
    b->bdr = 0;
    for (unsigned i = 0; i < srv->rcv_count; i++)
        b->br[i] = srv->rcv[i] | L4_RCV_ITEM_SINGLE_CAP | srv->rcv_flags;
    b->br[srv->rcv_count] = 0;
}

/* What the loop remembers from one round to the next. */
struct round {
    l4_msgtag_t tag; /* reply to send, if reply */
    int reply;
    int items; /* the reply carries capabilities */
};

/* One system call: sends the reply there is, and waits. The message is left in the UTCB. */
static l4_msgtag_t reply_and_wait(struct l4re_srv *srv, struct l4re_msg *m, struct round *rd, l4_umword_t *label)
{
    l4_utcb_t *u = l4_utcb();
    l4_timeout_t to = L4_IPC_SEND_TIMEOUT_0;
    l4_cap_idx_t sel = reply_selector(srv, srv->reply_cur);
    l4_kernel_clock_t at = srv->hooks->deadline ? srv->hooks->deadline(srv) : 0;

    load_buffers(srv, u);
    if (at)
        l4_rcv_timeout(l4_timeout_abs_u(at, DEADLINE_BR, u), &to);
    if (rd->reply) {
        reply_store(u, &m->out, l4_msgtag_label(rd->tag));
        return l4_ipc(sel, u, L4_SYSF_REPLY_AND_WAIT, 0, rd->tag, label, to);
    }
    return l4_ipc(sel, u, L4_SYSF_WAIT, 0, l4_msgtag(0, 0, 0, 0), label, to);
}

static void wait_failed(struct l4re_srv *srv, struct l4re_msg *m, struct round const *rd, l4_msgtag_t tag)
{
    l4_umword_t error = l4_ipc_error(tag, l4_utcb());

    if (error == L4_IPC_RETIMEOUT) {
        if (srv->hooks->timeout)
            srv->hooks->timeout(srv);
    } else if (error == L4_IPC_NO_REPLY_CAP) {
        if (!reply_next(srv)) /* the kernel has none, or no memory for this one, which stays marked as used */
            srv->reply_cur = srv->reply_count;
    } else if (error == L4_IPC_REMSGCUT || error == L4_IPC_REMAPFAILED) {
        buffers_release(srv, ~0u); /* items before the failing one have arrived */
    } else if (!(error & 1) && rd->reply) {
        if (rd->items) /* the caller has not got its capabilities */
            objs_collect(srv, 1);
        if (srv->hooks->reply_failed)
            srv->hooks->reply_failed(srv, m, error);
    } else if (srv->hooks->error) {
        srv->hooks->error(srv, tag);
    }
}

static void handle(struct l4re_srv *srv, struct l4re_msg *m, struct round *rd)
{
    struct l4re_obj *obj = (struct l4re_obj *)(m->label & ~LABEL_RIGHTS);
    long r;

    rd->reply = 0;
    if (obj && (obj->flags & L4RE_OBJ_IRQ)) {
        obj->iface->irq(obj, srv);
        return;
    }
    if (obj)
        r = l4re_srv_dispatch(srv, obj, m);
    else
        r = srv->hooks->foreign ? srv->hooks->foreign(srv, m) : -L4_ENOENT;
    buffers_release(srv, m->filled);
    m->filled = 0;
    if (srv->hooks->before_reply)
        srv->hooks->before_reply(srv, m, r);
    if (r == -L4_ENOREPLY || m->deferred)
        return;
    rd->tag = r < 0 ? l4_msgtag(r, 0, 0, 0) : l4re_wr_tag(&m->out, r, 0);
    rd->items = r >= 0 && m->out.items;
    rd->reply = 1;
}

void l4re_srv_loop(struct l4re_srv *srv)
{
    struct l4re_msg m;
    struct round rd = {0};
    l4_umword_t label = 0;

    while (!srv->stop) {
        l4_msgtag_t tag = reply_and_wait(srv, &m, &rd, &label);

        if (L4_UNLIKELY(l4_msgtag_has_error(tag))) {
            struct round failed = rd;

            rd.reply = 0;
            wait_failed(srv, &m, &failed, tag);
            continue;
        }
        l4re_msg_load(&m, srv, tag, label, l4_utcb_mr()->mr);
        handle(srv, &m, &rd);
    }
    srv->stop = 0;
    if (rd.reply) {
        l4_utcb_t *u = l4_utcb();

        reply_store(u, &m.out, l4_msgtag_label(rd.tag));
        l4_ipc_reply(reply_selector(srv, srv->reply_cur), u, rd.tag, L4_IPC_BOTH_TIMEOUT_0);
    }
}
