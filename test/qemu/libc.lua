-- SPDX-License-Identifier: MIT
-- Ends the program in seven ways, then starts it with the statuses that its parent learned.
local L4 = require("L4")
local status = {}

for i, how in ipairs { "return", "exit", "_exit", "abort", "kill", "null", "quit" } do
    status[i] = tostring(L4.default_loader:start({ log = { "libc", "y" } }, "rom/libc end " .. how):wait())
end
L4.default_loader:start({ log = { "libc", "y" } }, "rom/libc " .. table.concat(status, " "), { COLOUR = "blue" })
