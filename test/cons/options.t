#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The multiplexer's command line: what each option does to what is shown, and what is said of wrong ones.

. "$(dirname "$0")/../tap.sh"
cd "$tmp"
mkdir o
cat > o/say.c << 'END'
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    (void)argc;
    printf("one ");
    fflush(stdout);
    usleep(300000);
    printf("line of %s\n", argv[1]);
}
END

# start OPTIONS [LUA FIELDS]: a multiplexer with these options and a client with these fields.
start() {
    cat > o/boot.lua << END
local L4 = require("L4")
local loader = L4.default_loader
local cons, other = loader:new_channel(), loader:new_channel()
local server = loader:start({ caps = { cons = cons:svr(), other = other:svr(), term = L4.Env.log }, log = L4.Env.log },
                            "rom/cons $1")
loader.log_fab = L4.cast("L4::Factory", ${3:-cons})
loader:start({ log = { "client", "r"$2 } }, "rom/say client"):wait()
L4.msleep(100)
server:kill()
END
    run "$labe" run --batch --timeout 60 o
    sed 's/\r//; s/\x1b\[[0-9;]*m/~/g' out > coloured
    sed 's/~//g' coloured > out
}

# wrong OPTIONS TEXT
wrong() {
    cat > o/boot.lua << END
local L4 = require("L4")
local cons = L4.default_loader:new_channel()
L4.default_loader:start({ caps = { cons = cons:svr() }, log = L4.Env.log }, "rom/cons $1")
END
    run "$labe" run --batch --timeout 60 o
    is 1 "cons $1: ends"
    says "$2" "cons $1: says why"
}

start '-a'
says 'client  | one line of client' "-a: all clients are shown"
ok "an unfinished line is shown after a moment" grep -qF 'client  | one ~~line of client~' coloured
start ''
silent_about 'one line of client' "without -a a client is hidden"
says 'cons    | new client: client (key 1)' "but announced"
start '' ', "show"'
says 'client  | one line of client' "option show"
start '-a' ', "hide"'
silent_about 'one line of client' "option hide"
start '-a --line-buffering-ms 1000'
ok "an unfinished line waits so long" grep -qF 'client  | one line of client~' coloured
start '-a -l'
ok "-l: it does not wait" grep -qF 'client  | one ~~line of client~' coloured
start '-a' ', "bufsz=64", "no-line-buffering", "key=z", "nonsense"'
says 'new client: client (key z)' "other options; unknown ones do no harm"
start '-c client -n desk'
says 'one line of client' "the client of -c is shown"
says 'desk    | new client: client' "-n names the multiplexer"
start '-a -t'
ok "-t puts the time in front" grep -q 'client  | \[ *[0-9]*\.[0-9][0-9][0-9]\] one' out
start '-a -t' ', "no-timestamp"'
says 'client  | one' "option no-timestamp"
start '-m other -f term -a' '' other
says 'client  | one' "-m: another multiplexer with its own channel and terminal"
says 'other   | new client: client' "and its own name"

wrong '-x' 'x'
wrong '-B 12' "-B: a number from 64 to 1048576, not '12'"
wrong '-B many' "not 'many'"
wrong '-B' 'B'
wrong '--line-buffering-ms -1' "not '-1'"
wrong '-f nothing' "there is no capability 'nothing' for a terminal"
wrong '-V net' "there are no virtio terminals"
wrong '-m second' "the multiplexer 'second' has no terminal"
wrong 'word' "'word' is no option"
tap_done
