/* SPDX-License-Identifier: MIT */
/*
 * The kernel beside the model, event by event. Before an event its state is known (load.c); the event happens in the
 * kernel; the model makes its own successor, and the two must be equal. oracle_begin … oracle_end enclose one kernel
 * entry on the current CPU.
 */
#pragma once
#include "model.h"
#include "sim.h"

enum oracle_event {
    EVENT_SYSCALL, EVENT_PAGE_FAULT, EVENT_EXCEPTION, EVENT_TICK, EVENT_INTERRUPT, EVENT_INPUT, EVENT_LOOK
};

/* A new machine. */
void oracle_start(void);
void oracle_syscall(const struct model_request *request);
void oracle_begin(enum oracle_event event);
/* The thread that runs raises an exception: a page fault that its pager is not asked for? */
void oracle_exception(bool page_fault);
/* That CPU is going to notice that another one has interrupted it. */
void oracle_look(unsigned cpu);
/* A pin is going to interrupt. */
void oracle_interrupt(unsigned pin);
/* Somebody is going to type. */
void oracle_input(const char *text);
/* Does not return when kernel and model differ. */
void oracle_end(void);
/* The same: in what they differ, or NULL. */
const char *oracle_compare(void);
/* Says how, in words. */
void oracle_explain(void);
/* Something else happens: the state is looked at anew. */
void oracle_forget(void);
/* The program's data are put back to what they are now before each event that follows, or not any more. */
void oracle_keep(bool on);
/* They have been put back, if that was promised; else this is oracle_forget. */
void oracle_again(void);
/* Two CPUs race from now on (one event happens inside another): nothing is compared until it is over. */
void oracle_race(bool on);
/* How much was compared. */
void oracle_summary(void);
