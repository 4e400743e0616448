-- SPDX-License-Identifier: MIT
-- The lectures' first script. Boot it with: ./labe run --list example/modules.list --entry script
require("L4")

L4.default_loader:start({}, "rom/hello")
