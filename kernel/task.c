/* SPDX-License-Identifier: MIT */
/*
 * Tasks: creation, the operations map, unmap, cap tests and kernel-user memory, explicit reply capabilities, the end.
 * Destruction removes every mapping and capability at once; page tables and kernel-user memory stay until the last
 * thread has left, because it may be running on them.
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
    for (unsigned p = 0; p < CAP_DIR_PAGES; p++)
        t->cap_pages[p] = &cap_page_empty;
    return t;
}

static void task_destroy(struct kobj *obj)
{
    struct task *t = task_of(obj);

    unmap_all(t);
    cap_table_destroy(t);
}

static void task_free(struct kobj *obj)
{
    struct task *t = task_of(obj);

    /* Threads may have got mappings and capabilities between destruction and their own end. */
    unmap_all(t);
    cap_table_destroy(t);
    task_thread_left(t);
    ku_mem_free_all(t);
    arch_space_free(&t->space, obj->payer);
    charged_slab_retire(obj->payer, &task_slab, t);
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

void task_thread_left(struct task *task)
{
    if (task->reply_dir == NULL)
        return;
    for (unsigned p = 0; p < REPLY_PAGES; p++) {
        struct reply_slot *page = task->reply_dir[p];

        if (page == NULL)
            continue;
        for (unsigned i = 0; i < REPLY_PAGE_SLOTS; i++)
            reply_slot_clear(&page[i]);
        charged_frame_free(task->obj.payer, page, 0);
    }
    charged_slab_free(task->obj.payer, &reply_dir_slab, task->reply_dir);
    task->reply_dir = NULL;
}

/* ---- operations ---- */

__attribute__((noinline)) static l4_tag task_map(struct task *t, struct invoke *in)
{
    struct map_request rq = {.to = t, .item = in->utcb->mr[1], .send = {in->utcb->mr[2]}, .window = {L4_FPAGE_ALL},
                             .rights_mask = 15u};
    struct kobj *source;
    unsigned rights;
    int st;

    st = cap_arg(in, 0, KOBJ_TASK, &source, &rights);
    if (st != OK)
        return cap_arg_tag(in, st);
    rq.from = task_of(source);
    if (!(rights & in->rights & L4_RIGHT_S))
        rq.rights_mask &= ~L4_RIGHT_S;
    if (map_fpage(&rq) < 0)
        return ipc_error_tag(in->utcb, L4_IPC_SEND_MAP_FAILED);
    return tag_label(0);
}

/* Answers the status bits. */
static inline unsigned unmap_fpage(struct task *t, l4_fpage fp, word_t mask)
{
    bool self = (mask & L4_UNMAP_SELF) != 0;

    switch (l4_fpage_type(fp)) {
    case L4_FPAGE_MEM:
        return unmap_memory(t, fp, self);
    case L4_FPAGE_IO:
        unmap_io(t, fp, self);
        return 0;
    case L4_FPAGE_OBJ:
        if (self)
            unmap_caps(t, fp, (mask & L4_UNMAP_DELETE) != 0);
        return 0;
    default:
        return 0;
    }
}

__attribute__((noinline)) static l4_tag task_unmap(struct task *t, struct invoke *in)
{
    word_t *mr = in->utcb->mr, mask = mr[1];
    unsigned words = l4_tag_words(in->tag);

    for (unsigned i = 2; i < words && i < L4_MR_COUNT; i++)
        mr[i] = (mr[i] & ~15ul) | unmap_fpage(t, (l4_fpage){mr[i]}, mask);
    return tag_words(0, words);
}

static bool caps_equal(const struct task *t, word_t a, word_t b)
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

__attribute__((noinline)) static l4_tag task_add_ku_mem(struct task *t, struct invoke *in)
{
    word_t *mr = in->utcb->mr;
    unsigned words = l4_tag_words(in->tag);

    for (unsigned i = 1; i < words; i++) {
        l4_fpage fp = {mr[i]};
        status_t st = -L4_ERR_INVAL;

        if (l4_fpage_type(fp) == L4_FPAGE_MEM)
            st = ku_mem_add(t, l4_fpage_start(fp) << L4_PAGE_SHIFT, l4_fpage_order(fp));
        if (st != OK)
            return tag_label(st);
        mr[i - 1] = fp.raw & ~15ul;
    }
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
