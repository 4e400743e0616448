/* SPDX-License-Identifier: MIT */
/* What the loader tells the in-task service about the program to load (auxiliary vector AT_L4_AUX). */
#pragma once
#include <l4/sys/types.h>

enum l4re_aux_ldr_flags_t {
    L4RE_AUX_LDR_FLAG_EAGER_MAP = 1,
    L4RE_AUX_LDR_FLAG_ALL_SEGS_COW = 2,
    L4RE_AUX_LDR_FLAG_PINNED_SEGS = 4
};

typedef struct l4re_aux_t {
    char const *binary;  /* path: first component a named capability */
    l4_cap_idx_t kip_ds; /* dataspace of the kernel interface page */
    l4_umword_t dbg_lvl;
    l4_umword_t ldr_flags;
    l4_addr_t ldr_base; /* load base of a position-independent program, ~0: choose */
} l4re_aux_t;

_Static_assert(sizeof(l4re_aux_t) == 40, "l4aux");

/* Types of the auxiliary vector. */
#define AT_L4_AUX 0xf0
#define AT_L4_ENV 0xf1
#define AT_L4_KIP 0xf2
