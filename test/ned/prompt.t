#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A person at ned's prompt: keys go in through the serial line, what comes back is read like a person reads it.

. "$(dirname "$0")/../tap.sh"
. "$root/test/person.sh"
cd "$tmp"

echo 'require("L4").prompt()' > keys.lua
start keys.lua
comes 'L4> ' "the prompt comes"
type_in '6 * 7\r'
comes '42' "an expression is shown"
type_in 'L4.default_loader:start({}, "rom/hello")\r'
comes 'hello   | Hello World!' "the line of the lectures starts a program"
comes 'process 0x' "and shows the process"
type_in 'L4.default_loader:start({ log = { "tab", "r" } },\t"rom/hello")\r'
comes 'tab     | Hello World!' "with a tab in it, too"
type_in 'x = 5\r'
type_in 'x + 1000\r'
comes '1005' "variables stay"
type_in 'for i = 1, 2 do\r'
comes '..> ' "an unfinished line is continued"
type_in 'print("turn " .. i)\r'
type_in 'end\r'
comes 'turn 2' "and runs when it is complete"
type_in 'y = = 1\r'
comes "lua error: prompt:1: unexpected symbol near '='" "a syntax error is shown"
type_in 'error("by hand")\r'
comes 'lua error: prompt:1: by hand' "a runtime error is shown"
type_in 'L4.Env.mem_alloc:create(0x7777)\r'
comes 'create: no such device' "a factory's error is shown in words"
type_in '10 +\177\177\177\1772000 + 5\r'
comes '2005' "backspace"
type_in 'garbage\0253000 + 5\r'
comes '3005' "Ctrl-U"
type_in '000 + 5\0014\r'
comes '4005' "Ctrl-A and inserting"
type_in '5000 + 4\r'
comes '5004' "a line"
type_in '\033[A'
sleep 1
type_in '1\r'
comes '5041' "comes back with arrow up and can be changed"
type_in 'L4.default_lo'
sleep 1
type_in '\t'
comes 'L4> L4.default_loader' "Tab completes names"
type_in '\025"rom/hel'
sleep 1
type_in '\t'
comes 'L4> "rom/hello' "and files"
type_in '\025late = L4.default_loader:start({ log = { "late", "r" } }, "rom/hello")\r'
type_in 'late:exit_handler(function(c) print("ended:", c + 7000) end)\r'
comes '7000' "exit handlers run while the prompt waits"
type_in 'unfinished(\r'
type_in '\r'
type_in '6000 + 6\r'
comes '6006' "an empty line gives an unfinished one up"
for word in one two three; do
    type_in 'print("got " .. io.read())\r'
    comes 'print("got " .. io.read())' "a command reads from the console"
    sleep 1
    type_in "$word\r"
    comes "got $word" "and gets line $word"
done
type_in 'print("good " .. "bye")\r'
ended

cat > commands.lua << 'END'
local L4 = require("L4")
local cmd = L4.default_loader:new_channel()
L4.default_loader:startv({ caps = { svr = cmd }, log = L4.Env.log }, "rom/ned-prompt", "command: ")
L4.server_loop(cmd)
END
start commands.lua
comes 'command: ' "the prompt as a program comes"
type_in 'return 7 * 8\r'
comes '56' "the answer of a command is shown"
type_in 'return nill\177\r'
type_in 'return "after " .. tostring(nil)\r'
comes 'after nil' "nil is not shown"
type_in 'x = = 1\r'
comes "lua error: command:1: unexpected symbol near '='" "ned says what is wrong with a command"
type_in 'require("L4").default_loader:start({}, "rom/hello")\r'
comes 'hello   | Hello World!' "commands start programs"
type_in 'print("good " .. "bye")\r'
ended
tap_done
