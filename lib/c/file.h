/* SPDX-License-Identifier: MIT */
/* Open files and what paths lead to: shared by file.c, name.c and tree.c, which describe it. */
#pragma once
#include "layer.h"

#define LABE_FD_MAX 64
#define LABE_PATH_SIZE 256

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
    char path[LABE_PATH_SIZE]; /* directories: for openat */
};

/* file.c: the open file behind a descriptor, or NULL. */
struct file *labe_file_of(long fd);

/* name.c: path, relative to the open directory fd (or AT_FDCWD), to object. clean: LABE_PATH_SIZE bytes, clean form. */
long labe_object_at(long fd, const char *path, char *clean, struct object *o);
void labe_object_release(struct object *o);
