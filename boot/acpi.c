/* SPDX-License-Identifier: MIT */
/* Finds the ACPI root pointer where BIOS firmware leaves it: first KiB of the extended BIOS data area, or the ROM
 * area. */
#include "boot.h"

#define EBDA_SEGMENT    0x40eul
#define ROM_START       0xe0000ul
#define ROM_END         0x100000ul
#define RSDP_V1_SIZE    20u

static uint64_t scan(uint64_t start, uint64_t end)
{
    for (uint64_t at = start; at + RSDP_V1_SIZE <= end; at += 16) {
        const uint8_t *p = (const uint8_t *)at;
        uint8_t sum = 0;
        if (memcmp(p, "RSD PTR ", 8) != 0)
            continue;
        for (unsigned i = 0; i < RSDP_V1_SIZE; i++)
            sum = (uint8_t)(sum + p[i]);
        if (sum == 0)
            return at;
    }
    return 0;
}

uint64_t acpi_rsdp_scan(void)
{
    uint64_t segment_at = EBDA_SEGMENT;
    /* Hidden from the optimiser, which takes an access this low for a null pointer. */
    __asm__("" : "+r"(segment_at));
    uint64_t ebda = (uint64_t)*(volatile uint16_t *)segment_at << 4;
    uint64_t found = 0;

    if (ebda >= 0x80000 && ebda < 0xa0000)
        found = scan(ebda, ebda + KIB);
    return found != 0 ? found : scan(ROM_START, ROM_END);
}
