#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Scripts and programs that are wrong: every one is told what and where, and the rest keeps running. Two boots: errors
# that a script can catch, and errors that end it.

. "$(dirname "$0")/../tap.sh"
cd "$tmp"
bin=${LABE_BUILD:-$root/build}/x86_64/rom
[ -n "${LABE_BUILT:-}" ] || make -s -C "$root" B="${LABE_BUILD:-build}" all > make.out 2>&1 ||
    { cat make.out; echo "Bail out! not built"; exit 1; }

patch() { printf "$2" | dd of="$1" bs=1 seek="$3" conv=notrunc 2> /dev/null; }
echo 'int main;' > text
head -c 40 "$bin/hello" > short
head -c 5000 "$bin/hello" > cut
cp "$bin/hello" machine && patch machine '\267\000' 18
cp "$bin/hello" class && patch class '\001' 4
: > empty
mkdir programs
cat > programs/null.c << 'END'
int main(void)
{
    return *(volatile int *)0;
}
END
cat > programs/eat.c << 'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void)
{
    unsigned long n = 0;
    char *p;
    while ((p = malloc(65536)) != NULL) {
        memset(p, 1, 65536);
        n++;
    }
    printf("malloc gave %s, then nothing\n", n > 0 ? "some" : "none");
    return 12;
}
END
cat > programs/touch.c << 'END'
static volatile char much[64 << 20];
int main(void)
{
    for (unsigned long i = 0; i < sizeof much; i += 4096)
        much[i] = 1;
    return 0;
}
END
cat > programs/objects.c << 'END'
#include <l4/re/c/util/cap_alloc.h>
#include <l4/re/env.h>
#include <l4/sys/factory.h>
#include <stdio.h>
static l4_cap_idx_t made[3000];
int main(void)
{
    int n = 0;
    long r = 0;
    printf("making semaphores\n");
    for (; n < 3000; n++) {
        made[n] = l4re_util_cap_alloc();
        if ((r = l4_error(l4_factory_create(l4re_env()->factory, L4_PROTO_SEMAPHORE, made[n]))) < 0)
            break;
    }
    for (int i = 0; i < n; i++)
        l4re_util_cap_free_um(made[i]);
    printf("after %s semaphores: %ld\n", n > 10 ? "some" : "no", r);
    return 13;
}
END
cat > programs/boot.lua << 'END'
local L4 = require("L4")
local ld = L4.default_loader
local E = L4.Env
local function try(name, f, ...)
  local ok, e = pcall(f, ...)
  print(name .. ": " .. (ok and "no error" or tostring(e)))
end
local function run(tag, env, command)
  env.log = { tag, "r" }
  print(tag .. " ended with " .. tostring(ld:start(env, command):wait()))
end

-- programs
run("missing", {}, "rom/nothere")
run("nowhere", {}, "nowhere/x")
run("text", {}, "rom/text")
run("short", {}, "rom/short")
run("cut", {}, "rom/cut")
run("empty", {}, "rom/empty")
run("machine", {}, "rom/machine")
run("class", {}, "rom/class")
run("null", {}, "rom/null")
run("afterwards", {}, "rom/hello")

-- quota
local function small(bytes) return E.mem_alloc:create(L4.Proto.Factory, bytes):m("rws") end
run("eat", { mem = small(1 << 20) }, "rom/eat")
run("touch", { mem = small(1 << 20) }, "rom/touch")
run("objects", { factory = E.factory:create(L4.Proto.Factory, 200000):m("rws") }, "rom/objects")
try("tiny memory", ld.start, ld, { mem = small(8192) }, "rom/hello")
try("tiny factory", ld.start, ld, { factory = E.factory:create(L4.Proto.Factory, 8192):m("rws") }, "rom/hello")
-- Whatever the quota: an error here, or a program that ends.
local ended = 0
for q = 8192, 163840, 8192 do
  for _, env in ipairs{ { mem = small(q) }, { factory = E.factory:create(L4.Proto.Factory, q):m("rws") } } do
    env.log = { "quota", "m" }
    local ok, p = pcall(ld.start, ld, env, "rom/null")
    if not ok or p:wait() ~= 0 then ended = ended + 1 end
  end
end
print("with any quota " .. ended .. " ended")
try("greedy", function() return small(1 << 20):create(L4.Proto.Factory, 2 << 20) end)
local ok, e = pcall(E.mem_alloc.create, E.mem_alloc, 0x7777)
print("a factory's error is a " .. type(e) .. " with code " .. tostring(e.code))

-- capabilities and types
try("unknown capability", function() return ld:start({ caps = { x = L4.Env.nothere:m("r") } }, "rom/hello") end)
try("unknown method", function() return E.rom:nothere() end)
try("wrong object", function() return E.rom:create(0) end)
try("a number as capability", ld.start, ld, { factory = 5 }, "rom/hello")
try("a string as log", ld.start, ld, { log = "tag" }, "rom/hello")
try("caps is no table", ld.start, ld, { caps = "x" }, "rom/hello")
try("no table", ld.start, ld, "rom/hello", "rom/hello")
try("no command", ld.start, ld, {})
try("a dot for a colon", ld.start, {}, "rom/hello")
try("rights", function() return E.rom:m({}) end)
try("protocol", function() return E.mem_alloc:create("Dataspace") end)
try("path", ld.create_namespace, ld, { a = "rom/nothere" })
try("field", function() E.rom.x = 1 end)
try("no in-task service", ld.start, ld, { l4re_loader = "rom/nothere" }, "rom/hello")
try("the in-task service is no program", ld.start, ld, { l4re_loader = "rom/text" }, "rom/hello")
try("CPU set", L4.Cpu_set.new, L4.Cpu_set, "3-1")
try("second handler", function()
  local p = ld:start({ log = { "two", "r" } }, "rom/hello")
  p:exit_handler(print)
  p:exit_handler(print)
end)

local p = ld:start({ log = { "handler", "r" } }, "rom/hello")
p:exit_handler(function() error("in the handler") end)
local q = ld:start({ log = { "last", "r" } }, "rom/hello")
q:exit_handler(function() print("the other handler runs") end)
END
for f in text short cut machine class empty; do set -- "$@" --file "$tmp/$f"; done
run "$labe" run --batch --timeout 100 "$@" programs
is 70 "the status is that of the first program that failed"
says "cannot start 'rom/nothere': no such file" "a program that is not there"
says "missing ended with 70" "ends with 70"
says "cannot start 'nowhere/x': no such file" "a directory that is not there"
says "cannot start 'rom/text': not an ELF file" "a text file as program"
says "text ended with 70" "ends with 70"
says "cannot start 'rom/short': truncated: the headers end at" "less than the headers"
says "cannot start 'rom/cut': truncated: segment" "a file cut inside a segment"
says "cannot start 'rom/empty': the file is empty" "an empty file"
says "cannot start 'rom/machine': wrong architecture: machine number 183" "a program for another machine"
says "cannot start 'rom/class': wrong ELF class" "a program for 32 bits"
says "class ended with 70" "ends with 70"
says "rom/null: fatal signal 11 (memory access): read at address 0x0, instruction pointer 0x" "an access to address 0"
says "nothing is attached there" "says why"
says "null ended with 139" "ends with 139"
says "afterwards ended with 0" "the next program runs"

says "rom/eat: fatal signal 11 (memory access): write at address 0x" "malloc beyond the quota"
says "eat ended with 139" "ends with 139"
says "rom/touch: fatal signal 11 (memory access): write at address 0x" "memory that the quota does not give"
says "no memory was supplied there: the quota is used up" "says why"
says "touch ended with 139" "ends with 139"
says "after some semaphores: -12" "kernel objects end at the quota"
says "objects ended with 13" "and the program goes on"
says "tiny memory: rom/boot.lua:" "too little memory to start: the script's line"
says "the quota of its memory allocator is too small: at least 81920 bytes must be left" "says why"
says "tiny factory: rom/boot.lua:" "too little kernel memory to start: the script's line"
says "the quota of its kernel factory is too small" "says why"
says "with any quota 40 ended" "no quota leaves a program hanging"
says "greedy: rom/boot.lua:" "more than the parent has: the script's line"
says "a factory's error is a table with code -19" "errors of factories can be looked at"

says "unknown capability: rom/boot.lua:" "an unknown capability: the script's line"
says "field 'nothere'" "and its name"
says "unknown method: rom/boot.lua:" "an unknown method: the script's line"
says "wrong object: rom/boot.lua:" "a method of another class: the script's line"
says "field 'factory': capability expected, got number" "a number for a capability"
says "field 'log': table { tag, colour } or capability expected, got string" "a string for a log"
says "field 'caps': table of names and capabilities expected, got string" "a string for caps"
says "start: table of settings expected as first argument, got string" "no table of settings"
says "no command: rom/boot.lua:" "no command: the script's line"
says "a dot for a colon: rom/boot.lua:" "a dot for a colon"
says "rights: string of letters rwsdnc or integer expected, got table" "rights of a wrong type"
says "create: protocol number expected (see L4.Proto), got string" "a name for a protocol"
says "'rom/nothere': no such capability or name" "a path that leads nowhere"
says "a capability has no field 'x' to set" "fields of capabilities"
says "could not create process: rom/nothere: " "no in-task service"
says "could not create process: rom/text: not an ELF file" "the in-task service is no program"
says "CPU set: number or range" "a range that ends before it begins"
says "this process has an exit handler already" "two exit handlers"
says "lua error: exit handler: rom/boot.lua:" "an error in an exit handler"
says "the other handler runs" "the others are called all the same"

script() { # script NAME TEXT...
    printf '%s\n' "$@" > script.lua
    run "$labe" run --batch --timeout 60 script.lua
}
script 'local L4 = require("L4")' 'L4.default_loader:start({ log = { "on", "g" } }, "rom/hello")' 'error("on purpose")'
is 1 "a script that fails: status 1"
says "lua error: rom/script.lua:3: on purpose" "file and line"
says "Hello World!" "what it started before goes on"
script 'print("never")' 'local x = = 1'
is 1 "a syntax error: status 1"
says "lua error: rom/script.lua:2: unexpected symbol near '='" "file, line and what"
silent_about "never" "nothing of the script runs"
script 'require("L4").Env.factory:create(0x7777)'
says "lua error: rom/script.lua:1: create: " "a factory's error that nobody catches, in words"
tap_done
