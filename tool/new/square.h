/* SPDX-License-Identifier: MIT */
/*
 * What client and server agree on. Message words of a request: operation, number. Answer: the square, and a label
 * (0, or a negative error).
 */
#ifndef SQUARE_H
#define SQUARE_H

enum {
    SQUARE_OF = 1,      /* answer: number * number */
    SQUARE_STOP = 2,    /* the server ends after this answer */
};

#endif
