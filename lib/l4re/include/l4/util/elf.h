/* SPDX-License-Identifier: MIT */
/* ELF files of this architecture, seen from their first bytes. */
#pragma once
#include <l4/sys/compiler.h>
#include <l4/re/elf_aux.h>
#include <l4/re/l4aux.h>

#define L4_ARCH_EI_DATA 1     /* little endian */
#define L4_ARCH_EI_CLASS 2    /* 64 bit */
#define L4_ARCH_E_MACHINE 62  /* amd64 */

/* Nonzero when the file at hdr (at least 20 bytes) begins like an ELF file. */
L4_INLINE int l4util_elf_check_magic(void const *hdr)
{
    unsigned char const *h = (unsigned char const *)hdr;

    return h[0] == 0x7f && h[1] == 'E' && h[2] == 'L' && h[3] == 'F';
}
/* Nonzero when it is for this architecture. */
L4_INLINE int l4util_elf_check_arch(void const *hdr)
{
    unsigned char const *h = (unsigned char const *)hdr;

    return h[4] == L4_ARCH_EI_CLASS && h[5] == L4_ARCH_EI_DATA && (h[18] | h[19] << 8) == L4_ARCH_E_MACHINE;
}
