/* SPDX-License-Identifier: MIT */
/*
 * Every history of the small world, breadth first: the shortest history to a wrong state is found first, nothing needs
 * to be made smaller. A state is known by its hash; it is reached again by its history, and its successors start
 * from a copy of it.
 *
 * A copy holds only lines of memory that have ever been seen to change. Which ones these are is learned: now and then
 * all memory is compared with what it was at the start; a line that has changed and is not among them is added, and the
 * search begins anew.
 */
#include "oracle.h"
#include "small.h"
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE 128u
#define LINE_WORDS (LINE / sizeof(uint64_t))
#define DEPTH_MAX 64u
/* Memory is compared after every event of the first states behind the one that was last seen to change a new line, then
 * after each state, then after every 16th. The states before that one have been compared already. With sanitizers,
 * which end the process when the kernel meets a state that is half another one, it is compared after every event. */
#define COMPARED_OFTEN 300u
#define COMPARED_ALWAYS 10000u

extern char __data_start[], _end[];

/* All of it outside the program's own data, which is part of what is copied. */
struct search {
    struct {
        uint64_t *memory, *start; /* what is copied, and what was in it at the start */
        size_t lines;
        unsigned char *changes;   /* per line: is in `changing` */
    } area[2];
    uint64_t **changing;          /* lines that change */
    size_t changing_count;
    uint64_t *copy[2];            /* their contents: at the start, in the state that is expanded */

    uint64_t *table;              /* hashes of states, open addressing; 0 empty */
    size_t table_mask;
    uint32_t *parent;             /* per state: where it was reached from, and by which event */
    uint8_t *event;
    size_t states, limit, transitions, expanded;
    unsigned path[DEPTH_MAX], depth;
    unsigned trying;
    struct timespec begin;
    jmp_buf again;                /* to where the search begins anew */
    size_t grown_at;              /* how many states had been expanded then */
    bool grown;                   /* a line was missing: begin anew */
};
static struct search *s;

static void *bytes(size_t n)
{
    void *p = calloc(1, n);

    if (p == NULL) {
        fprintf(stderr, "sim: %zu bytes of memory are needed for the search\n", n);
        exit(2);
    }
    return p;
}

/* ---- memory: word by word, since the address sanitizer would see gaps between variables ---- */

#define RAW __attribute__((no_sanitize("address", "undefined")))

RAW static inline void line_copy(uint64_t *to, const uint64_t *from)
{
    for (unsigned i = 0; i < LINE_WORDS; i++)
        to[i] = from[i];
}

RAW static inline bool line_same(const uint64_t *a, const uint64_t *b)
{
    uint64_t different = 0;

    for (unsigned i = 0; i < LINE_WORDS; i++)
        different |= a[i] ^ b[i];
    return different == 0;
}

RAW static void copy_save(uint64_t *to)
{
    for (size_t i = 0; i < s->changing_count; i++)
        line_copy(to + i * LINE_WORDS, s->changing[i]);
}

RAW static void copy_load(const uint64_t *from)
{
    for (size_t i = 0; i < s->changing_count; i++)
        line_copy(s->changing[i], from + i * LINE_WORDS);
}

static void area_init(unsigned which, char *first, char *last)
{
    size_t lines = (size_t)(last - first) / LINE;

    s->area[which].memory = (uint64_t *)(void *)first;
    s->area[which].lines = lines;
    s->area[which].start = bytes(lines * LINE);
    s->area[which].changes = bytes(lines);
    for (size_t i = 0; i < lines; i++)
        line_copy(s->area[which].start + i * LINE_WORDS, s->area[which].memory + i * LINE_WORDS);
}

/* Looks for changed lines that nobody copies. */
static void compare_all(void)
{
    for (unsigned w = 0; w < 2; w++)
        for (size_t i = 0; i < s->area[w].lines; i++) {
            uint64_t *line = s->area[w].memory + i * LINE_WORDS;

            if (s->area[w].changes[i] || line_same(line, s->area[w].start + i * LINE_WORDS))
                continue;
            s->area[w].changes[i] = 1;
            s->changing[s->changing_count++] = line;
            s->grown = true;
            s->grown_at = s->expanded > 16 ? s->expanded - 16 : 0;
        }
}

static void load_start(void)
{
    for (unsigned w = 0; w < 2; w++)
        for (size_t i = 0; i < s->area[w].lines; i++)
            line_copy(s->area[w].memory + i * LINE_WORDS, s->area[w].start + i * LINE_WORDS);
    copy_save(s->copy[0]);
}

/* ---- states ---- */

static void tell(const char *wrong)
{
    fflush(stdout);
    fprintf(stderr, "sim: %s: after\n", wrong);
    for (unsigned i = 0; i < s->depth; i++)
        fprintf(stderr, "sim:   %s\n", small_name(s->path[i]));
    fprintf(stderr, "sim:   %s\n", small_name(s->trying));
}

static void on_halt(void)
{
    compare_all();
    if (s->grown) /* a state that is half another one */
        longjmp(s->again, 1);
    fputs(host_output(false), stderr);
    tell("a check has failed");
    _Exit(1);
}

static void on_fault(int number)
{
    (void)number;
    on_halt();
}

/* False: it is known already. */
static bool state_add(uint64_t hash, size_t parent, unsigned event)
{
    size_t i = hash & s->table_mask;

    hash += hash == 0;
    for (; s->table[i] != 0; i = (i + 1) & s->table_mask)
        if (s->table[i] == hash)
            return false;
    s->table[i] = hash;
    s->parent[s->states] = (uint32_t)parent;
    s->event[s->states] = (uint8_t)event;
    s->states++;
    return true;
}

static void path_of(size_t state)
{
    s->depth = 0;
    for (; state != 0; state = s->parent[state])
        s->path[s->depth++] = s->event[state];
    for (unsigned i = 0; i < s->depth / 2; i++) {
        unsigned other = s->path[s->depth - 1 - i];

        s->path[s->depth - 1 - i] = s->path[i];
        s->path[i] = other;
    }
}

/* False: something is wrong. */
static bool expand(size_t state)
{
    const char *wrong = NULL;
    bool often = sim_sanitized() || (s->expanded >= s->grown_at && s->expanded < s->grown_at + COMPARED_OFTEN);
    bool compare = s->expanded < s->grown_at + COMPARED_ALWAYS || s->expanded % 16 == 0;

    path_of(state);
    copy_load(s->copy[0]);
    for (unsigned i = 0; i < s->depth; i++)
        small_apply(s->path[i], &wrong);
    copy_save(s->copy[1]);
    s->expanded++;
    for (unsigned e = 0; e < small_events() && s->states < s->limit && !s->grown; e++) {
        s->trying = e;
        if (small_apply(e, &wrong)) {
            s->transitions++;
            if (wrong != NULL) {
                compare_all();
                if (s->grown) /* no wonder */
                    return true;
                tell(wrong);
                oracle_explain();
                return false;
            }
            if (state_add(small_hash().of_all, state, e))
                small_check();
        }
        if (often)
            compare_all();
        if (!s->grown) /* else the copy lacks a line */
            copy_load(s->copy[1]);
    }
    if (compare)
        compare_all();
    return true;
}

static void print_level(unsigned level, bool complete)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("sim: %u CPU%s, depth %u%s: %zu states, %zu transitions, %.1f s\n", sim.cpus, sim.cpus == 1 ? "" : "s",
           level, complete ? "" : " (not complete)", s->states, s->transitions,
           (double)(now.tv_sec - s->begin.tv_sec) + (double)(now.tv_nsec - s->begin.tv_nsec) * 1e-9);
}

/* From the start, level by level, until so many states are known. False: something is wrong. */
static bool levels(unsigned depth, size_t limit, bool print)
{
    size_t from = 0, to;

    memset(s->table, 0, (s->table_mask + 1) * sizeof *s->table);
    s->states = s->transitions = s->expanded = 0;
    s->limit = limit;
    s->grown = false;
    load_start();
    state_add(small_hash().of_all, 0, 0);
    for (unsigned level = 1; level <= depth && from < s->states && s->states < limit; level++) {
        for (to = s->states; from < to && s->states < limit; from++) {
            if (!expand(from))
                return false;
            if (s->grown)
                return true;
        }
        if (print)
            print_level(level, from == to);
    }
    return true;
}

int search_all(unsigned depth, size_t states)
{
    size_t table = 1024, learn = states < 20000 ? states : 20000;

    s = bytes(sizeof *s);
    while (table < states * 2)
        table *= 2;
    s->table_mask = table - 1;
    s->table = bytes(table * sizeof *s->table);
    s->parent = bytes((states + 1) * sizeof *s->parent);
    s->event = bytes(states + 1);
    host_on_halt = on_halt;
    sigaction(SIGSEGV, &(struct sigaction){.sa_handler = on_fault, .sa_flags = SA_NODEFER}, NULL);
    small_start(sim.cpus);
    area_init(0, __data_start + (-(uintptr_t)__data_start & 7u), _end);
    area_init(1, host_memory + host_ram_bytes(), host_memory + host_memory_bytes());
    s->changing = bytes((s->area[0].lines + s->area[1].lines) * sizeof *s->changing);
    for (unsigned i = 0; i < 2; i++)
        s->copy[i] = bytes((s->area[0].lines + s->area[1].lines) * LINE);
    clock_gettime(CLOCK_MONOTONIC, &s->begin);
    setjmp(s->again);
    do { /* which lines change */
        if (!levels(depth, learn, false))
            return 1;
    } while (s->grown);
    do {
        if (!levels(depth, states, true))
            return 1;
        if (s->grown)
            printf("sim: another line of memory has changed: from the start\n");
    } while (s->grown);
    printf("sim: %zu different states, %zu transitions without a finding; %zu lines of memory change\n", s->states,
           s->transitions, s->changing_count);
    return 0;
}
