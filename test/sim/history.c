/* SPDX-License-Identifier: MIT */
/*
 * Histories: lists of events, one 64-bit word each, from which everything random in that event is drawn. A word of 0 is
 * the end of a round. Since an event depends on nothing but its word and the state that it meets, any part of a history
 * is a history: a failing one is made smaller by leaving out events (delta debugging) until no event can be spared.
 *
 * A history is judged in processes of its own (a fork each): one with the kernel's short message path and one without.
 * Each notes what can be observed after every event; the first difference is a failure like a failed check. A third one
 * is compared with the model alone: with several CPUs, interrupts of others come late there; with one, long operations
 * stop every few steps, and nothing happens in their windows.
 */
#include "sim.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct progress *progress;

static void *shared_bytes(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        perror("sim: memory");
        exit(2);
    }
    return p;
}

void history_generate(struct history *h, uint64_t seed, size_t steps)
{
    h->count = 0;
    h->event = malloc((steps + 1) * sizeof *h->event);
    if (h->event == NULL) {
        perror("sim: memory");
        exit(2);
    }
    sim.random = seed;
    for (; h->count < steps; h->count++)
        h->event[h->count] = h->count % ROUND_STEPS == ROUND_STEPS - 1 ? 0 : random_word() | 1;
}

/* ---- judging ---- */

/* In a build that counts what is executed: writes the counts down, as exit would. */
void __gcov_dump(void) __attribute__((weak));

static pid_t start(const struct history *h, unsigned path, bool quiet)
{
    pid_t pid;

    fflush(stdout);
    fflush(stderr);
    pid = fork();
    if (pid < 0) {
        perror("sim: fork");
        exit(2);
    }
    if (pid > 0)
        return pid;
    if (quiet && (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL))
        _Exit(2);
    history_run(h, path);
    fflush(stdout);
    if (__gcov_dump != NULL)
        __gcov_dump();
    _Exit(0);
}

static bool ended_well(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) < 0)
        return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Both ways through the kernel side by side. True: a failure, *at is the event at which it showed. */
static bool judge_paths(const struct history *h, bool quiet, size_t *at)
{
    pid_t first = start(h, 0, quiet), second = start(h, 1, true);
    bool good = ended_well(first), general_good = ended_well(second);
    size_t done = (size_t)(progress->step[0] < progress->step[1] ? progress->step[0] : progress->step[1]);

    for (size_t i = 0; i < done && i < h->count; i++)
        if (progress->seen[0][i] != progress->seen[1][i]) {
            *at = i;
            if (!quiet)
                fprintf(stderr, "sim: event %zu: the short message path and the general path differ\n", i);
            return true;
        }
    *at = (size_t)progress->step[good ? 1 : 0];
    if (good && !general_good && !quiet)
        fprintf(stderr, "sim: event %zu fails without the short message path\n", *at);
    return !good || !general_good;
}

static bool judge_path(const struct history *h, unsigned path, bool quiet, size_t *at)
{
    bool good = ended_well(start(h, path, quiet));

    *at = (size_t)progress->step[path];
    if (!good && path == 2 && !quiet)
        fprintf(stderr, "sim: event %zu fails when %s\n", *at,
                sim.cpus > 1 ? "interrupts of other CPUs come late" : "long operations have windows");
    return !good;
}

bool history_judge(const struct history *h, bool quiet, size_t *at)
{
    if (!sim.compare)
        return judge_path(h, 0, quiet, at);
    return judge_paths(h, quiet, at) || judge_path(h, 2, quiet, at);
}

/* ---- making smaller ---- */

static bool time_over(const struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)(now.tv_sec - since->tv_sec) >= sim.shrink_seconds;
}

/* Leaves out events [from, from + n) if the rest still fails. */
static bool leave_out(struct history *h, size_t from, size_t n)
{
    struct history less = {malloc((h->count + 1) * sizeof *h->event), h->count - n};
    size_t at;
    bool fails;

    if (less.event == NULL)
        return false;
    memcpy(less.event, h->event, from * sizeof *h->event);
    memcpy(less.event + from, h->event + from + n, (h->count - from - n) * sizeof *h->event);
    fails = history_judge(&less, true, &at);
    if (fails) {
        if (at + 1 < less.count)
            less.count = at + 1;
        memcpy(h->event, less.event, less.count * sizeof *h->event);
        h->count = less.count;
    }
    free(less.event);
    return fails;
}

void history_shrink(struct history *h)
{
    struct timespec begin;
    size_t last = h->count;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (last > 1 && h->event[last - 2] != 0) /* whole rounds first: mostly the last one is enough */
        last--;
    if (last > 1)
        leave_out(h, 0, last - 1);
    for (size_t n = h->count / 2; n > 0 && !time_over(&begin);) {
        bool some = false;

        for (size_t from = h->count > n ? h->count - n : 0; !time_over(&begin); from = from > n ? from - n : 0) {
            if (from + n <= h->count && n < h->count)
                some = leave_out(h, from, n) || some;
            if (from == 0)
                break;
        }
        if (n > 1 || !some)
            n /= 2;
    }
}

/* ---- files ---- */

bool history_write(const struct history *h, const char *name)
{
    FILE *f = fopen(name, "w");

    if (f == NULL)
        return false;
    fprintf(f, "labe history 1: cpus %u inject %d compare %d\n", sim.cpus, sim.inject, sim.compare);
    for (size_t i = 0; i < h->count; i++)
        fprintf(f, "%016" PRIx64 "\n", h->event[i]);
    return fclose(f) == 0;
}

static _Noreturn void bad_file(const char *name, size_t line)
{
    fprintf(stderr, "sim: %s:%zu: not a line of a history\n", name, line);
    exit(2);
}

void history_read(struct history *h, const char *name)
{
    FILE *f = fopen(name, "r");
    size_t room = 1024;
    char line[100], rest;
    int inject, compare;

    if (f == NULL) {
        perror(name);
        exit(2);
    }
    if (fgets(line, sizeof line, f) == NULL ||
        sscanf(line, "labe history 1: cpus %u inject %d compare %d%c", &sim.cpus, &inject, &compare, &rest) != 4 ||
        rest != '\n' || sim.cpus == 0 || sim.cpus > HOST_CPUS)
        bad_file(name, 1);
    sim.inject = inject != 0;
    sim.compare = compare != 0;
    h->event = malloc(room * sizeof *h->event);
    for (h->count = 0; h->event != NULL && fgets(line, sizeof line, f) != NULL; h->count++) {
        if (sscanf(line, "%" SCNx64 "%c", &h->event[h->count], &rest) != 2 || rest != '\n')
            bad_file(name, h->count + 2);
        if (h->count + 2 > room)
            h->event = realloc(h->event, (room *= 2) * sizeof *h->event);
    }
    if (h->event == NULL) {
        perror("sim: memory");
        exit(2);
    }
    fclose(f);
}

void history_init(size_t events)
{
    progress = shared_bytes(sizeof *progress);
    for (unsigned path = 0; path < PATHS; path++)
        progress->seen[path] = shared_bytes((events + 1) * sizeof(uint64_t));
}
