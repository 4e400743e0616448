/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs, one after the other: each gets a block (struct cpu, descriptor tables), a stack with a page
 * below it that is not mapped, and the code of ap_code.S in a page of low memory. That page is copied away first and
 * put back at the end; a CPU that does not answer in time is stopped again, so that it cannot run what lies there then.
 *
 *   A1  A started CPU touches nothing but its own block and clock_sync.h, and then sleeps, in code that stays, until
 *       all CPUs are counted, boot_code is gone, and an interrupt by another CPU tells it to begin (trap_interrupt).
 */
#include "ap.h"
#include "memory.h"
#include "objects.h"
#include "smp.h"
#include "x86.h"
#include "clock_sync.h"

#define PTE_PRESENT 0x1ul
#define PTE_WRITE 0x2ul
#define PTE_LARGE 0x80ul
#define ANSWER_MS 200u

struct ap_arguments {
    word_t tables, stack, cpu, entry, unhide_nx;
};
extern char ap_code[], ap_code_end[], ap_arguments[];

static bool online; /* the CPU that is being started has come up */

static boot_code void wait_us(word_t us)
{
    word_t start = rdtsc();

    while (rdtsc() - start < us * (kip.cpu_khz / 1000 + 1))
        arch_cpu_relax();
}

/* ---- the new CPU ---- */

static cold_path _Noreturn void ap_wait(void)
{
    for (;;)
        __asm__ volatile("sti; hlt"); /* A1 */
}

static boot_code _Noreturn void ap_main(struct cpu *c)
{
    write_cr3(arch_virt_to_phys(kernel_pml4));
    cpu_init(c);
    irqchip_cpu_init();
    __atomic_store_n(&online, true, __ATOMIC_RELEASE);
    clock_sync_new_cpu();
    ap_wait();
}

_Noreturn void cpu_begin(void)
{
    tlb_reset();
    __atomic_store_n(&cpu_self()->arch.begun, true, __ATOMIC_RELEASE);
    kernel_cpu_main();
}

/* ---- the boot CPU ---- */

/* The kernel's tables, with the first 2 MiB one to one as well: three pages. NULL: no memory. */
static boot_code word_t *tables_make(void)
{
    word_t *t = frame_alloc(2);

    if (t == NULL)
        return NULL;
    memset(t, 0, 3 * L4_PAGE_SIZE);
    memcpy(t + 256, kernel_pml4 + 256, 256 * sizeof *t);
    t[0] = arch_virt_to_phys(t + 512) | PTE_PRESENT | PTE_WRITE;
    t[512] = arch_virt_to_phys(t + 1024) | PTE_PRESENT | PTE_WRITE;
    t[1024] = PTE_PRESENT | PTE_WRITE | PTE_LARGE;
    return t;
}

/* INIT, and the start-up interrupt twice, as the processors' manuals want it. */
static boot_code bool cpu_wake(uint32_t apic_id)
{
    __atomic_store_n(&online, false, __ATOMIC_RELAXED);
    irqchip_ipi(apic_id, ICR_INIT);
    wait_us(10000);
    for (unsigned i = 0; i < 2; i++) {
        irqchip_ipi(apic_id, ICR_STARTUP | AP_BASE / L4_PAGE_SIZE);
        for (unsigned ms = 0; ms < (i == 0 ? 1 : ANSWER_MS); ms++) {
            if (__atomic_load_n(&online, __ATOMIC_ACQUIRE))
                return true;
            wait_us(1000);
        }
    }
    if (__atomic_load_n(&online, __ATOMIC_ACQUIRE))
        return true;
    irqchip_ipi(apic_id, ICR_INIT); /* never to run what lies at AP_BASE later */
    return false;
}

/* False: it cannot be started; the ones behind it are tried nevertheless unless memory is short. */
static boot_code bool cpu_start(uint32_t apic_id, unsigned id, struct ap_arguments *arguments)
{
    struct cpu *c = cpu_create(id, apic_id);

    if (c == NULL) {
        kprintf("CPU %u: no memory for it\n", id);
        return false;
    }
    kernel_cpu_init(c, id);
    arguments->stack = c->arch.stack_top;
    arguments->cpu = (word_t)c;
    clock_sync_begin();
    if (!cpu_wake(apic_id)) {
        kprintf("CPU with APIC id %u does not start\n", apic_id);
        return false;
    }
    cpus[id] = c;
    clock_sync_boot_cpu();
    return true;
}

/* Is the page at AP_BASE memory that code may be put into for a while? */
static boot_code bool page_usable(void)
{
    for (unsigned i = 0; i < kip.mem_count; i++)
        if (l4_mem_desc_type(kip.mem[i]) == L4_MEM_CONVENTIONAL && !(kip.mem[i].low & L4_MEM_VIRTUAL) &&
            l4_mem_desc_start(kip.mem[i]) <= AP_BASE && l4_mem_desc_end(kip.mem[i]) >= AP_BASE + L4_PAGE_SIZE - 1)
            return true;
    return false;
}

unsigned arch_cpus_start(void)
{
    const struct acpi_madt *madt = irqchip_madt();
    size_t size = (size_t)(ap_code_end - ap_code);
    char *page = arch_phys_to_virt(AP_BASE), *saved;
    word_t *tables;
    unsigned count = 1;

    boot_cpu.arch.apic_id = irqchip_cpu_id();
    boot_cpu.arch.begun = true;
    if (!irqchip_has_apic() || !timer_per_cpu() || madt->cpu_count < 2 || !page_usable())
        return 1;
    tables = tables_make();
    if (tables == NULL)
        return 1;
    saved = (char *)(tables + 3 * 512);
    memcpy(saved, page, size);
    memcpy(page, ap_code, size);

    struct ap_arguments *arguments = (struct ap_arguments *)(page + (ap_arguments - ap_code));
    *arguments = (struct ap_arguments){.tables = arch_virt_to_phys(tables), .entry = (word_t)ap_main,
                                       .unhide_nx = cpu_features.intel};
    for (unsigned i = 0; i < madt->cpu_count && count < CPU_MAX; i++)
        if (madt->cpu[i] != boot_cpu.arch.apic_id && cpu_start(madt->cpu[i], count, arguments))
            count++;
    memcpy(page, saved, size);
    frame_free(tables, 2);
    kprintf("CPUs: %u\n", count);
    return count;
}

void cpus_begin(unsigned count)
{
    __atomic_store_n(&cpu_count, count, __ATOMIC_SEQ_CST);
    for (unsigned i = 1; i < count; i++)
        arch_ipi(cpus[i]);
    for (unsigned i = 1; i < count; i++)
        while (!__atomic_load_n(&cpus[i]->arch.begun, __ATOMIC_ACQUIRE))
            arch_cpu_relax();
}

/* ---- between CPUs ---- */

void arch_ipi(struct cpu *c) { irqchip_ipi(c->arch.apic_id, ICR_FIXED | VECTOR_IPI); }

void arch_cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }
