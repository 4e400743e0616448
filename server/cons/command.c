/* SPDX-License-Identifier: MIT */
/*
 * The person at a terminal. Every key goes to the connected client, except what follows the attach key Ctrl-]: a
 * client's key, or one of the characters in `help`; ':' opens a line of command.
 */
#include "cons.h"
#include <stdlib.h>
#include <string.h>

#define ATTACH_KEY 0x1d
#define TAIL_LINES 20u

static const char *const help[] = {
    "Ctrl-] and then: a client's key connects to it; . disconnects; = lists the clients; : a command;",
    "  + shows all clients, - hides all but the connected one; Ctrl-] itself goes to the client",
    "commands: list, connect C, disconnect, show C|all, hide C|all, tail C [LINES], clear C, keep C, drop C,",
    "  stamp C, help. C is a client's name or key.",
};

static void client_list(struct mux *m)
{
    if (m->clients == NULL)
        mux_say(m, "no clients");
    for (struct client *c = m->clients; c != NULL; c = c->next)
        mux_say(m, " %c %-20s %u of %u bytes%s%s%s%s%s", c->key != 0 ? c->key : ' ', c->writer.tag, c->history_count,
                c->history_size, c == m->connected ? ", connected" : "", c->shown ? ", shown" : ", hidden",
                c->kept ? ", kept" : "", c->stamped ? ", stamped" : "", client_is_alive(c) ? "" : ", has ended");
}

static void help_show(struct mux *m)
{
    for (unsigned i = 0; i < sizeof help / sizeof *help; i++)
        mux_say(m, "%s", help[i]);
}

static void connect_to(struct mux *m, struct client *c)
{
    if (!client_is_alive(c)) {
        mux_say(m, "%s has ended; what it wrote last:", c->writer.tag);
        client_tail(c, TAIL_LINES);
        return;
    }
    mux_say(m, "connected to %s", c->writer.tag);
    mux_connect(m, c);
}

static void disconnect(struct mux *m)
{
    if (m->connected == NULL)
        mux_say(m, "nobody is connected");
    else
        mux_say(m, "disconnected from %s", m->connected->writer.tag);
    mux_connect(m, NULL);
}

/* C1: the connected client stays shown. */
static void show_all(struct mux *m, bool shown)
{
    for (struct client *c = m->clients; c != NULL; c = c->next)
        if (c->shown != shown && c != m->connected)
            client_show(c, shown);
    m->defaults.shown = shown;
}

/* ---- the command line ---- */

typedef void command_function(struct mux *m, struct client *c, const char *argument);

static void do_connect(struct mux *m, struct client *c, const char *argument)
{
    (void)argument;
    connect_to(m, c);
}

static void do_show(struct mux *m, struct client *c, const char *argument)
{
    (void)m;
    (void)argument;
    if (!c->shown)
        client_show(c, true);
}

static void do_hide(struct mux *m, struct client *c, const char *argument)
{
    (void)argument;
    if (c == m->connected)
        mux_say(m, "%s is connected", c->writer.tag);
    else if (c->shown)
        client_show(c, false);
}

static void do_tail(struct mux *m, struct client *c, const char *argument)
{
    unsigned long lines = argument == NULL ? TAIL_LINES : strtoul(argument, NULL, 10);

    (void)m;
    client_tail(c, lines < HISTORY_MAX ? (unsigned)lines : HISTORY_MAX);
}

static void do_clear(struct mux *m, struct client *c, const char *argument)
{
    (void)m;
    (void)argument;
    client_clear(c);
}

static void do_keep(struct mux *m, struct client *c, const char *argument)
{
    (void)m;
    (void)argument;
    c->kept = true;
}

static void do_drop(struct mux *m, struct client *c, const char *argument)
{
    (void)argument;
    if (client_is_alive(c))
        c->kept = false;
    else
        mux_drop(m, c);
}

static void do_stamp(struct mux *m, struct client *c, const char *argument)
{
    (void)m;
    (void)argument;
    c->stamped = !c->stamped;
}

static const struct {
    const char *name;
    command_function *run;
} commands[] = {
    {"connect", do_connect}, {"show", do_show}, {"hide", do_hide}, {"tail", do_tail},
    {"clear", do_clear},     {"keep", do_keep}, {"drop", do_drop}, {"stamp", do_stamp},
};

static void command_with_client(struct mux *m, const char *word, const char *name, const char *argument)
{
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(word, commands[i].name) != 0)
            continue;
        struct client *c = name == NULL ? NULL : mux_find(m, name);
        if (name == NULL)
            mux_say(m, "%s: which client? 'list' shows them", word);
        else if (c == NULL)
            mux_say(m, "%s: there is no client '%s'", word, name);
        else
            commands[i].run(m, c, argument);
        return;
    }
    mux_say(m, "unknown command '%s'; 'help' shows what there is", word);
}

static void command_run(struct mux *m, char *line)
{
    char *rest, *word = strtok_r(line, " ", &rest);

    if (word == NULL)
        return;
    const char *name = strtok_r(NULL, " ", &rest), *argument = name == NULL ? NULL : strtok_r(NULL, " ", &rest);
    bool all = name != NULL && strcmp(name, "all") == 0;
    if (strcmp(word, "list") == 0)
        client_list(m);
    else if (strcmp(word, "help") == 0)
        help_show(m);
    else if (strcmp(word, "disconnect") == 0)
        disconnect(m);
    else if (all && strcmp(word, "show") == 0)
        show_all(m, true);
    else if (all && strcmp(word, "hide") == 0)
        show_all(m, false);
    else
        command_with_client(m, word, name, argument);
}

static void command_echo(struct mux *m, const char *text)
{
    mux_piece(m, text, strlen(text));
    line_flush(&m->console);
}

static void command_key(struct mux *m, char key)
{
    if (key == '\r' || key == '\n') {
        m->command[m->command_size] = 0;
        m->keys = KEYS_PASS;
        command_echo(m, "\n");
        command_run(m, m->command);
    } else if (key == '\b' || key == 0x7f) {
        if (m->command_size > 0) {
            m->command_size--;
            command_echo(m, "\b \b");
        }
    } else if (key == ATTACH_KEY || key == 3 || key == 27) {
        m->keys = KEYS_PASS;
        command_echo(m, " (given up)\n");
    } else if ((unsigned char)key >= ' ' && m->command_size < COMMAND_SIZE - 1) {
        char text[2] = {key, 0};
        m->command[m->command_size++] = key;
        command_echo(m, text);
    }
}

/* ---- keys ---- */

static void attach_key(struct mux *m, char key)
{
    struct client *c = mux_find_key(m, key);

    m->keys = KEYS_PASS;
    if (c != NULL) {
        connect_to(m, c);
    } else if (key == ATTACH_KEY) {
        if (m->connected != NULL)
            client_type(m->connected, &key, 1);
    } else if (key == '.') {
        disconnect(m);
    } else if (key == '=') {
        client_list(m);
    } else if (key == '+' || key == '-') {
        show_all(m, key == '+');
    } else if (key == ':') {
        m->keys = KEYS_COMMAND;
        m->command_size = 0;
        mux_line_start(m);
        command_echo(m, ": ");
    } else {
        help_show(m);
    }
}

void keys_arrive(struct mux *m, const char *keys, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (m->keys == KEYS_ATTACH)
            attach_key(m, keys[i]);
        else if (m->keys == KEYS_COMMAND)
            command_key(m, keys[i]);
        else if (keys[i] == ATTACH_KEY)
            m->keys = KEYS_ATTACH;
        else if (m->connected != NULL)
            client_type(m->connected, &keys[i], 1);
        else if (keys[i] == '\r' || keys[i] == '\n')
            mux_say(m, "nobody is connected; Ctrl-] and ? shows what there is");
    }
}
