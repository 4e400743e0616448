/* SPDX-License-Identifier: MIT */
/* Has the kernel debugger print its memory statistics. 0 or a negated error. */
#pragma once
#include <l4/sys/kdebug.h>
#include <l4/sys/kernel_object.h>

L4_INLINE long fiasco_dump_kmem_stats(void)
{
    l4_utcb_t *u = l4_utcb();

    l4_utcb_mr_u(u)->mr[0] = L4_KDEBUG_GROUP_DUMP;
    return l4_error_u(l4_invoke_debugger(L4_BASE_DEBUGGER_CAP, l4_msgtag(0, 1, 0, 0), u), u);
}
