/* SPDX-License-Identifier: MIT */
/*
 * The line editor: keys in, lines out, on a terminal of one row that understands what the editor writes. After every
 * key the row must show prompt and line, and the cursor must be where the editor believes it is.
 */
#include "../../lib/edit/edit.c"
#include <stdio.h>
#include <tap.h>

/* ---- the terminal ---- */

static char row[2000];
static size_t column, used;
static int in_escape, wrong_sequence;

static void terminal_char(char c)
{
    if (in_escape == 1) {
        in_escape = c == '[' ? 2 : 0;
        wrong_sequence |= c != '[';
    } else if (in_escape == 2) {
        if (c == 'K')
            used = column;
        else
            wrong_sequence = 1;
        in_escape = 0;
    } else if (c == 27) {
        in_escape = 1;
    } else if (c == '\r') {
        column = 0;
    } else if (c == '\n') {
        column = used = 0;
    } else if (c == '\b') {
        column -= column > 0;
    } else if (c != '\a') {
        row[column++] = c;
        used = column > used ? column : used;
    }
}

static void terminal_write(void *context, const char *text, size_t size)
{
    (void)context;
    for (size_t i = 0; i < size; i++)
        terminal_char(text[i]);
}

/* ---- the keyboard ---- */

static const char *keys;
static int pasted, consistent;
static struct edit editor;

static void look(void)
{
    char want[2000];
    size_t n = (size_t)snprintf(want, sizeof want, "%s%.*s", editor.prompt, (int)editor.length, editor.line);
    size_t shown = used;

    while (shown > n && row[shown - 1] == ' ') /* erased with a blank */
        shown--;
    while (n > shown && want[n - 1] == ' ')
        n--;
    if (shown != n || memcmp(row, want, n) != 0 || column != strlen(editor.prompt) + editor.at)
        consistent = 0;
}

static int next_key(void *context)
{
    (void)context;
    look();
    return *keys != 0 ? (unsigned char)*keys++ : -1;
}

static int more_keys(void *context)
{
    (void)context;
    return *keys != 0 && (pasted || *keys == '[' || *keys == 'O');
}

static char *completed(void *context, const char *line, size_t at)
{
    (void)context;
    if (at >= 2 && memcmp(line + at - 2, "he", 2) == 0)
        return strdup("llo");
    if (at >= 1 && line[at - 1] == '?') {
        terminal_write(NULL, "\nchoices\n", 9);
        return strdup("");
    }
    return NULL;
}

static const struct edit_ops ops = {next_key, more_keys, terminal_write, completed, NULL};

/* Types, and compares the line that comes out. */
static void typed(const char *input, const char *want, const char *name)
{
    keys = input;
    consistent = 1;
    editor.ops = &ops;
    editor.prompt = "> ";
    column = used = 0;
    editor.length = editor.at = 0;
    long n = edit_line(&editor, "> ");
    int same = want == NULL ? n < 0 : n >= 0 && strcmp(editor.line, want) == 0;
    ok(same && consistent, name);
    if (!same)
        printf("# line: '%s' (%ld)\n", n < 0 ? "" : editor.line, n);
    if (!consistent)
        printf("# the terminal showed something else\n");
}

int main(void)
{
    typed("abc\r", "abc", "letters");
    typed("abc\n", "abc", "a line feed ends a line, too");
    typed("\r", "", "an empty line");
    typed("abx\177c\r", "abc", "backspace");
    typed("\177\177a\b\bx\r", "x", "backspace at the beginning does nothing");
    typed("abc\033[D\033[D\177x\r", "xbc", "arrow left, backspace, insert");
    typed("abc\033[D\033[D\033[C\033[C\033[Cd\r", "abcd", "arrow right stops at the end");
    typed("abc\001x\005y\r", "xabcy", "beginning and end by control keys");
    typed("abc\033[Hx\033[Fy\033[1~z\033[4~!\r", "zxabcy!", "by Home and End in both forms");
    typed("abc\033[D\033[D\033[3~\r", "ac", "delete");
    typed("abc\002\002\004\r", "ac", "Ctrl-D deletes inside a line");
    typed("abcdef\002\002\025x\r", "xef", "Ctrl-U deletes to the beginning");
    typed("abcdef\002\002\013x\r", "abcdx", "Ctrl-K deletes to the end");
    typed("one two  \027x\r", "one x", "Ctrl-W deletes a word");
    typed("junk\003", "", "Ctrl-C gives the line up");
    typed("\004", NULL, "Ctrl-D on an empty line is the end");
    typed("half", NULL, "the end of input is the end");
    typed("a\014b\r", "ab", "Ctrl-L draws again");
    typed("he\t!\r", "hello!", "Tab completes");
    typed("what?\tx\r", "what?x", "Tab shows choices and leaves the line alone");
    typed("x\ty\r", "x y", "Tab is a blank where nothing can be completed");
    typed("\tx\r", " x", "also at the beginning");
    pasted = 1;
    typed("f({},\the\t!)\r", "f({}, he !)", "pasted tabs are blanks");
    pasted = 0;
    typed("a\033[Z\033Ob\021\030\034c\r", "ac", "what is no key is ignored");

    typed("first\r", "first", "history: a line");
    typed("second\r", "second", "history: another");
    typed("\033[A\r", "second", "history: up");
    typed("\033[A\033[A\r", "first", "history: up twice; the same line again is kept once");
    typed("dra\033[A\033[Bft\r", "draft", "history: down again to what was being typed");
    typed("\020\016\016x\r", "x", "history: by control keys, and not beyond the end");
    for (unsigned i = 0; i < 3 * EDIT_HISTORY; i++) {
        char line[16];
        snprintf(line, sizeof line, "%u\r", i);
        keys = line;
        edit_line(&editor, "> ");
    }
    is(editor.history_count, EDIT_HISTORY, "history: as long as it may be");
    typed("\033[A\033[A\r", "94", "history: the newest are kept");
    char up[4 * EDIT_HISTORY + 20] = "";
    for (unsigned i = 0; i < EDIT_HISTORY + 3; i++)
        strcat(up, "\020");
    typed(strcat(up, "\r"), "65", "history: not beyond the oldest");

    char big[EDIT_LINE_MAX + 20], full[EDIT_LINE_MAX + 1];
    memset(big, 'x', sizeof big);
    memcpy(big + sizeof big - 2, "\r", 2);
    memset(full, 'x', sizeof full);
    full[EDIT_LINE_MAX] = 0;
    typed(big, full, "a line that is too long is cut");
    ok(!wrong_sequence, "the terminal understood everything");
    edit_end(&editor);
    return tap_done();
}
