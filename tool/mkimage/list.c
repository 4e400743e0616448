/* SPDX-License-Identifier: MIT */
/*
 * Reads list files: one directive per line, "keyword[option,option=value] rest", keywords in any case, "#" comments.
 * Owns the parser's state; the result is struct list. Files are not looked for here (setup.c), except included lists.
 *
 * A line whose arch= or bits= does not match says nothing; for "entry" and "group" that holds up to the next one.
 */
#include "mkimage.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct options {
    bool        skip;           /* arch= or bits= is for another machine */
    bool        no_defaults;
    struct item item;           /* the options that belong to files */
};

struct parser {
    struct list   *list;
    struct place   at;
    struct entry  *entry;       /* open entry or group, NULL before the first */
    bool           in_group;
    bool           skipping;    /* in an entry for another machine */
};

struct keyword {
    const char *name;
    void      (*read)(struct parser *p, const struct options *o, char *rest);
    bool        anywhere;       /* allowed before the first entry */
};

static void parse_file(struct parser *p, const char *file);

static char *trim(char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        s[--n] = 0;
    return s;
}

static bool word_in(const char *word, const char *alternatives)
{
    size_t n = strlen(word);
    const char *end;

    for (const char *at = alternatives;; at = end + 1) {
        end = at + strcspn(at, "|");
        if ((size_t)(end - at) == n && strncmp(at, word, n) == 0)
            return true;
        if (*end == 0)
            return false;
    }
}

static bool arch_matches(const char *arch, const char *alternatives)
{
    return word_in(arch, alternatives) || (strcmp(arch, "amd64") == 0 && word_in("x86_64", alternatives));
}

/* ---- options in brackets ---- */

static void option_read(struct parser *p, struct options *o, char *name, char *value)
{
    struct item *i = &o->item;

    if (strcmp(name, "arch") == 0 && value != NULL)
        o->skip = o->skip || !arch_matches(p->list->arch, value);
    else if (strcmp(name, "bits") == 0 && value != NULL)
        o->skip = o->skip || !word_in("64", value);
    else if (strcmp(name, "fname") == 0 && value != NULL && *value != 0)
        i->name = value;
    else if (strcmp(name, "nostrip") == 0 && value == NULL)
        i->no_strip = true;
    else if (strcmp(name, "uncompress") == 0 && value == NULL)
        i->uncompress = true;
    else if (strcmp(name, "glob") == 0 && value == NULL)
        i->glob = true;
    else if (strcmp(name, "shell") == 0 && value == NULL)
        i->shell = true;
    else if (strcmp(name, "no-defaults") == 0 && value == NULL)
        o->no_defaults = true;
    else if (strcmp(name, "no-shlib-scan") == 0 && value == NULL)
        ;                               /* there are no shared libraries to look for */
    else if (strcmp(name, "perl") == 0)
        fail_at(p->at, "option 'perl' is not supported: this tool runs no Perl");
    else if (strncmp(name, "attr:", 5) == 0)
        fail_at(p->at, "option '%s' is not supported: modules have no attributes", name);
    else
        fail_at(p->at, "unknown option '%s%s%s'", name, value != NULL ? "=" : "", value != NULL ? value : "");
}

/* *text is just behind the keyword; on return behind the closing bracket. */
static void options_read(struct parser *p, struct options *o, char **text)
{
    if (**text != '[')
        return;
    char *end = strchr(*text, ']');
    if (end == NULL)
        fail_at(p->at, "the options have no closing ']'");
    *end = 0;
    char *rest = *text + 1, *one;
    while ((one = strsep(&rest, ",")) != NULL) {
        one = trim(one);
        char *value = strchr(one, '=');
        if (value != NULL)
            *value++ = 0;
        if (*one != 0)
            option_read(p, o, one, value);
    }
    *text = end + 1;
}

/* ---- directives ---- */

static struct entry *entry_new(struct parser *p, const char *name)
{
    struct entry *e = allocate(sizeof(*e));

    e->name = name;
    e->at = p->at;
    e->modules_end = &e->modules;
    return e;
}

static void need_rest(struct parser *p, const char *rest, const char *what)
{
    if (*rest == 0)
        fail_at(p->at, "%s is missing", what);
}

static struct item *item_new(struct parser *p, const struct options *o, enum role role, char *rest)
{
    struct item *i = allocate(sizeof(*i));

    need_rest(p, rest, "the file name");
    *i = o->item;
    i->role = role;
    i->at = p->at;
    i->args = "";
    i->text = rest;
    if (!i->shell && !i->glob) {
        char *end = rest + strcspn(rest, " \t");
        if (*end != 0) {
            *end = 0;
            i->args = trim(end + 1);
        }
    }
    if (strstr(i->text, "://") != NULL && !i->shell)
        fail_at(p->at, "'%s' is on another machine: files are not fetched over a network", i->text);
    return i;
}

static void module_append(struct entry *e, struct item *i)
{
    *e->modules_end = i;
    e->modules_end = &i->next;
}

static void read_entry(struct parser *p, const struct options *o, char *rest)
{
    need_rest(p, rest, "the entry's name");
    p->entry = entry_new(p, rest);
    p->entry->no_defaults = o->no_defaults;
    p->entry->has_modaddr = p->list->has_modaddr;
    p->entry->modaddr = p->list->modaddr;
    p->in_group = false;
    if (!p->skipping) {
        *p->list->entries_end = p->entry;
        p->list->entries_end = &p->entry->next;
    }
}

static struct entry *group_find(const struct list *list, const char *name)
{
    for (struct entry *g = list->groups; g != NULL; g = g->next)
        if (strcmp(g->name, name) == 0)
            return g;
    return NULL;
}

static void read_group(struct parser *p, const struct options *o, char *rest)
{
    (void)o;
    need_rest(p, rest, "the group's name");
    struct entry *old = p->skipping ? NULL : group_find(p->list, rest);
    if (old != NULL)
        fail_at(p->at, "the group '%s' was already defined in %s:%u", rest, old->at.file, old->at.line);
    p->entry = entry_new(p, rest);
    p->in_group = true;
    if (!p->skipping) {
        p->entry->next = p->list->groups;
        p->list->groups = p->entry;
    }
}

static void read_group_use(struct parser *p, const struct options *o, char *rest)
{
    need_rest(p, rest, "the group's name");
    struct entry *g = group_find(p->list, rest);
    if (g == NULL || g == p->entry)
        fail_at(p->at, "unknown group '%s': a group is defined before it is used", rest);
    struct item *i = item_new(p, o, ROLE_FILE, rest);
    i->group = g->name;
    module_append(p->entry, i);
}

static void need_entry(struct parser *p)
{
    if (p->in_group)
        fail_at(p->at, "a group has modules only");
}

static void read_special(struct parser *p, const struct options *o, char *rest, enum role role)
{
    need_entry(p);
    p->entry->special[role] = item_new(p, o, role, rest);
}

static void read_kernel(struct parser *p, const struct options *o, char *rest)
{
    read_special(p, o, rest, ROLE_KERNEL);
}

static void read_sigma0(struct parser *p, const struct options *o, char *rest)
{
    read_special(p, o, rest, ROLE_SIGMA0);
}

static void read_roottask(struct parser *p, const struct options *o, char *rest)
{
    read_special(p, o, rest, ROLE_ROOT);
}

static void read_bootstrap(struct parser *p, const struct options *o, char *rest)
{
    read_special(p, o, rest, ROLE_BOOT);
}

static void read_default(struct parser *p, const struct options *o, char *rest, enum role role)
{
    p->list->defaults[role] = item_new(p, o, role, rest);
}

static void read_default_kernel(struct parser *p, const struct options *o, char *rest)
{
    read_default(p, o, rest, ROLE_KERNEL);
}

static void read_default_sigma0(struct parser *p, const struct options *o, char *rest)
{
    read_default(p, o, rest, ROLE_SIGMA0);
}

static void read_default_roottask(struct parser *p, const struct options *o, char *rest)
{
    read_default(p, o, rest, ROLE_ROOT);
}

static void read_default_bootstrap(struct parser *p, const struct options *o, char *rest)
{
    read_default(p, o, rest, ROLE_BOOT);
}

static void read_module(struct parser *p, const struct options *o, char *rest)
{
    module_append(p->entry, item_new(p, o, ROLE_FILE, rest));
}

static void read_module_nostrip(struct parser *p, const struct options *o, char *rest)
{
    struct options with = *o;

    with.item.no_strip = true;
    read_module(p, &with, rest);
}

/* "moe FILE" is "roottask moe rom/FILE" and "module FILE". */
static void read_moe(struct parser *p, const struct options *o, char *rest)
{
    need_entry(p);
    struct item *i = item_new(p, o, ROLE_FILE, rest);
    if (i->glob || i->shell)
        fail_at(p->at, "'moe' takes one file");
    const char *name = i->name != NULL ? i->name : name_of_path(i->text);
    struct item *root = allocate(sizeof(*root));
    *root = (struct item){ .role = ROLE_ROOT, .at = p->at, .text = "moe", .args = text_format("rom/%s", name) };
    p->entry->special[ROLE_ROOT] = root;
    module_append(p->entry, i);
}

static void read_modaddr(struct parser *p, const struct options *o, char *rest)
{
    char *end;

    (void)o;
    need_rest(p, rest, "the address");
    errno = 0;
    unsigned long long value = strtoull(rest, &end, 16);
    if (*end != 0 || *rest == '-' || errno != 0 || value >> 32 != 0)
        fail_at(p->at, "'%s' is no hexadecimal address below 4 GiB", rest);
    if (p->entry == NULL) {
        p->list->has_modaddr = true;
        p->list->modaddr = value;
    } else {
        need_entry(p);
        p->entry->has_modaddr = true;
        p->entry->modaddr = value;
    }
}

static void read_initrd(struct parser *p, const struct options *o, char *rest)
{
    (void)o;
    need_entry(p);
    need_rest(p, rest, "the file name");
    p->entry->is_linux = true;
}

static void read_set(struct parser *p, const struct options *o, char *rest)
{
    char key[16], value[16], more[2];

    (void)o;
    need_entry(p);
    if (sscanf(rest, "%15s %15s %1s", key, value, more) != 2 || strcasecmp(key, "mode") != 0 ||
        (strcasecmp(value, "linux") != 0 && strcasecmp(value, "multiboot") != 0))
        fail_at(p->at, "'set %s': there is 'set mode linux' and 'set mode multiboot'", rest);
    p->entry->is_linux = strcasecmp(value, "linux") == 0;
}

/* ---- paths ---- */

/* Replaces ${VAR} by the environment's value. */
static char *variables_expand(struct parser *p, const char *text)
{
    char *out = text_format("%s", "");

    for (const char *at = text; *at != 0;) {
        const char *dollar = strstr(at, "${");
        if (dollar == NULL)
            return text_format("%s%s", out, at);
        const char *end = strchr(dollar, '}');
        if (end == NULL)
            fail_at(p->at, "'%s' has no closing '}'", dollar);
        char *name = text_format("%.*s", (int)(end - dollar - 2), dollar + 2);
        const char *value = getenv(name);
        if (value == NULL)
            fail_at(p->at, "the environment has no variable '%s'", name);
        out = text_format("%s%.*s%s", out, (int)(dollar - at), at, value);
        at = end + 1;
    }
    return out;
}

static char *path_from_list(struct parser *p, const char *rest)
{
    char *path = variables_expand(p, rest);
    return path[0] == '/' ? path : text_format("%s/%s", folder_of(p->at.file), path);
}

static void read_searchpath(struct parser *p, const struct options *o, char *rest)
{
    (void)o;
    need_rest(p, rest, "the folder");
    search_path_add(path_from_list(p, rest));
}

static void read_include(struct parser *p, const struct options *o, char *rest)
{
    glob_t found;

    (void)o;
    need_rest(p, rest, "the file name");
    char *rest_expanded = path_from_list(p, rest);
    bool wildcard = strpbrk(rest_expanded, "*?[") != NULL;
    int rc = glob(rest_expanded, 0, NULL, &found);
    if (rc == GLOB_NOMATCH && wildcard)
        return;
    if (rc != 0)
        fail_at(p->at, "cannot include '%s': no such file", rest_expanded);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct parser inner = *p;       /* may go on with an open entry; its own entries end with the file */
        parse_file(&inner, text_format("%s", found.gl_pathv[i]));
    }
    globfree(&found);
}

/* ---- lines ---- */

static const struct keyword keywords[] = {
    { "entry", read_entry, true },
    { "title", read_entry, true },
    { "group", read_group, true },
    { "include", read_include, true },
    { "searchpath", read_searchpath, true },
    { "modaddr", read_modaddr, true },
    { "default-kernel", read_default_kernel, true },
    { "default-sigma0", read_default_sigma0, true },
    { "default-roottask", read_default_roottask, true },
    { "default-bootstrap", read_default_bootstrap, true },
    { "kernel", read_kernel, false },
    { "sigma0", read_sigma0, false },
    { "roottask", read_roottask, false },
    { "bootstrap", read_bootstrap, false },
    { "moe", read_moe, false },
    { "module", read_module, false },
    { "bin", read_module, false },
    { "data", read_module, false },
    { "bin-nostrip", read_module_nostrip, false },
    { "data-nostrip", read_module_nostrip, false },
    { "module-group", read_group_use, false },
    { "initrd", read_initrd, false },
    { "set", read_set, false },
};

static void parse_line(struct parser *p, char *line)
{
    struct options o = { 0 };
    char *text = line + strcspn(line, " \t[");
    char *word = text_format("%.*s", (int)(text - line), line);
    const struct keyword *k = NULL;

    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        if (strcasecmp(word, keywords[i].name) == 0)
            k = &keywords[i];
    if (k == NULL)
        fail_at(p->at, "unknown keyword '%s'", word);
    options_read(p, &o, &text);
    if (*text != 0 && !isspace((unsigned char)*text))
        fail_at(p->at, "a blank is missing after ']'");
    if (k->read == read_entry || k->read == read_group)
        p->skipping = o.skip;
    else if (p->skipping || o.skip)
        return;
    if (p->entry == NULL && !k->anywhere)
        fail_at(p->at, "'%s' before the first entry", word);
    k->read(p, &o, trim(text));
}

static void comment_cut(char *line)
{
    for (char *c = line; *c != 0; c++)
        if (*c == '#' && (c == line || isspace((unsigned char)c[-1]))) {
            *c = 0;
            return;
        }
}

static bool seen_before(const char *file)
{
    static char *seen[256];
    static unsigned count;
    char *real = realpath(file, NULL);

    if (real == NULL)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (strcmp(seen[i], real) == 0)
            return true;
    if (count == sizeof(seen) / sizeof(seen[0]))
        fail("more than %u list files", count);
    seen[count++] = real;
    return false;
}

static void parse_file(struct parser *p, const char *file)
{
    if (seen_before(file))
        return;
    struct bytes content = file_read(file);
    char *text = (char *)content.data;
    p->at = (struct place){ file, 0 };
    if (memchr(text, 0, content.size) != NULL)
        fail_at(p->at, "this is no list file: it has zero bytes");
    while (text != NULL) {
        char *line = strsep(&text, "\n");
        p->at.line++;
        comment_cut(line);
        line = trim(line);
        if (*line != 0)
            parse_line(p, line);
    }
}

void list_read(struct list *list, const char *file)
{
    struct parser p = { .list = list };

    list->file = file;
    list->entries_end = &list->entries;
    parse_file(&p, file);
    if (list->entries == NULL)
        fail("%s: there is no entry for %s in it", file, list->arch);
}

struct entry *list_find(const struct list *list, const char *name)
{
    if (name == NULL)
        return list->entries;
    for (struct entry *e = list->entries; e != NULL; e = e->next)
        if (strcmp(e->name, name) == 0)
            return e;
    char *names = text_format("%s", "");
    for (struct entry *e = list->entries; e != NULL; e = e->next)
        names = text_format("%s%s%s", names, *names != 0 ? ", " : "", e->name);
    fail("%s: there is no entry '%s'; there are: %s", list->file, name, names);
}
