/* SPDX-License-Identifier: MIT */
/* The thread pointer of the calling thread, set through the kernel's thread operation; called once, for main. */
#include "pthread_impl.h"

int labe_thread_pointer_set(void *);

hidden int __set_thread_area(void *p)
{
    return labe_thread_pointer_set(p);
}
