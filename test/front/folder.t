#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A person's own folder: ./labe new makes one that runs, ./labe run builds it, and what does not compile or link is
# shown as gcc says it and nothing boots.

. "$(dirname "$0")/../tap.sh"
cd "$tmp"

run "$labe" new calc
is 0 "new: status 0"
says "run ./calc" "new: says how to run it"
for f in client.c server.c square.h boot.lua expect.txt README.md; do
    ok "new: makes $f" test -s "calc/$f"
done
ok "new: the folder's name is in its README" grep -q '^# calc$' calc/README.md
ok "new: nothing of ours is claimed in it" test -z "$(grep -rl 'SPDX\|@NAME@' calc)"
cp -R calc before
echo mine >> calc/client.c
run "$labe" new calc
is 2 "new: refuses a folder that exists"
says "'calc' exists already" "new: and says so"
ok "new: and leaves it alone" grep -q '^mine$' calc/client.c
for bad in 1x 'a b' .hidden 'a;b' "$(printf 'a\nb')"; do
    run "$labe" new "$bad"
    is 2 "new: '$bad' is no name"
done
run "$labe" new nowhere/calc
is 2 "new: the parent must exist"
says "no folder 'nowhere'" "new: and is named"

run "$labe" run --batch --timeout 60 before
is 0 "a new folder runs as it is"
says "3 squared is 9" "and prints what it should"
says "no more squares" "and its server ends"
ok "nothing was built in the folder" diff -r before calc -x client.c

run "$labe" run --batch --timeout 60 calc
is 1 "a folder that does not compile: status 1"
says "calc/client.c:" "gcc's file and line"
says "error:" "gcc's words"
says "nothing was started" "nothing boots"
silent_about "server" "nothing has booted"

mkdir -p shapes/deep shapes/data 'shapes/no-main'
cat > shapes/one.c << 'END'
#include <stdio.h>
int shared(void);
int main(int argc, char **argv) { printf("one %d %d %s\n", shared(), argc, argv[argc - 1]); return 0; }
END
echo 'int shared(void) { return 42; }' > shapes/helper.c
cat > shapes/deep/a.c << 'END'
#include "part.h"
#include <stdio.h>
int main(void) { printf("deep %d\n", part()); return 3; }
END
printf '#include "part.h"\nint part(void) { return 7; }\n' > shapes/deep/b.c
echo 'int part(void);' > shapes/deep/part.h
echo 'return { text = "from a module" }' > shapes/module.lua
cat > shapes/boot.lua << 'END'
local L4 = require("L4")
print(dofile("rom/module.lua").text)
L4.default_loader:start({ log = { "one", "r" } }, "rom/one last"):wait()
L4.default_loader:start({ log = { "deep", "g" } }, "rom/deep")
END
run "$labe" run --batch --timeout 60 shapes
is 3 "the exit status is the program's"
says "one 42 2 last" "a file with a main is a program; a file without is part of it"
says "deep 7" "a folder of C files is a program"
says "from a module" "Lua files are in rom/"

echo 'int nothing;' > shapes/no-main/x.c
run "$labe" run --batch --timeout 60 shapes
is 1 "a folder of C files without a main: status 1"
says "shapes/no-main: none of its C files has a main" "and is named"
rm -r shapes/no-main
echo 'int absent(void); int main(void) { return absent(); }' > shapes/two.c
run "$labe" run --batch --timeout 60 shapes
is 1 "a program that does not link: status 1"
says "undefined reference to" "and the linker's words"
rm shapes/two.c
echo 'int main(void) { return 0; }' > shapes/ned.c
run "$labe" run --batch --timeout 60 shapes
is 2 "a program with a name of the system: status 2"
says "the name ned belongs to the system" "and says so"
tap_done
