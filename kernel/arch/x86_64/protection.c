/* SPDX-License-Identifier: MIT */
/*
 * Reads what speculation.c wants to know about this CPU, has isolation and barriers switched on as it says, and tells
 * the console. Also the one function that changes text: at boot, while it is still writable.
 */
#include "barriers.h"
#include "isolation.h"
#include "objects.h"
#include "sites.h"
#include "speculation.h"

#define MSR_ARCH_CAPABILITIES 0x10au
#define VENDOR_WORD(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

extern const struct {
    char *at;
    word_t kind;
} sites[], sites_end[];

static struct remedies remedies;

void sites_patch(unsigned kind, unsigned opcode, const char *target)
{
    for (unsigned i = 0; &sites[i] != sites_end; i++) {
        if (sites[i].kind != kind)
            continue;
        int32_t distance = (int32_t)(target - (sites[i].at + 5));
        *sites[i].at = (char)opcode;
        memcpy(sites[i].at + 1, &distance, sizeof distance);
    }
}

static boot_code struct cpu_facts facts_read(void)
{
    struct cpuid zero = cpuid(0, 0), one = cpuid(1, 0);
    struct cpuid seven = zero.a >= 7 ? cpuid(7, 0) : (struct cpuid){0, 0, 0, 0};
    uint32_t extended_max = cpuid(0x80000000u, 0).a;
    bool amd = zero.b == VENDOR_WORD('A', 'u', 't', 'h') || zero.b == VENDOR_WORD('H', 'y', 'g', 'o');
    struct cpu_facts f = {
        .vendor = cpu_features.intel ? VENDOR_INTEL : amd ? VENDOR_AMD : VENDOR_OTHER,
        .family = one.a >> 8 & 0xf,
        .model = (one.a >> 4 & 0xf) | (one.a >> 12 & 0xf0),
        .leaf7_b = seven.b,
        .leaf7_d = seven.d,
        .leaf7_2_d = seven.a >= 2 ? cpuid(7, 2).d : 0,
        .ext8_b = extended_max >= 0x80000008u ? cpuid(0x80000008u, 0).b : 0,
        .ext21_a = extended_max >= 0x80000021u ? cpuid(0x80000021u, 0).a : 0,
        .capabilities = seven.d >> 29 & 1 ? rdmsr(MSR_ARCH_CAPABILITIES) : 0,
    };

    if (f.family == 0xf)
        f.family += one.a >> 20 & 0xff;
    return f;
}

void protection_init(void)
{
    struct cpu_facts f = facts_read();

    remedies = speculation_judge(&f);
    memcpy(space_upper, kernel_pml4 + 256, sizeof space_upper);
    if (remedies.on & REMEDY(ISOLATION))
        isolation_init();
    barriers_init(remedies.on);
}

static boot_code void names_print(uint32_t set)
{
    for (unsigned i = REMEDY_ISOLATION + 1; i < REMEDY_COUNT; i++)
        if (set >> i & 1)
            kprintf(" %s", remedy_names[i]);
    if (set == 0)
        kprintf(" none");
}

void protection_print(void)
{
    bool meltdown = remedies.on & REMEDY(ISOLATION);

    kprintf("Isolation of page tables: %s%s\n", isolation_on ? "on" : isolation_built ? "off" : "not built in",
            meltdown ? ", this CPU needs it" : ", this CPU does not need it");
    kprintf("Speculation barriers%s:", barriers_built ? "" : ", not built in, needed");
    names_print(remedies.on & ~REMEDY(ISOLATION));
    kprintf("; needed, but not in this CPU:");
    names_print(remedies.missing);
    kprintf("\n");
}
