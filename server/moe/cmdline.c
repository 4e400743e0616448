/* SPDX-License-Identifier: MIT */
/* The root task's command line; the options are listed in cmdline.h. */
#include "cmdline.h"
#include <string.h>

struct flag {
    const char *name;
    unsigned value;
};
static const struct flag debug_flags[] = {
    {"info", DEBUG_INFO}, {"nfo", DEBUG_INFO}, {"warn", DEBUG_WARN}, {"boot", DEBUG_BOOT}, {"server", DEBUG_SERVER},
    {"svr", DEBUG_SERVER}, {"exceptions", DEBUG_EXCEPTIONS}, {"exc", DEBUG_EXCEPTIONS}, {"cmd_line", DEBUG_CMDLINE},
    {"loader", DEBUG_LOADER}, {"ldr", DEBUG_LOADER}, {"ns", DEBUG_NS}, {"all", ~0u}, {NULL, 0},
};
static const struct flag loader_flags[] = {
    {"eager_map", 1}, {"pre_alloc", 1}, {"all_segs_cow", 2}, {"pinned_segs", 4}, {"exit", 0x10}, {NULL, 0},
};

typedef void warn_function(const char *message, const char *word);

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Copies the next word to *to, without its quotes; false at the end of the line or of the space. */
static bool word_next(const char **line, char **to, const char *limit)
{
    const char *s = *line;
    char *w = *to, quote = 0;

    while (is_blank(*s))
        s++;
    if (*s == 0)
        return false;
    if (*s == '\'' || *s == '"')
        quote = *s++;
    while (*s != 0 && (quote != 0 ? *s != quote : !is_blank(*s))) {
        if (w == limit)
            return false;
        *w++ = *s++;
    }
    if (quote != 0 && *s == quote)
        s++;
    *w++ = 0;
    *line = s;
    *to = w;
    return true;
}

static unsigned flags_parse(const char *list, const struct flag *table, warn_function *warn)
{
    unsigned value = 0;

    while (*list != 0) {
        size_t n = strcspn(list, ",|+");
        const struct flag *f = table;
        while (f->name != NULL && (strlen(f->name) != n || memcmp(f->name, list, n) != 0))
            f++;
        if (f->name != NULL)
            value |= f->value;
        else if (n > 0)
            warn("unknown flag", list);
        list += n + (list[n] != 0);
    }
    return value;
}

static bool number_parse(const char *s, unsigned *value)
{
    unsigned v = 0;

    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
        s += 2;
    if (*s == 0)
        return false;
    for (; *s != 0; s++) {
        static const char digits[] = "0123456789abcdef";
        const char *d = strchr(digits, *s >= 'A' && *s <= 'F' ? *s - 'A' + 'a' : *s);
        if (d == NULL || v >> 28 != 0)
            return false;
        v = v << 4 | (unsigned)(d - digits);
    }
    *value = v;
    return true;
}

/* The text behind "NAME=", or a null pointer. */
static const char *value_of(const char *word, const char *name)
{
    size_t n = strlen(name);

    return strncmp(word, name, n) == 0 ? word + n : NULL;
}

static void option_parse(struct cmdline *c, const char *word, warn_function *warn)
{
    const char *v;

    if ((v = value_of(word, "--init=")) != NULL) {
        c->init = v;
    } else if ((v = value_of(word, "--debug=")) != NULL) {
        c->debug = flags_parse(v, debug_flags, warn);
    } else if ((v = value_of(word, "--l4re-dbg=")) != NULL) {
        c->l4re_debug = flags_parse(v, debug_flags, warn);
    } else if ((v = value_of(word, "--ldr-flags=")) != NULL) {
        c->loader_flags = flags_parse(v, loader_flags, warn);
    } else if ((v = value_of(word, "--exit-port=")) != NULL) {
        c->has_exit_port = number_parse(v, &c->exit_port) && c->exit_port < 0x10000;
        if (!c->has_exit_port)
            warn("not an I/O port", word);
    } else if (value_of(word, "--brk=") == NULL) {
        warn("unknown option", word);
    }
}

void cmdline_parse(struct cmdline *c, const char *line, warn_function *warn)
{
    char *to = c->text;
    const char *limit = c->text + sizeof c->text - 1, *word;
    bool options = true;

    c->init = "rom/ned";
    c->debug = DEBUG_INFO | DEBUG_WARN;
    c->l4re_debug = DEBUG_WARN;
    c->loader_flags = 0;
    c->has_exit_port = false;
    c->arg_count = 1;
    word_next(&line, &to, limit); /* our own name */
    while (word = to, word_next(&line, &to, limit)) {
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && word[0] == '-') {
            option_parse(c, word, warn);
        } else {
            options = false;
            if (c->arg_count == CMDLINE_ARGS_MAX)
                break;
            c->args[c->arg_count++] = word;
        }
    }
    while (is_blank(*line))
        line++;
    if (*line != 0)
        warn("command line too long, cut before", line);
    c->args[0] = c->init;
}
