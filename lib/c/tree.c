/* SPDX-License-Identifier: MIT */
/* Status of files, lists of directories, and changes of the tree, of which there are none: it is read-only. */
#include "file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <l4/re/c/dataspace.h>
#include <l4/re/c/namespace.h>
#include <l4/re/c/util/cap_alloc.h>

/* ---- status ---- */

/* The layout that musl's fstatat expects of a system call on x86-64; the same as its struct stat. */
static void status_fill(const struct object *o, struct stat *s)
{
    *s = (struct stat){.st_dev = 1, .st_ino = o->number, .st_nlink = 1, .st_blksize = 4096};
    switch (o->kind) {
    case KIND_CONSOLE:
        s->st_mode = S_IFCHR | 0620;
        s->st_rdev = 1;
        break;
    case KIND_DATA:
        s->st_mode = S_IFREG | 0555;
        s->st_size = (off_t)o->size;
        s->st_blocks = (blkcnt_t)((o->size + 511) / 512);
        break;
    case KIND_DIRECTORY:
        s->st_mode = S_IFDIR | 0555;
        break;
    default:
        s->st_mode = S_IFSOCK | 0666;
        break;
    }
}

static long path_status(long fd, const char *path, struct stat *s)
{
    char clean[LABE_PATH_SIZE];
    struct object o;
    long result = labe_object_at(fd, path, clean, &o);

    if (result < 0)
        return result;
    status_fill(&o, s);
    labe_object_release(&o);
    return 0;
}

long labe_sys_fstat(const long *a)
{
    const struct file *f = labe_file_of(a[0]);

    if (f == NULL)
        return -EBADF;
    status_fill(&f->object, (struct stat *)a[1]);
    return 0;
}

long labe_sys_stat(const long *a)
{
    return path_status(AT_FDCWD, (const char *)a[0], (struct stat *)a[1]);
}

long labe_sys_lstat(const long *a)
{
    return labe_sys_stat(a);
}

long labe_sys_newfstatat(const long *a)
{
    if ((a[3] & AT_EMPTY_PATH) && *(const char *)a[1] == '\0') {
        const long arguments[6] = {a[0], a[2]};
        return labe_sys_fstat(arguments);
    }
    return path_status(a[0], (const char *)a[1], (struct stat *)a[2]);
}

static long path_access(long fd, const char *path, long mode)
{
    struct stat s;
    long result = path_status(fd, path, &s);

    return result < 0 ? result : (mode & 2) && !S_ISSOCK(s.st_mode) && !S_ISCHR(s.st_mode) ? -EROFS : 0;
}

long labe_sys_access(const long *a)
{
    return path_access(AT_FDCWD, (const char *)a[0], a[1]);
}

long labe_sys_faccessat(const long *a)
{
    return path_access(a[0], (const char *)a[1], a[2]);
}

long labe_sys_faccessat2(const long *a)
{
    return labe_sys_faccessat(a);
}

/* There are no links: what exists is none. */
long labe_sys_readlink(const long *a)
{
    struct stat s;
    long result = path_status(AT_FDCWD, (const char *)a[0], &s);

    return result < 0 ? result : -EINVAL;
}

long labe_sys_readlinkat(const long *a)
{
    struct stat s;
    long result = path_status(a[0], (const char *)a[1], &s);

    return result < 0 ? result : -EINVAL;
}

/* ---- directories ---- */

/* Finds the n-th name of the root directory: a named capability. Its length, 0 at the end. */
static size_t root_name(uint64_t n, const char **name)
{
    const l4re_env_cap_entry_t *e = l4re_env()->caps;

    for (; e->flags != ~0ul; e++)
        if (n-- == 0) {
            *name = e->name;
            return strnlen(e->name, sizeof e->name);
        }
    return 0;
}

/* Attaches the list of names; a name space without one has no names to show. */
static long names_attach(struct file *f)
{
    l4re_ds_stats_t stats;

    if (f->contents != NULL || l4_is_invalid_cap(f->object.cap))
        return 0;
    l4_cap_idx_t list = l4re_util_cap_alloc();
    if (l4_is_invalid_cap(list))
        return -ENOMEM;
    long result = 0;
    if (l4re_ns_query_to_srv(f->object.cap, ".dirinfo", list, 0) >= 0 && l4re_ds_info(list, &stats) >= 0 &&
        stats.size > 0) {
        result = labe_memory_attach(list, stats.size);
        if (result >= 0) {
            f->contents_size = stats.size;
            f->contents = (const char *)result;
            result = 0;
        }
    }
    l4re_util_cap_free_um(list);
    return result;
}

/* A line of the list is "length:name\n". Answers the length of the name at *at, moves *at behind the line; 0: end. */
static size_t list_name(const struct file *f, uint64_t *at, const char **name)
{
    uint64_t i = *at, length = 0;

    while (i < f->contents_size && f->contents[i] >= '0' && f->contents[i] <= '9' && length < LABE_PATH_SIZE)
        length = length * 10 + (uint64_t)(f->contents[i++] - '0');
    if (i >= f->contents_size || f->contents[i] != ':' || length == 0 || length >= LABE_PATH_SIZE ||
        length >= f->contents_size - i)
        return 0;
    *name = f->contents + i + 1;
    *at = i + 1 + length;
    while (*at < f->contents_size && f->contents[*at] == '\n')
        ++*at;
    return (size_t)length;
}

long labe_sys_getdents64(const long *a)
{
    struct file *f = labe_file_of(a[0]);
    char *out = (char *)a[1];
    size_t room = (size_t)a[2], used = 0;

    if (f == NULL)
        return -EBADF;
    if (f->object.kind != KIND_DIRECTORY)
        return -ENOTDIR;
    long result = names_attach(f);
    if (result < 0)
        return result;
    for (;;) {
        const char *name = NULL;
        uint64_t next = f->offset + 1;
        size_t length;
        if (l4_is_invalid_cap(f->object.cap)) {
            length = root_name(f->offset, &name);
        } else {
            next = f->offset;
            length = list_name(f, &next, &name);
        }
        size_t record = (offsetof(struct dirent, d_name) + length + 1 + 7) & ~(size_t)7;
        if (length == 0)
            return (long)used;
        if (record > room - used)
            return used > 0 ? (long)used : -EINVAL;
        struct dirent *d = (struct dirent *)(out + used); /* only record bytes of it are there */
        memset(d, 0, record);
        d->d_ino = 1 + f->offset;
        d->d_off = (off_t)next;
        d->d_reclen = (unsigned short)record;
        memcpy(d->d_name, name, length);
        used += record;
        f->offset = next;
    }
}

/* ---- changes of the tree: it is read-only; names that are not there are still told apart ---- */

static long change_existing(long fd, const char *path)
{
    struct stat s;
    long result = path_status(fd, path, &s);

    return result < 0 ? result : -EROFS;
}

static long change_new(long fd, const char *path)
{
    struct stat s;
    long result = path_status(fd, path, &s);

    return result == 0 ? -EEXIST : result == -ENOENT ? -EROFS : result;
}

long labe_sys_truncate(const long *a)
{
    return change_existing(AT_FDCWD, (const char *)a[0]);
}

long labe_sys_unlink(const long *a)
{
    return change_existing(AT_FDCWD, (const char *)a[0]);
}

long labe_sys_unlinkat(const long *a)
{
    return change_existing(a[0], (const char *)a[1]);
}

long labe_sys_rmdir(const long *a)
{
    return change_existing(AT_FDCWD, (const char *)a[0]);
}

long labe_sys_rename(const long *a)
{
    return change_existing(AT_FDCWD, (const char *)a[0]);
}

long labe_sys_renameat(const long *a)
{
    return change_existing(a[0], (const char *)a[1]);
}

long labe_sys_mkdir(const long *a)
{
    return change_new(AT_FDCWD, (const char *)a[0]);
}

long labe_sys_mkdirat(const long *a)
{
    return change_new(a[0], (const char *)a[1]);
}

long labe_sys_link(const long *a)
{
    return change_new(AT_FDCWD, (const char *)a[1]);
}

long labe_sys_symlink(const long *a)
{
    return change_new(AT_FDCWD, (const char *)a[1]);
}

long labe_sys_umask(const long *a)
{
    (void)a;
    return 022;
}
