/* SPDX-License-Identifier: MIT */
/*
 * Bookkeeping of one address space: which ranges are attached (regions) and which are set aside (areas).
 *
 * Shared by everything that speaks the region-map protocol. It knows ranges, flags and names; it sends no message and
 * takes no memory: the owner supplies the nodes and interprets `object`, `offset` and `client_ref`.
 *
 *   R1  Regions do not overlap one another; areas do not overlap one another.
 *   R2  start and end + 1 are page aligned; end is inclusive, so a region may end at the last address.
 *   R3  A region lies inside [min, max], and either outside every area or wholly inside one.
 *       (Areas are exempt: a fixed area may cover anything.)
 *
 * Every change has two halves: *_place / region_cut_find decide and may fail without changing anything;
 * region_insert / region_cut commit and cannot fail.
 */
#pragma once
#include <l4/types.h>

/* Attach flags; the low 16 bits stay with the region. */
#define REGION_X 0x1u
#define REGION_W 0x2u
#define REGION_R 0x4u
#define REGION_RIGHTS 0x7u
#define REGION_CACHE_MASK 0x30u
#define REGION_KERNEL 0x100u   /* kernel-user memory: the kernel maps it, faults are refused */
#define REGION_PAGER 0x400u    /* faults are passed on to the outer pager */
#define REGION_RESERVED 0x800u /* stays empty: faults are refused */
#define REGION_PRIVATE 0x1000u /* copy on write */
#define REGION_ANON 0x2000u    /* zero-filled memory of the region map's owner */
#define REGION_FLAGS 0xffffu
#define REGION_SEARCH 0x20000u
#define REGION_IN_AREA 0x40000u
#define REGION_EAGER 0x80000u
#define REGION_NO_EAGER 0x100000u
#define REGION_ATTACH_FLAGS \
    (REGION_RIGHTS | REGION_CACHE_MASK | REGION_KERNEL | REGION_PAGER | REGION_RESERVED | REGION_PRIVATE | \
     REGION_ANON | REGION_SEARCH | REGION_IN_AREA | REGION_EAGER | REGION_NO_EAGER)
#define REGION_AREA_FLAGS (REGION_SEARCH | REGION_KERNEL | REGION_RESERVED)

/* Detach flags and result bits. */
#define REGION_DETACH_EXACT 1u
#define REGION_DETACH_OVERLAP 2u /* the whole region that overlaps, not only the part in the range */
#define REGION_DETACHED 0
#define REGION_KEPT 1    /* one end of the region is left */
#define REGION_SPLIT 2   /* both ends are left */
#define REGION_AGAIN 4   /* more regions lie in the range */
#define REGION_UNMAPPED 8 /* the server has already unmapped the range */

#define REGION_NAME_LEN 40u

struct region {
    struct region *left, *right; /* search tree by start; heap by a hash of start */
    word_t start, end;
    uint32_t flags;
    char name[REGION_NAME_LEN + 1];
    word_t offset;     /* of start inside the object */
    word_t backing;    /* the creator's word, handed back by get_info */
    word_t client_ref; /* the client's own name for the object */
    void *object;      /* the owner's; never looked at here */
};

struct region_map {
    struct region *regions, *areas;
    word_t min, max; /* first and last address a region may use */
};

/* A part that is going to be detached: bytes [start, end] of `region`. */
struct region_cut {
    struct region *region;
    word_t start, end;
    int result; /* REGION_DETACHED, KEPT or SPLIT, plus REGION_AGAIN */
};

/* Lowest region (area) that overlaps [start, last], or a null pointer. */
struct region *region_find(const struct region_map *map, word_t start, word_t last);
struct region *region_area_find(const struct region_map *map, word_t start, word_t last);

/* Finds room. 0 and *start (page aligned), or -22 for senseless arguments, or -99 when there is no room. */
int region_place(const struct region_map *map, word_t *start, word_t size, uint32_t flags, unsigned align);
int region_area_place(const struct region_map *map, word_t *start, word_t size, uint32_t flags, unsigned align);

/* Enters a node whose start and end were placed; name is cut to REGION_NAME_LEN. */
void region_insert(struct region_map *map, struct region *r);
void region_area_insert(struct region_map *map, struct region *a);
void region_remove(struct region_map *map, struct region *r);
void region_area_remove(struct region_map *map, struct region *a);
void region_name_set(struct region *r, const char *name, word_t length);

/* What a detach of [addr, addr + size) would take away first. 0, -22 or -2. */
int region_cut_find(const struct region_map *map, word_t addr, word_t size, uint32_t flags, struct region_cut *cut);

/*
 * Takes the part away. REGION_SPLIT needs a spare node for the upper rest (its object is copied from the region: the
 * owner counts the second reference). For REGION_DETACHED the region leaves the map and belongs to the caller again.
 */
void region_cut(struct region_map *map, const struct region_cut *cut, struct region *spare);

static inline word_t region_page_down(word_t a) { return a & ~(L4_PAGE_SIZE - 1); }
static inline word_t region_page_up(word_t a) { return (a + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1); }
