/* SPDX-License-Identifier: MIT */
/*
 * Starting a program: task, first thread, memory, capabilities, stack. Used by the root task for the init program and
 * by the init program for all others.
 *
 * What is loaded into the new task is not the program but the in-task service (`service`, the file rom/l4re); it finds
 * the program's name on its stack and loads it there. How memory is made and attached is the creator's business: the
 * root task does it directly, everybody else by messages (loader_client.c).
 *
 * The loader creates the task and the thread into the slots given, and nothing else that outlives it: when it fails,
 * both slots are empty again and every memory object was handed back.
 */
#pragma once
#include <l4/sys/types.h>
#include <loader/elf.h>
#include <loader/stack.h>

/* Slots of a new task. */
#define LOADER_SLOT_RM 0x10u
#define LOADER_SLOT_MEM_ALLOC 0x11u
#define LOADER_SLOT_PARENT 0x13u
#define LOADER_SLOT_KIP 0x14u
#define LOADER_SLOT_DBG_EVENTS 0x15u
#define LOADER_SLOT_NAMED 0x16u

#define LOADER_UTCB_START 0xb3000000ul
#define LOADER_KIP 0x6ffff000ul
#define LOADER_SERVICE_BASE 0xa0000000ul   /* of a position-independent service */
#define LOADER_SERVICE_STACK 0x1000000ul   /* above the service's first page */
#define LOADER_STACK_SIZE 0x200000ul
#define LOADER_PRIORITY 2u

#define LOADER_EAGER_MAP 1u
#define LOADER_COPY_SEGMENTS 2u
#define LOADER_PINNED 4u

/* A capability to hand over: an invalid selector means none. */
struct loader_cap {
    const char *name;    /* named capabilities; at most 16 characters count */
    l4_cap_idx_t cap;
    unsigned rights;     /* R 4, W 1, S 2, D 8 */
    unsigned attributes; /* bits 4-7 of the item: 0x20 server right, 0x10 uncounted */
};

/* How the creator makes memory and attaches it to the new task's region map. All return 0 or a negative error. */
struct loader_ops {
    /* New zeroed memory; *handle names it for the other functions. */
    long (*memory_new)(void *context, word_t size, void **handle);
    /* Bytes into it: from the caller's memory, or from the service's file. */
    long (*memory_write)(void *context, void *handle, word_t offset, const void *data, word_t size);
    long (*memory_copy)(void *context, void *handle, word_t offset, word_t file_offset, word_t size);
    /* The loader needs it no longer; what is attached stays. */
    void (*memory_end)(void *context, void *handle);
    /* Attach such memory; part of the service's file; the kernel info page; kernel-user memory (handle is null). */
    long (*attach)(void *context, void *handle, word_t start, word_t size, unsigned flags, const char *name);
    long (*attach_file)(void *context, word_t file_offset, word_t start, word_t size, unsigned flags, const char *name);
    long (*attach_kip)(void *context, word_t start, word_t size, unsigned flags, const char *name);
    long (*reserve)(void *context, word_t start, word_t size);
};

struct loader_plan {
    const struct loader_ops *ops;
    void *context;

    const char *binary;            /* path of the program: capability name / path in it */
    unsigned arg_count, env_count, cap_count;
    const char *const *args;       /* args[0] is usually `binary` */
    const char *const *envs;
    const struct loader_cap *caps; /* named; each takes the next slot, "jdb" always slot 10 */
    unsigned loader_flags, debug_level;
    word_t base;                   /* load base of the program, all ones: free choice */
    unsigned utcb_order;           /* log2 of the UTCB area, 12 or more */

    const void *service;           /* the in-task service's file, whole in memory */
    word_t service_size;
    const char *service_name;      /* shown as name of its regions */

    /* Capabilities of ours. */
    l4_cap_idx_t kernel_factory;   /* creates task and thread */
    l4_cap_idx_t run_scheduler;    /* starts the thread; L4_INVALID_CAP: scheduler.cap */
    struct loader_cap factory, log, scheduler, rm, mem_alloc, parent, kip, dbg_events;

    l4_cap_idx_t task, thread;     /* empty slots for the new objects */
    void *scratch;                 /* memory in which the stack contents are built */
    word_t scratch_size;
};

/* What went wrong: the step in words, a negative error number, and for the service's file the ELF problem. */
struct loader_problem {
    const char *step;
    long error;
    struct elf_problem elf;
};

/* 0, or a negative error with *problem filled. */
long loader_start(const struct loader_plan *plan, struct loader_problem *problem);

/* "creating the task: error -12", appended to *text. */
void loader_problem_text(const struct loader_problem *problem, struct text *text);
