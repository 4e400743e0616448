/* SPDX-License-Identifier: MIT */
/* Tagged and coloured lines; the contract and the invariants L1, L2 are in line.h. */
#include <line/line.h>
#include <string.h>

unsigned line_colour(const char *name)
{
    static const char letters[] = "nrgybmcw";
    char first = name[0];
    bool bright = first >= 'A' && first <= 'Z';
    const char *at = first == 0 ? NULL : strchr(letters, bright ? first - 'A' + 'a' : first);

    return at == NULL ? 0 : (unsigned)(at - letters) | (bright ? 8u : 0u);
}

void line_writer_init(struct line_writer *w, const char *tag, size_t tag_size, unsigned colour)
{
    size_t n = 0;

    memset(w, 0, sizeof *w);
    for (; n < tag_size && n < LINE_TAG_MAX && tag[n] != 0; n++)
        w->tag[n] = tag[n];
    w->colour = colour & 15u;
}

bool line_flush(struct line_console *c)
{
    if (c->used == 0)
        return false;
    c->write(c, c->buffer, c->used);
    c->used = 0;
    return true;
}

static void put(struct line_console *c, const char *text, size_t size)
{
    while (size > 0) {
        if (c->used == LINE_BUFFER)
            line_flush(c);
        size_t n = LINE_BUFFER - c->used;
        n = n < size ? n : size;
        memcpy(c->buffer + c->used, text, n);
        c->used += n;
        text += n;
        size -= n;
    }
}

static void put_colour(struct line_console *c, const struct line_writer *w)
{
    char bright[] = "\033[01;3nm", plain[] = "\033[3nm";
    char digit = (char)('0' + (w->colour & 7u));

    if (w->colour == 0) {
        put(c, "\033[0m", 4);
    } else if ((w->colour & 8u) != 0) {
        bright[6] = digit;
        put(c, bright, sizeof bright - 1);
    } else {
        plain[3] = digit;
        put(c, plain, sizeof plain - 1);
    }
}

static void put_reset(struct line_console *c, const struct line_writer *w)
{
    if (w->colour != 0)
        put(c, "\033[0m", 4);
}

static void put_tag(struct line_console *c, struct line_writer *w)
{
    size_t length = strlen(w->tag);

    length = length < LINE_TAG_SHOWN ? length : LINE_TAG_SHOWN;
    put(c, w->tag, length);
    put(c, "        ", LINE_TAG_SHOWN - length);
    put(c, w->interrupted ? ": " : "| ", 2);
    w->interrupted = false;
}

/* One piece of text without a line end, in the writer's colour, with whatever must come before it. */
static void put_piece(struct line_console *c, struct line_writer *w, const char *text, size_t size)
{
    put_colour(c, w);
    if (c->owner != w) {
        if (c->owner != NULL) {
            c->owner->interrupted = true;
            put(c, "\n", 1);
        }
        put_tag(c, w);
        c->owner = w; /* L1 */
    }
    put(c, text, size);
    put_reset(c, w);
}

void line_put(struct line_console *c, struct line_writer *w, const char *text, size_t size)
{
    size = strnlen(text, size);
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t n = end == NULL ? size : (size_t)(end - text);
        put_piece(c, w, text, n);
        text += n;
        size -= n;
        if (end == NULL)
            break;
        put(c, "\n", 1);
        c->owner = NULL;
        text++;
        size--;
    }
    if (c->owner == NULL)
        line_flush(c);
}

bool line_is_pending(const struct line_console *c) { return c->used > 0; }

void line_writer_gone(struct line_console *c, struct line_writer *w)
{
    static struct line_writer nobody;

    if (c->owner == w)
        c->owner = &nobody;
}
