#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Module L4 from a script's side: capabilities, factories, name spaces, processes, CPU sets. The script itself
# speaks TAP.

. "$(dirname "$0")/../tap.sh"
cd "$tmp"

mkdir module
cat > module/look.c << 'END'
/* What a program finds: look args|env|caps|has NAME|rights NAME|forever|exit N */
#include <l4/re/env.h>
#include <l4/sys/task.h>
#include <l4/re/consts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *name = argc > 2 ? argv[2] : "";
    int n = 0;
    if (strcmp(what, "args") == 0)
        return argc == 5 && strcmp(argv[2], "two words") == 0 && argv[3][0] == 0 && strcmp(argv[4], "7") == 0;
    if (strcmp(what, "env") == 0)
        return strcmp(getenv("A") ? getenv("A") : "", "1") == 0 && strcmp(getenv("B") ? getenv("B") : "", "x y") == 0;
    if (strcmp(what, "caps") == 0) {
        for (l4re_env_cap_entry_t *c = l4re_env()->caps; c->flags != ~0ul; c++)
            n++;
        return n;
    }
    if (strcmp(what, "has") == 0)
        return l4_msgtag_label(l4_task_cap_valid(L4RE_THIS_TASK_CAP, l4re_env_get_cap(name))) > 0;
    if (strcmp(what, "forever") == 0)
        sleep(1000000);
    return atoi(name);
}
END
cat > module/other.lua << 'END'
return { answer = 42, name = ... }
END
cat > module/boot.lua << 'END'
local n = 0
local function result(good, name, what)
  n = n + 1
  print((good and "ok " or "not ok ") .. n .. " - " .. name)
  if not good and what then print("# " .. what) end
end
local function is(got, want, name)
  result(got == want, name, "got " .. tostring(got) .. ", expected " .. tostring(want))
end
local function fails(f, pattern, name)
  local good, e = pcall(f)
  local text = type(e) == "table" and e.msg or tostring(e)
  result(not good and text:find(pattern) ~= nil, name, good and "no error" or text)
  return e
end

is(rawget(_G, "L4"), nil, "no global is made")
is(L4.Proto.Dataspace, 0x4000, "but the name L4 works without require")
local L4 = require("L4")
is(require("L4"), L4, "require gives one module")
is(arg[0], "rom/boot.lua", "arg[0] is the script")
is(require("other").answer, 42, "other files of rom can be required")
is(io.open("rom/other.lua"):read("l"):sub(1, 6), "return", "and read")
local ld, E, f = L4.default_loader, L4.Env, L4.Env.mem_alloc

-- capability values
local c = f:create(L4.Proto.Namespace)
is(c:m(), 4, "what is created carries the right r")
for mode, bits in pairs{ r = 4, rw = 5, rs = 6, rws = 7, rwsd = 15, W = 5, [""] = 4, rwsn = 7 } do
  is(c:m(mode):m(), bits, "rights '" .. mode .. "'")
end
is(c:m(0):m(), 4, "r is always there")
is(c:m(255):m(), 15, "rights by number")
is(c:m(), 4, "the original keeps its rights")
is(c:svr():m(), 15, "svr: everything")
is(c:is_valid(), true, "is_valid")
is(E.user_factory, f, "two names of one capability are one value")
result(c ~= c:m("rw"), "other rights make another value")
is(c.nothing, nil, "a field that is none")
fails(function() return c:nothing() end, "nothing", "a method that is none")
result(tostring(c):find("^L4::Cap<N4L4Re9NamespaceE>%[%x+%] r=4 f=0$"), "a capability as text", tostring(c))

-- factories
local empty = fails(function() f:create(L4.Proto.Dataspace, 0) end, "^rom/boot.lua:%d+: ", "errors name the line")
is(empty.code, -34, "and has the number")
is(fails(function() f:create(L4.Proto.Factory, -1) end, "create", "a quota below nothing").code, -22, "is not valid")
is(pcall(f.create, f, L4.Proto.Dataspace, "4096"), true, "strings that look like numbers are numbers")
is(pcall(f.create, f, L4.Proto.Dataspace, 4096.0), true, "floats without a fraction, too")
is(pcall(f.create, f, L4.Proto.Dataspace, "much"), false, "other strings are not")
is(pcall(E.factory.create, E.factory, L4.Proto.Semaphore), true, "the kernel's factory")
collectgarbage("incremental", 100, 100, 4) -- as often as can be: capabilities that go must not disturb a request
local made = 0
for i = 1, 8000 do made = made + (pcall(f.create, f, L4.Proto.Log, "t", i + 0.5) and 1 or 0) end
is(made, 8000, "numbers with a fraction as text, while garbage is collected")
collectgarbage("incremental", 200, 100, 13)
fails(function() f:create() end, "protocol number expected", "no protocol")

-- classes
is(L4.cast(L4.Proto.Factory, c) ~= nil, true, "cast by number")
is(L4.cast("L4Re::Namespace", c) ~= nil, true, "cast by name")
is(L4.cast("No::Such", c), nil, "cast to nothing known")
is(type(L4.get_cap_class("L4::Factory")), "table", "methods of a class")
is(L4.get_cap_class("L4Re::Dataspace"), nil, "a class without methods")

-- name spaces
local ns = ld:create_namespace({ f = f:m("r"), dir = { g = f, file = "rom/other.lua",
  late = function() return c end } })
result(ns:query("f")(), "an entry")
result(ns:query("dir/g")(), "an entry of a table")
result(ns:query("dir/file")(), "an entry by path")
result(ns:query("dir/late")(), "an entry by function")
is(ns:query("none")(), nil, "no entry")
ns:register("new", c)
result(ns:query("new")(), "registered")
ns:__register("new", nil)
is(ns:query("new")(), nil, "unlinked")
fails(function() ns:register("a/b", c) end, "register 'a/b'", "no name")
fails(function() ld:create_namespace({ a = 5 }) end, "capability expected, got number", "no entry either")

-- programs
local function look(env, ...)
  env.log = env.log or { "look", "w" }
  return ld:startv(env, "rom/look", ...):wait()
end
is(look({}, "args", "two words", "", 7), 1, "arguments arrive as they are")
is(ld:start({}, "rom/look  exit   9 "):wait(), 9, "a command is split at white space")
is(look({}, "env", { A = 1, B = "x y" }), 1, "the environment arrives")
is(ld:start({}, "rom/look env", { A = "1", B = "x y" }):wait(), 1, "also with a command")
is(look({}, "caps"), 1, "rom is given without asking")
is(look({ caps = { a = c, b = ns } }, "caps"), 3, "beside what is asked for")
is(look({ caps = { a = c } }, "has", "a"), 1, "a capability arrives")
is(look({ caps = { a = function() return c end } }, "has", "a"), 1, "from a function, too")
is(look({ caps = { a = { x = c } } }, "has", "a"), 1, "and from a table")
is(look({ caps = { ["sixteen-letters1"] = c } }, "has", "sixteen-letters1"), 1, "sixteen letters are a name")
is(look({ caps = { ["seventeen-letters"] = c } }, "has", "seventeen-letter"), 1, "of seventeen sixteen remain")
is(look({ caps = { ["seventeen-letters"] = c } }, "has", "seventeen-letters"), 1, "and are found by all seventeen")
is(ld:startv({ caps = { ["seventeen-letters"] = E.rom } }, "seventeen-letters/look", "exit", "9"):wait(), 9,
  "also as the beginning of a program's path")
is(look({ caps = { a = 5, b = "x", c = true } }, "caps"), 1, "what is no capability is left out")
is(look({ log = E.log }, "exit", "3"), 3, "a capability as log")
is(look({ scheduler = ld:create_sched_proxy({ prio_offset = 5 }) }, "exit", "4"), 4, "a scheduler proxy")
is(look({ ldr_flags = L4.Ldr_flags.eager_map }, "exit", "5"), 5, "eager mapping")
local copied = L4.Ldr_flags.all_segs_cow | L4.Ldr_flags.pinned_segs
is(look({ ldr_flags = copied }, "exit", "6"), 6, "copied and pinned segments")
local own = L4.Loader.new({ mem = f:create(L4.Proto.Factory, 1 << 20):m("rws") })
is(own:start({}, "rom/look exit 8"):wait(), 8, "a loader of one's own")
local env = { caps = {} }
ld:startv(env, "rom/look")
is(getmetatable(env), L4.App_env, "the table of settings is completed in place")
result(env.caps.rom and env.loader == ld, "with rom and the loader")

-- processes
local p = ld:start({}, "rom/look forever")
is(p:state(), "running", "a process runs")
is(p:exit_code(), nil, "and has no status")
local told
p:exit_handler(function(code) told = tostring(code) end)
fails(function() p:exit_handler(print) end, "already", "one handler only")
is(p:kill(), "killed", "it is killed")
is(told, "nil", "its handler is told")
is(p:state(), nil, "then it is gone")
is(p:kill(), nil, "and cannot be killed again")
is(p:wait(), nil, "nor waited for")
p = ld:start({}, "rom/look exit 11")
local status
p:exit_handler(function(code) status = code end)
is(p:wait(), 11, "wait gives the status")
is(status, 11, "after the handler had it")
local q = ld:start({}, "rom/look exit 0")
result(p == p and p ~= q and (p < q or q < p) and p <= p, "processes can be compared")
fails(function() p:exit_handler(5) end, "function expected", "a handler is a function")
q:wait()

-- CPU sets
local S = L4.Cpu_set
is(tostring(S:new()), "{ all }", "all CPUs")
is(tostring(S:new({})), "{}", "none")
is(tostring(S:new("1-3"):add(7)), "{1, 2, 3, 7}", "a range and one more")
is(tostring(S:new("0-3") & S:new({ 2, 3, 4 })), "{2, 3}", "intersection")
is(tostring(S:new(1) | S:new(5)), "{1, 5}", "union")
is(S:new({ 0, 1, 64 }):factory_args(), 3, "mask words")
is(select("#", S:new():factory_args()), 0, "all needs no mask")
fails(function() S:new("x") end, "CPU set", "no range")

is(L4.Info.arch(), "amd64", "the architecture")
result(#L4.Info.Kip.str() > 0 and L4.Info.mword_bits() == 64, "the kernel says what it is")
is(pcall(L4.sleep), true, "no time to sleep")

-- afterwards: handlers run when the script has ended
local late = ld:start({}, "rom/look exit 0")
is(late:state(), "running", "while the script runs nothing is noticed")
late:exit_handler(function(code)
  is(code, 0, "after the script handlers are called")
  is(late:state(), "zombie", "and find a zombie")
  is(late:wait(), 0, "that can be waited for")
  print("1.." .. n)
end)
END
run "$labe" run --batch --timeout 90 module
tr -d '\r' < out | sed 's/\x1b\[[0-9;]*m//g' |
    grep -E '^(ok |not ok |1\.\.|# |lua error)' | sed 's/^lua error/# lua error/'
