/* SPDX-License-Identifier: MIT */
/*
 * The environment a program starts with: its standard capabilities, the first free slots, and the capabilities given
 * to it by name. Layout: startup description 3.1 and 3.2.
 */
#pragma once
#include <l4/sys/types.h>
#include <l4/sys/kip.h>
#include <l4/re/consts.h>

/* A named capability. The list ends with flags = ~0. A name of 16 characters has no terminating zero. */
typedef struct l4re_env_cap_entry_t {
    l4_cap_idx_t cap;
    l4_umword_t flags;
    char name[16];
} l4re_env_cap_entry_t;

typedef struct l4re_env_t {
    l4_cap_idx_t parent;
    l4_cap_idx_t rm;        /* region map of this task */
    l4_cap_idx_t mem_alloc; /* allocator of dataspaces, and factory of the user level's objects */
    l4_cap_idx_t log;
    l4_cap_idx_t main_thread;
    l4_cap_idx_t factory; /* of kernel objects */
    l4_cap_idx_t scheduler;
    l4_cap_idx_t itas;       /* in-task service */
    l4_cap_idx_t dbg_events; /* or invalid */
    l4_cap_idx_t first_free_cap;      /* slot number, not a selector */
    l4_umword_t first_free_reply_cap; /* number of the first free explicit reply slot */
    l4_fpage_t utcb_area;
    l4_addr_t first_free_utcb;
    l4re_env_cap_entry_t *caps;
} l4re_env_t;

_Static_assert(sizeof(l4re_env_t) == 112 && sizeof(l4re_env_cap_entry_t) == 32, "environment");

EXTERN_C_BEGIN
extern l4re_env_t *l4re_global_env; /* set by start code */

/* Entry with the first l characters of name (compared up to 16), or NULL. */
l4re_env_cap_entry_t const *l4re_env_get_cap_l(char const *name, unsigned l, l4re_env_t const *e);
/* Selector of the capability called name in e, or L4_INVALID_CAP. */
l4_cap_idx_t l4re_env_get_cap_e(char const *name, l4re_env_t const *e);
EXTERN_C_END

/* The program's environment. NULL before start code has set it. */
L4_INLINE l4re_env_t *l4re_env(void) { return l4re_global_env; }
/* The kernel interface page. */
L4_INLINE l4_kernel_info_t const *l4re_kip(void) { return l4_kip(); }
/* Selector of the capability given to this program as name, or L4_INVALID_CAP. */
L4_INLINE l4_cap_idx_t l4re_env_get_cap(char const *name) { return l4re_env_get_cap_e(name, l4re_env()); }
