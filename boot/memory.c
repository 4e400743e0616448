/* SPDX-License-Identifier: MIT */
/*
 * Physical memory while the stage runs: the loader's map, and which parts of it are spoken for.
 * Owns both tables. Order of calls: mem_add for every entry of the loader's map, mem_finish, then the rest.
 *
 * M1  After mem_finish RAM regions are sorted, disjoint, apart from each other, and free of every non-RAM entry.
 * M2  What mem_alloc returns is RAM, lies between 1 MiB and 4 GiB, and meets nothing reserved or returned before.
 */
#include "boot.h"

#define REGIONS_MAX     256u
#define RESERVED_MAX    (4 * MODULES_MAX)

struct region {
    struct range r;
    unsigned     type;
};

static struct region region[REGIONS_MAX];
static unsigned region_count;
static struct range reserved[RESERVED_MAX];
static unsigned reserved_count;

static void region_delete(unsigned i)
{
    region_count--;
    memmove(&region[i], &region[i + 1], (region_count - i) * sizeof(region[0]));
}

void mem_add(uint64_t start, uint64_t size, unsigned type)
{
    if (size == 0 || start + size < start)
        return;
    if (region_count == REGIONS_MAX)
        boot_fail("the memory map has more than %u entries", REGIONS_MAX);

    unsigned i = region_count;
    while (i > 0 && region[i - 1].r.start > start)
        i--;
    memmove(&region[i + 1], &region[i], (region_count - i) * sizeof(region[0]));
    region[i] = (struct region){ { start, start + size }, type };
    region_count++;
}

/* Takes r out of every RAM region; a region that is cut in two becomes two. */
static void ram_remove(struct range r)
{
    for (unsigned i = 0; i < region_count; i++) {
        struct range old = region[i].r;
        if (region[i].type != MEM_RAM || old.end <= r.start || old.start >= r.end)
            continue;
        region_delete(i);
        if (old.end > r.end)
            mem_add(r.end, old.end - r.end, MEM_RAM);
        if (old.start < r.start)
            mem_add(old.start, r.start - old.start, MEM_RAM);
        i = ~0u;                        /* the table moved: look again from the start */
    }
}

static void ram_merge(void)
{
    for (unsigned i = 0; i + 1 < region_count;) {
        if (region[i].type == region[i + 1].type && region[i].r.end >= region[i + 1].r.start) {
            if (region[i].r.end < region[i + 1].r.end)
                region[i].r.end = region[i + 1].r.end;
            region_delete(i + 1);
        } else {
            i++;
        }
    }
}

/* RAM at and above max is ignored. Page 0 is not RAM: nobody wants to own the null pointer. */
void mem_finish(uint64_t max)
{
    struct range cut[REGIONS_MAX];
    unsigned cuts = 0;

    for (unsigned i = 0; i < region_count; i++)
        if (region[i].type != MEM_RAM)
            cut[cuts++] = region[i].r;
    for (unsigned i = 0; i < cuts; i++)
        ram_remove(cut[i]);
    ram_remove((struct range){ 0, PAGE_SIZE });
    ram_remove((struct range){ max, ~0ul });
    ram_merge();
}

void mem_reserve(uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    if (reserved_count == RESERVED_MAX)
        boot_fail("more than %u memory ranges in use", RESERVED_MAX);
    reserved[reserved_count++] = (struct range){ start, end };
}

static const struct range *reserved_find(struct range r)
{
    for (unsigned i = 0; i < reserved_count; i++)
        if (reserved[i].start < r.end && r.start < reserved[i].end)
            return &reserved[i];
    return NULL;
}

/* The highest fitting place in one RAM region. */
static bool alloc_down(struct range ram, uint64_t size, uint64_t *start)
{
    uint64_t top = align_down(ram.end, PAGE_SIZE);

    while (top >= size && top - size >= ram.start) {
        const struct range *hit = reserved_find((struct range){ top - size, top });
        if (hit == NULL) {
            *start = top - size;
            return true;
        }
        top = align_down(hit->start, PAGE_SIZE);
    }
    return false;
}

/* The lowest fitting place in one RAM region. */
static bool alloc_up(struct range ram, uint64_t size, uint64_t *start)
{
    uint64_t at = align_up(ram.start, PAGE_SIZE);

    while (at + size <= ram.end) {
        const struct range *hit = reserved_find((struct range){ at, at + size });
        if (hit == NULL) {
            *start = at;
            return true;
        }
        at = align_up(hit->end, PAGE_SIZE);
    }
    return false;
}

/* Whole pages: the highest free ones, or with from != 0 the lowest at or above from. */
bool mem_alloc(uint64_t size, uint64_t from, uint64_t *start)
{
    size = align_up(size, PAGE_SIZE);
    for (unsigned n = 0; n < region_count; n++) {
        unsigned i = from != 0 ? n : region_count - 1 - n;
        struct range ram = region[i].r;
        if (region[i].type != MEM_RAM)
            continue;
        if (ram.start < (from != 0 ? from : MIB))
            ram.start = from != 0 ? from : MIB;
        if (ram.end > 4 * GIB)
            ram.end = 4 * GIB;
        if (ram.start >= ram.end)
            continue;
        if (from != 0 ? alloc_up(ram, size, start) : alloc_down(ram, size, start)) {
            mem_reserve(*start, *start + size);
            return true;
        }
    }
    return false;
}

bool mem_is_ram(struct range r)
{
    for (unsigned i = 0; i < region_count; i++)
        if (region[i].type == MEM_RAM && region[i].r.start <= r.start && r.end <= region[i].r.end)
            return true;
    return false;
}

uint64_t mem_ram_total(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < region_count; i++)
        if (region[i].type == MEM_RAM)
            sum += region[i].r.end - region[i].r.start;
    return sum;
}

unsigned mem_region_count(void)
{
    return region_count;
}

struct range mem_region(unsigned i, unsigned *type)
{
    *type = region[i].type;
    return region[i].r;
}
