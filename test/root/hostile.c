/* SPDX-License-Identifier: MIT */
/* Random system calls of hostile programs, see hostile.h: some seconds of them. */
#define HOSTILE_CALLS 100000u
#include "hostile.h"
