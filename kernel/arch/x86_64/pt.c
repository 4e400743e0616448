/* SPDX-License-Identifier: MIT */
/*
 * Page tables: four levels of 512 entries; leaves of 4 KiB, 2 MiB and (where the CPU has them) 1 GiB. Owns the tables
 * of a space and nothing else; rights, mappings and who may have what are map.c's affair. arch/host compiles this file
 * too and walks the tables in software.
 *
 *   T1  Every table below the root is an order-1 block: the table, and behind it the companion, which holds for entry i
 *       the mapping that made leaf i. A companion entry means something only while the entry is a present leaf.
 *   T2  The upper half of a root is a copy of space_upper and never changes.
 *   T3  A table stays until the space is freed, also when it has become empty.
 *   T4  Whoever takes rights or status bits from a leaf flushes it before returning.
 *   T5  An entry that is not present is 0 (the processor might read ahead at an address that is left in it).
 */
#include "arch.h"
#include "preempt.h"
#include "smp.h"

#define PTE_PRESENT 0x1ul
#define PTE_WRITE 0x2ul
#define PTE_USER 0x4ul
#define PTE_PWT 0x8ul
#define PTE_PCD 0x10ul
#define PTE_ACCESSED 0x20ul
#define PTE_DIRTY 0x40ul
#define PTE_LARGE 0x80ul
#define PTE_KU 0x200ul /* free for software: kernel-user memory */
#define PTE_NX (1ul << 63)
#define PTE_ADDR 0x000ffffffffff000ul

#define TABLE_ENTRIES 512u
#define TABLE_TOP 4u
#define ROOT_USER_ENTRIES 256u

static word_t *table_at(word_t pa) { return (word_t *)(ARCH_DIRECT_BASE + pa); }
static word_t *root_of(const struct arch_space *s) { return table_at(s->root_pa); }
/* The mapping of an entry: as far behind it as a table is long (T1). */
static struct mapping **companion_of(word_t *entry) { return (struct mapping **)(entry + TABLE_ENTRIES); }
static unsigned level_order(unsigned level) { return 3u + 9u * level; } /* 12, 21, 30, 39 */
static unsigned level_index(word_t va, unsigned level) { return (unsigned)(va >> level_order(level)) & 511u; }
static bool entry_is_leaf(word_t e, unsigned level) { return level == 1 || (e & PTE_LARGE); }

static word_t cache_bits(unsigned cache)
{
    return cache == L4_ITEM_UNCACHED ? PTE_PCD | PTE_PWT : cache == L4_ITEM_BUFFERED ? PTE_PCD : 0;
}

static unsigned bits_cache(word_t e)
{
    return !(e & PTE_PCD) ? L4_ITEM_CACHED : e & PTE_PWT ? L4_ITEM_UNCACHED : L4_ITEM_BUFFERED;
}

static word_t right_bits(unsigned rights)
{
    return PTE_PRESENT | PTE_USER | (rights & L4_MEM_W ? PTE_WRITE : 0) | (rights & L4_MEM_X ? 0 : PTE_NX);
}

static word_t *entry_below(word_t entry, word_t va, unsigned order)
{
    return table_at(entry & PTE_ADDR) + (va >> order & (TABLE_ENTRIES - 1));
}

/* The present leaf that covers va and its order, or NULL. Written out level by level: it runs for every page that is
 * mapped or unmapped. */
static inline __attribute__((always_inline)) word_t *leaf_find(const struct arch_space *s, word_t va, unsigned *order)
{
    const word_t more = PTE_PRESENT, kind = PTE_PRESENT | PTE_LARGE;
    word_t *entry = root_of(s) + (va >> 39 & (TABLE_ENTRIES - 1));

    *order = 30;
    if (!(*entry & PTE_PRESENT))
        return NULL;
    entry = entry_below(*entry, va, 30);
    if (likely((*entry & kind) == more)) {
        *order = 21;
        entry = entry_below(*entry, va, 21);
        if (likely((*entry & kind) == more)) {
            *order = 12;
            entry = entry_below(*entry, va, 12);
        }
    }
    return *entry & PTE_PRESENT ? entry : NULL;
}

static inline __attribute__((always_inline)) void entry_describe(word_t *leaf, unsigned order, word_t va,
                                                                 struct pt_entry *out)
{
    word_t e = *leaf;

    out->va = va & ~0ul << order;
    out->pa = e & PTE_ADDR & ~0ul << order;
    out->order = order;
    out->rights = L4_MEM_R | (e & PTE_WRITE ? L4_MEM_W : 0) | (e & PTE_NX ? 0 : L4_MEM_X);
    out->cache = bits_cache(e);
    out->ku = (e & PTE_KU) != 0;
    out->mapping = *companion_of(leaf);
    out->leaf = leaf;
}

status_t arch_space_init(struct arch_space *s, struct factory *payer)
{
    word_t *root = charged_frame_alloc_raw(payer, 0);

    if (root == NULL)
        return -L4_ERR_NOMEM;
    memset(root, 0, ROOT_USER_ENTRIES * sizeof *root);
    memcpy(root + ROOT_USER_ENTRIES, space_upper, ROOT_USER_ENTRIES * sizeof *root);
    s->root_pa = (word_t)root - ARCH_DIRECT_BASE;
    s->io_bitmap = NULL;
    arch_pcid_take(s);
    return OK;
}

/* Frees the tables below a table, from address *at on: a window's worth of them; true: all. */
static cold_path bool tables_free(word_t *table, unsigned entries, unsigned level, struct factory *payer, word_t *at)
{
    word_t size = 1ul << level_order(level), base = *at & -(size << 9);

    work_left -= (int)entries / 4; /* for those that are empty */
    for (word_t *entry = table + level_index(*at, level), *end = table + entries; entry != end; entry++) {
        word_t e = *entry, va;

        if (likely(e == 0) || !(e & PTE_PRESENT) || entry_is_leaf(e, level))
            continue;
        va = base + (word_t)(entry - table) * size;
        if (*at < va)
            *at = va;
        if (level > 2 && !tables_free(table_at(e & PTE_ADDR), TABLE_ENTRIES, level - 1, payer, at))
            return false;
        *entry = 0;
        charged_frame_free(payer, table_at(e & PTE_ADDR), 1);
        *at = va + size;
        if (!work_done(25) && entry + 1 != end)
            return false;
    }
    return true;
}

bool arch_space_free(struct arch_space *s, struct factory *payer, word_t *at)
{
    word_t *root = root_of(s);

    arch_space_unload(s);
    if (!tables_free(root, ROOT_USER_ENTRIES, TABLE_TOP, payer, at))
        return false;
    charged_page_retire(payer, root); /* a CPU may be about to load another one */
    arch_pcid_give(s);
    s->root_pa = 0;
    return true;
}

static inline __attribute__((always_inline)) bool lookup(const struct arch_space *s, word_t va, struct pt_entry *out)
{
    unsigned order;
    word_t *leaf = leaf_find(s, va, &order);

    if (leaf == NULL)
        return false;
    entry_describe(leaf, order, va, out);
    return true;
}

bool arch_pt_lookup(const struct arch_space *s, word_t va, struct pt_entry *out) { return lookup(s, va, out); }

/* Nothing is at va: on to the next leaf. */
static cold_path bool leaf_behind(const struct arch_space *s, word_t va, word_t end, struct pt_entry *out)
{
    while (va < end) {
        word_t from = va;
        word_t *table = root_of(s);
        unsigned level = TABLE_TOP;
        unsigned i = level_index(va, level);

        while (table[i] & PTE_PRESENT) {
            if (entry_is_leaf(table[i], level)) {
                entry_describe(&table[i], level_order(level), va, out);
                return true;
            }
            table = table_at(table[i] & PTE_ADDR);
            i = level_index(va, --level);
        }
        /* A hole: on to the next present entry of this table, or from the root again behind it. */
        do
            va = (va | ((1ul << level_order(level)) - 1)) + 1;
        while (++i < TABLE_ENTRIES && va < end && !(table[i] & PTE_PRESENT));
        if (!work_done(2 + (int)((va - from) >> level_order(level))))
            break;
    }
    out->va = va < end ? va : end;
    return false;
}

bool arch_pt_search(const struct arch_space *s, word_t va, word_t end, struct pt_entry *out)
{
    return likely(lookup(s, va, out)) || leaf_behind(s, va, end, out);
}

cold_path bool arch_pt_next(const struct arch_space *s, word_t va, word_t end, struct pt_entry *out)
{
    for (; va < end; va = out->va)
        if (arch_pt_search(s, va, end, out))
            return true;
    return false;
}

unsigned arch_page_orders(const unsigned **orders)
{
    static const unsigned all[] = {12, 21, 30};

    *orders = all;
    return arch_has_1g_pages ? 3 : 2;
}

unsigned arch_pt_order_at(const struct arch_space *s, word_t va, unsigned order)
{
    const word_t *table = root_of(s);
    unsigned level = TABLE_TOP;

    while (level > 1) {
        word_t e = table[level_index(va, level)];
        if (!(e & PTE_PRESENT) || entry_is_leaf(e, level))
            break;
        table = table_at(e & PTE_ADDR);
        level--;
    }
    if (level > 3)
        level = 3;
    if (level == 3 && !arch_has_1g_pages)
        level = 2;
    while (level > 1 && level_order(level) > order)
        level--;
    return level_order(level);
}

/* A new table below the entry; returns what the entry is then, 0: no memory or quota. */
static cold_path word_t table_make(word_t *entry, struct factory *payer)
{
    word_t *table = charged_frame_alloc_raw(payer, 1);

    if (table == NULL)
        return 0;
    memset(table, 0, L4_PAGE_SIZE); /* the companion needs no initial value */
    work_left -= 30;
    return *entry = ((word_t)table - ARCH_DIRECT_BASE) | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED;
}

word_t *arch_pt_place(struct arch_space *s, struct factory *payer, word_t va, unsigned order)
{
    word_t *entry = root_of(s) + (va >> 39 & (TABLE_ENTRIES - 1));

    for (unsigned o = 30; o >= order; o -= 9) {
        word_t e = *entry;
        if (unlikely(!(e & PTE_PRESENT))) {
            e = table_make(entry, payer);
            if (e == 0)
                return NULL;
        } else if (unlikely(e & PTE_LARGE)) {
            return entry;
        }
        entry = entry_below(e, va, o);
    }
    return entry;
}

void arch_leaf_set(word_t *leaf, const struct pt_entry *e)
{
    kassert(!(*leaf & PTE_PRESENT));
    *companion_of(leaf) = e->mapping;
    *leaf = e->pa | right_bits(e->rights) | cache_bits(e->cache) | (e->order > L4_PAGE_SHIFT ? PTE_LARGE : 0) |
            (e->ku ? PTE_KU : 0);
}

status_t arch_pt_insert(struct arch_space *s, struct factory *payer, const struct pt_entry *e)
{
    word_t *leaf = arch_pt_place(s, payer, e->va, e->order);

    if (leaf == NULL)
        return -L4_ERR_NOMEM;
    arch_leaf_set(leaf, e);
    return OK;
}

void arch_pt_update(struct arch_space *s, const struct pt_entry *e)
{
    unsigned order;
    word_t *leaf = leaf_find(s, e->va, &order);

    if (knever(leaf == NULL || order != e->order))
        return;
    word_t old = *leaf, entry;
    do /* another CPU may set the status bits at this moment */
        entry = (old & ~(PTE_WRITE | PTE_NX | PTE_PCD | PTE_PWT)) | right_bits(e->rights) | cache_bits(e->cache);
    while (!__atomic_compare_exchange_n(leaf, &old, entry, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    *companion_of(leaf) = e->mapping;
    if (entry != old)
        arch_tlb_flush_page(s, e->va);
}

static unsigned entry_status(word_t e)
{
    return (e & PTE_ACCESSED ? 1u : 0) | (e & PTE_DIRTY ? 2u : 0);
}

unsigned arch_leaf_remove(struct arch_space *s, word_t *leaf, word_t va)
{
    word_t old = __atomic_exchange_n(leaf, 0, __ATOMIC_RELAXED);

    kassert(old & PTE_PRESENT);
    arch_tlb_flush_page(s, va);
    return entry_status(old);
}

unsigned arch_pt_remove(struct arch_space *s, word_t va)
{
    unsigned order;
    word_t *leaf = leaf_find(s, va, &order);

    if (knever(leaf == NULL || (va & ((1ul << order) - 1)) != 0))
        return 0;
    return arch_leaf_remove(s, leaf, va);
}

unsigned arch_leaf_status(struct arch_space *s, word_t *leaf, word_t va)
{
    unsigned status = entry_status(__atomic_fetch_and(leaf, ~(PTE_ACCESSED | PTE_DIRTY), __ATOMIC_RELAXED));

    if (status != 0)
        arch_tlb_flush_page(s, va);
    return status;
}

void arch_leaf_downgrade(struct arch_space *s, word_t *leaf, word_t va, unsigned rights)
{
    word_t old = *leaf, entry;

    do { /* another CPU may set the status bits at this moment */
        entry = old;
        if (rights & L4_MEM_W)
            entry &= ~PTE_WRITE;
        if (rights & L4_MEM_X)
            entry |= PTE_NX;
    } while (!__atomic_compare_exchange_n(leaf, &old, entry, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    if (entry != old)
        arch_tlb_flush_page(s, va);
}
