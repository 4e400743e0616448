-- SPDX-License-Identifier: MIT
-- Arguments, an environment, and a second console for the program.
local L4 = require("L4")

local console = L4.Env.mem_alloc:create(L4.Proto.Log, "console", "c"):m("rw")

L4.default_loader:start({ log = { "libc", "y" }, caps = { console = console } },
  "rom/libc first  second", { COLOUR = "blue" })
