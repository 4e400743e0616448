/* SPDX-License-Identifier: MIT */
/*
 * A system call that is a cancellation point: the request is looked at before the call; one that comes later wakes the
 * blocked thread (tkill in process.c), the call then answers -EINTR and musl looks again. The marks that musl's signal
 * handler compares an instruction pointer with exist, but no signal ever arrives between them.
 */
#include "pthread_impl.h"
#include "syscall.h"

hidden long __cancel(void);
hidden long __syscall_cp_asm(volatile void *cancel, syscall_arg_t n, syscall_arg_t a, syscall_arg_t b, syscall_arg_t c,
                             syscall_arg_t d, syscall_arg_t e, syscall_arg_t f);

hidden const char __cp_begin[1], __cp_end[1], __cp_cancel[1];

long __syscall_cp_asm(volatile void *cancel, syscall_arg_t n, syscall_arg_t a, syscall_arg_t b, syscall_arg_t c,
                      syscall_arg_t d, syscall_arg_t e, syscall_arg_t f)
{
    if (*(volatile int *)cancel)
        return __cancel();
    return labe_syscall(n, a, b, c, d, e, f);
}
