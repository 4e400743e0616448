/* SPDX-License-Identifier: MIT */
/*
 * The mapping database for memory: a tree of struct mapping per root page of sigma0. It knows who derived what from
 * whom; pages themselves change only in leaf_remove and leaf_downgrade. Called by map.c alone.
 *
 *   D1  m->parent == p  <=>  m is on the sibling list that begins at p->child, and *m->link == m.
 *   D2  rights of a child are contained in those of its parent, and its frame lies inside the parent's frame (P2).
 *   D3  m->leaf is the page-table leaf of m->task at mapping_va(m); it has m as its mapping, the same frame and order.
 *
 * Pages are removed children first; other rights are taken from parents first: from whom has lost one nobody can derive
 * it any more. So after every single step the tree is correct, but that D2 waits for a walk that was stopped:
 * interrupts are let in between any two of them (preempt.h).
 *
 *   D4  A walk that was stopped (walk of a CPU, `at` not NULL) has top and at marked MAPPING_WALK, and at lies below
 *       top: who removes a marked mapping moves the walks on that stand there. Without its top one begins again.
 */
#include "cpu.h"
#include "factory.h"
#include "map.h"
#include "memory.h"
#include "smp.h"
#include "task.h"

static struct slab mapping_slab;

void mapdb_init(void) { slab_init(&mapping_slab, "mapping", sizeof(struct mapping)); }

static void sibling_link(struct mapping *m, struct mapping *parent)
{
    m->parent = parent;
    m->next = NULL;
    m->link = NULL;
    if (parent == NULL)
        return;
    m->next = parent->child;
    m->link = &parent->child;
    if (m->next != NULL)
        m->next->link = &m->next;
    parent->child = m;
}

static void sibling_unlink(struct mapping *m)
{
    if (m->link == NULL)
        return;
    *m->link = m->next;
    if (m->next != NULL)
        m->next->link = m->link;
}

struct mapping *mapping_create(struct task *task, struct mapping *parent, const struct pt_entry *e)
{
    struct mapping *m = charged_slab_alloc_raw(task->obj.payer, &mapping_slab);

    if (m == NULL)
        return NULL;
    m->task = task;
    m->va_order = e->va | e->order;
    m->pa_flags = e->pa;
    m->child = NULL;
    m->leaf = e->leaf;
    sibling_link(m, parent);
    return m;
}

/* m, which has no children, goes. A walk of some CPU that stands there goes on behind it: if it began again, who maps
 * and unmaps could keep it from ever being done. One below m is over. */
static cold_path void walks_leave(const struct mapping *m)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        struct map_walk *w = &cpus[i]->walk;

        if (w->top == m) {
            w->at = NULL;
        } else if (w->at == m) {
            w->up = m->next == NULL;
            w->at = w->up ? m->parent : m->next;
            w->at->pa_flags |= MAPPING_WALK;
        }
    }
}

void mapping_remove(struct mapping *m)
{
    kassert(m->child == NULL);
    if (unlikely(m->pa_flags & MAPPING_WALK))
        walks_leave(m);
    if (m->parent != NULL)
        m->parent->pa_flags |= m->pa_flags & MAPPING_STATUS;
    sibling_unlink(m);
    charged_slab_free(m->task->obj.payer, &mapping_slab, m);
}

bool mapping_move(struct mapping *m, struct task *to, const struct pt_entry *e)
{
    if (!quota_take(to->obj.payer, mapping_slab.size))
        return false;
    quota_give(m->task->obj.payer, mapping_slab.size);
    m->task = to;
    m->va_order = e->va | e->order;
    m->leaf = e->leaf;
    return true;
}

/* ---- the only contact with page tables ---- */

/* Not R. Returns the status of the page. */
static cold_path unsigned weaken(struct mapping *m, unsigned rights)
{
    m->pa_flags &= ~MAPPING_STATUS;
    if (rights != 0)
        arch_leaf_downgrade(&m->task->space, m->leaf, mapping_va(m), rights);
    return arch_leaf_status(&m->task->space, m->leaf, mapping_va(m));
}

/* Takes rights from one mapping, R: the page and the node, which has no children any more. The status of the page,
 * and of what was removed below it, is left at top and in p->status, and is cleared here. */
static void revoke(struct mapping *m, unsigned rights, struct mapping *top, struct op_progress *p)
{
    word_t status = m->pa_flags & MAPPING_STATUS;

    if (rights & L4_MEM_R) {
        status |= arch_leaf_remove(&m->task->space, m->leaf, mapping_va(m));
        m->pa_flags |= status;
        mapping_remove(m);
    } else {
        status |= weaken(m, rights);
        top->pa_flags |= status; /* a query does not clear what the owner himself has */
    }
    p->status |= (uint8_t)status;
}

/* ---- subtrees ---- */

static cold_path bool walk_stop(struct mapping *top, struct mapping *at, bool up, struct op_progress *p)
{
    cpu_self()->walk = (struct map_walk){.top = top, .at = at, .of = p, .up = up};
    top->pa_flags |= MAPPING_WALK;
    at->pa_flags |= MAPPING_WALK;
    p->walking = true;
    return false;
}

/* What is walked next, perhaps below the same mapping, has not been seen. */
static cold_path void walk_over(struct op_progress *p)
{
    p->walking = false;
    for (unsigned i = 0; i < cpu_count; i++) /* where it has been on the way */
        if (cpus[i]->walk.of == p)
            cpus[i]->walk.at = NULL;
}

/* Derived from no frame in [pa_first, pa_last]. */
static inline bool outside(const struct mapping *m, word_t pa_first, word_t pa_last)
{
    return mapping_pa(m) > pa_last || mapping_pa(m) + (1ul << mapping_order(m)) - 1 < pa_first;
}

/* All below top. remove_all: also what is derived from them meanwhile, because top is removed afterwards. */
static cold_path bool walk(struct mapping *top, word_t pa_first, word_t pa_last, unsigned rights, bool remove_all,
                           struct op_progress *p)
{
    struct map_walk *w = &cpu_self()->walk;
    struct mapping *m = top, *next;
    bool up = false;

    if (p->walking && w->of == p && w->top == top && w->at != NULL) {
        m = w->at;
        up = w->up;
    }
    for (;; m = next) {
        bool other = m->parent == top && m != top && outside(m, pa_first, pa_last);
        int units = 1;

        if (!up && m != top && !other && !(rights & L4_MEM_R)) {
            revoke(m, rights, top, p);
            units = 6;
        }
        if (m->child != NULL && !other && (!up || (m == top ? remove_all : (rights & L4_MEM_R) != 0))) {
            next = m->child;
            up = false;
        } else if (m == top) {
            walk_over(p);
            return true;
        } else {
            up = m->next == NULL;
            next = up ? m->parent : m->next;
            if (!other && (rights & L4_MEM_R)) {
                revoke(m, rights, top, p);
                units = 6;
            }
        }
        if (!work_done(units)) /* D1-D3 hold */
            return walk_stop(top, next, up, p);
    }
}

/* All below top, which loses other rights than R itself before them. */
static cold_path bool walk_from(struct mapping *top, word_t pa_first, word_t pa_last, unsigned rights, bool self,
                                struct op_progress *p)
{
    if (self && !(rights & L4_MEM_R))
        revoke(top, rights, top, p);
    return walk(top, pa_first, pa_last, rights, self && (rights & L4_MEM_R), p);
}

bool mapping_revoke(struct mapping *top, word_t pa_first, word_t pa_last, unsigned rights, bool self,
                    struct op_progress *p)
{
    struct mapping *only = top->child;

    if (only != NULL) {
        if (likely(only->next == NULL && only->child == NULL && !outside(only, pa_first, pa_last)))
            revoke(only, rights, top, p);
        else if (!walk_from(top, pa_first, pa_last, rights, self, p))
            return false;
    }
    if (self)
        revoke(top, rights, top, p);
    return true;
}

/* ---- checks ---- */

static bool walk_stands(void)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i]->walk.at != NULL)
            return true;
    return false;
}

void mapping_check_node(const struct mapping *m, const struct pt_entry *e)
{
    kassert(mapping_va(m) == e->va && mapping_pa(m) == e->pa && mapping_order(m) == e->order); /* D3 */
    kassert(m->leaf == e->leaf);
    kassert(m->link == NULL || *m->link == m);                                                 /* D1 */
    kassert((m->parent == NULL) == m->task->is_sigma0);
    if (m->parent != NULL) {
        const struct mapping *p = m->parent;
        struct pt_entry above;
        kassert(arch_pt_lookup(&p->task->space, mapping_va(p), &above));
        kassert(!(e->rights & ~above.rights) || walk_stands()); /* D2 */
        kassert(mapping_order(m) <= mapping_order(p));
        kassert(mapping_pa(m) >= mapping_pa(p));
        kassert(mapping_pa(m) + (1ul << mapping_order(m)) <= mapping_pa(p) + (1ul << mapping_order(p)));
    }
    for (const struct mapping *c = m->child; c != NULL; c = c->next) {
        kassert(c->parent == m);
        kassert(c->next == NULL || c->next->link == &c->next);
    }
}
