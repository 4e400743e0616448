/* SPDX-License-Identifier: MIT */
/* ELF files of this architecture. */
#pragma once
#include <elf.h>
#include <l4/sys/compiler.h>
#include <l4/re/elf_aux.h>
#include <l4/re/l4aux.h>

#ifndef ElfW
#define ElfW(type) Elf64_ ## type /* letter by letter as in <link.h> */
#endif

#define L4_ARCH_EI_DATA ELFDATA2LSB
#define L4_ARCH_EI_CLASS ELFCLASS64
#define L4_ARCH_E_MACHINE EM_X86_64

/* Nonzero when the file at hdr begins like an ELF file. */
L4_INLINE int l4util_elf_check_magic(ElfW(Ehdr) const *hdr)
{
    return hdr->e_ident[0] == 0x7f && hdr->e_ident[1] == 'E' && hdr->e_ident[2] == 'L' && hdr->e_ident[3] == 'F';
}
/* Nonzero when it is for this architecture. */
L4_INLINE int l4util_elf_check_arch(ElfW(Ehdr) const *hdr)
{
    return hdr->e_ident[EI_CLASS] == L4_ARCH_EI_CLASS && hdr->e_ident[EI_DATA] == L4_ARCH_EI_DATA &&
           hdr->e_machine == L4_ARCH_E_MACHINE;
}
/* Its first program header. Whether it lies inside the file is for the caller to see. */
L4_INLINE ElfW(Phdr) *l4util_elf_phdr(ElfW(Ehdr) const *hdr)
{
    return (ElfW(Phdr) *)((l4_addr_t)hdr + hdr->e_phoff);
}
