/* SPDX-License-Identifier: MIT */
/* What the Itas interface changes in signal.c. */
#pragma once
#include "rm.h"

#define SIGNAL_MAX 64

struct signal_action { /* the libc's layout */
    uint64_t handler, flags, restorer, mask[16];
};
_Static_assert(sizeof(struct signal_action) == 152, "libc layout");

struct timer_value { /* the libc's layout */
    int64_t seconds, microseconds;
};
struct timer_setting {
    struct timer_value interval, value;
};
long timer_get(unsigned which, struct timer_setting *s);
long timer_set(unsigned which, const struct timer_setting *s, struct timer_setting *old);
l4_timeout_t timer_timeout(void); /* of the next wait: send at once, receive until the timer is due */
bool timer_expired(void);

#define SIGNAL_ALARM 14
long signal_action_change(int signal, const struct signal_action *a, struct signal_action *old);
long signal_raise(int signal, struct thread *t);
void signal_raise_process(int signal); /* at any thread that does not block it */
long signal_mask_change(int how, uint64_t set, struct thread *t, uint64_t *old);
/* The thread that wants signal_interrupt() once the current request is answered, or a null pointer. */
struct thread *signal_after_reply(void);
void signal_interrupt(struct thread *t);
/* An exception at *ip inside a rescue range continues elsewhere: nonzero and *ip changed (service.c). */
int service_rescue(l4_umword_t *ip);
