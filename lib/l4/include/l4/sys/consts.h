/* SPDX-License-Identifier: MIT */
/*
 * Constants of the interface: page sizes, capability selectors, system-call flags, unmap masks, items.
 * Source: C API description, parts A.1 and F; the kernel's own numbers come from the contract in abi/l4.
 */
#pragma once
#include <l4/sys/compiler.h>
#include <l4/sys/l4int.h>
#include <l4/types.h>
#include <l4/utcb.h>

/* Pages. */
#define L4_PAGESHIFT 12
#define L4_LOG2_PAGESIZE 12
#define L4_PAGESIZE 0x1000ul
#define L4_PAGEMASK (~0xffful)
#define L4_SUPERPAGESHIFT 21
#define L4_LOG2_SUPERPAGESIZE 21
#define L4_SUPERPAGESIZE 0x200000ul
#define L4_SUPERPAGEMASK (~0x1ffffful)

#define L4_INVALID_ADDR (~0ul)
#define L4_INVALID_PTR ((void *)~0ul)

/* Operation flags of the system call, low four bits of the destination word. */
enum l4_syscall_flags_t {
    L4_SYSF_NONE = 0,
    L4_SYSF_SEND = 1,      /* has a send phase */
    L4_SYSF_RECV = 2,      /* has a receive phase */
    L4_SYSF_OPEN_WAIT = 4, /* the receive phase accepts any sender */
    L4_SYSF_REPLY = 8,     /* the send phase goes to a reply capability */
    L4_SYSF_CALL = L4_SYSF_SEND | L4_SYSF_RECV,
    L4_SYSF_WAIT = L4_SYSF_OPEN_WAIT | L4_SYSF_RECV,
    L4_SYSF_SEND_AND_WAIT = L4_SYSF_OPEN_WAIT | L4_SYSF_CALL,
    L4_SYSF_REPLY_AND_WAIT = L4_SYSF_WAIT | L4_SYSF_SEND | L4_SYSF_REPLY
};

/* Capability selectors: slot number << 12. Bit 11: not a slot ("self" to the kernel). Bit 10: explicit reply slot. */
typedef unsigned long l4_cap_idx_t;

#define L4_CAP_SHIFT 12
#define L4_CAP_SIZE 0x1000ul
#define L4_CAP_OFFSET 0x1000ul
#define L4_CAP_MASK (~0ul << 10)
#define L4_INVALID_CAP_BIT 0x800ul
#define L4_INVALID_CAP (~0ul << 11)
#define L4_REPLY_CAP_BIT 0x400ul
#define L4_INVALID_REPLY_CAP (~0ul << 10)

/* Slots that the kernel fills in sigma0 and the root task, and that every task keeps by convention. */
enum l4_default_caps_t {
    L4_BASE_TASK_CAP = 1 << L4_CAP_SHIFT,
    L4_BASE_FACTORY_CAP = 2 << L4_CAP_SHIFT,
    L4_BASE_THREAD_CAP = 3 << L4_CAP_SHIFT,
    L4_BASE_PAGER_CAP = 4 << L4_CAP_SHIFT,
    L4_BASE_LOG_CAP = 5 << L4_CAP_SHIFT,
    L4_BASE_ICU_CAP = 6 << L4_CAP_SHIFT,
    L4_BASE_SCHEDULER_CAP = 7 << L4_CAP_SHIFT,
    L4_BASE_IOMMU_CAP = 8 << L4_CAP_SHIFT,
    L4_BASE_DEBUGGER_CAP = 10 << L4_CAP_SHIFT,
    L4_BASE_ARM_SMCCC_CAP = 11 << L4_CAP_SHIFT,
    L4_BASE_CAPS_LAST = L4_BASE_ARM_SMCCC_CAP,
    L4_BASE_CAPS_LAST_P1 = L4_BASE_CAPS_LAST + 1
};

/* Task unmap: which mappings go. */
#define L4_FP_ALL_SPACES 0x80000000ul  /* the invoked task's own mapping, too */
#define L4_FP_OTHER_SPACES 0ul         /* only mappings derived from it */
#define L4_FP_DELETE_OBJ 0xc0000000ul  /* own mapping, and delete the object where the D right is held */

/* First word of a send item (beside L4_ITEM_MAP = 8 from the contract). */
#define L4_ITEM_MAP 8ul
#define L4_ITEM_CONT 1ul       /* the next item of this type uses the same receive buffer */
#define L4_MAP_ITEM_GRANT 2ul  /* the source mapping disappears */
#define L4_MAP_ITEM_MAP 0ul

/* First word of a receive item in the buffer registers. */
#define L4_RCV_ITEM_FORWARD_MAPPINGS 1ul /* map into the task whose selector is the last word */
#define L4_RCV_ITEM_SINGLE_CAP 0xaul     /* one capability slot, in bits 12.. of this word */
#define L4_RCV_ITEM_LOCAL_ID 4ul         /* accept a label or flexpage in place of a mapping */

#define L4_BDR_OFFSET_MASK 0xffffful

#define L4_SCHED_MIN_PRIO 1
#define L4_SCHED_MAX_PRIO 0xff

/* address rounded down to a page (4 KiB). */
L4_INLINE l4_addr_t l4_trunc_page(l4_addr_t address) { return address & L4_PAGEMASK; }
/* address rounded up to a page; wraps to 0 beyond the last page. */
L4_INLINE l4_addr_t l4_round_page(l4_addr_t address) { return (address + L4_PAGESIZE - 1) & L4_PAGEMASK; }
/* address rounded down to a multiple of 2^bits, bits 0..63. */
L4_INLINE l4_addr_t l4_trunc_size(l4_addr_t address, unsigned char bits) { return address & (~0ul << bits); }
/* value rounded up to a multiple of 2^bits, bits 0..63. */
L4_INLINE l4_addr_t l4_round_size(l4_addr_t value, unsigned char bits)
{
    return (value + (1ul << bits) - 1) & (~0ul << bits);
}
/* Machine words needed for size bytes. */
L4_INLINE unsigned l4_bytes_to_mwords(unsigned size)
{
    return (unsigned)(((unsigned long)size + sizeof(l4_umword_t) - 1) / sizeof(l4_umword_t));
}
