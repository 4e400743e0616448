/* SPDX-License-Identifier: MIT */
/*
 * The architecture interface: everything that a processor supplies to the kernel. Three kinds of folders fulfil it with
 * the same file names; nothing outside arch/ asks which one it is.
 *
 * arch_types.h (per architecture) defines
 *   struct arch_frame    saved user registers; with the inline accessors named below
 *   struct arch_thread   per-thread part: the frame, segment bases, FPU pointer; first member of the saved state
 *   struct arch_space    per-task part: page table root, I/O bitmap pointer
 *   struct arch_cpu      per-CPU part
 *   ARCH_TRAP_SYSCALL    trap number of an unchanged system call frame; ARCH_TRAP_PAGE_FAULT that of a page fault
 *
 * Accessors (static inline in arch_types.h):
 *   word_t frame_tag(f), frame_dest(f), frame_label(f), frame_timeout(f)     system call registers, as entered
 *   void   frame_set_tag(f, v), frame_set_label(f, v)                        system call results
 *   void   frame_set_dest(f, v)                      what an entry in registers has not stored (arch_fast.h)
 *   word_t frame_ip(f), frame_sp(f), frame_flags(f); void frame_set_ip(f, v), frame_set_sp(f, v)
 *   word_t frame_trapno(f), frame_err(f), frame_fault_addr(f)                last exception
 *   void   frame_set_trap(f, trapno, err)
 *   void   frame_set_args(f, first, second)                                  arguments of an upcall
 *   struct cpu *cpu_self(void)                                               per-CPU block of the executing CPU
 *   word_t arch_index(index, limit)      index, which a check has found below limit, also while the processor only
 *                                        guesses that: what user code chooses must not make it read elsewhere ahead
 */
#pragma once
#include "base.h"
#include "arch_types.h"

struct thread;
struct task;
struct cpu;
struct factory;
struct mapping;
struct l4_vcpu;

/* ---- what the architecture calls (kernel entries); each returns the thread to resume. Interrupts are off. ---- */
/* A system call; the frame holds everything, and what decides about a short message comes in registers too. It may
 * leave the kernel by itself (arch_resume_fast). */
struct thread *kernel_syscall(struct thread *self, word_t label, word_t dest, word_t tag, word_t timeout);
/* access: L4_PF_* bits; err: the CPU's error code; frame has trap 14 and the fault address. */
struct thread *kernel_page_fault(struct thread *self, word_t addr, word_t access);
/* Any other user exception; trap number and error code are in the frame. */
struct thread *kernel_exception(struct thread *self);
/* A device interrupt on an ICU pin; the architecture has acknowledged edge pins and masked level pins if it must. */
struct thread *kernel_irq(struct thread *self, unsigned pin);
/* A message-signalled interrupt, acknowledged. It cannot be masked: it may come at any time, bound or not. */
struct thread *kernel_msi(struct thread *self, unsigned msi);
/* Console input: the characters are fetched with arch_console_get. */
struct thread *kernel_console_input(struct thread *self);
/* Timer tick. */
struct thread *kernel_timer(struct thread *self);
/* arch_ipi has hit this CPU. */
struct thread *kernel_ipi(struct thread *self);
/* Makes a CPU block (zeroed but for its arch part) known to the scheduler; before cpu_count counts it. */
boot_code void kernel_cpu_init(struct cpu *c, unsigned id);
/* A CPU beyond the first is ready and may run threads; ends in arch_resume. */
_Noreturn void kernel_cpu_main(void);
/* First C code of the kernel proper, called once by arch boot code with the heap bounds; ends in arch_resume. */
boot_code _Noreturn void kernel_main(void);

/* ---- boot ---- */
extern struct l4_kip kip;
extern struct l4_options kernel_options;
/* Processor features, descriptor tables, interrupt controller, clock, timer; prints what it found. After memory. */
boot_code void arch_init(void);
/* Chooses and returns the kernel heap from the KIP's descriptors (and reserves it there); panics with a text that says
 * how much memory is needed when there is too little. */
boot_code void arch_memory_init(void **heap_start, void **heap_end);
/* Starts the other CPUs, as many as there are and CPU_MAX allows; fills cpus[] and returns how many CPUs there are. On
 * the boot CPU, with interrupts off, after kernel_init_objects. */
boot_code unsigned arch_cpus_start(void);
/* Nothing that is boot_code runs any more, and its memory goes to the users. cpu_count becomes count; each other CPU
 * calls kernel_cpu_main at some time from now on. */
void arch_boot_end(unsigned count);
/* Starts the periodic timer of this CPU; kernel_timer comes whenever interrupts are on. It may have begun at boot. */
void arch_timer_start(void);

/* ---- thread switch ---- */
/* Leaves the kernel into t: address space, segment bases, FPU ownership, kernel entry stack, registers. Does not
 * return. t is the CPU's idle thread: waits for an interrupt with interrupts on. */
_Noreturn void arch_resume(struct thread *t);
/* New thread, in any memory: general registers 0, user segments, interrupts on. */
void arch_thread_init(struct thread *t);
/* UTCB bound: gs base = user address of word 63, word 63 = user address. `utcb` is the kernel address. */
void arch_thread_bind(struct thread *t, word_t user_addr, struct l4_utcb *utcb);
/* Frees what the architecture holds for the thread (FPU state), on any CPU. */
void arch_thread_free(struct thread *t);
/* After the frame was changed: leave by the path that restores every register (iret). */
void arch_thread_full_exit(struct thread *t);
/* Exception message: 26 words from / to the saved state; load sanitises flags and segments (cs is not taken). */
void arch_exc_store(const struct thread *t, word_t *words);
void arch_exc_load(struct thread *t, const word_t *words);
/* The frame alone, without segment bases and selectors (trampoline area); load sanitises as arch_exc_load does. */
void arch_regs_store(const struct thread *t, word_t *words);
void arch_regs_load(struct thread *t, const word_t *words);
/* vCPU: what the processor keeps in the state area at vcpu_control: selectors, and the thread's bases and segments. */
void arch_vcpu_init(struct thread *t, struct l4_vcpu *v);
/* Registers for the entry point: all 0 (the caller sets ip, sp, arguments); host_segments: bases and segments, too. */
void arch_vcpu_entry(struct thread *t, const struct l4_vcpu *v, bool host_segments);
/* Registers of the state area, sanitised; all: bases and segments, too. Reads each word once. */
void arch_vcpu_load(struct thread *t, const struct l4_vcpu *v, bool all);
/* t->space or THREAD_NO_FPU is another one: effective when t runs next, also when it is loaded already. */
void arch_thread_space_changed(struct thread *t);
/* Moves FPU state (message with the FPU flag); allocation failure leaves the receiver's state unchanged. */
void arch_fpu_transfer(struct thread *from, struct thread *to);
/* Does that neither allocate nor free memory? */
bool arch_fpu_copies(const struct thread *from, const struct thread *to);
/* Thread operations 0x10-0x13 (segments); answers as an operation does. */
struct invoke;
l4_tag arch_thread_op(struct thread *t, struct invoke *in, unsigned op);
/* Alien threads: ip to show for a system call about to be made (points at the instruction). */
void arch_syscall_rewind(struct thread *t);

/* ---- several CPUs ---- */
/* Interrupts c, which enters the kernel by kernel_ipi at its next safe point. */
void arch_ipi(struct cpu *c);
/* Puts everything that this CPU has loaded of threads and spaces back to memory; the kernel's own tables are loaded. */
void arch_cpu_unload(void);
/* The same for t alone, if it is t's that is loaded here. */
void arch_thread_unload(struct thread *t);
/* The lock is about to be given back: what the flags of a thread that is loaded here, but does not run on, say about it
 * is true now. Afterwards another CPU may end its wait, and nobody else writes them (smp.h L5). */
void arch_flags_sync(void);
/* Interrupts are let in for a moment. One that comes drops the kernel's stack and asks, as any other, who runs. The
 * lock is free. */
void arch_interrupt_window(void);
/* Waiting for another CPU. */
void arch_cpu_relax(void);

/* ---- address spaces and page tables (pt.c) ---- */
struct pt_entry {
    word_t va, pa;          /* aligned to the page size */
    unsigned order;         /* 12, 21 or 30 */
    unsigned rights;        /* L4_MEM_* */
    unsigned cache;         /* L4_ITEM_CACHED / BUFFERED / UNCACHED */
    bool ku;                /* kernel-user memory */
    struct mapping *mapping;
    word_t *leaf;           /* where the entry lies; valid until the space is freed (tables stay); 0 in it: no leaf */
};
status_t arch_space_init(struct arch_space *s, struct factory *payer);
/* Frees all tables; every user mapping has been removed before (kernel-user memory entries excepted). A window's worth
 * of them, from address *at (0 at the start) on; true: it is done. */
bool arch_space_free(struct arch_space *s, struct factory *payer, word_t *at);
/* The leaf that covers va. */
bool arch_pt_lookup(const struct arch_space *s, word_t va, struct pt_entry *out);
/* First leaf whose end is above va and whose start is below end; skips holes a table at a time. */
bool arch_pt_next(const struct arch_space *s, word_t va, word_t end, struct pt_entry *out);
/* The same, va < end; but it gives up when a window's worth of holes was skipped. False: nothing before out->va. */
bool arch_pt_search(const struct arch_space *s, word_t va, word_t end, struct pt_entry *out);
/* Largest page order ≤ order that can be inserted at va without meeting a table for smaller pages, even if empty. */
unsigned arch_pt_order_at(const struct arch_space *s, word_t va, unsigned order);
/* The entry where a leaf of that size would lie, or the one that covers va already; may allocate tables from payer.
 * NULL: no memory or quota (nothing changed but empty tables). */
word_t *arch_pt_place(struct arch_space *s, struct factory *payer, word_t va, unsigned order);
/* Makes an entry that is 0 a leaf. */
void arch_leaf_set(word_t *leaf, const struct pt_entry *e);
/* Removes the leaf that starts at va; returns its status bits (0 referenced, 1 dirty). TLB is clean on return. */
unsigned arch_leaf_remove(struct arch_space *s, word_t *leaf, word_t va);
/* Returns and clears the status bits. */
unsigned arch_leaf_status(struct arch_space *s, word_t *leaf, word_t va);
/* Takes L4_MEM_W or L4_MEM_X, or both. */
void arch_leaf_downgrade(struct arch_space *s, word_t *leaf, word_t va, unsigned rights);
/* Place and set in one. OK or -NOMEM. */
status_t arch_pt_insert(struct arch_space *s, struct factory *payer, const struct pt_entry *e);
/* Changes rights, mapping pointer and caching of the leaf at va; flushes what must be. */
void arch_pt_update(struct arch_space *s, const struct pt_entry *e);
/* arch_leaf_remove by address. */
unsigned arch_pt_remove(struct arch_space *s, word_t va);
/* Page sizes, ascending, as orders: x86-64 12, 21, 30. Returns how many. */
unsigned arch_page_orders(const unsigned **orders);
/* Physical address range that may be mapped at all (fabricated by sigma0). */
bool arch_phys_valid(word_t pa, unsigned order);
void *arch_phys_to_virt(word_t pa);
word_t arch_virt_to_phys(const void *va);

/* ---- I/O ports: the permission bitmap of the running task (bit set = denied), 8 KiB or NULL = none allowed ---- */
/* The bitmap of the space changed: stop using a cached copy on every CPU. */
void arch_io_changed(struct arch_space *s);
#define ARCH_IO_PORTS 65536u

/* ---- interrupts ---- */
unsigned arch_irq_pins(void);
bool arch_irq_pin_valid(unsigned pin);  /* false: reserved by the kernel (console, timer) or absent */
void arch_irq_mask(unsigned pin);
void arch_irq_unmask(unsigned pin);
bool arch_irq_is_level(unsigned pin);
/* mode: L4_IRQ_MODE_*; OK or -INVAL when the pin cannot do it. */
status_t arch_irq_set_mode(unsigned pin, unsigned mode);

/* Message-signalled interrupts: how many there are, and what a device writes where to raise one of them. source:
 * who will send (interface description, source ids); ignored without interrupt remapping. */
unsigned arch_msi_count(void);
void arch_msi_info(unsigned msi, word_t source, word_t *address, uint32_t *data);

/* ---- time and console ---- */
uint64_t arch_clock_us(void);   /* since boot, monotonic */
uint64_t arch_clock_ticks(void);
unsigned arch_console_put(char c); /* blocking, no translation; how often the device was not ready */
int arch_console_get(void);     /* -1: none */
_Noreturn void arch_reboot(void);
_Noreturn void arch_halt(void); /* after a panic: stops the machine (or ends the emulator, when one listens) */
