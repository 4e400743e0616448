/* SPDX-License-Identifier: MIT */
/*
 * Writes the tree grub-mkrescue makes a boot medium of: boot/grub/grub.cfg with one item per entry, and every module
 * as a file of its own in boot/labe/. Multiboot 2, because that works with BIOS and UEFI.
 */
#include "mkimage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct placed {
    const char *path;           /* on this machine */
    const char *name;           /* below boot/labe */
    bool        no_strip, uncompress;
};

static struct placed *placed;
static unsigned placed_count;

static void folder_make(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail("cannot make the folder '%s': %s", path, strerror(errno));
}

/* Copies the file once, under its own name or, when another file has that, with a number in front. */
static const char *module_write(const struct module *m, const char *folder)
{
    const char *name = name_of_path(m->path);
    bool taken = false;

    for (unsigned i = 0; i < placed_count; i++) {
        if (strcmp(placed[i].path, m->path) == 0 && placed[i].no_strip == m->no_strip &&
            placed[i].uncompress == m->uncompress)
            return placed[i].name;
        taken = taken || strcmp(placed[i].name, name) == 0;
    }
    if (taken)
        name = text_format("%u-%s", placed_count, name);
    placed = realloc(placed, (placed_count + 1) * sizeof(*placed));
    if (placed == NULL)
        fail("out of memory");
    placed[placed_count++] = (struct placed){ m->path, name, m->no_strip, m->uncompress };

    struct bytes b = m->role == ROLE_BOOT ? file_read(m->path) : module_read(m);
    char *path = text_format("%s/boot/labe/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(b.data, 1, b.size, f) != b.size || fclose(f) != 0)
        fail("cannot write '%s': %s", path, strerror(errno));
    free(b.data);
    return name;
}

static void word_write(FILE *f, struct place at, const char *word, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (strchr("'\"\\", word[i]) != NULL)
            fail_at(at, "GRUB changes quotes and backslashes in arguments: '%.*s'", (int)size, word);
    fprintf(f, " '%.*s'", (int)size, word);
}

/* GRUB hands over what follows the file name, so the name is said twice. */
static void line_write(FILE *f, const char *command, const struct module *m, const char *folder)
{
    fprintf(f, "    %s '/boot/labe/%s'", command, module_write(m, folder));
    for (const char *at = m->cmdline; *at != 0;) {
        size_t size = strcspn(at, " \t");
        if (size > 0)
            word_write(f, m->at, at, size);
        at += size + (at[size] != 0);
    }
    fprintf(f, "\n");
}

void grub_tree_write(const struct setup *setup, unsigned count, const char *folder)
{
    folder_make(folder);
    folder_make(text_format("%s/boot", folder));
    folder_make(text_format("%s/boot/grub", folder));
    folder_make(text_format("%s/boot/labe", folder));
    char *path = text_format("%s/boot/grub/grub.cfg", folder);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        fail("cannot write '%s': %s", path, strerror(errno));
    output_started(path);
    fprintf(f, "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n");
    fprintf(f, "set default=0\nset timeout=%u\n", count > 1 ? 5u : 0u);
    for (unsigned i = 0; i < count; i++) {
        fprintf(f, "menuentry");
        word_write(f, setup[i].boot.at, setup[i].name, strlen(setup[i].name));
        fprintf(f, " {\n");
        line_write(f, "multiboot2", &setup[i].boot, folder);
        for (unsigned k = 0; k < setup[i].count; k++)
            line_write(f, "module2", &setup[i].module[k], folder);
        fprintf(f, "}\n");
    }
    if (fclose(f) != 0)
        fail("cannot write '%s': %s", path, strerror(errno));
    output_started(NULL);
}
