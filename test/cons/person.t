#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A person at the multiplexer's terminal: keys go in through the serial line, to the client that is connected; Ctrl-]
# (\035) and what follows it is for the multiplexer.

. "$(dirname "$0")/../tap.sh"
. "$root/test/person.sh"
cd "$tmp"
mkdir people
cat > people/ask.c << 'END'
#include <l4/re/env.h>
#include <l4/sys/vcon.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    l4_vcon_attr_t attr = {0, 0, 0};
    char line[80];

    if (argc > 2) { /* with line editing */
        l4_vcon_get_attr(l4re_env()->log, &attr);
        attr.l_flags |= L4_VCON_ICANON;
        l4_vcon_set_attr(l4re_env()->log, &attr);
    }
    printf("%s asks: ", argv[1]);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "end\n") != 0) {
        printf("%s heard %zu: %s", argv[1], strlen(line), line);
        fflush(stdout);
    }
    printf("%s ends\n", argv[1]);
}
END
# Binds a gate of its own, which nobody serves, as the "interrupt" of its input, and tells when it is through.
cat > people/rude.c << 'END'
#include <l4/re/env.h>
#include <l4/sys/icu.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    long r = l4_error(l4_icu_bind(l4re_env()->log, 0, l4re_env_get_cap("gate")));

    printf("rude bind: %ld\n", r);
    for (;;)
        pause();
}
END
cat > people/boot.lua << 'END'
local L4 = require("L4")
local loader = L4.default_loader
local cons = loader:new_channel()
loader:start({ caps = { cons = cons:svr() }, log = L4.Env.log }, "rom/cons -n desk -c bob")
loader.log_fab = cons
local gate = loader:new_channel()
local alice = loader:start({ log = { "alice", "r", "key=a", "keep" } }, "rom/ask alice")
local bob = loader:start({ log = { "bob", "g", "show" } }, "rom/ask bob edit")
loader:start({ log = { "rude", "y", "show" }, caps = { gate = gate } }, "rom/rude")
loader:start({ log = { "hello", "y", "hide", "timestamp" } }, "rom/hello 1"):wait()
bob:wait()
bob = nil
collectgarbage() -- the script's own references to its session
collectgarbage()
alice:wait()
print("good " .. "bye")
END
start people
comes 'bob     | bob asks: ' "an unfinished line is shown after a moment"
comes 'new client: alice (key a)' "a client is announced with its key"
comes 'rude    | rude bind: 0' "a client binds what is no interrupt"
ok "a hidden client is not" sh -c '! grep -F "alice   |" out'
type_in 'hi\r'
comes 'bob heard 3: hi' "keys go to the client that -c names"
type_in 'helo\177lo\r'
comes 'bob heard 6: hello' "which has line editing"
type_in '\035a'
comes 'desk    | connected to alice' "Ctrl-] and a key connects"
comes 'alice asks: ' "and shows what a hidden client has written"
type_in 'one\r'
comes 'alice heard 4: one' "keys go to it"
type_in '\035\035\r'
comes 'alice heard 2: ' "Ctrl-] twice is Ctrl-] for the client"
type_in '\035?'
comes 'Ctrl-] and then: a client' "help"
type_in '\035='
comes 'a alice ' "the list has keys and names"
comes ', connected, shown, kept' "and states"
type_in '\035:connect rude\r'
comes 'connected to rude' "a command connects by name"
type_in 'keys for nobody\r'
type_in '\035.'
comes 'disconnected from rude' "a client that does not listen stops nobody"
type_in 'x\r'
comes 'nobody is connected; Ctrl-]' "keys without a client are not lost in silence"
type_in '\035:tial hello\r'
comes "unknown command 'tial'" "a wrong command is named"
type_in '\035:tail nobody\r'
comes "tail: there is no client 'nobody'" "so is a wrong client"
type_in '\035:tail\r'
comes "tail: which client?" "and a missing one"
type_in '\035:show heo\177llo\r'
comes '] Hello World!' "a command line can be corrected; lines have the time in front"
type_in '\035:abc\003'
comes '(given up)' "and given up"
type_in '\035:connect bob\r'
type_in 'end\r'
comes 'bob ends' "a client ends"
comes 'bob has ended' "which a person connected to it is told"
type_in '\035a'
type_in 'end\r'
comes 'alice ends' "the other ends, too"
ended
tap_done
