/* SPDX-License-Identifier: MIT */
/* Capabilities and pages of one operation beside the model of mapping (model_map.h): oracle_map.c. */
#pragma once
#include "model.h"
#include "thread.h"

/* self is going to make a system call: what would it map, unmap or create? */
void oracle_map_begin(const struct thread *self, const struct model_request *rq, const struct model_target *target,
                      const struct model_message *msg);
/* ... that is a message to somebody who takes it at once. */
void oracle_map_message(const struct thread *self, const struct thread *receiver, unsigned rights,
                        const struct model_message *msg);
/* r: what the receiver has got by the model. */
const char *oracle_map_message_end(const struct model_result *r);
/* It has been made: what is wrong, or NULL. injected: an allocation has failed on purpose. */
const char *oracle_map_end(bool injected);
void oracle_map_explain(void);
/* How many were compared. */
uint64_t oracle_map_count(void);
uint64_t oracle_map_messages(void); /* the same, of items of messages */
