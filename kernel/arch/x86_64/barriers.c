/* SPDX-License-Identifier: MIT */
/*
 * Carries out what speculation.c has decided: bits of control registers, other ways in and out (barriers_entry.S), and
 * what is forgotten when another address space is loaded.
 */
#include "barriers.h"
#include "isolation.h"
#include "sites.h"
#include "speculation.h"

#define MSR_SPEC_CTRL 0x48u
#define MSR_PRED_CMD 0x49u
#define SPEC_IBRS 1u
#define SPEC_STIBP 2u
#define SPEC_BHI_DIS_S 0x400u
#define PRED_IBPB 1u
#define EFER_AUTO_IBRS (1ul << 21)

const bool barriers_built = true;
bool barriers_at_switch;

extern char verw_sysret[], verw_iret[], verw_iret_user[], fenced_exception[], fenced_interrupt[], guarded_syscall[],
    guarded_exception[], guarded_interrupt[];
extern word_t iret_ip;

uint32_t barriers_entry_msr, barriers_entry_value; /* written at each entry, when the entries are guarded */
static uint32_t spec_ctrl;
static bool auto_ibrs;

void barriers_init(uint32_t on)
{
    if (on & (REMEDY(IBRS) | REMEDY(ENTRY_IBRS)))
        spec_ctrl |= SPEC_IBRS;
    if (on & REMEDY(STIBP))
        spec_ctrl |= SPEC_STIBP;
    if (on & REMEDY(BHI))
        spec_ctrl |= SPEC_BHI_DIS_S;
    auto_ibrs = on & REMEDY(AUTO_IBRS);
    barriers_at_switch = on & REMEDY(SWITCH);
    if (on & REMEDY(VERW)) {
        sites_patch(isolation_on ? SITE_SYSRET_ISOLATED : SITE_SYSRET, SITE_JUMP, verw_sysret);
        sites_patch(isolation_on ? SITE_IRET_ISOLATED : SITE_IRET, SITE_JUMP, verw_iret);
        iret_ip = (word_t)verw_iret_user;
    }
    if ((on & REMEDY(SWAPGS_FENCE)) && !isolation_on) { /* whose entries serialise before */
        sites_patch(SITE_EXCEPTION, SITE_JUMP, fenced_exception);
        sites_patch(SITE_INTERRUPT, SITE_JUMP, fenced_interrupt);
    }
    if (on & (REMEDY(ENTRY_IBRS) | REMEDY(ENTRY_IBPB))) {
        barriers_entry_msr = on & REMEDY(ENTRY_IBPB) ? MSR_PRED_CMD : MSR_SPEC_CTRL;
        barriers_entry_value = on & REMEDY(ENTRY_IBPB) ? PRED_IBPB : spec_ctrl;
        sites_patch(SITE_CALL_SYSCALL, SITE_CALL, guarded_syscall);
        sites_patch(SITE_CALL_EXCEPTION, SITE_CALL, guarded_exception);
        sites_patch(SITE_CALL_INTERRUPT, SITE_CALL, guarded_interrupt);
    }
}

void barriers_cpu_init(void)
{
    if (spec_ctrl != 0)
        wrmsr(MSR_SPEC_CTRL, spec_ctrl);
    if (auto_ibrs)
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AUTO_IBRS);
}

void barriers_switch(void)
{
    word_t rounds = 16;

    wrmsr(MSR_PRED_CMD, PRED_IBPB);
    /* Not every CPU forgets return addresses then: 32 of our own, which lead nowhere. */
    __asm__ volatile("1:\tcall 2f\n\tint3\n2:\tcall 3f\n\tint3\n3:\tdecq %0\n\tjnz 1b\n\taddq $256, %%rsp\n\tlfence"
                     : "+r"(rounds)::"memory", "cc");
}
