#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The ways in which a C program can end, and what its parent, its log and the command line learn of it.

. "$(dirname "$0")/../tap.sh"
cd "$tmp"

mkdir ends
cat > ends/end.c << 'END'
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int *volatile nowhere;
static volatile int zero;

static void last_words(void) { printf("at exit\n"); }

static void *other_thread(void *how)
{
    if (strcmp(how, "thread-exit") == 0)
        exit(9);
    if (strcmp(how, "thread-null") == 0)
        return (void *)(long)*nowhere;
    sleep(1);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *how = argv[argc - 1];
    pthread_t t;

    printf("unfinished line of %s;", how);
    if (strcmp(how, "return") == 0)
        return 7;
    atexit(last_words);
    if (strcmp(how, "exit") == 0)
        exit(42);
    if (strcmp(how, "_exit") == 0)
        _exit(3);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(how, "quit") == 0)
        raise(SIGQUIT);
    if (strcmp(how, "null") == 0)
        *nowhere = 1;
    if (strcmp(how, "divide") == 0)
        return 1000 / zero;
    pthread_create(&t, NULL, other_thread, (void *)how);
    if (strcmp(how, "last-thread") == 0)
        pthread_exit(NULL);
    pthread_join(t, NULL);
    return 1;
}
END
cat > ends/boot.lua << 'END'
local L4 = require("L4")
for _, how in ipairs { "return", "exit", "_exit", "abort", "kill", "quit", "null", "divide", "thread-exit",
                       "thread-null", "last-thread" } do
    local p = L4.default_loader:start({ log = { how } }, "rom/end " .. how)
    print("end by " .. how .. ": " .. p:wait())
end
END
run "$labe" run --batch --timeout 60 ends
is 7 "the status is the first program's that was not 0"
says "end by return: 7" "return from main"
says "unfinished line of return;" "text without a line end is not lost"
says "end by exit: 42" "exit"
says "at exit" "runs what was registered for it"
says "end by _exit: 3" "_exit"
silent_about "unfinished line of _exit" "does not flush"
says "end by abort: 134" "abort: 128 + 6"
says "fatal signal 6" "is named"
says "end by kill: 137" "SIGKILL: 128 + 9"
says "end by quit: 131" "SIGQUIT: 128 + 3"
says "end by null: 139" "a write to address 0: 128 + 11"
says "write at address 0" "says what and where"
says "end by divide: 136" "a division by 0: 128 + 8"
says "end by thread-exit: 9" "exit in a thread ends all of them"
says "end by thread-null: 139" "so does a fault in one"
says "read at address 0" "which is named, too"
says "end by last-thread: 0" "main may leave; the last thread ends the program"
tap_done
