/* SPDX-License-Identifier: MIT */
/*
 * What this CPU executes that it should not, and what can be done about it: doc/protection.md. The decision is a
 * function of CPUID and one MSR, so that a test on another machine can ask it about every CPU (speculation.c);
 * isolation.c and barriers.c carry it out, and are build choices.
 */
#pragma once
#include "base.h"

enum cpu_vendor {
    VENDOR_OTHER, /* nothing is known: as bad as all others together */
    VENDOR_INTEL,
    VENDOR_AMD /* and Hygon */
};

struct cpu_facts {
    enum cpu_vendor vendor;
    uint32_t family, model;
    uint32_t leaf7_b, leaf7_d, leaf7_2_d; /* CPUID 7, 7.2 */
    uint32_t ext8_b, ext21_a;             /* CPUID 0x80000008, 0x80000021 */
    uint64_t capabilities;                /* IA32_ARCH_CAPABILITIES, 0 where there is none */
};

enum remedy {
    REMEDY_ISOLATION,    /* user mode runs on page tables without the kernel */
    REMEDY_SWAPGS_FENCE, /* no speculation past an entry that took the other gs base */
    REMEDY_VERW,         /* buffers are overwritten on the way to user mode */
    REMEDY_IBRS,         /* SPEC_CTRL.IBRS, set once: the kernel's branches do not follow what user mode has trained */
    REMEDY_AUTO_IBRS,    /* the same, by a bit in EFER */
    REMEDY_ENTRY_IBRS,   /* SPEC_CTRL.IBRS, written at each entry, as the CPU wants it */
    REMEDY_ENTRY_IBPB,   /* predictions are forgotten at each entry */
    REMEDY_STIBP,        /* the other thread of the core has predictions of its own */
    REMEDY_BHI,          /* branch history of user mode selects no target in the kernel */
    REMEDY_SWITCH,       /* predictions and return addresses are forgotten between two address spaces */
    REMEDY_COUNT
};
#define REMEDY(name) (1u << REMEDY_##name)

struct remedies {
    uint32_t on;      /* bit per remedy: is to be used */
    uint32_t missing; /* would be needed, but this CPU (or its microcode) has it not */
};

boot_code struct remedies speculation_judge(const struct cpu_facts *f);
extern const char *const remedy_names[REMEDY_COUNT];
