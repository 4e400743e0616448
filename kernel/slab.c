/* SPDX-License-Identifier: MIT */
/*
 * Slabs: objects of one size, packed into blocks of frame.c. The head of a block names its slab and counts its free
 * objects; objects that were never used are taken in order, so a new block needs no initialisation.
 *
 *   S1  a block with at least one free object and at least one used is on slab->partial; a full one on no list; an
 *       empty one has gone back to frame.c.
 *   S2  used = sum over blocks of (capacity - free objects).
 */
#include "memory.h"

struct slab_block {
    struct list link;     /* on slab->partial while not full */
    struct slab *slab;
    void *free;           /* objects that were given back, linked through their first word */
    uint16_t fresh;       /* objects from here on were never used */
    uint16_t out;         /* objects in use */
    uint16_t capacity;
};
#define HEAD_SIZE 64u
_Static_assert(sizeof(struct slab_block) <= HEAD_SIZE, "objects of a slab are aligned to 64 bytes at most");

static struct slab *slabs;

static size_t block_bytes(const struct slab *s) { return L4_PAGE_SIZE << s->order; }
static struct slab_block *block_of(const struct slab *s, void *object)
{
    return (struct slab_block *)((size_t)object & ~(block_bytes(s) - 1));
}
static char *block_object(const struct slab_block *b, unsigned i)
{
    return (char *)b + HEAD_SIZE + (size_t)i * b->slab->size;
}

void slab_init(struct slab *s, const char *name, size_t size)
{
    s->name = name;
    s->size = (uint32_t)((size + 15u) & ~15ul);
    s->order = 0;
    s->used = 0;
    /* At most an eighth of a block is lost behind the last object, or the block is 32 KiB. */
    while (s->order < 3 && (block_bytes(s) < s->size + HEAD_SIZE ||
                            (block_bytes(s) - HEAD_SIZE) % s->size > block_bytes(s) / 8))
        s->order++;
    kassert(s->size + HEAD_SIZE <= block_bytes(s));
    list_init(&s->partial);
    s->next = slabs;
    slabs = s;
}

const struct slab *slab_first(void) { return slabs; }

static cold_path struct slab_block *block_new(struct slab *s)
{
    struct slab_block *b = frame_take(s->order);

    if (b == NULL) /* but an object may have come back from limbo */
        return list_empty(&s->partial) ? NULL : list_first(&s->partial, struct slab_block, link);
    b->slab = s;
    b->free = NULL;
    b->fresh = 0;
    b->out = 0;
    b->capacity = (uint16_t)((block_bytes(s) - HEAD_SIZE) / s->size);
    list_push_front(&s->partial, &b->link);
    memory_poison((char *)b + HEAD_SIZE, block_bytes(s) - HEAD_SIZE);
    return b;
}

void *slab_alloc_raw(struct slab *s)
{
    struct slab_block *b;
    void *object;

    if (frame_fail_now())
        return NULL;
    if (likely(!list_empty(&s->partial)))
        b = list_first(&s->partial, struct slab_block, link);
    else if ((b = block_new(s)) == NULL)
        return NULL;

    if (b->free != NULL) {
        object = b->free;
        memory_unpoison(object, s->size);
        b->free = *(void **)object;
    } else {
        object = block_object(b, b->fresh++);
        memory_unpoison(object, s->size);
    }
    b->out++;
    if (b->out == b->capacity)
        list_remove(&b->link);
    s->used++;
    return object;
}

void *slab_alloc(struct slab *s)
{
    void *object = slab_alloc_raw(s);

    return object == NULL ? NULL : memset(object, 0, s->size);
}

void slab_free(struct slab *s, void *object)
{
    struct slab_block *b = block_of(s, object);

    kassert(b->slab == s && b->out > 0);
    kassert(((size_t)((char *)object - (char *)b) - HEAD_SIZE) % s->size == 0);
    if (b->out == b->capacity)
        list_push_front(&s->partial, &b->link);
    s->used--;
    if (unlikely(--b->out == 0)) {
        list_remove(&b->link);
        memory_unpoison(b, block_bytes(s));
        frame_free(b, s->order);
        return;
    }
    memory_poison(object, s->size);
    memory_unpoison(object, sizeof(void *));
    *(void **)object = b->free;
    b->free = object;
}

void slab_check(const struct slab *s)
{
    for (const struct list *l = s->partial.next; l != &s->partial; l = l->next) {
        const struct slab_block *b = container_of(l, const struct slab_block, link);
        unsigned free_objects = (unsigned)(b->capacity - b->fresh);
        kassert(b->slab == s);
        for (void *o = b->free; o != NULL; o = *(void **)o) {
            kassert(block_of(s, o) == b);
            free_objects++;
            kassert(free_objects <= b->capacity);
        }
        kassert(b->out > 0 && b->out < b->capacity); /* S1 */
        kassert(free_objects + b->out == b->capacity); /* S2 */
    }
}
