/* SPDX-License-Identifier: MIT */
/*
 * Page-table isolation: the entry area, and what changes when it is switched on at boot. The ways in and out are in
 * isolation_entry.S. Owns the tables of the entry area, which all roots of user spaces share.
 */
#include "isolation.h"
#include "memory.h"
#include "sites.h"

#define PTE_PRESENT 0x1ul
#define PTE_WRITE 0x2ul
#define PTE_NX (1ul << 63)
#define TABLE (PTE_PRESENT | PTE_WRITE)
#define DATA (PTE_PRESENT | PTE_WRITE | PTE_NX)
#define AREA_BASE (ARCH_MMIO_BASE + 0x200000ul) /* what is not in the image appears here, in both views */
#define TAKEN_WORDS 8u /* of an entry_stack: what FRAME_TAKE takes, and isolated_iret leaves */
#define PCID_SHARED 1ul /* of spaces without an own one: 0 is the kernel's */

const bool isolation_built = true;
bool isolation_on;

extern word_t mmio_pd[512], entry_kernel_cr3, iret_ip;
extern char isolated_syscall[], isolated_syscall_32[], isolated_exception[], isolated_interrupt[], isolated_nmi[],
    isolated_fatal[], isolated_sysret[], isolated_iret[], isolated_iret_user[], isolated_flush[];

static word_t view_pdpt[512] __attribute__((aligned(4096)));
static word_t view_image_pd[512] __attribute__((aligned(4096)));
static word_t view_image_pt[512] __attribute__((aligned(4096)));
static word_t area_pd[512] __attribute__((aligned(4096)));
static word_t area_pt[512] __attribute__((aligned(4096))); /* in the kernel's view, too */
static unsigned area_used;

static boot_code unsigned index_at(word_t va, unsigned order) { return (unsigned)(va >> order) & 511u; }

static boot_code void *expose(void *p, size_t size, word_t rights)
{
    word_t pa = arch_virt_to_phys(p);
    bool image = (word_t)p >= ARCH_IMAGE_BASE;
    unsigned first = image ? index_at((word_t)p, 12) : area_used;
    word_t *pt = image ? view_image_pt : area_pt;

    for (unsigned i = 0; i * L4_PAGE_SIZE < size; i++) {
        if (first + i >= 512)
            kpanic("no room for another CPU in the entry area", __FILE__, __LINE__);
        pt[first + i] = (pa + i * L4_PAGE_SIZE) | rights;
    }
    if (image)
        return p;
    area_used += (unsigned)(size / L4_PAGE_SIZE);
    return (void *)(AREA_BASE + first * L4_PAGE_SIZE);
}

void *isolation_expose(void *p, size_t size) { return isolation_on ? expose(p, size, DATA) : p; }

void isolation_init(void)
{
    isolation_on = true;
    cpu_features.pge = false; /* no entry of the TLB may outlive the way out */
    cpu_features.pcid &= cpu_features.invpcid; /* entries of another PCID must be flushed from here */
    entry_kernel_cr3 = arch_virt_to_phys(kernel_pml4) | (cpu_features.pcid ? CR3_KEEP : 0);
    sites_patch(SITE_SYSRET, SITE_JUMP, isolated_sysret);
    sites_patch(SITE_IRET, SITE_JUMP, isolated_iret);
    iret_ip = (word_t)isolated_iret_user;
    sites_patch(SITE_EXCEPTION, SITE_JUMP, isolated_exception);
    sites_patch(SITE_INTERRUPT, SITE_JUMP, isolated_interrupt);
    sites_patch(SITE_NMI, SITE_JUMP, isolated_nmi);
    sites_patch(SITE_FATAL, SITE_JUMP, isolated_fatal);
    if (cpu_features.pcid) /* else there is nothing of a user space in the TLB while the kernel runs */
        sites_patch(SITE_FLUSH, SITE_CALL, isolated_flush);

    view_pdpt[index_at(ARCH_IMAGE_BASE, 30)] = arch_virt_to_phys(view_image_pd) | TABLE;
    view_image_pd[index_at((word_t)image_start, 21)] = arch_virt_to_phys(view_image_pt) | TABLE;
    view_pdpt[index_at(AREA_BASE, 30)] = arch_virt_to_phys(area_pd) | TABLE;
    area_pd[index_at(AREA_BASE, 21)] = mmio_pd[index_at(AREA_BASE, 21)] = arch_virt_to_phys(area_pt) | TABLE;
    memset(space_upper, 0, sizeof space_upper);
    space_upper[255] = arch_virt_to_phys(view_pdpt) | TABLE;
    expose(image_start, L4_PAGE_SIZE, PTE_PRESENT);
}

void isolation_cpu_init(struct cpu *c)
{
    struct cpu_tables *t = c->arch.tables;

    if (!isolation_on)
        return;
    for (unsigned i = 0; i < 3; i++) {
        t->entry_stack[1 + i].kernel_stack = t->tss.ist[i];
        t->tss.ist[i] = (word_t)&t->entry_stack[1 + i].kernel_stack;
    }
    t->tss.rsp[0] = (word_t)&t->entry_stack[0].kernel_stack;
    c->arch.iret_frame = t->tss.rsp[0] - 5 * sizeof(word_t);
    c->arch.rsp0 = &c->arch.frame_end; /* where the frame of the running thread is: entries copy it there */
    wrmsr(MSR_LSTAR, (word_t)isolated_syscall);
    wrmsr(MSR_CSTAR, (word_t)isolated_syscall_32);
}

/* Everything of one PCID. */
static void pcid_flush(word_t pcid)
{
    const struct {
        word_t pcid, address;
    } what = {pcid, 0};

    __asm__ volatile("invpcid %0, %1" ::"m"(what), "r"(1ul) : "memory");
}

void isolation_switch(struct arch_cpu *a, word_t cr3)
{
    word_t pcid = cr3 & PCID_MASK;

    if (pcid != 0 && !(cr3 & CR3_KEEP))
        pcid_flush(pcid);
    if (cpu_features.pcid)
        cr3 |= pcid != 0 ? CR3_KEEP : PCID_SHARED;
    a->user_cr3 = cr3;
    memset(&a->tables->entry_stack[0].word[ENTRY_WORDS - TAKEN_WORDS], 0, TAKEN_WORDS * sizeof(word_t)); /* I3 */
}
