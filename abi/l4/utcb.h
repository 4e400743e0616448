/* SPDX-License-Identifier: MIT */
/*
 * The UTCB: 63 message registers, buffer registers, thread control words; 1024 bytes in kernel-user memory.
 */
#pragma once
#include <l4/types.h>

#define L4_MR_COUNT 63u
#define L4_BR_COUNT 58u
#define L4_UTCB_SIZE 1024ul

/* Buffer descriptor: index of the first buffer register per item type, and whether FPU state is accepted. */
#define L4_BDR_MEM_SHIFT 0u
#define L4_BDR_IO_SHIFT 5u
#define L4_BDR_OBJ_SHIFT 10u
#define L4_BDR_INDEX_MASK 31u
#define L4_BDR_INHERIT_FPU (1ul << 24)

struct l4_utcb {
    word_t mr[L4_MR_COUNT];
    word_t self;      /* user address of this UTCB; gs:0 on amd64 */
    word_t bdr;
    word_t br[L4_BR_COUNT];
    word_t error;     /* valid when the returned tag has L4_TAG_ERROR */
    word_t free_marker; /* nonzero while in use; the kernel stores 0 when its thread is gone */
    word_t user[3];   /* never touched by the kernel */
};

_Static_assert(sizeof(struct l4_utcb) == L4_UTCB_SIZE, "UTCB is 128 words");
_Static_assert(__builtin_offsetof(struct l4_utcb, error) == 0x3d8, "error word");
