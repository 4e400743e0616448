/* SPDX-License-Identifier: MIT */
/*
 * Which remedies which CPU gets: the table of kernel/arch/x86_64/speculation.c, asked about CPUs as their CPUID
 * describes them, with old and new microcode.
 */
#include "tap.h"
#include "../../kernel/arch/x86_64/speculation.c"

#define MD_CLEAR (1u << 10)
#define SPEC_CTRL (1u << 26)
#define STIBP (1u << 27)
#define RTM (1u << 11)
#define AMD_IBPB (1u << 12)
#define AMD_IBRS (1u << 14)
#define AMD_STIBP (1u << 15)
#define AMD_BTC_NO (1u << 29)
#define AUTO_IBRS (1u << 8)
#define SRSO_NO (1u << 29)
#define CAP(name) (1ul << CAP_##name)
#define MMIO_NO (CAP(SBDR_SSDP_NO) | CAP(FBSDP_NO) | CAP(PSDP_NO))
#define SWITCH REMEDY(SWITCH)

static const struct {
    const char *name;
    struct cpu_facts facts;
    uint32_t on, missing;
} cpus_known[] = {
    {"Haswell, old microcode",
     {.vendor = VENDOR_INTEL, .family = 6, .model = 0x3c},
     REMEDY(ISOLATION) | REMEDY(SWAPGS_FENCE), REMEDY(VERW) | REMEDY(ENTRY_IBRS) | SWITCH},
    {"Skylake, new microcode",
     {.vendor = VENDOR_INTEL, .family = 6, .model = 0x5e, .leaf7_b = RTM, .leaf7_d = MD_CLEAR | SPEC_CTRL | STIBP},
     REMEDY(ISOLATION) | REMEDY(SWAPGS_FENCE) | REMEDY(VERW) | REMEDY(ENTRY_IBRS) | REMEDY(STIBP) | SWITCH, 0},
    {"Cascade Lake with transactions",
     {.vendor = VENDOR_INTEL, .family = 6, .model = 0x55, .leaf7_b = RTM, .leaf7_d = MD_CLEAR | SPEC_CTRL | STIBP,
      .capabilities = CAP(RDCL_NO) | CAP(IBRS_ALL) | CAP(MDS_NO)},
     REMEDY(SWAPGS_FENCE) | REMEDY(VERW) | REMEDY(IBRS) | REMEDY(STIBP) | SWITCH, REMEDY(BHI)},
    {"Cascade Lake, transactions off",
     {.vendor = VENDOR_INTEL, .family = 6, .model = 0x55, .leaf7_d = MD_CLEAR | SPEC_CTRL | STIBP,
      .capabilities = CAP(RDCL_NO) | CAP(IBRS_ALL) | CAP(MDS_NO)},
     REMEDY(SWAPGS_FENCE) | REMEDY(IBRS) | REMEDY(STIBP) | SWITCH, REMEDY(BHI)},
    {"Ice Lake: stale MMIO data",
     {.vendor = VENDOR_INTEL, .family = 6, .model = 0x6a, .leaf7_d = MD_CLEAR | SPEC_CTRL | STIBP,
      .capabilities = CAP(RDCL_NO) | CAP(IBRS_ALL) | CAP(MDS_NO) | CAP(TAA_NO) | CAP(FB_CLEAR)},
     REMEDY(SWAPGS_FENCE) | REMEDY(VERW) | REMEDY(IBRS) | REMEDY(STIBP) | SWITCH, REMEDY(BHI)},
    {"Sapphire Rapids",
     {.vendor = VENDOR_INTEL, .family = 6, .model = 0x8f, .leaf7_b = RTM, .leaf7_d = MD_CLEAR | SPEC_CTRL | STIBP,
      .leaf7_2_d = 1u << 4,
      .capabilities = CAP(RDCL_NO) | CAP(IBRS_ALL) | CAP(MDS_NO) | CAP(TAA_NO) | CAP(FB_CLEAR) | MMIO_NO},
     REMEDY(SWAPGS_FENCE) | REMEDY(IBRS) | REMEDY(STIBP) | REMEDY(BHI) | SWITCH, 0},
    {"one that BHI does not touch",
     {.vendor = VENDOR_INTEL, .family = 6, .model = 0xcf, .leaf7_d = SPEC_CTRL | STIBP,
      .capabilities = CAP(RDCL_NO) | CAP(IBRS_ALL) | CAP(MDS_NO) | CAP(BHI_NO)},
     REMEDY(SWAPGS_FENCE) | REMEDY(IBRS) | REMEDY(STIBP) | SWITCH, 0},
    {"Gracemont: stale registers",
     {.vendor = VENDOR_INTEL, .family = 6, .model = 0xbe, .leaf7_d = SPEC_CTRL | STIBP, .leaf7_2_d = 1u << 4,
      .capabilities = CAP(RDCL_NO) | CAP(IBRS_ALL) | CAP(MDS_NO) | CAP(RFDS_CLEAR)},
     REMEDY(SWAPGS_FENCE) | REMEDY(VERW) | REMEDY(IBRS) | REMEDY(STIBP) | REMEDY(BHI) | SWITCH, 0},
    {"Bonnell executes in order", {.vendor = VENDOR_INTEL, .family = 6, .model = 0x1c}, 0, 0},
    {"Silvermont does not", /* the first Atom that speculates */
     {.vendor = VENDOR_INTEL, .family = 6, .model = 0x37},
     REMEDY(ISOLATION) | REMEDY(SWAPGS_FENCE), REMEDY(VERW) | REMEDY(ENTRY_IBRS) | SWITCH},
    {"Zen, old microcode",
     {.vendor = VENDOR_AMD, .family = 0x17, .model = 1}, 0, REMEDY(ENTRY_IBPB) | SWITCH},
    {"Zen 2",
     {.vendor = VENDOR_AMD, .family = 0x17, .model = 0x31, .ext8_b = AMD_IBPB | AMD_IBRS | AMD_STIBP},
     REMEDY(ENTRY_IBPB) | REMEDY(STIBP) | SWITCH, 0},
    {"Zen 3",
     {.vendor = VENDOR_AMD, .family = 0x19, .model = 1, .ext8_b = AMD_IBPB | AMD_IBRS | AMD_STIBP | AMD_BTC_NO},
     REMEDY(ENTRY_IBPB) | REMEDY(STIBP) | SWITCH, 0},
    {"Zen 4",
     {.vendor = VENDOR_AMD, .family = 0x19, .model = 0x11, .ext8_b = AMD_IBPB | AMD_IBRS | AMD_STIBP | AMD_BTC_NO,
      .ext21_a = AUTO_IBRS},
     REMEDY(AUTO_IBRS) | REMEDY(ENTRY_IBPB) | REMEDY(STIBP) | SWITCH, 0},
    {"Zen 5",
     {.vendor = VENDOR_AMD, .family = 0x1a, .model = 2, .ext8_b = AMD_IBPB | AMD_IBRS | AMD_STIBP | AMD_BTC_NO,
      .ext21_a = AUTO_IBRS | SRSO_NO},
     REMEDY(AUTO_IBRS) | REMEDY(STIBP) | SWITCH, 0},
    {"a vendor that nobody knows", {.vendor = VENDOR_OTHER, .family = 7},
     REMEDY(ISOLATION) | REMEDY(SWAPGS_FENCE), REMEDY(VERW) | REMEDY(ENTRY_IBRS) | SWITCH},
};

static void test_known(void)
{
    for (unsigned i = 0; i < sizeof cpus_known / sizeof cpus_known[0]; i++) {
        struct remedies r = speculation_judge(&cpus_known[i].facts);
        is(r.on, cpus_known[i].on, cpus_known[i].name);
        is(r.missing, cpus_known[i].missing, "  and what it lacks");
    }
}

/* Every combination of the bits that rules look at: nothing is on without need, no remedy excludes itself. */
static void test_every(void)
{
    static const unsigned caps[] = {CAP_RDCL_NO, CAP_IBRS_ALL, CAP_MDS_NO, CAP_TAA_NO, CAP_FB_CLEAR, CAP_BHI_NO,
                                    CAP_RFDS_NO, CAP_RFDS_CLEAR};
    unsigned both = 0, twice = 0, kernel_open = 0, isolated = 0, fenced = 0;

    for (unsigned n = 0; n < 1u << 18; n++) {
        struct cpu_facts f = {.vendor = (enum cpu_vendor)(n % 3), .family = n & 4 ? 0x19 : 0x1a, .model = 0x50};
        uint64_t bits = n >> 3;

        for (unsigned i = 0; i < 8; i++)
            f.capabilities |= (bits >> i & 1) << caps[i];
        f.leaf7_d = (bits >> 8 & 1 ? MD_CLEAR : 0) | (bits >> 9 & 1 ? SPEC_CTRL : 0);
        f.ext8_b = (bits >> 10 & 1 ? AMD_IBPB : 0) | (bits >> 11 & 1 ? AMD_IBRS : 0);
        f.ext21_a = (bits >> 12 & 1 ? AUTO_IBRS : 0) | (bits >> 13 & 1 ? SRSO_NO : 0);
        f.leaf7_b = bits >> 14 & 1 ? RTM : 0;
        struct remedies r = speculation_judge(&f);
        uint32_t kernel = REMEDY(IBRS) | REMEDY(AUTO_IBRS) | REMEDY(ENTRY_IBRS) | REMEDY(ENTRY_IBPB);
        both += (r.on & r.missing) != 0;
        twice += (r.on & REMEDY(IBRS)) && (r.on & REMEDY(ENTRY_IBRS));
        kernel_open += ((r.on | r.missing) & kernel) == 0;
        isolated += !(r.on & REMEDY(ISOLATION)) != (f.vendor == VENDOR_AMD || (f.capabilities & CAP(RDCL_NO)));
        fenced += !(r.on & REMEDY(SWAPGS_FENCE)) != (f.vendor == VENDOR_AMD);
    }
    is(both, 0, "nothing is both on and missing");
    is(twice, 0, "IBRS is set once or at each entry");
    is(kernel_open, 0, "every CPU that speculates has a way to guard the kernel's branches, or is said to lack it");
    is(isolated, 0, "isolation is off for AMD and with RDCL_NO, and for nobody else");
    is(fenced, 0, "the fence behind swapgs is off for AMD alone");
}

int main(void)
{
    test_known();
    test_every();
    for (unsigned i = 0; i < REMEDY_COUNT; i++)
        ok(remedy_names[i] != NULL && rules[i].needed != NULL && rules[i].possible != NULL, "the table is complete");
    return tap_done();
}
