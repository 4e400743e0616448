/* SPDX-License-Identifier: MIT */
/*
 * Which CPU needs which remedy: one table. A CPU counts as affected unless CPUID, IA32_ARCH_CAPABILITIES or its vendor
 * says that it is not; what no rule knows is affected. Pure: no CPU is touched here (test/unit/speculation.c).
 */
#include "speculation.h"

/* IA32_ARCH_CAPABILITIES */
#define CAP_RDCL_NO 0
#define CAP_IBRS_ALL 1
#define CAP_MDS_NO 5
#define CAP_TAA_NO 8
#define CAP_SBDR_SSDP_NO 13
#define CAP_FBSDP_NO 14
#define CAP_PSDP_NO 15
#define CAP_FB_CLEAR 17
#define CAP_BHI_NO 20
#define CAP_RFDS_NO 27
#define CAP_RFDS_CLEAR 28

static boot_code bool cap(const struct cpu_facts *f, unsigned bit) { return f->capabilities >> bit & 1; }
static boot_code bool bit(uint32_t word, unsigned n) { return word >> n & 1; }

/* CPUID bits that two vendors have in different places. */
static boot_code bool has_ibrs(const struct cpu_facts *f) { return bit(f->leaf7_d, 26) || bit(f->ext8_b, 14); }
static boot_code bool has_ibpb(const struct cpu_facts *f) { return bit(f->leaf7_d, 26) || bit(f->ext8_b, 12); }
static boot_code bool has_stibp(const struct cpu_facts *f) { return bit(f->leaf7_d, 27) || bit(f->ext8_b, 15); }
static boot_code bool has_auto_ibrs(const struct cpu_facts *f) { return bit(f->ext21_a, 8); }
static boot_code bool has_enhanced_ibrs(const struct cpu_facts *f) { return has_ibrs(f) && cap(f, CAP_IBRS_ALL); }
static boot_code bool has_bhi_control(const struct cpu_facts *f) { return bit(f->leaf7_2_d, 4); }
/* VERW does more than its name says. */
static boot_code bool has_verw(const struct cpu_facts *f)
{
    return bit(f->leaf7_d, 10) || cap(f, CAP_FB_CLEAR) || cap(f, CAP_RFDS_CLEAR);
}
static boot_code bool always(const struct cpu_facts *f) { return (void)f, true; }

/* Executes in order: the Atoms before Silvermont. */
static boot_code bool in_order(const struct cpu_facts *f)
{
    return f->vendor == VENDOR_INTEL && f->family == 6 &&
           (f->model == 0x1c || f->model == 0x26 || f->model == 0x27 || f->model == 0x35 || f->model == 0x36);
}

static boot_code bool speculates(const struct cpu_facts *f) { return !in_order(f); }

/* Not AMD's: their loads wait for the permission check. */
static boot_code bool meltdown(const struct cpu_facts *f)
{
    return speculates(f) && f->vendor != VENDOR_AMD && !cap(f, CAP_RDCL_NO);
}

static boot_code bool swapgs(const struct cpu_facts *f) { return speculates(f) && f->vendor != VENDOR_AMD; }

/* MDS, TAA (with transactions), stale MMIO data, stale registers. */
static boot_code bool stale_buffers(const struct cpu_facts *f)
{
    bool rtm = bit(f->leaf7_b, 11);
    bool mmio = cap(f, CAP_FB_CLEAR) && !(cap(f, CAP_SBDR_SSDP_NO) && cap(f, CAP_FBSDP_NO) && cap(f, CAP_PSDP_NO));

    if (!speculates(f) || f->vendor == VENDOR_AMD)
        return false;
    return !cap(f, CAP_MDS_NO) || (rtm && !cap(f, CAP_TAA_NO)) || mmio ||
           (cap(f, CAP_RFDS_CLEAR) && !cap(f, CAP_RFDS_NO));
}

/* Zen to Zen 4: a branch of the kernel may be taken for one of another kind (BTC), or a return may follow what user
 * mode has trained (SRSO), whatever IBRS says. */
static boot_code bool confuses_branches(const struct cpu_facts *f)
{
    return f->vendor == VENDOR_AMD &&
           ((f->family < 0x19 && !bit(f->ext8_b, 29)) || (f->family == 0x19 && !bit(f->ext21_a, 29)));
}

/* Spectre v2, and which of the remedies is the one for this CPU. */
static boot_code bool v2_by_enhanced(const struct cpu_facts *f) { return speculates(f) && has_enhanced_ibrs(f); }
static boot_code bool v2_by_auto(const struct cpu_facts *f) { return speculates(f) && has_auto_ibrs(f); }
static boot_code bool v2_by_entry(const struct cpu_facts *f)
{
    return speculates(f) && !confuses_branches(f) && !has_auto_ibrs(f) && !has_enhanced_ibrs(f);
}
static boot_code bool stibp(const struct cpu_facts *f) { return speculates(f) && has_stibp(f); }
static boot_code bool bhi(const struct cpu_facts *f) { return v2_by_enhanced(f) && !cap(f, CAP_BHI_NO); }

static const struct {
    bool (*needed)(const struct cpu_facts *f);
    bool (*possible)(const struct cpu_facts *f);
} rules[REMEDY_COUNT] boot_const = {
    [REMEDY_ISOLATION] = {meltdown, always},
    [REMEDY_SWAPGS_FENCE] = {swapgs, always},
    [REMEDY_VERW] = {stale_buffers, has_verw},
    [REMEDY_IBRS] = {v2_by_enhanced, has_enhanced_ibrs},
    [REMEDY_AUTO_IBRS] = {v2_by_auto, has_auto_ibrs},
    [REMEDY_ENTRY_IBRS] = {v2_by_entry, has_ibrs},
    [REMEDY_ENTRY_IBPB] = {confuses_branches, has_ibpb},
    [REMEDY_STIBP] = {stibp, has_stibp},
    [REMEDY_BHI] = {bhi, has_bhi_control},
    [REMEDY_SWITCH] = {speculates, has_ibpb},
};

const char *const remedy_names[REMEDY_COUNT] boot_const = {
    [REMEDY_ISOLATION] = "isolation",   [REMEDY_SWAPGS_FENCE] = "swapgs-fence", [REMEDY_VERW] = "verw",
    [REMEDY_IBRS] = "ibrs",             [REMEDY_AUTO_IBRS] = "auto-ibrs",       [REMEDY_ENTRY_IBRS] = "entry-ibrs",
    [REMEDY_ENTRY_IBPB] = "entry-ibpb", [REMEDY_STIBP] = "stibp",               [REMEDY_BHI] = "bhi",
    [REMEDY_SWITCH] = "switch-ibpb",
};

struct remedies speculation_judge(const struct cpu_facts *f)
{
    struct remedies r = {0, 0};

    for (unsigned i = 0; i < REMEDY_COUNT; i++)
        if (rules[i].needed(f))
            *(rules[i].possible(f) ? &r.on : &r.missing) |= 1u << i;
    return r;
}
