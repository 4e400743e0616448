/* SPDX-License-Identifier: MIT */
/*
 * Thread. Protocol L4_PROTO_THREAD; opcode in MR0 bits 0-15, flags above. Sources: C API part A.4, kernel objects
 * section 2. A thread runs after it was bound to a task and UTCB (control), started (ex_regs) and given a CPU
 * (scheduler run_thread). Common errors in the tag: IPC error 4 (no object in the slot).
 */
#pragma once
#include <l4/sys/kernel_object.h>

enum L4_thread_ops {
    L4_THREAD_CONTROL_OP = 0,
    L4_THREAD_EX_REGS_OP = 1,
    L4_THREAD_SWITCH_OP = 2,
    L4_THREAD_STATS_OP = 3,
    L4_THREAD_VCPU_RESUME_OP = 4,
    L4_THREAD_REGISTER_DELETE_IRQ_OP = 5,
    L4_THREAD_MODIFY_SENDER_OP = 6,
    L4_THREAD_VCPU_CONTROL_OP = 7,
    L4_THREAD_VCPU_CONTROL_EXT_OP = 0x10007,
    L4_THREAD_REGISTER_DOORBELL_IRQ_OP = 8,
    L4_THREAD_PF_TRAMP_CONTROL_OP = 9,
    L4_THREAD_X86_GDT_OP = 0x10,
    L4_THREAD_ARM_TPIDRURO_OP = 0x10,
    L4_THREAD_AMD64_SET_SEGMENT_BASE_OP = 0x12,
    L4_THREAD_AMD64_GET_SEGMENT_INFO_OP = 0x13,
    L4_THREAD_OPCODE_MASK = 0xffff
};
enum L4_thread_control_flags {
    L4_THREAD_CONTROL_SET_PAGER = 0x10000,
    L4_THREAD_CONTROL_BIND_TASK = 0x200000,
    L4_THREAD_CONTROL_ALIEN = 0x400000,
    L4_THREAD_CONTROL_SET_EXC_HANDLER = 0x1000000
};
enum L4_thread_control_mr_indices {
    L4_THREAD_CONTROL_MR_IDX_FLAGS = 0,
    L4_THREAD_CONTROL_MR_IDX_PAGER = 1,
    L4_THREAD_CONTROL_MR_IDX_EXC_HANDLER = 2,
    L4_THREAD_CONTROL_MR_IDX_FLAG_VALS = 4,
    L4_THREAD_CONTROL_MR_IDX_BIND_UTCB = 5,
    L4_THREAD_CONTROL_MR_IDX_BIND_TASK = 6
};
enum L4_thread_ex_regs_flags {
    L4_THREAD_EX_REGS_CANCEL = 0x10000,
    L4_THREAD_EX_REGS_TRIGGER_EXCEPTION = 0x20000
};
#define L4_THREAD_EX_REGS_ARCH_MASK 0xff000000ul
enum L4_thread_pf_tramp_ops {
    L4_THREAD_PF_TRAMP_CONTROL_OP_SETUP = 9,
    L4_THREAD_PF_TRAMP_CONTROL_OP_RESUME = 0x10009,
    L4_THREAD_PF_TRAMP_CONTROL_OP_REFLECT = 0x20009,
    L4_THREAD_PF_TRAMP_CONTROL_OP_DISABLE = 0x30009,
    L4_THREAD_PF_TRAMP_CONTROL_OP_ENABLE = 0x40009
};

L4_INLINE l4_msgtag_t l4_thread_call_(l4_cap_idx_t thread, l4_utcb_t *u, unsigned words, unsigned items)
{
    return l4_kobject_call_(thread, u, L4_PROTO_THREAD, words, items);
}
L4_INLINE l4_msgtag_t l4_thread_op_(l4_cap_idx_t thread, l4_utcb_t *u, l4_umword_t op)
{
    l4_utcb_mr_u(u)->mr[0] = op;
    return l4_thread_call_(thread, u, 1, 0);
}

L4_INLINE l4_msgtag_t l4_thread_ex_regs_u(l4_cap_idx_t thread, l4_addr_t ip, l4_addr_t sp, l4_umword_t flags,
                                          l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_THREAD_EX_REGS_OP | flags;
    l4_utcb_mr_u(u)->mr[1] = ip;
    l4_utcb_mr_u(u)->mr[2] = sp;
    return l4_thread_call_(thread, u, 3, 0);
}
/* Sets instruction and stack pointer (~0: keep). flags: L4_THREAD_EX_REGS_CANCEL aborts the IPC the thread is blocked
 * in, _TRIGGER_EXCEPTION makes it raise an exception first. Starts a bound thread the first time. No right is needed.
 * Errors: -L4_EINVAL (unknown architecture flags). */
L4_INLINE l4_msgtag_t l4_thread_ex_regs(l4_cap_idx_t thread, l4_addr_t ip, l4_addr_t sp, l4_umword_t flags)
{
    return l4_thread_ex_regs_u(thread, ip, sp, flags, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_thread_ex_regs_ret_u(l4_cap_idx_t thread, l4_addr_t *ip, l4_addr_t *sp, l4_umword_t *flags,
                                              l4_utcb_t *u)
{
    l4_msgtag_t tag = l4_thread_ex_regs_u(thread, *ip, *sp, *flags, u);

    if (l4_error_u(tag, u) < 0)
        return tag;
    *flags = l4_utcb_mr_u(u)->mr[0];
    *ip = l4_utcb_mr_u(u)->mr[1];
    *sp = l4_utcb_mr_u(u)->mr[2];
    return tag;
}
/* The same; afterwards *ip, *sp and *flags (processor flags) hold the values from before. */
L4_INLINE l4_msgtag_t l4_thread_ex_regs_ret(l4_cap_idx_t thread, l4_addr_t *ip, l4_addr_t *sp, l4_umword_t *flags)
{
    return l4_thread_ex_regs_ret_u(thread, ip, sp, flags, l4_utcb());
}

/* Thread control: start, then any of pager, exc_handler, bind, alien, then commit. The request is built in the message
 * registers: no other system call may come between. */
L4_INLINE void l4_thread_control_start_u(l4_utcb_t *u)
{
    unsigned i;

    for (i = 0; i < 6; i++)
        l4_utcb_mr_u(u)->mr[i] = 0;
    l4_utcb_mr_u(u)->mr[0] = L4_THREAD_CONTROL_OP;
}
L4_INLINE void l4_thread_control_start(void) { l4_thread_control_start_u(l4_utcb()); }
L4_INLINE void l4_thread_control_pager_u(l4_cap_idx_t pager, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[L4_THREAD_CONTROL_MR_IDX_FLAGS] |= L4_THREAD_CONTROL_SET_PAGER;
    l4_utcb_mr_u(u)->mr[L4_THREAD_CONTROL_MR_IDX_PAGER] = pager;
}
/* pager: selector in the thread's own task, looked up at each fault. */
L4_INLINE void l4_thread_control_pager(l4_cap_idx_t pager) { l4_thread_control_pager_u(pager, l4_utcb()); }
L4_INLINE void l4_thread_control_exc_handler_u(l4_cap_idx_t exc_handler, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[L4_THREAD_CONTROL_MR_IDX_FLAGS] |= L4_THREAD_CONTROL_SET_EXC_HANDLER;
    l4_utcb_mr_u(u)->mr[L4_THREAD_CONTROL_MR_IDX_EXC_HANDLER] = exc_handler;
}
/* exc_handler: selector in the thread's own task, looked up at each exception. */
L4_INLINE void l4_thread_control_exc_handler(l4_cap_idx_t exc_handler)
{
    l4_thread_control_exc_handler_u(exc_handler, l4_utcb());
}
L4_INLINE void l4_thread_control_bind_u(l4_utcb_t *thread_utcb, l4_cap_idx_t task, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[L4_THREAD_CONTROL_MR_IDX_FLAGS] |= L4_THREAD_CONTROL_BIND_TASK;
    l4_utcb_mr_u(u)->mr[L4_THREAD_CONTROL_MR_IDX_BIND_UTCB] = (l4_addr_t)thread_utcb;
    l4_kobject_arg_(u, L4_THREAD_CONTROL_MR_IDX_BIND_TASK, task);
}
/* Binds the thread to task (S right needed) and to the UTCB at thread_utcb in that task's kernel-user memory. Once
 * only. */
L4_INLINE void l4_thread_control_bind(l4_utcb_t *thread_utcb, l4_cap_idx_t task)
{
    l4_thread_control_bind_u(thread_utcb, task, l4_utcb());
}
L4_INLINE void l4_thread_control_alien_u(l4_utcb_t *u, int on)
{
    l4_utcb_mr_u(u)->mr[L4_THREAD_CONTROL_MR_IDX_FLAGS] |= L4_THREAD_CONTROL_ALIEN;
    l4_utcb_mr_u(u)->mr[L4_THREAD_CONTROL_MR_IDX_FLAG_VALS] |= on ? L4_THREAD_CONTROL_ALIEN : 0;
}
/* on: system calls and page faults of the thread become exceptions. */
L4_INLINE void l4_thread_control_alien(int on) { l4_thread_control_alien_u(l4_utcb(), on); }
L4_INLINE l4_msgtag_t l4_thread_control_commit_u(l4_cap_idx_t thread, l4_utcb_t *u)
{
    int bind = (l4_utcb_mr_u(u)->mr[L4_THREAD_CONTROL_MR_IDX_FLAGS] & L4_THREAD_CONTROL_BIND_TASK) != 0;

    return l4_thread_call_(thread, u, 6, bind ? 1 : 0);
}
/* Does what was collected; thread needs the S right. Reply: MR1 old pager, MR2 old handler. Errors: -L4_EPERM,
 * -L4_EINVAL (no task, UTCB outside kernel-user memory, already bound), -L4_ENOSYS. */
L4_INLINE l4_msgtag_t l4_thread_control_commit(l4_cap_idx_t thread)
{
    return l4_thread_control_commit_u(thread, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_thread_switch_u(l4_cap_idx_t to_thread, l4_utcb_t *u)
{
    return l4_thread_op_(to_thread, u, L4_THREAD_SWITCH_OP);
}
/* Runs to_thread on the caller's time slice, if it is ready on this CPU. */
L4_INLINE l4_msgtag_t l4_thread_switch(l4_cap_idx_t to_thread) { return l4_thread_switch_u(to_thread, l4_utcb()); }
/* Gives up the CPU to threads of the same and lower priority, until the next timer tick. The kernel has no yield: this
 * is the shortest sleep, whose normal result is L4_IPC_RETIMEOUT. */
L4_INLINE l4_msgtag_t l4_thread_yield(void)
{
    return l4_ipc_receive(L4_INVALID_CAP, l4_utcb(), l4_ipc_timeout(0, 0, 1, 0));
}

L4_INLINE l4_msgtag_t l4_thread_stats_time_u(l4_cap_idx_t thread, l4_kernel_clock_t *us, l4_utcb_t *u)
{
    l4_msgtag_t tag = l4_thread_op_(thread, u, L4_THREAD_STATS_OP);

    if (l4_error_u(tag, u) >= 0)
        *us = l4_utcb_mr_u(u)->mr64[0];
    return tag;
}
/* *us: consumed CPU time in microseconds. */
L4_INLINE l4_msgtag_t l4_thread_stats_time(l4_cap_idx_t thread, l4_kernel_clock_t *us)
{
    return l4_thread_stats_time_u(thread, us, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_thread_vcpu_resume_start_u(l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_THREAD_VCPU_RESUME_OP;
    return l4_msgtag(L4_PROTO_THREAD, 1, 0, 0);
}
/* Begins a vCPU resume; mappings for the vCPU's user task may be appended with l4_sndfpage_add(). */
L4_INLINE l4_msgtag_t l4_thread_vcpu_resume_start(void) { return l4_thread_vcpu_resume_start_u(l4_utcb()); }
L4_INLINE l4_msgtag_t l4_thread_vcpu_resume_commit_u(l4_cap_idx_t thread, l4_msgtag_t tag, l4_utcb_t *u)
{
    return l4_ipc_call(thread, u, tag, L4_IPC_NEVER);
}
/* Resumes the vCPU state; thread: L4_INVALID_CAP (self). Does not return here on success. */
L4_INLINE l4_msgtag_t l4_thread_vcpu_resume_commit(l4_cap_idx_t thread, l4_msgtag_t tag)
{
    return l4_thread_vcpu_resume_commit_u(thread, tag, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_thread_op1_(l4_cap_idx_t thread, l4_utcb_t *u, l4_umword_t op, l4_umword_t arg)
{
    l4_utcb_mr_u(u)->mr[0] = op;
    l4_utcb_mr_u(u)->mr[1] = arg;
    return l4_thread_call_(thread, u, 2, 0);
}
L4_INLINE l4_msgtag_t l4_thread_vcpu_control_u(l4_cap_idx_t thread, l4_addr_t vcpu_state, l4_utcb_t *u)
{
    return l4_thread_op1_(thread, u, L4_THREAD_VCPU_CONTROL_OP, vcpu_state);
}
/* Makes the thread a vCPU with its state at vcpu_state (512 bytes of kernel-user memory). Errors: -L4_EINVAL,
 * -L4_ENOSYS. */
L4_INLINE l4_msgtag_t l4_thread_vcpu_control(l4_cap_idx_t thread, l4_addr_t vcpu_state)
{
    return l4_thread_vcpu_control_u(thread, vcpu_state, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_thread_vcpu_control_ext_u(l4_cap_idx_t thread, l4_addr_t ext_vcpu_state, l4_utcb_t *u)
{
    return l4_thread_op1_(thread, u, L4_THREAD_VCPU_CONTROL_EXT_OP, ext_vcpu_state);
}
/* The same with hardware virtualisation state (4096 bytes). -L4_ENOSYS where the CPU has none. */
L4_INLINE l4_msgtag_t l4_thread_vcpu_control_ext(l4_cap_idx_t thread, l4_addr_t ext_vcpu_state)
{
    return l4_thread_vcpu_control_ext_u(thread, ext_vcpu_state, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_thread_op_cap_(l4_cap_idx_t thread, l4_utcb_t *u, l4_umword_t op, l4_cap_idx_t cap)
{
    l4_utcb_mr_u(u)->mr[0] = op;
    l4_kobject_arg_(u, 1, cap);
    return l4_thread_call_(thread, u, 1, 1);
}
L4_INLINE l4_msgtag_t l4_thread_register_del_irq_u(l4_cap_idx_t thread, l4_cap_idx_t irq, l4_utcb_t *u)
{
    return l4_thread_op_cap_(thread, u, L4_THREAD_REGISTER_DELETE_IRQ_OP, irq);
}
/* irq (W right) is triggered whenever a gate bound to the thread has been destroyed. Errors: -L4_EBUSY (there is one),
 * -L4_EPERM, -L4_EINVAL. */
L4_INLINE l4_msgtag_t l4_thread_register_del_irq(l4_cap_idx_t thread, l4_cap_idx_t irq)
{
    return l4_thread_register_del_irq_u(thread, irq, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_thread_register_doorbell_irq_u(l4_cap_idx_t thread, l4_cap_idx_t irq, l4_utcb_t *u)
{
    return l4_thread_op_cap_(thread, u, L4_THREAD_REGISTER_DOORBELL_IRQ_OP, irq);
}
/* Direct interrupt injection only; else -L4_ENOSYS. */
L4_INLINE l4_msgtag_t l4_thread_register_doorbell_irq(l4_cap_idx_t thread, l4_cap_idx_t irq)
{
    return l4_thread_register_doorbell_irq_u(thread, irq, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_thread_modify_sender_start_u(l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_THREAD_MODIFY_SENDER_OP;
    return l4_msgtag(L4_PROTO_THREAD, 1, 0, 0);
}
/* Begins a list of rules for labels of queued senders; see add and commit. */
L4_INLINE l4_msgtag_t l4_thread_modify_sender_start(void) { return l4_thread_modify_sender_start_u(l4_utcb()); }
L4_INLINE int l4_thread_modify_sender_add_u(l4_umword_t match_mask, l4_umword_t match, l4_umword_t del_bits,
                                            l4_umword_t add_bits, l4_msgtag_t *tag, l4_utcb_t *u)
{
    unsigned w = l4_msgtag_words(*tag);

    if (w + 4 > L4_UTCB_GENERIC_DATA_SIZE)
        return -L4_ENOMEM;
    l4_utcb_mr_u(u)->mr[w] = match_mask;
    l4_utcb_mr_u(u)->mr[w + 1] = match;
    l4_utcb_mr_u(u)->mr[w + 2] = del_bits;
    l4_utcb_mr_u(u)->mr[w + 3] = add_bits;
    *tag = l4_msgtag(L4_PROTO_THREAD, w + 4, 0, 0);
    return 0;
}
/* A rule (at most 15): where (label & match_mask) == match, label = (label & ~del_bits) | add_bits. Returns 0 or
 * -L4_ENOMEM. */
L4_INLINE int l4_thread_modify_sender_add(l4_umword_t match_mask, l4_umword_t match, l4_umword_t del_bits,
                                          l4_umword_t add_bits, l4_msgtag_t *tag)
{
    return l4_thread_modify_sender_add_u(match_mask, match, del_bits, add_bits, tag, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_thread_modify_sender_commit_u(l4_cap_idx_t thread, l4_msgtag_t tag, l4_utcb_t *u)
{
    return l4_ipc_call(thread, u, tag, L4_IPC_NEVER);
}
/* Applies the rules to all senders queued at thread. Errors: -L4_EBUSY, -L4_EINVAL (thread of another CPU). */
L4_INLINE l4_msgtag_t l4_thread_modify_sender_commit(l4_cap_idx_t thread, l4_msgtag_t tag)
{
    return l4_thread_modify_sender_commit_u(thread, tag, l4_utcb());
}

/* Page-fault trampoline: faults resume the thread at a handler of its own. -L4_ENOSYS without the feature
 * "pf_tramp". */
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_setup_u(l4_cap_idx_t thread, l4_addr_t pf_tramp_state, l4_utcb_t *u)
{
    return l4_thread_op1_(thread, u, L4_THREAD_PF_TRAMP_CONTROL_OP_SETUP, pf_tramp_state);
}
/* State structure at pf_tramp_state in kernel-user memory; enables. */
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_setup(l4_cap_idx_t thread, l4_addr_t pf_tramp_state)
{
    return l4_thread_pf_trampoline_setup_u(thread, pf_tramp_state, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_resume_u(l4_cap_idx_t thread, l4_utcb_t *u)
{
    return l4_thread_op_(thread, u, L4_THREAD_PF_TRAMP_CONTROL_OP_RESUME);
}
/* Goes on with the interrupted state; self only. */
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_resume(l4_cap_idx_t thread)
{
    return l4_thread_pf_trampoline_resume_u(thread, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_reflect_u(l4_cap_idx_t thread, l4_utcb_t *u)
{
    return l4_thread_op_(thread, u, L4_THREAD_PF_TRAMP_CONTROL_OP_REFLECT);
}
/* Turns the fault into an exception; self only. */
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_reflect(l4_cap_idx_t thread)
{
    return l4_thread_pf_trampoline_reflect_u(thread, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_disable_u(l4_cap_idx_t thread, int *was_enabled, l4_utcb_t *u)
{
    l4_msgtag_t tag = l4_thread_op_(thread, u, L4_THREAD_PF_TRAMP_CONTROL_OP_DISABLE);

    if (was_enabled && l4_error_u(tag, u) >= 0)
        *was_enabled = (int)l4_utcb_mr_u(u)->mr[0];
    return tag;
}
/* *was_enabled: 1 or 0; may be NULL. */
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_disable(l4_cap_idx_t thread, int *was_enabled)
{
    return l4_thread_pf_trampoline_disable_u(thread, was_enabled, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_enable_u(l4_cap_idx_t thread, l4_utcb_t *u)
{
    return l4_thread_op_(thread, u, L4_THREAD_PF_TRAMP_CONTROL_OP_ENABLE);
}
L4_INLINE l4_msgtag_t l4_thread_pf_trampoline_enable(l4_cap_idx_t thread)
{
    return l4_thread_pf_trampoline_enable_u(thread, l4_utcb());
}
