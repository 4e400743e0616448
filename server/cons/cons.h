/* SPDX-License-Identifier: MIT */
/*
 * The console multiplexer: many clients write lines and read keys, one or more terminals show and type them.
 *
 *   main.c      command line, the server loop
 *   mux.c       a multiplexer: its factory gate, its clients, who is connected, output to its terminals
 *   client.c    a client's session: the console protocol, line assembly, history, input
 *   command.c   what a person can do: attach keys and the command line
 *   terminal.c  a terminal: a console capability that is written to and read from
 *
 * One thread and one loop; everything belongs to it. Nothing here ever waits for a client.
 *
 *   C1  `connected` of a multiplexer is null or one of its clients with a live session, and that client is shown.
 *   C2  A client's `line` holds what is not on the console yet of its unfinished line; line_due is 0 exactly when
 *       nothing waits for its time.
 *   C3  The last `unseen` bytes of a client's history are what it wrote while it was hidden.
 */
#pragma once
#include <l4/re/srv.h>
#include <l4/sys/vcon.h>
#include <line/line.h>
#include <stdbool.h>
#include <stddef.h>

#define INPUT_SIZE 1024u
#define PIECE_SIZE 512u
#define HISTORY_MIN 64u
#define HISTORY_MAX (1u << 20)
#define HISTORY_DEFAULT 8192u
#define HOLD_MS_DEFAULT 50u
#define COMMAND_SIZE 80u

struct mux;

/* What a client is created with: the multiplexer's defaults, changed by the client's own options. */
struct client_options {
    unsigned history; /* bytes */
    char key;         /* attach key, 0: the first free digit */
    bool shown, kept, stamped, held;
};

struct client {
    struct l4re_obj obj; /* the session's gate; invalid once the session has ended */
    struct mux *mux;
    struct client *next;
    struct line_writer writer;
    char key;
    bool shown;   /* its output is on the terminals */
    bool kept;    /* stays in the list when its session has ended */
    bool stamped; /* its lines begin with the time */
    bool held;    /* an unfinished line waits a moment for its rest */
    l4_cap_idx_t irq; /* what tells the client that there is input */
    l4_vcon_attr_t attr;

    char input[INPUT_SIZE]; /* ring */
    unsigned input_first, input_count;

    char line[PIECE_SIZE]; /* C2 */
    unsigned line_size;
    bool line_begun; /* a piece of the present line is on the console */
    l4_kernel_clock_t line_due;

    unsigned history_size, history_first, history_count, unseen; /* C3; ring of history_size bytes */
    char history[];
};

/* A console capability with a person behind it. */
struct terminal {
    struct l4re_obj irq;
    struct mux *mux;
    struct terminal *next;
    l4_cap_idx_t vcon;
    const char *name;
};

enum keys_state { KEYS_PASS, KEYS_ATTACH, KEYS_COMMAND };

struct mux {
    struct l4re_obj gate;
    struct mux *next;
    const char *gate_name, *autoconnect;
    struct line_console console;
    struct line_writer own; /* the multiplexer's own messages */
    struct terminal *terminals;
    struct client *clients, *connected;
    struct client_options defaults;
    unsigned hold_ms;
    l4_kernel_clock_t open_due; /* when the multiplexer's own unfinished line goes out, or 0 */
    enum keys_state keys;
    char command[COMMAND_SIZE];
    unsigned command_size;
};

extern struct l4re_srv server;

/* ---- mux.c ---- */
void mux_init(struct mux *m, const char *name);
/* Serves the factory gate, the capability with the multiplexer's name: 0 or an error. */
int mux_open(struct mux *m);
/* A whole line of our own. */
void mux_say(struct mux *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What we have written so far, finished or not, is a line of its own. */
void mux_line_start(struct mux *m);
/* A piece of a line of our own that goes on. */
void mux_piece(struct mux *m, const char *text, size_t size);
void mux_connect(struct mux *m, struct client *c); /* null: nobody */
struct client *mux_find(struct mux *m, const char *name);
struct client *mux_find_key(struct mux *m, char key);
/* Takes the client out of the list and frees it; its session has ended. */
void mux_drop(struct mux *m, struct client *c);
/* When the first unfinished line must go out, 0: none waits; and putting out what is due. */
l4_kernel_clock_t mux_due(const struct mux *m);
void mux_flush_due(struct mux *m, l4_kernel_clock_t now);

/* ---- client.c ---- */
extern const struct l4re_iface client_iface;
/* A client in no list and without a gate; null: no memory. */
struct client *client_new(struct mux *m, const char *name, unsigned colour, const struct client_options *o);
bool client_is_alive(const struct client *c);
void client_show(struct client *c, bool shown);
/* Puts the unfinished line out. */
void client_flush(struct client *c);
void client_type(struct client *c, const char *keys, size_t size);
/* Shows the last lines of the history again. */
void client_tail(struct client *c, unsigned lines);
void client_clear(struct client *c);

/* ---- command.c ---- */
void keys_arrive(struct mux *m, const char *keys, size_t size);

/* ---- terminal.c ---- */
/* Adds a terminal to m: input too, if the console has any. 0 or an error. */
int terminal_open(struct mux *m, struct terminal *t);
void terminals_write(const struct mux *m, const char *text, size_t size);
