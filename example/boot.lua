-- SPDX-License-Identifier: MIT
-- What ./labe run starts when it is not told otherwise: the lectures' programs. The Lua prompt follows.
local L4 = require("L4")
local loader = L4.default_loader

local hello = loader:start({ log = { "hello", "yellow" } }, "rom/hello")

local calc_server = loader:new_channel()
loader:start({ caps = { calc_server = calc_server:svr() }, log = { "server", "blue" } }, "rom/clntsrv-server")
local client = loader:start({ caps = { calc_server = calc_server }, log = { "client", "green" } }, "rom/clntsrv-client")

local fib = loader:new_channel()
loader:start({ caps = { fib = fib:svr() }, log = { "fib-srv", "magenta" } }, "rom/fibonacci-server")
local numbers = loader:start({ caps = { fib = fib }, log = { "fib", "cyan" } }, "rom/fibonacci-client")

for _, program in ipairs { client, numbers, hello } do
    program:wait()
end
