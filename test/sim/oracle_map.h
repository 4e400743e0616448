/* SPDX-License-Identifier: MIT */
/* Capabilities and pages of one operation beside the model of mapping (model_map.h): oracle_map.c. */
#pragma once
#include "model.h"
#include "thread.h"

/* self is going to make a system call: what would it map, unmap or create? */
void oracle_map_begin(const struct thread *self, const struct model_request *rq, const struct model_target *target,
                      const struct model_message *msg);
/* ... in which r takes a message of s with items, after those that were named before. mr: of s. May there be another
 * one? */
bool oracle_map_message(const struct thread *s, const struct thread *r, unsigned rights, l4_tag tag, const word_t *mr);
/* Does it need memory of other tasks than it names: forwarding, ports of children? */
bool oracle_map_elsewhere(void);
/* All have been named. */
void oracle_map_messages_begun(void);
/* Does it know what the items of this message do, the `at`-th? *error: of the sender, unless memory is short. */
bool oracle_map_items(unsigned at, const struct thread *s, const struct thread *r, word_t *error);
/* So many have been transferred, the last one with this error. changed: a bit for each, somebody else may have written
 * to the UTCB of its receiver. */
const char *oracle_map_messages_end(unsigned moves, word_t error, unsigned changed);
/* It has been made: what is wrong, or NULL. injected: an allocation has failed on purpose. */
const char *oracle_map_end(bool injected);
/* An event that is no system call. */
void oracle_map_nothing(void);
/* Does it say which objects end in this event? Then, when all has been compared: */
bool oracle_map_decides(void);
bool oracle_map_ended(const struct kobj *obj);
/* May the thread use the port? */
bool oracle_map_port(const struct thread *t, unsigned port);
void oracle_map_explain(void);
/* How many were compared, and how many items of messages; how many were not decided. */
void oracle_map_counts(uint64_t *operations, uint64_t *items, uint64_t *unsure);
