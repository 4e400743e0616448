/* SPDX-License-Identifier: MIT */
/*
 * From an entry to the list of files that boot: defaults, groups, wildcards, the files every start needs; finds each
 * file and gives it its name and command line. Order: kernel, sigma0, root task, then the files as they were listed.
 */
#include "mkimage.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word, *file;
} role_default[ROLES] = {
    [ROLE_KERNEL] = { "kernel", "kernel" },
    [ROLE_SIGMA0] = { "sigma0", "sigma0" },
    [ROLE_ROOT] = { "root task", "moe" },
    [ROLE_BOOT] = { "boot stage", "boot" },
};

static const char *list_folder(const struct list *list, const struct item *i)
{
    return folder_of(i->at.line != 0 ? i->at.file : list->file);
}

static struct module module_find(const struct list *list, const struct item *i, const char *file)
{
    const char *folder = list_folder(list, i);
    const char *word = i->role < ROLES ? role_default[i->role].word : "module";
    struct module m = { .role = i->role, .at = i->at, .no_strip = i->no_strip, .uncompress = i->uncompress };

    m.path = file_find(file, folder);
    if (m.path == NULL)
        fail_at(i->at, "%s '%s' is not there; looked in: %s", word, file,
                file[0] == '/' ? folder_of(file) : search_path_text(folder));
    m.name = i->name != NULL ? i->name : name_of_path(file);
    m.cmdline = *i->args != 0 ? text_format("%s %s", m.name, i->args) : m.name;
    return m;
}

/* A file may be named twice (by two groups); two files with one name would hide each other in rom/. */
static void module_append(struct setup *s, struct module m)
{
    for (unsigned i = ROLE_ROOT + 1; i < s->count; i++) {
        const struct module *old = &s->module[i];
        if (strcmp(old->name, m.name) != 0)
            continue;
        if (strcmp(old->path, m.path) == 0 && strcmp(old->cmdline, m.cmdline) == 0)
            return;
        fail_at(m.at, "there are two modules '%s': '%s' and '%s' (%s:%u)", m.name, m.path, old->path, old->at.file,
                old->at.line);
    }
    s->module = realloc(s->module, (s->count + 1) * sizeof(m));
    if (s->module == NULL)
        fail("out of memory");
    s->module[s->count++] = m;
}

static void append_words(const struct list *list, const struct item *i, char *words, struct setup *out)
{
    char *word;

    while ((word = strsep(&words, " \t\n")) != NULL)
        if (*word != 0)
            module_append(out, module_find(list, i, word));
}

static void append_shell(const struct list *list, const struct item *i, struct setup *out)
{
    char text[65536];

    if (setenv("MKIMAGE_FOLDER", list_folder(list, i), 1) != 0)
        fail("out of memory");
    FILE *f = popen(text_format("cd \"$MKIMAGE_FOLDER\" && %s", i->text), "r");
    if (f == NULL)
        fail_at(i->at, "cannot start a shell: %s", strerror(errno));
    size_t size = fread(text, 1, sizeof(text) - 1, f);
    text[size] = 0;
    if (pclose(f) != 0)
        fail_at(i->at, "the command '%s' failed", i->text);
    append_words(list, i, text, out);
}

static void append_glob(const struct list *list, const struct item *i, struct setup *out)
{
    glob_t found;
    char *pattern = i->text[0] == '/' ? text_format("%s", i->text)
                                      : text_format("%s/%s", list_folder(list, i), i->text);

    if (glob(pattern, 0, NULL, &found) != 0)
        fail_at(i->at, "no file matches '%s'", pattern);
    for (size_t k = 0; k < found.gl_pathc; k++) {
        char *path = realpath(found.gl_pathv[k], NULL);
        if (path != NULL && file_find(path, "/") != NULL)
            module_append(out, module_find(list, i, path));
    }
    globfree(&found);
}

static void append_items(const struct list *list, const struct item *items, struct setup *out)
{
    for (const struct item *i = items; i != NULL; i = i->next) {
        if (i->group != NULL) {
            for (const struct entry *g = list->groups; g != NULL; g = g->next)
                if (strcmp(g->name, i->group) == 0)
                    append_items(list, g->modules, out);
        } else if (i->shell) {
            append_shell(list, i, out);
        } else if (i->glob) {
            append_glob(list, i, out);
        } else {
            module_append(out, module_find(list, i, i->text));
        }
    }
}

/* moe starts every program through l4re, and ned when it is not told otherwise: they are there without being listed. */
static void append_always(const struct list *list, const struct entry *e, struct setup *out)
{
    static const char *const always[] = { "l4re", "ned" };

    if (e->no_defaults || strcmp(out->module[ROLE_ROOT].name, "moe") != 0)
        return;
    for (unsigned a = 0; a < sizeof(always) / sizeof(always[0]); a++) {
        bool listed = false;
        for (unsigned i = ROLE_ROOT + 1; i < out->count; i++)
            listed = listed || strcmp(out->module[i].name, always[a]) == 0;
        struct item item = { .role = ROLE_FILE, .at = e->at, .text = always[a], .args = "" };
        if (!listed)
            module_append(out, module_find(list, &item, always[a]));
    }
}

static struct item *special_item(const struct list *list, const struct entry *e, enum role role)
{
    if (e->special[role] != NULL)
        return e->special[role];
    if (e->no_defaults && role != ROLE_BOOT)
        fail_at(e->at, "the entry '%s' has no %s and wants no defaults", e->name, role_default[role].word);
    if (list->defaults[role] != NULL)
        return list->defaults[role];
    struct item *i = allocate(sizeof(*i));
    *i = (struct item){ .role = role, .at = e->at, .text = role_default[role].file, .args = "" };
    return i;
}

static struct module special_find(const struct list *list, const struct entry *e, enum role role)
{
    struct item *i = special_item(list, e, role);

    if (i->shell || i->glob)
        fail_at(i->at, "the %s is one file: neither 'glob' nor 'shell'", role_default[role].word);
    return module_find(list, i, i->text);
}

/* boot (may be NULL) is the stage from the command line; arguments still come from the list. */
static struct module boot_find(const struct list *list, const struct entry *e, const char *boot)
{
    struct item i = *special_item(list, e, ROLE_BOOT);
    const char *args = i.args;

    if (e->has_modaddr)
        args = text_format("%s%s-modaddr=0x%llx", args, *args != 0 ? " " : "", (unsigned long long)e->modaddr);
    i.args = args;
    if (boot == NULL)
        return module_find(list, &i, i.text);
    struct module m = { .role = ROLE_BOOT, .path = boot, .name = "boot", .at = e->at, .no_strip = true };
    m.cmdline = *args != 0 ? text_format("boot %s", args) : "boot";
    return m;
}

void setup_resolve(const struct list *list, const struct entry *e, const char *boot, struct setup *out)
{
    if (e->is_linux)
        fail_at(e->at, "the entry '%s' describes a plain Linux boot, which is not supported", e->name);
    *out = (struct setup){ .name = e->name };
    for (enum role r = ROLE_KERNEL; r <= ROLE_ROOT; r++)
        module_append(out, special_find(list, e, r));
    append_items(list, e->modules, out);
    append_always(list, e, out);
    out->boot = boot_find(list, e, boot);
}
