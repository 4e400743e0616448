/* SPDX-License-Identifier: MIT */
/*
 * Lines on the one console that many clients share: every line carries its writer's tag and colour, and a line that
 * another writer interrupts goes on in a line of its own.
 *
 *   L1  `owner` is the writer whose unfinished line stands on the console (or in the buffer); null at the start of a
 *       line.
 *   L2  The buffer holds what has not been written yet; it ends with a line end or with the owner's unfinished line.
 *
 * Whole lines go out at once. An unfinished line is held back until it ends, until another writer interrupts it, until
 * the buffer is full, or until line_flush.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define LINE_TAG_MAX 32u
#define LINE_TAG_SHOWN 8u
#define LINE_BUFFER 1024u
#define LINE_COLOUR_DEFAULT 7u

struct line_writer {
    char tag[LINE_TAG_MAX + 1];
    unsigned colour;  /* 0-7, 8 = bright; 0 = the console's own */
    bool interrupted; /* its next output goes on with an interrupted line */
};

struct line_console {
    void (*write)(struct line_console *c, const char *text, size_t size);
    struct line_writer *owner;
    size_t used;
    char buffer[LINE_BUFFER];
};

/* "red", "B" ...: the first letter counts; capital letters are bright. */
unsigned line_colour(const char *name);

void line_writer_init(struct line_writer *w, const char *tag, size_t tag_size, unsigned colour);

/* One message of a writer; a zero byte ends it. */
void line_put(struct line_console *c, struct line_writer *w, const char *text, size_t size);

/* Writes out what is held back; true when there was something. */
bool line_flush(struct line_console *c);
bool line_is_pending(const struct line_console *c);

/* The writer disappears: its unfinished line stays on the console. */
void line_writer_gone(struct line_console *c, struct line_writer *w);
