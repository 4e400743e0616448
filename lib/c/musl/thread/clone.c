/* SPDX-License-Identifier: MIT */
/*
 * A new thread of the same task. musl calls this for pthread_create, with everything shared, and for posix_spawn and
 * vfork-like things, which need a new process and cannot be had.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include "pthread_impl.h"
#include "syscall.h"

hidden int __clone(int (*start)(void *), void *stack, int flags, void *arg, ...)
{
    const int needed = CLONE_VM | CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    if ((flags & needed) != needed)
        return -ENOSYS;

    va_list ap;
    va_start(ap, arg);
    int *tid = va_arg(ap, int *);
    void *thread_pointer = va_arg(ap, void *);
    int *exit_futex = va_arg(ap, int *);
    va_end(ap);
    return (int)__syscall(SYS_clone, start, arg, stack, thread_pointer, tid, exit_futex);
}
