/* SPDX-License-Identifier: MIT */
/*
 * What entry.S calls: sorts exceptions and interrupts into the events of the neutral kernel. Exceptions inside the
 * kernel are our own faults: they print what is known and stop the machine.
 */
#include "objects.h"
#include "smp.h"
#include "x86.h"

#define TRAP_NM 7u
#define TRAP_GP 13u
#define PF_ERR_PRESENT 1u
#define PF_ERR_WRITE 2u
#define PF_ERR_FETCH 0x10u

/* A trap that the processor's own files may repair, for which they may need memory. */
static struct thread *trap_repair(struct thread *self, bool (*repair)(struct thread *t))
{
    if (!kernel_enter(self, NULL)) /* the instruction is repeated, wherever self goes on */
        return kernel_leave(cpu_self()->current);
    if (repair(self))
        return kernel_leave(self);
    self->flags &= ~(uint32_t)THREAD_CANCELED;
    return kernel_leave(fault_exception(self));
}

static struct thread *trap_page_fault(struct thread *self)
{
    struct arch_frame *f = &self->arch.frame;
    word_t access = 0;

    f->pfa = read_cr2();
    if (f->pfa >= L4_USER_END) {
        f->err &= ~(word_t)PF_ERR_PRESENT; /* what the kernel maps where is nobody's business */
        return kernel_exception(self);
    }
    if (f->err & PF_ERR_PRESENT)
        access |= L4_PF_PRESENT;
    if (f->err & PF_ERR_WRITE)
        access |= L4_PF_WRITE;
    if (f->err & PF_ERR_FETCH)
        access |= L4_PF_FETCH;
    return kernel_page_fault(self, f->pfa, access);
}

struct thread *trap_exception(struct thread *self)
{
    switch (self->arch.frame.trapno) {
    case ARCH_TRAP_PAGE_FAULT:
        return trap_page_fault(self);
    case TRAP_NM:
        return self->arch.fpu != NULL && fpu_take(self) ? self : trap_repair(self, fpu_take);
    case TRAP_GP:
        return trap_repair(self, cpu_io_reload);
    default:
        return kernel_exception(self);
    }
}

struct thread *trap_interrupt(struct thread *self, unsigned vector)
{
    if (vector == VECTOR_TIMER) {
        irqchip_lapic_eoi();
        if (cpu_self() == &boot_cpu)
            kip.clock_us = arch_clock_us();
        return kernel_timer(self);
    }
    if (vector == VECTOR_IPI) {
        irqchip_lapic_eoi();
        if (unlikely(!cpu_self()->arch.begun))
            cpu_begin();
        return kernel_ipi(self);
    }
    unsigned msi = irqchip_msi(vector);
    if (msi != ~0u)
        return kernel_msi(self, msi);
    unsigned pin = irqchip_acknowledge(vector);
    if (pin == ~0u)
        return kernel_ipi(self); /* nobody wants anything; but it may have come in an interrupt window */
    if (pin == irqchip_console_pin)
        return kernel_console_input(self);
    if (pin == timer_pin) {
        kip.clock_us = arch_clock_us();
        return kernel_timer(self);
    }
    return kernel_irq(self, pin);
}

/* Any interrupt ends this: entry.S drops the stack and asks the kernel who runs. */
_Noreturn void trap_idle(void)
{
    bool poll = (kernel_options.flags & L4_OPT_NOHLT) != 0;

    for (;;) {
        cpu_park();
        if (poll)
            __asm__ volatile("sti; pause" ::: "memory");
        else
            __asm__ volatile("sti; hlt" ::: "memory");
    }
}

/* ---- exceptions of the kernel itself ---- */

static void print_frame(const struct arch_frame *f)
{
    kprintf("trap %u error 0x%lx ip 0x%lx cs 0x%lx flags 0x%lx sp 0x%lx ss 0x%lx cr2 0x%lx\n", (unsigned)f->trapno,
            f->err, f->ip, f->cs, f->flags, f->sp, f->ss, read_cr2());
    kprintf("rax %lx rbx %lx rcx %lx rdx %lx\n", f->rax, f->rbx, f->rcx, f->rdx);
    kprintf("rsi %lx rdi %lx rbp %lx r8 %lx\n", f->rsi, f->rdi, f->rbp, f->r8);
    kprintf("r9 %lx r10 %lx r11 %lx r12 %lx\n", f->r9, f->r10, f->r11, f->r12);
    kprintf("r13 %lx r14 %lx r15 %lx\n", f->r13, f->r14, f->r15);
}

/* The words of the stack that point into the kernel's text, from the newest: return addresses, and a few that are
 * not. */
static void print_backtrace(word_t sp)
{
    word_t top = cpu_self()->arch.stack_top, bottom = top - BOOT_STACK_SIZE;
    unsigned count = 0;

    if (sp < bottom && sp >= bottom - L4_PAGE_SIZE) {
        kprintf("kernel stack overflow\n");
        sp = bottom;
    }
    if (sp < bottom || sp >= top)
        return;
    kprintf("calls:");
    for (sp &= ~7ul; sp < top && count < 24; sp += 8) {
        word_t word = *(const word_t *)sp;
        if (word >= (word_t)image_start && word < (word_t)image_text_end) {
            kprintf(" %lx", word);
            count++;
        }
    }
    kprintf("\n");
}

/* An exception in here (gs may be the user's) ends it. */
_Noreturn void trap_kernel(struct arch_frame *f)
{
    static bool again;

    if (!again) {
        again = true;
        kprintf("\nkernel: exception in the kernel\n");
        print_frame(f);
        print_backtrace(f->sp);
    }
    arch_halt();
}

void trap_nmi(struct arch_frame *f)
{
    kprintf("\nkernel: non-maskable interrupt at ip 0x%lx\n", f->ip);
}

