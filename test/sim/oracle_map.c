/* SPDX-License-Identifier: MIT */
/*
 * See oracle_map.h. Before the operation the model plays it on what the kernel has (model_map.h), afterwards all slots
 * and pages that it had to do with are looked at again. Not decided, and so not compared: pages of sigma0 as a source,
 * which are made on demand; ports; operations with which a task ends, and others with it.
 */
#include "oracle_map.h"
#include "arch/host/host.h"
#include "factory.h"
#include "load.h"
#include "map.h"
#include "memory.h"
#include "model_map.h"
#include "objects.h"
#include "sim.h"
#include "task.h"
#include <l4/errors.h>
#include <l4/proto.h>
#include <stdio.h>
#include <string.h>

#define MOVES 2u /* messages with items that can be taken in one event */

enum what { NOTHING, MAP, UNMAP, CREATE, MESSAGE };
static struct {
    enum what what;
    const struct thread *self;
    struct model_maps maps;
    struct move {               /* MESSAGE: one after the other */
        const struct thread *sender, *receiver;
        struct model_items items;
        word_t mr[L4_MR_COUNT], br[L4_BR_COUNT], error;
        unsigned words;
    } move[MOVES];
    unsigned moves, words;      /* words: of an operation */
    bool answered;              /* its result is in the registers */
    bool alien;                 /* which raises an exception after it */
    bool ports_known;
    uint64_t objects;           /* so many there were */
    const struct factory *factory; /* CREATE: that is asked, and what it had charged */
    size_t charged;
    bool open;                  /* something happens that is not looked at here */
    uint8_t status[L4_MR_COUNT]; /* UNMAP: of each flexpage */
    uint64_t compared, messages, unsure;
} w SCRATCH;

void oracle_map_counts(uint64_t *operations, uint64_t *items, uint64_t *unsure)
{
    *operations = w.compared;
    *items = w.messages;
    *unsure = w.unsure;
}

/* ---- what the model asks ---- */

static uint64_t id_of(const void *p) { return (uint64_t)(uintptr_t)p; }
static const struct task *task_at(uint64_t task) { return (const struct task *)task; }

static uint64_t world_slot(uint64_t task, word_t at, unsigned *rights)
{
    const struct cap *c = cap_slot(task_at(task), at);

    if (c == NULL || c->raw == 0 || cap_obj(c)->dead)
        return 0;
    *rights = cap_rights(c);
    return id_of(cap_obj(c));
}

static word_t world_slot_next(uint64_t task, word_t at)
{
    while (at < CAP_SLOTS && cap_slot(task_at(task), at) == NULL)
        at += CAP_PAGE_SLOTS - at % CAP_PAGE_SLOTS;
    return at < CAP_SLOTS ? at : ~0ul;
}

/* Objects of the kernel's own are not in the heap. */
static uint32_t life_serial(const struct model_life *life)
{
    word_t first, last;

    frame_range(&first, &last);
    return life->memory < first || life->memory > last ? 1 : host_serial((const void *)life->memory);
}

static void world_life(struct model_life *life)
{
    const struct kobj *obj = (const struct kobj *)life->object;

    if (life->object == MODEL_NEW_OBJECT) {
        life->counted = life->slots = 1;
        return;
    }
    life->memory = obj->type == KOBJ_THREAD ? id_of(thread_of((struct kobj *)life->object)) : id_of(obj);
    life->serial = life_serial(life);
    life->kept = obj->boot;
    life->task = obj->type == KOBJ_TASK;
    life->counted = obj->counted;
    for (uint32_t h = obj->slots; h != 0; h = ((const struct cap *)heap_pointer(h))->next)
        life->slots++;
}

static bool world_gate(uint64_t object, uint64_t task, word_t *label)
{
    struct kobj *obj = (struct kobj *)object;

    if (obj->type != KOBJ_GATE || gate_of(obj)->thread == NULL || gate_of(obj)->thread->task != task_at(task))
        return false;
    *label = gate_of(obj)->label;
    return true;
}

static word_t min(word_t a, word_t b) { return a < b ? a : b; }
static word_t max(word_t a, word_t b) { return a > b ? a : b; }

#define HOST_PAGE_STATUS(leaf) ((unsigned)(*(leaf) >> 5 & 3u)) /* accessed, dirty */

static void leaf_of(const struct task *task, const struct pt_entry *e, struct model_leaf *leaf, uint64_t *node)
{
    bool tree = !e->ku && e->mapping != NULL;

    *leaf = (struct model_leaf){.task = id_of(task), .va = e->va, .pa = e->pa, .order = (uint8_t)e->order,
                                .rights = (uint8_t)e->rights, .cache = (uint8_t)e->cache, .ku = e->ku};
    *node = tree ? id_of(e->mapping) : 0;
    leaf->status = (uint8_t)(tree ? HOST_PAGE_STATUS(e->leaf) | (e->mapping->pa_flags & MAPPING_STATUS) : 0);
}

/* Is the block memory (0), device memory (1), or of both kinds (2)? */
static unsigned kind_of_block(word_t start, unsigned order)
{
    word_t last = start + (1ul << order) - 1, memory = 0;

    for (unsigned i = 0; i < kip.mem_count; i++) {
        word_t lo = max(l4_mem_desc_start(kip.mem[i]), start), hi = min(l4_mem_desc_end(kip.mem[i]), last);
        unsigned type = l4_mem_desc_type(kip.mem[i]);

        if (!(kip.mem[i].low & L4_MEM_VIRTUAL) && type != L4_MEM_UNDEFINED && type != L4_MEM_SHARED &&
            type != L4_MEM_ARCH && lo <= hi)
            memory += hi - lo + 1;
    }
    return memory == 0 ? 1 : memory == last - start + 1 ? 0 : 2;
}

/* sigma0 has all physical memory, one to one; its pages are made when they are needed: the largest that fits. */
static bool sigma0_leaf(const struct task *sigma0, word_t va, word_t end, struct model_leaf *leaf, uint64_t *node)
{
    static const unsigned orders[] = {30, 21, L4_PAGE_SHIFT};
    struct pt_entry e;

    *node = 0;
    for (va &= -L4_PAGE_SIZE; va < end; va += L4_PAGE_SIZE) {
        unsigned limit = arch_pt_order_at(&sigma0->space, va, 30);

        if (arch_pt_lookup(&sigma0->space, va, &e)) {
            leaf_of(sigma0, &e, leaf, node);
            return true;
        }
        for (unsigned i = 0; i < 3; i++) {
            word_t start = va & -(1ul << orders[i]);
            unsigned kind = kind_of_block(start, orders[i]);

            if (orders[i] > limit || !arch_phys_valid(start, orders[i]) || (kind == 2 && i < 2))
                continue;
            *leaf = (struct model_leaf){.task = id_of(sigma0), .va = start, .pa = start, .order = (uint8_t)orders[i],
                                        .rights = L4_MEM_RIGHTS,
                                        .cache = kind == 1 ? L4_ITEM_UNCACHED : L4_ITEM_CACHED};
            return true;
        }
    }
    return false;
}

static bool world_leaf(uint64_t task, word_t va, word_t end, struct model_leaf *leaf, uint64_t *node)
{
    struct pt_entry e;

    if (task_at(task)->is_sigma0)
        return sigma0_leaf(task_at(task), va, end, leaf, node);
    if (!arch_pt_next(&task_at(task)->space, va, end, &e))
        return false;
    leaf_of(task_at(task), &e, leaf, node);
    return true;
}

static uint64_t world_parent(uint64_t node) { return id_of(((const struct mapping *)node)->parent); }

static void world_derived(uint64_t node, void (*each)(uint64_t node, const struct model_leaf *leaf))
{
    for (const struct mapping *c = ((const struct mapping *)node)->child; c != NULL; c = c->next) {
        struct model_leaf leaf;
        struct pt_entry e;
        uint64_t id;

        if (!arch_pt_lookup(&c->task->space, mapping_va(c), &e))
            continue;
        leaf_of(c->task, &e, &leaf, &id);
        each(id, &leaf);
        world_derived(id, each);
    }
}

static unsigned world_order_at(uint64_t task, word_t va, unsigned order)
{
    return arch_pt_order_at(&task_at(task)->space, va, order);
}

static bool world_is_sigma0(uint64_t task) { return task_at(task)->is_sigma0; }

static bool world_has_ports(uint64_t task) { return task_at(task)->io != NULL; }

/* ---- ports: whatever anybody has comes from sigma0 ---- */

#define EDGES 256u
static struct {
    const struct io_edge *edge[EDGES];
    unsigned count;
} ports;

static void ports_look(const struct io_space *s)
{
    for (const struct list *l = s->out.next; l != &s->out; l = l->next) {
        const struct io_edge *e = container_of(l, const struct io_edge, out_link);
        bool seen = false;

        for (unsigned i = 0; i < ports.count; i++)
            seen = seen || ports.edge[i]->from == e->to;
        if (ports.count == EDGES)
            kpanic("the simulator knows too many tasks with ports", __FILE__, __LINE__);
        ports.edge[ports.count++] = e;
        if (!seen && e->to != s)
            ports_look(e->to);
    }
}

static void ports_find(void)
{
    ports.count = 0;
    w.ports_known = true;
    if (sim.sigma0->task->io != NULL)
        ports_look(sim.sigma0->task->io);
}

static void world_ports(unsigned word, void (*each)(uint64_t from, uint64_t to, word_t bits))
{
    if (!w.ports_known)
        ports_find();
    for (unsigned i = 0; i < ports.count; i++)
        each(id_of(ports.edge[i]->from->task), id_of(ports.edge[i]->to->task), ports.edge[i]->set[word]);
}

static const struct model_map_world world = {
    .slot = world_slot, .slot_next = world_slot_next, .life = world_life, .gate = world_gate, .leaf = world_leaf,
    .parent = world_parent, .derived = world_derived, .order_at = world_order_at, .is_sigma0 = world_is_sigma0,
    .has_ports = world_has_ports, .ports = world_ports,
};

bool oracle_map_port(const struct thread *t, unsigned port)
{
    const struct task *task = t->flags & THREAD_VCPU_USER ? t->vcpu_task : t->task;

    ports_find();
    for (unsigned i = 0; i < ports.count; i++)
        if (ports.edge[i]->to->task == task && ports.edge[i]->set[port / 64] >> port % 64 & 1)
            return true;
    return task->is_sigma0;
}

/* ---- before ---- */

static void maps_begin(void)
{
    w.ports_known = false;
    model_maps_begin(&w.maps, &world);
}

/* Whoever is going to end is known from now on. */
static void maps_end(void)
{
    model_maps_end(&w.maps);
    for (unsigned i = 0; i < w.maps.life_count && !w.maps.unsure; i++) {
        struct kobj *obj = (struct kobj *)w.maps.life[i].object;

        if (!w.maps.life[i].ended || w.maps.life[i].object == MODEL_NEW_OBJECT)
            continue;
        if (obj->type == KOBJ_THREAD)
            load_thread(thread_of(obj));
        else if (obj->type == KOBJ_GATE || obj->type == KOBJ_IRQ || obj->type == KOBJ_SEM)
            w.open = w.open || load_object(obj) == NOBODY;
    }
}

static void map_look(const struct model_target *target, const struct model_message *msg)
{
    const struct model_target *from = &msg->argument;

    if (!(target->rights & L4_RIGHT_W) || msg->item != ITEM_GIVEN || from->kind != K_TASK)
        return;
    w.what = MAP;
    maps_begin();
    model_map(&w.maps, id_of(heap_pointer(from->task)), id_of(heap_pointer(target->task)), &msg->mr[1],
              (target->rights & from->rights & L4_RIGHT_S) != 0);
    maps_end();
}

static void unmap_look(const struct model_target *target, const struct model_message *msg)
{
    uint64_t task = id_of(heap_pointer(target->task));
    bool self = (msg->mr[1] & L4_UNMAP_SELF) != 0, del = (msg->mr[1] & L4_UNMAP_DELETE) != 0;

    w.what = UNMAP;
    w.words = msg->words < L4_MR_COUNT ? msg->words : L4_MR_COUNT;
    maps_begin();
    for (unsigned i = 2; i < w.words; i++)
        w.status[i] = (uint8_t)model_unmap(&w.maps, task, (l4_fpage){msg->mr[i]}, self, del);
    maps_end();
}

/* Objects of all kinds that users can make. */
static uint64_t objects_existing(void)
{
    static const struct slab *slabs[6];
    static unsigned known;
    uint64_t n = 0;

    for (const struct slab *s = known > 0 ? NULL : slab_first(); s != NULL; s = s->next)
        if (strcmp(s->name, "thread") == 0 || strcmp(s->name, "task") == 0 || strcmp(s->name, "factory") == 0 ||
            strcmp(s->name, "gate") == 0 || strcmp(s->name, "irq") == 0 || strcmp(s->name, "semaphore") == 0)
            slabs[known++] = s;
    for (unsigned i = 0; i < known; i++)
        n += slabs[i]->used;
    return n;
}

static void create_look(const struct model_message *msg, const struct factory *factory)
{
    const struct l4_utcb *u = w.self->utcb;
    unsigned at = (unsigned)(u->bdr >> L4_BDR_OBJ_SHIFT & L4_BDR_INDEX_MASK);
    word_t slot;

    if (!msg->slot_given)
        return;
    w.what = CREATE;
    w.factory = factory;
    w.charged = factory->quota.used;
    slot = u->br[at] & L4_RCV_SINGLE_CAP ? u->br[at] >> L4_SEL_SHIFT : l4_fpage_start((l4_fpage){u->br[at + 1]});
    maps_begin();
    model_create(&w.maps, id_of(w.self->task), slot);
    maps_end();
}

bool oracle_map_message(const struct thread *s, const struct thread *r, unsigned rights, l4_tag tag, const word_t *mr)
{
    struct move *v = &w.move[w.what == MESSAGE ? w.moves : 0];

    w.open = l4_tag_items(tag) > MODEL_ITEMS || s->task == NULL || r->task == NULL || kobj_work != NULL;
    if (w.open || r->task->obj.dead) { /* which gets nothing; the description has no error for that */
        w.what = NOTHING;
        return false;
    }
    if (w.what != MESSAGE)
        maps_begin();
    w.what = MESSAGE;
    w.moves = (unsigned)(v - w.move) + 1;
    v->sender = s;
    v->receiver = r;
    v->words = l4_tag_words(tag);
    memcpy(v->mr, mr, sizeof v->mr);
    memcpy(v->br, r->utcb->br, sizeof v->br);
    v->items = (struct model_items){.from = id_of(s->task), .to = id_of(r->task), .item = v->mr + v->words,
                                    .count = l4_tag_items(tag), .room = (L4_MR_COUNT - v->words) / 2,
                                    .br = r->flags & THREAD_KERNEL_IPC ? NULL : v->br, .bdr = r->utcb->bdr,
                                    .special = (rights & L4_RIGHT_S) != 0};
    v->error = model_items(&w.maps, &v->items);
    return v->error == 0 && w.moves < MOVES;
}

void oracle_map_messages_begun(void)
{
    if (w.what == MESSAGE)
        maps_end();
}

bool oracle_map_elsewhere(void) { return w.what != NOTHING && w.maps.elsewhere; }

bool oracle_map_items(unsigned at, const struct thread *s, const struct thread *r, word_t *error)
{
    if (w.what != MESSAGE || at >= w.moves || s != w.move[at].sender || r != w.move[at].receiver || w.maps.unsure)
        return false;
    *error = w.move[at].error;
    return true;
}

/* An alien does when it is allowed to. */
static bool calls(const struct thread *t)
{
    return !(t->flags & THREAD_VCPU_USER) && (!(t->flags & THREAD_ALIEN) || (t->flags & THREAD_ALIEN_PASS));
}

void oracle_map_begin(const struct thread *self, const struct model_request *rq, const struct model_target *target,
                      const struct model_message *msg)
{
    word_t op = rq->dest & L4_OP_MASK;
    long label = l4_tag_label((l4_tag){rq->tag});
    unsigned rights;

    w.what = NOTHING;
    w.objects = objects_existing();
    w.open = kobj_work != NULL;
    if ((rq->dest & L4_OP_REPLY) || msg->words == 0 || !calls(self) || w.open)
        return;
    if (target->kind == K_THREAD && label == L4_PROTO_THREAD && (msg->mr[0] & 0xffff) == L4_OP_THREAD_VCPU_RESUME)
        w.open = msg->items != 0; /* which go into the user task */
    w.self = self;
    w.alien = (self->flags & THREAD_ALIEN) != 0;
    w.answered = (op & L4_OP_RECV) != 0;
    if (target->kind == K_FACTORY && w.answered && (op & L4_OP_SEND) && label == L4_PROTO_FACTORY) {
        create_look(msg, factory_of(cap_lookup(self->task, rq->dest >> L4_SEL_SHIFT, &rights)));
    } else if (target->kind == K_TASK && label == L4_PROTO_TASK) {
        if (msg->mr[0] == L4_OP_TASK_MAP)
            map_look(target, msg);
        else if (msg->mr[0] == L4_OP_TASK_UNMAP)
            unmap_look(target, msg);
    }
}

/* ---- after ---- */

static bool slot_equal(const struct model_slot_of *s)
{
    unsigned rights = 0;
    uint64_t object = world_slot(s->task, s->at, &rights);

    if (s->object == MODEL_NEW_OBJECT ? object == 0 || object == s->object_first : object != s->object)
        return false;
    return object == 0 || rights == s->rights;
}

static bool slots_equal(void)
{
    for (unsigned i = 0; i < w.maps.slot_count; i++) {
        const struct model_slot_of *s = &w.maps.slot[w.maps.used[i]];

        if (host_live(task_at(s->task)) && !task_at(s->task)->obj.dead && !slot_equal(s))
            return false;
    }
    return true;
}

static bool node_equal(const struct model_leaf *expected, const struct pt_entry *e)
{
    const struct model_node *n = expected->node < 0 ? NULL : &w.maps.node[expected->node];
    uint64_t above;

    if (n == NULL || e->mapping == NULL)
        return n == NULL;
    if (n->id != 0)
        return n->id == id_of(e->mapping);
    above = n->parent < 0 ? 0 : w.maps.node[n->parent].id;
    return above == 0 || above == id_of(e->mapping->parent);
}

static bool page_equal(const struct model_leaf *expected, const struct pt_entry *e)
{
    return expected->order == e->order && expected->pa - expected->va == e->pa - e->va &&
           expected->rights == e->rights && expected->ku == e->ku &&
           (e->ku || (expected->cache == e->cache && node_equal(expected, e)));
}

static bool leaf_expected(const struct model_leaf *l)
{
    for (int n = l->node; n >= 0; n = w.maps.node[n].parent)
        if (w.maps.node[n].removed)
            return false;
    return l->here;
}

/* All pages of a range are expected ones, and as many bytes. */
static bool range_equal(const struct model_range *r)
{
    const struct arch_space *space = &task_at(r->task)->space;
    word_t bytes = 0, va = r->va;
    unsigned at = r->first, count = w.maps.leaf_count;
    struct pt_entry e;

    for (unsigned i = 0; i < w.maps.leaf_count; i++) {
        const struct model_leaf *l = &w.maps.leaf[i];

        if (l->task == r->task && l->va < r->end && l->va + (1ul << l->order) > r->va && leaf_expected(l))
            bytes += min(l->va + (1ul << l->order), r->end) - max(l->va, r->va);
    }
    while (va < r->end && arch_pt_next(space, va, r->end, &e)) {
        const struct model_leaf *l = NULL;

        for (unsigned i = 0; l == NULL && i < count; i++, at++) { /* mostly in the order in which they were looked up */
            at = at < count ? at : 0;
            l = &w.maps.leaf[at];
            if (l->task != r->task || max(e.va, r->va) < l->va || max(e.va, r->va) >= l->va + (1ul << l->order) ||
                !leaf_expected(l))
                l = NULL;
        }
        if (l == NULL || !page_equal(l, &e))
            return false;
        va = e.va + (1ul << e.order);
        bytes -= min(va, r->end) - max(e.va, r->va);
    }
    return bytes == 0 || task_at(r->task)->is_sigma0; /* it has all, but not all of its pages have been made */
}

static bool in_range(const struct model_leaf *l)
{
    for (unsigned i = 0; i < w.maps.range_count; i++)
        if (w.maps.range[i].task == l->task && l->va < w.maps.range[i].end &&
            l->va + (1ul << l->order) > w.maps.range[i].va)
            return true;
    return false;
}

static bool pages_equal(void)
{
    struct pt_entry e;

    for (unsigned i = 0; i < w.maps.range_count; i++)
        if (host_live(task_at(w.maps.range[i].task)) && !task_at(w.maps.range[i].task)->obj.dead &&
            !range_equal(&w.maps.range[i]))
            return false;
    for (unsigned i = 0; i < w.maps.leaf_count; i++) { /* what was derived from them elsewhere */
        const struct model_leaf *l = &w.maps.leaf[i];

        if (in_range(l) || !host_live(task_at(l->task)) || task_at(l->task)->obj.dead)
            continue;
        if (arch_pt_lookup(&task_at(l->task)->space, l->va, &e) != leaf_expected(l) ||
            (leaf_expected(l) && !page_equal(l, &e)))
            return false;
    }
    return true;
}

static const struct model_port_edge *port_edge(unsigned word, uint64_t from, uint64_t to)
{
    const struct model_ports *p = &w.maps.ports;

    for (unsigned at = p->first[word]; at != 0; at = p->edge[at - 1].next)
        if (p->edge[at - 1].from == from && p->edge[at - 1].to == to)
            return &p->edge[at - 1];
    return NULL;
}

/* The ports of one word. failed: each is where it was, or where it should be, or (on the way) nowhere. */
static bool port_word_equal(unsigned word, bool failed)
{
    const struct model_ports *p = &w.maps.ports;
    word_t found = 0, expected = 0, kept = 0;

    for (unsigned i = 0; i < ports.count; i++) {
        const struct io_edge *e = ports.edge[i];
        const struct model_port_edge *model = port_edge(word, id_of(e->from->task), id_of(e->to->task));
        word_t bits = e->set[word], now = model == NULL ? 0 : model->bits;
        word_t before = model == NULL ? 0 : model->bits_first;
        word_t stays = model == NULL ? 0 : now & before & ~model->lost;

        if ((failed ? bits & ~(now | before) : bits ^ now) || (stays & ~bits) || (bits & e->to->denied[word]))
            return false;
        found += (word_t)__builtin_popcountl(bits);
        kept += (word_t)__builtin_popcountl(stays);
    }
    for (unsigned at = p->first[word]; at != 0; at = p->edge[at - 1].next) {
        expected += (word_t)__builtin_popcountl(p->edge[at - 1].bits);
        kept -= (word_t)__builtin_popcountl(p->edge[at - 1].bits & p->edge[at - 1].bits_first & ~p->edge[at - 1].lost);
    }
    return kept == 0 && (failed || found == expected);
}

static bool ports_equal(bool failed)
{
    w.ports_known = false;
    if (w.maps.ports.word_count > 0)
        ports_find();
    for (unsigned i = 0; i < w.maps.ports.word_count; i++)
        if (!port_word_equal(w.maps.ports.word[i], failed))
            return false;
    return true;
}

/* Have exactly those objects ended? */
static bool lives_equal(void)
{
    for (unsigned i = 0; i < w.maps.life_count; i++) {
        const struct model_life *l = &w.maps.life[i];
        const struct kobj *obj = (const struct kobj *)l->object;

        if (l->object != MODEL_NEW_OBJECT && (life_serial(l) != l->serial || obj->dead) != l->ended)
            return false;
    }
    return true;
}

static const char *step_differs(unsigned step)
{
    model_maps_at(&w.maps, step);
    return !lives_equal() ? "which objects have ended" : !slots_equal() ? "capabilities"
           : !pages_equal() ? "pages" : NULL;
}

/* failed: memory was short at some step, or later. */
static const char *maps_differ(bool failed)
{
    const char *wrong = NULL;

    if (!ports_equal(failed))
        return "ports";
    for (unsigned step = w.maps.step + 1; step-- > 0;) {
        wrong = step_differs(step);
        if (wrong == NULL || !failed)
            return wrong;
    }
    return wrong;
}

static const char *unmap_differs(void)
{
    const struct thread *self = w.self;

    for (unsigned i = 2; w.answered && i < w.words; i++)
        if ((self->utcb->mr[i] & 15u) != w.status[i])
            return "the status of what was unmapped";
    return maps_differ(false);
}

static bool skip(void)
{
    w.unsure += w.maps.unsure;
    return w.maps.unsure;
}

/* What the receiver finds in place of the items. */
static bool back_equal(const struct move *v)
{
    for (unsigned i = 0; v->items.br != NULL && i < v->items.count; i++) {
        const word_t *back = &v->receiver->utcb->mr[v->words + 2 * i];

        if (back[0] != v->items.back[i][0] || (v->items.back_second[i] && back[1] != v->items.back[i][1]))
            return false;
    }
    return true;
}

const char *oracle_map_messages_end(unsigned moves, word_t error, unsigned changed)
{
    if (w.what != MESSAGE || (moves < w.moves && error == 0) || skip())
        return NULL;
    for (unsigned i = 0; i < moves; i++) {
        const struct move *v = &w.move[i];

        w.messages += v->items.count;
        if (host_live(v->receiver) && !(changed >> i & 1) && (i + 1 < moves || error == 0) && !back_equal(v))
            return "a return item";
    }
    return maps_differ(error == L4_IPC_SEND_MAP_FAILED);
}

/* What could not be made has left nothing but an empty page of slots. */
static const char *create_differs(bool done, bool injected)
{
    size_t page = !done && w.self->task != NULL && w.self->task->obj.payer == w.factory ? L4_PAGE_SIZE : 0;

    if (injected && done)
        return "an object although memory was short";
    if (!done && objects_existing() > w.objects)
        return "an object that nobody has";
    if (!done && (w.factory == &root_factory || host_live(w.factory)) &&
        w.factory->quota.used > w.charged + page)
        return "what is charged for an object that was not made";
    return step_differs(done);
}

const char *oracle_map_end(bool injected)
{
    bool failed, done;
    l4_tag tag;

    if (w.what == NOTHING || w.what == MESSAGE || skip())
        return NULL;
    w.compared++;
    if (w.alien || !host_live(w.self) || (w.self->flags & (THREAD_GONE | THREAD_IN_EXCEPTION)))
        return maps_differ(true); /* nobody has the answer: it may have failed */
    tag.raw = frame_tag(&w.self->arch.frame);
    failed = !w.answered || l4_tag_error(tag);
    done = !l4_tag_error(tag) && l4_tag_label(tag) == 0;
    if (w.what == CREATE)
        return create_differs(done, injected);
    if (w.what == UNMAP)
        return unmap_differs();
    if (w.answered && injected && !failed)
        return "success although memory was short";
    return maps_differ(failed);
}

bool oracle_map_decides(void) { return !w.open && (w.what == NOTHING || !w.maps.unsure); }

void oracle_map_nothing(void)
{
    w.what = NOTHING;
    w.open = kobj_work != NULL;
}

bool oracle_map_ended(const struct kobj *obj)
{
    for (unsigned i = 0; w.what != NOTHING && i < w.maps.life_count; i++)
        if (w.maps.life[i].object == id_of(obj))
            return w.maps.life[i].ended;
    return false;
}

static void ports_explain(void)
{
    const struct model_ports *p = &w.maps.ports;

    if (p->word_count > 0)
        ports_find();
    for (unsigned i = 0; i < p->word_count; i++) {
        unsigned word = p->word[i];

        if (port_word_equal(word, false))
            continue;
        for (unsigned at = p->first[word]; at != 0; at = p->edge[at - 1].next)
            fprintf(stderr, "sim:   ports %x of %lx from %lx: were %lx, model %lx\n", word * 64, p->edge[at - 1].to,
                    p->edge[at - 1].from, p->edge[at - 1].bits_first, p->edge[at - 1].bits);
        for (unsigned n = 0; n < ports.count; n++)
            if (ports.edge[n]->set[word] != 0)
                fprintf(stderr, "sim:   ports %x of %lx from %lx: kernel %lx\n", word * 64,
                        id_of(ports.edge[n]->to->task), id_of(ports.edge[n]->from->task), ports.edge[n]->set[word]);
    }
}

void oracle_map_explain(void)
{
    if (w.what == NOTHING)
        return;
    for (unsigned n = 0; w.what == MESSAGE && n < w.moves; n++) {
        const struct move *v = &w.move[n];

        for (unsigned i = 0; i < v->items.count && host_live(v->receiver); i++)
            fprintf(stderr, "sim:   item %lx %lx: return item %lx %lx, model %lx %lx\n", v->items.item[2 * i],
                    v->items.item[2 * i + 1], v->receiver->utcb->mr[v->words + 2 * i],
                    v->receiver->utcb->mr[v->words + 2 * i + 1], v->items.back[i][0], v->items.back[i][1]);
    }
    ports_explain();
    model_maps_at(&w.maps, w.maps.step);
    for (unsigned i = 0; i < w.maps.slot_count; i++) {
        const struct model_slot_of *s = &w.maps.slot[w.maps.used[i]];
        unsigned rights = 0;
        uint64_t object = host_live(task_at(s->task)) ? world_slot(s->task, s->at, &rights) : 0;

        if (s->object != s->object_first || s->rights != s->rights_first || object != s->object)
            fprintf(stderr, "sim:   task %lx slot %x: was %lx rights %x, model %lx rights %x, kernel %lx rights %x\n",
                    s->task, s->at, s->object_first, s->rights_first, s->object, s->rights, object, rights);
    }
    for (unsigned i = 0; i < w.maps.leaf_count; i++) {
        const struct model_leaf *l = &w.maps.leaf[i];
        struct pt_entry e = {0};
        bool there = host_live(task_at(l->task)) && arch_pt_lookup(&task_at(l->task)->space, l->va, &e);

        fprintf(stderr, "sim:   task %lx page %lx order %u -> %lx: was %d rights %x, model %d rights %x status %x, "
                "kernel %d -> %lx rights %x\n", l->task, l->va, l->order, l->pa, l->here_first, l->rights_first,
                leaf_expected(l), l->rights, l->status, there, e.pa, e.rights);
    }
}
