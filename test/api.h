/* SPDX-License-Identifier: MIT */
/*
 * What an interface promises to programs that are compiled against it, as tables of facts: a name that is missing does
 * not compile, and one that differs is reported by API_CHECK.
 */
#pragma once
#include <stddef.h>
#include <tap.h>

struct api_fact {
    const char *name;
    long got, want;
};

/* The function has this type: result, then parameters. */
#define SAME(f, result, ...) {#f, __builtin_types_compatible_p(__typeof__(f), result(__VA_ARGS__)), 1}
#define IS(constant, value) {#constant, (long)(constant), (long)(value)}
#define SIZE(type, bytes) {"size of " #type, (long)sizeof(type), bytes}
#define AT(type, field, bytes) {#type "." #field, (long)offsetof(type, field), bytes}

static inline void api_check(const struct api_fact *facts, size_t count, const char *what)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++)
        if (facts[i].got != facts[i].want) {
            is(facts[i].got, facts[i].want, facts[i].name);
            wrong++;
        }
    is(wrong, 0, what);
}
#define API_CHECK(facts) api_check(facts, sizeof(facts) / sizeof *(facts), #facts " are as described")
