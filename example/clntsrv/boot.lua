-- SPDX-License-Identifier: MIT
-- The client starts first and waits; the server may bind the channel because it gets the server's end of it.
local L4 = require("L4")
local calc_server = L4.default_loader:new_channel()

L4.default_loader:start({
    caps = { calc_server = calc_server },
    log = { "client", "green" },
}, "rom/clntsrv-client")

L4.default_loader:start({
    caps = { calc_server = calc_server:svr() },
    log = { "server", "blue" },
}, "rom/clntsrv-server")
