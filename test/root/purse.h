/* SPDX-License-Identifier: MIT */
/*
 * For root tasks that let others do harm: a factory (the purse) that pays for all of it, so that what is not given back
 * shows, and a measure of the free memory of the kernel.
 */
#pragma once
#include "root.h"
#include "tap.h"

#define SLOT_PURSE 0x20u
#define SLOT_PROBE 0x22u
#define SLOT_FILL_FACTORY 0x23u
#define SLOT_FILL_TASK 0x24u
#ifndef PURSE_BYTES
#define PURSE_BYTES (16ul << 20)
#endif
#define FILL_AT 0x6200000000ul

static void pause_ms(unsigned ms) { invoke(L4_SEL_INVALID | L4_OP_RECV, (l4_tag){0}, NULL, 10u << 10 | ms); }

static long factory_make(word_t factory, word_t slot, word_t limit)
{
    receive_into_slot(slot);
    utcb()->mr[0] = (word_t)L4_PROTO_FACTORY;
    utcb()->mr[1] = 0;
    utcb()->mr[2] = limit;
    return call(factory, L4_PROTO_FACTORY, 3, 0);
}

static void delete(word_t slot)
{
    utcb()->mr[0] = L4_OP_TASK_UNMAP;
    utcb()->mr[1] = L4_UNMAP_SELF | L4_UNMAP_DELETE;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw;
    call(L4_SLOT_TASK, L4_PROTO_TASK, 3, 0);
}

static inline void give(word_t task, word_t from, word_t to, unsigned rights)
{
    utcb()->mr[0] = L4_OP_TASK_MAP;
    utcb()->mr[1] = SEL(to) | L4_ITEM_MAP;
    utcb()->mr[2] = l4_fpage_make(L4_FPAGE_OBJ, from, 0, rights).raw;
    put_cap_item(3, L4_SLOT_TASK, 15);
    call(task, L4_PROTO_TASK, 3, 1);
}

static inline long run_thread(word_t slot, word_t priority, word_t cpu)
{
    struct l4_utcb *u = utcb();

    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = 0;
    u->mr[2] = 1ul << cpu;
    u->mr[3] = priority;
    u->mr[4] = 0;
    put_cap_item(5, slot, 15);
    return call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
}

/* Largest sub-factory that fits into the purse. */
static inline word_t purse_left(void)
{
    word_t low = 0, high = PURSE_BYTES;

    while (low < high) {
        word_t middle = (low + high + 1) / 2;

        if (factory_make(SLOT_PURSE, SLOT_PROBE, middle) == 0) {
            delete(SLOT_PROBE);
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

/* The quota comes back when the last killed thread has run for the last time. */
static inline int purse_is_full(word_t full)
{
    for (unsigned tries = 0; tries < 100; tries++) {
        if (factory_make(SLOT_PURSE, SLOT_PROBE, full) == 0) {
            delete(SLOT_PROBE);
            return 1;
        }
        pause_ms(2);
    }
    root_printf("# %lu bytes of quota are not back\n", full - purse_left());
    return 0;
}

/* Bytes of kernel memory that can be had, in blocks of kernel-user memory. */
static inline word_t kernel_free(void)
{
    word_t at = FILL_AT, got = 0;

    if (factory_make(L4_SLOT_FACTORY, SLOT_FILL_FACTORY, 1ul << 40) != 0)
        return 0;
    receive_into_slot(SLOT_FILL_TASK);
    utcb()->mr[0] = (word_t)L4_PROTO_TASK;
    utcb()->mr[1] = utcb()->mr[2] = 0;
    call(SLOT_FILL_FACTORY, L4_PROTO_FACTORY, 3, 0);
    for (unsigned order = 17; order >= 12; order--)
        for (;;) {
            utcb()->mr[0] = L4_OP_TASK_ADD_KU_MEM;
            utcb()->mr[1] = l4_fpage_make(L4_FPAGE_MEM, at >> 12, order, 6).raw;
            if (call(SLOT_FILL_TASK, L4_PROTO_TASK, 2, 0) != 0)
                break;
            got += 1ul << order;
            at += 1ul << order;
        }
    delete(SLOT_FILL_TASK);
    delete(SLOT_FILL_FACTORY);
    return got;
}
