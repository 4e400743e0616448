/* SPDX-License-Identifier: MIT */
/* The processor of the host machine: registers of a thread, its segments, and what is loaded. */
#include "host.h"
#include "ipc.h"
#include "smp.h"
#include "task.h"
#include <l4/vcpu.h>

#define SEL_USER_CODE 0x2bu
#define SEL_USER_DATA 0x23u
#define FLAGS_USER 0x202u   /* interrupts on, reserved bit */
#define FLAGS_SETTABLE 0xcd5ul

unsigned arch_phys_bits = 40;
bool arch_has_1g_pages;
word_t space_upper[256];

void arch_thread_init(struct thread *t)
{
    t->arch = (struct arch_thread){.frame = {.cs = SEL_USER_CODE, .ss = SEL_USER_DATA, .flags = FLAGS_USER}};
}

void arch_thread_bind(struct thread *t, word_t user_addr, struct l4_utcb *utcb)
{
    t->arch.gs_base = user_addr + offsetof(struct l4_utcb, self);
    utcb->self = user_addr;
}

void arch_thread_full_exit(struct thread *t)
{
    if (t->arch.frame.trapno != ARCH_TRAP_SYSCALL)
        return;
    t->arch.frame.trapno = 0;
    t->flags |= THREAD_CHANGED;
}

void arch_exc_store(const struct thread *t, word_t *words)
{
    struct l4_exc_regs *regs = (struct l4_exc_regs *)words;

    memcpy(regs, &t->arch.frame, sizeof t->arch.frame);
    regs->fs_base = t->arch.fs_base;
    regs->gs_base = t->arch.gs_base;
    regs->ds = regs->es = regs->fs = regs->gs = 0;
}

void arch_regs_store(const struct thread *t, word_t *words)
{
    memcpy(words, &t->arch.frame, sizeof t->arch.frame);
}

void arch_regs_load(struct thread *t, const word_t *words)
{
    struct arch_frame *f = &t->arch.frame;

    memcpy(f, words, sizeof *f);
    f->trapno &= 0xff;
    f->cs = SEL_USER_CODE;
    f->ss = SEL_USER_DATA;
    f->flags = (f->flags & FLAGS_SETTABLE) | FLAGS_USER;
}

void arch_exc_load(struct thread *t, const word_t *words)
{
    const struct l4_exc_regs *regs = (const struct l4_exc_regs *)words;

    arch_regs_load(t, words);
    t->arch.fs_base = regs->fs_base;
    t->arch.gs_base = regs->gs_base;
}

/* ---- vCPU ---- */

void arch_vcpu_init(struct thread *t, struct l4_vcpu *v)
{
    v->host_fs_base = t->arch.fs_base;
    v->host_gs_base = t->arch.gs_base;
    v->host_ds = v->host_es = v->host_fs = v->host_gs = 0;
    v->user_data32 = SEL_USER_DATA;
    v->user_code64 = v->user_code32 = SEL_USER_CODE;
}

void arch_vcpu_entry(struct thread *t, const struct l4_vcpu *v, bool host_segments)
{
    t->arch.frame = (struct arch_frame){.cs = SEL_USER_CODE, .ss = SEL_USER_DATA, .flags = FLAGS_USER};
    if (host_segments) {
        t->arch.fs_base = v->host_fs_base;
        t->arch.gs_base = v->host_gs_base;
    }
}

void arch_vcpu_load(struct thread *t, const struct l4_vcpu *v, bool all)
{
    arch_regs_load(t, (const word_t *)&v->regs);
    if (all) {
        t->arch.fs_base = v->regs.fs_base;
        t->arch.gs_base = v->regs.gs_base;
    }
}

void arch_thread_space_changed(struct thread *t) { (void)t; } /* host_enter looks at it at every way out */

/* This machine has no user-settable segments. */
l4_tag arch_thread_op(struct thread *t, struct invoke *in, unsigned op)
{
    (void)t;
    (void)in;
    (void)op;
    return tag_label(-L4_ERR_NOSYS);
}

void arch_syscall_rewind(struct thread *t) { t->arch.frame.ip -= 2; }

/* The thread runs now (H1). */
void host_enter(struct thread *t)
{
    struct arch_space *s = t->space;
    bool other = host_cpu->arch.space != s;

    kassert(host_cpu->current == t);
    host_cpu->arch.space = s;
    if (s != NULL && other && !(arch_pcid_load(s) & ARCH_CR3_KEEP))
        for (unsigned i = 0; i < HOST_TLB_SIZE; i++)
            if (host_cpu->arch.tlb[i].pcid == s->pcid)
                host_cpu->arch.tlb[i].va = 1;
    if (t == host_cpu->idle)
        cpu_park();
}

/* ---- several CPUs: a kernel entry is atomic, so a CPU that is wanted is always at a safe point ---- */

void host_set_cpu(unsigned id)
{
    kassert(id < cpu_count);
    host_cpu = cpus[id];
    if (host_cpu->arch.ipi) {
        host_cpu->arch.ipi = host_cpu->arch.stopped = false;
        host_ipi_enter();
    }
}

void host_set_cpu_early(unsigned id)
{
    kassert(host_ipi_can_wait(id));
    host_cpu = cpus[id];
}

bool host_ipi_pending(unsigned id) { return cpus[id]->arch.ipi; }
bool host_ipi_can_wait(unsigned id) { return cpus[id]->arch.ipi && !cpus[id]->arch.stopped; }

void arch_ipi(struct cpu *c)
{
    c->arch.ipi = true;
    if (c->claim == CPU_REQUESTED && c != host_cpu) {
        c->arch.space = NULL;
        c->arch.stopped = true;
        c->claim = CPU_STOPPED;
    }
}

void arch_cpu_unload(void) { host_cpu->arch.space = NULL; }
void arch_thread_unload(struct thread *t) { (void)t; }
void arch_flags_sync(void) {}

void (*host_on_wait)(void);
static void (*race_act)(void);
static unsigned race_holder;
static struct cpu *raced; /* it waits in the kernel while the holder of the lock acts */

void host_race(unsigned holder, void (*act)(void))
{
    kassert(holder != host_cpu->id && host_cpu->claim == CPU_FREE);
    host_cpu->claim = CPU_REQUESTED;
    race_holder = holder;
    race_act = act;
}

void host_race_over(void)
{
    if (host_cpu->claim == CPU_REQUESTED)
        host_ipi_enter();
}

bool host_raced(unsigned id) { return cpus[id] == raced; }

void host_race_goes_on(void)
{
    if (raced != NULL && raced->claim == CPU_FREE)
        raced->claim = CPU_PARKED;
}

/* This CPU has stopped for the one that races with it. That one acts now: to it this CPU is as one that sleeps. */
void arch_cpu_relax(void)
{
    struct cpu *self = host_cpu;
    void (*act)(void) = race_act;

    if (host_on_wait != NULL) {
        host_on_wait();
        return;
    }
    if (act == NULL || self->claim != CPU_STOPPED)
        kpanic("a simulated CPU waits for another one", __FILE__, __LINE__);
    race_act = NULL;
    raced = self;
    self->claim = CPU_PARKED;
    host_set_cpu(race_holder);
    act();
    raced = NULL;
    host_cpu = self;
    self->claim = CPU_FREE;
}

struct thread *host_current(void) { return host_cpu->current; }
bool host_idle(void) { return host_cpu->current == host_cpu->idle; }

/* ---- TLB ---- */


void arch_tlb_flush_page(struct arch_space *s, word_t va)
{
    struct host_tlb_entry *tlb = host_cpu->arch.tlb;

    s->tlb_stale |= ~(1ul << host_cpu->id);
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i]->arch.space == s)
            cpu_claim(cpus[i]);
    if (host_cpu->arch.space != s) {
        s->tlb_stale = ~0ul;
        return;
    }
    for (unsigned i = 0; i < HOST_TLB_SIZE; i++)
        if (tlb[i].va != 1 && tlb[i].pcid == s->pcid && (tlb[i].va ^ va) >> tlb[i].order == 0)
            tlb[i].va = 1;
}

void arch_space_unload(struct arch_space *s)
{
    if (host_cpu->arch.space == s)
        host_cpu->arch.space = NULL;
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i]->arch.space == s)
            cpu_claim(cpus[i]);
}

void arch_io_changed(struct arch_space *s) { (void)s; }
