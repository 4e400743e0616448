/* SPDX-License-Identifier: MIT */
/* <pthread-l4.h>; it stands here because it looks into musl's descriptor of a thread. */
#include "pthread_impl.h"

unsigned long labe_thread_cap(long tid);
void *labe_thread_utcb(long tid);
unsigned long pthread_l4_cap(pthread_t t);
void *pthread_l4_utcb(pthread_t t);
void pthread_l4_for_each_thread(void (*fn)(pthread_t));

unsigned long pthread_l4_cap(pthread_t t)
{
    return labe_thread_cap(t->tid);
}

void *pthread_l4_utcb(pthread_t t)
{
    return labe_thread_utcb(t->tid);
}

void pthread_l4_for_each_thread(void (*fn)(pthread_t))
{
    pthread_t self = __pthread_self(), t = self;

    __tl_lock();
    do {
        fn(t);
        t = t->next;
    } while (t != self);
    __tl_unlock();
}
