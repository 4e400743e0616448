/* SPDX-License-Identifier: MIT */
/*
 * Messages for people: serial line (115200 8N1) and VGA text screen, whichever is there.
 * Owns the screen position. boot_fail prints, tells QEMU that the start failed, and halts.
 */
#include "boot.h"
#include "io.h"

#define SCREEN_ROWS     25u
#define SCREEN_COLUMNS  80u
#define SCREEN          ((volatile uint16_t *)0xb8000)
#define VGA_INDEX       0x3d4
#define VGA_DATA        0x3d5

#define UART_SPINS_MAX  100000u

#define QEMU_CONFIG_SELECT  0x510
#define QEMU_CONFIG_DATA    0x511
#define QEMU_EXIT           0xf4
#define QEMU_EXIT_FAILED    1           /* QEMU ends with status 2 * 1 + 1 */

static uint16_t serial_port;            /* 0: off */
static bool screen_on;
static unsigned screen_pos;

void console_init_serial(uint16_t port)
{
    io_out8(port + 1, 0);               /* no interrupts */
    io_out8(port + 3, 0x80);
    io_out8(port + 0, 1);               /* divisor 1: 115200 */
    io_out8(port + 1, 0);
    io_out8(port + 3, 0x03);            /* 8N1 */
    io_out8(port + 2, 0x01);            /* FIFO on */
    io_out8(port + 4, 0x03);            /* DTR, RTS */
    serial_port = port;
}

void console_serial_off(void)
{
    serial_port = 0;
}

uint16_t console_serial_port(void)
{
    return serial_port;
}

void console_init_screen(void)
{
    io_out8(VGA_INDEX, 0x0e);
    screen_pos = (unsigned)io_in8(VGA_DATA) << 8;
    io_out8(VGA_INDEX, 0x0f);
    screen_pos |= io_in8(VGA_DATA);
    if (screen_pos >= SCREEN_ROWS * SCREEN_COLUMNS)
        screen_pos = 0;
    screen_on = true;
}

static void serial_put(char c)
{
    /* A port that answers nothing must not hang the start. */
    for (unsigned i = 0; i < UART_SPINS_MAX && !(io_in8(serial_port + 5) & 0x20); i++)
        ;
    io_out8(serial_port, (uint8_t)c);
}

static void screen_put(char c)
{
    if (c == '\n')
        screen_pos += SCREEN_COLUMNS - screen_pos % SCREEN_COLUMNS;
    else
        SCREEN[screen_pos++] = (uint16_t)(0x0700 | (uint8_t)c);
    if (screen_pos >= SCREEN_ROWS * SCREEN_COLUMNS) {
        for (unsigned i = 0; i < (SCREEN_ROWS - 1) * SCREEN_COLUMNS; i++)
            SCREEN[i] = SCREEN[i + SCREEN_COLUMNS];
        for (unsigned i = 0; i < SCREEN_COLUMNS; i++)
            SCREEN[(SCREEN_ROWS - 1) * SCREEN_COLUMNS + i] = 0x0720;
        screen_pos -= SCREEN_COLUMNS;
    }
    io_out8(VGA_INDEX, 0x0e);
    io_out8(VGA_DATA, (uint8_t)(screen_pos >> 8));
    io_out8(VGA_INDEX, 0x0f);
    io_out8(VGA_DATA, (uint8_t)screen_pos);
}

static void put(char c)
{
    if (serial_port != 0) {
        if (c == '\n')
            serial_put('\r');
        serial_put(c);
    }
    if (screen_on)
        screen_put(c);
}

static void put_number(uint64_t value, unsigned base, unsigned width, char pad)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = (char)(value % base < 10 ? '0' + value % base : 'a' + value % base - 10);
        value /= base;
    } while (value != 0);
    for (; width > n; width--)
        put(pad);
    while (n > 0)
        put(digits[--n]);
}

/* %s %.*s %c %u %x with l, ll and a width; nothing else. */
static void print_list(const char *format, va_list *args)
{
    for (; *format != 0; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        unsigned width = 0, limit = ~0u, longs = 0;
        char pad = ' ';
        format++;
        if (*format == '0')
            pad = *format++;
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + (unsigned)(*format - '0');
        if (format[0] == '.' && format[1] == '*') {
            limit = (unsigned)va_arg(*args, int);
            format += 2;
        }
        for (; *format == 'l'; format++)
            longs++;
        if (*format == 's') {
            const char *s = va_arg(*args, const char *);
            for (unsigned i = 0; i < limit && s[i] != 0; i++)
                put(s[i]);
        } else if (*format == 'c') {
            put((char)va_arg(*args, int));
        } else {
            uint64_t value = longs > 0 ? va_arg(*args, unsigned long) : va_arg(*args, unsigned int);
            put_number(value, *format == 'x' ? 16 : 10, width, pad);
        }
    }
}

void console_print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_list(format, &args);
    va_end(args);
}

/* QEMU shows itself by its configuration port; elsewhere the exit port may be something else and is left alone. */
static bool is_qemu(void)
{
    static const char signature[4] = "QEMU";

    io_out16(QEMU_CONFIG_SELECT, 0);
    for (unsigned i = 0; i < sizeof(signature); i++)
        if (io_in8(QEMU_CONFIG_DATA) != (uint8_t)signature[i])
            return false;
    return true;
}

void boot_fail(const char *format, ...)
{
    va_list args;

    console_print("boot: error: ");
    va_start(args, format);
    print_list(format, &args);
    va_end(args);
    console_print("\n");
    if (is_qemu())
        io_out8(QEMU_EXIT, QEMU_EXIT_FAILED);
    for (;;)
        __asm__ volatile("cli; hlt");
}
