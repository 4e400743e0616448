/* SPDX-License-Identifier: MIT */
/*
 * Copies of the kernel and the model: both are data of this process.
 *
 * A copy holds only lines of memory that have ever been seen to change. Which ones these are is learned: now and then
 * all memory is compared with what it was at the start; a line that has changed and is not among them is added, and
 * whatever was found since the last comparison is void. Processes that were forked share what they learn.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What memory holds now is the start. counts: for snapshot_digest. */
void snapshot_start(bool (*counts)(const void *line));
#define SNAPSHOT_LINE 64u
/* All memory is as at the start again. */
void snapshot_reset(void);
/* True: a line has changed that nobody has copied. It is added, and all copies but that of the start are void. */
bool snapshot_compare(void);
/* The same: another process has learned of a line. Memory is to be as at the start. */
bool snapshot_update(void);
/* How many lines change. */
size_t snapshot_lines(void);
/* Of what is in all lines that change and of which `counts` says so. */
uint64_t snapshot_digest(void);
/* Copy 0 is the start; 1 to SNAPSHOTS - 1 can be saved. */
#define SNAPSHOTS 64u
void snapshot_save(unsigned copy);
void snapshot_load(unsigned copy);

/* Memory that forked processes share, or do not; all 0. Does not return when there is none. */
void *memory_shared(size_t bytes);
void *memory_own(size_t bytes);
