/* SPDX-License-Identifier: MIT */
/*
 * Factories: the only place where kernel objects are created by users. Order: decode and check, create, insert the
 * capability; the last step frees the object again when the slot cannot be made, so that nothing is lost.
 */
#include "factory.h"
#include "ipc.h"
#include "map.h"
#include "objects.h"
#include "smp.h"
#include "task.h"

struct factory root_factory;
static struct slab factory_slab;

#define QUOTA_LIMIT_MAX (1ul << 48) /* more than any machine has: not a number of bytes that somebody means */

void factory_module_init(void)
{
    slab_init(&factory_slab, "factory", sizeof(struct factory));
    kobj_init(&root_factory.obj, &factory_ops, KOBJ_FACTORY, NULL);
    root_factory.obj.boot = true;
    kobj_ref(&root_factory.obj); /* static memory: never freed */
    root_factory.quota.limit = ~0ul;
}

static bool factory_destroy(struct kobj *obj)
{
    (void)obj;
    return true;
}

static bool factory_free(struct kobj *obj)
{
    struct factory *f = factory_of(obj), *parent = obj->payer;
    size_t limit = f->quota.limit;

    kassert(f->quota.used == 0);
    charged_slab_retire(parent, &factory_slab, f);
    quota_give(parent, limit);
    return true;
}

/* Slot index of the caller's first object receive buffer; false: there is none that can be used. */
static bool receive_slot(const struct l4_utcb *utcb, word_t *index)
{
    unsigned at = (unsigned)(utcb->bdr >> L4_BDR_OBJ_SHIFT & L4_BDR_INDEX_MASK);
    word_t item = utcb->br[at];
    l4_fpage window;

    if (item == 0)
        return false;
    if (item & L4_RCV_SINGLE_CAP) {
        *index = item >> L4_SEL_SHIFT;
        return true;
    }
    window.raw = at + 1 < L4_BR_COUNT ? utcb->br[at + 1] : 0;
    if (l4_fpage_type(window) != L4_FPAGE_OBJ)
        return false;
    *index = l4_fpage_start(window);
    return true;
}

/* Each creator answers a tag. When it has stored an object, label 0 and words; else it is the whole answer. */

static l4_tag create_factory(struct factory *f, struct invoke *in, struct kobj **out)
{
    size_t limit = in->utcb->mr[2];
    struct factory *sub;

    if (l4_tag_words(in->tag) < 3)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    if (l4_tag_words(in->tag) > 3 || l4_tag_items(in->tag) != 0)
        return tag_label(-L4_ERR_MSGTOOLONG);
    if (limit == 0 || limit >= QUOTA_LIMIT_MAX || !quota_take(f, limit))
        return tag_label(-L4_ERR_NOMEM);
    sub = charged_slab_alloc(f, &factory_slab);
    if (sub == NULL) {
        quota_give(f, limit);
        return tag_label(-L4_ERR_NOMEM);
    }
    kobj_init(&sub->obj, &factory_ops, KOBJ_FACTORY, f);
    sub->quota.limit = limit;
    *out = &sub->obj;
    return tag_label(0);
}

/* What the caller gets with the object: its capability, said as a return item behind the words. */
static inline l4_tag created(struct invoke *in, l4_tag answer)
{
    in->utcb->mr[l4_tag_words(answer)] = L4_ITEM_MAP | (word_t)L4_FPAGE_OBJ << 4;
    return (l4_tag){answer.raw | l4_tag_make(0, 0, 1, 0).raw};
}

/* The slot that the caller names, after the first time; NULL: it cannot be made. */
static cold_path struct cap *receive_cap(const struct invoke *in)
{
    word_t index;

    return receive_slot(in->utcb, &index) ? cap_slot_alloc(in->self->task, index) : NULL;
}

/* A window's worth of the memory that a new task is to have. */
static cold_path status_t task_memory(struct task *t, struct invoke *in)
{
    l4_fpage ku = {in->utcb->mr[2]};
    status_t st = ku_mem_add(t, l4_fpage_start(ku) << L4_PAGE_SHIFT, l4_fpage_order(ku));

    if (st == OK)
        in->utcb->mr[0] = ku.raw & ~15ul;
    else if (st != MAP_AGAIN)
        kobj_destroy(&t->obj);
    return st;
}

/* The capability first, the rest of the memory after windows: nobody has to keep the task for the thread. */
static cold_path l4_tag task_begun(struct task *t, struct invoke *in)
{
    struct cap *slot = receive_cap(in);

    if (slot == NULL) {
        kobj_destroy(&t->obj);
        return tag_label(-L4_ERR_NOMEM);
    }
    cap_remove(slot, true);
    cap_insert(slot, &t->obj, CAP_ALL_RIGHTS);
    in->self->progress.at = (word_t)(uintptr_t)t;
    return TAG_AGAIN;
}

/* After a window. Is another object in the slot now, or none, nothing is left to do. */
static cold_path l4_tag task_go_on(struct invoke *in)
{
    const struct cap *slot = receive_cap(in);
    struct kobj *obj = slot == NULL ? NULL : cap_obj(slot);
    status_t st = OK;

    if (obj != NULL && obj->type == KOBJ_TASK && (word_t)(uintptr_t)task_of(obj) == in->self->progress.at)
        st = task_memory(task_of(obj), in);
    return st == MAP_AGAIN ? TAG_AGAIN : st == OK ? created(in, tag_words(0, 1)) : tag_label(st);
}

static l4_tag create_task(struct factory *f, struct invoke *in, struct kobj **out)
{
    struct task *t;
    status_t st;

    if (l4_tag_words(in->tag) < 3)
        return tag_label(-L4_ERR_INVAL);
    if (unlikely(in->self->progress.again))
        return task_go_on(in);
    t = task_create(f);
    if (t == NULL)
        return tag_label(-L4_ERR_NOMEM);
    st = in->utcb->mr[2] == 0 ? OK : task_memory(t, in);
    if (unlikely(st != OK))
        return st == MAP_AGAIN ? task_begun(t, in) : tag_label(st);
    *out = &t->obj;
    return tag_words(0, in->utcb->mr[2] == 0 ? 0 : 1);
}

static l4_tag create_gate(struct factory *f, struct invoke *in, struct kobj **out)
{
    struct thread *thread = NULL;
    struct gate *g;
    word_t label = 0;

    if (l4_tag_items(in->tag) != 0) {
        unsigned at = l4_tag_words(in->tag);
        const word_t *item = &in->utcb->mr[at];
        struct kobj *obj;
        word_t cap;

        if (at < 3)
            return tag_label(-L4_ERR_MSGTOOSHORT);
        if (at + 2 > L4_MR_COUNT || item[0] == 0 || l4_fpage_type((l4_fpage){item[1]}) != L4_FPAGE_OBJ)
            return tag_label(-L4_ERR_INVAL);
        cap = cap_raw(in->self->task, l4_fpage_start((l4_fpage){item[1]}));
        obj = (struct kobj *)((int64_t)cap >> 8);
        if (obj == NULL || obj->type != KOBJ_THREAD)
            return tag_label(-L4_ERR_INVAL);
        if (!(cap & L4_RIGHT_S))
            return tag_label(-L4_ERR_PERM);
        label = in->utcb->mr[2];
        if (label & 3u)
            return tag_label(-L4_ERR_INVAL);
        thread = thread_of(obj);
    }
    g = gate_create(f, thread, label);
    if (g == NULL)
        return tag_label(-L4_ERR_NOMEM);
    *out = &g->obj;
    return tag_label(0);
}

/* The object, new and without a capability; label 0, or why not. */
static l4_tag create_object(struct factory *f, struct invoke *in, struct kobj **out)
{
    long kind = (long)in->utcb->mr[0];
    struct thread *t;
    struct irq *i;
    struct sem *s;

    if (kind == L4_PROTO_THREAD) { /* what is made most often first */
        t = thread_create(f);
        *out = t == NULL ? NULL : &t->obj;
        return tag_label(t == NULL ? -L4_ERR_NOMEM : 0);
    }
    if (kind == L4_PROTO_NONE || kind == L4_PROTO_KOBJECT)
        return create_gate(f, in, out);
    switch (kind) {
    case L4_PROTO_TASK:
        return create_task(f, in, out);
    case L4_PROTO_FACTORY:
        return create_factory(f, in, out);
    case L4_PROTO_IRQ_SENDER:
        i = irq_create(f);
        *out = i == NULL ? NULL : &i->base.obj;
        break;
    case L4_PROTO_SEMAPHORE:
        s = sem_create(f);
        *out = s == NULL ? NULL : &s->base.obj;
        break;
    default:
        return tag_label(-L4_ERR_NODEV);
    }
    return tag_label(*out == NULL ? -L4_ERR_NOMEM : 0);
}

static l4_tag factory_operate(struct kobj *obj, struct invoke *in)
{
    struct factory *f = factory_of(obj);
    struct kobj *made = NULL;
    struct cap *slot;
    word_t index;
    l4_tag answer;

    if (l4_tag_label(in->tag) != L4_PROTO_FACTORY)
        return tag_label(-L4_ERR_BADPROTO);
    if (!(in->op & L4_OP_RECV))
        return tag_label(0);
    if (!(in->rights & L4_RIGHT_S))
        return tag_label(-L4_ERR_PERM);
    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_MSGTOOSHORT);
    if (!receive_slot(in->utcb, &index))
        return ipc_error_tag(in->utcb, L4_IPC_RECV_OVERFLOW);
    answer = create_object(f, in, &made);
    if (made == NULL)
        return answer;
    slot = cap_slot_alloc(in->self->task, index);
    if (slot == NULL) {
        kobj_destroy(made);
        return tag_label(-L4_ERR_NOMEM);
    }
    cap_remove(slot, true);
    cap_insert(slot, made, CAP_ALL_RIGHTS);
    return created(in, answer);
}

const struct kobj_ops factory_ops = {
    .name = "factory",
    .answers = true,
    .invoke = kobj_invoke,
    .operate = factory_operate,
    .destroy = factory_destroy,
    .free = factory_free,
};
