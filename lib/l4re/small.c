/* SPDX-License-Identifier: MIT */
/* Clients of small interfaces: log, parent, debug hook. */
#include <l4/re/c/debug.h>
#include <l4/re/c/log.h>
#include <l4/re/c/parent.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <l4/sys/vcon.h>
#include <string.h>

void l4re_log_printn_srv(const l4_cap_idx_t logcap, char const *string, int len)
{
    while (len > 0 && l4_is_valid_cap(logcap)) { /* an invalid selector would name the calling thread */
        long n = l4_vcon_write(logcap, string, (unsigned)len);

        if (n <= 0)
            return;
        string += n;
        len -= (int)n;
    }
}

void l4re_log_print_srv(const l4_cap_idx_t logcap, char const *string)
{
    l4re_log_printn_srv(logcap, string, (int)strlen(string));
}

long l4re_parent_signal(l4_cap_idx_t parent, unsigned long sig, unsigned long val)
{
    struct l4re_call c;

    l4re_call_start(&c, 0);
    l4re_wr_u64(&c.out, sig);
    l4re_wr_u64(&c.out, val);
    return l4re_call(&c, parent, L4RE_PROTO_PARENT, L4_IPC_NEVER);
}

l4_ret_t l4re_debug_obj_debug(l4_cap_idx_t srv, unsigned long function)
{
    struct l4re_call c;

    l4re_call_start_raw(&c);
    l4re_wr_u64(&c.out, function);
    return l4re_call(&c, srv, L4RE_PROTO_DEBUG, L4_IPC_NEVER);
}
