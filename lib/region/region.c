/* SPDX-License-Identifier: MIT */
/* Ranges of one address space; the contract is in region/region.h. The tree is a treap: no balance fields, no recursion
 * deeper than its (logarithmic) height, and the same calls always build the same tree. */
#include <region/region.h>

#define EINVAL_ (-22)
#define ENOENT_ (-2)
#define EADDRNOTAVAIL_ (-99)

/* ---- tree ---- */

static word_t tree_rank(const struct region *r)
{
    word_t x = r->start >> L4_PAGE_SHIFT;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ul;
    x = (x ^ x >> 27) * 0x94d049bb133111ebul;
    return x ^ x >> 31;
}

/* Nodes that start below `key` go to *low, the others to *high. */
static void tree_split(struct region *t, word_t key, struct region **low, struct region **high)
{
    while (t != 0) {
        if (t->start < key) {
            *low = t;
            low = &t->right;
            t = t->right;
        } else {
            *high = t;
            high = &t->left;
            t = t->left;
        }
    }
    *low = 0;
    *high = 0;
}

static void tree_insert(struct region **at, struct region *r)
{
    word_t rank = tree_rank(r);

    while (*at != 0 && tree_rank(*at) >= rank)
        at = r->start < (*at)->start ? &(*at)->left : &(*at)->right;
    struct region *below = *at;
    *at = r;
    tree_split(below, r->start, &r->left, &r->right);
}

static void tree_remove(struct region **at, struct region *r)
{
    while (*at != r)
        at = r->start < (*at)->start ? &(*at)->left : &(*at)->right;
    struct region *a = r->left, *b = r->right;
    while (a != 0 && b != 0) {
        if (tree_rank(a) >= tree_rank(b)) {
            *at = a;
            at = &a->right;
            a = a->right;
        } else {
            *at = b;
            at = &b->left;
            b = b->left;
        }
    }
    *at = a != 0 ? a : b;
    r->left = 0;
    r->right = 0;
}

/* Ends are ordered like starts because ranges do not overlap (R1). */
static struct region *tree_find(struct region *t, word_t start, word_t last)
{
    struct region *best = 0;

    while (t != 0) {
        if (t->end >= start) {
            best = t;
            t = t->left;
        } else {
            t = t->right;
        }
    }
    return best != 0 && best->start <= last ? best : 0;
}

/* ---- looking up ---- */

struct region *region_find(const struct region_map *map, word_t start, word_t last)
{
    return tree_find(map->regions, start, last);
}

struct region *region_area_find(const struct region_map *map, word_t start, word_t last)
{
    return tree_find(map->areas, start, last);
}

/* ---- placing ---- */

/* Rounds to pages; fails on nothing, on wrap-around, and on an alignment that makes no sense for a search. */
static int range_round(word_t *start, word_t *size, uint32_t flags, unsigned align)
{
    word_t rounded = region_page_up(*size);

    if (*size == 0 || rounded == 0)
        return EINVAL_;
    if ((flags & REGION_SEARCH) != 0 && (align < L4_PAGE_SHIFT || align > 63))
        return EINVAL_;
    *start = region_page_down(*start);
    *size = rounded;
    return *start + rounded - 1 < *start ? EINVAL_ : 0;
}

/* Lowest aligned start in [from, last] such that neither a region nor (with areas) an area is in the way. */
static int range_search(const struct region_map *map, word_t *start, word_t size, word_t last, unsigned align,
                        int areas)
{
    word_t mask = (1ul << align) - 1;
    word_t at = *start;

    for (;;) {
        word_t aligned = (at + mask) & ~mask;
        if (aligned < at || aligned > last || last - aligned < size - 1)
            return EADDRNOTAVAIL_;
        const struct region *r = tree_find(map->regions, aligned, aligned + size - 1);
        if (r == 0 && areas)
            r = tree_find(map->areas, aligned, aligned + size - 1);
        if (r == 0) {
            *start = aligned;
            return 0;
        }
        if (r->end == ~0ul)
            return EADDRNOTAVAIL_;
        at = r->end + 1;
    }
}

static int place_in_area(const struct region_map *map, word_t *start, word_t size, uint32_t flags, unsigned align)
{
    const struct region *a = tree_find(map->areas, *start, *start);

    if (a == 0 || (a->flags & REGION_RESERVED) != 0)
        return EADDRNOTAVAIL_;
    word_t last = a->end < map->max ? a->end : map->max;
    if (*start < map->min)
        return EADDRNOTAVAIL_;
    if ((flags & REGION_SEARCH) != 0)
        return range_search(map, start, size, last, align, 0);
    if (*start + size - 1 > last || tree_find(map->regions, *start, *start + size - 1) != 0)
        return EADDRNOTAVAIL_;
    return 0;
}

int region_place(const struct region_map *map, word_t *start, word_t size, uint32_t flags, unsigned align)
{
    int e = range_round(start, &size, flags, align);

    if (e < 0)
        return e;
    if ((flags & REGION_IN_AREA) != 0)
        return place_in_area(map, start, size, flags, align);
    if ((flags & REGION_SEARCH) != 0) {
        if (*start < map->min)
            *start = map->min;
        return range_search(map, start, size, map->max, align, 1);
    }
    word_t last = *start + size - 1;
    if (*start < map->min || last > map->max || tree_find(map->regions, *start, last) != 0 ||
        tree_find(map->areas, *start, last) != 0)
        return EADDRNOTAVAIL_;
    return 0;
}

int region_area_place(const struct region_map *map, word_t *start, word_t size, uint32_t flags, unsigned align)
{
    if ((flags & ~REGION_AREA_FLAGS) != 0)
        return EINVAL_;
    int e = range_round(start, &size, flags, align);
    if (e < 0)
        return e;
    if ((flags & REGION_SEARCH) != 0) {
        if (*start < map->min)
            *start = map->min;
        return range_search(map, start, size, map->max, align, 1);
    }
    return tree_find(map->areas, *start, *start + size - 1) != 0 ? EADDRNOTAVAIL_ : 0;
}

/* ---- entering and leaving ---- */

void region_insert(struct region_map *map, struct region *r) { tree_insert(&map->regions, r); }
void region_area_insert(struct region_map *map, struct region *a) { tree_insert(&map->areas, a); }
void region_remove(struct region_map *map, struct region *r) { tree_remove(&map->regions, r); }
void region_area_remove(struct region_map *map, struct region *a) { tree_remove(&map->areas, a); }

void region_name_set(struct region *r, const char *name, word_t length)
{
    word_t i = 0;

    for (; i < length && i < REGION_NAME_LEN && name[i] != 0; i++)
        r->name[i] = name[i];
    r->name[i] = 0;
}

/* ---- detaching ---- */

int region_cut_find(const struct region_map *map, word_t addr, word_t size, uint32_t flags, struct region_cut *cut)
{
    if (size == 0 || addr + size - 1 < addr)
        return EINVAL_;
    word_t first = region_page_down(addr);
    word_t last = (addr + size - 1) | (L4_PAGE_SIZE - 1);
    struct region *r = tree_find(map->regions, first, last);
    if (r == 0)
        return ENOENT_;
    cut->region = r;
    cut->start = r->start;
    cut->end = r->end;
    if ((flags & REGION_DETACH_OVERLAP) == 0) {
        if (first > r->start)
            cut->start = first;
        if (last < r->end)
            cut->end = last;
    }
    cut->result = (cut->start > r->start) + (cut->end < r->end);
    if (r->end < last && tree_find(map->regions, r->end + 1, last) != 0)
        cut->result |= REGION_AGAIN;
    return 0;
}

void region_cut(struct region_map *map, const struct region_cut *cut, struct region *spare)
{
    struct region *r = cut->region;
    int low = cut->start > r->start, high = cut->end < r->end;

    if (!low && !high) {
        tree_remove(&map->regions, r);
        return;
    }
    if (low && high) {
        *spare = *r;
        spare->start = cut->end + 1;
        spare->offset += spare->start - r->start;
        r->end = cut->start - 1;
        tree_insert(&map->regions, spare);
        return;
    }
    if (low) {
        r->end = cut->start - 1;
        return;
    }
    tree_remove(&map->regions, r);
    r->offset += cut->end + 1 - r->start;
    r->start = cut->end + 1;
    tree_insert(&map->regions, r);
}
