/* SPDX-License-Identifier: MIT */
/*
 * mkimage: makes something bootable from a modules.list.
 *
 *   mkimage [-p FOLDER]... [-s BOOT] [-e ENTRY] -o IMAGE LIST   one ELF file for qemu -kernel or any multiboot loader
 *   mkimage [-p FOLDER]... [-s BOOT] [-e ENTRY] -t FOLDER LIST  a tree for grub-mkrescue: separate modules, one menu
 *                                                               item per entry, ENTRY (or the first) the default
 *   mkimage [-p FOLDER]... [-s BOOT] [-e ENTRY] -l LIST         prints "path<tab>command line" per module, in order
 *
 *   -p FOLDER  where files are looked for, after the list file's own folder; repeatable
 *   -s BOOT    the boot stage; else the entry's "bootstrap", else "boot" in the folders
 *   -e ENTRY   entry of the list; else the first
 *   -a ARCH    which lines with arch= count (amd64)
 *
 * Exit status: 0 done, 1 something is wrong with the input (said on standard error), 2 wrong command line.
 */
#include "mkimage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *unfinished;          /* output that must not stay when something fails */

/* Returns what was unfinished before. */
const char *output_started(const char *path)
{
    const char *before = unfinished;

    unfinished = path;
    return before;
}

static _Noreturn void die(void)
{
    if (unfinished != NULL)
        unlink(unfinished);
    exit(1);
}

void fail(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "mkimage: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    die();
}

void fail_at(struct place at, const char *format, ...)
{
    va_list args;

    if (at.line != 0)
        fprintf(stderr, "mkimage: %s:%u: ", at.file, at.line);
    else
        fprintf(stderr, "mkimage: %s: ", at.file);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    die();
}

void *allocate(size_t size)
{
    void *p = calloc(1, size != 0 ? size : 1);
    if (p == NULL)
        fail("out of memory");
    return p;
}

char *text_format(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = allocate((size_t)size + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)size + 1, format, args);
    va_end(args);
    return text;
}

const char *name_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static _Noreturn void usage(const char *what, const char *value)
{
    fprintf(stderr, "mkimage: %s%s\n", what, value);
    fprintf(stderr, "usage: mkimage [-p FOLDER]... [-s BOOT] [-e ENTRY] [-a ARCH] -o IMAGE|-t FOLDER|-l LIST\n");
    exit(2);
}

static void modules_print(const struct setup *setup)
{
    for (unsigned i = 0; i < setup->count; i++)
        printf("%s\t%s\n", setup->module[i].path, setup->module[i].cmdline);
}

/* All entries of the list, the chosen one first. */
static void tree_write(const struct list *list, const struct entry *chosen, const char *boot, const char *folder,
                       bool all)
{
    unsigned count = 0;

    for (const struct entry *e = list->entries; e != NULL; e = e->next)
        count++;
    struct setup *setup = allocate(count * sizeof(*setup));
    setup_resolve(list, chosen, boot, &setup[0]);
    count = 1;
    for (const struct entry *e = list->entries; all && e != NULL; e = e->next)
        if (e != chosen && list_find(list, e->name) == e && !e->is_linux)
            setup_resolve(list, e, boot, &setup[count++]);
    grub_tree_write(setup, count, folder);
}

int main(int argc, char **argv)
{
    struct list list = { .arch = "amd64" };
    const char *image = NULL, *tree = NULL, *boot = NULL, *entry_name = NULL;
    bool print = false;
    int c;

    opterr = 0;
    while ((c = getopt(argc, argv, ":o:t:p:s:e:a:l")) != -1) {
        char option[3] = { '-', (char)optopt, 0 };
        switch (c) {
        case 'o': image = optarg; break;
        case 't': tree = optarg; break;
        case 'p': search_path_add(optarg); break;
        case 's': boot = optarg; break;
        case 'e': entry_name = optarg; break;
        case 'a': list.arch = optarg; break;
        case 'l': print = true; break;
        case ':': usage("a value is missing after ", option);
        default: usage("unknown option ", option);
        }
    }
    if (argc - optind != 1)
        usage(optind == argc ? "no list file" : "more than one list file: ", optind == argc ? "" : argv[optind + 1]);
    if ((image != NULL) + (tree != NULL) + print != 1)
        usage("one of -o, -t and -l is needed", "");

    list_read(&list, argv[optind]);
    struct entry *entry = list_find(&list, entry_name);
    if (tree != NULL) {
        tree_write(&list, entry, boot, tree, entry_name == NULL);
        return 0;
    }
    struct setup setup;
    setup_resolve(&list, entry, print && boot == NULL ? "" : boot, &setup);   /* -l needs no stage */
    if (image != NULL)
        image_write(&setup, image);
    else
        modules_print(&setup);
    return fflush(stdout) == 0 ? 0 : 1;
}
