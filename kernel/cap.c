/* SPDX-License-Identifier: MIT */
/*
 * Capability tables: lookup, insertion and removal of single slots. capmap.c maps ranges of them.
 * A slot is empty when its raw word is 0. Pages of slots are made on demand, charged to the task's factory, and live
 * as long as the task.
 */
#include "factory.h"
#include "ipc.h"
#include "smp.h"
#include "task.h"

struct cap *cap_slot(const struct task *task, word_t index)
{
    struct cap_page *page;

    if (index >= CAP_SLOTS)
        return NULL;
    index = arch_index(index, CAP_SLOTS);
    page = task->cap_pages[index / CAP_PAGE_SLOTS];
    return page == &cap_page_empty ? NULL : &page->slot[index % CAP_PAGE_SLOTS];
}

static cold_path struct cap_page *cap_page_make(struct task *task, word_t index)
{
    struct cap_page *made;

    /* A deleted task has no table any more. With a new one a thread left in it could hold itself and its factory,
     * out of everybody's reach. */
    if (task->obj.dead)
        return NULL;
    made = charged_frame_alloc(task->obj.payer, 0);
    if (made == NULL)
        return NULL;
    work_left -= 30;
    task->cap_pages[index / CAP_PAGE_SLOTS] = made;
    if (index / CAP_PAGE_SLOTS >= task->cap_pages_end)
        task->cap_pages_end = (uint16_t)(index / CAP_PAGE_SLOTS + 1);
    return made;
}

struct cap *cap_slot_alloc(struct task *task, word_t index)
{
    struct cap_page *page;

    if (index >= CAP_SLOTS)
        return NULL;
    index = arch_index(index, CAP_SLOTS);
    page = task->cap_pages[index / CAP_PAGE_SLOTS];
    if (unlikely(page == &cap_page_empty)) {
        page = cap_page_make(task, index);
        if (page == NULL)
            return NULL;
    }
    return &page->slot[index % CAP_PAGE_SLOTS];
}

struct kobj *cap_lookup(const struct task *task, word_t index, unsigned *rights)
{
    word_t raw = cap_raw(task, index);

    struct kobj *obj = (struct kobj *)((int64_t)raw >> 8);

    *rights = (unsigned)(raw & 0xffu);
    if (obj == NULL || likely(!obj->dead))
        return obj;
    *rights = 0; /* O1 */
    return NULL;
}

struct kobj *cap_lookup_selector(struct thread *self, word_t selector, unsigned *rights)
{
    if (unlikely(selector & L4_SEL_SPECIAL)) {
        *rights = L4_RIGHT_W | L4_RIGHT_S;
        return &self->obj;
    }
    return cap_lookup(self->task, selector >> L4_SEL_SHIFT, rights);
}

/* Modulo 2^64: a gate's server can set the count to anything. */
static int64_t kobj_count(struct kobj *obj, int64_t change)
{
    obj->counted = (int64_t)((uint64_t)obj->counted + (uint64_t)change);
    return obj->counted;
}

void cap_insert(struct cap *slot, struct kobj *obj, unsigned rights)
{
    uint32_t handle = heap_handle(slot);

    kassert(slot->raw == 0 && !obj->dead);
    slot->raw = (word_t)(uintptr_t)obj << 8 | rights | L4_RIGHT_R;
    slot->prev = 0;
    slot->next = obj->slots;
    if (obj->slots != 0)
        ((struct cap *)heap_pointer(obj->slots))->prev = handle;
    obj->slots = handle;
    if (!(rights & L4_OBJ_WEAK))
        kobj_count(obj, 1);
}

void cap_remove(struct cap *slot, bool del)
{
    struct kobj *obj = cap_obj(slot);
    unsigned rights = cap_rights(slot);
    bool last = false;

    if (slot->raw == 0)
        return;
    if (slot->prev != 0)
        ((struct cap *)heap_pointer(slot->prev))->next = slot->next;
    else
        obj->slots = slot->next;
    if (slot->next != 0)
        ((struct cap *)heap_pointer(slot->next))->prev = slot->prev;
    *slot = (struct cap){0};
    if (!(rights & L4_OBJ_WEAK))
        last = kobj_count(obj, -1) <= 0;
    /* O4: a gate's count may have been made larger by its server; nobody can name the object, all the same. */
    last = (last || obj->slots == 0) && !obj->boot;
    if (last || (del && (rights & L4_RIGHT_D)))
        kobj_destroy(obj);
}

void cap_revoke(struct cap *slot, unsigned rights)
{
    slot->raw &= ~(word_t)(rights & (L4_RIGHT_W | L4_RIGHT_S | L4_RIGHT_D));
}

cold_path bool cap_table_destroy(struct task *task)
{
    for (; task->cap_pages_end > 0; task->cap_pages_end--) {
        struct cap_page **page = &task->cap_pages[task->cap_pages_end - 1];

        if (*page == &cap_page_empty)
            continue;
        for (unsigned i = 0; i < CAP_PAGE_SLOTS; i++) {
            struct cap *slot = &(*page)->slot[i];

            if (slot->raw == 0)
                continue;
            cap_remove(slot, true);
            if (!work_done(3))
                return false;
        }
        charged_page_retire(task->obj.payer, *page);
        *page = &cap_page_empty;
        if (!work_done(100))
            return false;
    }
    return true;
}

__attribute__((noinline)) int cap_arg(const struct invoke *in, enum kobj_type type, struct kobj **obj, unsigned *rights)
{
    unsigned mr = l4_tag_words(in->tag);
    l4_fpage fp;
    struct kobj *found;

    if (l4_tag_items(in->tag) == 0 || mr + 2 > L4_MR_COUNT || in->utcb->mr[mr] == 0)
        return -L4_ERR_INVAL;
    fp.raw = in->utcb->mr[mr + 1];
    if (l4_fpage_type(fp) != L4_FPAGE_OBJ)
        return L4_IPC_SEND_OVERFLOW;
    found = cap_lookup(in->self->task, l4_fpage_start(fp), rights);
    if (found == NULL || found->type != type)
        return -L4_ERR_INVAL;
    *obj = found;
    return OK;
}
