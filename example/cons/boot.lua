-- SPDX-License-Identifier: MIT
-- Everybody at one terminal, with input; Lua itself is a client, too. labe-run: --until Tomorrow
local L4 = require("L4")
local loader = L4.default_loader

local cons = loader:new_channel()
loader:start({ caps = { cons = cons:svr() }, log = L4.Env.log }, "rom/cons -a -c lua")
loader.log_fab = cons

local prompt = loader:new_channel()
loader:startv({ log = { "lua", "white", "key=l" }, caps = { svr = prompt } }, "rom/ned-prompt", "> ")
loader:start({ log = { "diary", "yellow", "key=d", "keep" } }, "rom/diary")
loader:start({ log = { "hello", "cyan", "key=h", "hide" } }, "rom/hello 3")

L4.server_loop(prompt)
