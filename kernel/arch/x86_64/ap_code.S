/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of every CPU but the boot CPU: from real mode, where the start-up interrupt lets it begin, to
 * 64-bit mode on the kernel's tables and a stack of its own. ap.c copies this code to AP_BASE, fills in the arguments,
 * and takes it away again. It runs there and nowhere else: all addresses are made from AP_BASE.
 */
#include "ap.h"

#define AT(label) (AP_BASE + (label - ap_code))
#define CODE32 0x08
#define DATA 0x10
#define CODE64 0x18

    .section .boot.rodata, "a", @progbits
    .balign 16
    .globl ap_code, ap_code_end, ap_arguments
    .code16
ap_code:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl ap_gdt_pointer - ap_code
    movl $0x11, %eax            /* protection on, caches on */
    movl %eax, %cr0
    ljmpl $CODE32, $AT(ap_32)

    .code32
ap_32:
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    cmpl $0, AT(ap_unhide_nx)
    je 1f
    movl $0x1a0, %ecx           /* firmware may have hidden NX, on each CPU */
    rdmsr
    andl $~4, %edx
    wrmsr
1:  movl $0x20, %eax            /* PAE */
    movl %eax, %cr4
    movl AT(ap_tables), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x901, %eax            /* NX, long mode, syscall */
    wrmsr
    movl $0x80010011, %eax      /* paging, write protection */
    movl %eax, %cr0
    ljmpl $CODE64, $AT(ap_64)

    .code64
ap_64:
    movq AT(ap_stack), %rsp
    movq AT(ap_cpu), %rdi
    movq AT(ap_entry), %rax
    xorl %ebp, %ebp
    call *%rax

    .balign 8
ap_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00af9b000000ffff
ap_gdt_pointer:
    .word ap_gdt_pointer - ap_gdt - 1
    .long AT(ap_gdt)

    .balign 8
ap_arguments:                   /* struct ap_arguments */
ap_tables:      .quad 0
ap_stack:       .quad 0
ap_cpu:         .quad 0
ap_entry:       .quad 0
ap_unhide_nx:   .quad 0
ap_code_end:

    .section .note.GNU-stack, "", @progbits
