/* SPDX-License-Identifier: MIT */
/* What client and server agree on: the label of a request; its one word is n, the answer's one word is the n-th number. */
#ifndef FIBONACCI_H
#define FIBONACCI_H

enum { FIBONACCI_NUMBER = 1, FIBONACCI_STOP = 2 };

#endif
