/* SPDX-License-Identifier: MIT */
/*
 * See oracle_map.h. Looked at before and after: up to 64 slots or small pages of a map or unmap, and all that was made
 * from such a page; the slot of a new object. Not decided, and so not compared: larger windows, large pages, sigma0,
 * windows that overlap, pages that depend on the place they are mapped to, and what happens to slots when a task ends
 * in the same operation. When memory does not suffice a part of a window may have been mapped, from its beginning.
 */
#include "oracle_map.h"
#include "arch/host/host.h"
#include "factory.h"
#include "map.h"
#include "model_map.h"
#include "task.h"
#include <l4/errors.h>
#include <l4/proto.h>
#include <stdio.h>
#include <string.h>

#define PART 64u /* slots or pages */

enum what { NOTHING, MAP_CAPS, MAP_PAGES, UNMAP_CAPS, UNMAP_PAGES, CREATE };
struct derived {
    struct task *task;
    word_t va;
    struct mapping *mapping;
    unsigned rights;
};
static struct {
    enum what what;
    const struct thread *self;
    struct task *from, *to;
    word_t src, dst;
    unsigned n, rights;
    const struct thread *receiver; /* of a message: finds a return item at `at` of its registers; NULL: does not */
    unsigned at;
    word_t sent[2];
    bool message, answered; /* answered: its result is in the registers */
    bool del, own;          /* own: not only what was derived */
    bool task_named;
    struct model_map how;
    struct model_cap cap[2][PART], expected[2][PART];
    struct model_page page[2][PART], pages[2][PART];
    struct derived derived[PART];
    unsigned derived_count;
    uint64_t compared, messages;
} w;

uint64_t oracle_map_count(void) { return w.compared; }
uint64_t oracle_map_messages(void) { return w.messages; }

/* ---- looking ---- */

static unsigned slots_of(const struct kobj *obj)
{
    unsigned n = 0;

    for (uint32_t h = obj->slots; h != 0; h = ((const struct cap *)heap_pointer(h))->next)
        n++;
    return n;
}

static void caps_look(struct model_cap *to, const struct task *task, word_t first, bool count)
{
    for (unsigned i = 0; i < w.n; i++) {
        const struct cap *slot = cap_slot(task, first + i);
        const struct kobj *obj;

        to[i] = (struct model_cap){0};
        if (slot == NULL || slot->raw == 0)
            continue;
        obj = cap_obj(slot);
        to[i].object = heap_handle(obj);
        to[i].rights = (uint8_t)cap_rights(slot);
        if (!count)
            continue;
        to[i].kept = obj->boot;
        to[i].counted = obj->counted;
        to[i].slots = slots_of(obj);
        w.task_named = w.task_named || obj->type == KOBJ_TASK;
    }
}

/* False: something is there that is not decided. */
static bool pages_look(struct model_page *to, const struct task *task, word_t first)
{
    struct pt_entry e;

    for (unsigned i = 0; i < w.n; i++) {
        word_t va = first + i * L4_PAGE_SIZE;

        to[i] = (struct model_page){0};
        if (!arch_pt_lookup(&task->space, va, &e))
            continue;
        if (e.order != L4_PAGE_SHIFT)
            return false;
        to[i] = (struct model_page){.pa = e.pa, .rights = e.rights, .ku = e.ku};
        if (!e.ku) {
            to[i].id = (uint64_t)(uintptr_t)e.mapping;
            to[i].parent = (uint64_t)(uintptr_t)e.mapping->parent;
        }
    }
    return true;
}

/* Is one of the pages made, over however many steps, from one of those in `places`? */
static bool pages_depend(const struct model_page *pages, const struct model_page *places)
{
    for (unsigned i = 0; i < w.n; i++) {
        const struct mapping *m = (const struct mapping *)(uintptr_t)pages[i].id;

        for (m = m == NULL ? NULL : m->parent; m != NULL; m = m->parent)
            for (unsigned p = 0; p < w.n; p++)
                if (places[p].id == (uint64_t)(uintptr_t)m)
                    return true;
    }
    return false;
}

static bool derived_look(const struct mapping *m)
{
    for (struct mapping *c = m->child; c != NULL; c = c->next) {
        if (w.derived_count == PART)
            return false;
        w.derived[w.derived_count++] = (struct derived){c->task, mapping_va(c), c, 0};
        struct pt_entry e;

        if (!arch_pt_lookup(&c->task->space, mapping_va(c), &e))
            return false;
        w.derived[w.derived_count - 1].rights = e.rights;
        if (!derived_look(c))
            return false;
    }
    return true;
}

/* ---- before ---- */

/* One item with its window (order 63: everything), w.from, w.to and w.how.mask being known. */
static enum what item_look(const word_t *item, word_t window, unsigned window_order)
{
    l4_fpage fp = {item[1]};
    unsigned type = l4_fpage_type(fp), shift = type == L4_FPAGE_MEM ? L4_PAGE_SHIFT : 0;
    word_t hot = type == L4_FPAGE_MEM ? item[0] & ~(L4_PAGE_SIZE - 1) : item[0] >> L4_SEL_SHIFT;
    struct model_window part;

    if (type != L4_FPAGE_OBJ && type != L4_FPAGE_MEM)
        return NOTHING;
    w.how.item = item[0];
    w.how.rights = l4_fpage_rights(fp);
    part = model_window(l4_fpage_start(fp) << shift, l4_fpage_order(fp), window << shift, window_order, hot);
    if (part.order < shift || part.order - shift > 6)
        return NOTHING;
    w.n = 1u << (part.order - shift);
    w.src = part.src;
    w.dst = part.dst;
    if (w.from == w.to && w.src != w.dst && w.src < w.dst + (w.n << shift) && w.dst < w.src + (w.n << shift))
        return NOTHING;
    if (type == L4_FPAGE_OBJ) {
        if (w.src + w.n > CAP_SLOTS || w.dst + w.n > CAP_SLOTS || w.src > CAP_SLOTS || w.dst > CAP_SLOTS)
            return NOTHING;
        caps_look(w.cap[0], w.from, w.src, true);
        caps_look(w.cap[1], w.to, w.dst, true);
        return MAP_CAPS;
    }
    if (w.from->is_sigma0 || w.to->is_sigma0 || (w.from == w.to && w.src == w.dst) ||
        w.src + w.n * L4_PAGE_SIZE > L4_USER_END || w.dst + w.n * L4_PAGE_SIZE > L4_USER_END ||
        w.src > L4_USER_END || w.dst > L4_USER_END ||
        !pages_look(w.page[0], w.from, w.src) || !pages_look(w.page[1], w.to, w.dst) ||
        pages_depend(w.page[0], w.page[1]) || pages_depend(w.page[1], w.page[1]))
        return NOTHING;
    return MAP_PAGES;
}

static enum what map_look(const struct model_target *target, const struct model_message *msg)
{
    if (!(target->rights & L4_RIGHT_W) || msg->item != ITEM_GIVEN || msg->argument.kind != K_TASK)
        return NOTHING;
    w.from = heap_pointer(msg->argument.task);
    w.how.mask = target->rights & msg->argument.rights & L4_RIGHT_S ? 15 : 15 & ~L4_RIGHT_S;
    return item_look(&msg->mr[1], 0, 63);
}

/* The receiver's buffer for the only item of a message that it takes now. */
static enum what message_look(const struct thread *r, unsigned rights, const struct model_message *msg)
{
    const word_t *item = &msg->mr[msg->words];
    unsigned type, shift;
    struct model_buffer b = {.item = L4_ITEM_MAP, .window = {L4_FPAGE_ALL}};

    if (msg->items != 1 || msg->words + 2 > L4_MR_COUNT || !(item[0] & L4_ITEM_MAP))
        return NOTHING;
    type = l4_fpage_type((l4_fpage){item[1]});
    shift = type == L4_FPAGE_MEM ? L4_BDR_MEM_SHIFT : type == L4_FPAGE_IO ? L4_BDR_IO_SHIFT : L4_BDR_OBJ_SHIFT;
    if (!(r->flags & THREAD_KERNEL_IPC)) {
        if (!model_buffer(r->utcb->br, (unsigned)(r->utcb->bdr >> shift & L4_BDR_INDEX_MASK), &b))
            return NOTHING;
    } else if ((r->flags & THREAD_IN_EXCEPTION) && msg->words < L4_EXC_WORDS) {
        return NOTHING;
    }
    if (b.forward || (b.item & L4_RCV_LOCAL_ID))
        return NOTHING;
    w.from = w.self->task;
    w.to = r->task;
    w.how.mask = rights & L4_RIGHT_S ? 15 : 15 & ~L4_RIGHT_S;
    w.receiver = r->flags & THREAD_KERNEL_IPC ? NULL : r;
    w.at = msg->words;
    w.sent[0] = item[0];
    w.sent[1] = item[1];
    if (b.window.raw != L4_FPAGE_ALL && l4_fpage_type(b.window) != type) {
        w.n = 0; /* kinds do not match: nothing, and not marked so */
        return MAP_CAPS;
    }
    if (b.window.raw == L4_FPAGE_ALL)
        return item_look(item, 0, 63);
    return item_look(item, l4_fpage_start(b.window), l4_fpage_order(b.window));
}

static enum what unmap_look(const struct model_message *msg)
{
    l4_fpage fp = {msg->mr[2]};
    unsigned order = l4_fpage_order(fp);

    if (msg->words != 3)
        return NOTHING;
    w.own = (msg->mr[1] & L4_UNMAP_SELF) != 0;
    w.del = (msg->mr[1] & L4_UNMAP_DELETE) != 0;
    w.rights = l4_fpage_rights(fp);
    if (l4_fpage_type(fp) == L4_FPAGE_OBJ && order <= 6) {
        w.n = 1u << order;
        w.dst = l4_fpage_start(fp) & ~((1ul << order) - 1);
        if (w.dst + w.n > CAP_SLOTS)
            return NOTHING;
        caps_look(w.cap[1], w.to, w.dst, true);
        return UNMAP_CAPS;
    }
    if (l4_fpage_type(fp) != L4_FPAGE_MEM || order < L4_PAGE_SHIFT || order > L4_PAGE_SHIFT + 6 || w.to->is_sigma0)
        return NOTHING;
    w.n = 1u << (order - L4_PAGE_SHIFT);
    w.dst = (l4_fpage_start(fp) << L4_PAGE_SHIFT) & ~((1ul << order) - 1);
    w.rights &= L4_MEM_RIGHTS;
    if (w.dst >= L4_USER_END || !pages_look(w.page[1], w.to, w.dst) || pages_depend(w.page[1], w.page[1]))
        return NOTHING;
    for (unsigned i = 0; i < w.n; i++)
        if (w.page[1][i].id != 0 && !derived_look((const struct mapping *)(uintptr_t)w.page[1][i].id))
            return NOTHING;
    return UNMAP_PAGES;
}

static enum what create_look(const struct model_message *msg)
{
    const struct l4_utcb *u = w.self->utcb;
    unsigned at = (unsigned)(u->bdr >> L4_BDR_OBJ_SHIFT & L4_BDR_INDEX_MASK);

    if (!msg->slot_given)
        return NOTHING;
    w.n = 1;
    w.to = w.self->task;
    w.dst = u->br[at] & L4_RCV_SINGLE_CAP ? u->br[at] >> L4_SEL_SHIFT : l4_fpage_start((l4_fpage){u->br[at + 1]});
    caps_look(w.cap[1], w.to, w.dst, true);
    return CREATE;
}

void oracle_map_message(const struct thread *self, const struct thread *receiver, unsigned rights,
                        const struct model_message *msg)
{
    w.self = self;
    w.task_named = false;
    w.what = message_look(receiver, rights, msg);
    w.message = w.what != NOTHING;
}

void oracle_map_begin(const struct thread *self, const struct model_request *rq, const struct model_target *target,
                      const struct model_message *msg)
{
    word_t op = rq->dest & L4_OP_MASK;

    w.what = NOTHING;
    w.message = false;
    w.receiver = NULL;
    if ((rq->dest & L4_OP_REPLY) || msg->words == 0 || (self->flags & (THREAD_ALIEN | THREAD_VCPU_USER)))
        return;
    w.self = self;
    w.answered = (op & L4_OP_RECV) != 0;
    w.task_named = false;
    w.derived_count = 0;
    if (target->kind == K_FACTORY && w.answered && (op & L4_OP_SEND) &&
        l4_tag_label((l4_tag){rq->tag}) == L4_PROTO_FACTORY) {
        w.what = create_look(msg);
    } else if (target->kind == K_TASK && l4_tag_label((l4_tag){rq->tag}) == L4_PROTO_TASK) {
        w.to = heap_pointer(target->task);
        if (msg->mr[0] == L4_OP_TASK_MAP)
            w.what = map_look(target, msg);
        else if (msg->mr[0] == L4_OP_TASK_UNMAP)
            w.what = unmap_look(msg);
    }
}

/* ---- after ---- */

static bool caps_equal(const struct model_cap *a, const struct model_cap *b)
{
    for (unsigned i = 0; i < w.n; i++)
        if (a[i].object != b[i].object || (a[i].object != 0 && a[i].rights != b[i].rights))
            return false;
    return true;
}

static bool pages_equal(const struct model_page *expected, const struct model_page *seen)
{
    for (unsigned i = 0; i < w.n; i++) {
        const struct model_page *a = &expected[i], *b = &seen[i];

        if ((a->id != 0) != (b->id != 0) || a->ku != b->ku)
            return false;
        if (a->id != 0 && (a->pa != b->pa || a->rights != b->rights || (a->parent != 0 && a->parent != b->parent)))
            return false;
    }
    return true;
}

/* The first `part` of n; cleared: and of the next one, the place was made free for it. */
static bool mapped_so(unsigned part, bool cleared)
{
    bool same = w.from == w.to && w.src == w.dst;

    memcpy(w.expected, w.cap, sizeof w.expected);
    memcpy(w.pages, w.page, sizeof w.pages);
    if (w.what == MAP_CAPS) {
        struct model_cap seen[2][PART];

        model_map_caps(w.expected[0], same ? w.expected[0] : w.expected[1], part, &w.how);
        caps_look(seen[0], w.from, w.src, false);
        caps_look(seen[1], w.to, w.dst, false);
        return caps_equal(w.expected[0], seen[0]) && (same || caps_equal(w.expected[1], seen[1]));
    }
    struct model_page seen[2][PART];

    model_map_pages(w.pages[0], w.pages[1], part, &w.how);
    if (cleared && part < w.n && !w.pages[1][part].ku)
        w.pages[1][part] = (struct model_page){0};
    return !pages_look(seen[0], w.from, w.src) || !pages_look(seen[1], w.to, w.dst) ||
           (pages_equal(w.pages[0], seen[0]) && pages_equal(w.pages[1], seen[1]));
}

static const char *map_differs(bool failed)
{
    for (unsigned part = w.n + 1; part-- > 0;) {
        if (mapped_so(part, false) || (failed && mapped_so(part, true)))
            return NULL;
        if (!failed)
            break;
    }
    return w.what == MAP_CAPS ? "mapped capabilities" : "mapped pages";
}

static const char *unmap_caps_differ(void)
{
    struct model_cap seen[PART];

    if (w.own)
        model_unmap_caps(w.cap[1], w.n, w.rights, w.del);
    caps_look(seen, w.to, w.dst, false);
    return caps_equal(w.cap[1], seen) ? NULL : "unmapped capabilities";
}

static const char *unmap_pages_differ(void)
{
    struct model_page seen[PART];
    struct pt_entry e;

    for (unsigned i = 0; i < w.n; i++) {
        struct model_page *p = &w.page[1][i];

        if (!w.own || p->id == 0)
            continue;
        p->rights = model_unmap_page(p->rights, w.rights);
        if (p->rights == 0)
            *p = (struct model_page){0};
    }
    if (pages_look(seen, w.to, w.dst) && !pages_equal(w.page[1], seen))
        return "unmapped pages";
    for (unsigned i = 0; i < w.derived_count; i++) {
        const struct derived *d = &w.derived[i];
        unsigned rights = model_unmap_page(d->rights, w.rights);
        bool there = arch_pt_lookup(&d->task->space, d->va, &e) && e.mapping == d->mapping;

        if (there != (rights != 0) || (there && e.rights != rights))
            return "pages that were made from an unmapped one";
    }
    return NULL;
}

static const char *create_differs(bool done)
{
    struct model_cap seen;

    caps_look(&seen, w.to, w.dst, false);
    if (done)
        return seen.object != 0 && seen.rights == CAP_ALL_RIGHTS ? NULL : "the capability of a new object";
    return caps_equal(w.cap[1], &seen) ? NULL : "the slot of an object that was not made";
}

/* Was there anything in the source that could be mapped? */
static bool source_given(void)
{
    for (unsigned i = 0; i < w.n; i++) {
        if (w.what == MAP_CAPS && w.cap[0][i].object != 0 && (w.cap[0][i].rights & w.how.rights & L4_RIGHT_R))
            return true;
        if (w.what == MAP_PAGES && (w.page[0][i].id != 0 || w.page[0][i].ku) && (w.how.rights & L4_MEM_RIGHTS))
            return true;
    }
    return false;
}

const char *oracle_map_message_end(const struct model_result *r)
{
    bool failed = r->kind == R_ERROR && r->error == (L4_IPC_SEND_MAP_FAILED | 1);
    word_t back;

    if (w.what == NOTHING || !w.message || w.task_named || !host_live(w.from) || !host_live(w.to) ||
        (r->kind != R_MESSAGE && !failed))
        return NULL;
    w.messages++;
    if (!failed && w.receiver != NULL) {
        back = w.receiver->utcb->mr[w.at];
        if (back != model_return_item(w.sent, w.n == 0 || source_given() ? L4_GOT_MAPPED : L4_GOT_NOTHING))
            return "a return item";
    }
    return map_differs(failed);
}

const char *oracle_map_end(bool injected)
{
    l4_tag tag;
    bool failed;

    if (w.what == NOTHING || w.message || !host_live(w.self) || !host_live(w.to))
        return NULL;
    tag.raw = frame_tag(&w.self->arch.frame);
    failed = !w.answered || l4_tag_error(tag);
    if (w.self->flags & (THREAD_GONE | THREAD_IN_EXCEPTION))
        return NULL; /* its registers are not the answer any more */
    if (w.task_named) /* one may have ended, and others with it */
        return NULL;
    w.compared++;
    if (w.what == CREATE) {
        bool done = !l4_tag_error(tag) && l4_tag_label(tag) == 0;

        return injected && done ? "an object although memory was short" : create_differs(done);
    }
    if (w.what == UNMAP_CAPS)
        return unmap_caps_differ();
    if (w.what == UNMAP_PAGES)
        return unmap_pages_differ();
    if (w.answered && injected && !failed)
        return "success although memory was short";
    return host_live(w.from) ? map_differs(failed) : NULL;
}

void oracle_map_explain(void)
{
    struct model_page page[2][PART] = {{{0}}};

    if (w.what == NOTHING)
        return;
    if (w.message && w.receiver != NULL)
        fprintf(stderr, "sim:   return item %lx\n", w.receiver->utcb->mr[w.at]);
    if (w.what == MAP_PAGES) {
        mapped_so(w.n, false);
        pages_look(page[0], w.from, w.src);
        pages_look(page[1], w.to, w.dst);
    }
    fprintf(stderr, "sim:   %u from %lx to %lx, item %lx rights %x mask %x\n", w.n, w.src, w.dst, w.how.item,
            w.how.rights, w.how.mask);
    for (unsigned i = 0; i < w.n && w.what != UNMAP_PAGES && w.what != MAP_PAGES; i++)
        fprintf(stderr, "sim:   slots %u: %x rights %x, %x rights %x (counted %ld of %u); expected %x rights %x\n", i,
                w.cap[0][i].object, w.cap[0][i].rights, w.cap[1][i].object, w.cap[1][i].rights,
                (long)w.cap[1][i].counted, w.cap[1][i].slots, w.expected[1][i].object, w.expected[1][i].rights);
    for (unsigned i = 0; i < w.n && (w.what == UNMAP_PAGES || w.what == MAP_PAGES); i++)
        fprintf(stderr, "sim:   pages %u: %lx rights %x, %lx rights %x; model %lx rights %x, %lx rights %x; "
                "kernel %lx rights %x, %lx rights %x\n", i, w.page[0][i].pa, w.page[0][i].rights, w.page[1][i].pa,
                w.page[1][i].rights, w.pages[0][i].pa, w.pages[0][i].rights, w.pages[1][i].pa, w.pages[1][i].rights,
                page[0][i].pa, page[0][i].rights, page[1][i].pa, page[1][i].rights);
}
