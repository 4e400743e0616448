/* SPDX-License-Identifier: MIT */
/* The end of the whole machine, when the command line names a port for it (--exit-port). */
#pragma once

#define EXIT_CODE_MAX 127     /* what isa-debug-exit can tell: status 2 * code + 1 in eight bits */
#define EXIT_NO_INIT 126      /* the init process could not be started */

/* Returns only when no port was named or the port does not end the machine. */
void exit_machine(long code);
