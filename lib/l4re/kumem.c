/* SPDX-License-Identifier: MIT */
/* Kernel-user memory: an area that nobody attaches to, given to the kernel. */
#include <l4/re/c/rm.h>
#include <l4/re/c/util/kumem_alloc.h>
#include <l4/sys/task.h>

#define PAGES_ORDER_MAX 5u /* the kernel takes at most 2^17 bytes at once */

int l4re_util_kumem_alloc(l4_addr_t *mem, unsigned pages_order, l4_cap_idx_t task, l4_cap_idx_t rm)
{
    l4_addr_t addr = 0x10000;
    l4_fpage_t fp;
    long r;

    if (pages_order > PAGES_ORDER_MAX)
        return -L4_EINVAL;
    r = l4re_rm_reserve_area_srv(rm, &addr, L4_PAGESIZE << pages_order, L4RE_RM_F_RESERVED | L4RE_RM_F_SEARCH_ADDR,
                                 (unsigned char)(L4_PAGESHIFT + pages_order));
    if (r < 0)
        return (int)r;
    fp = l4_fpage(addr, L4_PAGESHIFT + pages_order, L4_FPAGE_RW);
    r = l4_error(l4_task_add_ku_mem(task, &fp));
    if (r < 0) {
        l4re_rm_free_area_srv(rm, addr);
        return (int)r;
    }
    *mem = l4_fpage_memaddr(fp);
    return 0;
}
