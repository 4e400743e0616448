/* SPDX-License-Identifier: MIT */
/* The program's environment: set once by start code, searched by name. */
#include <l4/re/env.h>

l4re_env_t *l4re_global_env;

/* Who made the entry has cut a longer name: so does who looks for it. */
static int name_matches(l4re_env_cap_entry_t const *e, char const *name, unsigned len)
{
    unsigned i;

    if (len > sizeof e->name)
        len = sizeof e->name;
    for (i = 0; i < len; i++)
        if (e->name[i] != name[i] || !name[i])
            return 0;
    return i == sizeof e->name || !e->name[i];
}

l4re_env_cap_entry_t const *l4re_env_get_cap_l(char const *name, unsigned l, l4re_env_t const *e)
{
    if (!e || !e->caps)
        return NULL;
    for (l4re_env_cap_entry_t const *c = e->caps; c->flags != ~0ul; c++)
        if (name_matches(c, name, l))
            return c;
    return NULL;
}

l4_cap_idx_t l4re_env_get_cap_e(char const *name, l4re_env_t const *e)
{
    l4re_env_cap_entry_t const *c;
    unsigned len = 0;

    while (name[len] && len <= sizeof c->name)
        len++;
    c = l4re_env_get_cap_l(name, len, e);
    return c ? c->cap : L4_INVALID_CAP;
}
