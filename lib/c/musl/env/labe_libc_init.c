/* SPDX-License-Identifier: MIT */
/* labe_libc_init: see labe/libc.h. It stands here because it uses musl's own start-up functions. */
#include <elf.h>
#include <stddef.h>
#include "libc.h"

extern const Elf64_Ehdr __ehdr_start;
void labe_libc_init(void);

void labe_libc_init(void)
{
    size_t aux[AT_PHNUM + 1] = {
        [AT_PHDR] = (size_t)&__ehdr_start + __ehdr_start.e_phoff,
        [AT_PHNUM] = __ehdr_start.e_phnum,
        [AT_PHENT] = __ehdr_start.e_phentsize,
    };
    libc.page_size = 4096;
    __init_tls(aux);
}
