/* SPDX-License-Identifier: MIT */
/*
 * Task: an address space and a capability table. Protocol L4_PROTO_TASK. Sources: C API part A.4, kernel objects
 * section 3. Common errors in the tag: IPC error 4 (no object in the slot), -L4_EBADPROTO (no task).
 */
#pragma once
#include <l4/sys/kernel_object.h>

enum L4_task_ops {
    L4_TASK_MAP_OP = 0,
    L4_TASK_UNMAP_OP = 1,
    L4_TASK_CAP_INFO_OP = 2,
    L4_TASK_ADD_KU_MEM_OP = 3,
    L4_TASK_LDT_SET_X86_OP = 0x11,
    L4_TASK_MAP_VGICC_ARM_OP = 0x12
};

L4_INLINE l4_msgtag_t l4_task_map_u(l4_cap_idx_t dst_task, l4_cap_idx_t src_task, l4_fpage_t snd_fpage,
                                    l4_umword_t snd_base, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_TASK_MAP_OP;
    l4_utcb_mr_u(u)->mr[1] = snd_base | L4_ITEM_MAP;
    l4_utcb_mr_u(u)->mr[2] = snd_fpage.raw;
    l4_kobject_arg_(u, 3, src_task);
    return l4_kobject_call_(dst_task, u, L4_PROTO_TASK, 3, 1);
}
/* Maps snd_fpage of src_task into dst_task. snd_base: control word, its hot spot is the destination address or slot
 * (l4_map_control(), l4_map_obj_control()). dst_task needs the W right. An empty source maps nothing and is no error.
 * Errors: -L4_EPERM, -L4_EINVAL (no source task), IPC error 0x10 (quota of dst_task). */
L4_INLINE l4_msgtag_t l4_task_map(l4_cap_idx_t dst_task, l4_cap_idx_t src_task, l4_fpage_t snd_fpage,
                                  l4_umword_t snd_base)
{
    return l4_task_map_u(dst_task, src_task, snd_fpage, snd_base, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_task_unmap_batch_u(l4_cap_idx_t task, l4_fpage_t const *fpages, unsigned num_fpages,
                                            l4_umword_t map_mask, l4_utcb_t *u)
{
    unsigned i;

    if (num_fpages > L4_UTCB_GENERIC_DATA_SIZE - 2)
        return l4_msgtag(-L4_EINVAL, 0, 0, 0);
    l4_utcb_mr_u(u)->mr[0] = L4_TASK_UNMAP_OP;
    l4_utcb_mr_u(u)->mr[1] = map_mask;
    for (i = 0; i < num_fpages; i++)
        l4_utcb_mr_u(u)->mr[2 + i] = fpages[i].raw;
    return l4_kobject_call_(task, u, L4_PROTO_TASK, 2 + num_fpages, 0);
}
L4_INLINE l4_msgtag_t l4_task_unmap_u(l4_cap_idx_t task, l4_fpage_t fpage, l4_umword_t map_mask, l4_utcb_t *u)
{
    return l4_task_unmap_batch_u(task, &fpage, 1, map_mask, u);
}
/* Takes back the rights in fpage from mappings derived from the task's, and from its own with L4_FP_ALL_SPACES. Memory:
 * R removes the mapping, W makes it read-only, X not executable. Objects: R empties the slot. map_mask: L4_FP_*. In the
 * reply MR2 holds fpage with "referenced" (1) and "dirty" (2) in place of the rights. */
L4_INLINE l4_msgtag_t l4_task_unmap(l4_cap_idx_t task, l4_fpage_t fpage, l4_umword_t map_mask)
{
    return l4_task_unmap_u(task, fpage, map_mask, l4_utcb());
}
/* The same for num_fpages (0..61) flexpages. More: label -L4_EINVAL, nothing done. */
L4_INLINE l4_msgtag_t l4_task_unmap_batch(l4_cap_idx_t task, l4_fpage_t const *fpages, unsigned num_fpages,
                                          l4_umword_t map_mask)
{
    return l4_task_unmap_batch_u(task, fpages, num_fpages, map_mask, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_task_delete_obj_u(l4_cap_idx_t task, l4_cap_idx_t obj, l4_utcb_t *u)
{
    return l4_task_unmap_u(task, l4_obj_fpage(obj, 0, L4_CAP_FPAGE_RWSD), L4_FP_DELETE_OBJ, u);
}
/* Deletes the object in slot obj of task if that capability has the D right; empties the slot in any case. */
L4_INLINE l4_msgtag_t l4_task_delete_obj(l4_cap_idx_t task, l4_cap_idx_t obj)
{
    return l4_task_delete_obj_u(task, obj, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_task_release_cap_u(l4_cap_idx_t task, l4_cap_idx_t cap, l4_utcb_t *u)
{
    return l4_task_unmap_u(task, l4_obj_fpage(cap, 0, L4_CAP_FPAGE_RWSD), L4_FP_ALL_SPACES, u);
}
/* Empties slot cap of task. The object goes only if this was its last counted capability. */
L4_INLINE l4_msgtag_t l4_task_release_cap(l4_cap_idx_t task, l4_cap_idx_t cap)
{
    return l4_task_release_cap_u(task, cap, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_task_cap_valid_u(l4_cap_idx_t task, l4_cap_idx_t cap, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_TASK_CAP_INFO_OP;
    l4_utcb_mr_u(u)->mr[1] = cap & ~1ul;
    return l4_kobject_call_(task, u, L4_PROTO_TASK, 2, 0);
}
/* Label 1: slot cap of task holds an object; 0: it is empty or cap is no slot. */
L4_INLINE l4_msgtag_t l4_task_cap_valid(l4_cap_idx_t task, l4_cap_idx_t cap)
{
    return l4_task_cap_valid_u(task, cap, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_task_cap_equal_u(l4_cap_idx_t task, l4_cap_idx_t cap_a, l4_cap_idx_t cap_b, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[0] = L4_TASK_CAP_INFO_OP;
    l4_utcb_mr_u(u)->mr[1] = cap_a;
    l4_utcb_mr_u(u)->mr[2] = cap_b;
    return l4_kobject_call_(task, u, L4_PROTO_TASK, 3, 0);
}
/* Label 1: both slots hold the same object with the same W and S rights (or are both empty); 0: they do not. */
L4_INLINE l4_msgtag_t l4_task_cap_equal(l4_cap_idx_t task, l4_cap_idx_t cap_a, l4_cap_idx_t cap_b)
{
    return l4_task_cap_equal_u(task, cap_a, cap_b, l4_utcb());
}

L4_INLINE l4_msgtag_t l4_task_add_ku_mem_u(l4_cap_idx_t task, l4_fpage_t *ku_mem, l4_utcb_t *u)
{
    l4_msgtag_t tag;

    l4_utcb_mr_u(u)->mr[0] = L4_TASK_ADD_KU_MEM_OP;
    l4_utcb_mr_u(u)->mr[1] = ku_mem->raw;
    tag = l4_kobject_call_(task, u, L4_PROTO_TASK, 2, 0);
    if (!l4_msgtag_has_error(tag) && l4_msgtag_label(tag) >= 0)
        ku_mem->raw = l4_utcb_mr_u(u)->mr[0];
    return tag;
}
/* Gives the task kernel-user memory (UTCBs, vCPU states) at *ku_mem: order 12..17, page aligned, nothing mapped there
 * yet. *ku_mem: what it got. The memory is zeroed, charged to the task's quota, and stays until the task goes. Errors:
 * -L4_EINVAL, -L4_ENOMEM, -L4_EEXIST, -L4_ENOSYS (no ordinary task). */
L4_INLINE l4_msgtag_t l4_task_add_ku_mem(l4_cap_idx_t task, l4_fpage_t *ku_mem)
{
    return l4_task_add_ku_mem_u(task, ku_mem, l4_utcb());
}
