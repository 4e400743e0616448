-- SPDX-License-Identifier: MIT
-- A channel between two programs: one gets the end that receives, the other the end that sends.
local L4 = require("L4")
local fib = L4.default_loader:new_channel()

L4.default_loader:start({
    caps = { fib = fib:svr() },
    log = { "fib-srv", "blue" },
}, "rom/fibonacci-server")

L4.default_loader:start({
    caps = { fib = fib },
    log = { "fib", "cyan" },
}, "rom/fibonacci-client")
