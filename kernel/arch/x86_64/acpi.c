/* SPDX-License-Identifier: MIT */
/*
 * The one ACPI table that the kernel reads: the MADT names interrupt controllers and how ISA interrupts are wired.
 * Tables are not trusted: lengths and checksums are checked, and everything must lie below 4 GiB.
 */
#include "x86.h"

#define RSDP_SIZE 20u
#define RSDP2_SIZE 36u
#define HEADER_SIZE 36u
#define TABLE_MAX 0x100000u
#define MADT_ENTRIES 44u
#define MADT_LAPIC 36u
#define MADT_FLAGS 40u
enum madt_entry { ENTRY_CPU = 0, ENTRY_IOAPIC = 1, ENTRY_OVERRIDE = 2, ENTRY_LAPIC_ADDRESS = 5 };
#define CPU_ENABLED 1u
#define APIC_ID_NONE 0xffu
#define POLARITY_LOW 3u
#define TRIGGER_LEVEL 3u

static boot_code const uint8_t *at(word_t pa) { return (const uint8_t *)(ARCH_DIRECT_BASE + pa); }
static boot_code uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static boot_code uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16; }
static boot_code uint64_t get64(const uint8_t *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

static boot_code bool same(const uint8_t *p, const char *text, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (p[i] != (uint8_t)text[i])
            return false;
    return true;
}

static boot_code bool sum_ok(const uint8_t *p, uint32_t n)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + p[i]);
    return sum == 0;
}

/* A table with a good header, or NULL; *length is its size. */
static boot_code const uint8_t *table_at(uint64_t pa, const char *signature, uint32_t *length)
{
    if (pa == 0 || pa + HEADER_SIZE > ARCH_DIRECT_END)
        return NULL;
    const uint8_t *t = at(pa);
    *length = get32(t + 4);
    if (!same(t, signature, 4) || *length < HEADER_SIZE || *length > TABLE_MAX || pa + *length > ARCH_DIRECT_END)
        return NULL;
    return sum_ok(t, *length) ? t : NULL;
}

static boot_code const uint8_t *madt_find(uint32_t *length)
{
    word_t pa = kip.acpi_rsdp;

    if (pa == 0 || pa + RSDP2_SIZE > ARCH_DIRECT_END)
        return NULL;
    const uint8_t *rsdp = at(pa);
    if (!same(rsdp, "RSD PTR ", 8) || !sum_ok(rsdp, RSDP_SIZE))
        return NULL;
    uint32_t size;
    unsigned step = 8;
    const uint8_t *root = rsdp[15] >= 2 ? table_at(get64(rsdp + 24), "XSDT", &size) : NULL;
    if (root == NULL) {
        step = 4;
        root = table_at(get32(rsdp + 16), "RSDT", &size);
    }
    for (uint32_t i = HEADER_SIZE; root != NULL && i + step <= size; i += step) {
        const uint8_t *t = table_at(step == 8 ? get64(root + i) : get32(root + i), "APIC", length);
        if (t != NULL)
            return t;
    }
    return NULL;
}

static boot_code void entry_read(const uint8_t *e, unsigned length, struct acpi_madt *out)
{
    switch (e[0]) {
    case ENTRY_CPU:
        if (length >= 8 && (get32(e + 4) & CPU_ENABLED) && e[3] != APIC_ID_NONE && out->cpu_count < ARRAY_LEN(out->cpu))
            out->cpu[out->cpu_count++] = e[3];
        break;
    case ENTRY_IOAPIC:
        if (length >= 12 && out->ioapic_count < ARRAY_LEN(out->ioapic))
            out->ioapic[out->ioapic_count++] = (struct acpi_ioapic){get32(e + 4), get32(e + 8)};
        break;
    case ENTRY_OVERRIDE:
        if (length >= 10 && e[3] < ARRAY_LEN(out->isa)) {
            unsigned flags = get16(e + 8);
            out->isa[e[3]] = (struct acpi_override){get32(e + 4), true, (flags >> 2 & 3) == TRIGGER_LEVEL,
                                                    (flags & 3) == POLARITY_LOW};
        }
        break;
    case ENTRY_LAPIC_ADDRESS:
        if (length >= 12)
            out->lapic_pa = get64(e + 4);
        break;
    default:
        break;
    }
}

void acpi_read_madt(struct acpi_madt *out)
{
    uint32_t length = 0;
    const uint8_t *t = madt_find(&length);

    memset(out, 0, sizeof *out);
    if (t == NULL || length < MADT_ENTRIES)
        return;
    out->found = true;
    out->lapic_pa = get32(t + MADT_LAPIC);
    out->has_8259 = t[MADT_FLAGS] & 1;
    for (uint32_t i = MADT_ENTRIES; i + 2 <= length && t[i + 1] >= 2 && i + t[i + 1] <= length; i += t[i + 1])
        entry_read(t + i, t[i + 1], out);
}
