/* SPDX-License-Identifier: MIT */
/* Stack of programs that are started without one; a program that needs another size defines both names itself. */
extern char l4_start_stack[];
extern unsigned long const l4_start_stack_size;

char l4_start_stack[16384] __attribute__((aligned(16)));
unsigned long const l4_start_stack_size = sizeof l4_start_stack;
