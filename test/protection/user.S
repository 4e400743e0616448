/* SPDX-License-Identifier: MIT */
/* Two root tasks for view.t: one stays in user mode (SPIN), the other one waits for a message for ever. */
#define WAIT 6                  /* receive, from anybody */
    .globl _start
_start:
#ifndef SPIN
    movq $-0x800 + WAIT, %rdx
    xorl %eax, %eax
    xorl %r8d, %r8d
    syscall
#endif
    movq $0x5a5a5a5a5a5a5a5a, %rbx
1:  pause
    jmp 1b
    .section .note.GNU-stack, "", @progbits
