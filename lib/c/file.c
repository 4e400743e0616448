/* SPDX-License-Identifier: MIT */
/*
 * Files and directories. The root directory holds the named capabilities of the environment; a name space is a
 * directory, a dataspace a file whose contents are attached on the first read. Everything is read-only here.
 *
 * Descriptors are small numbers that refer to open files; dup makes two refer to one, with one offset.
 * I1  A descriptor that is not -1 counts in `references` of its file; a file without references owns nothing.
 * I2  Both tables change under `lock`. A file that a call works on cannot be closed under it: descriptors of one
 *     program that close in one thread what another thread reads are the program's own mistake, as everywhere.
 */
#include "layer.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <l4/re/c/dataspace.h>
#include <l4/re/c/namespace.h>
#include <l4/re/c/util/cap_alloc.h>

#define FD_MAX 64
#define PATH_SIZE 256
#define AT_CWD_ONLY(fd, path) ((fd) == AT_FDCWD || *(path) == '/')

enum kind { KIND_NONE, KIND_CONSOLE, KIND_DATA, KIND_DIRECTORY, KIND_OTHER };

/* What a path leads to. The capability is ours to free if `owned`. */
struct object {
    enum kind kind;
    l4_cap_idx_t cap;
    int owned;
    uint64_t size;
    uint64_t number; /* inode number: hash of the path */
};

struct file {
    struct object object;
    unsigned references;
    long flags;
    uint64_t offset;
    const char *contents; /* attached, or NULL: a file's bytes, a directory's list of names */
    size_t contents_size;
    char path[PATH_SIZE]; /* directories: for openat */
};

static struct file console = {.object.kind = KIND_CONSOLE, .references = 3, .flags = O_RDWR};
static struct file files[FD_MAX]; /* number 0 is not used: it means the console */
static short descriptors[FD_MAX] = {0, 0, 0, [3 ... FD_MAX - 1] = -1};
static unsigned char close_on_exec[FD_MAX];
static char directory[PATH_SIZE]; /* the working directory, clean; "" is the root */
static struct layer_lock lock;

long layer_file_start(void)
{
    return layer_lock_create(&lock);
}

/* ---- names ---- */

static void object_release(struct object *o)
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

/* Asks what lies behind a capability: a dataspace tells its size, a name space knows about names. */
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
    o->kind = result >= 0 || result == -L4_ENOENT || result == -L4_EAGAIN ? KIND_DIRECTORY : KIND_OTHER;
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
        return layer_errno(result);
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

static struct file *file_numbered(short n)
{
    return n == 0 ? &console : &files[n];
}

static struct file *file_of(long fd)
{
    if (fd < 0 || fd >= FD_MAX || descriptors[fd] < 0)
        return NULL;
    return file_numbered(descriptors[fd]);
}

/* Cleans a path that is relative to an open directory (or AT_FDCWD). */
static long path_at(long fd, const char *path, char *out, int *must_be_directory)
{
    const char *base = directory;

    if (path == NULL)
        return -EFAULT;
    *must_be_directory = 0;
    if (!AT_CWD_ONLY(fd, path)) {
        const struct file *f = file_of(fd);
        if (f == NULL)
            return -EBADF;
        if (f->object.kind != KIND_DIRECTORY)
            return -ENOTDIR;
        base = f->path;
    }
    return layer_path_clean(base, path, out, PATH_SIZE, must_be_directory);
}

static long object_at(long fd, const char *path, char *clean, struct object *o)
{
    int must_be_directory;
    long result = path_at(fd, path, clean, &must_be_directory);

    if (result < 0)
        return result;
    result = object_find(clean, o);
    if (result == 0 && must_be_directory && o->kind != KIND_DIRECTORY) {
        object_release(o);
        return -ENOTDIR;
    }
    return result;
}

/* ---- descriptors ---- */

/* Lowest free descriptor from `from` on, referring to file number n. Under the lock. */
static long descriptor_take(long from, short n)
{
    for (long fd = from; fd < FD_MAX; fd++)
        if (descriptors[fd] < 0) {
            descriptors[fd] = n;
            close_on_exec[fd] = 0;
            file_numbered(n)->references++;
            return fd;
        }
    return -EMFILE;
}

static struct file *file_take(short *number)
{
    for (short n = 1; n < FD_MAX; n++)
        if (files[n].references == 0 && files[n].object.kind == KIND_NONE) {
            *number = n;
            return &files[n];
        }
    return NULL;
}

/* Gives back what the file owns; outside the lock, since servers are called. Then the entry is free. */
static void file_end(struct file *f)
{
    if (f->contents != NULL)
        layer_memory_unmap((long)f->contents, f->contents_size);
    object_release(&f->object);
    f->contents = NULL;
    __atomic_store_n(&f->object.kind, KIND_NONE, __ATOMIC_RELEASE);
}

long layer_close(const long *a)
{
    layer_lock_take(&lock);
    struct file *f = file_of(a[0]);
    if (f != NULL)
        descriptors[a[0]] = -1;
    int last = f != NULL && --f->references == 0 && f->object.kind != KIND_CONSOLE;
    layer_lock_give(&lock);
    if (last)
        file_end(f);
    return f != NULL ? 0 : -EBADF;
}

static long open_at(long at, const char *path, long flags)
{
    char clean[PATH_SIZE];
    struct object o;
    short number;
    long result = object_at(at, path, clean, &o);

    if (result == -ENOENT && (flags & O_CREAT))
        return -EROFS;
    if (result < 0)
        return result;
    if ((flags & O_CREAT) && (flags & O_EXCL))
        result = -EEXIST;
    else if (o.kind == KIND_OTHER)
        result = -ENXIO;
    else if ((flags & O_DIRECTORY) && o.kind != KIND_DIRECTORY)
        result = -ENOTDIR;
    else if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
        result = o.kind == KIND_DIRECTORY ? -EISDIR : -EROFS;
    if (result < 0) {
        object_release(&o);
        return result;
    }
    layer_lock_take(&lock);
    struct file *f = file_take(&number);
    result = f == NULL ? -ENFILE : descriptor_take(0, number);
    if (result >= 0) {
        f->object = o;
        f->flags = flags & ~(O_CREAT | O_CLOEXEC);
        f->offset = 0;
        f->contents = NULL;
        strcpy(f->path, clean);
        close_on_exec[result] = (flags & O_CLOEXEC) != 0;
    }
    layer_lock_give(&lock);
    if (result < 0)
        object_release(&o);
    return result;
}

long layer_open(const long *a)
{
    return open_at(AT_FDCWD, (const char *)a[0], a[1]);
}

long layer_openat(const long *a)
{
    return open_at(a[0], (const char *)a[1], a[2]);
}

long layer_creat(const long *a)
{
    return open_at(AT_FDCWD, (const char *)a[0], O_CREAT | O_WRONLY | O_TRUNC);
}

static long duplicate(long fd, long from, int exactly)
{
    struct file *ended = NULL;
    long result;

    layer_lock_take(&lock);
    struct file *f = file_of(fd);
    if (f == NULL || from < 0 || from >= FD_MAX) {
        result = f == NULL ? -EBADF : exactly ? -EBADF : -EINVAL;
    } else if (exactly && fd == from) {
        result = fd;
    } else {
        struct file *old = exactly ? file_of(from) : NULL;
        if (old != NULL) {
            descriptors[from] = -1;
            if (--old->references == 0 && old->object.kind != KIND_CONSOLE)
                ended = old;
        }
        result = descriptor_take(from, descriptors[fd]);
    }
    layer_lock_give(&lock);
    if (ended != NULL)
        file_end(ended);
    return result;
}

long layer_dup(const long *a)
{
    return duplicate(a[0], 0, 0);
}

long layer_dup2(const long *a)
{
    return duplicate(a[0], a[1], 1);
}

long layer_dup3(const long *a)
{
    return a[0] == a[1] ? -EINVAL : duplicate(a[0], a[1], 1);
}

long layer_fcntl(const long *a)
{
    struct file *f = file_of(a[0]);

    if (f == NULL)
        return -EBADF;
    switch (a[1]) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate(a[0], a[2], 0);
    case F_GETFD:
        return close_on_exec[a[0]];
    case F_SETFD:
        close_on_exec[a[0]] = (a[2] & FD_CLOEXEC) != 0;
        return 0;
    case F_GETFL:
        return f->flags;
    case F_SETFL:
        f->flags = (f->flags & ~O_APPEND) | (a[2] & O_APPEND);
        return 0;
    default:
        return -EINVAL;
    }
}

/* ---- reading ---- */

static long contents_attach(struct file *f)
{
    if (f->contents != NULL || f->object.size == 0)
        return 0;
    long address = layer_memory_attach(f->object.cap, f->object.size);
    if (address < 0)
        return address;
    f->contents_size = f->object.size;
    f->contents = (const char *)address;
    return 0;
}

/* Copies from the file at *offset on. */
static long data_read(struct file *f, const struct iovec *v, int count, uint64_t *offset)
{
    long total = 0, result = contents_attach(f);

    if (result < 0)
        return result;
    for (int i = 0; i < count && *offset < f->object.size; i++) {
        uint64_t left = f->object.size - *offset;
        size_t n = v[i].iov_len < left ? v[i].iov_len : (size_t)left;
        memcpy(v[i].iov_base, f->contents + *offset, n);
        *offset += n;
        total += (long)n;
    }
    return total;
}

static long file_read(long fd, const struct iovec *v, int count, const uint64_t *at)
{
    struct file *f = file_of(fd);
    uint64_t position = at != NULL ? *at : 0;

    if (f == NULL)
        return -EBADF;
    switch (f->object.kind) {
    case KIND_CONSOLE:
        return at != NULL ? -ESPIPE : layer_console_read(v, count);
    case KIND_DATA:
        return data_read(f, v, count, at != NULL ? &position : &f->offset);
    default:
        return -EISDIR;
    }
}

long layer_read(const long *a)
{
    const struct iovec v = {(void *)a[1], (size_t)a[2]};

    return file_read(a[0], &v, 1, NULL);
}

long layer_readv(const long *a)
{
    return a[2] < 0 || a[2] > 1024 ? -EINVAL : file_read(a[0], (const struct iovec *)a[1], (int)a[2], NULL);
}

long layer_pread64(const long *a)
{
    const struct iovec v = {(void *)a[1], (size_t)a[2]};
    const uint64_t at = (uint64_t)a[3];

    return a[3] < 0 ? -EINVAL : file_read(a[0], &v, 1, &at);
}

long layer_preadv(const long *a)
{
    const uint64_t at = (uint64_t)a[3];

    return a[3] < 0 || a[2] < 0 || a[2] > 1024 ? -EINVAL : file_read(a[0], (const struct iovec *)a[1], (int)a[2], &at);
}

long layer_lseek(const long *a)
{
    struct file *f = file_of(a[0]);
    long base;

    if (f == NULL)
        return -EBADF;
    if (f->object.kind == KIND_CONSOLE)
        return -ESPIPE;
    switch (a[2]) {
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = (long)f->offset;
        break;
    case SEEK_END:
        base = (long)f->object.size;
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, a[1], &base))
        return -EOVERFLOW;
    if (base < 0)
        return -EINVAL;
    f->offset = (uint64_t)base;
    return base;
}

long layer_file_dataspace(long fd, l4_cap_idx_t *ds, uint64_t *bytes)
{
    const struct file *f = file_of(fd);

    if (f == NULL)
        return -EBADF;
    if (f->object.kind != KIND_DATA)
        return -ENODEV;
    *ds = f->object.cap;
    *bytes = f->object.size;
    return 0;
}

/* ---- writing: the console alone ---- */

static long file_write(long fd, const struct iovec *v, int count)
{
    const struct file *f = file_of(fd);

    if (f == NULL || f->object.kind != KIND_CONSOLE)
        return -EBADF;
    return layer_console_write(v, count);
}

long layer_write(const long *a)
{
    const struct iovec v = {(void *)a[1], (size_t)a[2]};

    return file_write(a[0], &v, 1);
}

long layer_writev(const long *a)
{
    return a[2] < 0 || a[2] > 1024 ? -EINVAL : file_write(a[0], (const struct iovec *)a[1], (int)a[2]);
}

static long write_at(long fd)
{
    const struct file *f = file_of(fd);

    return f != NULL && f->object.kind == KIND_CONSOLE ? -ESPIPE : -EBADF;
}

long layer_pwrite64(const long *a)
{
    return write_at(a[0]);
}

long layer_pwritev(const long *a)
{
    return write_at(a[0]);
}

long layer_fsync(const long *a)
{
    return file_of(a[0]) != NULL ? 0 : -EBADF;
}

long layer_fdatasync(const long *a)
{
    return layer_fsync(a);
}

long layer_ftruncate(const long *a)
{
    return file_of(a[0]) != NULL ? -EINVAL : -EBADF;
}

long layer_ioctl(const long *a)
{
    const struct file *f = file_of(a[0]);

    if (f == NULL)
        return -EBADF;
    return f->object.kind == KIND_CONSOLE ? layer_console_ioctl((unsigned long)a[1], (void *)a[2]) : -ENOTTY;
}

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
    char clean[PATH_SIZE];
    struct object o;
    long result = object_at(fd, path, clean, &o);

    if (result < 0)
        return result;
    status_fill(&o, s);
    object_release(&o);
    return 0;
}

long layer_fstat(const long *a)
{
    const struct file *f = file_of(a[0]);

    if (f == NULL)
        return -EBADF;
    status_fill(&f->object, (struct stat *)a[1]);
    return 0;
}

long layer_stat(const long *a)
{
    return path_status(AT_FDCWD, (const char *)a[0], (struct stat *)a[1]);
}

long layer_lstat(const long *a)
{
    return layer_stat(a);
}

long layer_newfstatat(const long *a)
{
    if ((a[3] & AT_EMPTY_PATH) && *(const char *)a[1] == '\0') {
        const long arguments[6] = {a[0], a[2]};
        return layer_fstat(arguments);
    }
    return path_status(a[0], (const char *)a[1], (struct stat *)a[2]);
}

static long path_access(long fd, const char *path, long mode)
{
    struct stat s;
    long result = path_status(fd, path, &s);

    return result < 0 ? result : (mode & 2) && !S_ISSOCK(s.st_mode) ? -EROFS : 0;
}

long layer_access(const long *a)
{
    return path_access(AT_FDCWD, (const char *)a[0], a[1]);
}

long layer_faccessat(const long *a)
{
    return path_access(a[0], (const char *)a[1], a[2]);
}

long layer_faccessat2(const long *a)
{
    return layer_faccessat(a);
}

/* There are no links: what exists is none. */
long layer_readlink(const long *a)
{
    struct stat s;
    long result = path_status(AT_FDCWD, (const char *)a[0], &s);

    return result < 0 ? result : -EINVAL;
}

long layer_readlinkat(const long *a)
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
        result = layer_memory_attach(list, stats.size);
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

    while (i < f->contents_size && f->contents[i] >= '0' && f->contents[i] <= '9' && length < PATH_SIZE)
        length = length * 10 + (uint64_t)(f->contents[i++] - '0');
    if (i >= f->contents_size || f->contents[i] != ':' || length == 0 || length >= PATH_SIZE ||
        length >= f->contents_size - i)
        return 0;
    *name = f->contents + i + 1;
    *at = i + 1 + length;
    while (*at < f->contents_size && f->contents[*at] == '\n')
        ++*at;
    return (size_t)length;
}

long layer_getdents64(const long *a)
{
    struct file *f = file_of(a[0]);
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
        struct dirent *d = (struct dirent *)(out + used);
        *d = (struct dirent){.d_ino = 1 + f->offset, .d_off = (off_t)next, .d_reclen = (unsigned short)record};
        memcpy(d->d_name, name, length);
        d->d_name[length] = '\0';
        used += record;
        f->offset = next;
    }
}

long layer_getcwd(const long *a)
{
    char *out = (char *)a[0];
    size_t length = strlen(directory);

    if (length + 2 > (size_t)a[1])
        return -ERANGE;
    out[0] = '/';
    memcpy(out + 1, directory, length + 1);
    return (long)length + 2;
}

long layer_chdir(const long *a)
{
    char clean[PATH_SIZE];
    struct object o;
    long result = object_at(AT_FDCWD, (const char *)a[0], clean, &o);

    if (result < 0)
        return result;
    result = o.kind == KIND_DIRECTORY ? 0 : -ENOTDIR;
    object_release(&o);
    if (result == 0)
        strcpy(directory, clean);
    return result;
}

long layer_fchdir(const long *a)
{
    const struct file *f = file_of(a[0]);

    if (f == NULL)
        return -EBADF;
    if (f->object.kind != KIND_DIRECTORY)
        return -ENOTDIR;
    strcpy(directory, f->path);
    return 0;
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

long layer_truncate(const long *a)
{
    return change_existing(AT_FDCWD, (const char *)a[0]);
}

long layer_unlink(const long *a)
{
    return change_existing(AT_FDCWD, (const char *)a[0]);
}

long layer_unlinkat(const long *a)
{
    return change_existing(a[0], (const char *)a[1]);
}

long layer_rmdir(const long *a)
{
    return change_existing(AT_FDCWD, (const char *)a[0]);
}

long layer_rename(const long *a)
{
    return change_existing(AT_FDCWD, (const char *)a[0]);
}

long layer_renameat(const long *a)
{
    return change_existing(a[0], (const char *)a[1]);
}

long layer_mkdir(const long *a)
{
    return change_new(AT_FDCWD, (const char *)a[0]);
}

long layer_mkdirat(const long *a)
{
    return change_new(a[0], (const char *)a[1]);
}

long layer_link(const long *a)
{
    return change_new(AT_FDCWD, (const char *)a[1]);
}

long layer_symlink(const long *a)
{
    return change_new(AT_FDCWD, (const char *)a[1]);
}

long layer_umask(const long *a)
{
    (void)a;
    return 022;
}
