/* SPDX-License-Identifier: MIT */
/* Table of boot modules: the kernel interface page's user pointer leads to it. */
#pragma once
#include <l4/sys/l4int.h>

enum l4util_l4mod_mod_flags {
    L4util_l4mod_mod_flag_unspec = 0,
    L4util_l4mod_mod_flag_kernel = 1,
    L4util_l4mod_mod_flag_sigma0 = 2,
    L4util_l4mod_mod_flag_roottask = 3,
    L4util_l4mod_mod_flag_mask = 7
};
typedef struct l4util_l4mod_mod {
    l4_uint64_t flags;
    l4_uint64_t mod_start;
    l4_uint64_t mod_end; /* exclusive */
    l4_uint64_t cmdline;
} l4util_l4mod_mod;
typedef struct l4util_l4mod_info {
    l4_uint64_t flags;
    l4_uint64_t cmdline;
    l4_uint64_t mods_addr;
    l4_uint32_t mods_count;
    l4_uint32_t _pad;
    l4_uint64_t vbe_ctrl_info;
    l4_uint64_t vbe_mode_info;
} l4util_l4mod_info;
