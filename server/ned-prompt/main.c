/* SPDX-License-Identifier: MIT */
/*
 * A prompt as a program of its own: every line goes to Ned's command interface (L4.server_loop) behind the capability
 * `svr`; the answer is shown unless it is "nil". Keys come from the log capability. The argument is the prompt's text.
 *
 *     local cmd = ld:new_channel()
 *     ld:start({ caps = { svr = cmd }, log = L4.Env.log }, "rom/ned-prompt")
 *     L4.server_loop(cmd)
 */
#include <edit/edit.h>
#include <l4/re/env.h>
#include <l4/re/msg.h>
#include <l4/sys/err.h>
#include <l4/sys/ipc.h>
#include <l4/sys/vcon.h>
#include <stdio.h>
#include <unistd.h>

#define COMMAND_MAX 480u /* with opcode and length in one message */
#define ANSWER_MAX 502u
#define SEQUENCE_MS 20u

static struct {
    char keys[64];
    unsigned first, count;
} input;

static int key(void *context)
{
    (void)context;
    if (input.first == input.count) {
        fflush(stdout);
        ssize_t n = read(STDIN_FILENO, input.keys, sizeof input.keys);
        if (n <= 0)
            return -1;
        input.first = 0;
        input.count = (unsigned)n;
    }
    return (unsigned char)input.keys[input.first++];
}

/* Pasted text and key sequences come as fast as the line allows: give them a moment. */
static int more(void *context)
{
    (void)context;
    for (int again = 0; again < 2 && input.first == input.count; again++) {
        if (again)
            l4_ipc_sleep_ms(SEQUENCE_MS);
        int n = l4_vcon_read(l4re_env()->log, input.keys, sizeof input.keys);
        input.first = 0;
        input.count = n < 0 ? 0 : (unsigned)n > sizeof input.keys ? (unsigned)sizeof input.keys : (unsigned)n;
    }
    return input.first < input.count;
}

static void show(void *context, const char *text, size_t size)
{
    (void)context;
    fwrite(text, 1, size, stdout);
}

static char *complete(void *context, const char *line, size_t at)
{
    (void)context, (void)line, (void)at;
    return NULL;
}

static void echo_off(l4_cap_idx_t vcon)
{
    l4_vcon_attr_t a;

    if (l4_error(l4_vcon_get_attr(vcon, &a)) < 0)
        return;
    a.l_flags &= ~(unsigned)L4_VCON_ECHO;
    l4_vcon_set_attr(vcon, &a);
}

static void execute(l4_cap_idx_t server, const char *command)
{
    struct l4re_call c;
    char answer[ANSWER_MAX + 1];

    l4re_call_start(&c, 0);
    l4re_wr_string(&c.out, command);
    long r = l4re_call(&c, server, 0, L4_IPC_NEVER);
    if (r < 0) {
        /* Ned has said on its own log what is wrong with the command. */
        if (r != -L4_EINVAL && r != -L4_EIO)
            printf("ned does not answer: %s (%ld)\n", l4sys_errtostr(r), r);
        return;
    }
    unsigned n = l4re_rd_u16(&c.in);
    const char *text = l4re_rd_data(&c.in, n <= ANSWER_MAX ? n : ANSWER_MAX, 1);
    if (text == NULL)
        return;
    snprintf(answer, sizeof answer, "%.*s", (int)(n <= ANSWER_MAX ? n : ANSWER_MAX), text);
    if (n != 3 || answer[0] != 'n' || answer[1] != 'i' || answer[2] != 'l')
        printf("%s\n", answer);
}

int main(int argc, char **argv)
{
    static const struct edit_ops ops = {key, more, show, complete, NULL};
    static struct edit edit = {.ops = &ops};
    l4_cap_idx_t server = l4re_env_get_cap("svr");

    if (l4_is_invalid_cap(server)) {
        fprintf(stderr, "the script gave me no capability named svr\n");
        return 1;
    }
    echo_off(l4re_env()->log);
    while (edit_line(&edit, argc > 1 ? argv[1] : "Cmd>") >= 0) {
        if (edit.length > COMMAND_MAX)
            printf("a command has at most %u characters\n", COMMAND_MAX);
        else if (edit.length > 0)
            execute(server, edit.line);
    }
    return 0;
}
