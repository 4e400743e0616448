/* SPDX-License-Identifier: MIT */
/*
 * Memory and capability slots of the in-task service.
 *
 * Memory comes in powers of two from 32 bytes to one chunk; a given piece waits in the list of its size. Chunks
 * are first a part of our own zero-filled segment (pages that are never touched cost nothing), then anonymous
 * memory of the outer region map. A new chunk is fetched while there is still room for the node that describes it
 * (see pool_refill). A page is asked for before it is touched: our own pager could not tell us that there is no memory
 * left, it could only leave us stopped.
 */
#include "rm.h"

#define SMALLEST 5u
#define LARGEST 16u
#define CHUNK (1ul << LARGEST)
#define RESERVE 1024u

struct piece {
    struct piece *next;
};
static struct piece *given[LARGEST + 1];
static char first_chunk[CHUNK] __attribute__((aligned(4096), section(".bss.chunk"))); /* placed by rm.ld */
static char *chunk = first_chunk, *chunk_end = first_chunk + CHUNK;
static char *chunk_present = first_chunk; /* pages below it are there */
static int refilling;

static unsigned order_of(size_t size)
{
    unsigned order = SMALLEST;

    while (1ul << order < size)
        order++;
    return order;
}

static void pool_refill(size_t wanted)
{
    l4_addr_t at;

    if ((size_t)(chunk_end - chunk) >= wanted + RESERVE || refilling)
        return;
    refilling = 1;
    if (space_chunk(&at, 2 * CHUNK) == 0) {
        chunk = chunk_present = (char *)at;
        chunk_end = chunk + 2 * CHUNK;
    }
    refilling = 0;
}

bool pool_pages_own(l4_addr_t start, l4_addr_t end, unsigned access)
{
    for (l4_addr_t at = l4_trunc_page(start); at < end; at += L4_PAGESIZE)
        if (outer_fault(at | access, 0) < 0)
            return false;
    return true;
}

static bool chunk_reach(char *end)
{
    while (chunk_present < end) {
        if (!pool_pages_own((l4_addr_t)chunk_present, (l4_addr_t)chunk_present + 1, ACCESS_WRITE))
            return false;
        chunk_present += L4_PAGESIZE;
    }
    return true;
}

void *pool_take(size_t size)
{
    if (size > CHUNK)
        return 0;
    unsigned order = order_of(size);
    struct piece *p = given[order];
    if (p != 0) {
        given[order] = p->next;
    } else {
        pool_refill(1ul << order);
        if ((size_t)(chunk_end - chunk) < 1ul << order || !chunk_reach(chunk + (1ul << order)))
            return 0;
        p = (struct piece *)chunk;
        chunk += 1ul << order;
    }
    memset(p, 0, size);
    return p;
}

void pool_give(void *p, size_t size)
{
    struct piece *piece = p;

    if (p == 0)
        return;
    piece->next = given[order_of(size)];
    given[order_of(size)] = piece;
}

/* ---- capability slots ---- */

static uint16_t slot_free[SLOTS_OWN];
static unsigned slot_count;
static l4_umword_t slot_first;

void slots_init(l4_umword_t first)
{
    slot_first = first;
    for (unsigned i = 0; i < SLOTS_OWN; i++)
        slot_free[i] = (uint16_t)(SLOTS_OWN - 1 - i);
    slot_count = SLOTS_OWN;
}

l4_cap_idx_t slot_take(void)
{
    if (slot_count == 0)
        return CAP_NONE;
    return (slot_first + slot_free[--slot_count]) << L4_CAP_SHIFT;
}

static void slot_put(l4_cap_idx_t slot) { slot_free[slot_count++] = (uint16_t)((slot >> L4_CAP_SHIFT) - slot_first); }

void slot_give(l4_cap_idx_t slot)
{
    if (l4_is_invalid_cap(slot))
        return;
    l4_task_release_cap(L4_BASE_TASK_CAP, slot);
    slot_put(slot);
}

void slot_give_deleted(l4_cap_idx_t slot)
{
    if (l4_is_invalid_cap(slot))
        return;
    l4_task_delete_obj(L4_BASE_TASK_CAP, slot);
    slot_put(slot);
}
