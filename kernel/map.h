/* SPDX-License-Identifier: MIT */
/*
 * Mapping: who gave which memory and I/O ports to whom, so that it can be taken back.
 *
 * A mapping is one page (4 KiB, 2 MiB or 1 GiB) of one task. Mappings of the same memory form a tree whose root is
 * sigma0's. The page table of a task (arch pt) holds, beside each leaf entry, the mapping that made it.
 *   P1  A leaf entry of a page table has a mapping, or is kernel-user memory (then its area), or belongs to sigma0
 *       and was made by a fault of sigma0 itself (a root mapping is then made when somebody derives from it).
 *   P2  rights of a child ⊆ rights of its parent; size of a child ≤ size of its parent; frame inside the parent's.
 *   P3  A mapping's task is not freed while the mapping exists.
 */
#pragma once
#include "base.h"

struct task;
struct kobj;
struct pt_entry;

/* Once at boot, before the first task. */
boot_code void map_module_init(void);

struct mapping {
    struct task *task;
    word_t va_order;  /* virtual address (page aligned) | order in bits 0-5 */
    word_t pa_flags;  /* physical address (page aligned) | status of removed children: bit 0 referenced, 1 dirty; D4 */
    struct mapping *parent;
    struct mapping *child;        /* first child */
    struct mapping *next, **link; /* sibling list; link points to what points here */
    word_t *leaf;                 /* its entry in the task's page table: rights and caching are there */
};
_Static_assert(sizeof(struct mapping) <= 64, "a mapping fits a cache line");
#define MAPPING_STATUS 3ul
#define MAPPING_WALK 4ul
static inline word_t mapping_va(const struct mapping *m) { return m->va_order & ~0xffful; }
static inline unsigned mapping_order(const struct mapping *m) { return (unsigned)(m->va_order & 63u); }
static inline word_t mapping_pa(const struct mapping *m) { return m->pa_flags & ~0xffful; }

/* What a map of one send item into one window did. */
enum map_result {
    MAP_DONE = 0,        /* something was mapped (or kinds did not match: silently nothing, not marked) */
    MAP_NOTHING = 1,     /* no mappable page, port or slot in the source part of the window */
    MAP_AGAIN = 2,       /* not done: to be called again after a window (preempt.h) */
    MAP_FAILED = -L4_ERR_NOMEM
};

/* One map request: the send item with its flexpage, from a task, into a window of a task. */
struct map_request {
    struct task *from, *to;
    word_t item;          /* first word of the send item: hot spot, grant, attributes */
    l4_fpage send;        /* send flexpage */
    l4_fpage window;      /* receive window; L4_FPAGE_ALL: everything of the send flexpage's type */
    unsigned rights_mask; /* object flexpages: rights that the channel lets pass */
    struct op_progress *progress; /* 0 at the start */
};
/* Its rights do not count. */
static inline bool map_window_is_all(l4_fpage window) { return window.raw - L4_FPAGE_ALL < 16; }
/* Dispatches on the type of the send flexpage: memory (map.c), I/O (iospace.c), objects (capmap.c).
 * Mappings made before a failure stay. */
int map_fpage(const struct map_request *rq);
int map_memory(const struct map_request *rq);
int map_io(const struct map_request *rq);
int map_caps(const struct map_request *rq);

/* Window arithmetic of the interface description ("combining a send window and a receive window"); units are bytes,
 * ports or slots. Stores source start, destination start and order of the part that is mapped. */
struct map_window {
    word_t src, dst;
    unsigned order;
};
struct map_window map_window_combine(word_t snd, unsigned snd_order, word_t rcv, unsigned rcv_order, word_t hot);

/* Removes rights (L4_MEM_R in `rights`: whole mapping) from what was derived from the task's pages in the flexpage, and
 * with `self` from the task's own pages too. p->status gets the page status seen: bit 0 referenced, bit 1 dirty. A
 * window's worth of it; true: it is done. */
bool unmap_memory(struct task *task, l4_fpage fp, bool self, struct op_progress *p);
bool unmap_io(struct task *task, l4_fpage fp, bool self, struct op_progress *p);
bool unmap_caps(struct task *task, l4_fpage fp, bool del, struct op_progress *p);

/* Removes everything that a dead task holds in memory and ports, and all that was derived from it. A window's worth. */
bool unmap_all(struct task *task);

/* Maps the page of a fault of sigma0 one to one, the largest size possible. False: no such memory. */
bool map_sigma0_fault(struct task *sigma0, word_t addr);

/* Kernel-user memory: `order` 12..17, start page aligned. OK, MAP_AGAIN, -INVAL, -EXIST, -NOMEM. */
status_t ku_mem_add(struct task *task, word_t start, unsigned order);
/* Kernel address of [addr, addr + size) when it lies in one area of kernel-user memory, else NULL. */
void *ku_mem_lookup(const struct task *task, word_t addr, size_t size);
/* A window's worth of it; true: it is done. */
bool ku_mem_free_all(struct task *task);

void mapping_check(const struct task *task);

/* ---- iospace.c: who has which ports from whom; only its checks look, too ---- */
struct io_edge {
    struct io_space *from, *to;
    struct list out_link, in_link;
    word_t *set;    /* bit set = has the port */
    unsigned words; /* of the set that are not 0 */
};

struct io_space {
    struct task *task;
    word_t *denied; /* also task->space.io_bitmap */
    struct list out, in;
    unsigned out_count, in_count;
    struct io_space *work_next;
    unsigned todo; /* so many edges, the first ones of out, have to be looked at */
    bool working;
};

/* ---- between the files of the mapping database ---- */
boot_code void mapdb_init(void);
boot_code void io_init(void);
boot_code void ku_mem_init(void);
void io_check(const struct task *task);

/* A node for the page e (leaf included) of the task below parent (NULL: a root), charged to the task. NULL: no memory
 * or quota. */
struct mapping *mapping_create(struct task *task, struct mapping *parent, const struct pt_entry *e);
/* Frees a node without children whose page is gone already; its status goes to the parent. */
void mapping_remove(struct mapping *m);
/* m becomes the mapping of another task's page e of the same frame, with its place in the tree. False: no quota. */
bool mapping_move(struct mapping *m, struct task *to, const struct pt_entry *e);
/* Takes rights (R: the whole page) from what was derived from the frames [pa_first, pa_last] of top, children first,
 * and with self from top itself. The status of the pages goes to p->status, and is kept at top. False: not all yet. */
bool mapping_revoke(struct mapping *top, word_t pa_first, word_t pa_last, unsigned rights, bool self,
                    struct op_progress *p);
void mapping_check_node(const struct mapping *m, const struct pt_entry *e);
