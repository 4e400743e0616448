/* SPDX-License-Identifier: MIT */
/*
 * Allocator over memory that the caller gives: a list of free blocks, ordered by address, neighbours joined. Sizes are
 * rounded up to 16 bytes; whoever frees must know the size. No locking.
 */
#pragma once
#include <l4/sys/compiler.h>
#include <l4/sys/l4int.h>

typedef struct l4la_free_t {
    struct l4la_free_t *next;
    l4_size_t size;
} l4la_free_t;

EXTERN_C_BEGIN
/* Nothing is free. */
void l4la_init(l4la_free_t **first);
/* size bytes aligned to align (a power of two; 0: 16), or NULL. */
void *l4la_alloc(l4la_free_t **first, l4_size_t size, unsigned align);
/* Gives size bytes at block to the allocator: back, or for the first time, then in multiples of 16 bytes. */
void l4la_free(l4la_free_t **first, void *block, l4_size_t size);
/* Sum of all free blocks. */
l4_size_t l4la_avail(l4la_free_t **first);
/* Prints the blocks to the log. */
void l4la_dump(l4la_free_t **first);
EXTERN_C_END
