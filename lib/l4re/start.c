/* SPDX-License-Identifier: MIT */
/* Takes apart the stack that a loader has built. Makes no system call and uses no library: it runs first. */
#include <l4/re/start.h>

l4_umword_t l4re_auxv_get(l4_umword_t const *auxv, l4_umword_t type)
{
    for (; auxv[0]; auxv += 2)
        if (auxv[0] == type)
            return auxv[1];
    return 0;
}

void l4re_start_init(l4_umword_t *stack, struct l4re_start *s)
{
    struct l4re_start found;
    l4_umword_t *p;
    l4_umword_t v;

    found.argc = (int)stack[0];
    found.argv = (char **)&stack[1];
    found.envp = found.argv + found.argc + 1;
    for (p = (l4_umword_t *)found.envp; *p; p++)
        ;
    found.auxv = p + 1;
    found.aux = (l4re_aux_t *)l4re_auxv_get(found.auxv, AT_L4_AUX);
    v = l4re_auxv_get(found.auxv, AT_L4_ENV);
    if (v)
        l4re_global_env = (l4re_env_t *)v;
    v = l4re_auxv_get(found.auxv, AT_L4_KIP);
    if (v)
        l4_global_kip = (l4_kernel_info_t const *)v;
    if (s)
        *s = found;
}
