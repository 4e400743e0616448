/* SPDX-License-Identifier: MIT */
/*
 * The reference model, see model.h: the console. What is typed waits in a ring of 256 characters; what does not fit is
 * lost. Reading takes it out, as the input flags want it, and echoes it. Output has a carriage return before each line
 * feed.
 */
#include "model.h"
#include <l4/errors.h>
#include <l4/proto.h>
#include <string.h>

struct model_console_answer model_printed, model_read;

void model_console_reset(struct model_console *c)
{
    *c = (struct model_console){.known = true, .flags = {L4_VCON_ICRNL, L4_VCON_ONLCR, L4_VCON_ECHO}};
}

void model_console_begin(void)
{
    model_printed.length = 0;
    model_read.of = NOBODY;
}

static void print(char c)
{
    if (c == '\n')
        model_printed.text[model_printed.length++] = '\r';
    model_printed.text[model_printed.length++] = c;
}

bool model_console_type(struct model_console *c, const char *text)
{
    bool was_empty = c->count == 0;

    for (; *text != '\0' && c->count < sizeof c->ring; text++)
        c->ring[c->count++] = *text;
    return was_empty && c->count > 0;
}

static struct answer console_write(const struct model_message *msg)
{
    const char *text = (const char *)&msg->mr[2];
    word_t length = msg->words < 2 || msg->mr[1] > L4_VCON_WRITE_MAX ? 0 : msg->mr[1];

    for (word_t i = 0; i < length; i++)
        print(text[i]);
    return answer_any(A_SILENT);
}

/* As the flags want it; 0: not at all. */
static char translated(char c, word_t flags)
{
    if (c == '\n')
        return flags & L4_VCON_INLCR ? '\r' : c;
    if (c == '\r')
        return flags & L4_VCON_IGNCR ? 0 : flags & L4_VCON_ICRNL ? '\n' : c;
    return c;
}

static struct answer console_read(struct model *m, int x, const struct model_message *msg)
{
    struct model_console *c = &m->console;
    unsigned wanted = (unsigned)(msg->mr[0] >> 16 & 0xffff), taken = 0, got = 0;

    wanted = wanted > L4_VCON_READ_MAX ? L4_VCON_READ_MAX : wanted;
    for (; got < wanted && taken < c->count; taken++) {
        char read = translated(c->ring[taken], c->flags[0]);

        if (read == 0)
            continue;
        model_read.text[got++] = read;
        if (c->flags[2] & L4_VCON_ECHO)
            print(read);
    }
    c->count -= taken;
    memmove(c->ring, c->ring + taken, c->count);
    if (!c->known)
        return answer_label(0);
    model_read.of = (int16_t)x;
    model_read.length = got;
    answer_words(m, x, 0, 1, (const word_t[]){got | (c->count == 0 ? L4_VCON_READ_EXHAUSTED : 0)});
    return answer_label(0);
}

struct answer model_console(struct model *m, int x, const struct model_target *target, const struct model_message *msg)
{
    struct model_console *c = &m->console;

    if (msg->words == 0)
        return answer_label(-L4_ERR_MSGTOOSHORT);
    switch (msg->mr[0] & 0xffff) {
    case L4_OP_VCON_WRITE:
        return console_write(msg);
    case L4_OP_VCON_READ:
        return target->rights & L4_RIGHT_W ? console_read(m, x, msg) : answer_label(-L4_ERR_PERM);
    case L4_OP_VCON_SET_ATTR:
        for (unsigned i = 0; i < 3; i++)
            c->flags[i] = (uint32_t)msg->mr[1 + i];
        c->flags[1] |= L4_VCON_ONLCR;
        return answer_label(0);
    case L4_OP_VCON_GET_ATTR:
        if (c->known)
            answer_words(m, x, 1, 3, c->flags);
        return answer_label(0);
    default:
        return answer_label(-L4_ERR_NOSYS);
    }
}
