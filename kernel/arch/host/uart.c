/* SPDX-License-Identifier: MIT */
/* The console: output is kept, input comes from the test. */
#include "host.h"
#include <stdio.h>
#include <string.h>

static char output[1 << 16];
static size_t output_len;
static uint64_t output_count;
static char input[4096];
static size_t input_first, input_end;
static bool echo;

void host_uart_echo(bool on) { echo = on; }

unsigned arch_console_put(char c)
{
    if (echo)
        fputc(c, stderr);
    if (output_len == sizeof output - 1) { /* keep the newer half */
        output_len = sizeof output / 2;
        memmove(output, output + sizeof output - 1 - output_len, output_len);
    }
    output[output_len++] = c;
    output_count++;
    output[output_len] = '\0';
    return 0;
}

uint64_t host_output_count(void) { return output_count; }

const char *host_output_last(size_t n) { return output + (output_len > n ? output_len - n : 0); }

int arch_console_get(void)
{
    return input_first < input_end ? (unsigned char)input[input_first++] : -1;
}

const char *host_output(bool clear)
{
    static char copy[sizeof output];

    memcpy(copy, output, output_len);
    copy[output_len] = '\0';
    if (clear)
        output_len = 0;
    return copy;
}

void host_input(const char *text)
{
    if (input_first == input_end)
        input_first = input_end = 0;
    for (; *text != '\0' && input_end < sizeof input; text++)
        input[input_end++] = *text;
    host_console_entry();
}
