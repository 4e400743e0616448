/* SPDX-License-Identifier: MIT */
/* Stands for sigma0 and the root task: never runs. NUMBER is what the test kernel reads at the entry point. */
    .text
    .globl _start
_start:
    .long NUMBER
    .data
    .fill 5000, 1, 0x5a
    .bss
    .skip 9000
    .section .note.GNU-stack, "", @progbits
