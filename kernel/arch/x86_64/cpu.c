/* SPDX-License-Identifier: MIT */
/*
 * One CPU: features, control registers, descriptor tables, and what is exchanged when another thread runs: segment
 * state, address space, I/O bitmap, entry stack (X1, X3, X4 in arch_types.h).
 *
 * Invariants
 *   U1  TSS.iomap points at the bitmap only while the bitmap is a true copy of that of io_space, and io_space == space.
 *   U2  With FSGSBASE user code changes its bases itself: they are read back when the thread is left. Without it the
 *       only way is a selector: a thread with a null selector has the base we wrote.
 */
#include "arch_fast.h"
#include "barriers.h"
#include "entry.h"
#include "isolation.h"
#include "memory.h"
#include "objects.h"
#include "sites.h"
#include "smp.h"
#include "x86.h"

#define IDT_ENTRIES 256u
#define GATE_INTERRUPT 0x8e00u
#define GATE_USER 0x6000u /* DPL 3 */
#define IST_FAULT 1u
#define IST_NMI 2u
#define IST_CHECK 3u

struct idt_gate {
    uint16_t offset_low, selector, type, offset_middle;
    uint32_t offset_high, reserved;
};

struct table_pointer {
    uint16_t limit;
    word_t base;
} __attribute__((packed));

struct cpu_features cpu_features;
unsigned arch_phys_bits;
bool arch_has_1g_pages;

static struct idt_gate idt[IDT_ENTRIES] __attribute__((aligned(4096)));
static struct cpu_tables boot_tables;
word_t space_upper[256];

/* ---- features ---- */

static boot_code void page_features_enable(void)
{
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | 1 | (cpu_features.nx ? 1ul << 11 : 0)); /* SCE, NXE */
    if (cpu_features.pat)
        wrmsr(MSR_PAT, 0x0001040600010406ul); /* WB, WT, WC, UC, and again */
}

void cpu_features_init(void)
{
    struct cpu_features *f = &cpu_features;
    uint32_t leaf_max = cpuid(0, 0).a;
    struct cpuid one = cpuid(1, 0);
    struct cpuid seven = leaf_max >= 7 ? cpuid(7, 0) : (struct cpuid){0, 0, 0, 0};
    f->intel = cpuid(0, 0).b == 0x756e6547u; /* "Genu" */
    if (f->intel && leaf_max >= 7)
        wrmsr(MSR_MISC_ENABLE, rdmsr(MSR_MISC_ENABLE) & ~(1ul << 34)); /* firmware may have hidden NX */
    uint32_t extended_max = cpuid(0x80000000u, 0).a;
    struct cpuid ext = cpuid(0x80000001u, 0);
    f->nx = ext.d >> 20 & 1;
    arch_has_1g_pages = ext.d >> 26 & 1;
    arch_phys_bits = extended_max >= 0x80000008u ? cpuid(0x80000008u, 0).a & 0xff : 36;
    if (arch_phys_bits > 52)
        arch_phys_bits = 52;
    f->apic = one.d >> 9 & 1;
    f->pge = one.d >> 13 & 1;
    f->pat = one.d >> 16 & 1;
    f->pcid = one.c >> 17 & 1;
    f->xsave = one.c >> 26 & 1;
    f->fsgsbase = seven.b & 1;
    f->invpcid = seven.b >> 10 & 1;
    f->smep = seven.b >> 7 & 1;
    f->smap = seven.b >> 20 & 1;
    f->umip = seven.c >> 2 & 1;
    page_features_enable();
}

static boot_code void features_print(void)
{
    const struct cpu_features *f = &cpu_features;

    kprintf("CPU: nx%s%s%s%s%s%s%s, FPU state %u bytes (%s), physical addresses %u bits%s\n",
            f->smep ? " smep" : "", f->smap ? " smap" : "", f->umip ? " umip" : "", f->fsgsbase ? " fsgsbase" : "",
            f->pcid ? " pcid" : "", f->pge ? " global" : "", f->pat ? " pat" : "", f->fpu_size,
            f->xsave ? "xsave" : "fxsave", arch_phys_bits, arch_has_1g_pages ? ", 1 GiB pages" : "");
}

static boot_code void control_registers_init(void)
{
    const struct cpu_features *f = &cpu_features;
    word_t cr0 = read_cr0() & ~(CR0_EM | CR0_NW | CR0_CD);
    word_t cr4 = read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT;

    write_cr0(cr0 | CR0_MP | CR0_NE | CR0_WP | CR0_AM | CR0_TS);
    cr4 |= f->pge ? CR4_PGE : 0;
    cr4 |= f->umip ? CR4_UMIP : 0;
    cr4 |= f->fsgsbase ? CR4_FSGSBASE : 0;
    cr4 |= f->pcid ? CR4_PCIDE : 0;
    cr4 |= f->xsave ? CR4_OSXSAVE : 0;
    cr4 |= f->smep ? CR4_SMEP : 0;
    cr4 |= f->smap ? CR4_SMAP : 0;
    write_cr4(cr4);
}

void arch_init(void)
{
    features_print();
    protection_print();
    irqchip_init();
    timer_init();
    uart_irq_enable();
    boot_trim_direct_map();
}

/* ---- descriptor tables ---- */

static boot_code void idt_set(unsigned vector, const char *entry, unsigned ist, unsigned flags)
{
    word_t at = (word_t)entry;

    idt[vector] = (struct idt_gate){(uint16_t)at, ARCH_SEL_KERNEL_CODE, (uint16_t)(GATE_INTERRUPT | flags | ist),
                                    (uint16_t)(at >> 16), (uint32_t)(at >> 32), 0};
}

static boot_code void idt_fill(void)
{
    for (unsigned i = 0; i < 32; i++)
        idt_set(i, exception_stubs + EXCEPTION_STUB_SIZE * i,
                i == 8 ? IST_FAULT : i == 2 ? IST_NMI : i == 18 ? IST_CHECK : 0,
                i == 3 ? GATE_USER : 0);
    for (unsigned i = 32; i < IDT_ENTRIES; i++)
        idt_set(i, interrupt_stubs + (i - 32) / STUBS_OF_GROUP * STUBS_GROUP_SIZE + (i - 32) % STUBS_OF_GROUP * 4, 0,
                0);
}

static boot_code void gdt_fill(struct cpu_tables *t)
{
    word_t base = (word_t)&t->tss;

    t->gdt[1] = 0x00af9b000000fffful; /* kernel code, 64 bit */
    t->gdt[2] = 0x00cf93000000fffful; /* kernel data */
    t->gdt[3] = 0x00cffb000000fffful; /* user code, 32 bit */
    t->gdt[4] = 0x00cff3000000fffful; /* user data */
    t->gdt[5] = 0x00affb000000fffful; /* user code, 64 bit */
    t->gdt[6] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 | (base >> 24 & 0xff) << 56 |
                (sizeof(struct tss) - 1) >> 16 << 48;
    t->gdt[7] = base >> 32;
    t->tss.iomap = IOMAP_NONE;
    t->tss.io_bitmap[IO_BITMAP_SIZE] = 0xff;
    for (unsigned i = 0; i < 3; i++)
        t->tss.ist[i] = (word_t)(t->ist_stack[i] + IST_SIZE);
}

static boot_code void tables_load(struct cpu_tables *t)
{
    struct table_pointer gdt_at = {sizeof t->gdt - 1, (word_t)t->gdt};
    struct table_pointer idt_at = {sizeof idt - 1, (word_t)idt};

    __asm__ volatile("lgdt %0" ::"m"(gdt_at));
    __asm__ volatile("pushq %0\n\tleaq 1f(%%rip), %%rax\n\tpushq %%rax\n\tlretq\n1:" ::"i"(ARCH_SEL_KERNEL_CODE)
                     : "rax", "memory");
    __asm__ volatile("movl %0, %%ss" ::"r"(ARCH_SEL_KERNEL_DATA));
    __asm__ volatile("movl %0, %%ds\n\tmovl %0, %%es\n\tmovl %1, %%fs\n\tmovl %1, %%gs" ::"r"(ARCH_SEL_USER_DATA),
                     "r"(0));
    __asm__ volatile("lidt %0" ::"m"(idt_at));
    __asm__ volatile("lldt %w0" ::"r"(0));
    __asm__ volatile("ltr %w0" ::"r"(ARCH_SEL_TSS));
}

static void switch_special_update(struct arch_cpu *a)
{
    a->switch_special =
        isolation_on || barriers_at_switch || a->gdt_used || a->io_space != NULL;
}

static boot_code void block_init(struct cpu *c, struct cpu_tables *t, word_t stack_top)
{
    c->arch.self = c;
    c->arch.tables = t;
    c->arch.rsp0 = (void *)((char *)&t->tss + offsetof(struct tss, rsp));
    c->arch.stack_top = stack_top;
    c->arch.ts = true;
    c->arch.fsgsbase = cpu_features.fsgsbase;
    c->arch.pcid = cpu_features.pcid;
    switch_special_update(&c->arch);
}

/* One piece of memory for a CPU but its stack. */
struct cpu_block {
    struct cpu_tables tables;
    struct cpu cpu;
};
#define BLOCK_ORDER 3u
#define STACK_ORDER 2u
_Static_assert(sizeof(struct cpu_block) <= L4_PAGE_SIZE << BLOCK_ORDER, "memory of a CPU");
_Static_assert(BOOT_STACK_SIZE == L4_PAGE_SIZE << STACK_ORDER, "all kernel stacks have one size");

struct cpu *cpu_create(unsigned id, uint32_t apic_id)
{
    struct cpu_block *b = frame_alloc(BLOCK_ORDER);
    void *stack = frame_alloc(STACK_ORDER);
    word_t top = stack == NULL ? 0 : stack_map(arch_virt_to_phys(stack));

    if (b == NULL || top == 0) {
        if (b != NULL)
            frame_free(b, BLOCK_ORDER);
        if (stack != NULL)
            frame_free(stack, STACK_ORDER);
        return NULL;
    }
    memset(b, 0, sizeof *b);
    block_init(&b->cpu, isolation_expose(&b->tables, CPU_TABLES_EXPOSED), top);
    b->cpu.id = id;
    b->cpu.arch.apic_id = apic_id;
    return &b->cpu;
}

void cpu_init(struct cpu *c)
{
    if (c == &boot_cpu) {
        block_init(c, isolation_expose(&boot_tables, CPU_TABLES_EXPOSED), (word_t)boot_stack_top);
        arch_pcid_init(cpu_features.pcid ? PCID_MASK + 1 : 0);
        isolation_expose(idt, sizeof idt);
        idt_fill();
    } else {
        page_features_enable();
    }
    gdt_fill(c->arch.tables);
    tables_load(c->arch.tables);
    wrmsr(MSR_FS_BASE, 0);
    wrmsr(MSR_GS_BASE, (word_t)c);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    control_registers_init();
    wrmsr(MSR_STAR, (word_t)(ARCH_SEL_USER_CODE32) << 48 | (word_t)ARCH_SEL_KERNEL_CODE << 32);
    wrmsr(MSR_LSTAR, (word_t)syscall_entry);
    wrmsr(MSR_CSTAR, (word_t)syscall_entry_32);
    wrmsr(MSR_FMASK, FLAG_IF | FLAG_TF | FLAG_DF | FLAG_AC | FLAG_NT | FLAG_IOPL);
    wrmsr(MSR_SYSENTER_CS, 0);
    isolation_cpu_init(c);
    barriers_cpu_init();
    if (c == &boot_cpu)
        fpu_init();
    else
        fpu_cpu_init();
}

static void segments_save(struct thread *t);
static word_t selectors_read(void);

/* ---- address spaces ---- */

static uint64_t cpu_bit(void) { return 1ul << cpu_self()->id; }

static void space_switch(struct arch_cpu *a, struct arch_space *s)
{
    word_t cr3;

    if (barriers_at_switch)
        barriers_switch();
    a->space = s;
    cr3 = arch_pcid_load(s);
    a->tables->tss.iomap = a->io_space == s ? IOMAP_VALID : IOMAP_NONE; /* U1 */
    if (isolation_on)
        isolation_switch(a, cr3);
    else
        write_cr3(cr3);
}

/* The tables of s have lost something already. CPUs that run on s leave it, the others flush when they load it next. */
static void others_flush(struct arch_space *s)
{
    __atomic_fetch_or(&s->tlb_stale, ~cpu_bit(), __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < cpu_count; i++)
        if (__atomic_load_n(&cpus[i]->arch.space, __ATOMIC_RELAXED) == s)
            cpu_claim(cpus[i]);
}

void arch_tlb_flush_page(struct arch_space *s, word_t va)
{
    if (cpu_count > 1)
        others_flush(s);
    if (cpu_self()->arch.space == s)
        __asm__ volatile(SITE_ASM(SITE_FLUSH) ".byte 0x3e, 0x3e\n\tinvlpg (%0)" /* prefixes: 5 bytes, as a call */
                         ::"D"(va), "S"(s) : "rax", "cc", "memory");
    else
        s->tlb_stale = ~0ul;
}

static void space_leave(struct arch_cpu *a)
{
    a->space = NULL;
    if (!isolation_on)
        write_cr3(arch_virt_to_phys(kernel_pml4));
}

void arch_space_unload(struct arch_space *s)
{
    arch_io_changed(s);
    if (cpu_self()->arch.space == s)
        space_leave(&cpu_self()->arch);
    if (cpu_count > 1) /* a CPU whose last thread in it has ended may not have loaded the next one yet */
        others_flush(s);
}

static void io_unload(struct arch_cpu *a)
{
    a->io_space = NULL;
    switch_special_update(a);
    a->tables->tss.iomap = IOMAP_NONE;
}

/* ---- nothing stays loaded ---- */

void arch_cpu_unload(void)
{
    struct arch_cpu *a = &cpu_self()->arch;

    if (a->loaded != NULL)
        segments_save(a->loaded);
    a->loaded = NULL;
    fpu_release(a);
    if (a->io_space != NULL)
        io_unload(a);
    if (a->space != NULL)
        space_leave(a);
}

void arch_thread_unload(struct thread *t)
{
    struct arch_cpu *a = &cpu_self()->arch;

    if (a->loaded == t) {
        segments_save(t);
        a->loaded = NULL;
    }
    if (a->fpu_owner == t) {
        fpu_release(a);
        fpu_ts_set(a, true); /* who goes on here, loaded or not, has not got these registers (F2) */
    }
}

void arch_flags_sync(void)
{
    struct cpu *c = cpu_self();
    struct thread *t = c->arch.loaded;

    if (t == NULL || t == c->current)
        return;
    t->arch.selectors = selectors_read();
    thread_special_update(t);
}

/* ---- I/O ports ---- */

void arch_io_changed(struct arch_space *s)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i]->arch.io_space == s)
            cpu_claim(cpus[i]); /* drops it */
    if (cpu_self()->arch.io_space == s)
        io_unload(&cpu_self()->arch);
}

bool cpu_io_reload(struct thread *t)
{
    struct arch_cpu *a = &cpu_self()->arch;
    struct arch_space *s = a->space;

    if (t->arch.frame.err != 0 || s == NULL || s->io_bitmap == NULL || a->io_space == s)
        return false;
    memcpy(a->tables->tss.io_bitmap, s->io_bitmap, IO_BITMAP_SIZE);
    a->io_space = s;
    switch_special_update(a);
    a->tables->tss.iomap = IOMAP_VALID;
    return true;
}

/* ---- segments ---- */

bool cpu_canonical(word_t address) { return (word_t)((int64_t)(address << 16) >> 16) == address; }

static word_t selectors_read(void)
{
    uint32_t ds, es, fs, gs;

    __asm__ volatile("movl %%ds, %0\n\tmovl %%es, %1\n\tmovl %%fs, %2\n\tmovl %%gs, %3"
                     : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
    return (word_t)(uint16_t)ds | (word_t)(uint16_t)es << 16 | (word_t)(uint16_t)fs << 32 | (word_t)gs << 48;
}

/* The selector itself when the CPU would load it in user mode, else 0. */
static uint32_t selector_checked(const struct thread *t, word_t selector)
{
    uint32_t s = (uint32_t)selector & 0xffffu;
    unsigned entry = s >> 3;

    if (s <= 3 || (s & 4))
        return 0;
    if (entry >= 3 && entry <= 5)
        return s;
    if (entry < ARCH_GDT_USER_FIRST || entry >= ARCH_GDT_USER_FIRST + ARCH_GDT_USER_COUNT)
        return 0;
    word_t d = t->arch.gdt[entry - ARCH_GDT_USER_FIRST];
    bool present = d >> 47 & 1, code = d >> 43 & 1, readable = d >> 41 & 1;
    return present && (!code || readable) ? s : 0;
}

static void gdt_load(struct arch_cpu *a, const struct thread *t)
{
    for (unsigned i = 0; i < ARCH_GDT_USER_COUNT; i++)
        a->tables->gdt[ARCH_GDT_USER_FIRST + i] = t->arch.gdt[i];
    a->gdt_used = t->arch.gdt_used;
    switch_special_update(a);
}

/* Loads the four registers; those of fs and gs change the bases, which must be written afterwards. */
static void selectors_load(const struct thread *t)
{
    word_t s = t->arch.selectors;

    __asm__ volatile("movl %0, %%ds\n\tmovl %1, %%es" ::"r"(selector_checked(t, s)),
                     "r"(selector_checked(t, s >> 16)));
    __asm__ volatile("movl %0, %%fs" ::"r"(selector_checked(t, s >> 32)));
    __asm__ volatile("swapgs\n\tmovl %0, %%gs\n\tswapgs" ::"r"(selector_checked(t, s >> 48)) : "memory");
}

static void bases_save(struct thread *t)
{
    if (cpu_features.fsgsbase) {
        __asm__ volatile("rdfsbase %0" : "=r"(t->arch.fs_base));
        __asm__ volatile("swapgs\n\trdgsbase %0\n\tswapgs" : "=r"(t->arch.gs_base)::"memory");
        return;
    }
    if (t->arch.selectors >> 32 != 0) { /* U2 */
        t->arch.fs_base = rdmsr(MSR_FS_BASE);
        t->arch.gs_base = rdmsr(MSR_KERNEL_GS_BASE);
    }
}

static void bases_write(const struct thread *t)
{
    if (cpu_features.fsgsbase) {
        __asm__ volatile("wrfsbase %0" ::"r"(t->arch.fs_base));
        __asm__ volatile("swapgs\n\twrgsbase %0\n\tswapgs" ::"r"(t->arch.gs_base) : "memory");
    } else {
        wrmsr(MSR_FS_BASE, t->arch.fs_base);
        wrmsr(MSR_KERNEL_GS_BASE, t->arch.gs_base);
    }
}

static void segments_save(struct thread *t)
{
    t->arch.selectors = selectors_read();
    thread_special_update(t);
    bases_save(t);
}

void cpu_segments_sync(struct thread *t)
{
    if (cpu_self()->arch.loaded == t)
        segments_save(t);
}

void cpu_segments_reload(struct thread *t)
{
    struct arch_cpu *a = &cpu_self()->arch;

    if (a->loaded != t)
        return;
    gdt_load(a, t);
    selectors_load(t);
    bases_write(t);
}

/* ---- the switch ---- */

void arch_interrupt_window(void)
{
    __asm__ volatile("sti\n\tnop\n\tcli" ::: "memory");
}

/* Segment state of t in place of that of old (NULL: nobody's), whatever the two have. */
static void segments_exchange(struct arch_cpu *a, struct thread *old, const struct thread *t)
{
    word_t selectors = selectors_read();

    if (likely(old != NULL)) {
        old->arch.selectors = selectors;
        thread_special_update(old);
        bases_save(old);
    }
    if (unlikely(a->gdt_used || t->arch.gdt_used)) { /* the same selector may have another descriptor now */
        gdt_load(a, t);
        selectors_load(t);
    } else if (unlikely(selectors != t->arch.selectors)) {
        selectors_load(t);
    }
    bases_write(t);
}

void cpu_load_thread(struct thread *t)
{
    struct arch_cpu *a = &cpu_self()->arch;
    struct thread *old = a->loaded;
    struct arch_space *s = t->space;
    const uint32_t special = THREAD_ARCH_SPECIAL | THREAD_NO_FPU;
    bool plain = old != NULL && !((old->flags | t->flags) & special) && selectors_plain();

    if (likely(plain && !a->switch_special)) {
        switch_quick(a, t);
        bases_exchange(a, old, t);
        __asm__ volatile("swapgs" ::: "memory"); /* still in the kernel */
        return;
    }
    if (likely(plain && !a->gdt_used)) {
        bases_exchange(a, old, t);
        __asm__ volatile("swapgs" ::: "memory");
    } else {
        segments_exchange(a, old, t);
    }
    if (a->space != s)
        space_switch(a, s);
    fpu_switch(a, t);
    *a->rsp0 = (word_t)(&t->arch.frame + 1);
    a->loaded = t;
}

void arch_thread_space_changed(struct thread *t)
{
    struct arch_cpu *a = &cpu_self()->arch;

    if (a->loaded != t)
        return;
    if (a->space != t->space)
        space_switch(a, t->space);
    fpu_switch(a, t);
}
