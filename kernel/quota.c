/* SPDX-License-Identifier: MIT */
/*
 * Quota: every allocation for a user is charged to the factory that pays. Quota first, memory second; both are given
 * back together (M1, M2).
 */
#include "factory.h"

static inline __attribute__((always_inline)) bool take(struct factory *payer, size_t bytes)
{
    if (payer == NULL)
        return true;
    struct quota *q = &payer->quota;
    kassert(q->used <= q->limit);
    if (bytes > q->limit - q->used)
        return false;
    q->used += bytes;
    return true;
}

bool quota_take(struct factory *payer, size_t bytes) { return take(payer, bytes); }

void quota_give(struct factory *payer, size_t bytes)
{
    if (payer == NULL)
        return;
    if (knever(payer->quota.used < bytes)) /* more given back than was taken */
        bytes = payer->quota.used;
    payer->quota.used -= bytes;
}

void *charged_slab_alloc_raw(struct factory *payer, struct slab *s)
{
    if (unlikely(!take(payer, s->size)))
        return NULL;
    void *object = slab_alloc_raw(s);
    if (unlikely(object == NULL))
        quota_give(payer, s->size);
    return object;
}

void *charged_slab_alloc(struct factory *payer, struct slab *s)
{
    void *object = charged_slab_alloc_raw(payer, s);

    return object == NULL ? NULL : memset(object, 0, s->size);
}

void charged_slab_free(struct factory *payer, struct slab *s, void *object)
{
    slab_free(s, object);
    quota_give(payer, s->size);
}

void *charged_frame_alloc_raw(struct factory *payer, unsigned order)
{
    if (!quota_take(payer, L4_PAGE_SIZE << order))
        return NULL;
    void *page = frame_alloc(order);
    if (page == NULL)
        quota_give(payer, L4_PAGE_SIZE << order);
    return page;
}

void *charged_frame_alloc(struct factory *payer, unsigned order)
{
    void *page = charged_frame_alloc_raw(payer, order);

    return page == NULL ? NULL : memset(page, 0, L4_PAGE_SIZE << order);
}

void charged_frame_free(struct factory *payer, void *page, unsigned order)
{
    frame_free(page, order);
    quota_give(payer, L4_PAGE_SIZE << order);
}
