-- SPDX-License-Identifier: MIT
-- Memory in use before and after forty programs, then the tests proper.
local L4 = require("L4")
local loader = L4.default_loader
local notes = L4.Env.mem_alloc:create(L4.Proto.Dataspace, 4096)

local function start(...)
    return loader:startv({ log = { "moe-test", "y" }, caps = { notes = notes:m("rw") } }, "rom/moe", ...)
end
local function used(n)
    collectgarbage() -- what this script no longer needs of earlier programs
    collectgarbage()
    start("used", n):wait()
end

-- The first programs leave things behind that stay: slots, tables, the heap here.
for _ = 1, 20 do used("7") end
used("0")
for _ = 1, 40 do used("7") end
used("1")
start()
