/* SPDX-License-Identifier: MIT */
/* The choice without a short way. */
#include "fastpath.h"

struct thread *kernel_syscall(struct thread *self)
{
    return syscall_general(self);
}
