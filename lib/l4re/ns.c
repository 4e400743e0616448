/* SPDX-License-Identifier: MIT */
/* Client of name spaces; wire format and retry times: protocols section 6. */
#include <l4/re/c/namespace.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/env.h>
#include <l4/re/msg.h>
#include <l4/re/protocols.h>
#include <l4/sys/task.h>
#include <string.h>

enum { OP_QUERY = 0, OP_REGISTER = 1, OP_UNLINK = 3 };

#define RETRY_MS_FIRST 10
#define RETRY_MS_MAX 160

static long ns_call(struct l4re_call *c, l4re_namespace_t ns)
{
    return l4re_call(c, ns, L4RE_PROTO_NAMESPACE, L4_IPC_NEVER);
}

l4_ret_t l4re_ns_query_step(l4re_namespace_t srv, char const *name, unsigned len, l4_cap_idx_t cap, unsigned *rest)
{
    struct l4re_call c;
    unsigned n;
    long r;

    *rest = 0;
    if (!len)
        return -L4_EINVAL;
    l4re_call_start(&c, OP_QUERY);
    l4re_wr_name(&c.out, name, len);
    l4re_call_rcv_cap(&c, cap, 0);
    r = ns_call(&c, srv);
    if (r < 0 || !(r & L4RE_NS_PARTIAL))
        return r;
    l4re_rd_i32(&c.in);
    l4re_rd_name(&c.in, &n);
    if (c.in.err)
        return c.in.err;
    if (!n || n >= len)
        return -L4_EINVAL; /* a name that does not get shorter would be asked for ever */
    *rest = n;
    return r;
}

/* One step, again and again while the name is only promised. *left_ms: time left, reduced by the pauses. */
static long query_wait(l4re_namespace_t srv, char const *name, unsigned len, l4_cap_idx_t cap, unsigned *rest,
                       int *left_ms)
{
    int pause = RETRY_MS_FIRST;

    for (;;) {
        long r = l4re_ns_query_step(srv, name, len, cap, rest);

        if (r != -L4_EAGAIN || *left_ms <= 0)
            return r;
        if (pause > *left_ms)
            pause = *left_ms;
        l4_ipc_sleep_ms((l4_uint32_t)pause);
        *left_ms -= pause;
        pause = pause * 2 < RETRY_MS_MAX ? pause * 2 : RETRY_MS_MAX;
    }
}

l4_ret_t l4re_ns_query_len_srv(l4re_namespace_t srv, char const *name, unsigned len, l4_cap_idx_t const cap,
                               int timeout)
{
    struct l4re_caps *caps = NULL;
    l4_cap_idx_t dir = L4_INVALID_CAP; /* the name space found last */
    unsigned rest = 0;
    long r;

    if (!len || timeout < 0)
        return -L4_EINVAL;
    r = query_wait(srv, name, len, cap, &rest, &timeout);
    while (r >= 0 && rest) {
        if (!caps) {
            caps = l4re_util_caps();
            dir = l4re_caps_alloc(caps);
            if (l4_is_invalid_cap(dir)) {
                l4_task_release_cap(L4RE_THIS_TASK_CAP, cap);
                return -L4_ENOMEM;
            }
        }
        name += len - rest; /* the server answers with the end of what it was asked */
        len = rest;
        /* Granting empties cap, so that the next answer replaces nothing. */
        l4_task_map(L4RE_THIS_TASK_CAP, L4RE_THIS_TASK_CAP, l4_obj_fpage(cap, 0, L4_CAP_FPAGE_RWS),
                    l4_map_obj_control(dir, L4_MAP_ITEM_GRANT));
        r = query_wait(dir, name, len, cap, &rest, &timeout);
        l4_task_release_cap(L4RE_THIS_TASK_CAP, dir);
    }
    if (caps)
        l4re_caps_free(caps, dir);
    return r;
}

l4_ret_t l4re_ns_query_to_srv(l4re_namespace_t srv, char const *name, l4_cap_idx_t const cap, int timeout)
{
    return l4re_ns_query_len_srv(srv, name, (unsigned)strlen(name), cap, timeout);
}

l4_ret_t l4re_ns_query_env(char const *path, l4_cap_idx_t const cap, int timeout)
{
    char const *slash = strchr(path, '/');
    unsigned len = slash ? (unsigned)(slash - path) : (unsigned)strlen(path);
    l4re_env_cap_entry_t const *e = l4re_env_get_cap_l(path, len, l4re_env());

    if (!e)
        return -L4_ENOENT;
    while (slash && *slash == '/')
        slash++;
    if (slash && *slash)
        return l4re_ns_query_to_srv(e->cap, slash, cap, timeout);
    return l4_error(l4_task_map(L4RE_THIS_TASK_CAP, L4RE_THIS_TASK_CAP, l4_obj_fpage(e->cap, 0, L4_CAP_FPAGE_RWSD),
                                l4_map_obj_control(cap, L4_FPAGE_C_OBJ_RIGHTS)));
}

l4_ret_t l4re_ns_register_obj_srv(l4re_namespace_t srv, char const *name, l4_cap_idx_t const obj, unsigned flags)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_REGISTER);
    l4re_wr_u32(&c.out, flags);
    l4re_wr_name(&c.out, name, (unsigned)strlen(name));
    if (l4_is_valid_cap(obj))
        l4re_wr_cap(&c.out, obj, L4_CAP_FPAGE_RO | (flags & L4_CAP_FPAGE_RWS));
    return ns_call(&c, srv);
}

l4_ret_t l4re_ns_unlink_srv(l4re_namespace_t srv, char const *name)
{
    struct l4re_call c;

    l4re_call_start(&c, OP_UNLINK);
    l4re_wr_name(&c.out, name, (unsigned)strlen(name));
    return ns_call(&c, srv);
}
