/* SPDX-License-Identifier: MIT */
/*
 * The state of a software vCPU in kernel-user memory, shared by the kernel and the thread that runs on it (amd64).
 */
#pragma once
#include <l4/proto.h>
#include <l4/types.h>

#define L4_VCPU_VERSION 0x26ul
#define L4_VCPU_SIZE 0x200ul
#define L4_VCPU_EXTENDED 0x10000ul /* flag of vcpu_control: hardware virtualisation */

/* state, saved_state */
#define L4_VCPU_IRQ 0x01u
#define L4_VCPU_PAGE_FAULTS 0x02u
#define L4_VCPU_EXCEPTIONS 0x04u
#define L4_VCPU_USER_MODE 0x20u
#define L4_VCPU_FPU 0x80u
/* sticky_flags */
#define L4_VCPU_IRQ_PENDING 0x01u

struct l4_vcpu {
    word_t version;
    word_t user[7];
    struct l4_exc_regs regs; /* of what was interrupted; what resume goes on with */
    struct {
        word_t reserved0;
        word_t label;
        word_t reserved1[5];
        word_t tag;
    } ipc;
    uint16_t state, saved_state, sticky_flags, reserved;
    word_t user_task;
    word_t entry_sp, entry_ip;
    word_t reserved_sp;
    word_t host_fs_base, host_gs_base;
    uint16_t host_ds, host_es, host_fs, host_gs;
    uint16_t user_data32, user_code64, user_code32;
};
_Static_assert(__builtin_offsetof(struct l4_vcpu, regs) == 0x40, "register state");
_Static_assert(__builtin_offsetof(struct l4_vcpu, ipc.tag) == 0x148, "IPC registers");
_Static_assert(__builtin_offsetof(struct l4_vcpu, state) == 0x150, "state");
_Static_assert(__builtin_offsetof(struct l4_vcpu, host_fs_base) == 0x178, "host part");
_Static_assert(__builtin_offsetof(struct l4_vcpu, user_code32) == 0x194, "selectors");
_Static_assert(sizeof(struct l4_vcpu) <= L4_VCPU_SIZE, "vCPU state");
