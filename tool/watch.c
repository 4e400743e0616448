/* SPDX-License-Identifier: MIT */
/*
 * watch [-t SECONDS] [-u TEXT] [-q] COMMAND [ARG...]: runs COMMAND, copies what it writes to standard output, and
 * decides when and with what status the run is over. ./labe runs QEMU through it.
 *
 *   -t SECONDS  after that time COMMAND is killed; exit status 124
 *   -u TEXT     after the first line that contains TEXT (colour sequences do not count) COMMAND is killed; status 0.
 *               When COMMAND ends before, the status is 1.
 *   -q          COMMAND is QEMU with a debug exit: its status 2n + 1 means n, and 0 (the machine was switched off)
 *               means that there is no exit status: 125
 *
 * Otherwise the status is that of COMMAND. Carriage returns are dropped unless standard output is a terminal.
 * COMMAND shares the terminal: it reads standard input itself. Whatever it did to the terminal's modes is undone here.
 * An interrupt (Ctrl-C), hang-up or termination kills COMMAND; status 128 + signal number. So does a reader of the
 * output that has gone away. What COMMAND says about such an end on standard error is not shown.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_MAX_KEPT = 4096,   /* longest part of a line that is searched for TEXT */
    REST_OF_LINE_MS = 300,  /* how long the rest of the matching line may take */
    STATUS_TIMEOUT = 124,
    STATUS_NONE = 125,
    STATUS_CANNOT_RUN = 127,
};

struct watch {
    const char *until;
    bool qemu;
    long timeout_s;             /* 0: none */
    bool keep_cr;
    pid_t child;
    char line[LINE_MAX_KEPT];   /* current line without colour sequences */
    size_t line_len;
    enum { TEXT, ESCAPE, SEQUENCE } scan;
    bool line_open;             /* the last byte written was no newline */
    bool started;               /* something was written */
    bool found;
};

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void write_all(int to, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(to, data, len);
        if (n < 0 && errno == EINTR && !caught)
            continue;
        if (n < 0) {
            if (errno == EPIPE)
                caught = SIGPIPE;
            return;
        }
        data += n;
        len -= (size_t)n;
    }
}

/* One output byte into the line that is searched. */
static void scan_byte(struct watch *w, char c)
{
    if (w->scan == ESCAPE) {
        w->scan = c == '[' ? SEQUENCE : TEXT;
    } else if (w->scan == SEQUENCE) {
        if (c >= '@' && c <= '~')
            w->scan = TEXT;
    } else if (c == '\033') {
        w->scan = ESCAPE;
    } else if (c == '\n') {
        w->line_len = 0;
    } else if (w->line_len < sizeof w->line - 1) {
        w->line[w->line_len++] = c;
        w->line[w->line_len] = '\0';
        if (w->until != NULL && !w->found && strstr(w->line, w->until) != NULL)
            w->found = true;
    }
}

/* Writes one chunk; after a match only up to the end of that line. Returns whether the matching line is complete. */
static bool copy_chunk(struct watch *w, const char *data, size_t len)
{
    char out[4096];
    size_t kept = 0;
    bool complete = false;

    for (size_t i = 0; i < len && !complete; i++) {
        if (data[i] == '\r' && !w->keep_cr)
            continue;
        scan_byte(w, data[i]);
        out[kept++] = data[i];
        complete = w->found && data[i] == '\n';
    }
    if (kept > 0) {
        w->started = true;
        write_all(STDOUT_FILENO, out, kept);
        w->line_open = out[kept - 1] != '\n';
    }
    return complete;
}

/* Copies what COMMAND says about itself. Returns false at the end. */
static bool copy_errors(int fd)
{
    char data[1024];
    ssize_t got = read(fd, data, sizeof data);

    if (got > 0)
        write_all(STDERR_FILENO, data, (size_t)got);
    return got > 0 || (got < 0 && errno == EINTR);
}

/* Copies until the end, the text, the deadline or a signal; returns the exit status or -1: COMMAND ended by itself. */
static int copy_output(struct watch *w, int out, int err)
{
    long long deadline = w->timeout_s > 0 ? now_ms() + w->timeout_s * 1000LL : -1;
    struct pollfd p[2] = { { .fd = out, .events = POLLIN }, { .fd = err, .events = POLLIN } };
    char data[4096];

    while (!caught) {
        long long left = deadline < 0 ? -1 : deadline - now_ms();

        if (w->found && (left < 0 || left > REST_OF_LINE_MS))
            left = REST_OF_LINE_MS;
        else if (deadline >= 0 && left <= 0)
            return w->found ? 0 : STATUS_TIMEOUT;
        int n = poll(p, 2, left < 0 || left > 1000 ? 1000 : (int)left);
        if (n == 0 && w->found)
            return 0;
        if (n <= 0)
            continue;
        if (p[1].revents != 0 && !caught && !copy_errors(err))
            p[1].fd = -1;
        if (p[0].revents == 0)
            continue;
        ssize_t got = read(out, data, sizeof data);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return w->found ? 0 : -1;
        if (copy_chunk(w, data, (size_t)got))
            return 0;
    }
    return 128 + caught;
}

/* COMMAND has ended by itself; waitpid's state says how. QEMU's 1 is its own when the machine has not written. */
static int own_end(const struct watch *w, int state)
{
    int status = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);

    if (w->until != NULL) {
        fprintf(stderr, "labe: the system ended before it printed \"%s\"\n", w->until);
        return 1;
    }
    if (w->qemu && status == 0) {
        fprintf(stderr, "labe: the system ended without an exit status\n");
        return STATUS_NONE;
    }
    if (w->qemu && w->started && WIFEXITED(state) && status % 2 == 1)
        return status / 2;
    return status;
}

static void usage(void)
{
    fprintf(stderr, "usage: watch [-t SECONDS] [-u TEXT] [-q] COMMAND [ARG...]\n");
    exit(2);
}

static char **parse(struct watch *w, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "+t:u:q")) != -1) {
        if (option == 't')
            w->timeout_s = strtol(optarg, NULL, 10);
        else if (option == 'u')
            w->until = optarg;
        else if (option == 'q')
            w->qemu = true;
        else
            usage();
    }
    if (optind >= argc)
        usage();
    return argv + optind;
}

static pid_t start(char **command, int out, int err)
{
    pid_t parent = getpid();
    pid_t child = fork();

    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(STATUS_CANNOT_RUN);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execvp(command[0], command);
    fprintf(stderr, "labe: cannot run %s: %s\n", command[0], strerror(errno));
    _exit(STATUS_CANNOT_RUN);
}

int main(int argc, char **argv)
{
    static struct watch w;
    char **command = parse(&w, argc, argv);
    struct termios modes;
    bool terminal = tcgetattr(STDIN_FILENO, &modes) == 0;
    struct sigaction action = { .sa_handler = on_signal };
    int out[2], err[2], state = 0;

    w.keep_cr = isatty(STDOUT_FILENO);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 ||
        (w.child = start(command, out[1], err[1])) < 0) {
        perror("labe: watch");
        return STATUS_CANNOT_RUN;
    }
    close(out[1]);
    close(err[1]);

    int status = copy_output(&w, out[0], err[0]);
    if (status >= 0)
        kill(w.child, SIGKILL);
    while (waitpid(w.child, &state, 0) < 0 && errno == EINTR)
        ;
    if (status < 0 && caught)
        status = 128 + caught;
    while (status < 0 && copy_errors(err[0]))
        ;
    if (terminal) {
        signal(SIGTTOU, SIG_IGN);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
    }
    if (w.line_open)
        write_all(STDOUT_FILENO, "\n", 1);
    if (status == STATUS_TIMEOUT)
        fprintf(stderr, "labe: no end after %ld s\n", w.timeout_s);
    return status < 0 ? own_end(&w, state) : status;
}
