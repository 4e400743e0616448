/* SPDX-License-Identifier: MIT */
/* IPC gate: the kernel's object behind user-level objects. Created by l4_factory_create_gate(). */
#pragma once
#include <l4/sys/rcv_endpoint.h>

enum L4_ipc_gate_ops { L4_IPC_GATE_BIND_OP = 0x10, L4_IPC_GATE_GET_INFO_OP = 0x11 };

L4_INLINE l4_msgtag_t l4_ipc_gate_bind_thread_u(l4_cap_idx_t gate, l4_cap_idx_t thread, l4_umword_t label, l4_utcb_t *u)
{
    return l4_rcv_ep_bind_thread_u(gate, thread, label, u);
}
/* The same as l4_rcv_ep_bind_thread(). */
L4_INLINE l4_msgtag_t l4_ipc_gate_bind_thread(l4_cap_idx_t gate, l4_cap_idx_t thread, l4_umword_t label)
{
    return l4_rcv_ep_bind_thread(gate, thread, label);
}
L4_INLINE l4_msgtag_t l4_ipc_gate_bind_snd_destination_u(l4_cap_idx_t gate, l4_cap_idx_t snd_dst, l4_umword_t label,
                                                         l4_utcb_t *u)
{
    return l4_rcv_ep_bind_snd_destination_u(gate, snd_dst, label, u);
}
/* The same as l4_rcv_ep_bind_snd_destination(). */
L4_INLINE l4_msgtag_t l4_ipc_gate_bind_snd_destination(l4_cap_idx_t gate, l4_cap_idx_t snd_dst, l4_umword_t label)
{
    return l4_rcv_ep_bind_snd_destination(gate, snd_dst, label);
}
L4_INLINE l4_msgtag_t l4_ipc_gate_get_infos_u(l4_cap_idx_t gate, l4_umword_t *label, l4_utcb_t *u)
{
    l4_msgtag_t tag;

    l4_utcb_mr_u(u)->mr[0] = L4_IPC_GATE_GET_INFO_OP;
    tag = l4_kobject_call_(gate, u, L4_PROTO_KOBJECT, 1, 0);
    if (l4_error_u(tag, u) >= 0)
        *label = l4_utcb_mr_u(u)->mr[0];
    return tag;
}
/* *label: the gate's label. gate needs the server right. */
L4_INLINE l4_msgtag_t l4_ipc_gate_get_infos(l4_cap_idx_t gate, l4_umword_t *label)
{
    return l4_ipc_gate_get_infos_u(gate, label, l4_utcb());
}
