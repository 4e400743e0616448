/* SPDX-License-Identifier: MIT */
/* Platform control: shutdown, reboot, suspend, CPUs. Spoken by the ICU object of the boot tasks (protocol 0). */
#pragma once
#include <l4/sys/kernel_object.h>

#define L4_PROTO_PLATFORM_CTL 0l
enum L4_platform_ctl_ops {
    L4_PLATFORM_CTL_SYS_SUSPEND_OP = 0,
    L4_PLATFORM_CTL_SYS_SHUTDOWN_OP = 1,
    L4_PLATFORM_CTL_CPU_ALLOW_SHUTDOWN_OP = 2,
    L4_PLATFORM_CTL_CPU_ENABLE_OP = 3,
    L4_PLATFORM_CTL_CPU_DISABLE_OP = 4,
    L4_PLATFORM_CTL_SET_TASK_ASID_OP = 0x10
};

L4_INLINE l4_msgtag_t l4_platform_ctl_op_(l4_cap_idx_t pfc, l4_utcb_t *u, l4_umword_t op, l4_umword_t a, l4_umword_t b,
                                          unsigned words)
{
    l4_utcb_mr_u(u)->mr[0] = op;
    l4_utcb_mr_u(u)->mr[1] = a;
    l4_utcb_mr_u(u)->mr[2] = b;
    return l4_kobject_call_(pfc, u, L4_PROTO_PLATFORM_CTL, words, 0);
}
L4_INLINE l4_msgtag_t l4_platform_ctl_system_suspend_u(l4_cap_idx_t pfc, l4_umword_t extras, l4_utcb_t *u)
{
    return l4_platform_ctl_op_(pfc, u, L4_PLATFORM_CTL_SYS_SUSPEND_OP, extras, 0, 2);
}
/* Suspends to RAM; 0 after resume. extras: ACPI sleep type. Errors: -L4_ENODEV, -L4_EBUSY, -L4_EINVAL. */
L4_INLINE l4_msgtag_t l4_platform_ctl_system_suspend(l4_cap_idx_t pfc, l4_umword_t extras)
{
    return l4_platform_ctl_system_suspend_u(pfc, extras, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_platform_ctl_system_shutdown_u(l4_cap_idx_t pfc, l4_umword_t reboot, l4_utcb_t *u)
{
    return l4_platform_ctl_op_(pfc, u, L4_PLATFORM_CTL_SYS_SHUTDOWN_OP, reboot, 0, 2);
}
/* reboot: 0 power off, 1 reboot. -L4_ENOSYS where the platform has no way to power off. */
L4_INLINE l4_msgtag_t l4_platform_ctl_system_shutdown(l4_cap_idx_t pfc, l4_umword_t reboot)
{
    return l4_platform_ctl_system_shutdown_u(pfc, reboot, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_platform_ctl_cpu_allow_shutdown_u(l4_cap_idx_t pfc, l4_umword_t phys_id, l4_umword_t enable,
                                                           l4_utcb_t *u)
{
    return l4_platform_ctl_op_(pfc, u, L4_PLATFORM_CTL_CPU_ALLOW_SHUTDOWN_OP, phys_id, enable, 3);
}
/* enable: 1 the CPU may be turned off while idle. */
L4_INLINE l4_msgtag_t l4_platform_ctl_cpu_allow_shutdown(l4_cap_idx_t pfc, l4_umword_t phys_id, l4_umword_t enable)
{
    return l4_platform_ctl_cpu_allow_shutdown_u(pfc, phys_id, enable, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_platform_ctl_cpu_enable_u(l4_cap_idx_t pfc, l4_umword_t phys_id, l4_utcb_t *u)
{
    return l4_platform_ctl_op_(pfc, u, L4_PLATFORM_CTL_CPU_ENABLE_OP, phys_id, 0, 2);
}
/* -L4_ENOSYS where CPUs cannot be turned on. */
L4_INLINE l4_msgtag_t l4_platform_ctl_cpu_enable(l4_cap_idx_t pfc, l4_umword_t phys_id)
{
    return l4_platform_ctl_cpu_enable_u(pfc, phys_id, l4_utcb());
}
L4_INLINE l4_msgtag_t l4_platform_ctl_cpu_disable_u(l4_cap_idx_t pfc, l4_umword_t phys_id, l4_utcb_t *u)
{
    return l4_platform_ctl_op_(pfc, u, L4_PLATFORM_CTL_CPU_DISABLE_OP, phys_id, 0, 2);
}
/* -L4_ENOSYS where CPUs cannot be turned off. */
L4_INLINE l4_msgtag_t l4_platform_ctl_cpu_disable(l4_cap_idx_t pfc, l4_umword_t phys_id)
{
    return l4_platform_ctl_cpu_disable_u(pfc, phys_id, l4_utcb());
}
