-- SPDX-License-Identifier: MIT
-- What ./labe run starts when nobody asked for --batch: the script in the first argument, then the Lua prompt.
local L4 = require("L4")

arg = { [0] = arg[1] }
local good, problem = pcall(dofile, arg[0])
if not good then
  io.stderr:write("lua error: ", tostring(type(problem) == "table" and problem.msg or problem), "\n")
end
L4.prompt()
