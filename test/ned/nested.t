#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Ned as a program of Ned, with little memory: hundreds of programs come and go (well, killed, not to be loaded, not to
# be created at all), and neither memory nor kernel memory nor capability slots run out. Then the inner Ned is
# killed with all it has started.

. "$(dirname "$0")/../tap.sh"
cd "$tmp"

mkdir nested
cat > nested/quiet.c << 'END'
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char *p = malloc(100000);

    p[50000] = 1;
    if (argc > 2)
        sleep(1000);
    return argc > 1 && argv[1][0] != '0' ? p[50000] : 7;
}
END
cat > nested/inner.lua << 'END'
local L4 = require("L4")
local ld = L4.default_loader
local log = { "program", "r" }
local sum = 0
for i = 1, 150 do sum = sum + ld:start({ log = log }, "rom/quiet " .. i):wait() end
print("150 programs, sum " .. sum)
local killed = 0
for i = 1, 150 do if ld:start({ log = log }, "rom/quiet " .. i):kill() == "killed" then killed = killed + 1 end end
print("150 programs, killed " .. killed)
sum = 0
for i = 1, 50 do sum = sum + ld:start({ log = log }, "rom/inner.lua"):wait() end
print("50 that are none, sum " .. sum)
local failed = 0
for i = 1, 50 do
  if not pcall(ld.start, ld, { log = log, l4re_loader = "rom/inner.lua" }, "rom/quiet") then failed = failed + 1 end
end
print("50 without a service, failed " .. failed)
local channels = 0
for i = 1, 10000 do if ld:new_channel() then channels = channels + 1 end end
print("channels " .. channels)
for i = 1, 5 do ld:start({ log = log }, "rom/quiet 1 stay") end
print("five stay")
END
cat > nested/boot.lua << 'END'
local L4 = require("L4")
for i = 1, 2 do
  local p = L4.default_loader:start({
    mem = L4.Env.mem_alloc:create(L4.Proto.Factory, 2 << 20):m("rws"),
    factory = L4.Env.factory:create(L4.Proto.Factory, 1500000):m("rws"),
    log = { "inner", "c" },
  }, "rom/ned --exit rom/inner.lua")
  print("inner ned ended with " .. p:wait())
end
local p = L4.default_loader:start({ log = { "again", "g" } }, "rom/ned rom/inner.lua")
L4.msleep(1500)
print("inner ned is " .. p:kill())
END
run "$labe" run --batch --timeout 120 nested
is 1 "the status is the first that was not 0"
says "150 programs, sum 150" "programs that end"
says "150 programs, killed 150" "programs that are killed"
says "50 that are none, sum 3500" "files that are no programs"
says "50 without a service, failed 50" "processes that cannot be created"
says "channels 10000" "more channels than capability slots"
says "five stay" "programs that outlive their ned"
says "inner ned ended with 1" "the inner ned tells its status: the first that was not 0"
says "inner ned is killed" "a ned is killed with all its programs"
tap_done
