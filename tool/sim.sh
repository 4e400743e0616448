#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe sim --mutants [--quick | NAME...]: tool/mutants.sh.
# ./labe sim: builds the simulation (the kernel's own sources as a host process) and hands every option to it.

. "$(dirname "$0")/common.sh"
if [ "${1:-}" = --mutants ]; then
    shift
    exec "$root/tool/mutants.sh" "$@"
fi
set_up
run_make sim || exit 1
exec "$host/sim" --save "$build/sim.history" "$@"
