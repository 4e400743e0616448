/* SPDX-License-Identifier: MIT */
/* What every kernel object's stub uses, and the generic kernel-object protocol. */
#pragma once
#include <l4/sys/ipc.h>

/* Number of capability argument words: control word 8 and an object flexpage behind the untyped words. */
L4_INLINE void l4_kobject_arg_(l4_utcb_t *u, unsigned word, l4_cap_idx_t cap)
{
    l4_utcb_mr_u(u)->mr[word] = L4_ITEM_MAP;
    l4_utcb_mr_u(u)->mr[word + 1] = l4_obj_fpage(cap, 0, L4_CAP_FPAGE_RWS).raw;
}
/* Calls a kernel object; it never blocks in the IPC itself. */
L4_INLINE l4_msgtag_t l4_kobject_call_(l4_cap_idx_t obj, l4_utcb_t *u, long proto, unsigned words, unsigned items)
{
    return l4_ipc_call(obj, u, l4_msgtag(proto, words, items, 0), L4_IPC_NEVER);
}

/* Sends tag's message to the kernel debugger object. */
L4_INLINE l4_msgtag_t l4_invoke_debugger(l4_cap_idx_t obj, l4_msgtag_t tag, l4_utcb_t *utcb)
{
    return l4_ipc_call(obj, utcb,
                       l4_msgtag(L4_PROTO_DEBUGGER, l4_msgtag_words(tag), l4_msgtag_items(tag), l4_msgtag_flags(tag)),
                       L4_IPC_NEVER);
}

L4_INLINE l4_msgtag_t l4_kobject_dec_refcnt_u(l4_cap_idx_t obj, l4_mword_t diff, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = 0;
    l4_utcb_mr_u(u)->mr[1] = (l4_umword_t)diff;
    return l4_kobject_call_(obj, u, L4_PROTO_KOBJECT, 2, 0);
}
/* Subtracts diff from the gate's count of counted mappings; the new count is in MR0. The gate itself dies when a
 * counted mapping is removed while the count is <= 1: a server discounts its own reference so that its object goes with
 * the last client. obj needs the server right. Errors: -L4_EINVAL; without the server right the message goes to the
 * bound thread. */
L4_INLINE l4_msgtag_t l4_kobject_dec_refcnt(l4_cap_idx_t obj, l4_mword_t diff)
{
    return l4_kobject_dec_refcnt_u(obj, diff, l4_utcb());
}
