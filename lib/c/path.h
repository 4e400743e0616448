/* SPDX-License-Identifier: MIT */
/* Cleaning of path names: see labe_path_clean. */
#pragma once
#include <stddef.h>

/*
 * Joins base (clean, "" is the root) and path: "." and ".." and double slashes go, the result has no slash at either
 * end, "" is the root; ".." at the root stays there. Answers the length or -ENOENT (empty path) or -ENAMETOOLONG.
 * *must_be_directory: the path ended in a slash, "." or "..".
 */
long labe_path_clean(const char *base, const char *path, char *out, size_t size, int *must_be_directory);
