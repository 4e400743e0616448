/* SPDX-License-Identifier: MIT */
/* Stubs of the kernel debugger's object operations. */
#include <l4/sys/debugger.h>
#include <l4/sys/kdebug.h>
#include "copy.h"

#define NAME_MAX_BYTES 56u /* what is sent of a name, with its zero */

static void put_name(l4_umword_t *mr, char const *name, unsigned *words)
{
    unsigned len = text_len(name) + 1;

    if (len > NAME_MAX_BYTES)
        len = NAME_MAX_BYTES;
    mr[len / 8] = 0;
    copy_bytes(mr, name, len);
    ((char *)mr)[len - 1] = 0;
    *words += l4_bytes_to_mwords(len);
}

/* Copies a text of at most max bytes out of the message; it ends with a zero in any case. */
static void take_name(char *name, unsigned size, char const *from, unsigned max)
{
    unsigned i = 0;

    if (!size)
        return;
    for (; i + 1 < size && i < max && from[i]; i++)
        name[i] = from[i];
    name[i] = 0;
}

static l4_msgtag_t invoke(l4_cap_idx_t obj, l4_utcb_t *u, unsigned op, unsigned words, unsigned items)
{
    l4_utcb_mr_u(u)->mr[0] = L4_KDEBUG_GROUP_KOBJ | op;
    return l4_invoke_debugger(obj, l4_msgtag(0, words, items, 0), u);
}

l4_msgtag_t l4_debugger_set_object_name_u(l4_cap_idx_t cap, const char *name, l4_utcb_t *u)
{
    unsigned words = 1;

    put_name(&l4_utcb_mr_u(u)->mr[1], name, &words);
    l4_kobject_arg_(u, words, cap);
    return invoke(L4_BASE_DEBUGGER_CAP, u, L4_DEBUGGER_KOBJ_SET_NAME_OP, words, 1);
}

l4_ret_t l4_debugger_query_object_name_u(l4_cap_idx_t cap, unsigned id, char *name, unsigned size, l4_utcb_t *u)
{
    l4_ret_t r;

    l4_utcb_mr_u(u)->mr[1] = id;
    r = l4_error_u(invoke(cap, u, L4_DEBUGGER_GLOBAL_ID_GET_NAME_OP, 2, 0), u);
    if (r >= 0)
        take_name(name, size, (char const *)&l4_utcb_mr_u(u)->mr[0], L4_UTCB_GENERIC_DATA_SIZE * 8);
    return r < 0 ? r : 0;
}

l4_ret_t l4_debugger_get_object_name_u(l4_cap_idx_t cap, char *name, unsigned size, l4_utcb_t *u)
{
    l4_ret_t r;

    l4_kobject_arg_(u, 1, cap);
    r = l4_error_u(invoke(L4_BASE_DEBUGGER_CAP, u, L4_DEBUGGER_KOBJ_GET_NAME_OP, 1, 1), u);
    if (r >= 0)
        take_name(name, size, (char const *)&l4_utcb_mr_u(u)->mr[0], L4_UTCB_GENERIC_DATA_SIZE * 8);
    return r < 0 ? r : 0;
}

unsigned long l4_debugger_global_id_u(l4_cap_idx_t cap, l4_utcb_t *u)
{
    l4_kobject_arg_(u, 1, cap);
    if (l4_error_u(invoke(L4_BASE_DEBUGGER_CAP, u, L4_DEBUGGER_KOBJ_GET_GLOBAL_ID_OP, 1, 1), u) < 0)
        return ~0ul;
    return l4_utcb_mr_u(u)->mr[0];
}

unsigned long l4_debugger_kobj_to_id_u(l4_cap_idx_t cap, l4_addr_t kobjp, l4_utcb_t *u)
{
    l4_utcb_mr_u(u)->mr[1] = kobjp;
    if (l4_error_u(invoke(cap, u, L4_DEBUGGER_KOBJ_PTR_GET_GLOBAL_ID_OP, 2, 0), u) < 0)
        return ~0ul;
    return l4_utcb_mr_u(u)->mr[0];
}

l4_ret_t l4_debugger_query_log_typeid_u(l4_cap_idx_t cap, const char *name, unsigned idx, l4_utcb_t *u)
{
    unsigned words = 2;

    l4_utcb_mr_u(u)->mr[1] = idx;
    put_name(&l4_utcb_mr_u(u)->mr[2], name, &words);
    return l4_error_u(invoke(cap, u, L4_DEBUGGER_LOG_QUERY_TYPEID_OP, words, 0), u);
}

l4_ret_t l4_debugger_query_log_name_u(l4_cap_idx_t cap, unsigned idx, char *name, unsigned namelen,
                                         char *shortname, unsigned shortnamelen, l4_utcb_t *u)
{
    char const *text = (char const *)&l4_utcb_mr_u(u)->mr[0];
    unsigned const max = L4_UTCB_GENERIC_DATA_SIZE * 8;
    unsigned first = 0;
    l4_ret_t r;

    l4_utcb_mr_u(u)->mr[1] = idx;
    r = l4_error_u(invoke(cap, u, L4_DEBUGGER_LOG_QUERY_NAME_OP, 2, 0), u);
    if (r < 0)
        return r;
    while (first < max && text[first])
        first++;
    take_name(name, namelen, text, max);
    take_name(shortname, shortnamelen, first + 1 < max ? text + first + 1 : "", first + 1 < max ? max - first - 1 : 0);
    return 0;
}

l4_msgtag_t l4_debugger_switch_log_u(l4_cap_idx_t cap, const char *name, int on_off, l4_utcb_t *u)
{
    unsigned words = 2;

    l4_utcb_mr_u(u)->mr[1] = on_off ? L4_DEBUGGER_SWITCH_LOG_ON : L4_DEBUGGER_SWITCH_LOG_OFF;
    put_name(&l4_utcb_mr_u(u)->mr[2], name, &words);
    return invoke(cap, u, L4_DEBUGGER_LOG_SWITCH_OP, words, 0);
}

l4_msgtag_t l4_debugger_add_image_info_u(l4_cap_idx_t cap, l4_addr_t base, const char *name, l4_utcb_t *u)
{
    unsigned words = 2;

    l4_utcb_mr_u(u)->mr[1] = base;
    put_name(&l4_utcb_mr_u(u)->mr[2], name, &words);
    l4_kobject_arg_(u, words, cap);
    return invoke(L4_BASE_DEBUGGER_CAP, u, L4_DEBUGGER_TASK_ADD_IMAGE_INFO_OP, words, 1);
}
