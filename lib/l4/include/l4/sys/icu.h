/* SPDX-License-Identifier: MIT */
/*
 * ICU: binds interrupt lines to IRQ objects. Protocol L4_PROTO_IRQ; also spoken by consoles (line 0: input) and
 * schedulers. irqnum: line number, or MSI number | L4_ICU_FLAG_MSI. Errors: -L4_EINVAL (no such line, occupied),
 * -L4_EPERM.
 */
#pragma once
#include <l4/sys/kernel_object.h>

#define L4_ICU_FLAG_MSI 0x80000000u
enum L4_irq_mode {
    L4_IRQ_F_NONE = 0,
    L4_IRQ_F_SET_MODE = 1,
    L4_IRQ_F_LEVEL = 2,
    L4_IRQ_F_EDGE = 0,
    L4_IRQ_F_POS = 0,
    L4_IRQ_F_NEG = 4,
    L4_IRQ_F_BOTH = 8,
    L4_IRQ_F_LEVEL_HIGH = 3,
    L4_IRQ_F_LEVEL_LOW = 7,
    L4_IRQ_F_POS_EDGE = 1,
    L4_IRQ_F_NEG_EDGE = 5,
    L4_IRQ_F_BOTH_EDGE = 9,
    L4_IRQ_F_MASK = 0xf,
    L4_IRQ_F_SET_WAKEUP = 0x10,
    L4_IRQ_F_CLEAR_WAKEUP = 0x20
};
enum L4_icu_opcode {
    L4_ICU_OP_BIND = 0,
    L4_ICU_OP_UNBIND = 1,
    L4_ICU_OP_INFO = 2,
    L4_ICU_OP_MSI_INFO = 3,
    L4_ICU_OP_UNMASK = 4,
    L4_ICU_OP_MASK = 5,
    L4_ICU_OP_SET_MODE = 6
};
enum L4_icu_ctl_op { L4_ICU_CTL_UNMASK = 0, L4_ICU_CTL_MASK = 1 };

typedef struct l4_icu_info_t {
    unsigned features; /* L4_ICU_FLAG_MSI */
    unsigned nr_irqs;
    unsigned nr_msis;
} l4_icu_info_t;
typedef struct l4_icu_msi_info_t {
    l4_uint64_t msi_addr;
    l4_uint32_t msi_data;
} l4_icu_msi_info_t;

L4_INLINE l4_msgtag_t l4_icu_op_irq_(l4_cap_idx_t icu, unsigned op, unsigned irqnum, l4_cap_idx_t irq, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = op;
    l4_utcb_mr_u(u)->mr[1] = irqnum;
    l4_kobject_arg_(u, 2, irq);
    return l4_kobject_call_(icu, u, L4_PROTO_IRQ, 2, 1);
}
L4_INLINE l4_msgtag_t l4_icu_bind_u(l4_cap_idx_t icu, unsigned irqnum, l4_cap_idx_t irq, l4_utcb_t *u)
{
    return l4_icu_op_irq_(icu, L4_ICU_OP_BIND, irqnum, irq, u);
}
/* Line irqnum triggers irq (IRQ or semaphore, W right), which is detached from where it was bound before. */
L4_INLINE l4_msgtag_t l4_icu_bind(l4_cap_idx_t icu, unsigned irqnum, l4_cap_idx_t irq)
{
    return l4_icu_bind_u(icu, irqnum, irq, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_icu_unbind_u(l4_cap_idx_t icu, unsigned irqnum, l4_cap_idx_t irq, l4_utcb_t *u)
{
    return l4_icu_op_irq_(icu, L4_ICU_OP_UNBIND, irqnum, irq, u);
}
/* Ends it. A free line is no error. */
L4_INLINE l4_msgtag_t l4_icu_unbind(l4_cap_idx_t icu, unsigned irqnum, l4_cap_idx_t irq)
{
    return l4_icu_unbind_u(icu, irqnum, irq, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_icu_set_mode_u(l4_cap_idx_t icu, unsigned irqnum, l4_umword_t mode, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_ICU_OP_SET_MODE;
    l4_utcb_mr_u(u)->mr[1] = irqnum;
    l4_utcb_mr_u(u)->mr[2] = mode;
    return l4_kobject_call_(icu, u, L4_PROTO_IRQ, 3, 0);
}
/* mode: L4_IRQ_F_*. */
L4_INLINE l4_msgtag_t l4_icu_set_mode(l4_cap_idx_t icu, unsigned irqnum, l4_umword_t mode)
{
    return l4_icu_set_mode_u(icu, irqnum, mode, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_icu_info_u(l4_cap_idx_t icu, l4_icu_info_t *info, l4_utcb_t *u)
{
    l4_msgtag_t tag;

    l4_utcb_mr_u(u)->mr[0] = L4_ICU_OP_INFO;
    tag = l4_kobject_call_(icu, u, L4_PROTO_IRQ, 1, 0);
    if (l4_error_u(tag, u) >= 0) {
        info->features = (unsigned)l4_utcb_mr_u(u)->mr[0];
        info->nr_irqs = (unsigned)l4_utcb_mr_u(u)->mr[1];
        info->nr_msis = (unsigned)l4_utcb_mr_u(u)->mr[2];
    }
    return tag;
}
/* Number of lines and MSI vectors. */
L4_INLINE l4_msgtag_t l4_icu_info(l4_cap_idx_t icu, l4_icu_info_t *info) { return l4_icu_info_u(icu, info, l4_utcb()); }
L4_INLINE l4_msgtag_t l4_icu_msi_info_u(l4_cap_idx_t icu, unsigned irqnum, l4_uint64_t source,
                                        l4_icu_msi_info_t *msi_info, l4_utcb_t *u)
{
    l4_msgtag_t tag;

    l4_utcb_mr_u(u)->mr[0] = L4_ICU_OP_MSI_INFO;
    l4_utcb_mr_u(u)->mr[1] = irqnum;
    l4_utcb_mr_u(u)->mr[2] = source;
    tag = l4_kobject_call_(icu, u, L4_PROTO_IRQ, 3, 0);
    if (l4_error_u(tag, u) >= 0) {
        msi_info->msi_addr = l4_utcb_mr_u(u)->mr[0];
        msi_info->msi_data = (l4_uint32_t)l4_utcb_mr_u(u)->mr[1];
    }
    return tag;
}
/* What to program into the device source for MSI irqnum. Errors: -L4_ERANGE, -L4_ENOSYS. */
L4_INLINE l4_msgtag_t l4_icu_msi_info(l4_cap_idx_t icu, unsigned irqnum, l4_uint64_t source,
                                      l4_icu_msi_info_t *msi_info)
{
    return l4_icu_msi_info_u(icu, irqnum, source, msi_info, l4_utcb());
}
/* op: L4_ICU_CTL_*. The object answers nothing: with a label the function waits for any message (within to), without
 * only sends. */
L4_INLINE l4_msgtag_t l4_icu_control_u(l4_cap_idx_t icu, unsigned irqnum, unsigned op, l4_umword_t *label,
                                       l4_timeout_t to, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_ICU_OP_UNMASK + op;
    l4_utcb_mr_u(u)->mr[1] = irqnum;
    if (label)
        return l4_ipc_send_and_wait(icu, u, l4_msgtag(L4_PROTO_IRQ, 2, 0, 0), label, to);
    return l4_ipc_send(icu, u, l4_msgtag(L4_PROTO_IRQ, 2, 0, 0), to);
}
L4_INLINE l4_msgtag_t l4_icu_unmask_u(l4_cap_idx_t icu, unsigned irqnum, l4_umword_t *label, l4_timeout_t to,
                                      l4_utcb_t *u)
{
    return l4_icu_control_u(icu, irqnum, L4_ICU_CTL_UNMASK, label, to, u);
}
/* Unmasks a line; see l4_icu_control_u(). */
L4_INLINE l4_msgtag_t l4_icu_unmask(l4_cap_idx_t icu, unsigned irqnum, l4_umword_t *label, l4_timeout_t to)
{
    return l4_icu_unmask_u(icu, irqnum, label, to, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_icu_mask_u(l4_cap_idx_t icu, unsigned irqnum, l4_umword_t *label, l4_timeout_t to,
                                    l4_utcb_t *u)
{
    return l4_icu_control_u(icu, irqnum, L4_ICU_CTL_MASK, label, to, u);
}
/* Masks a line. */
L4_INLINE l4_msgtag_t l4_icu_mask(l4_cap_idx_t icu, unsigned irqnum, l4_umword_t *label, l4_timeout_t to)
{
    return l4_icu_mask_u(icu, irqnum, label, to, l4_utcb());
}
