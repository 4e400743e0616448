/* SPDX-License-Identifier: MIT */
/*
 * What the files of arch/x86_64 share: instructions that C has no word for, and the calls between the files.
 */
#pragma once
#include "cpu.h"
#include "task.h"
#include "thread.h"

/* ---- instructions ---- */
static inline void outb(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline word_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (word_t)high << 32 | low;
}
static inline void wrmsr(uint32_t msr, word_t v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}
static inline word_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (word_t)high << 32 | low;
}
/* Not before the loads above it. */
static inline word_t rdtsc_ordered(void)
{
    __asm__ volatile("lfence" ::: "memory");
    return rdtsc();
}
struct cpuid {
    uint32_t a, b, c, d;
};
static inline struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}
static inline word_t read_cr0(void)
{
    word_t v;
    __asm__ volatile("movq %%cr0, %0" : "=r"(v));
    return v;
}
static inline void write_cr0(word_t v) { __asm__ volatile("movq %0, %%cr0" ::"r"(v) : "memory"); }
static inline word_t read_cr2(void)
{
    word_t v;
    __asm__ volatile("movq %%cr2, %0" : "=r"(v));
    return v;
}
static inline word_t read_cr4(void)
{
    word_t v;
    __asm__ volatile("movq %%cr4, %0" : "=r"(v));
    return v;
}
static inline void write_cr4(word_t v) { __asm__ volatile("movq %0, %%cr4" ::"r"(v) : "memory"); }
static inline void write_cr3(word_t v) { __asm__ volatile("movq %0, %%cr3" ::"r"(v) : "memory"); }

#define MSR_SYSENTER_CS 0x174u
#define MSR_APIC_BASE 0x1bu
#define MSR_MISC_ENABLE 0x1a0u
#define MSR_PAT 0x277u
#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_CSTAR 0xc0000083u
#define MSR_FMASK 0xc0000084u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define CR0_MP 0x2ul
#define CR0_EM 0x4ul
#define CR0_TS 0x8ul
#define CR0_NE 0x20ul
#define CR0_WP 0x10000ul
#define CR0_AM 0x40000ul
#define CR0_NW 0x20000000ul
#define CR0_CD 0x40000000ul
#define CR4_PGE 0x80ul
#define CR4_OSFXSR 0x200ul
#define CR4_OSXMMEXCPT 0x400ul
#define CR4_UMIP 0x800ul
#define CR4_FSGSBASE 0x10000ul
#define CR4_PCIDE 0x20000ul
#define CR4_OSXSAVE 0x40000ul
#define CR4_SMEP 0x100000ul
#define CR4_SMAP 0x200000ul

#define FLAG_TF 0x100ul
#define FLAG_IF 0x200ul
#define FLAG_DF 0x400ul
#define FLAG_IOPL 0x3000ul
#define FLAG_NT 0x4000ul
#define FLAG_AC 0x40000ul
/* What user code may set by itself: arithmetic flags, TF, DF, RF, AC, ID. */
#define FLAGS_USER 0x250dd5ul

/* Vectors: 0-31 exceptions, 32-47 legacy controllers, from 48 on I/O APIC pins, then MSIs up to VECTOR_RESERVED. */
#define VECTOR_LEGACY 32u
#define VECTOR_PIN 48u
#define VECTOR_RESERVED 0xe0u /* from here on the kernel's own */
#define VECTOR_TIMER 0xf0u
#define VECTOR_IPI 0xf1u
#define VECTOR_SPURIOUS 0xffu
#define PINS_MAX 160u

/* ---- cpu.c: features, descriptor tables, switch ---- */
#define IO_BITMAP_SIZE (ARCH_IO_PORTS / 8)
#define IST_SIZE 4096u
#define CR3_KEEP ARCH_CR3_KEEP
#define PCID_MASK 0xffful
#define GDT_ENTRIES 16u

struct tss {
    uint32_t reserved0;
    word_t rsp[3];
    word_t reserved1;
    word_t ist[7];
    word_t reserved2;
    uint16_t reserved3, iomap;
    uint8_t io_bitmap[IO_BITMAP_SIZE + 1]; /* a last byte of ones, as the CPU demands */
} __attribute__((packed));
#define IOMAP_VALID ((uint16_t)offsetof(struct tss, io_bitmap))
#define IOMAP_NONE 0xffffu
_Static_assert(offsetof(struct tss, iomap) == 0x66, "TSS layout");

/* With page-table isolation: where the CPU pushes while it has the user's tables (isolation.h). */
#define ENTRY_WORDS 30u
struct entry_stack {
    word_t word[ENTRY_WORDS];
    word_t kernel_stack; /* of NMI, double fault, machine check: the one to go on on */
    word_t unused;
} __attribute__((aligned(16)));

struct cpu_tables {
    word_t gdt[GDT_ENTRIES];
    struct tss tss;
    struct entry_stack entry_stack[4]; /* exceptions and interrupts; then as IST_* */
    char ist_stack[3][IST_SIZE] __attribute__((aligned(4096)));
} __attribute__((aligned(4096)));
#define CPU_TABLES_EXPOSED offsetof(struct cpu_tables, ist_stack)

struct cpu_features {
    bool intel, nx, pcid, invpcid, fsgsbase, smep, smap, umip, xsave, apic, pat, pge;
    word_t xcr0;       /* enabled state components */
    uint32_t fpu_size; /* bytes of a saved FPU state */
};
extern struct cpu_features cpu_features;
/* Reads CPUID and sets what page tables need (NX, PAT); before the kernel's tables are final. */
boot_code void cpu_features_init(void);
/* Descriptor tables, control registers, system call entry of this CPU. */
boot_code void cpu_init(struct cpu *c);
/* The block of another CPU, with tables and stack; NULL: no memory. */
boot_code struct cpu *cpu_create(unsigned id, uint32_t apic_id);
/* Makes everything but the general registers of t the CPU's state. t is not the idle thread. */
void cpu_load_thread(struct thread *t);
/* Puts what the CPU holds of t's segment state into t, and back, when t is the thread that is loaded. */
void cpu_segments_sync(struct thread *t);
void cpu_segments_reload(struct thread *t);
/* #GP of t: true when the I/O bitmap in the TSS was not its own and now is (the instruction is to be repeated). */
bool cpu_io_reload(struct thread *t);
bool cpu_canonical(word_t address);

/* ---- ap.c ---- */
/* cpu_count becomes count; afterwards the other CPUs have begun: what they had of the kernel's page tables is gone. */
void cpus_begin(unsigned count);
_Noreturn void cpu_begin(void); /* one of them */

/* ---- protection.c ---- */
/* What this CPU needs against its own speculation, and how the ways in and out look therefore; text is writable yet. */
boot_code void protection_init(void);
boot_code void protection_print(void);

/* ---- boot.c ---- */
extern char image_start[], image_text_end[], image_rodata_end[], image_end[], boot_code_end[];
/* Nothing that this CPU has ever read from the kernel's page tables stays in its TLB. */
void tlb_reset(void);
/* One uncached page of device registers; returns the address of `pa`. At boot only. */
boot_code volatile void *mmio_map(word_t pa);
boot_code void boot_trim_direct_map(void);
/* Maps four pages as the stack of a CPU, with an unmapped page below; returns its top. At boot only. */
boot_code word_t stack_map(word_t pa);
extern char boot_stack_guard[], boot_stack_top[];
#define BOOT_STACK_SIZE 16384ul

/* ---- entry.S ---- */
extern char syscall_entry[], syscall_entry_32[], exception_stubs[], interrupt_stubs[], iret_user[];

/* ---- trap.c: called by entry.S ---- */
struct thread *trap_exception(struct thread *self);
struct thread *trap_interrupt(struct thread *self, unsigned vector);
void trap_nmi(struct arch_frame *f);
_Noreturn void trap_kernel(struct arch_frame *f);
_Noreturn void trap_idle(void);


/* ---- irqchip.c, acpi.c ---- */
boot_code void irqchip_init(void);
/* Acknowledges the vector. Returns the pin, or ~0u: nothing to do (spurious). */
unsigned irqchip_acknowledge(unsigned vector);
/* Acknowledges an MSI. Returns its number, or ~0u: the vector is none. */
unsigned irqchip_msi(unsigned vector);
bool irqchip_has_apic(void);
volatile uint32_t *irqchip_lapic(void);
void irqchip_lapic_eoi(void);
/* Local APIC of this CPU, which is not the first. */
boot_code void irqchip_cpu_init(void);
boot_code uint32_t irqchip_cpu_id(void);
#define ICR_FIXED 0x4000u
#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u
#define ICR_ALL_OTHERS 0xc0000u
void irqchip_ipi(uint32_t apic_id, uint32_t command);
/* Unmasks the pin of an ISA interrupt for the kernel's own use; its pin. */
boot_code unsigned irqchip_claim(unsigned isa_irq);
extern unsigned irqchip_console_pin; /* ~0u: none */

struct acpi_ioapic {
    uint32_t pa, first_pin;
};
struct acpi_override {
    uint32_t pin;
    bool present, level, low;
};
struct acpi_madt {
    bool found, has_8259;
    word_t lapic_pa;
    unsigned ioapic_count, cpu_count;
    struct acpi_ioapic ioapic[8];
    uint8_t cpu[CPU_MAX]; /* local APIC ids of the CPUs that can be used */
    struct acpi_override isa[16];
};
boot_code void acpi_read_madt(struct acpi_madt *out);
boot_code const struct acpi_madt *irqchip_madt(void);

/* ---- timer.c ---- */
boot_code void timer_init(void);
/* The tick comes from the local APIC: every CPU can have one. */
boot_code bool timer_per_cpu(void);
extern unsigned timer_pin; /* pin of the timer interrupt; ~0u: the local APIC has its own vector */

/* ---- fpu.c ---- */
boot_code void fpu_init(void);
/* The enabled state components, on each CPU. */
boot_code void fpu_cpu_init(void);
/* The registers become nobody's; what they hold goes to their owner. TS may be either way afterwards. */
void fpu_release(struct arch_cpu *a);
static inline void fpu_ts_set(struct arch_cpu *a, bool on)
{
    if (a->ts == on)
        return;
    a->ts = on;
    if (on)
        write_cr0(read_cr0() | CR0_TS);
    else
        __asm__ volatile("clts");
}
/* Written only when it changes: a thread that has been left may be let go by another CPU meanwhile (arch_flags_sync).
 * Whether the quick switch can deal with t: THREAD_ARCH_SPECIAL when its segments are not what every program has. */
static inline void thread_special_update(struct thread *t)
{
    const word_t plain = ARCH_SEL_USER_DATA | ARCH_SEL_USER_DATA << 16;
    bool special = t->arch.selectors != plain || t->arch.gdt_used;

    if (unlikely(special != ((t->flags & THREAD_ARCH_SPECIAL) != 0)))
        t->flags ^= THREAD_ARCH_SPECIAL;
}
/* Sets CR0.TS for the thread that is about to run. */
void fpu_switch(struct arch_cpu *a, const struct thread *t);
/* #NM: true when the thread now owns the FPU; false: no memory for its state, or it may not use it now. */
bool fpu_take(struct thread *t);

/* ---- uart.c ---- */
boot_code void uart_init(void);
boot_code void uart_irq_enable(void);
