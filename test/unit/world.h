/* SPDX-License-Identifier: MIT */
/* A small world for unit tests of mapping: sigma0 and a few tasks, without threads and without a booted kernel. */
#pragma once
#include "arch/host/host.h"
#include "factory.h"
#include "map.h"
#include "memory.h"
#include "task.h"
#include "whole.h"

#define R L4_MEM_R
#define RW (L4_MEM_R | L4_MEM_W)
#define RX (L4_MEM_R | L4_MEM_X)
#define RWX L4_MEM_RIGHTS

static struct task *sigma0, *a, *b, *c;

static inline void world_start(const struct host_config *config)
{
    host_start_memory(config);
    map_module_init();
    task_module_init();
    root_factory.quota.limit = ~(size_t)0;
    sigma0 = task_create(&root_factory);
    sigma0->is_sigma0 = true;
    a = task_create(&root_factory);
    b = task_create(&root_factory);
    c = task_create(&root_factory);
}

static inline l4_fpage mem(word_t addr, unsigned order, unsigned rights)
{
    return l4_fpage_make(L4_FPAGE_MEM, addr >> L4_PAGE_SHIFT, order, rights);
}

static inline l4_fpage io(unsigned port, unsigned order) { return l4_fpage_make(L4_FPAGE_IO, port, order, RW); }

/* Maps with an explicit window; hot carries the hot spot and the bits of the item. */
static inline int map_window(struct task *from, l4_fpage send, struct task *to, l4_fpage window, word_t hot)
{
    return map_fpage_all((struct map_request){.from = from, .to = to, .item = hot | L4_ITEM_MAP, .send = send,
                                           .window = window, .rights_mask = 15});
}

static inline int map_to(struct task *from, l4_fpage send, struct task *to, word_t hot)
{
    return map_window(from, send, to, (l4_fpage){L4_FPAGE_ALL}, hot);
}

/* Rights at an address, 0: nothing mapped. */
static inline unsigned access_at(const struct task *t, word_t va)
{
    word_t pa;
    unsigned rights;

    return host_translate(&t->space, va, &pa, &rights) ? rights : 0;
}

static inline word_t frame_at(const struct task *t, word_t va)
{
    word_t pa;
    unsigned rights;

    return host_translate(&t->space, va, &pa, &rights) ? pa : ~0ul;
}

static inline unsigned order_at(const struct task *t, word_t va)
{
    struct pt_entry e;

    return arch_pt_lookup(&t->space, va, &e) ? e.order : 0;
}

static inline void world_check(void)
{
    struct task *all[] = {sigma0, a, b, c};

    for (unsigned i = 0; i < 4; i++) {
        mapping_check(all[i]);
        io_check(all[i]);
    }
    frame_check();
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        slab_check(s);
}
