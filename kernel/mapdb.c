/* SPDX-License-Identifier: MIT */
/*
 * The mapping database for memory: a tree of struct mapping per root page of sigma0. It knows who derived what from
 * whom; pages themselves change only in leaf_remove and leaf_downgrade. Called by map.c alone.
 *
 *   D1  m->parent == p  <=>  m is on the sibling list that begins at p->child, and *m->link == m.
 *   D2  rights of a child are contained in those of its parent, and its frame lies inside the parent's frame (P2).
 *   D3  m->leaf is the page-table leaf of m->task at mapping_va(m); it has m as its mapping, the same frame and order.
 *
 * Removal goes leaf first, so after every single step the tree is a correct, smaller tree: a preemption point fits
 * between any two of them.
 */
#include "map.h"
#include "memory.h"
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

void mapping_remove(struct mapping *m)
{
    kassert(m->child == NULL);
    if (m->parent != NULL)
        m->parent->pa_flags |= m->pa_flags & MAPPING_STATUS;
    sibling_unlink(m);
    charged_slab_free(m->task->obj.payer, &mapping_slab, m);
}

void mapping_replace(struct mapping *old, struct mapping *new)
{
    kassert(new->child == NULL && new->link == NULL);
    new->parent = old->parent;
    new->next = old->next;
    new->link = old->link;
    if (new->link != NULL)
        *new->link = new;
    if (new->next != NULL)
        new->next->link = &new->next;
    new->child = old->child;
    if (new->child != NULL)
        new->child->link = &new->child;
    for (struct mapping *c = new->child; c != NULL; c = c->next)
        c->parent = new;
    new->pa_flags |= old->pa_flags & MAPPING_STATUS;
    old->parent = old->child = old->next = NULL;
    old->link = NULL;
}

/* ---- the only contact with page tables ---- */

/* Takes a mapping without children away, page and node. Returns the status of the page. */
static unsigned leaf_remove(struct mapping *m)
{
    unsigned status = arch_leaf_remove(&m->task->space, m->leaf, mapping_va(m)) |
                      (unsigned)(m->pa_flags & MAPPING_STATUS);

    m->pa_flags |= status;
    mapping_remove(m);
    return status;
}

/* Takes rights from one mapping. */
static void leaf_downgrade(struct mapping *m, unsigned rights)
{
    if (rights != 0)
        arch_leaf_downgrade(&m->task->space, m->leaf, mapping_va(m), rights);
}

/* Returns the status of the page and of what was removed below it, and leaves it cleared. */
static unsigned leaf_status(struct mapping *m)
{
    unsigned status = arch_leaf_status(&m->task->space, m->leaf, mapping_va(m)) |
                      (unsigned)(m->pa_flags & MAPPING_STATUS);

    m->pa_flags &= ~MAPPING_STATUS;
    return status;
}

/* ---- subtrees ---- */

unsigned mapping_remove_tree(struct mapping *top)
{
    unsigned status = 0;

    for (struct mapping *m = top, *up; m != NULL; m = up) {
        while (m->child != NULL)
            m = m->child;
        up = m == top ? NULL : m->parent;
        status |= leaf_remove(m); /* preemption point behind it: D1-D3 hold */
    }
    return status;
}

unsigned mapping_downgrade_tree(struct mapping *top, unsigned rights)
{
    unsigned status = 0;

    for (struct mapping *m = top;;) {
        leaf_downgrade(m, rights);
        status |= leaf_status(m);
        if (m->child != NULL) {
            m = m->child;
            continue;
        }
        while (m != top && m->next == NULL)
            m = m->parent;
        if (m == top)
            return status;
        m = m->next;
    }
}

unsigned mapping_revoke_children(struct mapping *m, word_t pa_first, word_t pa_last, unsigned rights)
{
    unsigned status = 0;

    for (struct mapping *c = m->child, *next; c != NULL; c = next) {
        next = c->next;
        if (mapping_pa(c) > pa_last || mapping_pa(c) + (1ul << mapping_order(c)) - 1 < pa_first)
            continue;
        status |= rights & L4_MEM_R ? mapping_remove_tree(c) : mapping_downgrade_tree(c, rights);
    }
    m->pa_flags |= status;
    return status;
}

unsigned mapping_revoke(struct mapping *m, unsigned rights)
{
    if (rights & L4_MEM_R)
        return mapping_remove_tree(m);

    unsigned status = mapping_revoke_children(m, 0, ~0ul, rights);
    leaf_downgrade(m, rights);
    status |= leaf_status(m);
    m->pa_flags |= status; /* a query does not clear what the owner himself has */
    return status;
}

/* ---- checks ---- */

void mapping_check_node(const struct mapping *m, const struct pt_entry *e)
{
    kassert(mapping_va(m) == e->va && mapping_pa(m) == e->pa && mapping_order(m) == e->order); /* D3 */
    kassert(m->leaf == e->leaf);
    kassert(m->link == NULL || *m->link == m);                                                 /* D1 */
    kassert((m->parent == NULL) == m->task->is_sigma0);
    if (m->parent != NULL) {
        const struct mapping *p = m->parent;
        struct pt_entry above;
        kassert(arch_pt_lookup(&p->task->space, mapping_va(p), &above) && !(e->rights & ~above.rights)); /* D2 */
        kassert(mapping_order(m) <= mapping_order(p));
        kassert(mapping_pa(m) >= mapping_pa(p));
        kassert(mapping_pa(m) + (1ul << mapping_order(m)) <= mapping_pa(p) + (1ul << mapping_order(p)));
    }
    for (const struct mapping *c = m->child; c != NULL; c = c->next) {
        kassert(c->parent == m);
        kassert(c->next == NULL || c->next->link == &c->next);
    }
}
