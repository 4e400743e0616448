/* SPDX-License-Identifier: MIT */
/*
 * The kernel console's device: a 16550 at the I/O port that the options area names. Without one, output disappears and
 * there is no input. Also the two ways to end: reboot and halt.
 */
#include "smp.h"
#include "x86.h"

#define ACCESS_PORT 1u
#define REG_DATA 0u
#define REG_INTERRUPTS 1u
#define REG_FIFO 2u
#define REG_LINE 3u
#define REG_MODEM 4u
#define REG_STATUS 5u
#define STATUS_INPUT 1u
#define STATUS_OUTPUT_EMPTY 0x20u
#define SPINS_MAX 1000000u /* a device that is gone must not stop the kernel */
#define PORT_DEBUG_EXIT 0xf4u

static uint16_t port;

void uart_init(void)
{
    if ((kernel_options.flags & L4_OPT_NOSERIAL) || kernel_options.uart_access != ACCESS_PORT)
        return;
    if (kernel_options.uart_base == 0 || kernel_options.uart_base > 0xfff8)
        return;
    port = (uint16_t)kernel_options.uart_base;
    uint32_t baud = kernel_options.uart_baud != 0 ? kernel_options.uart_baud : 115200;
    uint32_t clock = kernel_options.uart_base_baud != 0 ? kernel_options.uart_base_baud : 1843200;
    uint32_t divisor = clock / 16 / baud;
    if (divisor == 0)
        divisor = 1;
    outb((uint16_t)(port + REG_INTERRUPTS), 0);
    outb((uint16_t)(port + REG_LINE), 0x80); /* the first two registers are the divisor */
    outb((uint16_t)(port + REG_DATA), (uint8_t)divisor);
    outb((uint16_t)(port + REG_INTERRUPTS), (uint8_t)(divisor >> 8));
    outb((uint16_t)(port + REG_LINE), 3);    /* 8 bits, no parity */
    outb((uint16_t)(port + REG_FIFO), 1);
    outb((uint16_t)(port + REG_MODEM), 0xb); /* DTR, RTS, interrupt line on */
}

void uart_irq_enable(void)
{
    if (port != 0)
        outb((uint16_t)(port + REG_INTERRUPTS), 1);
}

unsigned arch_console_put(char c)
{
    unsigned spins = 0;

    if (port == 0)
        return 0;
    for (; spins < SPINS_MAX && !(inb((uint16_t)(port + REG_STATUS)) & STATUS_OUTPUT_EMPTY); spins++)
        __asm__ volatile("pause");
    outb(port, (uint8_t)c);
    return spins;
}

int arch_console_get(void)
{
    if (port == 0)
        return -1;
    uint8_t status = inb((uint16_t)(port + REG_STATUS));
    return status != 0xff && (status & STATUS_INPUT) ? inb(port) : -1;
}

_Noreturn void arch_reboot(void)
{
    static const struct {
        uint16_t limit;
        word_t base;
    } __attribute__((packed)) no_idt = {0, 0};

    outb(0xcf9, 2);
    outb(0xcf9, 6);
    for (unsigned i = 0; i < 100000 && (inb(0x64) & 2); i++)
        ;
    outb(0x64, 0xfe);
    for (unsigned i = 0; i < 100000; i++)
        inb(0x80);
    __asm__ volatile("lidt %0\n\tint3" ::"m"(no_idt)); /* an exception without handler resets the CPU */
    for (;;)
        __asm__ volatile("hlt");
}

_Noreturn void arch_halt(void)
{
    outb(PORT_DEBUG_EXIT, 0x7f);
    if (cpu_count > 1)
        irqchip_ipi(0, ICR_INIT | ICR_ALL_OTHERS);
    for (;;)
        __asm__ volatile("cli; hlt");
}
