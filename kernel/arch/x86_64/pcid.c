/* SPDX-License-Identifier: MIT */
/*
 * PCIDs, the processor's tags of TLB entries: with them a switch of address spaces flushes nothing. arch/host compiles
 * this file too, and its TLB has tags.
 *
 *   N1  A PCID above 0 belongs to one space at a time. The spaces that got none share 0: whoever loads one flushes it.
 *   N2  An entry with the PCID of a space agrees with the tables of the space, but on CPUs whose bit in tlb_stale is
 *       set: they flush it when they load the space. A new owner of a PCID begins with all bits set.
 */
#include "cpu.h"
#include "smp.h"

#define PCIDS_MAX 4096u

static unsigned pcids;
static word_t used[PCIDS_MAX / 64];

void arch_pcid_init(unsigned count)
{
    pcids = count;
    memset(used, 0, sizeof used);
    used[0] = 3; /* 0 is the shared one; with isolation 0 is the kernel's, and 1 is shared */
}

void arch_pcid_take(struct arch_space *s)
{
    s->tlb_stale = ~0ul;
    s->pcid = 0;
    for (unsigned i = 0; i < (pcids + 63) / 64; i++) {
        if (~used[i] == 0)
            continue;
        unsigned bit = (unsigned)__builtin_ctzl(~used[i]);
        if (i * 64 + bit >= pcids)
            return;
        used[i] |= 1ul << bit;
        s->pcid = (uint16_t)(i * 64 + bit);
        return;
    }
}

void arch_pcid_give(struct arch_space *s)
{
    if (s->pcid != 0)
        used[s->pcid / 64] &= ~(1ul << s->pcid % 64);
    s->pcid = 0;
}

word_t arch_pcid_load(struct arch_space *s)
{
    uint64_t bit = 1ul << cpu_self()->id;

    if (s->pcid == 0)
        return s->root_pa;
    if (cpu_count > 1) /* arch_cpu.space first, tlb_stale second: who takes rights away, the other way round */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!(s->tlb_stale & bit))
        return s->root_pa | s->pcid | ARCH_CR3_KEEP;
    __atomic_fetch_and(&s->tlb_stale, ~bit, __ATOMIC_SEQ_CST);
    return s->root_pa | s->pcid;
}
