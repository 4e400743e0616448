-- SPDX-License-Identifier: MIT
-- The shortest script there is: start a program. The table may give it capabilities, a log, quotas ...
require("L4")

L4.default_loader:start({ log = { "hello", "yellow" } }, "rom/hello 2")
