/* SPDX-License-Identifier: MIT */
/* A failed l4_assert(): says where, then the thread sleeps for ever (nobody is asked to end it). */
#include <l4/sys/assert.h>
#include <l4/sys/ipc.h>
#include <l4/sys/kdebug.h>

void l4_assert_fail(char const *expr, char const *file, int line)
{
    l4_kd_outstring("assertion failed: ");
    l4_kd_outstring(expr);
    l4_kd_outstring(" (");
    l4_kd_outstring(file);
    l4_kd_outstring(":");
    l4_kd_outdec(line);
    l4_kd_outstring(")\n");
    for (;;)
        l4_ipc_sleep(L4_IPC_NEVER);
}
