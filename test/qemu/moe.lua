-- SPDX-License-Identifier: MIT
-- Memory in use before and after twenty programs, then the tests proper with both numbers.
local L4 = require("L4")
local loader = L4.default_loader

local function run(...)
    return loader:startv({ log = { "moe-test", "y" } }, "rom/moe", ...):wait()
end

local function used()
    collectgarbage() -- what this script no longer needs of earlier programs
    collectgarbage()
    return run("used")
end

for _ = 1, 20 do run("used") end -- the first programs leave things behind that stay (slots, tables, the heap here)
local before = used()
for _ = 1, 20 do run("used") end
local after = used()
loader:startv({ log = { "moe-test", "y" } }, "rom/moe", tostring(before), tostring(after))
