/* SPDX-License-Identifier: MIT */
/*
 * The command line of the root task.
 *
 *   --init=PATH        program started first (rom/ned)
 *   --debug=FLAGS      what this server reports about itself: info, warn, boot, server, exceptions, loader, ns, all
 *   --l4re-dbg=FLAGS   the same for the in-task service of the init program (warn)
 *   --ldr-flags=FLAGS  loader flags of the init program: eager_map (pre_alloc), all_segs_cow, pinned_segs, exit
 *   --exit-port=HEX    when the init program ends, its exit code is written to this I/O port (QEMU's isa-debug-exit
 *                      is --exit-port=0xf4: the emulator then ends with status 2 * code + 1, code at most 127)
 *   --brk=HEX          accepted; only systems without an MMU use it
 *   --                 the rest are arguments of the init program, as is everything from the first word without a dash
 *
 * Flags are separated by , | or +. An unknown option or flag is reported and ignored.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define CMDLINE_ARGS_MAX 120u
#define CMDLINE_TEXT_MAX 4096u

#define DEBUG_INFO 1u
#define DEBUG_WARN 2u
#define DEBUG_BOOT 4u
#define DEBUG_SERVER 0x10u
#define DEBUG_EXCEPTIONS 0x20u
#define DEBUG_CMDLINE 0x40u
#define DEBUG_LOADER 0x80u
#define DEBUG_NS 0x400u

struct cmdline {
    const char *init;
    unsigned debug, l4re_debug, loader_flags;
    bool has_exit_port;
    unsigned exit_port;
    unsigned arg_count;                  /* args[0] is the init path */
    const char *args[CMDLINE_ARGS_MAX];
    char text[CMDLINE_TEXT_MAX];         /* the words */
};

/* Parses `line` (program name first); warn(message, word) is called for everything that makes no sense. */
void cmdline_parse(struct cmdline *c, const char *line, void (*warn)(const char *message, const char *word));
