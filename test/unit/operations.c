/* SPDX-License-Identifier: MIT */
/*
 * Every row of ops.def against the kernel: without the right it names, -PERM; with too few words, its error; codes that
 * are not there, -NOSYS; protocols that an object does not speak, -BADPROTO. And no message register changes meanwhile.
 */
#include "tap.h"
#include "machine.h"
#include <stdio.h>
#include <string.h>

struct row {
    const char *name, *object;
    long proto;
    word_t code;
    unsigned right, words;
    int too_short;
};

static const struct row rows[] = {
#define L4_OP(object, proto, name, code, right, words, short, handler, errors)                                         \
    {#object " " #name, #object, proto, code, right, words, -L4_ERR_##short},
#include <l4/ops.def>
};
static const struct row absent[] = {
#define L4_OP_ABSENT(object, proto, name, code) {#object " " #name, #object, proto, code, 0, 1, 0},
#include <l4/ops.def>
};

/* Where an object of the kind is: all rights, and a copy with R only. */
static const struct place {
    const char *object;
    word_t slot, weak;
    long proto; /* one that it speaks */
    bool wide;  /* the whole first word is the code */
    bool ipc;   /* what it does not know is a message for a thread */
    int empty;  /* the answer to a message without words */
} places[] = {
    {"THREAD", 0x40, 0x50, L4_PROTO_THREAD, false, true, -L4_ERR_MSGTOOSHORT},
    {"TASK", 0x41, 0x51, L4_PROTO_TASK, true, false, -L4_ERR_INVAL},
    {"GATE", 0x42, 0x52, L4_PROTO_KOBJECT, true, true, -L4_ERR_INVAL},
    {"IRQ", 0x43, 0x53, L4_PROTO_IRQ_SENDER, false, false, -L4_ERR_INVAL},
    {"SEM", 0x44, 0x54, L4_PROTO_SEMAPHORE, false, false, -L4_ERR_INVAL},
    {"FACTORY", L4_SLOT_FACTORY, 0x55, L4_PROTO_FACTORY, true, false, -L4_ERR_MSGTOOSHORT},
    {"ICU", L4_SLOT_ICU, 0x56, L4_PROTO_IRQ, true, false, -L4_ERR_MSGTOOSHORT},
    {"PLATFORM", L4_SLOT_ICU, 0x57, L4_PROTO_NONE, true, false, -L4_ERR_MSGTOOSHORT},
    {"SCHED", L4_SLOT_SCHEDULER, 0x58, L4_PROTO_SCHEDULER, true, false, -L4_ERR_MSGTOOSHORT},
    {"VCON", L4_SLOT_LOG, 0x59, L4_PROTO_LOG, false, false, -L4_ERR_MSGTOOSHORT},
};

static const struct place *place_of(const char *object)
{
    for (unsigned i = 0; i < ARRAY_LEN(places); i++)
        if (strcmp(places[i].object, object) == 0)
            return &places[i];
    return NULL;
}

static void named(bool passed, const char *name, const char *what)
{
    char text[120];

    snprintf(text, sizeof text, "%s: %s", name, what);
    ok(passed, text);
}

/* A call with the code and words whose values nobody would use. */
static long try(word_t slot, long proto, word_t code, unsigned words)
{
    struct l4_utcb *u = root->utcb;

    u->br[0] = SEL(0x60) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    for (unsigned i = 0; i < L4_MR_COUNT; i++)
        u->mr[i] = 0xdead0000 + i;
    u->mr[0] = code;
    host_syscall(SEL(slot) | CALL, l4_tag_make(proto, words, 0, 0).raw, 0, L4_TIMEOUT_ZERO | L4_TIMEOUT_ZERO << 16);
    return error_of(root) != 0 ? (long)(0x10000 | error_of(root)) : label_of(root);
}

static bool registers_kept(word_t code)
{
    for (unsigned i = 1; i < L4_MR_COUNT; i++)
        if (root->utcb->mr[i] != 0xdead0000 + i)
            return false;
    return root->utcb->mr[0] == code;
}

static void test_row(const struct row *r)
{
    const struct place *p = place_of(r->object);
    bool create = r->proto == L4_PROTO_FACTORY; /* its first word is no code, but what to create */

    if (p == NULL) {
        named(false, r->name, "an object that this test does not know");
        return;
    }
    if (r->right != 0) {
        long got = try(p->weak, r->proto, r->code, r->words);

        named(got == -L4_ERR_PERM && registers_kept(r->code), r->name, "not permitted");
    }
    if (r->words > 1) {
        long got = try(p->slot, r->proto, r->code, r->words - 1);

        named(got == r->too_short && registers_kept(r->code), r->name, "too short");
    }
    if (!create && r->code <= 0xffff && p->wide) {
        long got = try(p->slot, r->proto, r->code | 1ul << 32, 10);

        named(got == -L4_ERR_NOSYS && registers_kept(r->code | 1ul << 32), r->name, "the code is the whole word");
    }
}

static void test_place(const struct place *p)
{
    host_syscall(SEL(p->slot) | CALL, l4_tag_make(p->proto, 0, 0, 0).raw, 0, 0);
    named(label_of(root) == p->empty, p->object, "without words");
    if (p->proto != L4_PROTO_FACTORY)
        named(try(p->slot, p->proto, 0x7fff, 10) == -L4_ERR_NOSYS, p->object, "no such code");
    else
        named(try(p->slot, p->proto, 0x7fff, 10) == -L4_ERR_NODEV, p->object, "no such kind");
    if (!p->ipc)
        named(try(p->slot, -77, 0, 10) == -L4_ERR_BADPROTO, p->object, "no such protocol");
}

/* A copy of a capability without rights but for the server's. */
static void copy_plain(word_t from, word_t to)
{
    struct l4_utcb *u = root->utcb;

    u->mr[0] = L4_OP_TASK_MAP;
    u->mr[1] = SEL(to) | L4_ITEM_MAP | L4_OBJ_SERVER;
    u->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, from, 0, L4_RIGHT_R).raw;
    u->mr[3] = L4_ITEM_MAP;
    u->mr[4] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_TASK, 0, 15).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 1);
}

int main(void)
{
    size_t used;

    machine_start();
    create(L4_PROTO_THREAD, 0x40);
    create(L4_PROTO_TASK, 0x41);
    create(L4_PROTO_NONE, 0x42);
    create(L4_PROTO_IRQ_SENDER, 0x43);
    create(L4_PROTO_SEMAPHORE, 0x44);
    for (unsigned i = 0; i < ARRAY_LEN(places); i++)
        copy_plain(places[i].slot, places[i].weak);
    used = root_factory.quota.used;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        test_row(&rows[i]);
    for (unsigned i = 0; i < ARRAY_LEN(absent); i++)
        named(try(place_of(absent[i].object)->slot, absent[i].proto, absent[i].code, 10) == -L4_ERR_NOSYS,
              absent[i].name, "answers as an unknown code");
    for (unsigned i = 0; i < ARRAY_LEN(places); i++)
        test_place(&places[i]);
    is(root_factory.quota.used, used, "none of this cost memory");
    machine_check();
    return tap_done();
}
