/* SPDX-License-Identifier: MIT */
/*
 * The small world: three threads in two tasks, one gate, one page, on one CPU or two, and an alphabet of events.
 * search.c runs every history of it up to a depth. The state of the kernel and of the model lies in the program's own
 * data and in the memory of the host machine, so that it can be copied away and back.
 */
#pragma once
#include "sim.h"

void small_start(unsigned cpus);
unsigned small_events(void);
/* What the event is called; valid until the next call. */
const char *small_name(unsigned event);
/* One event. False: it cannot happen now, and nothing was done. *wrong: how kernel and model differ now, or NULL. */
bool small_apply(unsigned event, const char **wrong);
uint64_t small_hash(void);
/* All invariants. Does not return when one is broken. */
void small_check(void);

/* ---- search.c ---- */
/* Every history of up to `depth` events, or until so many states have been seen. Exit status. */
int search_all(unsigned depth, size_t states);
