/* SPDX-License-Identifier: MIT */
/*
 * Takes the place of musl's arch/x86_64/crt_arch.h: the first instructions of a program. The stack pointer is at argc;
 * labe_start (lib/c/start.c) reads what the loader left there and goes on to musl's START_c.
 */
__asm__(
    ".text\n"
    ".global " START "\n"
    ".type " START ", @function\n"
    START ":\n"
    "   xor %ebp, %ebp\n"
    "   mov %rsp, %rdi\n"
    "   and $-16, %rsp\n"
    "   call labe_start\n"
    "   hlt\n"
    ".size " START ", . - " START "\n"
);
