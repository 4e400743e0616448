/* SPDX-License-Identifier: MIT */
/*
 * What the files of mkimage share. A short-lived program: memory is given back by its end, every error ends in fail or
 * fail_at with exit status 1, which take the unfinished output with them.
 */
#ifndef MKIMAGE_H
#define MKIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in which list file something was said; line 0: nowhere, a default. */
struct place {
    const char *file;
    unsigned    line;
};

enum role { ROLE_KERNEL, ROLE_SIGMA0, ROLE_ROOT, ROLE_BOOT, ROLES, ROLE_FILE = ROLES };

/* One line of a list file that names files. */
struct item {
    enum role     role;
    struct place  at;
    const char   *text;         /* file name, or what shell and glob expand to names */
    const char   *args;         /* "" if none */
    const char   *name;         /* fname=, else NULL */
    bool          no_strip, uncompress, glob, shell;
    const char   *group;        /* stands for the group of that name, else NULL */
    struct item  *next;
};

struct entry {
    const char   *name;
    struct place  at;
    bool          no_defaults, is_linux, has_modaddr;
    uint64_t      modaddr;
    struct item  *special[ROLES];
    struct item  *modules, **modules_end;
    struct entry *next;
};

/* Everything the list files said that concerns the wanted architecture. */
struct list {
    const char   *file;         /* the one from the command line */
    const char   *arch;
    struct entry *entries, **entries_end;
    struct entry *groups;
    struct item  *defaults[ROLES];
    bool          has_modaddr;
    uint64_t      modaddr;
};

/* A file for the boot: found, named, with its command line. */
struct module {
    enum role     role;
    const char   *path;
    const char   *name;
    const char   *cmdline;      /* name first */
    struct place  at;
    bool          no_strip, uncompress;
};

/* What one entry boots: kernel, sigma0, root task, then the files. */
struct setup {
    const char    *name;
    struct module  boot;
    struct module *module;
    unsigned       count;
};

struct bytes {
    uint8_t *data;
    size_t   size;
};

/* main.c */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail_at(struct place at, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *allocate(size_t size);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *name_of_path(const char *path);
const char *output_started(const char *path);

/* list.c */
void list_read(struct list *list, const char *file);
struct entry *list_find(const struct list *list, const char *name);

/* find.c */
void search_path_add(const char *folder);
const char *file_find(const char *name, const char *list_folder);
const char *search_path_text(const char *list_folder);
char *folder_of(const char *file);
struct bytes file_read(const char *path);
struct bytes module_read(const struct module *m);

/* setup.c */
void setup_resolve(const struct list *list, const struct entry *entry, const char *boot, struct setup *out);

/* image.c, grub.c */
void image_write(const struct setup *setup, const char *file);
void grub_tree_write(const struct setup *setup, unsigned count, const char *folder);

#endif
