/* SPDX-License-Identifier: MIT */
/*
 * The seam between musl and Labe, for programs that need to know it: moe and rm, which run without a parent and take
 * only musl's pure functions (see README.md), and tests.
 */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* Every system call of musl. A program without an environment brings its own that answers -ENOSYS (-38). */
long labe_syscall(long number, long a, long b, long c, long d, long e, long f);

/*
 * Thread pointer, errno and locale for the calling, only thread, for programs with a _start of their own: call it
 * before any other function of the C library. Afterwards string, ctype, stdlib's conversions, qsort and the
 * snprintf family work. No constructor runs, nothing is allocated.
 */
void labe_libc_init(void);

#ifdef __cplusplus
}
#endif
