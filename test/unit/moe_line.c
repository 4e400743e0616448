/* SPDX-License-Identifier: MIT */
/* Root task: tagged, coloured lines of several writers; the command line. */
#include "../../lib/line/line.c"
#include "../../server/moe/cmdline.c"
#include <stdio.h>
#include <tap.h>

static char out[8192];
static size_t out_used;
static unsigned writes;

static void write_out(struct line_console *c, const char *text, size_t size)
{
    (void)c;
    memcpy(out + out_used, text, size);
    out_used += size;
    out[out_used] = 0;
    writes++;
}

static struct line_console console = {.write = write_out};
static struct line_writer y, g, n, B;

static void say(struct line_writer *w, const char *text) { line_put(&console, w, text, strlen(text)); }

static void expect(const char *want, const char *name)
{
    ok(strcmp(out, want) == 0, name);
    if (strcmp(out, want) != 0)
        printf("# got: %s\n# want: %s\n", out, want);
    out_used = 0;
    out[0] = 0;
    writes = 0;
}

static void lines(void)
{
    line_writer_init(&y, "logtest", 7, line_colour("y"));
    line_writer_init(&g, "a tag that is far too long to be kept as a whole", 48, line_colour("green"));
    line_writer_init(&n, "", 0, line_colour("n"));
    line_writer_init(&B, "t", 1, line_colour("B"));
    say(&y, "first\nsecond\n");
    is(writes, 1, "whole lines of one message go out at once");
    expect("\033[33mlogtest | first\033[0m\n\033[33mlogtest | second\033[0m\n", "two lines in one message");
    say(&y, "one");
    say(&y, " two");
    is(writes, 0, "an unfinished line is held back");
    say(&y, " three\n");
    expect("\033[33mlogtest | one\033[0m\033[33m two\033[0m\033[33m three\033[0m\n", "a line in pieces");
    say(&y, "begin ");
    say(&g, "whole\n");
    say(&y, "end\n");
    expect("\033[33mlogtest | begin \033[0m\033[32m\na tag th| whole\033[0m\n\033[33mlogtest : end\033[0m\n",
           "an interrupted line");
    say(&n, "x\n");
    expect("\033[0m        | x\n", "the console's own colour");
    say(&B, "x\n");
    expect("\033[01;34mt       | x\033[0m\n", "a bright colour");
    say(&B, "\n");
    expect("\033[01;34mt       | \033[0m\n", "an empty line");
    line_put(&console, &y, "before\0after\n", 13);
    line_put(&console, &y, "", 0);
    say(&y, "next\n");
    expect("\033[33mlogtest | before\033[0m\033[33mnext\033[0m\n", "a zero byte ends a message");
    say(&y, "open");
    ok(line_is_pending(&console) && line_flush(&console) && !line_flush(&console), "flush writes it once");
    line_writer_gone(&console, &y);
    say(&B, "x\n");
    expect("\033[33mlogtest | open\033[0m\033[01;34m\nt       | x\033[0m\n", "a writer that is gone was interrupted");
    char longer[3001];
    memset(longer, 'a', 3000);
    longer[2999] = '\n';
    longer[3000] = 0;
    say(&y, longer);
    is(out_used, 5 + 10 + 2999 + 4 + 1, "a line longer than the buffer");
    out_used = 0;
    out[0] = 0;
    is(line_colour("unknown"), 0, "an unknown colour");
    is(line_colour(""), 0, "no colour");
    is(line_colour("W"), 15, "bright white");
    is(line_colour("N"), 8, "bright black");
}

static unsigned warnings;
static void warn(const char *message, const char *word)
{
    printf("# %s: %s\n", message, word);
    warnings++;
}

static struct cmdline c;

static void commands(void)
{
    cmdline_parse(&c, "moe", warn);
    ok(strcmp(c.init, "rom/ned") == 0 && c.arg_count == 1 && strcmp(c.args[0], "rom/ned") == 0 && c.l4re_debug == 2,
       "defaults");
    cmdline_parse(&c, "moe rom/hello.lua --init=x", warn);
    ok(c.arg_count == 3 && strcmp(c.args[1], "rom/hello.lua") == 0 && strcmp(c.args[2], "--init=x") == 0 &&
           strcmp(c.init, "rom/ned") == 0, "a script and its arguments");
    cmdline_parse(&c, "moe --init=rom/init --l4re-dbg=info,warn --ldr-flags=pre_alloc,all_segs_cow "
                  "one 'two words' --three", warn);
    ok(strcmp(c.args[0], "rom/init") == 0 && c.l4re_debug == 3 && c.loader_flags == 3 && c.arg_count == 4 &&
           strcmp(c.args[2], "two words") == 0, "options and a quoted word");
    cmdline_parse(&c, "moe  --debug=all+foo   --exit-port=0xf4 -- --x", warn);
    ok(c.debug == ~0u && c.has_exit_port && c.exit_port == 0xf4 && c.arg_count == 2 && warnings == 1,
       "everything after -- is an argument; an unknown flag is reported");
    cmdline_parse(&c, "moe --exit-port=0x12345 --exit-port= --nonsense \"", warn);
    ok(!c.has_exit_port && warnings == 4 && c.arg_count == 2, "wrong ports and an unknown option");
    static char many[8000] = "moe";
    for (unsigned i = 0; i < 200; i++)
        strcat(many, " a");
    cmdline_parse(&c, many, warn);
    ok(c.arg_count == CMDLINE_ARGS_MAX && warnings == 5, "too many arguments");
    memset(many + 4, 'x', sizeof many - 5);
    cmdline_parse(&c, many, warn);
    ok(c.arg_count == 1 && warnings == 6, "a word that is too long");
    cmdline_parse(&c, "", warn);
    is(c.arg_count, 1, "an empty line");
}

int main(void)
{
    lines();
    commands();
    return tap_done();
}
