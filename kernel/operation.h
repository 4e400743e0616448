/* SPDX-License-Identifier: MIT */
/*
 * Dispatch by the table of operations, ops.def: right and number of words are checked here, so that no handler can
 * forget. The file of an object says which rows are its own and how a handler is called, and lets the table write its
 * cases:
 *
 *     #define OPERATIONS_OF_THREAD OPERATIONS_MINE
 *     #define OPERATION(handler) thread_##handler(t, in)
 *
 *     switch (operation_key(l4_tag_label(in->tag), op)) {
 *     #include <l4/ops.def>
 *     default:
 *         return tag_label(-L4_ERR_NOSYS);
 *     }
 *
 * `in` is the struct invoke; the message has at least one word.
 */
#pragma once
#include "kobj.h"

/* One number for protocol and code. Codes have 16 bits; a larger one never matches. */
#define OPERATION_KEY(proto, code) ((word_t)(-(proto)) << 16 | (code))
static inline word_t operation_key(long proto, word_t code)
{
    return code > 0xffffu ? ~0ul : OPERATION_KEY(proto, code);
}

/* OPERATIONS_OF_X is "anything, OPERATION_CASE" for an object of this file, and one word (no macro) for every other. */
#define OPERATIONS_MINE , OPERATION_CASE
#define OPERATION_SECOND(first, second, ...) second
#define OPERATION_PICK(...) OPERATION_SECOND(__VA_ARGS__)

#define L4_OP(object, proto, name, code, right, words, short, handler, errors)                                         \
    OPERATION_PICK(OPERATIONS_OF_##object, OPERATION_NO_CASE, )(proto, code, right, words, short, handler)
#define OPERATION_NO_CASE(proto, code, right, words, short, handler)
#define OPERATION_CASE(proto, code, right, words, short, handler)                                                      \
    case OPERATION_KEY(proto, code):                                                                                   \
        if ((right) != 0 && !(in->rights & (right)))                                                                   \
            return tag_label(-L4_ERR_PERM);                                                                            \
        if (l4_tag_words(in->tag) < (words))                                                                           \
            return tag_label(-L4_ERR_##short);                                                                         \
        return OPERATION(handler);
