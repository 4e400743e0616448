/* SPDX-License-Identifier: MIT */
/*
 * One message: words, then typed items, then FPU state, from the sender s to the receiver r. Touches the two UTCBs (or,
 * for a faulting thread, its saved registers) and map.c; never queues, never blocks.
 *
 * A thread for which the kernel speaks (THREAD_KERNEL_IPC) has no part of the message in its UTCB: its request is made
 * from fault[] or from the saved registers, its answer goes to kernel_tag and the saved registers, and its receive
 * buffer is one window over everything.
 */
#include "cpu.h"
#include "factory.h"
#include "ipc.h"
#include "map.h"
#include "objects.h"
#include "task.h"

/* Where the next item of each flexpage type goes. */
struct receive_buffers {
    struct task *task;          /* the receiver's */
    struct l4_utcb *utcb;       /* of the receiver; NULL: one window over everything, and no return items */
    unsigned cursor[4];         /* next buffer register by type */
};

/* One receive buffer, decoded. */
struct receive_buffer {
    word_t item;
    l4_fpage window;
    struct task *into;
    unsigned size; /* buffer registers it occupies */
};

static void buffers_init(struct receive_buffers *b, const struct thread *r)
{
    word_t bdr;

    *b = (struct receive_buffers){.task = r->task};
    if (r->flags & THREAD_KERNEL_IPC)
        return;
    b->utcb = r->utcb;
    bdr = r->utcb->bdr;
    if (likely(bdr == 0))
        return;
    b->cursor[L4_FPAGE_MEM] = (unsigned)(bdr >> L4_BDR_MEM_SHIFT & L4_BDR_INDEX_MASK);
    b->cursor[L4_FPAGE_IO] = (unsigned)(bdr >> L4_BDR_IO_SHIFT & L4_BDR_INDEX_MASK);
    b->cursor[L4_FPAGE_OBJ] = (unsigned)(bdr >> L4_BDR_OBJ_SHIFT & L4_BDR_INDEX_MASK);
}

/* The buffer for the next item of the type; false: there is none, or it names a task that cannot be used. */
hot_path bool buffer_get(const struct receive_buffers *b, unsigned type, struct receive_buffer *out)
{
    unsigned at = b->cursor[type], next, rights;
    struct kobj *obj;

    out->into = b->task;
    if (b->utcb == NULL) {
        *out = (struct receive_buffer){.item = L4_ITEM_MAP, .window = {L4_FPAGE_ALL}, .into = b->task, .size = 1};
        return at == 0;
    }
    if (at >= L4_BR_COUNT || b->utcb->br[at] == 0)
        return false;
    out->item = b->utcb->br[at];
    next = at + 1;
    if (out->item & L4_RCV_SINGLE_CAP) {
        out->window = l4_fpage_make(L4_FPAGE_OBJ, out->item >> L4_SEL_SHIFT, 0, 0);
    } else {
        if (next >= L4_BR_COUNT)
            return false;
        out->window.raw = b->utcb->br[next++];
    }
    if (out->item & L4_RCV_FORWARD) {
        if (next >= L4_BR_COUNT)
            return false;
        obj = cap_lookup(b->task, b->utcb->br[next++] >> L4_SEL_SHIFT, &rights);
        if (obj == NULL || obj->type != KOBJ_TASK || obj->dead || !(rights & L4_RIGHT_W))
            return false;
        out->into = task_of(obj);
    }
    out->size = next - at;
    return true;
}

/* Delivery without mapping, when the buffer asks for it: 0 none, else the kind; *word is the second return word. */
static word_t local_id(const struct task *from, const struct task *to, const struct receive_buffer *b, l4_fpage fp,
                       unsigned mask, word_t *word)
{
    unsigned rights;
    struct kobj *obj;

    if ((b->item & (L4_RCV_LOCAL_ID | L4_RCV_SINGLE_CAP | L4_RCV_FORWARD)) != (L4_RCV_LOCAL_ID | L4_RCV_SINGLE_CAP))
        return 0;
    if (from == to) {
        *word = fp.raw;
        return L4_GOT_FPAGE;
    }
    if (l4_fpage_type(fp) != L4_FPAGE_OBJ)
        return 0;
    obj = cap_lookup(from, l4_fpage_start(fp), &rights);
    if (obj == NULL || obj->type != KOBJ_GATE || gate_of(obj)->thread == NULL || gate_of(obj)->thread->task != to)
        return 0;
    if (!(l4_fpage_rights(fp) & L4_RIGHT_R))
        return 0;
    *word = gate_of(obj)->label | (rights & l4_fpage_rights(fp) & mask & (L4_RIGHT_W | L4_RIGHT_S));
    return L4_GOT_LABEL;
}

static cold_path word_t map_refused(int result, const struct task *to)
{
    if (result == MAP_AGAIN)
        return MSG_AGAIN;
    return to->obj.dead ? L4_IPC_SEND_OVERFLOW : L4_IPC_SEND_MAP_FAILED; /* a dead task has no window */
}

/* One item; the return item is written to `back` when the receiver has a UTCB. Returns 0, MSG_AGAIN
 * or the sender's error code. */
hot_path word_t item_transfer(struct task *from, struct receive_buffers *buffers, const word_t *item, word_t *back,
                              unsigned rights, struct op_progress *p)
{
    l4_fpage fp = {item[1]};
    unsigned type = l4_fpage_type(fp), mask = 15u;
    struct receive_buffer b;
    word_t kind, word = 0;
    int st = MAP_DONE;

    if (item[0] == 0) {
        if (back != NULL)
            back[0] = 0;
        return 0;
    }
    if (!(item[0] & L4_ITEM_MAP) || type == L4_FPAGE_SPECIAL || !buffer_get(buffers, type, &b))
        return L4_IPC_SEND_OVERFLOW;
    if (type == L4_FPAGE_OBJ && !(rights & L4_RIGHT_S)) {
        mask &= ~L4_RIGHT_S;
        fp.raw &= ~(word_t)L4_RIGHT_S;
    }
    kind = local_id(from, buffers->task, &b, fp, mask, &word);
    if (kind == 0) {
        struct map_request rq = {.from = from, .to = b.into, .item = item[0], .send = fp, .window = b.window,
                                 .rights_mask = mask, .progress = p};

        st = map_fpage(&rq);
        kind = L4_GOT_MAPPED;
        if (unlikely(st != MAP_DONE)) {
            if (st != MAP_NOTHING)
                return map_refused(st, rq.to);
            kind = L4_GOT_NOTHING;
        }
    }
    if (back != NULL) {
        back[0] = (item[0] & ~0xff6ul) | kind | (item[1] & 0xff0ul);
        if (kind == L4_GOT_LABEL || kind == L4_GOT_FPAGE)
            back[1] = word;
    }
    if (!(item[0] & L4_ITEM_COMPOUND))
        buffers->cursor[type] += b.size;
    return 0;
}

/* An item that was transferred before the window: only its buffer counts. */
static cold_path void item_skip(struct receive_buffers *b, const word_t *item)
{
    unsigned *at = &b->cursor[l4_fpage_type((l4_fpage){item[1]})];
    word_t buffer = b->utcb != NULL && *at < L4_BR_COUNT ? b->utcb->br[*at] : L4_RCV_SINGLE_CAP;

    if (item[0] != 0 && !(item[0] & L4_ITEM_COMPOUND))
        *at += (buffer & L4_RCV_SINGLE_CAP ? 1u : 2u) + (buffer & L4_RCV_FORWARD ? 1u : 0u);
}

static word_t items_transfer(struct thread *s, struct receive_buffers *buffers, l4_tag tag, unsigned rights,
                             struct op_progress *p)
{
    unsigned at = l4_tag_words(tag), items = l4_tag_items(tag), n = 0;
    word_t err;

    for (; unlikely(n < p->item) && at + 2 <= L4_MR_COUNT; n++, at += 2)
        item_skip(buffers, &s->utcb->mr[at]);
    for (; n < items; n++, at += 2) {
        word_t *back = buffers->utcb == NULL ? NULL : &buffers->utcb->mr[at];

        if (at + 2 > L4_MR_COUNT)
            return L4_IPC_SEND_OVERFLOW;
        err = item_transfer(s->task, buffers, &s->utcb->mr[at], back, rights, p);
        if (unlikely(err != 0)) {
            p->item = err == MSG_AGAIN ? (uint8_t)n : 0;
            return err;
        }
        if (n + 1 < items) {
            p->at = p->found = 0;
            if (!work_done(40)) {
                p->item = (uint8_t)(n + 1);
                return MSG_AGAIN;
            }
        }
    }
    return 0;
}

word_t msg_items_into(struct thread *s, struct task *to, l4_tag tag)
{
    struct receive_buffers everything = {.task = to};

    return items_transfer(s, &everything, tag, L4_RIGHT_W | L4_RIGHT_S, &s->progress);
}

/* The message registers of the sender as the receiver sees them; what the kernel sends is made here. */
static void words_transfer(struct thread *s, struct thread *r, unsigned words)
{
    word_t *to = r->utcb->mr;

    if (s->flags & THREAD_IN_EXCEPTION) {
        arch_exc_store(s, to);
    } else if (s->flags & THREAD_IN_FAULT) {
        to[0] = s->fault[0];
        to[1] = s->fault[1];
    } else {
        const word_t *from = s->utcb->mr;

        for (unsigned i = 0; i < words; i++)
            to[i] = from[i];
    }
}

static bool accepts_fpu(const struct thread *r)
{
    return (r->flags & THREAD_KERNEL_IPC) || (r->utcb->bdr & L4_BDR_INHERIT_FPU);
}

/* Does self go on with this message? Else it begins, unless somebody else has sent a part, which he would have to send
 * again: he goes first, for twice as many windows each time, or two who do that to each other would never be done. */
static cold_path bool items_go_on(const struct thread *s, const struct thread *r, struct op_progress *p, bool send)
{
    bool part = send ? (r->flags & THREAD_PARTLY) != 0 : p->receiving;

    if (part && r->partner == s->snd.id)
        return true;
    if (part && send) {
        p->collisions++;
        if ((p->collisions & (p->collisions - 1)) != 0)
            return false;
    }
    p->at = p->item = p->found = 0;
    return true;
}

/* The items, a window's worth of them: then r goes on waiting, for this message or any other that fits. What has been
 * mapped of this one stays; its sender comes back to the same wait (THREAD_PARTLY, partner), or begins again. */
hot_path word_t items_send(struct thread *s, struct thread *r, l4_tag tag, unsigned rights)
{
    struct thread *self = s->ipc_state == IPC_IDLE ? s : r; /* whose operation this is */
    struct op_progress *p = &self->progress;
    struct receive_buffers buffers;
    word_t err;

    if (unlikely(p->again) && !items_go_on(s, r, p, r != self))
        return MSG_AGAIN;
    buffers_init(&buffers, r);
    err = items_transfer(s, &buffers, tag, rights, p);
    if (unlikely(err == MSG_AGAIN)) {
        if (r->flags & THREAD_VCPU_IPC) {
            *p = (struct op_progress){0}; /* W2 */
            return L4_IPC_SEND_MAP_FAILED;
        }
        r->partner = s->snd.id;
        if (r != self)
            r->flags |= THREAD_PARTLY;
    }
    return err;
}

/* An item is refused: the rest arrives all the same. */
static cold_path word_t items_refused(struct thread *s, struct thread *r, l4_tag tag, unsigned rights, word_t err)
{
    l4_tag out;

    msg_transfer(s, r, (l4_tag){tag.raw & ~L4_TAG_ITEMS}, rights, &out);
    return err;
}

word_t msg_transfer(struct thread *s, struct thread *r, l4_tag tag, unsigned rights, l4_tag *out)
{
    out->raw = tag.raw & ~L4_TAG_ERROR;
    if (unlikely(r->flags & THREAD_KERNEL_IPC)) {
        if (s->flags & THREAD_KERNEL_IPC)
            return 0; /* one fault answers another: nothing to copy */
        if ((r->flags & THREAD_IN_EXCEPTION) && l4_tag_words(tag) < L4_EXC_WORDS)
            return 0; /* a short answer changes nothing, items included */
    }
    if (unlikely(l4_tag_items(tag) != 0)) {
        word_t err = items_send(s, r, tag, rights);

        if (unlikely(err != 0))
            return err == MSG_AGAIN ? err : items_refused(s, r, tag, rights, err);
    }
    if (likely(!(r->flags & THREAD_KERNEL_IPC)))
        words_transfer(s, r, l4_tag_words(tag));
    else if (r->flags & THREAD_IN_EXCEPTION)
        arch_exc_load(r, s->utcb->mr);
    if (unlikely((tag.raw & L4_TAG_FPU) && (rights & L4_RIGHT_S) && accepts_fpu(r)))
        arch_fpu_transfer(s, r);
    return 0;
}
