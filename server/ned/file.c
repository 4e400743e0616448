/* SPDX-License-Identifier: MIT */
/* Files of a name space, attached read-only as a whole. */
#include "ned.h"
#include <l4/re/c/dataspace.h>
#include <l4/re/c/rm.h>

long file_open(const char *path, struct file *f)
{
    l4re_ds_stats_t stats;
    void *at = NULL;

    long r = request_path(path, &f->ds);
    if (r < 0)
        return r;
    r = l4re_ds_info(f->ds, &stats);
    if (r >= 0 && stats.size > 0)
        r = l4re_rm_attach(&at, stats.size, L4RE_RM_F_SEARCH_ADDR | L4RE_RM_F_R, f->ds, 0, L4_PAGESHIFT);
    if (r < 0) {
        l4re_util_cap_free_um(f->ds);
        return r;
    }
    f->data = stats.size > 0 ? at : "";
    f->size = stats.size;
    return 0;
}

void file_close(struct file *f)
{
    if (f->size > 0)
        l4re_rm_detach((void *)f->data);
    l4re_util_cap_free_um(f->ds);
}
