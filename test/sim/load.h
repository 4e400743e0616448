/* SPDX-License-Identifier: MIT */
/* From the kernel's data to the abstract state of the model (model.h), and back from an index to an object. */
#pragma once
#include "kobj.h"
#include "model.h"
#include "objects.h"
#include "thread.h"

/* Nobody is known. */
void load_reset(void);
/* Forgets who does not exist any more; true: somebody was forgotten, what was loaded before is void. */
bool load_forget(void);
/* The index of a thread or object; who is not known is added. NOBODY: there are too many. */
int load_thread(const struct thread *t);
int load_object(const struct kobj *obj);
/* slot: of the thread (NULL: its implicit one), or an explicit one of its task. */
int load_slot(const struct reply_slot *slot, const struct thread *owner);
/* A thread, or MODEL_THREADS + an object; it may not exist any more. */
const struct kobj *load_kobj(int who);
/* NULL: it does not exist any more. */
const struct thread *load_thread_at(int x);
/* All threads that are known, and whatever they have to do with. */
void load(struct model *m);
/* NULL: it is none, or dead. */
const struct irq_base *load_irq_at(int object);
/* Has nobody been met since it was loaded? */
bool load_complete(const struct model *m);
/* How far are they equal? NULL: entirely. Results of `expected` are compared with the registers of the threads. */
const char *load_differs(struct model *expected, const struct model *seen);
/* Says in words how they differ. */
void load_explain(const struct model *before, const struct model *expected, const struct model *seen);
