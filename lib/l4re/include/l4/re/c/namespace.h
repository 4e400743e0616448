/* SPDX-License-Identifier: MIT */
/* Name space: names to capabilities. A path's components are separated by '/', each resolved by the name space found
 * before. */
#pragma once
#include <l4/sys/types.h>

typedef l4_cap_idx_t l4re_namespace_t;

enum l4re_ns_register_flags {
    L4RE_NS_REGISTER_RO = 4,
    L4RE_NS_REGISTER_S = 2,
    L4RE_NS_REGISTER_RW = 5,
    L4RE_NS_REGISTER_RWS = 7,
    L4RE_NS_REGISTER_DIR = 0x10,
    L4RE_NS_REGISTER_LINK = 0x100,
    L4RE_NS_REGISTER_OVERWRITE = 0x200
};
#define L4RE_NS_PARTIAL 0x20 /* in the result of a query */
#define L4RE_NS_DEFAULT_TIMEOUT 3600000 /* milliseconds */

EXTERN_C_BEGIN
/* Looks name up and puts the capability into the slot cap. A name whose object is not there yet is asked for again
 * (with pauses of 10 to 160 ms) until timeout milliseconds are over: -L4_EAGAIN then. -L4_ENOENT: no such name;
 * -L4_EINVAL: empty name, negative timeout. */
l4_ret_t l4re_ns_query_to_srv(l4re_namespace_t srv, char const *name, l4_cap_idx_t const cap, int timeout);
/* The same for len characters. */
l4_ret_t l4re_ns_query_len_srv(l4re_namespace_t srv, char const *name, unsigned len, l4_cap_idx_t const cap,
                               int timeout);
/* One question without waiting or going on: name of len characters (not empty) asked of srv, the answer's capability in
 * slot cap. >= 0 with L4RE_NS_PARTIAL: only the first component is resolved; cap is the name space to ask for the last
 * *rest characters of name. */
l4_ret_t l4re_ns_query_step(l4re_namespace_t srv, char const *name, unsigned len, l4_cap_idx_t cap, unsigned *rest);
/* Registers obj (L4_INVALID_CAP: a place holder) as name. flags: L4RE_NS_REGISTER_*. -L4_EEXIST, -L4_EINVAL ('/' in the
 * name), -L4_EPERM. */
l4_ret_t l4re_ns_register_obj_srv(l4re_namespace_t srv, char const *name, l4_cap_idx_t const obj, unsigned flags);
/* Removes a name: -L4_ENOENT, -L4_EACCESS, -L4_EPERM. */
l4_ret_t l4re_ns_unlink_srv(l4re_namespace_t srv, char const *name);
/* Path that begins at the program's named capabilities ("rom/hello"): resolves it into the slot cap. A path of one name
 * copies the named capability. */
l4_ret_t l4re_ns_query_env(char const *path, l4_cap_idx_t const cap, int timeout);
EXTERN_C_END
L4_INLINE l4_ret_t l4re_ns_query_srv(l4re_namespace_t srv, char const *name, l4_cap_idx_t const cap)
{
    return l4re_ns_query_to_srv(srv, name, cap, L4RE_NS_DEFAULT_TIMEOUT);
}
