/* SPDX-License-Identifier: MIT */
/*
 * Kernel debugger object (slot 10 of the boot tasks, capability "jdb"); only in kernels with the debugger. Names and
 * ids of kernel objects. Without the object every function fails with IPC error 4, without the operation with
 * -L4_ENOSYS.
 */
#pragma once
#include <l4/sys/kernel_object.h>

enum l4_debugger_ops {
    L4_DEBUGGER_KOBJ_SET_NAME_OP = 0,
    L4_DEBUGGER_KOBJ_GET_GLOBAL_ID_OP = 1,
    L4_DEBUGGER_KOBJ_PTR_GET_GLOBAL_ID_OP = 2,
    L4_DEBUGGER_LOG_QUERY_TYPEID_OP = 3,
    L4_DEBUGGER_LOG_SWITCH_OP = 4,
    L4_DEBUGGER_GLOBAL_ID_GET_NAME_OP = 5,
    L4_DEBUGGER_LOG_QUERY_NAME_OP = 6,
    L4_DEBUGGER_TASK_ADD_IMAGE_INFO_OP = 7,
    L4_DEBUGGER_KOBJ_GET_NAME_OP = 8,
    L4_DEBUGGER_OBJ_INFO_OP = 0x10
};
enum l4_debugger_switch_log { L4_DEBUGGER_SWITCH_LOG_OFF = 0, L4_DEBUGGER_SWITCH_LOG_ON = 1 };

EXTERN_C_BEGIN
l4_msgtag_t l4_debugger_set_object_name_u(l4_cap_idx_t cap, const char *name, l4_utcb_t *u);
l4_ret_t l4_debugger_query_object_name_u(l4_cap_idx_t cap, unsigned id, char *name, unsigned size, l4_utcb_t *u);
l4_ret_t l4_debugger_get_object_name_u(l4_cap_idx_t cap, char *name, unsigned size, l4_utcb_t *u);
unsigned long l4_debugger_global_id_u(l4_cap_idx_t cap, l4_utcb_t *u);
unsigned long l4_debugger_kobj_to_id_u(l4_cap_idx_t cap, l4_addr_t kobjp, l4_utcb_t *u);
l4_ret_t l4_debugger_query_log_typeid_u(l4_cap_idx_t cap, const char *name, unsigned idx, l4_utcb_t *u);
l4_ret_t l4_debugger_query_log_name_u(l4_cap_idx_t cap, unsigned idx, char *name, unsigned namelen, char *shortname,
                                      unsigned shortnamelen, l4_utcb_t *u);
l4_msgtag_t l4_debugger_switch_log_u(l4_cap_idx_t cap, const char *name, int on_off, l4_utcb_t *u);
l4_msgtag_t l4_debugger_add_image_info_u(l4_cap_idx_t cap, l4_addr_t base, const char *name, l4_utcb_t *u);
EXTERN_C_END
/* Names the object cap; at most 55 characters are sent. */
L4_INLINE l4_msgtag_t l4_debugger_set_object_name(l4_cap_idx_t cap, const char *name)
{
    return l4_debugger_set_object_name_u(cap, name, l4_utcb());
}
/* Name of the object with the global id; name: size bytes, zero-terminated afterwards. 0 or a negative error. */
L4_INLINE l4_ret_t l4_debugger_query_object_name(l4_cap_idx_t cap, unsigned id, char *name, unsigned size)
{
    return l4_debugger_query_object_name_u(cap, id, name, size, l4_utcb());
}
/* Name of the object cap. */
L4_INLINE l4_ret_t l4_debugger_get_object_name(l4_cap_idx_t cap, char *name, unsigned size)
{
    return l4_debugger_get_object_name_u(cap, name, size, l4_utcb());
}
/* Global id of the object cap; ~0 on failure. */
L4_INLINE unsigned long l4_debugger_global_id(l4_cap_idx_t cap)
{
    return l4_debugger_global_id_u(cap, l4_utcb());
}
/* Global id of the kernel's object at kobjp; ~0 on failure. */
L4_INLINE unsigned long l4_debugger_kobj_to_id(l4_cap_idx_t cap, l4_addr_t kobjp)
{
    return l4_debugger_kobj_to_id_u(cap, kobjp, l4_utcb());
}
/* Id of the log type name, searched from idx on, or a negative error. */
L4_INLINE l4_ret_t l4_debugger_query_log_typeid(l4_cap_idx_t cap, const char *name, unsigned idx)
{
    return l4_debugger_query_log_typeid_u(cap, name, idx, l4_utcb());
}
/* Names of the log type idx. 0 or a negative error. */
L4_INLINE l4_ret_t l4_debugger_query_log_name(l4_cap_idx_t cap, unsigned idx, char *name, unsigned namelen,
                                              char *shortname, unsigned shortnamelen)
{
    return l4_debugger_query_log_name_u(cap, idx, name, namelen, shortname, shortnamelen, l4_utcb());
}
/* Turns logging of an event type on or off. */
L4_INLINE l4_msgtag_t l4_debugger_switch_log(l4_cap_idx_t cap, const char *name, int on_off)
{
    return l4_debugger_switch_log_u(cap, name, on_off, l4_utcb());
}
/* Tells the debugger where an image of the task cap begins. */
L4_INLINE l4_msgtag_t l4_debugger_add_image_info(l4_cap_idx_t cap, l4_addr_t base, const char *name)
{
    return l4_debugger_add_image_info_u(cap, base, name, l4_utcb());
}
