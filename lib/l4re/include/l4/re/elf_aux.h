/* SPDX-License-Identifier: MIT */
/* Records in a program header of type PT_L4_AUX: type, length of the whole record, payload; type 0 ends. */
#pragma once
#include <l4/sys/types.h>

#define PT_L4_STACK 0x60000012
#define PT_L4_AUX 0x60000014

enum l4re_elf_aux_type {
    L4RE_ELF_AUX_T_NONE = 0,
    L4RE_ELF_AUX_T_VMA = 1,        /* start, last: keep this range of addresses free */
    L4RE_ELF_AUX_T_STACK_SIZE = 2,
    L4RE_ELF_AUX_T_STACK_ADDR = 3,
    L4RE_ELF_AUX_T_KIP_ADDR = 4,
    L4RE_ELF_AUX_T_EX_REGS_FLAGS = 5
};
typedef struct l4re_elf_aux_t {
    l4_umword_t type;
    l4_umword_t length;
} l4re_elf_aux_t;
typedef struct l4re_elf_aux_mword_t {
    l4_umword_t type;
    l4_umword_t length;
    l4_umword_t value;
} l4re_elf_aux_mword_t;
typedef struct l4re_elf_aux_vma_t {
    l4_umword_t type;
    l4_umword_t length;
    l4_umword_t start;
    l4_umword_t end; /* inclusive */
} l4re_elf_aux_vma_t;
