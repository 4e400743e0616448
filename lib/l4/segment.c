/* SPDX-License-Identifier: MIT */
/* Stubs of the x86 segment operations. */
#include <l4/sys/segment.h>
#include "copy.h"

#define DESCRIPTORS_MAX ((L4_UTCB_GENERIC_DATA_SIZE - 2) * 8u)

static long put_descriptors(l4_cap_idx_t obj, long proto, l4_umword_t op, void *desc, unsigned size, unsigned first,
                            l4_utcb_t *u)
{
    l4_umword_t *mr = l4_utcb_mr_u(u)->mr;

    if (size > DESCRIPTORS_MAX || size % 8)
        return -L4_EINVAL;
    mr[0] = op;
    mr[1] = first;
    copy_bytes(&mr[2], desc, size);
    return l4_error_u(l4_kobject_call_(obj, u, proto, 2 + size / 8, 0), u);
}

long fiasco_ldt_set(l4_cap_idx_t task, void *ldt, unsigned int num_desc, unsigned int entry_number_start,
                    l4_utcb_t *utcb)
{
    if (num_desc > DESCRIPTORS_MAX / 8)
        return -L4_EINVAL;
    return put_descriptors(task, L4_PROTO_TASK, L4_TASK_LDT_SET_X86_OP, ldt, num_desc * 8, entry_number_start, utcb);
}

long fiasco_gdt_set(l4_cap_idx_t thread, void *desc, unsigned int size, unsigned int entry_number_start,
                    l4_utcb_t *utcb)
{
    return put_descriptors(thread, L4_PROTO_THREAD, L4_THREAD_X86_GDT_OP, desc, size, entry_number_start, utcb);
}

unsigned fiasco_gdt_get_entry_offset(l4_cap_idx_t thread, l4_utcb_t *utcb)
{
    if (l4_error_u(l4_thread_op_(thread, utcb, L4_THREAD_X86_GDT_OP), utcb) < 0)
        return 0;
    return (unsigned)l4_utcb_mr_u(utcb)->mr[0];
}

long fiasco_amd64_set_segment_base(l4_cap_idx_t thread, enum L4_sys_segment segr, l4_umword_t base, l4_utcb_t *utcb)
{
    l4_umword_t op = L4_THREAD_AMD64_SET_SEGMENT_BASE_OP | (l4_umword_t)segr << 16;

    return l4_error_u(l4_thread_op1_(thread, utcb, op, base), utcb);
}

long fiasco_amd64_set_fs(l4_cap_idx_t thread, l4_umword_t base, l4_utcb_t *utcb)
{
    return fiasco_amd64_set_segment_base(thread, L4_AMD64_SEGMENT_FS, base, utcb);
}

long fiasco_amd64_segment_info(l4_cap_idx_t thread, unsigned *user_ds, unsigned *user_cs, unsigned *user32_cs,
                               l4_utcb_t *utcb)
{
    long r = l4_error_u(l4_thread_op_(thread, utcb, L4_THREAD_AMD64_GET_SEGMENT_INFO_OP), utcb);

    if (r < 0)
        return r;
    *user_ds = (unsigned)l4_utcb_mr_u(utcb)->mr[0];
    *user_cs = (unsigned)l4_utcb_mr_u(utcb)->mr[1];
    *user32_cs = (unsigned)l4_utcb_mr_u(utcb)->mr[2];
    return r;
}
