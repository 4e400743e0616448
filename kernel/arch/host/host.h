/* SPDX-License-Identifier: MIT */
/*
 * The machine around the kernel, for tests and the simulator. One machine per process.
 *
 * After host_start the kernel has booted and a thread is current. A test plays the user mode of the current thread: it
 * makes one system call, touches memory, raises an exception, or lets an interrupt come. Each of these is one kernel
 * entry; when it returns, host_current() is the thread that would run next. A thread's results are in its frame
 * (thread->arch.frame) once it is current again.
 */
#pragma once
#include "arch.h"
#include "cpu.h"
#include "thread.h"

struct host_config {
    size_t memory_bytes; /* all physical memory; 0: 64 MiB */
    size_t heap_bytes;   /* of these, for the kernel; 0: 16 MiB */
    bool no_1g_pages;
    unsigned cpus;       /* 1..HOST_CPUS; 0: 1 */
    word_t sigma0_ip, root_ip; /* 0: no such program */
    bool no_poison;      /* freed memory stays readable: the test copies all memory away and back */
    bool echo;           /* console output goes to stderr, too */
};

void host_start(const struct host_config *config);
/* Only memory: what frame.c, slab.c and quota.c need; no kernel runs. */
void host_start_memory(const struct host_config *config);

/* The thread that runs; the idle thread when nobody can. */
struct thread *host_current(void);
bool host_idle(void);

/* Whatever comes next happens on that CPU. When another CPU has interrupted it, it first enters the kernel for that:
 * the test decides how late. host_ipi_pending: is there such an interrupt? */
void host_set_cpu(unsigned id);
bool host_ipi_pending(unsigned id);
/* Has the CPU not been stopped meanwhile? Then it may do something before the interrupt reaches it: */
bool host_ipi_can_wait(unsigned id);
void host_set_cpu_early(unsigned id);

/* The next kernel entry of the current CPU finds that CPU `holder`, which has the lock, wants this CPU; `act` is what
 * the holder does while this one waits. On the short message path the entry comes first and then the interrupt. */
void host_race(unsigned holder, void (*act)(void));
/* No kernel entry has come: the interrupt does. */
void host_race_over(void);
/* Is it the CPU that waits? It must not be chosen. */
bool host_raced(unsigned id);
/* Not NULL: called when a CPU waits for the lock; another one goes on meanwhile. */
extern void (*host_on_wait)(void);

/* ---- kernel entries of the current thread, on the current CPU ---- */
/* True: no system call takes the short path (fastpath.c). */
extern bool host_general_path;
/* True: nothing stays in limbo.c between kernel entries, and addresses do not depend on how often the lock is taken. */
extern bool host_no_limbo;
void host_syscall(word_t dest, word_t tag, word_t label, word_t timeout);
/* Touches one byte. access: L4_MEM_R, _W or _X. The kernel address of the byte, or NULL when it became a page fault. */
void *host_touch(word_t va, unsigned access);
void host_exception(word_t trapno, word_t err);
/* in/out on a port: true when the permission bitmap allows it; else exception 13 was raised. */
bool host_port(unsigned port);

/* ---- interrupt windows (preempt.h) ---- */
/* Windows come when the test makes work_slice small. Called in every one, when not NULL. It may let other CPUs act
 * (host_set_cpu and one entry each; the window's own CPU is chosen again by itself), or be interrupted: what the
 * kernel was doing is dropped, as by the processor. */
extern void (*host_window)(void);
enum host_interrupt { HOST_TICK, HOST_IRQ, HOST_IPI };
/* HOST_IRQ: as host_irq would, of a pin that is not masked. */
_Noreturn void host_interrupt(enum host_interrupt what, unsigned pin);

/* ---- events ---- */
void host_time(uint64_t us);  /* time passes, nothing happens */
void host_tick(void);         /* timer interrupt */
bool host_irq(unsigned pin);  /* device interrupt; false: masked */
/* A device writes data to an address: an MSI when they are what arch_msi_info gave. False: they are not. */
bool host_msi(word_t address, uint32_t data);
void host_input(const char *text);

/* ---- looking at the machine ---- */
uint64_t host_clock_us(void);
/* Console output so far; cleared by the next call with clear. */
const char *host_output(bool clear);
/* How much has been printed since the start, and the last of it (n at most half of 64 KiB). */
uint64_t host_output_count(void);
const char *host_output_last(size_t n);
bool host_irq_masked(unsigned pin);
/* Range of physical memory that is not the kernel's. */
word_t host_ram_bytes(void);
word_t host_memory_bytes(void);
/* Page-table walk without side effect. */
bool host_translate(const struct arch_space *s, word_t va, word_t *pa, unsigned *rights);
/* Is this the address of a kernel object that has not been freed? (Always true with no_poison.) */
bool host_live(const void *p);
/* Of this very object: another one at the same address has another number; 0: there is none. */
uint32_t host_serial(const void *p);
/* How often has memory been freed? */
uint64_t host_taken_back(void);
/* Invariant H2 for one space. */
void host_tlb_check(const struct arch_space *s);
/* FPU contents of a thread as one word (0: never used). */
void host_fpu_write(struct thread *t, word_t value);
word_t host_fpu_read(const struct thread *t);
/* Called instead of ending the process when the kernel panics or halts; may longjmp. */
extern void (*host_on_halt)(void);

/* between the files of this folder */
void host_enter(struct thread *t);
void host_ipi_enter(void);
void host_race_goes_on(void);
void host_fpu_init(void);
void host_uart_echo(bool on);
void host_console_entry(void);
