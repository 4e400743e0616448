/* SPDX-License-Identifier: MIT */
/* What client and server agree on: the label of a request. Its one word is n, the answer's is the n-th number. */
#ifndef FIBONACCI_H
#define FIBONACCI_H

enum { FIBONACCI_NUMBER = 1, FIBONACCI_STOP = 2 };

#endif
