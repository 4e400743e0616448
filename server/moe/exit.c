/* SPDX-License-Identifier: MIT */
/* Writes an exit code to an I/O port; the contract is in exit.h. */
#include "exit.h"
#include "mem.h"
#include "moe.h"

void exit_machine(long code)
{
    if (!moe.options.has_exit_port)
        return;
    log_flush();
    long r = mem_port(moe.options.exit_port);
    if (r < 0) {
        say("I/O port %x is not available: %ld", moe.options.exit_port, r);
        return;
    }
    unsigned char value = (unsigned char)(code < 0 || code > EXIT_CODE_MAX ? EXIT_CODE_MAX : code);
    unsigned short port = (unsigned short)moe.options.exit_port;
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
