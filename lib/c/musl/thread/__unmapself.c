/* SPDX-License-Identifier: MIT */
/* The end of a detached thread: its stack goes, then the thread; both happen on a stack that stays (thread.c). */
#include "pthread_impl.h"

_Noreturn void labe_thread_exit(void *base, size_t size);

hidden _Noreturn void __unmapself(void *base, size_t size)
{
    labe_thread_exit(base, size);
}
