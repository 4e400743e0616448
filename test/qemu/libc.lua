-- SPDX-License-Identifier: MIT
-- Arguments and an environment for the program.
local L4 = require("L4")

L4.default_loader:start({ log = { "libc", "y" } }, "rom/libc first  second", { COLOUR = "blue" })
