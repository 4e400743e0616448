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
/* Names the object cap; at most 55 characters are sent. */
l4_msgtag_t l4_debugger_set_object_name(l4_cap_idx_t cap, const char *name);
/* Name of the object with the global id; name: size bytes, zero-terminated afterwards. 0 or a negative error. */
l4_ret_t l4_debugger_query_object_name(l4_cap_idx_t cap, unsigned id, char *name, unsigned size);
/* Name of the object cap. */
l4_ret_t l4_debugger_get_object_name(l4_cap_idx_t cap, char *name, unsigned size);
/* Global id of the object cap; ~0 on failure. */
unsigned long l4_debugger_global_id(l4_cap_idx_t cap);
/* Global id of the kernel's object at kobjp; ~0 on failure. */
unsigned long l4_debugger_kobj_to_id(l4_cap_idx_t cap, l4_addr_t kobjp);
/* Id of the log type name, searched from idx on, or a negative error. */
l4_ret_t l4_debugger_query_log_typeid(l4_cap_idx_t cap, const char *name, unsigned idx);
/* Names of the log type idx. 0 or a negative error. */
l4_ret_t l4_debugger_query_log_name(l4_cap_idx_t cap, unsigned idx, char *name, unsigned namelen, char *shortname,
                                    unsigned shortnamelen);
/* Turns logging of an event type on or off. */
l4_msgtag_t l4_debugger_switch_log(l4_cap_idx_t cap, const char *name, int on_off);
/* Tells the debugger where an image of the task cap begins. */
l4_msgtag_t l4_debugger_add_image_info(l4_cap_idx_t cap, l4_addr_t base, const char *name);
EXTERN_C_END
