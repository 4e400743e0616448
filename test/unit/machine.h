/* SPDX-License-Identifier: MIT */
/*
 * A booted machine for unit tests: sigma0 waits for ever, the test plays the root thread and others that it makes.
 * Threads of the test live in the root task; their UTCBs are in one area of kernel-user memory.
 */
#pragma once
#include "arch/host/host.h"
#include "factory.h"
#include "ipc.h"
#include "main.h"
#include "map.h"
#include "memory.h"
#include "objects.h"
#include "task.h"
#include "whole.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEL(slot) ((word_t)(slot) << L4_SEL_SHIFT)
#define CALL (L4_OP_SEND | L4_OP_RECV)
#define WAIT (L4_OP_RECV | L4_OP_OPEN_WAIT)
#define SELF L4_SEL_INVALID
#define KU_AREA 0x6000000000ul /* 16 pages: UTCBs in the first, the rest for tests */
#define KU_ORDER 16u

static struct thread *root;
static unsigned threads_made;

/* ---- system calls of the current thread ---- */

static inline l4_tag tag_of(const struct thread *t) { return (l4_tag){frame_tag(&t->arch.frame)}; }
static inline long label_of(const struct thread *t) { return l4_tag_label(tag_of(t)); }
static inline word_t error_of(const struct thread *t) { return l4_tag_error(tag_of(t)) ? t->utcb->error : 0; }

static inline void call(word_t slot, long label, unsigned words, unsigned items)
{
    host_syscall(SEL(slot) | CALL, l4_tag_make(label, words, items, 0).raw, 0, 0);
}

/* A call with up to four words and an object in slot `item` (0: none). Returns the label, or 0x10000 | IPC error. */
static inline long call_words(word_t slot, long label, word_t item, unsigned words, word_t w0, word_t w1, word_t w2,
                              word_t w3)
{
    struct thread *self = host_current();
    word_t all[4] = {w0, w1, w2, w3};

    for (unsigned i = 0; i < words; i++)
        self->utcb->mr[i] = all[i];
    if (item != 0) {
        self->utcb->mr[words] = L4_ITEM_MAP;
        self->utcb->mr[words + 1] = l4_fpage_make(L4_FPAGE_OBJ, item, 0, 15).raw;
    }
    call(slot, label, words, item != 0);
    return error_of(self) != 0 ? (long)(0x10000 | error_of(self)) : label_of(self);
}

/* Creates an object in a slot. */
static inline long create(long protocol, word_t slot)
{
    struct l4_utcb *u = host_current()->utcb;

    u->bdr = 0;
    u->br[0] = SEL(slot) | L4_ITEM_MAP | L4_RCV_SINGLE_CAP;
    u->mr[2] = 0;
    return call_words(L4_SLOT_FACTORY, L4_PROTO_FACTORY, 0, 3, (word_t)protocol, 1, 0, 0);
}

static inline void delete_slot(word_t slot)
{
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 3, L4_OP_TASK_UNMAP, L4_UNMAP_SELF | L4_UNMAP_DELETE,
               l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw, 0);
}

/* A copy of a capability in another slot of the root task, with these rights (L4_RIGHT_*, L4_OBJ_*). */
static inline long cap_copy(word_t from, word_t to, unsigned rights)
{
    return call_words(L4_SLOT_TASK, L4_PROTO_TASK, L4_SLOT_TASK, 3, L4_OP_TASK_MAP,
                      SEL(to) | L4_ITEM_MAP | (rights & 0xf0u), l4_fpage_make(L4_FPAGE_OBJ, from, 0, rights).raw, 0);
}

static inline void *ku_at(word_t offset) { return ku_mem_lookup(root->task, KU_AREA + offset, 1); }

static inline struct thread *thread_at(word_t slot)
{
    return thread_of(cap_obj(cap_slot(root->task, slot)));
}

/* map: the CPUs, bit by bit. */
static inline long run_thread_on(word_t slot, word_t map, unsigned prio)
{
    struct l4_utcb *u = host_current()->utcb;

    u->mr[4] = 0;
    u->mr[5] = L4_ITEM_MAP;
    u->mr[6] = l4_fpage_make(L4_FPAGE_OBJ, slot, 0, 15).raw;
    u->mr[0] = L4_OP_SCHED_RUN_THREAD;
    u->mr[1] = 0;
    u->mr[2] = map;
    u->mr[3] = prio;
    call(L4_SLOT_SCHEDULER, L4_PROTO_SCHEDULER, 5, 1);
    return label_of(host_current());
}

static inline long run_thread(word_t slot, unsigned prio) { return run_thread_on(slot, 1, prio); }

/* A thread of the root task in a slot, bound, not started, with pager and handler. */
static inline struct thread *thread_make(word_t slot, word_t pager, word_t handler)
{
    struct l4_utcb *u = host_current()->utcb;

    create(L4_PROTO_THREAD, slot);
    u->mr[0] = L4_OP_THREAD_CONTROL | L4_THREAD_BIND_TASK | L4_THREAD_SET_PAGER | L4_THREAD_SET_HANDLER;
    u->mr[1] = SEL(pager);
    u->mr[2] = SEL(handler);
    u->mr[3] = u->mr[4] = 0;
    u->mr[5] = KU_AREA + L4_UTCB_SIZE * threads_made++ % L4_PAGE_SIZE;
    u->mr[6] = L4_ITEM_MAP;
    u->mr[7] = l4_fpage_make(L4_FPAGE_OBJ, L4_SLOT_TASK, 0, 15).raw;
    call(slot, L4_PROTO_THREAD, 6, 1);
    return thread_at(slot);
}

/* Started at ip; at a priority above root's it is the current thread afterwards. */
static inline void thread_go(word_t slot, unsigned prio, word_t ip, word_t sp)
{
    call_words(slot, L4_PROTO_THREAD, 0, 3, L4_OP_THREAD_EX_REGS, ip, sp, 0);
    run_thread(slot, prio);
}

/* The current thread waits for anybody. */
static inline void wait_open(void) { host_syscall(SELF | WAIT, 0, 0, 0); }

/* heap_bytes: kernel memory, 0 as usual. */
static inline void machine_start_with(unsigned count, size_t heap_bytes)
{
    host_start(&(struct host_config){.sigma0_ip = 0x1000, .root_ip = 0x2000, .cpus = count, .heap_bytes = heap_bytes,
                                     .memory_bytes = heap_bytes == 0 ? 0 : 2 * heap_bytes});
    while (host_current()->task->is_sigma0)
        wait_open();
    root = host_current();
    host_syscall(SELF | L4_OP_RECV, 0, 0, 1); /* sleeps, so that sigma0 comes to its wait if it has not been there */
    if (host_current()->task != NULL && host_current()->task->is_sigma0)
        wait_open();
    host_time(1);
    host_tick();
    call_words(L4_SLOT_TASK, L4_PROTO_TASK, 0, 2, L4_OP_TASK_ADD_KU_MEM,
               l4_fpage_make(L4_FPAGE_MEM, KU_AREA >> L4_PAGE_SHIFT, KU_ORDER, 6).raw, 0, 0);
    run_thread(L4_SLOT_THREAD, 100);
}

static inline void machine_start_cpus(unsigned count) { machine_start_with(count, 0); }
static inline void machine_start(void) { machine_start_cpus(1); }

/* A copy of this process does something; 0, or 99 when its kernel panics or halts. */
static void copy_halts(void) { exit(99); }

static inline int in_copy(void (*body)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        host_on_halt = copy_halts;
        body();
        exit(0);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void machine_check(void)
{
    kernel_check_all();
    task_check(root->task);
    for (const struct slab *s = slab_first(); s != NULL; s = s->next)
        slab_check(s);
}
