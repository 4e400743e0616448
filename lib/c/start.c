/* SPDX-License-Identifier: MIT */
/*
 * The first C code of a program. The loader's stack (argc, argv, envp, auxv) lacks what musl wants: AT_PHDR is there
 * only for binaries that carry a PT_PHDR. So the vector is copied once, with the missing entries behind it, and musl
 * starts on the copy. The environment structure and the kernel info page come from the same vector.
 */
#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <l4/re/start.h>

#define THREAD_STACK_SIZE (0x200000u - 4096u) /* musl's own 128 KiB are less than programs for L4Re count on */

extern const Elf64_Ehdr __ehdr_start;
extern unsigned __default_stacksize; /* musl's; a larger PT_GNU_STACK of the program counts more */
_Noreturn void _start_c(long *stack);
_Noreturn void labe_start(long *stack);

static int auxv_has(const long *auxv, long type)
{
    for (; auxv[0] != AT_NULL; auxv += 2)
        if (auxv[0] == type)
            return 1;
    return 0;
}

_Noreturn void labe_start(long *stack)
{
    struct l4re_start found;

    l4re_start_init((l4_umword_t *)stack, &found);
    const long *auxv = (const long *)found.auxv;
    size_t end = (size_t)(auxv - stack);
    while (stack[end] != AT_NULL)
        end += 2;

    __default_stacksize = THREAD_STACK_SIZE;
    long copy[end + 8];
    memcpy(copy, stack, end * sizeof *copy);
    if (!auxv_has(auxv, AT_PHDR)) {
        const long own[6] = {AT_PHDR, (long)((const char *)&__ehdr_start + __ehdr_start.e_phoff),
                             AT_PHNUM, __ehdr_start.e_phnum, AT_PHENT, __ehdr_start.e_phentsize};
        memcpy(copy + end, own, sizeof own);
        end += 6;
    }
    copy[end] = copy[end + 1] = AT_NULL;
    _start_c(copy);
}
