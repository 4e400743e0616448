/* SPDX-License-Identifier: MIT */
/* The choice without a short way. */
#include "fastpath.h"

struct thread *kernel_syscall(struct thread *self, word_t label, word_t dest, word_t tag, word_t timeout)
{
    (void)label;
    (void)dest;
    (void)tag;
    (void)timeout;
    return syscall_general(self);
}
