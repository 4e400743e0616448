/* SPDX-License-Identifier: MIT */
/*
 * TAP output for test programs in C: host units, programs started by ned, and (with a tap_printf of their own, defined
 * before this header) root tasks without a libc. Use in one file per program:
 *
 *     ok(x == 3, "three is three");
 *     is(got, want, "the same number");        prints both when they differ
 *     return tap_done();                       prints the plan; 0 when every test passed
 *
 * The plan comes last, so a program that dies early has no plan and the harness counts it as failed.
 */
#ifndef LABE_TEST_TAP_H
#define LABE_TEST_TAP_H

#ifndef tap_printf
#include <stdio.h>
#define tap_printf(...) (printf(__VA_ARGS__), fflush(stdout))
#endif

static int tap_count;
static int tap_failed;

static inline int tap_result(int passed, const char *name, const char *file, int line)
{
    tap_count++;
    tap_printf("%s %d - %s\n", passed ? "ok" : "not ok", tap_count, name);
    if (!passed) {
        tap_failed++;
        tap_printf("#   at %s:%d\n", file, line);
    }
    return passed;
}

static inline int tap_same(long long got, long long want, const char *name, const char *file, int line)
{
    int passed = tap_result(got == want, name, file, line);

    if (!passed)
        tap_printf("#   got %lld (0x%llx), expected %lld (0x%llx)\n", got, (unsigned long long)got, want,
                   (unsigned long long)want);
    return passed;
}

static inline int tap_done(void)
{
    tap_printf("1..%d\n", tap_count);
    return tap_failed != 0;
}

#define ok(condition, name) tap_result((condition) != 0, name, __FILE__, __LINE__)
#define is(got, want, name) tap_same((long long)(got), (long long)(want), name, __FILE__, __LINE__)

#endif
