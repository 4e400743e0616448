/* SPDX-License-Identifier: MIT */
/*
 * Time. The clock is the time stamp counter, scaled as the functions in the kernel interface page scale it, so that
 * kernel and user level read the same. The tick comes every millisecond from the local APIC, or from the PIT.
 * Both are measured at boot against the PIT's third counter.
 */
#include "objects.h"
#include "x86.h"

#define PIT_HZ 1193182u
#define PIT_CHANNEL0 0x40u
#define PIT_CHANNEL2 0x42u
#define PIT_COMMAND 0x43u
#define PORT_GATE 0x61u
#define MEASURE_COUNTS (PIT_HZ / 250) /* 4 ms */
#define MEASURE_TRIES 5u
#define STUCK_TSC (1ul << 34)
#define LVT_TIMER (0x320u / 4)
#define TIMER_INITIAL (0x380u / 4)
#define TIMER_CURRENT (0x390u / 4)
#define TIMER_DIVIDE (0x3e0u / 4)
#define DIVIDE_BY_1 0xbu
#define LVT_PERIODIC 0x20000u
#define LVT_MASKED 0x10000u
#define TICK_HZ 1000u

extern word_t kip_scaler_us, kip_scaler_ns;
unsigned timer_pin = ~0u;

static uint32_t lapic_ticks; /* per period; 0: the PIT ticks */

struct sample {
    word_t tsc;
    uint32_t pit, lapic;
};

static boot_code uint32_t pit_read(void)
{
    outb(PIT_COMMAND, 0x80); /* latch counter 2 */
    uint32_t low = inb(PIT_CHANNEL2);
    return low | (uint32_t)inb(PIT_CHANNEL2) << 8;
}

static boot_code void pit_start(void)
{
    outb(PIT_COMMAND, 0x34);
    outb(PIT_CHANNEL0, (uint8_t)(PIT_HZ / TICK_HZ & 0xff));
    outb(PIT_CHANNEL0, (uint8_t)(PIT_HZ / TICK_HZ >> 8));
    timer_pin = irqchip_claim(0);
}

/* All counters at one moment: of several tries the one that was least disturbed. */
static boot_code struct sample sample_take(void)
{
    struct sample best = {0, 0, 0};
    word_t best_width = ~0ul;

    for (unsigned i = 0; i < MEASURE_TRIES; i++) {
        struct sample s;
        word_t before = rdtsc();
        s.pit = pit_read();
        s.lapic = irqchip_has_apic() ? irqchip_lapic()[TIMER_CURRENT] : 0;
        s.tsc = rdtsc();
        word_t width = s.tsc - before;
        s.tsc -= width / 2;
        if (width < best_width) {
            best_width = width;
            best = s;
        }
    }
    return best;
}

/* Starts all counters, waits, and returns the differences. False: the PIT does not count. */
static boot_code bool measure(struct sample *d)
{
    outb(PORT_GATE, (uint8_t)((inb(PORT_GATE) & ~2u) | 1)); /* gate on, speaker off */
    outb(PIT_COMMAND, 0xb0);
    outb(PIT_CHANNEL2, 0xff);
    outb(PIT_CHANNEL2, 0xff);
    if (irqchip_has_apic()) {
        irqchip_lapic()[LVT_TIMER] = LVT_MASKED | VECTOR_TIMER;
        irqchip_lapic()[TIMER_DIVIDE] = DIVIDE_BY_1;
        irqchip_lapic()[TIMER_INITIAL] = ~0u;
    }
    struct sample start = sample_take();
    while (((start.pit - pit_read()) & 0xffff) < MEASURE_COUNTS)
        if (rdtsc() - start.tsc > STUCK_TSC)
            return false;
    struct sample end = sample_take();
    *d = (struct sample){end.tsc - start.tsc, (start.pit - end.pit) & 0xffff, start.lapic - end.lapic};
    return d->pit != 0;
}

void timer_init(void)
{
    struct sample d;

    if (!measure(&d))
        kpanic("no timer to measure the CPU's clock against: the PIT does not count", __FILE__, __LINE__);
    word_t hz = d.tsc * PIT_HZ / d.pit;
    kip.cpu_khz = hz / 1000;
    kip_scaler_us = (word_t)(((unsigned __int128)1000000 << 32) / hz);
    kip_scaler_ns = (word_t)(((unsigned __int128)1000000000 << 27) / hz);
    lapic_ticks = (uint32_t)((word_t)d.lapic * PIT_HZ / d.pit / TICK_HZ);
    kprintf("CPU clock: %lu kHz, tick from the %s\n", kip.cpu_khz, lapic_ticks != 0 ? "local APIC" : "PIT");
    if (lapic_ticks == 0)
        pit_start();
}

bool timer_per_cpu(void) { return lapic_ticks != 0; }

void arch_timer_start(void)
{
    if (lapic_ticks == 0)
        return;
    irqchip_lapic()[TIMER_DIVIDE] = DIVIDE_BY_1;
    irqchip_lapic()[LVT_TIMER] = LVT_PERIODIC | VECTOR_TIMER;
    irqchip_lapic()[TIMER_INITIAL] = lapic_ticks;
}

uint64_t arch_clock_ticks(void) { return rdtsc(); }

uint64_t arch_clock_us(void) { return (uint64_t)((unsigned __int128)rdtsc() * kip_scaler_us >> 32); }
