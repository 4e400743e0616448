/* SPDX-License-Identifier: MIT */
/*
 * The system call entry: fastpath.c delivers plain messages the short way, fastpath_none.c takes every message the
 * general way (for the simulation, which compares the two). Both define kernel_syscall of arch.h.
 */
#pragma once
#include "thread.h"

/* The general way: decode, object, operation, continuations. */
struct thread *syscall_general(struct thread *self);
/* The same when there are several CPUs: without the lock if it can be. */
struct thread *local_syscall(struct thread *self);
/* The same behind the door: the lock is held, what the last system call left in the flags is cleared. */
struct thread *syscall_begin(struct thread *self);
/* A page fault or another exception of self, whose frame is complete, as a message to a waiting thread. NULL: it has to
 * go the general way, and nothing has changed. */
struct thread *fastpath_page_fault(struct thread *self, word_t addr, word_t access);
struct thread *fastpath_exception(struct thread *self);
/* The general way of both (fault.c). */
struct thread *fault_page_general(struct thread *self, word_t addr, word_t access);
struct thread *fault_exception_general(struct thread *self);
