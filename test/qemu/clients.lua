-- SPDX-License-Identifier: MIT
local L4 = require("L4")

L4.default_loader:start({ log = { "clients", "y" }, caps = { dma_mgr = L4.Env.dma_mgr } }, "rom/clients")
