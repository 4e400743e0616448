/* SPDX-License-Identifier: MIT */
/*
 * Random requests at every kind of object of the root task: right and wrong protocols, operations, lengths, numbers
 * near the edges, items of every kind. Afterwards the root task still answers, and everything is given back.
 */
#include <l4/re/c/dataspace.h>
#include <l4/re/c/mem_alloc.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/protocols.h>
#include <l4/sys/factory.h>
#include <l4/sys/task.h>
#include <string.h>
#include <tap.h>

#define STEPS 15000
#define OBJECTS 24
#define PAGE 4096ul
#define WINDOW 0x30000000ul /* nothing else lies here */

static unsigned unanswered;
static unsigned long seed = 20260101;
static l4_cap_idx_t object[OBJECTS]; /* [0] is the factory all others come from */

static unsigned dice(unsigned n)
{
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % n;
}

static l4_umword_t number(void)
{
    static const l4_umword_t edge[] = {0, 1, 2, 4, 6, 7, 0xfff, PAGE, PAGE + 1, 3 * PAGE, 1ul << 20, 1ul << 21,
                                       1ul << 30, 1ul << 40, 1ul << 47, 1ul << 62, 1ul << 63, ~0ul, ~0xffful, WINDOW,
                                       WINDOW + PAGE, 0x20006, 0x2006, 0x42006, 0x806, 0x1006, 0x80001, 0x80081,
                                       0x80002, 0x40002};
    l4_umword_t v = edge[dice(sizeof edge / sizeof *edge)];

    switch (dice(8)) {
    case 0:
        return v - 1;
    case 1:
        return v + dice(64);
    case 2:
        return dice(40);
    default:
        return v;
    }
}

static long protocol(void)
{
    static const long list[] = {L4RE_PROTO_DATASPACE, L4RE_PROTO_NAMESPACE, L4RE_PROTO_RM, L4RE_PROTO_DMA_SPACE,
                                L4RE_PROTO_MEM_ALLOC, L4_PROTO_FACTORY, L4_PROTO_PAGE_FAULT, L4_PROTO_IO_PAGE_FAULT,
                                L4_PROTO_LOG, L4_PROTO_IRQ, L4_PROTO_META, L4_PROTO_SCHEDULER, 0, 0x1234};

    return list[dice(sizeof list / sizeof *list)];
}

/* The protocol the object was made for, most of the time. */
static const long kinds[] = {L4_PROTO_FACTORY, L4RE_PROTO_DATASPACE, L4RE_PROTO_NAMESPACE, L4RE_PROTO_RM,
                             L4RE_PROTO_DMA_SPACE, L4_PROTO_LOG};
#define KINDS (sizeof kinds / sizeof *kinds)

static long make(unsigned i)
{
    l4_msgtag_t tag = l4_factory_create_start(kinds[i % KINDS], object[i]);

    if (kinds[i % KINDS] == L4_PROTO_FACTORY)
        l4_factory_create_add_uint(256 << 10, &tag);
    else if (kinds[i % KINDS] == L4RE_PROTO_DATASPACE) {
        l4_factory_create_add_int((long)(1 + dice(64)) * 1000, &tag);
        l4_factory_create_add_uint(dice(2), &tag);
    } else if (kinds[i % KINDS] == L4_PROTO_LOG) {
        l4_factory_create_add_str("random", &tag);
    }
    return l4_error(l4_factory_create_commit(object[0], tag));
}

static void request(unsigned i, l4_cap_idx_t spare)
{
    l4_utcb_t *u = l4_utcb();
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
    l4_buf_regs_t *b = l4_utcb_br_u(u);
    unsigned words = dice(10) == 0 ? dice(64) : dice(12), items = dice(4) == 0 ? dice(3) : dice(2);
    long proto = dice(4) == 0 ? protocol() : kinds[i % KINDS];

    if (words + 2 * items > 63)
        items = 0;
    for (unsigned w = 0; w < words; w++)
        mr[w] = number();
    if (words > 0 && proto == L4_PROTO_FACTORY)
        mr[0] = (l4_umword_t)kinds[dice(KINDS - 1)];
    else if (words > 0 && dice(8) != 0)
        mr[0] = (mr[0] & ~0xfffffffful) | dice(11);
    if (words > 0 && kinds[i % KINDS] == L4_PROTO_LOG)
        mr[0] |= 1; /* not a write: it would show, and is never answered */
    for (unsigned n = 0; n < items; n++) {
        mr[words + 2 * n] = L4_ITEM_MAP | (dice(8) == 0 ? L4_ITEM_CONT : 0);
        mr[words + 2 * n + 1] = dice(10) == 0 ? 0x10000330ul : l4_obj_fpage(object[dice(OBJECTS)], 0, 7).raw;
    }
    b->bdr = 0;
    b->br[0] = dice(6) == 0 ? 0 : dice(2) == 0 ? spare | L4_RCV_ITEM_SINGLE_CAP : L4_ITEM_MAP;
    b->br[1] = b->br[0] == L4_ITEM_MAP ? l4_fpage(WINDOW, 16, L4_FPAGE_RWX).raw : 0;
    b->br[2] = 0;
    l4_msgtag_t tag = l4_ipc_call(object[i], u, l4_msgtag(proto, words, items, 0),
                                  l4_timeout(L4_IPC_TIMEOUT_NEVER, l4_timeout_from_us(1000000)));
    if (l4_ipc_error(tag, u) == L4_IPC_RETIMEOUT)
        unanswered++;
}

static unsigned long memory_used(void)
{
    l4re_ma_stats_t s;

    return l4re_ma_info_srv(l4re_env()->mem_alloc, &s) < 0 ? ~0ul : s.mem_used;
}

static void round_of_requests(l4_cap_idx_t spare)
{
    int made = 0;

    is(l4_error(l4_factory_create_factory(l4re_env()->mem_alloc, object[0], 4 << 20)), 0, "a factory");
    for (unsigned i = 1; i < OBJECTS; i++)
        made += make(i) >= 0;
    is(made, OBJECTS - 1, "objects of every kind");
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = dice(OBJECTS);
        request(i, spare);
        if (dice(20) == 0)
            l4_task_delete_obj(L4RE_THIS_TASK_CAP, spare);
        if (i > 0 && dice(50) == 0) {
            l4_task_delete_obj(L4RE_THIS_TASK_CAP, object[i]);
            make(i);
        }
    }
    is(unanswered, 0, "every request was answered");
    l4_task_delete_obj(L4RE_THIS_TASK_CAP, spare);
    l4_task_delete_obj(L4RE_THIS_TASK_CAP, object[0]);
    l4_task_unmap(L4RE_THIS_TASK_CAP, l4_fpage(WINDOW, 16, L4_FPAGE_RWX), L4_FP_ALL_SPACES);
}

int main(void)
{
    l4_cap_idx_t spare = l4re_util_cap_alloc();

    for (unsigned i = 0; i < OBJECTS; i++)
        object[i] = l4re_util_cap_alloc();
    round_of_requests(spare);
    unsigned long before = memory_used();
    ok(before != ~0ul, "the root task still answers");
    round_of_requests(spare);
    is(memory_used(), before, "and everything is given back");
    return tap_done();
}
