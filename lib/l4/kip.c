/* SPDX-License-Identifier: MIT */
/* The kernel interface page of this program: set once by start code, read by everybody. */
#include <l4/sys/kip.h>

l4_kernel_info_t const *l4_global_kip;

int l4_kip_kernel_has_feature(l4_kernel_info_t const *kip, char const *str)
{
    char const *end = (char const *)kip + L4_KIP_OFFS_READ_US; /* strings end before the clock functions */
    char const *p = l4_kip_version_string(kip);

    for (;;) {
        while (p < end && *p) /* the version text first, then one feature after the other */
            p++;
        if (++p >= end || !*p)
            return 0;
        for (unsigned i = 0; p + i < end && p[i] == str[i]; i++)
            if (!str[i])
                return 1;
    }
}
