#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe sim: builds the simulation (the kernel's own sources as a host process) and hands every option to it.

. "$(dirname "$0")/common.sh"
set_up
run_make sim || exit 1
exec "$host/sim" --save "$build/sim.history" "$@"
