/* SPDX-License-Identifier: MIT */
/*
 * Tasks: an address space, an I/O space, a capability table, kernel-user memory, and the threads that run in them.
 */
#pragma once
#include "arch/arch.h"
#include "kobj.h"
#include "memory.h"
#include "thread.h"

struct io_space; /* iospace.c */

/* One piece of kernel-user memory; kumem.c owns the list. */
struct ku_area {
    struct list link; /* ku_areas of the task */
    word_t user;      /* first user address */
    char *kernel;     /* the same memory in the kernel */
    unsigned order;
    unsigned pages;   /* so many of them are there already */
};

/* Explicit reply capabilities: a directory of pages of slots, made on demand. */
#define REPLY_PAGE_SLOTS (L4_PAGE_SIZE / sizeof(struct reply_slot))
#define REPLY_PAGES 512u

struct task {
    struct kobj obj;
    struct arch_space space;
    struct reply_slot **reply_dir;  /* NULL until the first explicit open wait */
    struct list ku_areas;
    struct io_space *io;            /* iospace.c */
    struct list threads;            /* by task_link */
    struct op_progress progress;       /* of the removal of its mappings */
    word_t tables_end;              /* page tables below this address are freed */
    bool is_sigma0;
    uint16_t cap_pages_end;         /* pages from here on are all empty */
    struct cap_page *cap_pages[CAP_DIR_PAGES]; /* &cap_page_empty: no such page yet */
};
static inline struct task *task_of(struct kobj *obj) { return container_of(obj, struct task, obj); }

/* Stands for every page of slots that does not exist: all slots empty, never written. */
extern struct cap_page cap_page_empty;
/* What is in a slot (struct cap), 0 for an empty one or none. */
static inline word_t cap_raw(const struct task *task, word_t index)
{
    if (unlikely(index >= CAP_SLOTS))
        return 0;
    index = arch_index(index, CAP_SLOTS);
    return task->cap_pages[index / CAP_PAGE_SLOTS]->slot[index % CAP_PAGE_SLOTS].raw;
}
/* The slot of that index, if there is one, loses what it has (unmapping with the R right). */
static inline void cap_unmap(struct task *task, word_t index, bool del)
{
    if (index < CAP_SLOTS) {
        index = arch_index(index, CAP_SLOTS);
        cap_remove(&task->cap_pages[index / CAP_PAGE_SLOTS]->slot[index % CAP_PAGE_SLOTS], del);
    }
}
boot_code void task_module_init(void);
/* Invariants of the task, its capabilities, mappings and threads (check.c). */
void task_check(const struct task *task);
/* All of it but its address space. */
void task_check_objects(const struct task *task);
struct task *task_create(struct factory *payer);
extern const struct kobj_ops task_ops;
/* Explicit reply slot; allocates; NULL: out of range or no memory. */
struct reply_slot *task_reply_slot_alloc(struct task *task, word_t index);
/* The same without allocation. */
struct reply_slot *task_reply_slot(const struct task *task, word_t index);
