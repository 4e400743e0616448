/* SPDX-License-Identifier: MIT */
/*
 * Interrupt controllers. With I/O APICs the pins of the kernel are the global system interrupts, all sent to the boot
 * CPU, vector VECTOR_PIN + pin; the legacy 8259 pair is silent. Without them the pins are the 16 lines of the pair.
 *
 *   V1  A level pin is masked before it is acknowledged: it comes again only after somebody has unmasked it.
 *   V2  Pins are masked until they are unmasked by the kernel (its own) or through the ICU.
 *   V3  The chips' registers, which come in pairs of index and data, and pin_entry[] are used under chip_lock: a pin is
 *       masked by the CPU that it interrupts before that CPU has the kernel's lock, and unmasked by any CPU.
 */
#include "objects.h"
#include "x86.h"

#define PIC_MASTER 0x20u
#define PIC_SLAVE 0xa0u
#define PIC_TRIGGER 0x4d0u
#define LEGACY_PINS 16u
#define LEGACY_CASCADE 2u

#define LAPIC_ID (0x20u / 4)
#define LAPIC_TPR (0x80u / 4)
#define LAPIC_EOI (0xb0u / 4)
#define LAPIC_SPURIOUS (0xf0u / 4)
#define LAPIC_ICR (0x300u / 4)
#define LAPIC_ICR_TARGET (0x310u / 4)
#define LAPIC_LINT0 (0x350u / 4)
#define LAPIC_LINT1 (0x360u / 4)
#define LAPIC_ERROR (0x370u / 4)
#define LVT_MASKED 0x10000u
#define LVT_NMI 0x400u
#define LVT_EXTINT 0x700u
#define APIC_BASE_ENABLE 0x800ul
#define APIC_BASE_X2 0x400ul
#define ICR_PENDING 0x1000u

#define IOAPIC_VERSION 1u
#define IOAPIC_ENTRY 0x10u
#define ENTRY_MASKED 0x10000u
#define ENTRY_LEVEL 0x8000u
#define ENTRY_LOW 0x2000u

struct ioapic {
    volatile uint32_t *regs; /* index at 0, data at word 4 */
    unsigned first, count;
};

unsigned irqchip_console_pin = ~0u;

static volatile uint32_t *lapic;
static uint32_t lapic_id;
static struct ioapic ioapics[8];
static unsigned ioapic_count, pin_count;
static uint32_t pin_entry[PINS_MAX]; /* low word of the redirection entry as it is in the chip; 0: no such pin */
static struct acpi_madt madt;
const struct acpi_madt *irqchip_madt(void) { return &madt; }

/* ---- one CPU at a time (V3); nothing is called while this is held, and interrupts are off ---- */

static bool chip_locked;

static void chip_lock(void)
{
    while (__atomic_exchange_n(&chip_locked, true, __ATOMIC_ACQUIRE))
        arch_cpu_relax();
}

static void chip_unlock(void) { __atomic_store_n(&chip_locked, false, __ATOMIC_RELEASE); }

/* ---- 8259 ---- */

static uint16_t legacy_port(unsigned pin) { return pin < 8 ? PIC_MASTER : PIC_SLAVE; }

static boot_code void legacy_init(void)
{
    for (unsigned i = 0; i < 2; i++) {
        uint16_t port = i == 0 ? PIC_MASTER : PIC_SLAVE;
        outb(port, 0x11);
        outb((uint16_t)(port + 1), (uint8_t)(VECTOR_LEGACY + 8 * i));
        outb((uint16_t)(port + 1), i == 0 ? 1u << LEGACY_CASCADE : LEGACY_CASCADE);
        outb((uint16_t)(port + 1), 1);
        outb((uint16_t)(port + 1), 0xff);
    }
}

static void legacy_mask(unsigned pin, bool masked)
{
    uint16_t port = (uint16_t)(legacy_port(pin) + 1);
    uint8_t bit = (uint8_t)(1u << pin % 8);

    outb(port, (uint8_t)(masked ? inb(port) | bit : inb(port) & ~bit));
}

/* Is the line of this vector really in service? The pair raises its lowest line when a request has gone away. */
static bool legacy_in_service(unsigned pin)
{
    outb(legacy_port(pin), 0xb);
    return inb(legacy_port(pin)) & 1u << pin % 8;
}

static unsigned legacy_acknowledge(unsigned pin)
{
    if (pin % 8 == 7 && !legacy_in_service(pin)) {
        if (pin >= 8)
            outb(PIC_MASTER, 0x20);
        return ~0u;
    }
    if (arch_irq_is_level(pin))
        arch_irq_mask(pin);
    if (pin >= 8)
        outb(PIC_SLAVE, 0x20);
    outb(PIC_MASTER, 0x20);
    return pin;
}

static uint16_t legacy_trigger_port(unsigned pin) { return (uint16_t)(PIC_TRIGGER + pin / 8); }

/* ---- local APIC ---- */

bool irqchip_has_apic(void) { return lapic != NULL; }
volatile uint32_t *irqchip_lapic(void) { return lapic; }
void irqchip_lapic_eoi(void) { lapic[LAPIC_EOI] = 0; }

/* Switches it on, with registers in memory; returns their physical address. */
static boot_code word_t lapic_enable(void)
{
    word_t base = rdmsr(MSR_APIC_BASE);
    if (base & APIC_BASE_X2) { /* back to registers in memory; the way leads over "off" */
        base &= ~(APIC_BASE_X2 | APIC_BASE_ENABLE);
        wrmsr(MSR_APIC_BASE, base);
    }
    wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    return base & 0xffffff000ul;
}

static boot_code void lapic_start(bool external)
{
    lapic[LAPIC_TPR] = 0;
    lapic[LAPIC_LINT0] = external ? LVT_EXTINT : LVT_MASKED;
    lapic[LAPIC_LINT1] = LVT_NMI;
    lapic[LAPIC_ERROR] = LVT_MASKED;
    lapic[LAPIC_SPURIOUS] = 0x100 | VECTOR_SPURIOUS;
}

static boot_code void lapic_init(void)
{
    if (!cpu_features.apic)
        return;
    lapic = mmio_map(lapic_enable());
    lapic_id = irqchip_cpu_id();
    lapic_start(ioapic_count == 0);
}

uint32_t irqchip_cpu_id(void) { return lapic == NULL ? 0 : lapic[LAPIC_ID] >> 24; }

void irqchip_cpu_init(void)
{
    lapic_enable();
    lapic_start(false);
}

void irqchip_ipi(uint32_t apic_id, uint32_t command)
{
    while (lapic[LAPIC_ICR] & ICR_PENDING)
        arch_cpu_relax();
    lapic[LAPIC_ICR_TARGET] = apic_id << 24;
    lapic[LAPIC_ICR] = command;
}

/* ---- I/O APIC ---- */

static boot_code uint32_t ioapic_read(const struct ioapic *a, uint32_t reg)
{
    a->regs[0] = reg;
    return a->regs[4];
}

static void ioapic_write(const struct ioapic *a, uint32_t reg, uint32_t v)
{
    a->regs[0] = reg;
    a->regs[4] = v;
}

static const struct ioapic *ioapic_of(unsigned pin)
{
    for (unsigned i = 0; i < ioapic_count; i++)
        if (pin >= ioapics[i].first && pin - ioapics[i].first < ioapics[i].count)
            return &ioapics[i];
    return NULL;
}

static void entry_write(unsigned pin, uint32_t low)
{
    const struct ioapic *a = ioapic_of(pin);

    pin_entry[pin] = low;
    ioapic_write(a, IOAPIC_ENTRY + 2 * (pin - a->first), low);
}

static boot_code void ioapic_add(const struct acpi_ioapic *desc)
{
    struct ioapic *a = &ioapics[ioapic_count];

    a->regs = mmio_map(desc->pa);
    a->first = desc->first_pin;
    a->count = (ioapic_read(a, IOAPIC_VERSION) >> 16 & 0xff) + 1;
    if (a->first >= PINS_MAX)
        return;
    if (a->count > PINS_MAX - a->first)
        a->count = PINS_MAX - a->first;
    ioapic_count++;
    if (a->first + a->count > pin_count)
        pin_count = a->first + a->count;
}

/* Firmware's wiring: ISA interrupts are edges, active high, unless the MADT says otherwise; all others are PCI's. */
static boot_code uint32_t pin_mode_default(unsigned pin)
{
    for (unsigned i = 0; i < ARRAY_LEN(madt.isa); i++)
        if (madt.isa[i].present && madt.isa[i].pin == pin)
            return (madt.isa[i].level ? ENTRY_LEVEL : 0) | (madt.isa[i].low ? ENTRY_LOW : 0);
    return pin < LEGACY_PINS ? 0 : ENTRY_LEVEL | ENTRY_LOW;
}

static boot_code void pins_init(void)
{
    for (unsigned pin = 0; pin < pin_count; pin++) {
        const struct ioapic *a = ioapic_of(pin);
        if (a == NULL)
            continue;
        ioapic_write(a, IOAPIC_ENTRY + 2 * (pin - a->first) + 1, lapic_id << 24);
        entry_write(pin, ENTRY_MASKED | pin_mode_default(pin) | (VECTOR_PIN + pin));
    }
}

/* ---- the whole ---- */

void irqchip_init(void)
{
    acpi_read_madt(&madt);
    legacy_init();
    if (cpu_features.apic && madt.found)
        for (unsigned i = 0; i < madt.ioapic_count && ioapic_count < ARRAY_LEN(ioapics); i++)
            ioapic_add(&madt.ioapic[i]);
    lapic_init();
    if (ioapic_count != 0) {
        pins_init();
    } else {
        pin_count = LEGACY_PINS;
        legacy_mask(LEGACY_CASCADE, false);
    }
    if (kernel_options.uart_access == 1 && kernel_options.uart_irq < LEGACY_PINS)
        irqchip_console_pin = irqchip_claim(kernel_options.uart_irq);
    kprintf("IRQ: %u pins of %s\n", pin_count, ioapic_count != 0 ? "I/O APIC" : "8259");
}

unsigned irqchip_claim(unsigned isa_irq)
{
    unsigned pin = ioapic_count != 0 && madt.isa[isa_irq].present ? madt.isa[isa_irq].pin : isa_irq;

    if (pin >= pin_count || (ioapic_count != 0 && ioapic_of(pin) == NULL))
        return ~0u;
    arch_irq_unmask(pin);
    return pin;
}

unsigned irqchip_acknowledge(unsigned vector)
{
    if (vector >= VECTOR_PIN && vector - VECTOR_PIN < pin_count && ioapic_count != 0) {
        unsigned pin = vector - VECTOR_PIN;
        if (arch_irq_is_level(pin))
            arch_irq_mask(pin); /* V1 */
        irqchip_lapic_eoi();
        return pin;
    }
    if (vector >= VECTOR_LEGACY && vector < VECTOR_LEGACY + LEGACY_PINS && ioapic_count == 0)
        return legacy_acknowledge(vector - VECTOR_LEGACY);
    return ~0u;
}

/* ---- MSI: vectors behind those of the pins, sent to the boot CPU ---- */

#define MSI_ADDRESS 0xfee00000ul
#define MSI_ASSERT 0x4000u

static unsigned msi_vector_first(void) { return VECTOR_PIN + pin_count; }

unsigned arch_msi_count(void) { return lapic == NULL ? 0 : VECTOR_RESERVED - msi_vector_first(); }

void arch_msi_info(unsigned msi, word_t source, word_t *address, uint32_t *data)
{
    (void)source;
    *address = MSI_ADDRESS | (word_t)lapic_id << 12;
    *data = MSI_ASSERT | (msi_vector_first() + msi);
}

unsigned irqchip_msi(unsigned vector)
{
    if (lapic == NULL || vector < msi_vector_first() || vector >= VECTOR_RESERVED)
        return ~0u;
    irqchip_lapic_eoi();
    return vector - msi_vector_first();
}

unsigned arch_irq_pins(void) { return pin_count; }

bool arch_irq_pin_valid(unsigned pin)
{
    if (pin >= pin_count || pin == irqchip_console_pin || pin == timer_pin)
        return false;
    return ioapic_count != 0 ? ioapic_of(pin) != NULL : pin != LEGACY_CASCADE;
}

static void pin_mask(unsigned pin, bool masked)
{
    uint32_t entry;

    chip_lock();
    entry = masked ? pin_entry[pin] | ENTRY_MASKED : pin_entry[pin] & ~ENTRY_MASKED;
    if (ioapic_count == 0)
        legacy_mask(pin, masked);
    else if (entry != pin_entry[pin])
        entry_write(pin, entry);
    chip_unlock();
}

void arch_irq_mask(unsigned pin) { pin_mask(pin, true); }
void arch_irq_unmask(unsigned pin) { pin_mask(pin, false); }

bool arch_irq_is_level(unsigned pin)
{
    if (ioapic_count == 0)
        return inb(legacy_trigger_port(pin)) & 1u << pin % 8;
    return (pin_entry[pin] & ENTRY_LEVEL) != 0;
}

/* "Both edges" is no mode of these chips; the rising edge serves. */
status_t arch_irq_set_mode(unsigned pin, unsigned mode)
{
    bool level = (mode & L4_IRQ_MODE_LEVEL) != 0;

    if (!arch_irq_pin_valid(pin))
        return -L4_ERR_INVAL;
    if (!(mode & L4_IRQ_MODE_SET))
        return OK;
    chip_lock();
    if (ioapic_count != 0) {
        uint32_t bits = (level ? ENTRY_LEVEL : 0) | (mode & L4_IRQ_MODE_NEGATIVE ? ENTRY_LOW : 0);
        entry_write(pin, (pin_entry[pin] & ~(ENTRY_LEVEL | ENTRY_LOW)) | bits);
    } else {
        uint8_t bit = (uint8_t)(1u << pin % 8);
        uint8_t old = inb(legacy_trigger_port(pin));
        outb(legacy_trigger_port(pin), (uint8_t)(level ? old | bit : old & ~bit));
    }
    chip_unlock();
    return OK;
}
