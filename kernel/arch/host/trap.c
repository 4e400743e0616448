/* SPDX-License-Identifier: MIT */
/*
 * Kernel entries of the host machine, and what its processor does in user mode: translation through a TLB and the page
 * tables, accessed and dirty bits, the I/O permission bitmap.
 */
#include "fastpath.h"
#include "host.h"
#include <setjmp.h>
#include "smp.h"
#include "task.h"

#define PTE_PRESENT 0x1ul
#define PTE_WRITE 0x2ul
#define PTE_ACCESSED 0x20ul
#define PTE_DIRTY 0x40ul
#define PTE_LARGE 0x80ul
#define PTE_NX (1ul << 63)
#define PTE_ADDR 0x000ffffffffff000ul

#define PF_ERR_USER 4u
#define PF_ERR_FETCH 16u
#define TRAP_GP 13u

/* The leaf entry for va, or NULL; *order is its size. */
static word_t *walk(const struct arch_space *s, word_t va, unsigned *order)
{
    word_t pa = s->root_pa;

    for (*order = 39;; *order -= 9) {
        word_t *e = (word_t *)(host_memory + pa) + (va >> *order & 511u);
        if (!(*e & PTE_PRESENT))
            return NULL;
        if (*order == 12 || (*order < 39 && (*e & PTE_LARGE)))
            return e;
        pa = *e & PTE_ADDR;
    }
}

static unsigned entry_rights(word_t e)
{
    return L4_MEM_R | (e & PTE_WRITE ? L4_MEM_W : 0) | (e & PTE_NX ? 0 : L4_MEM_X);
}

bool host_translate(const struct arch_space *s, word_t va, word_t *pa, unsigned *rights)
{
    unsigned order;
    const word_t *e = walk(s, va, &order);

    if (e == NULL)
        return false;
    *pa = (*e & PTE_ADDR & ~0ul << order) + (va & ((1ul << order) - 1));
    *rights = entry_rights(*e);
    return true;
}

void host_tlb_check(const struct arch_space *s)
{
    for (unsigned c = 0; c < cpu_count; c++)
        for (unsigned i = 0; i < HOST_TLB_SIZE && !(s->tlb_stale >> c & 1); i++) {
            const struct host_tlb_entry *e = &cpus[c]->arch.tlb[i];
            word_t pa;
            unsigned rights;
            if (e->va == 1 || e->pcid != s->pcid || (s->pcid == 0 && cpus[c]->arch.space != s))
                continue;
            bool present = host_translate(s, e->va, &pa, &rights);
            kassert(present && pa == e->pa && !(e->rights & ~rights)); /* arch_types.h H2 */
        }
}

bool host_general_path, host_no_limbo;

/* ---- interrupt windows ---- */

void (*host_window)(void);
static jmp_buf *entry; /* of the kernel entry that is going on */
static struct { enum host_interrupt what; unsigned pin; } waiting;

_Noreturn void host_interrupt(enum host_interrupt what, unsigned pin)
{
    waiting.what = what;
    waiting.pin = pin;
    longjmp(*entry, 1);
}

/* What the kernel was doing is dropped. */
static struct thread *interrupted(void)
{
    switch (waiting.what) {
    case HOST_TICK:
        return kernel_timer(host_current());
    case HOST_IRQ:
        return kernel_irq(host_current(), waiting.pin);
    default:
        return kernel_ipi(host_current());
    }
}

void arch_interrupt_window(void)
{
    struct cpu *c = host_cpu;

    if (host_window == NULL)
        return;
    host_window();
    host_cpu = c;
    if (c->arch.ipi) {
        c->arch.ipi = c->arch.stopped = false;
        host_interrupt(HOST_IPI, 0);
    }
}

static void entered(struct thread *next)
{
    kassert(next == host_cpu->current);
    host_enter(next);
    host_race_over(); /* when nobody has looked: the short path */
    host_race_goes_on();
    if (host_no_limbo)
        limbo_empty();
}

/* The entry stores some registers and leaves the rest where they are: whoever needs them in the frame has to store them
 * (arch_fast.h), and finds nonsense otherwise. */
static void registers_keep(struct thread *self)
{
    struct arch_frame *f = &self->arch.frame;

    host_cpu->arch.live =
        (struct host_registers){self, f->rbx, f->rbp, f->r12, f->r13, f->r14, f->r15, f->rax, f->rdx, f->rsi};
    f->rbx = f->rbp = f->r12 = f->r13 = f->r14 = f->r15 = f->rax = f->rdx = f->rsi = HOST_NOT_STORED;
}

/* One kernel entry, and those that come in its windows. */
#define ENTER(call)                                            \
    do {                                                       \
        jmp_buf here, *outer = entry;                          \
        struct thread *next_;                                  \
                                                               \
        entry = &here;                                         \
        if (host_window == NULL)                               \
            next_ = (call);                                    \
        else                                                   \
            next_ = setjmp(here) == 0 ? (call) : interrupted(); \
        entry = outer;                                         \
        entered(next_);                                        \
    } while (0)

void host_syscall(word_t dest, word_t tag, word_t label, word_t timeout)
{
    struct thread *self = host_current();
    struct arch_frame *f = &self->arch.frame;

    kassert(!host_idle());
    f->rdx = dest;
    f->rax = tag;
    f->rsi = label;
    f->r8 = timeout;
    f->trapno = ARCH_TRAP_SYSCALL;
    if (!host_general_path)
        registers_keep(self);
    ENTER(host_general_path ? syscall_general(self) : kernel_syscall(self, label, dest, tag, timeout));
}

static void exception(void)
{
    ENTER(host_general_path ? fault_exception_general(host_current()) : kernel_exception(host_current()));
}

void *host_touch(word_t va, unsigned access)
{
    struct arch_space *s = host_cpu->arch.space;
    struct arch_frame *f = &host_current()->arch.frame;
    static char device; /* what is behind no memory */
    struct host_tlb_entry *t = &host_cpu->arch.tlb[va >> L4_PAGE_SHIFT & (HOST_TLB_SIZE - 1)];
    word_t page = va & ~(L4_PAGE_SIZE - 1);
    unsigned order;

    kassert(!host_idle());
    word_t *e = va < L4_USER_END ? walk(s, va, &order) : NULL;
    bool hit = t->va == page && t->pcid == s->pcid && !(access & ~t->rights), cached = hit;
    if (!cached && e != NULL && !(access & ~entry_rights(*e))) {
        *t = (struct host_tlb_entry){page, (*e & PTE_ADDR & ~0ul << order) + (page & ((1ul << order) - 1)),
                                     s->pcid, order, entry_rights(*e)};
        cached = true;
    }
    if (cached) {
        if (e != NULL)
            *e |= (hit ? 0 : PTE_ACCESSED) | (access & L4_MEM_W ? PTE_DIRTY : 0); /* a hit is no walk */
        return t->pa < host_memory_bytes() ? host_memory + t->pa + (va - page) : &device;
    }
    f->pfa = va;
    word_t kind = (e != NULL ? L4_PF_PRESENT : 0) | (access & L4_MEM_W ? L4_PF_WRITE : 0);
    frame_set_trap(f, ARCH_TRAP_PAGE_FAULT, kind | PF_ERR_USER | (access & L4_MEM_X ? PF_ERR_FETCH : 0));
    if (access & L4_MEM_X)
        kind |= L4_PF_FETCH;
    if (va >= L4_USER_END)
        exception();
    else
        ENTER(host_general_path ? fault_page_general(host_current(), va, kind)
                                  : kernel_page_fault(host_current(), va, kind));
    return NULL;
}

void host_exception(word_t trapno, word_t err)
{
    kassert(!host_idle());
    frame_set_trap(&host_current()->arch.frame, trapno, err);
    exception();
}

bool host_port(unsigned port)
{
    const uint8_t *denied = host_cpu->arch.space->io_bitmap;

    if (denied != NULL && !(denied[port / 8] >> port % 8 & 1))
        return true;
    host_exception(TRAP_GP, 0);
    return false;
}

void host_ipi_enter(void) { ENTER(kernel_ipi(host_current())); }
void host_tick(void) { ENTER(kernel_timer(host_current())); }

bool host_irq(unsigned pin)
{
    if (host_irq_masked(pin))
        return false;
    if (arch_irq_is_level(pin))
        arch_irq_mask(pin);
    ENTER(kernel_irq(host_current(), pin));
    return true;
}

static void msi_enter(unsigned msi) { ENTER(kernel_msi(host_current(), msi)); }

bool host_msi(word_t address, uint32_t data)
{
    word_t a;
    uint32_t d;

    for (unsigned msi = 0; msi < arch_msi_count(); msi++) {
        arch_msi_info(msi, 0, &a, &d);
        if (a == address && d == data) {
            msi_enter(msi);
            return true;
        }
    }
    return false;
}

void host_console_entry(void) { ENTER(kernel_console_input(host_current())); }
