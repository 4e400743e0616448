/* SPDX-License-Identifier: MIT */
/*
 * What lies on the stack at the first instruction of a program: arguments, environment, auxiliary vector, the L4
 * environment structure, named capabilities, strings. Built byte by byte into a buffer that will be the top of the
 * stack; makes no system call.
 *
 * From the stack pointer upward (16-byte aligned, the word `argc` is at the stack pointer): argc; argv, NULL; envp,
 * NULL; auxv pairs, AT_NULL; struct start_env; struct start_cap[] with its terminator; struct start_aux; strings.
 */
#pragma once
#include <l4/types.h>

#define START_AT_NULL 0ul
#define START_AT_PHDR 3ul
#define START_AT_PHENT 4ul
#define START_AT_PHNUM 5ul
#define START_AT_PAGESZ 6ul
#define START_AT_BASE 7ul
#define START_AT_ENTRY 9ul
#define START_AT_UID 11ul
#define START_AT_EUID 12ul
#define START_AT_GID 13ul
#define START_AT_EGID 14ul
#define START_AT_L4_AUX 0xf0ul
#define START_AT_L4_ENV 0xf1ul
#define START_AT_L4_KIP 0xf2ul

/* The L4 environment: capability words (slot << 12), an invalid one where there is none. */
struct start_env {
    word_t parent, rm, mem_alloc, log, main_thread, factory, scheduler, itas, dbg_events;
    word_t first_free_cap;       /* slot number, not shifted */
    word_t first_free_reply_cap;
    word_t utcb_area;            /* flexpage */
    word_t first_free_utcb;
    word_t caps;                 /* address of the first start_cap */
};
struct start_cap {
    word_t cap;
    word_t flags;                /* all ones: end of the list */
    char name[16];               /* no zero byte when all sixteen are used */
};
struct start_aux {
    word_t binary;               /* address of the program's name */
    word_t kip_ds;
    word_t dbg_level, loader_flags;
    word_t base;                 /* load base of the application, all ones: the loader chooses */
};
_Static_assert(sizeof(struct start_env) == 112 && sizeof(struct start_cap) == 32 && sizeof(struct start_aux) == 40,
               "binary interface");

/* Auxiliary vector entries that depend on the file; a value of all ones leaves the entry out. */
struct stack_elf {
    word_t base, entry; /* AT_BASE, AT_ENTRY: only with an interpreter */
    word_t headers, header_size, header_count;
};

struct stack_plan {
    unsigned arg_count, env_count, cap_count;
    const char *const *args;
    const char *const *envs;
    const struct start_cap *caps;  /* cap_count entries, no terminator */
    struct start_env env;          /* `caps` is filled in here */
    struct start_aux aux;          /* `binary` is filled in here */
    const char *binary;            /* the program's name; usually args[0] */
    struct stack_elf elf;
    word_t kip;                    /* address of the kernel info page */
};

/* How many bytes of stack the plan takes. */
word_t stack_size(const struct stack_plan *plan);

/*
 * Writes the contents into image[0, size), which will be the memory that ends (exclusively) at `top` of the new task.
 * Returns the stack pointer, or 0 when it does not fit.
 */
word_t stack_build(const struct stack_plan *plan, void *image, word_t size, word_t top);
