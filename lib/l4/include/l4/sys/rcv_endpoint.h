/* SPDX-License-Identifier: MIT */
/* Receive endpoint: what IPC gates and IRQs have in common, the binding to a thread. Protocol L4_PROTO_KOBJECT. */
#pragma once
#include <l4/sys/kernel_object.h>

enum L4_rcv_ep_ops { L4_RCV_EP_BIND_OP = 0x10 };

L4_INLINE l4_msgtag_t l4_rcv_ep_bind_snd_destination_u(l4_cap_idx_t ep, l4_cap_idx_t snd_dst, l4_umword_t label,
                                                       l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_RCV_EP_BIND_OP;
    l4_utcb_mr_u(u)->mr[1] = label;
    l4_kobject_arg_(u, 2, snd_dst);
    return l4_kobject_call_(ep, u, L4_PROTO_KOBJECT, 2, 1);
}
/* Messages of ep go to the thread or thread group snd_dst from now on; see l4_rcv_ep_bind_thread(). */
L4_INLINE l4_msgtag_t l4_rcv_ep_bind_snd_destination(l4_cap_idx_t ep, l4_cap_idx_t snd_dst, l4_umword_t label)
{
    return l4_rcv_ep_bind_snd_destination_u(ep, snd_dst, label, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_rcv_ep_bind_thread_u(l4_cap_idx_t ep, l4_cap_idx_t thread, l4_umword_t label, l4_utcb_t *u)
{
    return l4_rcv_ep_bind_snd_destination_u(ep, thread, label, u);
}
/* Binds the gate or IRQ ep to thread, which then receives its messages with label. ep and thread need the S right, a
 * gate also the server right (L4_FPAGE_C_IPCGATE_SVR): without it the request goes to the bound thread. A gate's label
 * must have its low two bits 0. Wakes clients that wait for the gate to be bound. Errors: -L4_EINVAL (label, no
 * thread), -L4_EPERM. */
L4_INLINE l4_msgtag_t l4_rcv_ep_bind_thread(l4_cap_idx_t ep, l4_cap_idx_t thread, l4_umword_t label)
{
    return l4_rcv_ep_bind_thread_u(ep, thread, label, l4_utcb());
}
