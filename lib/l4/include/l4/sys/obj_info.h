/* SPDX-License-Identifier: MIT */
/* List of all kernel objects, for debugging; only with the debugger object (else IPC error 4 or -L4_ENOSYS). */
#pragma once
#include <l4/sys/debugger.h>
#include <l4/sys/kdebug.h>

L4_INLINE l4_msgtag_t l4_debugger_query_obj_infos_u(l4_cap_idx_t cap, l4_addr_t ku_mem_addr, l4_size_t ku_mem_size,
                                                    l4_umword_t skip, l4_umword_t *result_cnt,
                                                    l4_umword_t *result_all, l4_utcb_t *u)
{
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;
    l4_msgtag_t tag;

    mr[0] = L4_KDEBUG_GROUP_KOBJ | L4_DEBUGGER_OBJ_INFO_OP;
    mr[1] = ku_mem_addr;
    mr[2] = ku_mem_size;
    mr[3] = skip;
    tag = l4_invoke_debugger(cap, l4_msgtag(0, 4, 0, 0), u);
    if (l4_error_u(tag, u) >= 0) {
        if (result_cnt)
            *result_cnt = mr[0];
        if (result_all)
            *result_all = mr[1];
    }
    return tag;
}
L4_INLINE l4_msgtag_t l4_debugger_query_obj_infos(l4_cap_idx_t cap, l4_addr_t ku_mem_addr, l4_size_t ku_mem_size,
                                                  l4_umword_t skip, l4_umword_t *result_cnt, l4_umword_t *result_all)
{
    return l4_debugger_query_obj_infos_u(cap, ku_mem_addr, ku_mem_size, skip, result_cnt, result_all, l4_utcb());
}
