/* SPDX-License-Identifier: MIT */
/*
 * Line editing on a plain terminal: what is typed at the end is echoed, everything else redraws the line.
 *
 * Keys: Enter; Backspace; Tab completes (a blank where nothing can be completed, and in pasted text); arrows,
 * Home, End, Delete; Ctrl-A/E begin/end, Ctrl-B/F left/right, Ctrl-K/U delete to the end/begin, Ctrl-W the word
 * before, Ctrl-C the line, Ctrl-L redraw, Ctrl-P/N history, Ctrl-D end of input on an empty line. Others are
 * ignored.
 *
 * E1  line[0, length) is the text, length <= EDIT_LINE_MAX, at <= length; line[length] is 0 when edit_line() returns.
 */
#include <edit/edit.h>
#include <stdlib.h>
#include <string.h>

#define CTRL(c) ((c) & 31)
#define ESC 27
#define DEL 127

enum special { KEY_LEFT = 256, KEY_RIGHT, KEY_UP, KEY_DOWN, KEY_HOME, KEY_END, KEY_DELETE, KEY_NONE };

static void put(struct edit *e, const char *s, size_t n) { e->ops->write(e->ops->context, s, n); }
static void put_string(struct edit *e, const char *s) { put(e, s, strlen(s)); }

/* The whole line again, then back to the cursor. */
static void redraw(struct edit *e)
{
    static const char back[] = "\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b";
    size_t left = e->length - e->at;

    put(e, "\r", 1);
    put_string(e, e->prompt);
    put(e, e->line, e->length);
    put_string(e, "\033[K");
    while (left > 0) {
        size_t n = left < sizeof back - 1 ? left : sizeof back - 1;
        put(e, back, n);
        left -= n;
    }
}

static void insert(struct edit *e, const char *s, size_t n)
{
    if (n > EDIT_LINE_MAX - e->length) {
        put(e, "\a", 1);
        return;
    }
    memmove(e->line + e->at + n, e->line + e->at, e->length - e->at);
    memcpy(e->line + e->at, s, n);
    e->at += n;
    e->length += n;
    if (e->at == e->length)
        put(e, s, n);
    else
        redraw(e);
}

/* Takes [from, to) out; the cursor is at one of its ends. */
static void erase(struct edit *e, size_t from, size_t to)
{
    if (from >= to)
        return;
    int last = to == e->length && e->at == to && to - from == 1;
    memmove(e->line + from, e->line + to, e->length - to);
    e->length -= to - from;
    e->at = from;
    if (last)
        put_string(e, "\b \b");
    else
        redraw(e);
}

static size_t word_before(const struct edit *e)
{
    size_t i = e->at;

    while (i > 0 && e->line[i - 1] == ' ')
        i--;
    while (i > 0 && e->line[i - 1] != ' ')
        i--;
    return i;
}

static void move(struct edit *e, size_t to)
{
    e->at = to;
    redraw(e);
}

static void complete(struct edit *e)
{
    if (e->at > 0 && e->line[e->at - 1] != ' ' && !e->ops->more(e->ops->context)) {
        char *more = e->ops->complete(e->ops->context, e->line, e->at);
        if (more != NULL) {
            if (more[0] == 0) /* choices were printed */
                redraw(e);
            else
                insert(e, more, strlen(more));
            free(more);
            return;
        }
    }
    insert(e, " ", 1);
}

/* ---- history ---- */

static char *history_entry(struct edit *e, unsigned n) { return e->history[(e->history_first + n) % EDIT_HISTORY]; }

static void history_add(struct edit *e)
{
    if (e->length == 0)
        return;
    if (e->history_count > 0 && strcmp(history_entry(e, e->history_count - 1), e->line) == 0)
        return;
    char *copy = strdup(e->line);
    if (copy == NULL)
        return;
    if (e->history_count == EDIT_HISTORY) {
        free(e->history[e->history_first]);
        e->history_first = (e->history_first + 1) % EDIT_HISTORY;
        e->history_count--;
    }
    e->history[(e->history_first + e->history_count++) % EDIT_HISTORY] = copy;
}

static void line_set(struct edit *e, const char *s)
{
    e->length = strlen(s);
    memcpy(e->line, s, e->length);
    e->at = e->length;
    redraw(e);
}

/* history_at counts lines back from the one that is being typed, which is 0. */
static void history_go(struct edit *e, unsigned to)
{
    if (to > e->history_count || to == e->history_at)
        return;
    if (e->history_at == 0) {
        e->line[e->length] = 0;
        free(e->draft);
        e->draft = strdup(e->line);
    }
    e->history_at = to;
    if (to == 0)
        line_set(e, e->draft != NULL ? e->draft : "");
    else
        line_set(e, history_entry(e, e->history_count - to));
}

/* ---- keys ---- */

static int key(struct edit *e) { return e->ops->key(e->ops->context); }

/* ESC [ A, ESC O A, ESC [ 3 ~; a lone or unknown sequence is nothing. */
static int escape(struct edit *e)
{
    if (!e->ops->more(e->ops->context))
        return KEY_NONE;
    int c = key(e);
    if (c != '[' && c != 'O')
        return KEY_NONE;
    int number = 0;
    while ((c = key(e)) >= '0' && c <= ';')
        number = c <= '9' ? number * 10 + c - '0' : 0;
    switch (c) {
    case 'A': return KEY_UP;
    case 'B': return KEY_DOWN;
    case 'C': return KEY_RIGHT;
    case 'D': return KEY_LEFT;
    case 'H': return KEY_HOME;
    case 'F': return KEY_END;
    case '~': return number == 3 ? KEY_DELETE : number == 1 || number == 7 ? KEY_HOME
                   : number == 4 || number == 8 ? KEY_END : KEY_NONE;
    default: return c < 0 ? -1 : KEY_NONE;
    }
}

static void edit_key(struct edit *e, int c)
{
    char byte = (char)c;

    switch (c) {
    case DEL: case CTRL('H'): if (e->at > 0) erase(e, e->at - 1, e->at); break;
    case KEY_DELETE: case CTRL('D'): if (e->at < e->length) erase(e, e->at, e->at + 1); break;
    case CTRL('U'): erase(e, 0, e->at); break;
    case CTRL('K'): erase(e, e->at, e->length); break;
    case CTRL('W'): erase(e, word_before(e), e->at); break;
    case KEY_LEFT: case CTRL('B'): if (e->at > 0) move(e, e->at - 1); break;
    case KEY_RIGHT: case CTRL('F'): if (e->at < e->length) move(e, e->at + 1); break;
    case KEY_HOME: case CTRL('A'): move(e, 0); break;
    case KEY_END: case CTRL('E'): move(e, e->length); break;
    case KEY_UP: case CTRL('P'): history_go(e, e->history_at + 1); break;
    case KEY_DOWN: case CTRL('N'): if (e->history_at > 0) history_go(e, e->history_at - 1); break;
    case CTRL('L'): redraw(e); break;
    case '\t': complete(e); break;
    default:
        if (c >= ' ' && c < 256)
            insert(e, &byte, 1);
    }
}

long edit_line(struct edit *e, const char *prompt)
{
    e->prompt = prompt;
    e->length = e->at = 0;
    e->history_at = 0;
    put_string(e, prompt);
    for (;;) {
        int c = key(e);
        if (c == ESC)
            c = escape(e);
        if (c < 0 || (c == CTRL('D') && e->length == 0)) {
            put_string(e, "\n");
            return -1;
        }
        if (c == CTRL('C')) {
            put_string(e, "^C\n");
            e->length = e->at = 0;
        }
        if (c == '\r' || c == '\n' || c == CTRL('C'))
            break;
        edit_key(e, c);
    }
    e->line[e->length] = 0;
    if (e->at != e->length)
        move(e, e->length);
    put_string(e, "\n");
    history_add(e);
    return (long)e->length;
}

void edit_end(struct edit *e)
{
    for (unsigned i = 0; i < e->history_count; i++)
        free(history_entry(e, i));
    free(e->draft);
    e->history_count = 0;
    e->draft = NULL;
}
