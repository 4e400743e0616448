/* SPDX-License-Identifier: MIT */
/*
 * The small world: three threads in two tasks, one gate, one page, on one CPU or two, and an alphabet of events.
 * search.c runs every history of it up to a depth. The state of the kernel and of the model lies in the program's own
 * data and in the memory of the host machine, so that it can be copied away and back.
 */
#pragma once
#include "sim.h"

/* basic: only the most important half of the alphabet. */
void small_start(unsigned cpu_total, bool basic);
unsigned small_events(void);
/* What the event is called; valid until the next call. */
const char *small_name(unsigned event);
/* One event. False: it cannot happen now (on a CPU that has looked). *wrong: how kernel and model differ, or NULL. */
bool small_apply(unsigned event, const char **wrong);
/* Most events of a CPU that another one has interrupted begin with its noticing that, which is an event, too: its
 * number, or -1. The rest of the event after that one. */
int small_look(unsigned event);
bool small_apply_looked(unsigned event, const char **wrong);
/* All invariants; spaces: those of address spaces, too. Does not return when one is broken. */
void small_check(bool spaces);
/* Is it memory that the invariants of address spaces are about? (It is in no thread, UTCB or CPU.) */
bool small_line_of_spaces(const void *line);

/* Rights of the one page (0: not mapped), and the task that it has come from; not one of these: NULL. */
unsigned small_page_rights(int task);
const struct task *small_page_parent(int task);

/* ---- small_hash.c ---- */
#define SMALL_TASKS 2
#define SMALL_CPUS 2
#define SMALL_THREADS 3 /* the last one is in the second task */
#define SMALL_PRIO 10u
#define SMALL_SLOT_THREADS 0x10u /* slots of both tables: each thread, the gate, a capability that was mapped */
#define SMALL_SLOT_GATE 0x13u
#define SMALL_SLOT_SPARE 0x16u
#define SMALL_REPLY_SLOT 3u /* explicit */
#define SMALL_BOUND_LABEL(thread) (0x200u + 4u * (thread)) /* of the gate */
#define SMALL_THREAD_LABEL(thread) (0x50u + (thread))      /* of messages */
struct small_parts {
    struct task *tasks[SMALL_TASKS];
    struct thread *threads[SMALL_THREADS];
    struct gate *gate;
};
void small_hash_start(const struct small_parts *of);
uint64_t small_hash(void);
/* The one that the state, whose hash is `itself` and was made last, shares with all that are like it. */
uint64_t small_hash_of_all(uint64_t itself);

/* ---- search.c ---- */
struct search_options {
    unsigned depth, jobs; /* jobs: processes */
    size_t states;        /* 0: as many as memory suffices for */
    bool apart;           /* states that differ only in who is who are two */
    bool basic;           /* the small alphabet */
};
/* Every history of up to `depth` events, or until so many states have been seen. Exit status. */
int search_all(const struct search_options *chosen);
