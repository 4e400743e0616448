/* SPDX-License-Identifier: MIT */
/*
 * The kernel interface page and the options area, as they lie in the image: the boot loader fills addresses and memory
 * descriptors, the kernel the scalers and its own descriptors. The page holds code that user programs call to read
 * the clock; it reads only data of the same page, relative to itself.
 */
    .section .kip, "aw", @progbits
    .balign 4096
    .globl kip
    .type kip, @object
    .size kip, 4096
kip:
    .long 0x4be6344c            /* magic */
    .long 0x87034444            /* version */
    .byte 0x49, 0, 0, 0         /* strings at 0x490 */
    .org 0x50
    .long 1000                  /* scheduling granularity: the timer's period */
    .long 0x90, 64              /* memory descriptors */
    .org 0x490
    .asciz "Labe microkernel for x86-64"
    .asciz "abiver:3"
    .asciz "mapdb"
    .asciz "segments"
    .asciz "pf_tramp"
    .byte 0

/* Clock in µs: TSC * scaler >> 32. */
    .org 0x900
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    mulq kip_scaler_us(%rip)
    shrdq $32, %rdx, %rax
    ret

/* Clock in ns: TSC * scaler >> 27. */
    .org 0x980
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    mulq kip_scaler_ns(%rip)
    shrdq $27, %rdx, %rax
    ret

    .org 0x9f0
    .globl kip_scaler_us, kip_scaler_ns
kip_scaler_us:
    .quad 0
kip_scaler_ns:
    .quad 0
    .org 0x1000

/* Version 6; the boot loader fills it from the kernel's command line. */
    .section .options, "aw", @progbits
    .balign 4096
    .globl kernel_options
    .type kernel_options, @object
    .size kernel_options, 220
kernel_options:
    .long 0x4c344b43, 6
    .org 0x1000

    .section .note.GNU-stack, "", @progbits
