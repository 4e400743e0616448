/* SPDX-License-Identifier: MIT */
/*
 * From path to object. The root directory holds the named capabilities of the environment; the first component of a
 * path names one of them, the rest is asked of the name space behind it. A name space is a directory, a dataspace a
 * file, a console a device.
 */
#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <l4/re/c/dataspace.h>
#include <l4/re/c/namespace.h>
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/msg.h>
#include <l4/sys/ipc.h>

#define META_SUPPORTS 2

static char directory[LABE_PATH_SIZE]; /* the working directory, clean; "" is the root */

void labe_object_release(struct object *o)
{
    if (o->owned)
        l4re_util_cap_free_um(o->cap);
    *o = (struct object){.cap = L4_INVALID_CAP};
}

static uint64_t path_number(const char *path)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *path != '\0'; path++)
        h = (h ^ (unsigned char)*path) * 0x100000001b3u;
    return h;
}

static int is_console(l4_cap_idx_t cap)
{
    struct l4re_call c;

    l4re_call_start(&c, META_SUPPORTS);
    l4re_wr_i64(&c.out, L4_PROTO_LOG);
    return l4re_call(&c, cap, L4_PROTO_META, L4_IPC_NEVER) == 1;
}

/* Asks what lies behind a capability: a dataspace tells its size, a name space knows about names, a console says so. */
static void object_classify(struct object *o)
{
    l4re_ds_stats_t stats;

    if (l4re_ds_info(o->cap, &stats) >= 0) {
        o->kind = KIND_DATA;
        o->size = stats.size;
        return;
    }
    l4_cap_idx_t list = l4re_util_cap_alloc();
    if (l4_is_invalid_cap(list)) {
        o->kind = KIND_OTHER;
        return;
    }
    long result = l4re_ns_query_to_srv(o->cap, ".dirinfo", list, 0);
    l4re_util_cap_free_um(list);
    if (result >= 0 || result == -L4_ENOENT || result == -L4_EAGAIN)
        o->kind = KIND_DIRECTORY;
    else
        o->kind = is_console(o->cap) ? KIND_CONSOLE : KIND_OTHER;
}

static long name_error(long result)
{
    switch (result) {
    case -L4_EAGAIN: /* a name without an object yet */
        return -ENOENT;
    case -L4_ENOSYS:
    case -L4_EBADPROTO: /* asked something that is no name space */
        return -ENOTDIR;
    default:
        return labe_errno(result);
    }
}

/* Clean path to object. */
static long object_find(const char *path, struct object *o)
{
    size_t first = strcspn(path, "/");

    *o = (struct object){.cap = L4_INVALID_CAP, .number = path_number(path)};
    if (first == 0) {
        o->kind = KIND_DIRECTORY;
        return 0;
    }
    const l4re_env_cap_entry_t *entry = l4re_env_get_cap_l(path, (unsigned)first, l4re_env());
    if (entry == NULL)
        return -ENOENT;
    if (path[first] == '\0') {
        o->cap = entry->cap;
    } else {
        o->cap = l4re_util_cap_alloc();
        if (l4_is_invalid_cap(o->cap))
            return -ENOMEM;
        long result = l4re_ns_query_to_srv(entry->cap, path + first + 1, o->cap, 0);
        if (result < 0) {
            l4re_util_cap_free(o->cap);
            return name_error(result);
        }
        o->owned = 1;
    }
    object_classify(o);
    return 0;
}

/* Cleans a path that is relative to an open directory (or AT_FDCWD). */
static long path_at(long fd, const char *path, char *out, int *must_be_directory)
{
    const char *base = directory;

    if (path == NULL)
        return -EFAULT;
    *must_be_directory = 0;
    if (!(fd == AT_FDCWD || *path == '/')) {
        const struct file *f = labe_file_of(fd);
        if (f == NULL)
            return -EBADF;
        if (f->object.kind != KIND_DIRECTORY)
            return -ENOTDIR;
        base = f->path;
    }
    return labe_path_clean(base, path, out, LABE_PATH_SIZE, must_be_directory);
}

long labe_object_at(long fd, const char *path, char *clean, struct object *o)
{
    int must_be_directory;
    long result = path_at(fd, path, clean, &must_be_directory);

    if (result < 0)
        return result;
    result = object_find(clean, o);
    if (result == 0 && must_be_directory && o->kind != KIND_DIRECTORY) {
        labe_object_release(o);
        return -ENOTDIR;
    }
    return result;
}

/* ---- working directory ---- */

long labe_sys_getcwd(const long *a)
{
    char *out = (char *)a[0];
    size_t length = strlen(directory);

    if (length + 2 > (size_t)a[1])
        return -ERANGE;
    out[0] = '/';
    memcpy(out + 1, directory, length + 1);
    return (long)length + 2;
}

long labe_sys_chdir(const long *a)
{
    char clean[LABE_PATH_SIZE];
    struct object o;
    long result = labe_object_at(AT_FDCWD, (const char *)a[0], clean, &o);

    if (result < 0)
        return result;
    result = o.kind == KIND_DIRECTORY ? 0 : -ENOTDIR;
    labe_object_release(&o);
    if (result == 0)
        strcpy(directory, clean);
    return result;
}

long labe_sys_fchdir(const long *a)
{
    const struct file *f = labe_file_of(a[0]);

    if (f == NULL)
        return -EBADF;
    if (f->object.kind != KIND_DIRECTORY)
        return -ENOTDIR;
    strcpy(directory, f->path);
    return 0;
}
