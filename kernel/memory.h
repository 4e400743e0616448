/* SPDX-License-Identifier: MIT */
/*
 * Kernel memory: frames (buddy allocator over one contiguous heap), slabs (objects of one size), quota.
 *
 *   M1  Every allocation on behalf of a user names the factory that pays; quota is taken first, memory second, and
 *       both are given back together (limbo.c: memory may come later).
 *   M2  A failed allocation changes nothing.
 */
#pragma once
#include "base.h"

struct factory;

/* ---- frame.c ---- */
#define FRAME_ORDER_MAX 9u /* largest block: 2 MiB, in powers of 4 KiB pages */

/* Gives the heap [start, end) to the allocator; page aligned kernel addresses. Once, at boot. */
boot_code void frame_init(void *start, void *end);
/* 4 KiB << order bytes, aligned to their size, contents undefined; NULL when there is none. */
void *frame_alloc(unsigned order);
void frame_free(void *page, unsigned order);
size_t frame_free_bytes(void); /* without what is in limbo */
bool frame_fits(unsigned order); /* the next frame_take of that order takes nothing out of limbo */
/* First and last byte that the allocator owns, metadata included. */
void frame_range(word_t *first, word_t *last);
/* Checks every invariant of the allocator (debug and simulation). */
void frame_check(void);

/* Inside the allocators: without fault injection. */
void *frame_take(unsigned order);
/* Freed memory is garbage in debug builds; on arch/host nobody may even touch it. */
#ifdef DEBUG
void memory_poison(void *p, size_t n);
void memory_unpoison(void *p, size_t n);
#else
static inline void memory_poison(void *p, size_t n) { (void)p, (void)n; }
static inline void memory_unpoison(void *p, size_t n) { (void)p, (void)n; }
#endif

/* Handle of a 16-byte aligned heap address in 32 bits; 0 is no address. */
extern char *frame_base;
static inline uint32_t heap_handle(const void *p) { return (uint32_t)((size_t)((const char *)p - frame_base) >> 4); }
static inline void *heap_pointer(uint32_t handle) { return frame_base + ((size_t)handle << 4); }

/* ---- slab.c ---- */
struct slab {
    const char *name;
    uint32_t size;       /* bytes per object, rounded up to 16; aligned to the power of two that divides it, ≤ 64 */
    uint32_t used;       /* objects out, without those in limbo */
    uint32_t order;      /* of its blocks, see frame_alloc */
    struct list partial; /* blocks with free and used objects; empty blocks go back to frame.c */
    struct slab *next;   /* all slabs, for statistics */
};
boot_code void slab_init(struct slab *s, const char *name, size_t size);
/* One zeroed object or NULL; _raw: contents undefined. */
void *slab_alloc(struct slab *s);
void *slab_alloc_raw(struct slab *s);
void slab_free(struct slab *s, void *object);
void slab_check(const struct slab *s);
/* All slabs, linked by next. */
const struct slab *slab_first(void);

/* ---- quota.c ---- */
struct quota {
    size_t limit; /* bytes; ~0 unlimited */
    size_t used;
};
/* Charges the factory; false (nothing changed) when the limit would be exceeded. NULL payer: always granted. */
bool quota_take(struct factory *payer, size_t bytes);
void quota_give(struct factory *payer, size_t bytes);

/* Charged allocations: quota first, memory second; NULL and nothing changed when either fails. */
void *charged_slab_alloc(struct factory *payer, struct slab *s);
void *charged_slab_alloc_raw(struct factory *payer, struct slab *s);
void charged_slab_free(struct factory *payer, struct slab *s, void *object);
void *charged_frame_alloc(struct factory *payer, unsigned order);     /* zeroed */
void *charged_frame_alloc_raw(struct factory *payer, unsigned order); /* contents undefined */
void charged_frame_free(struct factory *payer, void *page, unsigned order);

/* ---- limbo.c, see smp.h ---- */
/* Stops the other CPUs and frees what waits there until there is a block of that order, or nothing is left. Returns
 * whether there is one. */
bool limbo_force(unsigned order);
/* Frees all of it; nobody is in the kernel (tests). */
void limbo_empty(void);

/* Fault injection for tests: the n-th allocation from now fails (0: off). */
extern uint64_t frame_fail_countdown;
static inline bool frame_fail_now(void)
{
    return unlikely(frame_fail_countdown != 0) && --frame_fail_countdown == 0;
}
