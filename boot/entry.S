/* SPDX-License-Identifier: MIT */
/*
 * Entry from a multiboot 1 or 2 loader: 32-bit protected mode, paging off, eax = loader's magic, ebx = its information.
 * Builds an identity map of the first 4 GiB (2 MiB pages), enters long mode, calls boot_main(magic, information).
 * Also here: the jump into the moved copy of the stage, and the jump into the kernel.
 *
 * The 32-bit part runs exactly once, at the address the stage is linked to; it alone uses absolute addresses.
 */
#define MB1_MAGIC   0x1badb002
#define MB1_FLAGS   3                   /* modules page aligned, memory information */
#define MB2_MAGIC   0xe85250d6
#define COM1        0x3f8
#define EFER        0xc0000080
#define CODE64      8
#define DATA64      16

    .section .multiboot, "a"
    .balign 8
mb2_header:
    .long MB2_MAGIC, 0, mb2_header_end - mb2_header
    .long 0x100000000 - (MB2_MAGIC + mb2_header_end - mb2_header)
    .short 6, 0                         /* modules page aligned */
    .long 8
    .short 0, 0
    .long 8
mb2_header_end:
mb1_header:
    .long MB1_MAGIC, MB1_FLAGS, 0x100000000 - (MB1_MAGIC + MB1_FLAGS)

    .text
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    movl $boot_stack_top, %esp
    movl %eax, %edi
    movl %ebx, %esi

    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc no_long_mode

    movl $boot_pdpt + 3, boot_pml4
    movl $boot_pd + 3, %eax             /* four page directories, one after the other */
    movl $boot_pdpt, %ebx
    movl $4, %ecx
1:  movl %eax, (%ebx)
    addl $4096, %eax
    addl $8, %ebx
    loop 1b
    movl $0x83, %eax                    /* present, writable, 2 MiB */
    movl $boot_pd, %ebx
    movl $2048, %ecx
1:  movl %eax, (%ebx)
    addl $0x200000, %eax
    addl $8, %ebx
    loop 1b

    movl %cr4, %eax
    orl $0x20, %eax                     /* PAE */
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $0x100, %eax                    /* long mode */
    wrmsr
    movl %cr0, %eax
    orl $0x80000001, %eax
    movl %eax, %cr0
    lgdt gdt_pointer_32
    ljmp $CODE64, $long_mode

    .code64
long_mode:
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl $DATA64, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $boot_stack_top, %esp
    movl %edi, %edi                     /* the loader said nothing about the upper halves */
    movl %esi, %esi
    xorl %ebp, %ebp
    call boot_main
1:  hlt
    jmp 1b

    .code32
no_long_mode:
    movl $no_long_mode_text, %esi
    movl $0xb8000, %edi
1:  lodsb
    testb %al, %al
    jz 3f
    movb $0x4f, %ah
    movw %ax, (%edi)
    addl $2, %edi
    movb %al, %bl
    movl $0x10000, %ecx
    movw $COM1 + 5, %dx
2:  inb %dx, %al
    testb $0x20, %al
    loopz 2b
    movw $COM1, %dx
    movb %bl, %al
    outb %al, %dx
    jmp 1b
3:  cli
    hlt
    jmp 3b
no_long_mode_text:
    .asciz "boot: error: this CPU has no 64-bit mode\r\n"

    .code64
/* void boot_continue(void *stack_top, const struct gdt_pointer *gdt, uint64_t cr3, void (*entry)(void))
 * Goes on at entry with a new stack, descriptor table and page tables; does not return. */
    .globl boot_continue
boot_continue:
    lgdt (%rsi)
    movq %rdx, %cr3
    movq %rdi, %rsp
    xorl %ebp, %ebp
    pushq $0
    pushq $CODE64
    pushq %rcx
    lretq

/* void kernel_enter(uint64_t entry): calls the kernel as the hand-over demands; returns only if the kernel does. */
    .globl kernel_enter
kernel_enter:
    cli
    cld
    movq %cr4, %rax
    andq $~0x200, %rax                  /* OSFXSR off */
    movq %rax, %cr4
    movq %rdi, %rax
    xorl %ebx, %ebx
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %ebp, %ebp
    call *%rax
    ret

    .section .rodata
    .balign 8
    .globl boot_gdt
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff            /* 64-bit code */
    .quad 0x00cf93000000ffff            /* data */
boot_gdt_end:
gdt_pointer_32:
    .short boot_gdt_end - boot_gdt - 1
    .long boot_gdt

    .bss
    .balign 4096
    .globl boot_pml4, boot_pdpt, boot_pd, boot_stack_top
boot_pml4:  .skip 4096
boot_pdpt:  .skip 4096
boot_pd:    .skip 4 * 4096
boot_stack: .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
