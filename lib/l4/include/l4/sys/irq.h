/* SPDX-License-Identifier: MIT */
/*
 * IRQ object: hardware interrupt (bound to an ICU line) or software interrupt. A message from it has tag 0 and the
 * label it was bound with (l4_rcv_ep_bind_thread()). At most one message is pending; triggers are not counted.
 */
#pragma once
#include <l4/sys/rcv_endpoint.h>

enum L4_irq_sender_op { L4_IRQ_SENDER_OP_RESERVED1 = 0, L4_IRQ_SENDER_OP_DETACH = 1, L4_IRQ_SENDER_OP_BIND_VCPU = 2 };
enum L4_irq_op { L4_IRQ_OP_TRIGGER = 2, L4_IRQ_OP_EOI = 4 };

L4_INLINE l4_msgtag_t l4_irq_detach_u(l4_cap_idx_t irq, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_IRQ_SENDER_OP_DETACH;
    return l4_kobject_call_(irq, u, L4_PROTO_IRQ_SENDER, 1, 0);
}
/* Unbinds from its thread (S right). Label: 0 nothing was pending, 1 something was. Errors: -L4_EPERM, -L4_ENOENT. */
L4_INLINE l4_msgtag_t l4_irq_detach(l4_cap_idx_t irq) { return l4_irq_detach_u(irq, l4_utcb()); }
L4_INLINE l4_msgtag_t l4_irq_bind_vcpu_u(l4_cap_idx_t irq, l4_cap_idx_t thread, l4_umword_t cfg, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_IRQ_SENDER_OP_BIND_VCPU;
    l4_utcb_mr_u(u)->mr[1] = cfg;
    l4_kobject_arg_(u, 2, thread);
    return l4_kobject_call_(irq, u, L4_PROTO_IRQ_SENDER, 2, 1);
}
/* Direct injection into a vCPU; -L4_ENOSYS without. */
L4_INLINE l4_msgtag_t l4_irq_bind_vcpu(l4_cap_idx_t irq, l4_cap_idx_t thread, l4_umword_t cfg)
{
    return l4_irq_bind_vcpu_u(irq, thread, cfg, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_irq_trigger_u(l4_cap_idx_t irq, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_IRQ_OP_TRIGGER;
    return l4_ipc_send(irq, u, l4_msgtag(L4_PROTO_IRQ, 1, 0, 0), L4_IPC_BOTH_TIMEOUT_0);
}
/* Triggers; does not block and gets no answer. No right is needed. */
L4_INLINE l4_msgtag_t l4_irq_trigger(l4_cap_idx_t irq) { return l4_irq_trigger_u(irq, l4_utcb()); }
L4_INLINE l4_msgtag_t l4_irq_receive_u(l4_cap_idx_t irq, l4_timeout_t to, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_IRQ_OP_EOI;
    return l4_ipc_call(irq, u, l4_msgtag(L4_PROTO_IRQ, 1, 0, 0), to);
}
/* Unmasks and waits for this IRQ, which must be bound to the caller. */
L4_INLINE l4_msgtag_t l4_irq_receive(l4_cap_idx_t irq, l4_timeout_t to) { return l4_irq_receive_u(irq, to, l4_utcb()); }
L4_INLINE l4_msgtag_t l4_irq_wait_u(l4_cap_idx_t irq, l4_umword_t *label, l4_timeout_t to, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_IRQ_OP_EOI;
    return l4_ipc_send_and_wait(irq, u, l4_msgtag(L4_PROTO_IRQ, 1, 0, 0), label, to);
}
/* Unmasks irq and waits for a message from anybody. */
L4_INLINE l4_msgtag_t l4_irq_wait(l4_cap_idx_t irq, l4_umword_t *label, l4_timeout_t to)
{
    return l4_irq_wait_u(irq, label, to, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_irq_unmask_u(l4_cap_idx_t irq, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_IRQ_OP_EOI;
    return l4_ipc_send(irq, u, l4_msgtag(L4_PROTO_IRQ, 1, 0, 0), L4_IPC_NEVER);
}
/* Unmasks; no answer. */
L4_INLINE l4_msgtag_t l4_irq_unmask(l4_cap_idx_t irq) { return l4_irq_unmask_u(irq, l4_utcb()); }
