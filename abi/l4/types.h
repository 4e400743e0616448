/* SPDX-License-Identifier: MIT */
/*
 * Words, capability selectors and operation flags: the destination word of the one system call.
 * Facts: interface description, "system call". Everything here is binary interface and never changes.
 */
#pragma once
#include <stdint.h>

typedef uint64_t word_t;

#define L4_PAGE_SHIFT 12u
#define L4_PAGE_SIZE 4096ul

/* Destination word: bits 12.. index, bit 11 "self", bit 10 explicit reply slot, bits 0-3 operation flags. */
#define L4_SEL_SHIFT 12u
#define L4_SEL_SELF (1ul << 11)
#define L4_SEL_REPLY (1ul << 10)
#define L4_SEL_SPECIAL (L4_SEL_SELF | L4_SEL_REPLY)
#define L4_SEL_INVALID (~0ul << 11)

#define L4_OP_SEND 1ul
#define L4_OP_RECV 2ul
#define L4_OP_OPEN_WAIT 4ul
#define L4_OP_REPLY 8ul
#define L4_OP_MASK 15ul

/* Capability slots that the kernel fills in sigma0 and the root task. */
#define L4_SLOT_TASK 1u
#define L4_SLOT_FACTORY 2u
#define L4_SLOT_THREAD 3u
#define L4_SLOT_PAGER 4u
#define L4_SLOT_LOG 5u
#define L4_SLOT_ICU 6u
#define L4_SLOT_SCHEDULER 7u
#define L4_SLOT_IOMMU 8u
#define L4_SLOT_DEBUGGER 10u

/* Rights of a capability as they lie in an object flexpage, and the attribute bits of its send item. */
#define L4_RIGHT_W 1u
#define L4_RIGHT_S 2u
#define L4_RIGHT_R 4u
#define L4_RIGHT_D 8u
#define L4_OBJ_WEAK 0x10u   /* does not count as a reference */
#define L4_OBJ_SERVER 0x20u /* IPC gate: may bind, get_info, dec_refcnt */
#define L4_OBJ_RIGHT2 0x40u
#define L4_OBJ_RIGHT3 0x80u

/* Highest user address + 1 (amd64) and the initial UTCB page of the two boot tasks. */
#define L4_USER_END 0x800000000000ul
#define L4_INITIAL_UTCB 0x7fff000000ul

_Static_assert(sizeof(word_t) == 8, "one word is eight bytes");
