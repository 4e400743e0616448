/* SPDX-License-Identifier: MIT */
/*
 * Mapping and unmapping ranges of capability slots. Capabilities are flat: a copy has no parent, so unmapping touches
 * only the named task.
 */
#include "map.h"
#include "task.h"

/* Rights and attributes that arrive at the destination; 0 when nothing may be passed. */
static unsigned caps_passed(const struct map_request *rq, unsigned source)
{
    unsigned rights = source & l4_fpage_rights(rq->send) & rq->rights_mask & 15u;

    if (!(source & l4_fpage_rights(rq->send) & L4_RIGHT_R))
        return 0;
    rights |= L4_RIGHT_R;
    rights |= source & (unsigned)rq->item & (L4_OBJ_SERVER | L4_OBJ_RIGHT2 | L4_OBJ_RIGHT3);
    rights |= (source | (unsigned)rq->item) & L4_OBJ_WEAK;
    return rights;
}

/* One slot. Returns MAP_DONE, MAP_NOTHING (source empty or may not be passed), MAP_FAILED. */
static int caps_map_one(const struct map_request *rq, word_t src, word_t dst)
{
    struct cap *from = cap_slot(rq->from, src), *to;
    struct kobj *obj;
    unsigned rights;

    if (from == NULL || from->raw == 0 || cap_obj(from)->dead)
        return MAP_NOTHING;
    rights = caps_passed(rq, cap_rights(from));
    if (rights == 0)
        return MAP_NOTHING;
    to = cap_slot_alloc(rq->to, dst);
    if (to == NULL)
        return MAP_FAILED;
    obj = cap_obj(from);
    kobj_ref(obj);
    cap_remove(to, true); /* may destroy the object, or be the source itself */
    if (from->raw != 0 && cap_obj(from) == obj && !obj->dead) {
        cap_insert(to, obj, rights);
        if (rq->item & L4_ITEM_GRANT)
            cap_remove(from, false);
    }
    kobj_unref(obj);
    return MAP_DONE;
}

int map_caps(const struct map_request *rq)
{
    bool whole = map_window_is_all(rq->window);
    word_t hot = rq->item >> L4_SEL_SHIFT;
    struct map_window w = map_window_combine(l4_fpage_start(rq->send), l4_fpage_order(rq->send),
                                             whole ? 0 : l4_fpage_start(rq->window),
                                             whole ? L4_FPAGE_WHOLE : l4_fpage_order(rq->window), hot);
    word_t count = w.order >= 16 ? CAP_SLOTS : 1ul << w.order;
    struct op_progress *p = rq->progress;
    bool found = p->found;

    if (!whole && l4_fpage_type(rq->window) != L4_FPAGE_OBJ)
        return MAP_DONE; /* kinds do not match: nothing is mapped, and not marked so */
    for (word_t i = p->at; i < count && w.src + i < CAP_SLOTS && w.dst + i < CAP_SLOTS;) {
        if (cap_slot(rq->from, w.src + i) == NULL) { /* no page: the next candidate is the next page's first slot */
            i += CAP_PAGE_SLOTS - (w.src + i) % CAP_PAGE_SLOTS;
        } else {
            int st = caps_map_one(rq, w.src + i, w.dst + i);
            if (st < 0)
                return st;
            found |= st == MAP_DONE;
            i++;
        }
        if (i < count && !work_done(8)) {
            p->at = i;
            p->found = found;
            return MAP_AGAIN;
        }
    }
    return found ? MAP_DONE : MAP_NOTHING;
}

static inline void slot_unmap(struct cap *slot, unsigned rights, bool del)
{
    if (slot->raw == 0)
        return;
    if (rights & L4_RIGHT_R)
        cap_remove(slot, del);
    else
        cap_revoke(slot, rights);
}

static cold_path bool unmap_many(struct task *task, l4_fpage fp, bool del, struct op_progress *p)
{
    unsigned order = l4_fpage_order(fp), rights = l4_fpage_rights(fp);
    word_t start = l4_fpage_start(fp) & ~((1ul << order) - 1);
    word_t end = order >= 16 ? CAP_SLOTS : start + (1ul << order);

    for (word_t i = p->at > start ? p->at : start; i < end && i < CAP_SLOTS; i++) {
        struct cap *slot = cap_slot(task, i);

        if (slot == NULL)
            i |= CAP_PAGE_SLOTS - 1;
        else
            slot_unmap(slot, rights, del);
        if (i + 1 < end && !work_done(3)) {
            p->at = i + 1;
            return false;
        }
    }
    return true;
}

bool unmap_caps(struct task *task, l4_fpage fp, bool del, struct op_progress *p)
{
    struct cap *slot;

    if (unlikely(l4_fpage_order(fp) != 0))
        return unmap_many(task, fp, del, p);
    slot = cap_slot(task, l4_fpage_start(fp));
    if (slot != NULL)
        slot_unmap(slot, l4_fpage_rights(fp), del);
    return true;
}
