/* SPDX-License-Identifier: MIT */
/*
 * The accounts: who pays for what. Everything that has been allocated is found in the heap itself, whoever can still
 * name it or not, and charged anew to the factory that the description says; the sum of each factory must be what its
 * quota says, and no byte of the heap may be anybody's who is not known.
 *
 *   a thread, its FPU state; a gate, IRQ, semaphore      the factory it was made with
 *   a factory: itself and its whole limit                the one it was made with
 *   a task, its page tables, pages of slots, kernel-user memory, ports, reply capabilities; nodes of its pages: the
 *                                                        factory the task was made with
 *
 * The layout of a block of slab.c and of the page states of frame.c is known here: both say so in their heads.
 */
#include "factory.h"
#include "map.h"
#include "memory.h"
#include "objects.h"
#include "sim.h"
#include "task.h"
#include <stdio.h>
#include <string.h>

#define ACCOUNTS 128u
#define STATE_USED 0x80u
#define STATE_ORDER 0x0fu
#define HEAD_SIZE 64u
#define TABLE_PRESENT 1ul
#define TABLE_LARGE 0x80ul
#define TABLE_ADDR 0x000ffffffffff000ul

struct block_head {
    struct list link;
    const struct slab *slab;
};

static struct account {
    const struct factory *factory;
    size_t bytes;
    bool seen; /* the factory itself */
} accounts[ACCOUNTS];
static unsigned account_count;
static size_t frames;      /* bytes of all that is no slab's */
static size_t frames_boot; /* of these, what the kernel has made for itself at its start */
static bool started;

static struct account *account_of(const struct factory *f)
{
    unsigned i = 0;

    while (i < account_count && accounts[i].factory != f)
        i++;
    if (i == ACCOUNTS)
        kpanic("the simulator has too many factories", __FILE__, __LINE__);
    if (i == account_count)
        accounts[account_count++] = (struct account){.factory = f};
    return &accounts[i];
}

static void charge(const struct factory *f, size_t bytes)
{
    if (f != NULL)
        account_of(f)->bytes += bytes;
}

static void charge_frame(const struct factory *f, unsigned order)
{
    charge(f, L4_PAGE_SIZE << order);
    frames += L4_PAGE_SIZE << order;
}

/* ---- what a task has ---- */

static void tables_charge(const struct factory *payer, const word_t *table, unsigned entries, unsigned level)
{
    for (unsigned i = 0; i < entries; i++) {
        if (!(table[i] & TABLE_PRESENT) || (level < 4 && table[i] & TABLE_LARGE))
            continue;
        charge_frame(payer, 1); /* with the nodes of its pages */
        if (level > 2)
            tables_charge(payer, (const word_t *)(host_memory + (table[i] & TABLE_ADDR)), 512, level - 1);
    }
}

static size_t slab_size(const char *name)
{
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        if (strcmp(s->name, name) == 0)
            return s->size;
    kpanic("there is no such slab", __FILE__, __LINE__);
}

static void task_charge(const struct task *t)
{
    const struct factory *payer = t->obj.payer;

    charge_frame(payer, 0);
    tables_charge(payer, (const word_t *)(host_memory + t->space.root_pa), 256, 4);
    for (unsigned p = 0; p < CAP_DIR_PAGES; p++)
        if (t->cap_pages[p] != &cap_page_empty)
            charge_frame(payer, 0);
    for (unsigned p = 0; t->reply_dir != NULL && p < REPLY_PAGES; p++)
        if (t->reply_dir[p] != NULL)
            charge_frame(payer, 0);
    if (t->reply_dir != NULL)
        charge(payer, slab_size("reply directory"));
    for (const struct list *l = t->ku_areas.next; l != &t->ku_areas; l = l->next) {
        charge(payer, slab_size("ku_area"));
        charge_frame(payer, container_of(l, const struct ku_area, link)->order - L4_PAGE_SHIFT);
    }
}

/* ---- everything that has been allocated ---- */

static void object_charge(const struct slab *s, void *object)
{
    if (strcmp(s->name, "thread") == 0) {
        const struct thread *t = object;

        charge(t->obj.payer, s->size + (t->arch.fpu != NULL ? slab_size("fpu") : 0));
    } else if (strcmp(s->name, "task") == 0) {
        charge(((struct task *)object)->obj.payer, s->size);
        task_charge(object);
    } else if (strcmp(s->name, "factory") == 0) {
        const struct factory *f = object;

        charge(f->obj.payer, s->size + f->quota.limit);
        account_of(f)->seen = true;
    } else if (strcmp(s->name, "gate") == 0) {
        charge(((struct gate *)object)->obj.payer, s->size);
    } else if (strcmp(s->name, "irq") == 0) {
        charge(((struct irq *)object)->base.obj.payer, s->size);
    } else if (strcmp(s->name, "semaphore") == 0) {
        charge(((struct sem *)object)->base.obj.payer, s->size);
    } else if (strcmp(s->name, "mapping") == 0) {
        charge(((struct mapping *)object)->task->obj.payer, s->size);
    } else if (strcmp(s->name, "io_space") == 0) {
        charge(((struct io_space *)object)->task->obj.payer, s->size);
        charge_frame(((struct io_space *)object)->task->obj.payer, 1);
    } else if (strcmp(s->name, "io_edge") == 0) {
        charge(((struct io_edge *)object)->to->task->obj.payer, s->size);
        charge_frame(((struct io_edge *)object)->to->task->obj.payer, 1);
    } /* else it was charged with a task or a thread */
}

/* The slab whose block this is, or NULL. */
static const struct slab *slab_of(const void *block)
{
    const struct slab *s = slab_first();

    while (s != NULL && s != ((const struct block_head *)block)->slab)
        s = s->next;
    return s;
}

static size_t blocks_charge(void)
{
    size_t used = 0;
    word_t first, last;
    const uint8_t *state;

    frame_range(&first, &last);
    state = (const uint8_t *)first;
    for (size_t i = 0; i <= (last - (word_t)frame_base) / L4_PAGE_SIZE; i++) {
        char *block = frame_base + i * L4_PAGE_SIZE;
        size_t bytes = L4_PAGE_SIZE << (state[i] & STATE_ORDER);
        const struct slab *s;

        if (!(state[i] & STATE_USED))
            continue;
        s = slab_of(block);
        used += s == NULL ? bytes : 0;
        for (size_t at = HEAD_SIZE; s != NULL && at + s->size <= bytes; at += s->size)
            if (host_live(block + at))
                object_charge(s, block + at);
    }
    return used;
}

/* Nothing may be in limbo: its quota has been given back. */
void audit(void)
{
    size_t used;

    memset(accounts, 0, account_count * sizeof *accounts);
    account_count = 0;
    frames = 0;
    account_of(&root_factory)->seen = true;
    used = blocks_charge();
    if (!started)
        frames_boot = used - frames;
    started = true;
    for (unsigned i = 0; i < account_count; i++) {
        const struct account *a = &accounts[i];

        if (a->seen && a->bytes == a->factory->quota.used)
            continue;
        fprintf(stderr, "sim: factory %p: %zu bytes in use, %zu charged\n", (const void *)a->factory, a->bytes,
                a->seen ? a->factory->quota.used : 0);
        kpanic("a factory does not pay what is made of it", __FILE__, __LINE__);
    }
    if (used - frames == frames_boot)
        return;
    fprintf(stderr, "sim: %zu bytes in use, %zu of them known\n", used, frames + frames_boot);
    kpanic("memory that nobody has", __FILE__, __LINE__);
}
