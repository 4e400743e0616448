/* SPDX-License-Identifier: MIT */
/*
 * Tasks: creation, the operations map, unmap, cap tests and kernel-user memory, explicit reply capabilities, the end.
 * Destruction removes every mapping and capability, and a dead task gets no new ones; page tables and kernel-user
 * memory stay until the last thread has left, because it may be running on them.
 */
#include "task.h"
#include "factory.h"
#include "ipc.h"
#include "map.h"
#include "operation.h"
#include "smp.h"

struct cap_page cap_page_empty;
static struct slab task_slab, reply_dir_slab;

void task_module_init(void)
{
    slab_init(&task_slab, "task", sizeof(struct task));
    slab_init(&reply_dir_slab, "reply directory", REPLY_PAGES * sizeof(struct reply_slot *));
}

struct task *task_create(struct factory *payer)
{
    struct task *t = charged_slab_alloc(payer, &task_slab);

    if (t == NULL)
        return NULL;
    if (arch_space_init(&t->space, payer) != OK) {
        charged_slab_free(payer, &task_slab, t);
        return NULL;
    }
    kobj_init(&t->obj, &task_ops, KOBJ_TASK, payer);
    list_init(&t->threads);
    list_init(&t->ku_areas);
    for (unsigned p = 0; p < CAP_DIR_PAGES; p++)
        t->cap_pages[p] = &cap_page_empty;
    return t;
}

/* Explicit reply capabilities; nobody is left who could use them. */
static cold_path bool reply_slots_free(struct task *task)
{
    if (task->reply_dir == NULL)
        return true;
    for (unsigned p = 0; p < REPLY_PAGES; p++) {
        struct reply_slot *page = task->reply_dir[p];

        if (page == NULL)
            continue;
        for (unsigned i = 0; i < REPLY_PAGE_SLOTS; i++)
            reply_slot_clear(&page[i]);
        charged_frame_free(task->obj.payer, page, 0);
        task->reply_dir[p] = NULL;
        if (!work_done(280))
            return false;
    }
    charged_slab_free(task->obj.payer, &reply_dir_slab, task->reply_dir);
    task->reply_dir = NULL;
    return true;
}

/* Of a task that lives: its last thread has left. */
static cold_path bool task_destroy(struct kobj *obj)
{
    struct task *t = task_of(obj);

    if (list_empty(&t->threads) && !reply_slots_free(t))
        return false;
    return !obj->dead || (unmap_all(t) && cap_table_destroy(t));
}

static bool task_free(struct kobj *obj)
{
    struct task *t = task_of(obj);

    if (!reply_slots_free(t) || !ku_mem_free_all(t) || !arch_space_free(&t->space, obj->payer, &t->tables_end))
        return false;
    charged_slab_retire(obj->payer, &task_slab, t);
    return true;
}

/* ---- explicit reply capabilities ---- */

struct reply_slot *task_reply_slot(const struct task *task, word_t index)
{
    struct reply_slot *page;

    if (index >= REPLY_PAGES * REPLY_PAGE_SLOTS || task->reply_dir == NULL)
        return NULL;
    index = arch_index(index, REPLY_PAGES * REPLY_PAGE_SLOTS);
    page = task->reply_dir[index / REPLY_PAGE_SLOTS];
    return page == NULL ? NULL : &page[index % REPLY_PAGE_SLOTS];
}

struct reply_slot *task_reply_slot_alloc(struct task *task, word_t index)
{
    struct reply_slot **page;

    if (index >= REPLY_PAGES * REPLY_PAGE_SLOTS)
        return NULL;
    if (task->reply_dir == NULL) {
        task->reply_dir = charged_slab_alloc(task->obj.payer, &reply_dir_slab);
        if (task->reply_dir == NULL)
            return NULL;
    }
    index = arch_index(index, REPLY_PAGES * REPLY_PAGE_SLOTS);
    page = &task->reply_dir[index / REPLY_PAGE_SLOTS];
    if (*page == NULL)
        *page = charged_frame_alloc(task->obj.payer, 0);
    return *page == NULL ? NULL : &(*page)[index % REPLY_PAGE_SLOTS];
}

/* ---- operations ---- */

__attribute__((noinline)) static l4_tag task_map(struct task *t, struct invoke *in)
{
    struct map_request rq = {.to = t, .item = in->utcb->mr[1], .send = {in->utcb->mr[2]}, .window = {L4_FPAGE_ALL},
                             .rights_mask = 15u, .progress = &in->self->progress};
    struct kobj *source;
    unsigned rights;
    int st;

    st = cap_arg(in, KOBJ_TASK, &source, &rights);
    if (st != OK)
        return cap_arg_tag(in, st);
    rq.from = task_of(source);
    if (!(rights & in->rights & L4_RIGHT_S))
        rq.rights_mask &= ~L4_RIGHT_S;
    st = map_fpage(&rq);
    if (unlikely(st == MAP_AGAIN))
        return TAG_AGAIN;
    return st < 0 ? ipc_error_tag(in->utcb, L4_IPC_SEND_MAP_FAILED) : tag_label(0);
}

/* p->status gets the status bits. False: not done yet. */
static inline bool unmap_fpage(struct task *t, l4_fpage fp, word_t mask, struct op_progress *p)
{
    bool self = (mask & L4_UNMAP_SELF) != 0;

    switch (l4_fpage_type(fp)) {
    case L4_FPAGE_MEM:
        return unmap_memory(t, fp, self, p);
    case L4_FPAGE_IO:
        return unmap_io(t, fp, self, p);
    case L4_FPAGE_OBJ:
        return !self || unmap_caps(t, fp, (mask & L4_UNMAP_DELETE) != 0, p);
    default:
        return true;
    }
}

__attribute__((noinline)) static l4_tag task_unmap(struct task *t, struct invoke *in)
{
    word_t *mr = in->utcb->mr, mask = mr[1];
    unsigned words = l4_tag_words(in->tag);
    struct op_progress *p = &in->self->progress;

    for (unsigned i = 2u + p->item; i < words && i < L4_MR_COUNT; i++) {
        if (unlikely(!unmap_fpage(t, (l4_fpage){mr[i]}, mask, p))) {
            p->item = (uint8_t)(i - 2);
            return TAG_AGAIN;
        }
        mr[i] = (mr[i] & ~15ul) | p->status;
        p->status = 0;
        p->at = 0;
        if (i + 1 < words && !work_done(30)) {
            p->item = (uint8_t)(i - 1);
            return TAG_AGAIN;
        }
    }
    return tag_words(0, words);
}

static cold_path bool caps_equal(const struct task *t, word_t a, word_t b)
{
    unsigned compared = L4_RIGHT_W | L4_RIGHT_S;
    unsigned rights_a = 0, rights_b = 0;
    struct kobj *obj_a, *obj_b;

    if (a == b)
        return true;
    if ((a | b) & L4_SEL_SPECIAL)
        return false;
    obj_a = cap_lookup(t, a >> L4_SEL_SHIFT, &rights_a);
    obj_b = cap_lookup(t, b >> L4_SEL_SHIFT, &rights_b);
    if (obj_a != NULL && obj_a->type == KOBJ_GATE)
        compared |= L4_OBJ_SERVER; /* with and without it a gate answers differently */
    return obj_a == obj_b && (rights_a & compared) == (rights_b & compared);
}

__attribute__((noinline)) static l4_tag task_cap_info(struct task *t, struct invoke *in)
{
    const word_t *mr = in->utcb->mr;
    unsigned rights;

    switch (l4_tag_words(in->tag)) {
    case 2:
        return tag_label(!(mr[1] & L4_SEL_SPECIAL) && cap_lookup(t, mr[1] >> L4_SEL_SHIFT, &rights) != NULL);
    case 3:
        return tag_label(caps_equal(t, mr[1], mr[2]));
    default:
        return tag_label(-L4_ERR_INVAL);
    }
}

__attribute__((noinline)) static cold_path l4_tag task_add_ku_mem(struct task *t, struct invoke *in)
{
    word_t *mr = in->utcb->mr;
    unsigned words = l4_tag_words(in->tag);
    struct op_progress *p = &in->self->progress;

    for (unsigned i = 1u + p->item; i < words; i++) {
        l4_fpage fp = {mr[i]};
        status_t st = -L4_ERR_INVAL;

        if (l4_fpage_type(fp) == L4_FPAGE_MEM)
            st = ku_mem_add(t, l4_fpage_start(fp) << L4_PAGE_SHIFT, l4_fpage_order(fp));
        if (st == MAP_AGAIN) {
            p->item = (uint8_t)(i - 1);
            return TAG_AGAIN;
        }
        if (st != OK)
            return tag_label(st);
        if (i + 1 < words && !work_done(5)) {
            p->item = (uint8_t)i;
            return TAG_AGAIN;
        }
    }
    for (unsigned i = 1; i < words; i++) /* the answer last: a window makes the whole system call again */
        mr[i - 1] = mr[i] & ~15ul;
    return tag_words(0, words - 1);
}

#define OPERATIONS_OF_TASK OPERATIONS_MINE
#define OPERATION(handler) task_##handler(t, in)

static l4_tag task_operate(struct kobj *obj, struct invoke *in)
{
    struct task *t = task_of(obj);

    if (l4_tag_label(in->tag) != L4_PROTO_TASK)
        return tag_label(-L4_ERR_BADPROTO);
    if (l4_tag_words(in->tag) == 0)
        return tag_label(-L4_ERR_INVAL);
    switch (operation_key(L4_PROTO_TASK, in->utcb->mr[0])) {
#include <l4/ops.def>
    default:
        return tag_label(-L4_ERR_NOSYS);
    }
}

/* A task executes its operation whatever the phases are. */
static struct thread *task_invoke(struct kobj *obj, struct invoke *in)
{
    in->op |= L4_OP_SEND;
    return kobj_invoke(obj, in);
}

const struct kobj_ops task_ops = {
    .name = "task",
    .answers = true,
    .invoke = task_invoke,
    .operate = task_operate,
    .destroy = task_destroy,
    .free = task_free,
};
