/* SPDX-License-Identifier: MIT */
/*
 * Open files. The contents of a file are attached on the first read; everything is read-only but consoles.
 *
 * Descriptors are small numbers that refer to open files; dup makes two refer to one, with one offset.
 * I1  A descriptor that is not -1 counts in `references` of its file; a file without references owns nothing.
 * I2  Both tables change under `lock`. A file that a call works on cannot be closed under it: descriptors of one
 *     program that close in one thread what another thread reads are the program's own mistake, as everywhere.
 */
#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

static struct file console = {.object.kind = KIND_CONSOLE, .references = 3, .flags = O_RDWR};
static struct file files[LABE_FD_MAX]; /* number 0 is not used: it means the console */
static short descriptors[LABE_FD_MAX] = {0, 0, 0, [3 ... LABE_FD_MAX - 1] = -1};
static unsigned char close_on_exec[LABE_FD_MAX];
static struct labe_lock lock;

long labe_file_start(void)
{
    return labe_lock_create(&lock);
}

static struct file *file_numbered(short n)
{
    return n == 0 ? &console : &files[n];
}

static l4_cap_idx_t console_cap(const struct file *f)
{
    return f == &console ? l4re_env()->log : f->object.cap;
}

struct file *labe_file_of(long fd)
{
    if (fd < 0 || fd >= LABE_FD_MAX || descriptors[fd] < 0)
        return NULL;
    return file_numbered(descriptors[fd]);
}

/* ---- descriptors ---- */

/* Lowest free descriptor from `from` on, referring to file number n. Under the lock. */
static long descriptor_take(long from, short n)
{
    for (long fd = from; fd < LABE_FD_MAX; fd++)
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
    for (short n = 1; n < LABE_FD_MAX; n++)
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
        labe_memory_unmap((long)f->contents, f->contents_size);
    labe_object_release(&f->object);
    f->contents = NULL;
    __atomic_store_n(&f->object.kind, KIND_NONE, __ATOMIC_RELEASE);
}

long labe_sys_close(const long *a)
{
    labe_lock_take(&lock);
    struct file *f = labe_file_of(a[0]);
    if (f != NULL)
        descriptors[a[0]] = -1;
    int last = f != NULL && --f->references == 0 && f != &console;
    labe_lock_give(&lock);
    if (last)
        file_end(f);
    return f != NULL ? 0 : -EBADF;
}

static long open_at(long at, const char *path, long flags)
{
    char clean[LABE_PATH_SIZE];
    struct object o;
    short number;
    long result = labe_object_at(at, path, clean, &o);

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
    else if (o.kind != KIND_CONSOLE && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC)))
        result = o.kind == KIND_DIRECTORY ? -EISDIR : -EROFS;
    if (result < 0) {
        labe_object_release(&o);
        return result;
    }
    labe_lock_take(&lock);
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
    labe_lock_give(&lock);
    if (result < 0)
        labe_object_release(&o);
    return result;
}

long labe_sys_open(const long *a)
{
    return open_at(AT_FDCWD, (const char *)a[0], a[1]);
}

long labe_sys_openat(const long *a)
{
    return open_at(a[0], (const char *)a[1], a[2]);
}

long labe_sys_creat(const long *a)
{
    return open_at(AT_FDCWD, (const char *)a[0], O_CREAT | O_WRONLY | O_TRUNC);
}

static long duplicate(long fd, long from, int exactly)
{
    struct file *ended = NULL;
    long result;

    labe_lock_take(&lock);
    struct file *f = labe_file_of(fd);
    if (f == NULL || from < 0 || from >= LABE_FD_MAX) {
        result = f == NULL ? -EBADF : exactly ? -EBADF : -EINVAL;
    } else if (exactly && fd == from) {
        result = fd;
    } else {
        struct file *old = exactly ? labe_file_of(from) : NULL;
        if (old != NULL) {
            descriptors[from] = -1;
            if (--old->references == 0 && old != &console)
                ended = old;
        }
        result = descriptor_take(from, descriptors[fd]);
    }
    labe_lock_give(&lock);
    if (ended != NULL)
        file_end(ended);
    return result;
}

long labe_sys_dup(const long *a)
{
    return duplicate(a[0], 0, 0);
}

long labe_sys_dup2(const long *a)
{
    return duplicate(a[0], a[1], 1);
}

long labe_sys_dup3(const long *a)
{
    if (a[0] == a[1] || (a[2] & ~(long)O_CLOEXEC))
        return -EINVAL;
    long result = duplicate(a[0], a[1], 1);
    if (result >= 0)
        close_on_exec[result] = (a[2] & O_CLOEXEC) != 0;
    return result;
}

long labe_sys_fcntl(const long *a)
{
    struct file *f = labe_file_of(a[0]);

    if (f == NULL)
        return -EBADF;
    switch (a[1]) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: {
        long result = duplicate(a[0], a[2], 0);
        if (result >= 0)
            close_on_exec[result] = a[1] == F_DUPFD_CLOEXEC;
        return result;
    }
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
    long address = 0;

    if (f->object.size == 0)
        return 0;
    labe_lock_take(&lock); /* two threads may read first */
    if (f->contents == NULL) {
        address = labe_memory_attach(f->object.cap, f->object.size);
        if (address >= 0) {
            f->contents_size = f->object.size;
            f->contents = (const char *)address;
        }
    }
    labe_lock_give(&lock);
    return address < 0 ? address : 0;
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
    struct file *f = labe_file_of(fd);
    uint64_t position = at != NULL ? *at : 0;

    if (f == NULL || (f->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    switch (f->object.kind) {
    case KIND_CONSOLE:
        return at != NULL ? -ESPIPE : labe_console_read(console_cap(f), v, count);
    case KIND_DATA:
        return data_read(f, v, count, at != NULL ? &position : &f->offset);
    default:
        return -EISDIR;
    }
}

long labe_sys_read(const long *a)
{
    const struct iovec v = {(void *)a[1], (size_t)a[2]};

    return file_read(a[0], &v, 1, NULL);
}

long labe_sys_readv(const long *a)
{
    return a[2] < 0 || a[2] > 1024 ? -EINVAL : file_read(a[0], (const struct iovec *)a[1], (int)a[2], NULL);
}

long labe_sys_pread64(const long *a)
{
    const struct iovec v = {(void *)a[1], (size_t)a[2]};
    const uint64_t at = (uint64_t)a[3];

    return a[3] < 0 ? -EINVAL : file_read(a[0], &v, 1, &at);
}

long labe_sys_preadv(const long *a)
{
    const uint64_t at = (uint64_t)a[3];

    return a[3] < 0 || a[2] < 0 || a[2] > 1024 ? -EINVAL : file_read(a[0], (const struct iovec *)a[1], (int)a[2], &at);
}

long labe_sys_lseek(const long *a)
{
    struct file *f = labe_file_of(a[0]);
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

long labe_file_dataspace(long fd, l4_cap_idx_t *ds, uint64_t *bytes)
{
    const struct file *f = labe_file_of(fd);

    if (f == NULL)
        return -EBADF;
    if (f->object.kind != KIND_DATA)
        return -ENODEV;
    *ds = f->object.cap;
    *bytes = f->object.size;
    return 0;
}

/* ---- writing: consoles alone ---- */

static long file_write(long fd, const struct iovec *v, int count)
{
    const struct file *f = labe_file_of(fd);

    if (f == NULL || f->object.kind != KIND_CONSOLE || (f->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    return labe_console_write(console_cap(f), v, count);
}

long labe_sys_write(const long *a)
{
    const struct iovec v = {(void *)a[1], (size_t)a[2]};

    return file_write(a[0], &v, 1);
}

long labe_sys_writev(const long *a)
{
    return a[2] < 0 || a[2] > 1024 ? -EINVAL : file_write(a[0], (const struct iovec *)a[1], (int)a[2]);
}

static long write_at(long fd)
{
    const struct file *f = labe_file_of(fd);

    return f != NULL && f->object.kind == KIND_CONSOLE ? -ESPIPE : -EBADF;
}

long labe_sys_pwrite64(const long *a)
{
    return write_at(a[0]);
}

long labe_sys_pwritev(const long *a)
{
    return write_at(a[0]);
}

long labe_sys_fsync(const long *a)
{
    return labe_file_of(a[0]) != NULL ? 0 : -EBADF;
}

long labe_sys_fdatasync(const long *a)
{
    return labe_sys_fsync(a);
}

long labe_sys_ftruncate(const long *a)
{
    return labe_file_of(a[0]) != NULL ? -EINVAL : -EBADF;
}

long labe_sys_ioctl(const long *a)
{
    const struct file *f = labe_file_of(a[0]);

    if (f == NULL)
        return -EBADF;
    if (f->object.kind != KIND_CONSOLE)
        return -ENOTTY;
    return labe_console_ioctl(console_cap(f), (unsigned long)a[1], (void *)a[2]);
}
