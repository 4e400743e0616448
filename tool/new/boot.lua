-- SPDX-License-Identifier: MIT
-- Who runs and who may talk to whom. Everything a program can reach is in its caps.
local L4 = require("L4")
local loader = L4.default_loader

-- A channel: the server gets the end that it may bind, the client the end that it may call.
local square = loader:new_channel()

loader:start({
    caps = { square = square:svr() },
    log = { "server", "blue" },
}, "rom/server")

loader:start({
    caps = { square = square },
    log = { "client", "green" },
}, "rom/client")
