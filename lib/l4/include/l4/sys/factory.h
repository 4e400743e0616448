/* SPDX-License-Identifier: MIT */
/*
 * Factory: creates kernel objects, and objects of user-level servers, against a quota. Protocol L4_PROTO_FACTORY; the
 * factory capability needs the S right. The new capability goes into the slot target_cap of the caller's task
 * (whatever was there is removed first, with delete where its capability allows). Common errors in the tag: -L4_EPERM,
 * -L4_ENOMEM (memory or quota), -L4_ENODEV (unknown type), -L4_EINVAL. Sources: C API part A.4, kernel objects section
 * 4.
 */
#pragma once
#include <l4/sys/kernel_object.h>

EXTERN_C_BEGIN
/* A message built piece by piece: start, any number of add, commit. No other system call may come between. obj:
 * protocol number of the object to create; target: slot for it. add: 1 done, 0 the message is full. */
l4_msgtag_t l4_factory_create_start_u(long obj, l4_cap_idx_t target, l4_utcb_t *u);
int l4_factory_create_add_fpage_u(l4_fpage_t d, l4_msgtag_t *tag, l4_utcb_t *u);
int l4_factory_create_add_int_u(l4_mword_t d, l4_msgtag_t *tag, l4_utcb_t *u);
int l4_factory_create_add_uint_u(l4_umword_t d, l4_msgtag_t *tag, l4_utcb_t *u);
/* s: zero-terminated. */
int l4_factory_create_add_str_u(char const *s, l4_msgtag_t *tag, l4_utcb_t *u);
/* len: bytes of s to send, including a terminating zero if one is wanted. */
int l4_factory_create_add_lstr_u(char const *s, unsigned len, l4_msgtag_t *tag, l4_utcb_t *u);
int l4_factory_create_add_nil_u(l4_msgtag_t *tag, l4_utcb_t *u);
EXTERN_C_END
L4_INLINE l4_msgtag_t l4_factory_create_commit_u(l4_cap_idx_t factory, l4_msgtag_t tag, l4_utcb_t *u)
{
    return l4_ipc_call(factory, u, tag, L4_IPC_NEVER);
}
L4_INLINE l4_msgtag_t l4_factory_create_start(long obj, l4_cap_idx_t target)
{
    return l4_factory_create_start_u(obj, target, l4_utcb());
}
L4_INLINE int l4_factory_create_add_fpage(l4_fpage_t d, l4_msgtag_t *tag)
{
    return l4_factory_create_add_fpage_u(d, tag, l4_utcb());
}
L4_INLINE int l4_factory_create_add_int(l4_mword_t d, l4_msgtag_t *tag)
{
    return l4_factory_create_add_int_u(d, tag, l4_utcb());
}
L4_INLINE int l4_factory_create_add_uint(l4_umword_t d, l4_msgtag_t *tag)
{
    return l4_factory_create_add_uint_u(d, tag, l4_utcb());
}
L4_INLINE int l4_factory_create_add_str(char const *s, l4_msgtag_t *tag)
{
    return l4_factory_create_add_str_u(s, tag, l4_utcb());
}
L4_INLINE int l4_factory_create_add_lstr(char const *s, unsigned len, l4_msgtag_t *tag)
{
    return l4_factory_create_add_lstr_u(s, len, tag, l4_utcb());
}
L4_INLINE int l4_factory_create_add_nil(l4_msgtag_t *tag) { return l4_factory_create_add_nil_u(tag, l4_utcb()); }
L4_INLINE l4_msgtag_t l4_factory_create_commit(l4_cap_idx_t factory, l4_msgtag_t tag)
{
    return l4_factory_create_commit_u(factory, tag, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_factory_create_u(l4_cap_idx_t factory, long obj, l4_cap_idx_t target, l4_utcb_t *u)
{
    return l4_factory_create_commit_u(factory, l4_factory_create_start_u(obj, target, u), u);
}
/* An object of type obj (L4_PROTO_*) without arguments. */
L4_INLINE l4_msgtag_t l4_factory_create(l4_cap_idx_t factory, long obj, l4_cap_idx_t target)
{
    return l4_factory_create_u(factory, obj, target, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_factory_create_task_u(l4_cap_idx_t factory, l4_cap_idx_t target_cap, l4_fpage_t *utcb_area,
                                               l4_utcb_t *u)
{
    l4_msgtag_t tag = l4_factory_create_start_u(L4_PROTO_TASK, target_cap, u);

    l4_factory_create_add_fpage_u(*utcb_area, &tag, u);
    tag = l4_factory_create_commit_u(factory, tag, u);
    if (!l4_msgtag_has_error(tag) && l4_msgtag_label(tag) >= 0 && l4_msgtag_words(tag) > 0)
        utcb_area->raw = l4_utcb_mr_u(u)->mr[0];
    return tag;
}
/* A task. *utcb_area: kernel-user memory to begin with (order 12..17) or the void flexpage; afterwards what it got. */
L4_INLINE l4_msgtag_t l4_factory_create_task(l4_cap_idx_t factory, l4_cap_idx_t target_cap, l4_fpage_t *utcb_area)
{
    return l4_factory_create_task_u(factory, target_cap, utcb_area, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_factory_create_thread_u(l4_cap_idx_t factory, l4_cap_idx_t target_cap, l4_utcb_t *u)
{
    return l4_factory_create_u(factory, L4_PROTO_THREAD, target_cap, u);
}
/* A thread: unbound, not running. */
L4_INLINE l4_msgtag_t l4_factory_create_thread(l4_cap_idx_t factory, l4_cap_idx_t target_cap)
{
    return l4_factory_create_thread_u(factory, target_cap, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_factory_create_factory_u(l4_cap_idx_t factory, l4_cap_idx_t target_cap, unsigned long limit,
                                                  l4_utcb_t *u)
{
    l4_msgtag_t tag = l4_factory_create_start_u(L4_PROTO_FACTORY, target_cap, u);

    l4_factory_create_add_uint_u(limit, &tag, u);
    return l4_factory_create_commit_u(factory, tag, u);
}
/* A factory with a quota of limit bytes (> 0), taken from this factory at once. */
L4_INLINE l4_msgtag_t l4_factory_create_factory(l4_cap_idx_t factory, l4_cap_idx_t target_cap, unsigned long limit)
{
    return l4_factory_create_factory_u(factory, target_cap, limit, l4_utcb());
}
EXTERN_C_BEGIN
l4_msgtag_t l4_factory_create_gate_u(l4_cap_idx_t factory, l4_cap_idx_t target_cap, l4_cap_idx_t snd_dst_cap,
                                     l4_umword_t label, l4_utcb_t *u);
EXTERN_C_END
/* An IPC gate. snd_dst_cap: thread (S right) that receives its messages, or L4_INVALID_CAP for an unbound gate. label:
 * what the receiver gets, low two bits 0 (they will carry the client's W and S rights). Own errors: -L4_EINVAL (label,
 * no thread), -L4_EPERM (S right of the thread). */
L4_INLINE l4_msgtag_t l4_factory_create_gate(l4_cap_idx_t factory, l4_cap_idx_t target_cap, l4_cap_idx_t snd_dst_cap,
                                             l4_umword_t label)
{
    return l4_factory_create_gate_u(factory, target_cap, snd_dst_cap, label, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_factory_create_irq_u(l4_cap_idx_t factory, l4_cap_idx_t target_cap, l4_utcb_t *u)
{
    return l4_factory_create_u(factory, L4_PROTO_IRQ_SENDER, target_cap, u);
}
/* An IRQ object: unbound; a trigger is remembered until it is bound. */
L4_INLINE l4_msgtag_t l4_factory_create_irq(l4_cap_idx_t factory, l4_cap_idx_t target_cap)
{
    return l4_factory_create_irq_u(factory, target_cap, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_factory_create_vm_u(l4_cap_idx_t factory, l4_cap_idx_t target_cap, l4_utcb_t *u)
{
    return l4_factory_create_u(factory, L4_PROTO_VM, target_cap, u);
}
/* A guest-physical address space; -L4_ENODEV without hardware virtualisation. */
L4_INLINE l4_msgtag_t l4_factory_create_vm(l4_cap_idx_t factory, l4_cap_idx_t target_cap)
{
    return l4_factory_create_vm_u(factory, target_cap, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_factory_create_vcpu_context_u(l4_cap_idx_t factory, l4_cap_idx_t target_cap, l4_utcb_t *u)
{
    return l4_factory_create_u(factory, L4_PROTO_VCPU_CONTEXT, target_cap, u);
}
/* A container for hardware vCPU state; -L4_ENODEV without hardware virtualisation. */
L4_INLINE l4_msgtag_t l4_factory_create_vcpu_context(l4_cap_idx_t factory, l4_cap_idx_t target_cap)
{
    return l4_factory_create_vcpu_context_u(factory, target_cap, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_factory_create_thread_group_u(l4_cap_idx_t factory, l4_cap_idx_t target_cap, unsigned policy,
                                                       l4_utcb_t *u)
{
    l4_msgtag_t tag = l4_factory_create_start_u(L4_PROTO_THREAD_GROUP, target_cap, u);

    l4_factory_create_add_uint_u(policy, &tag, u);
    return l4_factory_create_commit_u(factory, tag, u);
}
/* A thread group; -L4_ENODEV on kernels without. policy: l4_thread_group_policy. */
L4_INLINE l4_msgtag_t l4_factory_create_thread_group(l4_cap_idx_t factory, l4_cap_idx_t target_cap, unsigned policy)
{
    return l4_factory_create_thread_group_u(factory, target_cap, policy, l4_utcb());
}
