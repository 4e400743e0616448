/* SPDX-License-Identifier: MIT */
/* Boot modules as files; the contract is in boot_fs.h. */
#include "boot_fs.h"
#include "mem.h"
#include "moe.h"
#include "page.h"
#include <l4/kip.h>
#include <loader/text.h>
#include <string.h>

#define KIND_MASK 7u
#define KIND_FILE 0u
#define KIND_ROOT 3u

struct ns *boot_rom, *boot_rwfs;

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* First word of a module's line; a backslash keeps the blank behind it. Returns what follows it. */
static const char *first_word(const char *line, unsigned *length)
{
    const char *s = line;

    while (*s != 0 && !is_blank(*s))
        s += *s == '\\' && is_blank(s[1]) ? 2 : 1;
    *length = (unsigned)(s - line);
    return s;
}

/* The last path component, without backslashes, into name; its length. */
static unsigned base_name(const char *word, unsigned length, char *name, unsigned size)
{
    unsigned start = length, n = 0;

    while (start > 0 && word[start - 1] != '/')
        start--;
    for (unsigned i = start; i < length && n < size; i++)
        if (word[i] != '\\' || i + 1 == length || !is_blank(word[i + 1]))
            name[n++] = word[i];
    return n;
}

static bool has_word(const char *line, const char *word)
{
    size_t n = strlen(word);

    while (*line != 0) {
        while (is_blank(*line))
            line++;
        if (strncmp(line, word, n) == 0 && (line[n] == 0 || is_blank(line[n])))
            return true;
        while (*line != 0 && !is_blank(*line))
            line++;
    }
    return false;
}

static const struct l4_module *module_next(word_t info, unsigned *cursor)
{
    const struct l4_module_info *i = (const struct l4_module_info *)info;

    return info == 0 || *cursor >= i->count ? NULL : (const struct l4_module *)i->modules + (*cursor)++;
}

static long file_add(const struct l4_module *m)
{
    const char *line = (const char *)m->cmdline;
    word_t size = m->end - m->start, rest = -m->end & (L4_PAGE_SIZE - 1);
    char name[128];
    unsigned length;
    struct ds *d;

    const char *options = first_word(line, &length);
    bool writable = has_word(options, ":rw");
    length = base_name(line, length, name, sizeof name);
    struct ns *ns = writable ? boot_rwfs : boot_rom;
    if (ns_find(ns, name, length) != NULL) {
        say("module %s: a module of that name is there already: ignored", line);
        return 0;
    }
    long r = mem_take(m->start, m->end);
    if (r < 0)
        return r;
    memset((void *)m->end, 0, rest); /* nothing of a neighbour shows behind the end of the file */
    r = ds_create_static(&root_factory, m->start, size, writable ? DS_RIGHTS : DS_R | DS_X | DS_COW, &d);
    if (r < 0)
        return r;
    debug(DEBUG_BOOT, "module %s: %lx, %lu bytes%s", line, m->start, size, writable ? ", writable" : "");
    return ns_add(ns, name, length, &d->object, writable ? L4_CAP_FPAGE_RW : L4_CAP_FPAGE_RO);
}

/* The file .dirinfo of a name space: a line "LENGTH:NAME" per entry. */
static long directory_add(struct ns *ns)
{
    word_t size = 0;
    struct ds *d;
    struct text t;

    for (const struct ns_entry *e = ns->entries; e != NULL; e = e->next)
        size += e->length + 8;
    if (size == 0)
        return 0;
    word_t pages = (size + L4_PAGE_SIZE) >> L4_PAGE_SHIFT, memory = page_range_alloc(pages, 0);
    if (memory == 0)
        return -L4_ENOMEM;
    memset((void *)memory, 0, pages * L4_PAGE_SIZE);
    text_start(&t, (char *)memory, pages * L4_PAGE_SIZE);
    for (const struct ns_entry *e = ns->entries; e != NULL; e = e->next) {
        text_add(&t, "%u:", e->length);
        for (unsigned i = 0; i < e->length; i++)
            text_char(&t, e->name[i]);
        text_char(&t, '\n');
    }
    long r = ds_create_static(&root_factory, memory, (word_t)t.at - memory, DS_R, &d);
    return r < 0 ? r : ns_add(ns, ".dirinfo", 8, &d->object, L4_CAP_FPAGE_RO);
}

long boot_fs_init(word_t module_info)
{
    unsigned cursor = 0;
    const struct l4_module *m;
    long r;

    if ((r = ns_create(&root_factory, &boot_rom)) < 0 || (r = ns_create(&root_factory, &boot_rwfs)) < 0)
        return r;
    boot_rom->object.is_fixed = boot_rwfs->object.is_fixed = true;
    while ((m = module_next(module_info, &cursor)) != NULL)
        if ((m->flags & KIND_MASK) == KIND_FILE && (r = file_add(m)) < 0)
            say("module %s is left out: error %ld", (const char *)m->cmdline, r);
    if ((r = directory_add(boot_rom)) < 0)
        return r;
    return directory_add(boot_rwfs);
}

const char *boot_command_line(word_t module_info)
{
    unsigned cursor = 0;
    const struct l4_module *m;

    while ((m = module_next(module_info, &cursor)) != NULL)
        if ((m->flags & KIND_MASK) == KIND_ROOT && m->cmdline != 0)
            return (const char *)m->cmdline;
    return "";
}

struct ds *boot_file(const char *name)
{
    struct ns_entry *e = ns_find(boot_rom, name, (unsigned)strlen(name));

    return e == NULL ? NULL : (struct ds *)e->object;
}
