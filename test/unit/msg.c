/* SPDX-License-Identifier: MIT */
/* msg.c: words, typed items, receive buffers of every form, what the receiver is told about each item. */
#include "tap.h"
#include "machine.h"

enum { A = 0x40, GATE = 0x41, TASK = 0x42, NO_W = 0x43, TARGET = 0x200 };

static struct thread *a;
static struct task *other;

static l4_fpage obj(word_t slot, unsigned rights) { return l4_fpage_make(L4_FPAGE_OBJ, slot, 0, rights); }

/* To the end of the message, however many windows it takes. */
static word_t transfer(struct thread *s, struct thread *r, l4_tag tag, unsigned rights, l4_tag *out)
{
    word_t err;

    while ((err = msg_transfer(s, r, tag, rights, out)) == MSG_AGAIN)
        work_left = work_slice;
    s->progress = (struct op_progress){0};
    return err;
}

/* One item behind no words, from root to a. Returns the sender's error. */
static word_t item(word_t first, l4_fpage fp, unsigned rights)
{
    l4_tag out;

    root->utcb->mr[0] = first;
    root->utcb->mr[1] = fp.raw;
    return transfer(root, a, l4_tag_make(0, 0, 1, 0), rights, &out);
}

/* a's buffers: three registers, the rest empty. */
static void buffers(word_t b0, word_t b1, word_t b2)
{
    a->utcb->bdr = 0;
    a->utcb->br[0] = b0;
    a->utcb->br[1] = b1;
    a->utcb->br[2] = b2;
    a->utcb->br[3] = a->utcb->br[4] = 0;
}

static word_t kind(void) { return a->utcb->mr[0] & 6u; }

static bool arrived(const struct task *t, word_t slot, const struct kobj *what)
{
    unsigned rights;

    return cap_lookup(t, slot, &rights) == what;
}

static void test_words(void)
{
    l4_tag out;
    bool same = true;

    for (unsigned i = 0; i < L4_MR_COUNT; i++) {
        root->utcb->mr[i] = i * 3;
        a->utcb->mr[i] = ~0ul;
    }
    is(transfer(root, a, l4_tag_make(-7, 5, 0, L4_TAG_ERROR | L4_TAG_SCHEDULE), 3, &out), 0, "five words");
    for (unsigned i = 0; i < 5; i++)
        same = same && a->utcb->mr[i] == i * 3;
    ok(same, "arrive");
    is(a->utcb->mr[5], ~0ul, "and no sixth");
    ok(l4_tag_label(out) == -7 && !l4_tag_error(out), "the tag arrives without the error bit");
    is(transfer(root, a, l4_tag_make(0, 63, 0, 0), 3, &out), 0, "all 63 words");
    is(a->utcb->mr[62], 186, "arrive");
    is(a->utcb->self, a->utcb_user, "and nothing behind them");
}

static void test_one_cap(void)
{
    const struct kobj *log = &vcon_object;

    buffers(0, 0, 0);
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, 15), 3), L4_IPC_SEND_OVERFLOW, "no buffer for the capability");
    buffers(SEL(TARGET) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP, 0, 0);
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S), 3), 0, "one for a single capability");
    ok(arrived(a->task, TARGET, log) && kind() == L4_GOT_MAPPED, "which arrives there");
    is(cap_rights(cap_slot(a->task, TARGET)) & 15u, L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S, "with its rights");
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, L4_RIGHT_R | L4_RIGHT_S), L4_RIGHT_W), 0, "through a channel without S");
    is(cap_rights(cap_slot(a->task, TARGET)) & 15u, L4_RIGHT_R, "no capability keeps S");
    is(item(L4_ITEM_MAP, obj(0x777, 15), 3), 0, "an empty slot");
    is(kind(), L4_GOT_NOTHING, "is told as nothing");
    is(item(0, obj(L4_SLOT_LOG, 15), 3), 0, "a void item is no error");
    is(a->utcb->mr[0], 0, "and arrives as one");
    is(item(0x10, obj(L4_SLOT_LOG, 15), 3), L4_IPC_SEND_OVERFLOW, "an item that maps nothing is one");
    is(item(L4_ITEM_MAP, (l4_fpage){L4_FPAGE_ALL}, 3), L4_IPC_SEND_OVERFLOW, "so is everything at once");
}

static void test_windows(void)
{
    const struct kobj *log = &vcon_object;

    buffers(L4_ITEM_MAP, l4_fpage_make(L4_FPAGE_OBJ, TARGET + 0x10, 4, 0).raw, 0);
    is(item(L4_ITEM_MAP | SEL(3), obj(L4_SLOT_LOG, L4_RIGHT_R), 3), 0, "a window of 16 slots");
    ok(arrived(a->task, TARGET + 0x13, log), "the hot spot chooses one");
    is(item(L4_ITEM_MAP, l4_fpage_make(L4_FPAGE_IO, 0x60, 0, 3), 3), 0,
       "ports: the first buffer is asked for every kind");
    a->utcb->bdr = 5ul << L4_BDR_OBJ_SHIFT;
    a->utcb->br[5] = 0;
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, L4_RIGHT_R), 3), L4_IPC_SEND_OVERFLOW,
       "capabilities have buffers of their own");
    a->utcb->br[5] = SEL(TARGET + 1) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, L4_RIGHT_R), 3), 0, "from another register on");
    ok(arrived(a->task, TARGET + 1, log), "there it is");
    buffers(L4_ITEM_MAP, L4_FPAGE_ALL | L4_RIGHT_W, 0);
    is(item(L4_ITEM_MAP | SEL(TARGET + 0x18), obj(L4_SLOT_LOG, L4_RIGHT_R), 3), 0, "everything, with some rights");
    ok(arrived(a->task, TARGET + 0x18, log) && kind() == L4_GOT_MAPPED, "is everything");
    buffers(SEL(TARGET + 2) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP | L4_RCV_FORWARD, SEL(TASK), 0);
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, L4_RIGHT_R), 3), 0, "a buffer in another task");
    ok(arrived(other, TARGET + 2, log) && !arrived(a->task, TARGET + 2, log), "it arrives in that task");
    buffers(SEL(TARGET + 2) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP | L4_RCV_FORWARD, SEL(GATE), 0);
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, L4_RIGHT_R), 3), L4_IPC_SEND_OVERFLOW, "a gate is no task");
    cap_copy(TASK, NO_W, L4_RIGHT_R | L4_RIGHT_S);
    buffers(SEL(TARGET + 2) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP | L4_RCV_FORWARD, SEL(NO_W), 0);
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, L4_RIGHT_R), 3), L4_IPC_SEND_OVERFLOW, "nor is a task without W one");
}

static void test_several(void)
{
    struct l4_utcb *u = root->utcb;
    l4_tag out;

    buffers(SEL(TARGET + 4) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP, SEL(TARGET + 5) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP, 0);
    u->mr[0] = 0x4711;
    u->mr[1] = u->mr[3] = u->mr[5] = L4_ITEM_MAP;
    u->mr[2] = obj(L4_SLOT_LOG, L4_RIGHT_R).raw;
    u->mr[4] = obj(L4_SLOT_ICU, L4_RIGHT_R).raw;
    u->mr[6] = obj(L4_SLOT_LOG, L4_RIGHT_R).raw;
    is(transfer(root, a, l4_tag_make(0, 1, 2, 0), 3, &out), 0, "a word and two capabilities");
    ok(a->utcb->mr[0] == 0x4711 && arrived(a->task, TARGET + 4, &vcon_object) &&
       arrived(a->task, TARGET + 5, &icu_object), "each in its buffer");
    a->utcb->mr[0] = 0;
    is(transfer(root, a, l4_tag_make(0, 1, 3, 0), 3, &out), L4_IPC_SEND_OVERFLOW,
       "a third has none");
    is(a->utcb->mr[0], 0x4711, "the word arrives all the same");
    is(transfer(root, a, l4_tag_make(0, 62, 1, 0), 3, &out), L4_IPC_SEND_OVERFLOW,
       "an item behind the last register");
    u->mr[62] = 0;
    is(transfer(root, a, l4_tag_make(0, 62, 1, 0), 3, &out), L4_IPC_SEND_OVERFLOW, "even a void one");
    buffers(L4_ITEM_MAP, l4_fpage_make(L4_FPAGE_OBJ, TARGET + 0x20, 4, 0).raw,
            SEL(TARGET + 7) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP);
    is(transfer(root, a, l4_tag_make(0, 1, 2, 0), 3, &out), 0, "a window, then a single slot");
    ok(arrived(a->task, TARGET + 0x20, &vcon_object) && arrived(a->task, TARGET + 7, &icu_object),
       "a window takes two registers");
    u->mr[1] = L4_ITEM_MAP | L4_ITEM_COMPOUND | SEL(1);
    u->mr[3] = L4_ITEM_MAP | SEL(2);
    a->utcb->br[2] = 0;
    is(transfer(root, a, l4_tag_make(0, 1, 2, 0), 3, &out), 0, "a compound item and the next share a window");
    ok(arrived(a->task, TARGET + 0x21, &vcon_object) && arrived(a->task, TARGET + 0x22, &icu_object),
       "each at its hot spot");
}

/* Buffers at the end of the buffer registers: what needs more of them than there are is none. */
static void test_last_buffers(void)
{
    struct l4_utcb *u = root->utcb;
    unsigned items = L4_BR_COUNT - 31;
    l4_tag out;

    for (unsigned i = 0; i < items; i++) {
        u->mr[2 * i] = L4_ITEM_MAP;
        u->mr[2 * i + 1] = obj(L4_SLOT_LOG, L4_RIGHT_R).raw;
        a->utcb->br[31 + i] = SEL(TARGET + i) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    }
    a->utcb->bdr = 31ul << L4_BDR_OBJ_SHIFT;
    is(transfer(root, a, l4_tag_make(0, 0, items, 0), 3, &out), 0, "a buffer in the last register");
    is(transfer(root, a, l4_tag_make(0, 0, items + 1, 0), 3, &out), L4_IPC_SEND_OVERFLOW, "none behind it");
    a->utcb->br[L4_BR_COUNT - 1] = L4_ITEM_MAP;
    is(transfer(root, a, l4_tag_make(0, 0, items, 0), 3, &out), L4_IPC_SEND_OVERFLOW, "half a window");
    a->utcb->br[L4_BR_COUNT - 1] = SEL(TARGET) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP | L4_RCV_FORWARD;
    is(transfer(root, a, l4_tag_make(0, 0, items, 0), 3, &out), L4_IPC_SEND_OVERFLOW,
       "a buffer that does not say in what task");
    a->utcb->bdr = 0;
}

static void test_fpu(void)
{
    l4_tag out;

    buffers(0, 0, 0);
    host_fpu_write(root, 0x4711);
    transfer(root, a, l4_tag_make(0, 0, 0, L4_TAG_FPU), 3, &out);
    ok(host_fpu_read(a) != 0x4711, "FPU contents reach only who asks for them");
    a->utcb->bdr = L4_BDR_INHERIT_FPU;
    transfer(root, a, l4_tag_make(0, 0, 0, L4_TAG_FPU), L4_RIGHT_W, &out);
    ok(host_fpu_read(a) != 0x4711, "and by a channel with S");
    transfer(root, a, l4_tag_make(0, 0, 0, L4_TAG_FPU), 3, &out);
    is(host_fpu_read(a), 0x4711, "then they do");
}

static void test_local(void)
{
    struct gate *g = gate_of(cap_obj(cap_slot(root->task, GATE)));

    buffers(SEL(TARGET + 6) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP | L4_RCV_LOCAL_ID, 0, 0);
    is(item(L4_ITEM_MAP, obj(GATE, 15), 3), 0, "a receiver that wants to know its own");
    ok(kind() == L4_GOT_FPAGE && !arrived(a->task, TARGET + 6, cap_obj(cap_slot(root->task, GATE))),
       "within a task the flexpage itself is told, and nothing mapped");
    is(a->utcb->mr[1], obj(GATE, 15).raw, "as it was sent");
    a->task = other; /* as if it lived there */
    g->thread = root;
    is(item(L4_ITEM_MAP, obj(GATE, 7), 3), 0, "a gate of somebody else");
    is(kind(), L4_GOT_MAPPED, "is mapped");
    g->thread = a;
    g->label = 0x80;
    is(item(L4_ITEM_MAP, obj(GATE, 7), 3), 0, "one's own gate");
    is(kind(), L4_GOT_LABEL, "is told by its label");
    is(a->utcb->mr[1], 0x80 | L4_RIGHT_W | L4_RIGHT_S, "and the rights");
    is(item(L4_ITEM_MAP, obj(GATE, L4_RIGHT_W), 3), 0, "without the right to pass it on");
    is(kind(), L4_GOT_NOTHING, "nothing is told");
    is(item(L4_ITEM_MAP, l4_fpage_make(L4_FPAGE_IO, 0x60, 0, 6), 3), 0, "ports");
    ok(kind() != L4_GOT_LABEL && kind() != L4_GOT_FPAGE, "have no label");
    g->thread = NULL;
    a->task = root->task;
}

static void test_memory_failure(void)
{
    size_t used = root_factory.quota.used;

    a->task = other;
    other->obj.dead = true; /* as if it were about to end */
    buffers(SEL(TARGET) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP, 0, 0);
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, L4_RIGHT_R), 3), L4_IPC_SEND_OVERFLOW, "a task that ends has no buffers");
    other->obj.dead = false;
    a->task = root->task;
    buffers(SEL(0x3000) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP, 0, 0);
    frame_fail_countdown = 1;
    is(item(L4_ITEM_MAP, obj(L4_SLOT_LOG, L4_RIGHT_R), 3), L4_IPC_SEND_MAP_FAILED, "no memory for the slot");
    is(root_factory.quota.used, used, "costs nothing");
}

int main(void)
{
    machine_start();
    create(L4_PROTO_NONE, GATE);
    a = thread_make(A, GATE, GATE);
    root->utcb->bdr = 0;
    root->utcb->br[0] = SEL(TASK) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 3, (word_t)L4_PROTO_TASK, 0, 0, 0);
    other = task_of(cap_obj(cap_slot(root->task, TASK)));
    test_words();
    test_one_cap();
    test_windows();
    test_several();
    test_last_buffers();
    test_local();
    test_fpu();
    test_memory_failure();
    machine_check();
    return tap_done();
}
