-- SPDX-License-Identifier: MIT
-- A multiplexer with little memory whose terminal is a log of its own: what it writes does not mix with the results.
local L4 = require("L4")
local loader = L4.default_loader
local cons = loader:new_channel()
local quota = L4.Env.mem_alloc:create(L4.Proto.Factory, 1 << 20):m("rws")

local server = loader:start({ caps = { cons = cons:svr() }, log = { "terminal", "n" }, mem = quota }, "rom/cons")
loader:start({ caps = { cons = cons:m("rws"), cons_no_s = cons:m("rw") }, log = { "cons", "y" } }, "rom/console"):wait()
server:kill()
