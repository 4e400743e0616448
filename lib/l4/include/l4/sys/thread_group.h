/* SPDX-License-Identifier: MIT */
/* Thread group: several threads behind one endpoint. Kernels without it refuse the creation with -L4_ENODEV. */
#pragma once
#include <l4/sys/kernel_object.h>

enum L4_thread_group_ops { L4_THREAD_GROUP_ADD_OP = 2, L4_THREAD_GROUP_REMOVE_OP = 3 };
enum l4_thread_group_policy {
    L4_THREAD_GROUP_POLICY_STRICT_CORE_LOCAL = 0,
    L4_THREAD_GROUP_POLICY_SOFT_CORE_LOCAL = 1
};

L4_INLINE l4_msgtag_t l4_thread_group_op_(l4_cap_idx_t tg, l4_umword_t op, l4_cap_idx_t thread, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = op;
    l4_kobject_arg_(u, 1, thread);
    return l4_kobject_call_(tg, u, L4_PROTO_THREAD_GROUP, 1, 1);
}
L4_INLINE l4_msgtag_t l4_thread_group_add_u(l4_cap_idx_t tg, l4_cap_idx_t thread, l4_utcb_t *u)
{
    return l4_thread_group_op_(tg, L4_THREAD_GROUP_ADD_OP, thread, u);
}
/* Adds thread to the group. */
L4_INLINE l4_msgtag_t l4_thread_group_add(l4_cap_idx_t tg, l4_cap_idx_t thread)
{
    return l4_thread_group_add_u(tg, thread, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_thread_group_remove_u(l4_cap_idx_t tg, l4_cap_idx_t thread, l4_utcb_t *u)
{
    return l4_thread_group_op_(tg, L4_THREAD_GROUP_REMOVE_OP, thread, u);
}
/* Removes it. */
L4_INLINE l4_msgtag_t l4_thread_group_remove(l4_cap_idx_t tg, l4_cap_idx_t thread)
{
    return l4_thread_group_remove_u(tg, thread, l4_utcb());
}
