/* SPDX-License-Identifier: MIT */
/*
 * vCPU: a thread that receives faults, exceptions and messages as upcalls to its entry, and can run in another task
 * ("user mode"). The state lies in kernel-user memory (512 bytes; l4_thread_vcpu_control()).
 */
#pragma once
#include <l4/sys/utcb.h>

#define L4_VCPU_STATE_VERSION 0x26
#define L4_VCPU_STATE_SIZE 0x200
#define L4_VCPU_OFFSET_EXT_INFOS 0x200
#define L4_VCPU_OFFSET_EXT_STATE 0x400

enum L4_vcpu_state_flags {
    L4_VCPU_F_IRQ = 1,         /* messages arrive at any time */
    L4_VCPU_F_PAGE_FAULTS = 2, /* page faults go to the entry */
    L4_VCPU_F_EXCEPTIONS = 4,  /* exceptions go to the entry */
    L4_VCPU_F_USER_MODE = 0x20,
    L4_VCPU_F_FPU_ENABLED = 0x80
};
enum L4_vcpu_sticky_flags { L4_VCPU_SF_IRQ_PENDING = 1 };

typedef l4_exc_regs_t l4_vcpu_regs_t;

/* Where a message of an upcall is told. */
typedef struct l4_vcpu_ipc_regs_t {
    l4_umword_t _d1;
    l4_umword_t label;
    l4_umword_t _d2[5];
    l4_msgtag_t tag;
} l4_vcpu_ipc_regs_t;

typedef struct l4_vcpu_arch_state_t {
    l4_umword_t host_fs_base;
    l4_umword_t host_gs_base;
    l4_uint16_t host_ds, host_es, host_fs, host_gs;
    l4_uint16_t user_ds32;
    l4_uint16_t user_cs64;
    l4_uint16_t user_cs32;
} l4_vcpu_arch_state_t;

typedef struct l4_vcpu_state_t {
    l4_umword_t version;
    l4_umword_t user_data[7];
    l4_vcpu_regs_t r;
    l4_vcpu_ipc_regs_t i;
    l4_uint16_t state;       /* L4_VCPU_F_* now */
    l4_uint16_t saved_state; /* before the upcall; what resume goes back to */
    l4_uint16_t sticky_flags;
    l4_uint16_t _reserved;
    l4_cap_idx_t user_task;
    l4_umword_t entry_sp;
    l4_umword_t entry_ip;
    l4_umword_t reserved_sp;
    l4_vcpu_arch_state_t arch_state;
} l4_vcpu_state_t;

_Static_assert(sizeof(l4_vcpu_state_t) == 408, "vCPU state");
_Static_assert(l4_offsetof(l4_vcpu_state_t, i) == 0x110, "IPC registers");
_Static_assert(l4_offsetof(l4_vcpu_state_t, user_task) == 0x158, "user task");

/* Nonzero when the kernel's version of the structure is ours; after l4_thread_vcpu_control(). */
L4_INLINE int l4_vcpu_check_version(l4_vcpu_state_t const *vcpu) { return vcpu->version == L4_VCPU_STATE_VERSION; }
