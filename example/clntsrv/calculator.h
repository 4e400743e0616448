/* SPDX-License-Identifier: MIT */
/*
 * The interface of the calculator. Message registers of a request: operation, operands; of the answer: the result.
 * The label of the answer is 0 or a negative error (l4/sys/err.h).
 */
#ifndef CALCULATOR_H
#define CALCULATOR_H

#define CALCULATOR_PROTOCOL 0x44

enum {
    CALCULATOR_SUB = 0, /* two operands: the first minus the second */
    CALCULATOR_NEG = 1, /* one operand: minus that */
    CALCULATOR_BYE = 2, /* the client has no more questions */
};

#endif
