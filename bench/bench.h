/* SPDX-License-Identifier: MIT */
/* What the measurements (bench.c, cpus.c, growth.c, memory.c) need from rt.c: threads, a second task, output. */
#pragma once
#include <l4/sys/factory.h>
#include <l4/sys/ipc.h>
#include <l4/sys/irq.h>
#include <l4/sys/rcv_endpoint.h>
#include <l4/sys/scheduler.h>
#include <l4/sys/semaphore.h>
#include <l4/sys/task.h>
#include <l4/sys/thread.h>
#include <l4/sys/types.h>
#include <l4/sys/utcb.h>
#include <l4/sys/vcon.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WARM_UP 100u
#define ROUNDS 10000u
#define PRIO 100u
#define PAGE_WINDOW 0x50000000ul /* where the other task gets the spare page */

enum bench_slot {
    SLOT_EMPTY = 0x100,
    SLOT_SEM,
    SLOT_GATE,
    SLOT_IRQ,
    SLOT_IRQ2,
    SLOT_GATE2,
    SLOT_SERVER, /* the threads, in the order of their UTCBs and stacks */
    SLOT_WORKER,
    SLOT_SERVER2,
    SLOT_WORKER2,
    SLOT_THREADS_END,
    SLOT_OTHER_TASK,
    SLOT_TASK2,
    SLOT_RECEIVE,
    SLOT_TASK_OF_SERVER, /* the task that the server runs in, in its own table */
    SLOT_FAULT_GATE,
    SLOT_QUEUE
};
static inline l4_cap_idx_t slot(unsigned n) { return (l4_cap_idx_t)n << L4_CAP_SHIFT; }

enum bench_task { OWN_TASK, OTHER_TASK };

/* The same instructions wherever it is used, so that what it costs itself can be taken off. */
static inline uint64_t ticks(void)
{
    uint64_t now;

    __asm__ volatile("lfence\n\trdtsc\n\tshlq $32, %%rdx\n\torq %%rdx, %0" : "=a"(now)::"rdx", "memory");
    return now;
}

extern char spare_page[];
/* From the command line, set by setup(). */
extern unsigned rounds;
/* What reading the clock costs. */
extern uint64_t tick_cost;
extern bool only_cpus, only_across, only_memory, only_latency;
/* The second task, priorities, gates. */
void setup(void);
void program_map(l4_cap_idx_t task); /* all of this program, at its own addresses */
void print(const char *text);
void print_number(uint64_t n, unsigned width); /* right-aligned */
void print_padded(const char *text, unsigned width);
_Noreturn void fail(const char *what, long code);
void must(const char *what, l4_msgtag_t tag);
void sample(uint64_t begin, uint64_t end);
/* A figure that is no time: the next row consists of such. */
void value(uint64_t v);
void report(const char *name);
void round_trips(const char *name, unsigned words);
void server_echo(void);
/* What needs more than one CPU; nothing where there is one (cpus.c). */
void several_cpus(void);
/* Round trips while there is more and more else in the system (growth.c). */
void growth(void);
/* Bytes per object (memory.c). */
void memory(void);
/* The worst loads for interrupts (latency.c). */
void latency(void);

/* A thread in one of the two tasks that runs body; a gate for it in SLOT_GATE of this task. */
void server_start(void (*body)(void), enum bench_task where, unsigned prio);
void server_stop(void);
/* A thread of the other task whose pager and handler is this thread. */
void faulter_start(void (*body)(void));
/* Tells the thread that serves the faults that all rounds are over. Does not return. */
_Noreturn void finished(void);
void worker_start(unsigned in_slot, enum bench_task where, void (*body)(void), unsigned prio);
void worker_start_on(unsigned cpu, unsigned in_slot, enum bench_task where, void (*body)(void), unsigned prio);
void worker_stop(unsigned in_slot);
