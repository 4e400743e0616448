/* SPDX-License-Identifier: MIT */
/*
 * Modules inside the boot image: the contract between tool/mkimage and boot/.
 *
 * The stage carries one struct image_slot. mkimage finds it by its magic, appends a directory and the module files
 * behind the stage as one more loadable segment, and writes the directory's physical address into the slot.
 * All offsets count from the start of the directory; files start at page boundaries, strings end with a zero byte.
 * Entry 0 is the kernel, 1 sigma0, 2 the root task, the rest are files.
 */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#include <stdint.h>

#define IMAGE_SLOT_MAGIC "Labe boot slot."      /* 15 characters and the zero byte */
#define IMAGE_DIR_MAGIC  0x7269446562614cull    /* "LabeDir" */

struct image_slot {
    char     magic[16];
    uint64_t dir_addr;          /* 0: no modules inside */
};

struct image_entry {
    uint32_t file_start;
    uint32_t file_end;
    uint32_t cmdline;
    uint32_t reserved;
};

struct image_dir {
    uint64_t magic;
    uint32_t count;
    uint32_t cmdline;           /* of the stage itself, 0: none */
    uint64_t size;              /* of everything, directory included */
    struct image_entry entry[];
};

#endif
