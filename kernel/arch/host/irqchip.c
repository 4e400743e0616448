/* SPDX-License-Identifier: MIT */
/* Interrupt pins as data: 24 of them, pin 2 belongs to the kernel; the upper eight are level triggered. And MSIs. */
#include "host.h"

#define PINS 24u
#define PIN_KERNEL 2u
#define PIN_LEVEL_FIRST 16u
#define MSIS 16u
#define MSI_ADDRESS 0xfee00000ul

static bool unmasked[PINS];
static bool level_set[PINS], level[PINS];

unsigned arch_irq_pins(void) { return PINS; }
bool arch_irq_pin_valid(unsigned pin) { return pin < PINS && pin != PIN_KERNEL; }
void arch_irq_mask(unsigned pin) { unmasked[pin] = false; }
void arch_irq_unmask(unsigned pin) { unmasked[pin] = true; }
bool arch_irq_is_level(unsigned pin) { return level_set[pin] ? level[pin] : pin >= PIN_LEVEL_FIRST; }
bool host_irq_masked(unsigned pin) { return !arch_irq_pin_valid(pin) || !unmasked[pin]; }

status_t arch_irq_set_mode(unsigned pin, unsigned mode)
{
    if (!arch_irq_pin_valid(pin) || (mode & L4_IRQ_MODE_BOTH))
        return -L4_ERR_INVAL;
    if (mode & L4_IRQ_MODE_SET) {
        level_set[pin] = true;
        level[pin] = (mode & L4_IRQ_MODE_LEVEL) != 0;
    }
    return OK;
}

unsigned arch_msi_count(void) { return MSIS; }

void arch_msi_info(unsigned msi, word_t source, word_t *address, uint32_t *data)
{
    (void)source;
    *address = MSI_ADDRESS;
    *data = msi + 1;
}
