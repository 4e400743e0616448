/* SPDX-License-Identifier: MIT */
/*
 * Sites: instructions of the ways in and out in whose place isolation.c and barriers.c put a jump or call when this CPU
 * needs it, at boot, before text becomes read-only. So what is off costs nothing. A site is at least 5 bytes that are
 * never entered in the middle; what follows a return instruction up to that length is never executed. One that becomes
 * a call is 5 bytes exactly: what is left of a longer instruction would be executed after the call.
 */
#pragma once

#define SITE_SYSRET 0             /* sysret, and iret to user mode */
#define SITE_IRET 1
#define SITE_SYSRET_ISOLATED 2    /* the same, on the user's page tables */
#define SITE_IRET_ISOLATED 3
#define SITE_EXCEPTION 4          /* heads of the entries: the stub has pushed the vector */
#define SITE_INTERRUPT 5
#define SITE_NMI 6
#define SITE_FATAL 7
#define SITE_CALL_SYSCALL 8       /* calls of C from the entries, on the kernel's stack */
#define SITE_CALL_EXCEPTION 9
#define SITE_CALL_INTERRUPT 10
#define SITE_FLUSH 11             /* invlpg of a page of the space that runs */

#ifdef __ASSEMBLER__
/* The next instruction is a site. */
.macro SITE kind
    .pushsection .sites, "a", @progbits
    .quad 771f, \kind
    .popsection
771:
.endm
#else
#include "base.h"
#define SITE_STRING(x) #x
#define SITE_ASM(kind)                                                                                                 \
    ".pushsection .sites, \"a\", @progbits\n\t.quad 771f, " SITE_STRING(kind) "\n\t.popsection\n771:\n\t"
#define SITE_JUMP 0xe9u
#define SITE_CALL 0xe8u

/* All sites of that kind become a jump to, or a call of, target. Before text is read-only (boot.c). */
boot_code void sites_patch(unsigned kind, unsigned opcode, const char *target);
#endif
