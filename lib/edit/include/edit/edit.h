/* SPDX-License-Identifier: MIT */
/*
 * Line editing: reads keys and writes text through functions of its owner, and keeps a history. The same terminal
 * sequences everywhere: what every terminal since the VT100 understands.
 */
#pragma once
#include <stddef.h>

struct edit_ops {
    int (*key)(void *context);              /* next byte, -1: end of input. Blocks. */
    int (*more)(void *context);             /* has another byte already come? (pasted text) */
    void (*write)(void *context, const char *text, size_t size);
    /* Completes line[0, at): characters to insert (malloc), or NULL; prints a list of choices by itself. */
    char *(*complete)(void *context, const char *line, size_t at);
    void *context;
};
#define EDIT_LINE_MAX 1000u
#define EDIT_HISTORY 32u
struct edit {
    const struct edit_ops *ops;
    char line[EDIT_LINE_MAX + 1];
    size_t length, at;
    const char *prompt;
    char *history[EDIT_HISTORY]; /* ring, oldest at history_first */
    unsigned history_first, history_count, history_at;
    char *draft; /* what was typed before going back in the history */
};
/* Reads one line: its length, or -1 at the end of input. The text is in e->line, without a line end. */
long edit_line(struct edit *e, const char *prompt);
void edit_end(struct edit *e);
