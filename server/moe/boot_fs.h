/* SPDX-License-Identifier: MIT */
/*
 * The boot file system: one dataspace per boot module, in place, under the last component of its name. Ordinary modules
 * are in `rom` (read, execute), those with the word ":rw" on their line in `rwfs` (read, write, execute).
 */
#pragma once
#include "ds.h"
#include "ns.h"

extern struct ns *boot_rom, *boot_rwfs;

/* Finds the modules; 0 or a negative error. */
long boot_fs_init(word_t module_info);

/* The root task's command line, or "". */
const char *boot_command_line(word_t module_info);

/* The module called rom/NAME, or a null pointer. */
struct ds *boot_file(const char *name);
