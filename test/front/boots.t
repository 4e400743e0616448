#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe run itself: the default script, lists, exit statuses, time-outs, --until, files, and input that is wrong.
# Needs the whole system.

. "$(dirname "$0")/../tap.sh"
cd "$tmp"

run "$labe" run --batch --timeout 60
is 0 "the default script: status 0"
says "Hello World!" "the default script: hello"
says "Result of subtract call: 3" "the default script: the calculator"
says "fibonacci(10) = 55" "the default script: fibonacci"
run "$labe" run --mem 32 --batch --timeout 60
is 0 "the default script in 32 MiB"

run "$labe" run --list "$root/example/modules.list" --entry hello --until 'Hello World!' --timeout 60
is 0 "roottask moe --init=rom/hello"
run "$labe" run --list "$root/example/modules.list" --entry script --until 'Hello World!' --timeout 60
is 0 "roottask moe rom/hello.lua"
run "$labe" run --list "$root/example/modules.list" --entry none --timeout 60
is 1 "an entry that is not in the list: status 1"
says "none" "an entry that is not in the list: is named"
says "script" "an entry that is not in the list: the others are named"

run "$labe" run --until 'no such text' --timeout 5
is 124 "text that does not come: status 124"

echo 'while true do end' > loop.lua
run "$labe" run --batch --timeout 5 loop.lua
is 124 "a script that loops for ever: status 124"

printf 'local L4 = require("L4")\nlocal x = = 3\n' > syntax.lua
run "$labe" run --batch --timeout 60 syntax.lua
is 1 "a syntax error: status 1"
says "syntax.lua:2:" "a syntax error: file and line"

echo 'error("on purpose")' > runtime.lua
run "$labe" run --batch --timeout 60 runtime.lua
is 1 "a run-time error: status 1"
says "runtime.lua:1: on purpose" "a run-time error: file, line and text"

echo 'require("L4"); L4.default_loader:start({}, "rom/absent")' > absent.lua
run "$labe" run --batch --timeout 60 absent.lua
is 70 "a program that is not there: status 70"
says "absent" "a program that is not there: is named"

echo 'this is no ELF file' > text
echo 'require("L4"); L4.default_loader:start({}, "rom/text")' > noelf.lua
run "$labe" run --batch --timeout 60 --file text noelf.lua
is 70 "a program that is no ELF file: status 70"
says "text" "a program that is no ELF file: is named"

head -c 2000 "${LABE_BUILD:-$root/build}/x86_64/rom/hello" > cut
echo 'require("L4"); L4.default_loader:start({}, "rom/cut")' > cut.lua
run "$labe" run --batch --timeout 60 --file cut cut.lua
is 70 "a program that is cut off: status 70"
says "cut" "a program that is cut off: is named"

echo 'print("file says " .. io.open("rom/note.txt"):read("l"))' > file.lua
echo 'good morning' > note.txt
run "$labe" run --batch --timeout 60 --file note.txt file.lua
is 0 "--file: status 0"
says "file says good morning" "--file: the file is in rom/"
cp note.txt 'two words'
run "$labe" run --batch --file 'two words' file.lua
is 2 "--file: a name that rom/ cannot have: status 2"
mkdir other
cp note.txt other
run "$labe" run --batch --file note.txt --file other/note.txt file.lua
is 2 "--file: the same name twice: status 2"
says "two files with the name note.txt" "--file: the same name twice: is named"

run "$labe" run --batch --mem 8 --timeout 60
ok "too little memory: not 0" test "$status" != 0
says "not enough memory: needs at least" "too little memory: says how much is needed"

run "$labe" run --root note.txt --timeout 20
ok "a root task that is no ELF file: not 0" test "$status" != 0
says "note" "a root task that is no ELF file: is named"
tap_done
