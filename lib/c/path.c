/* SPDX-License-Identifier: MIT */
/* Cleaning of path names; pure text, tested on the build machine (test/unit/libc_path.c). */
#include "path.h"
#include <errno.h>
#include <string.h>

/* Drops the last component of out[0..length). */
static size_t parent_of(const char *out, size_t length)
{
    while (length > 0 && out[length - 1] != '/')
        length--;
    return length > 0 ? length - 1 : 0;
}

static long append(char *out, size_t size, size_t length, const char *path, int *must_be_directory)
{
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        const char *part = path;

        path += n;
        *must_be_directory = *path == '/';
        path += strspn(path, "/");
        if (n == 0 || (n == 1 && part[0] == '.')) {
            *must_be_directory = 1;
        } else if (n == 2 && part[0] == '.' && part[1] == '.') {
            *must_be_directory = 1;
            length = parent_of(out, length);
        } else {
            if (length + (length > 0) + n >= size)
                return -ENAMETOOLONG;
            if (length > 0)
                out[length++] = '/';
            memcpy(out + length, part, n);
            length += n;
        }
    }
    return (long)length;
}

long labe_path_clean(const char *base, const char *path, char *out, size_t size, int *must_be_directory)
{
    long length = 0;

    if (*path == '\0')
        return -ENOENT;
    if (*path != '/')
        length = append(out, size, 0, base, must_be_directory);
    if (length >= 0)
        length = append(out, size, (size_t)length, path, must_be_directory);
    if (length >= 0)
        out[length] = '\0';
    return length;
}
