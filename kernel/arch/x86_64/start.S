/* SPDX-License-Identifier: MIT */
/*
 * First instructions of the kernel: 64-bit mode, memory identity mapped by the loader, interrupts off. Fills the
 * kernel's first page tables (everything writable and executable; boot.c takes rights away), goes on at the linked
 * address with the boot CPU's stack, and calls arch_start. Owns the memory of these tables and of that stack.
 */
#define IMAGE_BASE 0xffffffff80000000
#define PHYSICAL(symbol) ((symbol) - IMAGE_BASE)
#define TABLE 3                 /* present, writable */
#define PAGE_2M 0x83

    .section .boot.text, "ax", @progbits
    .globl start
start:
    cli
    cld
    movl $PHYSICAL(direct_pd), %edi     /* four directories: the first 4 GiB, one to one */
    movl $PAGE_2M, %eax
    movl $2048, %ecx
1:  movq %rax, (%rdi)
    addq $0x200000, %rax
    addq $8, %rdi
    decl %ecx
    jnz 1b
    movl $PHYSICAL(direct_pd) + TABLE, %eax
    movl $PHYSICAL(direct_pdpt), %edi
    movl $4, %ecx
1:  movq %rax, (%rdi)
    addq $4096, %rax
    addq $8, %rdi
    decl %ecx
    jnz 1b
    movl $PHYSICAL(image_start) + TABLE, %eax   /* the image, in pages of 4 KiB */
    movl $PHYSICAL(image_pt), %edi
    movl $512, %ecx
1:  movq %rax, (%rdi)
    addq $4096, %rax
    addq $8, %rdi
    decl %ecx
    jnz 1b
    movq $PHYSICAL(image_pt) + TABLE, PHYSICAL(image_pd) + 8    /* at 2 MiB */
    movq $PHYSICAL(image_pd) + TABLE, PHYSICAL(image_pdpt) + 510 * 8
    movq $PHYSICAL(mmio_pd) + TABLE, PHYSICAL(image_pdpt) + 511 * 8
    movq $PHYSICAL(mmio_pt) + TABLE, PHYSICAL(mmio_pd)
    movq $PHYSICAL(image_pdpt) + TABLE, PHYSICAL(kernel_pml4) + 511 * 8
    movq $PHYSICAL(direct_pdpt) + TABLE, PHYSICAL(kernel_pml4) + 256 * 8
    movq $PHYSICAL(direct_pdpt) + TABLE, PHYSICAL(kernel_pml4)  /* until the jump below */
    movl $PHYSICAL(kernel_pml4), %eax
    movq %rax, %cr3
    movq $high, %rax
    jmp *%rax
high:
    movq $boot_stack_top, %rsp
    xorl %ebp, %ebp
    call arch_start

    .bss
    .balign 4096
    .globl kernel_pml4, direct_pd, image_pt, alias_pt, mmio_pd, mmio_pt, boot_stack_guard, boot_stack_top
kernel_pml4:    .skip 4096
direct_pdpt:    .skip 4096
direct_pd:      .skip 4 * 4096
image_pdpt:     .skip 4096
image_pd:       .skip 4096
image_pt:       .skip 4096
alias_pt:       .skip 4096      /* the image as it appears in the direct map */
mmio_pd:        .skip 4096
mmio_pt:        .skip 4096
boot_stack_guard: .skip 4096    /* not mapped: an overflow ends in a double fault, with a message */
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
